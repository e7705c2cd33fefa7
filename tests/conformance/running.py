"""Runs one case and compares every key that it expects."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conformance import alb, sg

HERE = Path(__file__).parent
FILES = (HERE / "alb_cases.json", HERE / "sg_cases.json")

_SCHEMAS = {"esaws-alb-conformance": alb.KINDS, "esaws-sg-conformance": sg.KINDS}
_MISSING = "(missing)"

Difference = tuple[str, Any, Any]
"""A key, what was expected of it, and what it was."""


def read(path: Path) -> tuple[dict[str, Callable[[Any], Any]], list[dict[str, Any]]]:
    """The kinds of a file's schema, and its cases.

    Raises:
        ValueError: it is no JSON, or of no schema that is known here.
    """
    told = json.loads(path.read_text(encoding="utf-8"))
    schema = str(told.get("schema", "")).partition("/")[0] if isinstance(told, dict) else ""
    if schema not in _SCHEMAS:
        raise ValueError(f"{path}: the schema is {schema or 'missing'}; known are {', '.join(_SCHEMAS)}")
    return _SCHEMAS[schema], told["cases"]


def differences(kinds: dict[str, Callable[[Any], Any]], case: Any) -> list[Difference]:
    """What is otherwise than a case expects; whatever is wrong with the case itself is a difference, too."""
    kind = case.get("kind") if isinstance(case, dict) else None
    if kind not in kinds:
        return [("kind", " or ".join(kinds), kind)]
    expected = case.get("expected")
    if not isinstance(expected, dict) or not expected:
        return [("expected", "an object with at least one key", expected)]
    try:
        actual = kinds[kind](case["input"])
    except Exception as error:
        return [("input", "an answer", f"{type(error).__name__}: {error}")]
    found = ((key, wanted, actual.get(key, _MISSING)) for key, wanted in expected.items())
    return [(key, wanted, got) for key, wanted, got in found if not same(key, wanted, got)]


def same(key: str, wanted: Any, got: Any) -> bool:
    """Are they equal? Findings are compared in any order, each by the keys that are expected of it."""
    if key == "findings" and isinstance(wanted, list) and isinstance(got, list):
        return _same_findings(wanted, got)
    return _canonical(wanted) == _canonical(got)


def _same_findings(wanted: list[Any], got: list[Any]) -> bool:
    left = list(got)
    for one in wanted:
        found = next((other for other in left if _canonical(_narrowed(other, one)) == _canonical(one)), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def _narrowed(finding: Any, to: Any) -> Any:
    """A finding without the keys that were not asked for."""
    if not (isinstance(finding, dict) and isinstance(to, dict)):
        return finding
    return {key: value for key, value in finding.items() if key in to}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
