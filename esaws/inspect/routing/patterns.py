"""Wildcard patterns of conditions: matching, and finding texts that some patterns match and others do not."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from esaws.errors import EsawsError

SEPARATOR = "\0"
"""Joins the key and the value of a query parameter; no wildcard matches it."""

_MAX_STATES = 20_000
_OTHERS = "x0qzjkvw~"


class TooComplex(EsawsError):
    """Patterns are too many, or overlap too much, to be compared."""


class Wildcard(Enum):
    """The wildcards of a pattern."""

    MANY = "*"
    ONE = "?"


Token = str | Wildcard


@dataclass(frozen=True)
class Pattern:
    """A pattern in which `*` matches 0 or more characters and `?` exactly one.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
    """

    tokens: tuple[Token, ...]
    ignore_case: bool = False

    @classmethod
    def of(cls, text: str, *, ignore_case: bool = False, escapes: bool = False) -> Pattern:
        """Parse a pattern; with `escapes`, `\\*` and `\\?` are the characters themselves."""
        tokens: list[Token] = []
        for piece in re.findall(r"\\[*?]|.", text.lower() if ignore_case else text, re.DOTALL):
            if len(piece) == 2 and escapes:
                tokens.append(piece[1])
            else:
                tokens.extend(Wildcard(char) if char in "*?" else char for char in piece)
        return cls(_ordered(tokens), ignore_case)

    def matches(self, text: str) -> bool:
        """Return whether it matches the whole text."""
        return self._regex.fullmatch(text.lower() if self.ignore_case else text) is not None

    def matches_all_from(self, start: str) -> bool:
        """Return whether it matches every text with this beginning."""
        automaton = Automaton([self])
        return bool(automaton.run(start) & automaton.endless)

    def matches_some_from(self, start: str) -> bool:
        """Return whether it matches any text with this beginning."""
        return bool(Automaton([self]).run(start))

    @property
    def literal(self) -> str:
        """The text before its first wildcard."""
        first = next((index for index, token in enumerate(self.tokens) if isinstance(token, Wildcard)), None)
        return "".join(str(token) for token in self.tokens[:first])

    @property
    def is_literal(self) -> bool:
        return not any(isinstance(token, Wildcard) for token in self.tokens)

    @property
    def is_prefix(self) -> bool:
        """Whether it is a literal text with one `*` at its end."""
        return self.tokens[-1:] == (Wildcard.MANY,) and len(self.literal) == len(self.tokens) - 1

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        regexes = {Wildcard.MANY: f"[^{SEPARATOR}]*", Wildcard.ONE: f"[^{SEPARATOR}]"}
        parts = (regexes[token] if isinstance(token, Wildcard) else re.escape(token) for token in self.tokens)
        return re.compile("".join(parts))


def _ordered(tokens: Iterable[Token]) -> tuple[Token, ...]:
    """Move every `?` before an adjacent `*`, so that a `*` is followed by a character or nothing."""
    ordered: list[Token] = []
    for token in tokens:
        if ordered and ordered[-1] is Wildcard.MANY and isinstance(token, Wildcard):
            ordered[-1:] = [Wildcard.MANY] if token is Wildcard.MANY else [Wildcard.ONE, Wildcard.MANY]
        else:
            ordered.append(token)
    return tuple(ordered)


@dataclass
class Automaton:
    """Several patterns matched in parallel; a state is a set of positions in them, one bit each."""

    patterns: Sequence[Pattern]
    start: int = 0
    final: int = 0
    endless: int = 0
    """The positions from which every further text matches."""
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
        next_state = state & self._literal.get(char, 0)
        if char != SEPARATOR:
            wildcards = state & self._any
            next_state |= wildcards & ~self._many
            return self._skip((next_state << 1) | (wildcards & self._many))
        return self._skip(next_state << 1)

    def run(self, text: str) -> int:
        """Return the state after a text; 0 where no pattern matches anything with this beginning."""
        state = self.start
        for char in text:
            state = self.step(state, char)
        return state

    def _skip(self, state: int) -> int:
        """Add the positions after a `*`, which can match nothing."""
        return state | ((state & self._many) << 1)


def shortest_match(universe: Pattern, within: Sequence[Pattern], without: Sequence[Pattern]) -> str | None:
    """Return the shortest text of the universe that one of `within` matches and none of `without`, or None.

    Raises:
        TooComplex: the search needs more than 20,000 states.
    """
    every, some, none = Automaton([universe]), Automaton(within), Automaton(without)
    characters = every.characters | some.characters | none.characters
    unused_character = next((char for char in _OTHERS if char not in characters), "\N{BULLET}")
    alphabet = [unused_character, *sorted(characters)]
    start = (every.start, some.start, none.start)
    visited = {start}
    queue = deque([(start, "")])
    while queue:
        (in_universe, in_within, in_without), text = queue.popleft()
        if in_without & none.endless:
            continue
        if in_universe & every.final and in_within & some.final and not in_without & none.final:
            return text
        for char in alphabet:
            state = (every.step(in_universe, char), some.step(in_within, char), none.step(in_without, char))
            if state[0] and state[1] and state not in visited:
                visited.add(state)
                queue.append((state, text + char))
        if len(visited) > _MAX_STATES:
            raise TooComplex("there are too many patterns, or they overlap too much, to be compared")
    return None
