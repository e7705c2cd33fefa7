"""Parse and evaluate the cluster query language: `attribute:stack == prod and not (task:group == family:db)`.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-query-language.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from local_aws_server.clock.clock import parse_timestamp

_MAX_LENGTH = 2000


class InvalidQueryError(ValueError):
    """The expression is not one of the language."""


class UnsupportedQueryError(ValueError):
    """AWS may accept the expression, but its documentation does not say what it means."""


@dataclass(frozen=True)
class Facts:
    """What the language can ask of a container instance."""

    attributes: Mapping[str, str | None]
    ec2_instance_id: str
    agent_connected: bool
    agent_version: str
    registered_at: float
    """Seconds since 1970."""
    running_tasks_count: int
    task_groups: Collection[str]


Query = Callable[[Facts], bool]


@lru_cache(maxsize=1024)
def parse_query(expression: str) -> Query:
    """Return a function that evaluates an expression. Raises InvalidQueryError and UnsupportedQueryError."""
    if len(expression) > _MAX_LENGTH:
        raise InvalidQueryError(f"it has more than {_MAX_LENGTH} characters")
    parser = _Parser(expression)
    try:
        query = parser.parse_either()
    except RecursionError:
        raise UnsupportedQueryError("it nests too many parentheses") from None
    parser.skip_space()
    if parser.rest:
        raise InvalidQueryError(f"unexpected {parser.rest!r}")
    return query


# --- operators and subjects

_OPERATORS = {
    "==": "==", "equals": "==", "!=": "!=", "not_equals": "!=",
    ">=": ">=", "greater_than_equal": ">=", "<=": "<=", "less_than_equal": "<=",
    ">": ">", "greater_than": ">", "<": "<", "less_than": "<",
    "!exists": "!exists", "not_exists": "!exists", "exists": "exists",
    "!in": "!in", "not_in": "!in", "in": "in",
    "=~": "=~", "matches": "=~", "!~": "!~", "not_matches": "!~",
}  # fmt: skip
"""Spelling → operator."""

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip

_TEXT_OPERATORS = ("==", "!=", "in", "!in", "=~", "!~")
_VALID_OPERATORS = {
    "agentConnected": _TEXT_OPERATORS,
    "agentVersion": tuple(_ORDER),
    "ec2InstanceId": _TEXT_OPERATORS,
    "registeredAt": tuple(_ORDER),
    "runningTasksCount": tuple(_ORDER),
    "task:group": _TEXT_OPERATORS,
    "attribute": (*_TEXT_OPERATORS, "exists", "!exists"),
}

_SYMBOL = re.compile(r"==|!=|>=|<=|=~|!~|>|<|!exists\b|!in\b|[a-z_]+")
_SUBJECT = re.compile(r"attribute:[\w./\\-]+|task:group|[A-Za-z0-9]+")
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s()\[\],]+")
_AND, _OR, _NOT = re.compile(r"&&|and\b"), re.compile(r"\|\||or\b"), re.compile(r"!|not\b")


class _Parser:
    """A parser by recursive descent; `rest` is the text that has not been read."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def parse_either(self) -> Query:
        queries = [self._parse_both()]
        while self._take(_OR):
            queries.append(self._parse_both())
        return lambda facts: any(query(facts) for query in queries)

    def _parse_both(self) -> Query:
        queries = [self._parse_negation()]
        while self._take(_AND):
            queries.append(self._parse_negation())
        return lambda facts: all(query(facts) for query in queries)

    def _parse_negation(self) -> Query:
        if self._take(_NOT):
            negated = self._parse_negation()
            return lambda facts: not negated(facts)
        if self._take(re.compile(r"\(")):
            query = self.parse_either()
            self._require(re.compile(r"\)"), "a closing parenthesis")
            return query
        return self._parse_comparison()

    def _parse_comparison(self) -> Query:
        subject = self._require(_SUBJECT, "a subject")
        kind = subject.partition(":")[0] if subject != "task:group" else subject
        if kind not in _VALID_OPERATORS:
            raise InvalidQueryError(f"unknown subject {subject}")
        spelling = self._require(_SYMBOL, "an operator")
        if spelling not in _OPERATORS:
            raise InvalidQueryError(f"unknown operator {spelling}")
        symbol = _OPERATORS[spelling]
        if symbol not in _VALID_OPERATORS[kind]:
            if kind == "attribute":
                raise UnsupportedQueryError(f"AWS does not document how {symbol} orders the values of an attribute")
            raise InvalidQueryError(f"{subject} does not support {symbol}")
        if kind == "attribute":
            return _compare_texts(lambda facts: _attribute(facts, subject), symbol, self._parse_argument(symbol))
        argument = self._parse_argument(symbol)
        if kind in ("agentVersion", "registeredAt", "runningTasksCount"):
            return _compare_order(kind, symbol, argument)
        texts: dict[str, Callable[[Facts], Collection[str]]] = {
            "agentConnected": lambda facts: (str(facts.agent_connected).lower(),),
            "ec2InstanceId": lambda facts: (facts.ec2_instance_id,),
            "task:group": lambda facts: facts.task_groups,
        }
        return _compare_texts(texts[kind], symbol, argument)

    def _parse_argument(self, symbol: str) -> list[str]:
        """Return the argument of an operator: none, a literal, or a list of them."""
        if symbol in ("exists", "!exists"):
            return []
        if symbol in ("=~", "!~"):
            return [self._parse_pattern()]
        if symbol not in ("in", "!in"):
            return [_unquote(self._require(_LITERAL, "a value"))]
        self._require(re.compile(r"\["), "a list in brackets")
        values = [_unquote(self._require(_LITERAL, "a value"))]
        while self._take(re.compile(",")):
            values.append(_unquote(self._require(_LITERAL, "a value")))
        self._require(re.compile(r"\]"), "a closing bracket")
        return values

    def _parse_pattern(self) -> str:
        """Return a regular expression: up to white space, or to a parenthesis that it does not open."""
        self.skip_space()
        if self.rest[:1] in ("'", '"'):
            return _unquote(self._require(_LITERAL, "a pattern"))
        depth, end = 0, 0
        for end, character in enumerate(f"{self.rest} "):  # noqa: B007
            depth += (character in "([") - (character in ")]")
            if character.isspace() or depth < 0:
                break
        pattern, self.rest = self.rest[:end], self.rest[end:]
        if not pattern:
            raise InvalidQueryError("a pattern is missing")
        return pattern

    def skip_space(self) -> None:
        self.rest = self.rest.lstrip()

    def _take(self, token: re.Pattern[str]) -> str | None:
        """Return the token that comes next and move behind it; None if another one comes."""
        self.skip_space()
        match = token.match(self.rest)
        if match is None:
            return None
        self.rest = self.rest[match.end() :]
        return match.group()

    def _require(self, token: re.Pattern[str], what: str) -> str:
        taken = self._take(token)
        if taken is None:
            raise InvalidQueryError(f"{what} is missing before {self.rest!r}")
        return taken


# --- comparisons


def _compare_texts(texts: Callable[[Facts], Collection[str]], symbol: str, values: list[str]) -> Query:
    """Compare each of the subject's texts; the negated operators hold if none of them has the value."""
    if symbol in ("exists", "!exists"):
        return lambda facts: bool(texts(facts)) is (symbol == "exists")
    if symbol in ("=~", "!~"):
        try:
            pattern = re.compile(values[0])
        except re.error:
            raise UnsupportedQueryError(f"the regular expression {values[0]} is not simulated") from None
        return lambda facts: any(map(pattern.fullmatch, texts(facts))) is (symbol == "=~")
    return lambda facts: any(text in values for text in texts(facts)) is (symbol in ("==", "in"))


def _compare_order(subject: str, symbol: str, values: list[str]) -> Query:
    compare = _ORDER[symbol]
    try:
        if subject == "runningTasksCount":
            count = int(values[0])
            return lambda facts: compare(facts.running_tasks_count, count)
        if subject == "registeredAt":
            time = parse_timestamp(values[0])
            return lambda facts: compare(facts.registered_at, time)
        version = _version(values[0])
    except ValueError:
        raise InvalidQueryError(f"{values[0]!r} cannot be a value of {subject}") from None
    return lambda facts: compare(_version(facts.agent_version), version)


def _attribute(facts: Facts, subject: str) -> Collection[str]:
    """Return the value of an attribute, as a collection of one; an empty one if it is not set."""
    name = subject.removeprefix("attribute:")
    return (facts.attributes[name] or "",) if name in facts.attributes else ()


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _unquote(literal: str) -> str:
    return literal[1:-1] if literal[0] in "'\"" and literal[-1] == literal[0] else literal
