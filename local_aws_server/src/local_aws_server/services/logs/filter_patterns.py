"""Match log events against filter patterns: terms, JSON selectors, and fields that are separated by spaces.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from local_aws_server.services.logs.filter_conditions import (
    Condition,
    InvalidPattern,
    parse_conditions,
    read_selector,
)

_TERM = re.compile(r'([?-]?)("(?:[^"\\]|\\.)*"|%[^%]+%|[^\s"]+)\s*')
_FIELD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
_ELLIPSIS = "..."

Extracted = Mapping[str, str]
"""The values of an event by their selectors: `$.latency` of JSON, `$status` of separated fields."""


@dataclass(frozen=True)
class FilterPattern:
    """A parsed pattern."""

    match: Callable[[str], Extracted | None]
    """Returns the extracted values of an event that matches; None for any other."""
    value_of: Callable[[str, str], str | None] = lambda message, selector: None
    """Returns the value of a selector in an event."""


@lru_cache(maxsize=1024)
def parse_pattern(text: str) -> FilterPattern:
    """Parse a pattern. Raises InvalidPattern."""
    text = text.strip()
    if text.startswith("{"):
        return _json_pattern(text)
    if text.startswith("["):
        return _fields_pattern(text)
    return _terms_pattern(text)


# --- terms


def _terms_pattern(text: str) -> FilterPattern:
    required: list[Callable[[str], bool]] = []
    optional: list[Callable[[str], bool]] = []
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise InvalidPattern(text)
        position = found.end()
        contains = _containing(found[2])
        if found[1] == "?":
            optional.append(contains)
        elif found[1] == "-":
            required.append(_not(contains))
        else:
            required.append(contains)

    def match(message: str) -> Extracted | None:
        if not all(term(message) for term in required):
            return None
        return {} if required or not optional or any(term(message) for term in optional) else None

    return FilterPattern(match)


def _not(test: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda message: not test(message)


def _containing(term: str) -> Callable[[str], bool]:
    if len(term) > 2 and term.startswith("%") and term.endswith("%"):
        expression = _compile(term[1:-1])
        return lambda message: expression.search(message) is not None
    literal = term[1:-1].replace('\\"', '"') if term.startswith('"') else term
    return lambda message: literal in message


def _compile(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error:
        raise InvalidPattern(expression) from None


# --- JSON


def _json_pattern(text: str) -> FilterPattern:
    if not text.endswith("}"):
        raise InvalidPattern(text)
    condition = parse_conditions(text[1:-1])
    if not all(selector.startswith("$") for selector in condition.selectors):
        raise InvalidPattern(text)

    def match(message: str) -> Extracted | None:
        event = _parse_event(message)
        if event is None or not condition.holds(lambda selector: read_selector(event, selector)):
            return None
        return {
            selector: _as_text(found[0])
            for selector in condition.selectors
            if (found := read_selector(event, selector))
        }

    def value_of(message: str, selector: str) -> str | None:
        event = _parse_event(message)
        found = read_selector(event, selector) if event is not None else []
        return _as_text(found[0]) if found else None

    return FilterPattern(match, value_of)


def _parse_event(message: str) -> Any | None:
    try:
        event = json.loads(message)
    except ValueError:
        return None
    return event if isinstance(event, dict | list) else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# --- fields separated by spaces


def _fields_pattern(text: str) -> FilterPattern:
    if not text.endswith("]"):
        raise InvalidPattern(text)
    inner = text[1:-1].strip()
    parts = [part.strip() for part in _split(inner)] if inner else [_ELLIPSIS]
    if parts.count(_ELLIPSIS) > 1 or not all(parts):
        raise InvalidPattern(text)
    fields = [(_field_name(part), _field_condition(part)) for part in parts if part != _ELLIPSIS]
    first = parts.index(_ELLIPSIS) if _ELLIPSIS in parts else None

    def read(message: str) -> dict[str, str] | None:
        values = [next(group for group in found.groups() if group is not None) for found in _FIELD.finditer(message)]
        if len(values) < len(fields) or (first is None and len(values) != len(fields)):
            return None
        if first is not None:
            values = values[:first] + values[len(values) - (len(fields) - first) :]
        return {f"${name}": value for (name, _), value in zip(fields, values, strict=True)}

    def match(message: str) -> Extracted | None:
        values = read(message)
        if values is None:
            return None
        holds = all(condition is None or condition.holds(lambda name: [values[f"${name}"]]) for _, condition in fields)
        return values if holds else None

    return FilterPattern(match, lambda message, selector: (read(message) or {}).get(selector))


def _split(text: str) -> list[str]:
    """Split at commas outside of quotes and regular expressions."""
    return re.findall(r'(?:"[^"]*"|%[^%]*%|[^,"%])+|(?<=,)(?=,|$)', text)


def _field_name(part: str) -> str:
    return re.split(r"[=!<>&|\s]", part, maxsplit=1)[0]


def _field_condition(part: str) -> Condition | None:
    if re.fullmatch(r"\w*", part):
        return None
    condition = parse_conditions(part)
    if set(condition.selectors) != {_field_name(part)}:
        raise InvalidPattern(part)
    return condition
