"""Parse and evaluate the conditions of filter patterns: `$.status = 4* && ($.bytes > 1000 || $.error IS TRUE)`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax-examples.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<regex>%[^%]+%)|(?P<operator>&&|\|\||!=|<=|>=|=|<|>|\(|\))'
    r'|(?P<word>(?:\[[^\]]*\]|[^\s"%&|()=!<>])+))'
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+|\*)\]|\[["']([^"']+)["']\]""")

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}
_CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False}

Values = Callable[[str], Sequence[Any]]
"""Takes a selector, and returns its values in an event; none if the event does not have it."""


class InvalidPattern(ValueError):
    """A pattern that CloudWatch Logs does not have; the message is the invalid part."""


@dataclass(frozen=True)
class Condition:
    """A condition, and the selectors that it reads."""

    holds: Callable[[Values], bool]
    selectors: tuple[str, ...]


def parse_conditions(text: str) -> Condition:
    """Parse a condition. Raises InvalidPattern."""
    tokens, position = [], 0
    while position < len(text.rstrip()):
        found = _TOKEN.match(text, position)
        if found is None:
            raise InvalidPattern(text)
        position = found.end()
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
    parser = _Parser(tokens, text)
    condition = parser.any_of()
    if parser.tokens:
        raise InvalidPattern(text)
    return condition


def read_selector(event: Any, selector: str) -> list[Any]:
    """Return the values at a selector such as `$.items[0].name`; several for `[*]`."""
    values, path, position = [event], selector.removeprefix("$"), 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return []
        position = step.end()
        name = step[1] if step[1] is not None else step[3]
        if name is not None:
            values = [value[name] for value in values if isinstance(value, dict) and name in value]
        elif step[2] == "*":
            values = [entry for value in values if isinstance(value, list) for entry in value]
        else:
            index = int(step[2])
            values = [value[index] for value in values if isinstance(value, list) and index < len(value)]
    return values


class _Parser:
    """A parser by recursive descent: `||` binds weaker than `&&`."""

    def __init__(self, tokens: list[tuple[str, str]], text: str) -> None:
        self.tokens, self.text = tokens, text

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self._take("||"):
            parts.append(self.all_of())
        return _combine(any, parts)

    def all_of(self) -> Condition:
        parts = [self.one()]
        while self._take("&&"):
            parts.append(self.one())
        return _combine(all, parts)

    def one(self) -> Condition:
        if self._take("("):
            inner = self.any_of()
            if not self._take(")"):
                raise InvalidPattern(self.text)
            return inner
        selector = self._next("word")
        kind, token = self._pop()
        if kind == "word" and token.upper() == "NOT" and self._next("word").upper() == "EXISTS":
            return Condition(lambda values: not values(selector), (selector,))
        if kind == "word" and token.upper() == "IS":
            constant = self._next("word").upper()
            if constant not in _CONSTANTS:
                raise InvalidPattern(self.text)
            return Condition(lambda values: any(v is _CONSTANTS[constant] for v in values(selector)), (selector,))
        if kind != "operator" or token in ("&&", "||", "(", ")"):
            raise InvalidPattern(self.text)
        return self._comparison(selector, token)

    def _comparison(self, selector: str, operator: str) -> Condition:
        kind, operand = self._pop()
        if kind == "operator":
            raise InvalidPattern(self.text)
        if operator in _COMPARISONS:
            if kind != "word" or not _NUMBER.fullmatch(operand):
                raise InvalidPattern(self.text)
            limit, compare = float(operand), _COMPARISONS[operator]
            return Condition(
                lambda values: any((n := as_number(v)) is not None and compare(n, limit) for v in values(selector)),
                (selector,),
            )
        equals = _equality(kind, operand)
        if operator == "=":
            return Condition(lambda values: any(equals(value) for value in values(selector)), (selector,))
        return Condition(
            lambda values: bool(found := values(selector)) and not any(equals(value) for value in found), (selector,)
        )

    def _take(self, operator: str) -> bool:
        if self.tokens and self.tokens[0] == ("operator", operator):
            self.tokens.pop(0)
            return True
        return False

    def _pop(self) -> tuple[str, str]:
        if not self.tokens:
            raise InvalidPattern(self.text)
        return self.tokens.pop(0)

    def _next(self, kind: str) -> str:
        found, token = self._pop()
        if found != kind:
            raise InvalidPattern(self.text)
        return token


def _combine(how: Callable[[list[bool]], bool], parts: list[Condition]) -> Condition:
    if len(parts) == 1:
        return parts[0]
    selectors = tuple(dict.fromkeys(selector for part in parts for selector in part.selectors))
    return Condition(lambda values: how([part.holds(values) for part in parts]), selectors)


def _equality(kind: str, operand: str) -> Callable[[Any], bool]:
    """Return the test whether a value equals an operand, which may be a regular expression or have wildcards."""
    if kind == "regex":
        try:
            expression = re.compile(operand[1:-1])
        except re.error:
            raise InvalidPattern(operand) from None
        return lambda value: isinstance(value, str) and expression.search(value) is not None
    text = operand[1:-1].replace('\\"', '"') if kind == "string" else operand
    number = float(text) if kind == "word" and _NUMBER.fullmatch(text) else None
    wildcard = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)

    def equals(value: Any) -> bool:
        if number is not None and (found := as_number(value)) is not None:
            return found == number
        return isinstance(value, str | int | float) and wildcard.fullmatch(str(value)) is not None

    return equals


def as_number(value: Any) -> float | None:
    """Return a value as a number; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None
