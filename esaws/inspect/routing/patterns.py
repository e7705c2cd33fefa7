"""The wildcard patterns of a load balancer's conditions: what they match, and what they match together."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from esaws.errors import EsawsError

SEPARATOR = "\0"
"""Stands between the key and the value of a query parameter; no wildcard reaches over it."""

_MOST_STATES = 20_000
_OTHERS = "x0qzjkvw~"


class TooComplex(EsawsError):
    """Patterns that are too many, or too entangled, to be compared."""


class Wildcard(Enum):
    """What in a pattern stands for other characters."""

    MANY = "*"
    ONE = "?"


Token = str | Wildcard


@dataclass(frozen=True)
class Pattern:
    """A pattern in which `*` stands for 0 or more characters, and `?` for exactly one.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
    """

    tokens: tuple[Token, ...]
    ignore_case: bool = False

    @classmethod
    def of(cls, text: str, *, ignore_case: bool = False, escapes: bool = False) -> Pattern:
        """A pattern from its text; with `escapes`, `\\*` and `\\?` are the characters themselves."""
        tokens: list[Token] = []
        for piece in re.findall(r"\\[*?]|.", text.lower() if ignore_case else text, re.DOTALL):
            if len(piece) == 2 and escapes:
                tokens.append(piece[1])
            else:
                tokens.extend(Wildcard(char) if char in "*?" else char for char in piece)
        return cls(_ordered(tokens), ignore_case)

    def matches(self, text: str) -> bool:
        """Does it match the whole of a text?"""
        return self._regex.fullmatch(text.lower() if self.ignore_case else text) is not None

    def matches_all_from(self, start: str) -> bool:
        """Does it match every text that begins so?"""
        automaton = Automaton([self])
        return bool(automaton.run(start) & automaton.endless)

    def matches_some_from(self, start: str) -> bool:
        """Does it match a text that begins so?"""
        return bool(Automaton([self]).run(start))

    @property
    def literal(self) -> str:
        """The text before its first wildcard."""
        first = next((place for place, token in enumerate(self.tokens) if isinstance(token, Wildcard)), None)
        return "".join(str(token) for token in self.tokens[:first])

    @property
    def is_literal(self) -> bool:
        return not any(isinstance(token, Wildcard) for token in self.tokens)

    @property
    def is_prefix(self) -> bool:
        """Is it a text and one `*` at its end?"""
        return self.tokens[-1:] == (Wildcard.MANY,) and len(self.literal) == len(self.tokens) - 1

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        written = {Wildcard.MANY: f"[^{SEPARATOR}]*", Wildcard.ONE: f"[^{SEPARATOR}]"}
        parts = (written[token] if isinstance(token, Wildcard) else re.escape(token) for token in self.tokens)
        return re.compile("".join(parts))


def _ordered(tokens: Iterable[Token]) -> tuple[Token, ...]:
    """The same pattern with every `?` before the one `*` beside it, so that a `*` is followed by a text or nothing."""
    ordered: list[Token] = []
    for token in tokens:
        if ordered and ordered[-1] is Wildcard.MANY and isinstance(token, Wildcard):
            ordered[-1:] = [Wildcard.MANY] if token is Wildcard.MANY else [Wildcard.ONE, Wildcard.MANY]
        else:
            ordered.append(token)
    return tuple(ordered)


@dataclass
class Automaton:
    """Some patterns read side by side; a state is a set of places in them, one bit each."""

    patterns: Sequence[Pattern]
    start: int = 0
    final: int = 0
    endless: int = 0
    """The places from which every further text is matched."""
    _many: int = 0
    _any: int = 0
    _literal: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bit = 1
        for pattern in self.patterns:
            self.start |= bit
            for token in pattern.tokens:
                if token is Wildcard.MANY:
                    self._many |= bit
                if isinstance(token, Wildcard):
                    self._any |= bit
                else:
                    self._literal[token] = self._literal.get(token, 0) | bit
                bit <<= 1
            if pattern.tokens[-1:] == (Wildcard.MANY,):
                self.endless |= bit >> 1
            self.final |= bit
            bit <<= 1
        self.start = self._skip(self.start)

    @property
    def characters(self) -> set[str]:
        return set(self._literal)

    def step(self, state: int, char: str) -> int:
        taken = state & self._literal.get(char, 0)
        if char != SEPARATOR:
            wild = state & self._any
            taken |= wild & ~self._many
            return self._skip((taken << 1) | (wild & self._many))
        return self._skip(taken << 1)

    def run(self, text: str) -> int:
        """The state after a text; 0 where no pattern matches anything that begins so."""
        state = self.start
        for char in text:
            state = self.step(state, char)
        return state

    def _skip(self, state: int) -> int:
        """A `*` may stand for nothing."""
        return state | ((state & self._many) << 1)


def shortest_match(universe: Pattern, within: Sequence[Pattern], without: Sequence[Pattern]) -> str | None:
    """The shortest text of the universe that one of `within` matches and none of `without`; None if there is none.

    Raises:
        TooComplex: more than 20,000 states had to be looked at.
    """
    every, some, none = Automaton([universe]), Automaton(within), Automaton(without)
    named = every.characters | some.characters | none.characters
    other = next((char for char in _OTHERS if char not in named), "\N{BULLET}")
    alphabet = [other, *sorted(named)]
    begin = (every.start, some.start, none.start)
    seen = {begin}
    queue = deque([(begin, "")])
    while queue:
        (in_every, in_some, in_none), text = queue.popleft()
        if in_none & none.endless:
            continue
        if in_every & every.final and in_some & some.final and not in_none & none.final:
            return text
        for char in alphabet:
            state = (every.step(in_every, char), some.step(in_some, char), none.step(in_none, char))
            if state[0] and state[1] and state not in seen:
                seen.add(state)
                queue.append((state, text + char))
        if len(seen) > _MOST_STATES:
            raise TooComplex("the patterns are too many, or too entangled, to be compared")
    return None
