"""Parse and evaluate the rules of composite alarms: `ALARM("a") AND NOT (OK(b) OR INSUFFICIENT_DATA(c))`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(
    r'\s*(?:(?P<function>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>[^\s()"]+))\s*\)'
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE)\b|(?P<parenthesis>[()]))"
)

States = Mapping[str, str]
"""Name of an alarm → its state."""


class InvalidRule(ValueError):
    """A rule that CloudWatch does not accept; the message says why."""


@dataclass(frozen=True)
class CompositeRule:
    """A parsed rule."""

    holds: Callable[[States], bool]
    alarms: tuple[str, ...]
    """The names of its alarms, each once."""


@dataclass(frozen=True)
class _Token:
    kind: str
    """`AND`, `OR`, `NOT`, `TRUE`, `FALSE`, a parenthesis, or a state."""
    alarm: str = ""


def parse_rule(text: str) -> CompositeRule:
    """Parse a rule. Raises InvalidRule."""
    tokens, position, text = [], 0, text.strip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise InvalidRule(f"syntax error at position {position}")
        position = found.end()
        if found["function"]:
            name = (found["quoted"] or found["plain"]).split(":alarm:")[-1]
            tokens.append(_Token(found["function"], name))
        else:
            tokens.append(_Token(found["word"] or found["parenthesis"]))
    parser = _Parser(tokens)
    holds = parser.any_of()
    if parser.tokens:
        raise InvalidRule(f"unexpected {parser.tokens[0].kind}")
    return CompositeRule(holds, tuple(dict.fromkeys(token.alarm for token in tokens if token.alarm)))


class _Parser:
    """A parser by recursive descent: NOT binds strongest, OR weakest."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = list(tokens)

    def any_of(self) -> Callable[[States], bool]:
        parts = [self.all_of()]
        while self._take("OR"):
            parts.append(self.all_of())
        return lambda states: any(part(states) for part in parts)

    def all_of(self) -> Callable[[States], bool]:
        parts = [self.one()]
        while self._take("AND"):
            parts.append(self.one())
        return lambda states: all(part(states) for part in parts)

    def one(self) -> Callable[[States], bool]:
        if self._take("NOT"):
            inner = self.one()
            return lambda states: not inner(states)
        if self._take("("):
            inner = self.any_of()
            if not self._take(")"):
                raise InvalidRule("a parenthesis is not closed")
            return inner
        if not self.tokens:
            raise InvalidRule("the rule ends too early")
        token = self.tokens.pop(0)
        if token.kind in ("TRUE", "FALSE"):
            return lambda states: token.kind == "TRUE"
        if not token.alarm:
            raise InvalidRule(f"unexpected {token.kind}")
        return lambda states: states.get(token.alarm) == token.kind

    def _take(self, kind: str) -> bool:
        if self.tokens and self.tokens[0].kind == kind:
            self.tokens.pop(0)
            return True
        return False
