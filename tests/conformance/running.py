"""Run one case and compare every key that it expects."""

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
"""A key, its expected value and its actual value."""


def read(path: Path) -> tuple[dict[str, Callable[[Any], Any]], list[dict[str, Any]]]:
    """Return the kinds of a file's schema, and its cases.

    Raises:
        ValueError: it is not JSON, or has an unknown schema.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    schema = str(content.get("schema", "")).partition("/")[0] if isinstance(content, dict) else ""
    if schema not in _SCHEMAS:
        raise ValueError(f"{path}: the schema is {schema or 'missing'}; known are {', '.join(_SCHEMAS)}")
    return _SCHEMAS[schema], content["cases"]


def differences(kinds: dict[str, Callable[[Any], Any]], case: Any) -> list[Difference]:
    """Return the differences from what a case expects; an error in the case itself is a difference as well."""
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
    pairs = ((key, value, actual.get(key, _MISSING)) for key, value in expected.items())
    return [(key, value, result) for key, value, result in pairs if not is_equal(key, value, result)]


def is_equal(key: str, expected: Any, actual: Any) -> bool:
    """Return whether two values are equal; findings in any order, by their expected keys only."""
    if key == "findings" and isinstance(expected, list) and isinstance(actual, list):
        return _equal_findings(expected, actual)
    return _canonical(expected) == _canonical(actual)


def _equal_findings(expected: list[Any], actual: list[Any]) -> bool:
    remaining = list(actual)
    for finding in expected:
        match = next(
            (
                candidate
                for candidate in remaining
                if _canonical(_restricted_to(candidate, finding)) == _canonical(finding)
            ),
            None,
        )
        if match is None:
            return False
        remaining.remove(match)
    return not remaining


def _restricted_to(finding: Any, keys: Any) -> Any:
    """Return a finding with only some keys."""
    if not (isinstance(finding, dict) and isinstance(keys, dict)):
        return finding
    return {key: value for key, value in finding.items() if key in keys}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
