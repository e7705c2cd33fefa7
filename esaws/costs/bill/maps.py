"""Parse maps from keys to values, such as tags, in the spellings of exports, databases and spreadsheets."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

_ATHENA = re.compile(r"\{(?:[^{}=,]+=[^{}=,]*(?:, (?=[^{}=,]+=)|(?=\})))*\}")
"""Athena and Trino print a map as {env=prod, team=a}. Values with separators in them are not certain."""


def parse_map(text: str) -> dict[str, str] | None:
    """The entries of a map that have a value, nested values as JSON; None if the text is not certainly a map.

    Accepts a JSON object, with or without its braces; a JSON list of objects with `key` and `value`; what Python prints
    for either; and what Athena prints, if no key or value has a separator in it. `None` and `null` are no entries.
    """
    if text.strip() in ("None", "null"):
        return {}
    parsed = _load(text)
    if parsed is None and text.lstrip().startswith('"'):
        parsed = _load(f"{{{text}}}")
    if isinstance(parsed, list):
        parsed = _from_pairs(parsed)
    if parsed is None and _ATHENA.fullmatch(text):
        return {key: value for key, value in (entry.split("=") for entry in text[1:-1].split(", ")) if value}
    if not isinstance(parsed, dict):
        return None
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in parsed.items()
        if value is not None
    }


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text.strip()) if "'" in text or "None" in text else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _from_pairs(items: list[Any]) -> dict[str, Any] | None:
    """DuckDB writes `key` and `value`, AWS's APIs `Key` and `Value`."""
    pairs = {}
    for item in items:
        lower = {name.lower(): value for name, value in item.items()} if isinstance(item, dict) else {}
        if {*lower} != {"key", "value"} or not isinstance(lower["key"], str):
            return None
        pairs[lower["key"]] = lower["value"]
    return pairs
