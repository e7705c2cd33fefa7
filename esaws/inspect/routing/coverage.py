"""Does a request exist that a rule takes, and none of some others? The answer comes with such a request.

A request is sought that the rule takes; whichever of the others takes it, too, must miss by one of its conditions, and
another request is sought. Paths are compared as they stand: what covers every path as it stands covers it after any
normalisation, too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from esaws.errors import EsawsError
from esaws.inspect.answers import NO, YES, Answer, all_of, any_of, unknown
from esaws.inspect.routing import regexes
from esaws.inspect.routing.conditions import (
    Condition,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    Network,
    PathPattern,
    QueryString,
    SourceIp,
    UnknownCondition,
)
from esaws.inspect.routing.patterns import SEPARATOR, Pattern, TooComplex, shortest_match
from esaws.inspect.routing.rules import RoutingRule

_MOST_STEPS = 1_000
_MOST_TRIES = 20
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "X")
_EVERY_ADDRESS: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
_EVERY_TEXT = Pattern.of("*")
_EVERY = {
    "path-pattern": Pattern.of("/*"),
    "query-string": Pattern((*_EVERY_TEXT.tokens, SEPARATOR, *_EVERY_TEXT.tokens)),
}


class Part(NamedTuple):
    """A part of a request that conditions look at; `name` tells one header from another."""

    field: str
    name: str = ""


Point = dict[Part, tuple[str, ...]]
"""A request: for each part its texts; several of a header or of a query, and none where it is absent."""

_ALWAYS_THERE = tuple(Part(kind.field) for kind in (PathPattern, HostHeader, HttpRequestMethod, SourceIp))


class Undecided(EsawsError):
    """Whether there is such a request cannot be said."""


def part_of(condition: Condition) -> Part:
    return Part(condition.field, condition.name.lower() if isinstance(condition, HttpHeader) else "")


def counterexample(rule: RoutingRule, others: Sequence[RoutingRule]) -> Point | None:
    """A request that the rule takes and none of the others; None if there is none.

    Raises:
        Undecided: it hangs on a regex or on a condition that is not known here, or the rules are too many to compare.
    """
    parts = [part_of(condition) for condition in rule.conditions]
    if any(parts.count(part) > 1 for part in _ALWAYS_THERE):
        raise Undecided(f"{rule.name} has two conditions of a kind of which one is allowed")
    search = _Search(rule, others)
    try:
        point = search.misses_all(())
    except TooComplex as error:
        raise Undecided(str(error)) from error
    if point is None and search.open:
        raise Undecided(search.open)
    return point


def matches_point(other: RoutingRule, point: Point, rule: RoutingRule) -> Answer:
    """Does another rule take a request that the rule takes?"""
    return all_of(_meets(condition, point, rule) for condition in other.conditions)


class _Search:
    """Keeps the other rules out one by one; goes back where that leaves no request."""

    def __init__(self, rule: RoutingRule, others: Sequence[RoutingRule]) -> None:
        self.rule = rule
        self.others = others
        self.open = next(
            (_why_open(condition) for condition in rule.conditions if isinstance(condition, UnknownCondition)), ""
        )
        self._steps = 0
        self._texts: dict[tuple[Part, Condition | None, tuple[Condition, ...]], str | None] = {}

    def misses_all(self, missed: tuple[Condition, ...]) -> Point | None:
        """A request that misses all these conditions, and that no other rule takes."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise Undecided("the rules are too many, or too entangled, to be compared")
        point = self._point(missed)
        if point is None:
            return None
        answers = [matches_point(other, point, self.rule) for other in self.others]
        taker = next((other for other, answer in zip(self.others, answers, strict=True) if answer.is_yes), None)
        if taker is None:
            return point if self._certain(answers, missed, point) else None
        if again := next((one for one in missed if one in taker.conditions), None):
            self.open = self.open or _why_open(again)  # its regexes take whatever was tried
            return None
        found = (self.misses_all((*missed, one)) for one in taker.conditions if not isinstance(one, UnknownCondition))
        return next((point for point in found if point is not None), None)

    def _certain(self, answers: Iterable[Answer], missed: Sequence[Condition], point: Point) -> bool:
        """Is it sure that the rule takes the request, and no other? What it hangs on is kept."""
        hangs_on = [answer.reason for answer in answers if answer.is_unknown]
        hangs_on += [_why_open(one) for one in self.rule.conditions if _is_open(one)]
        hangs_on += [_why_open(one) for one in missed if _is_open(one) and not _meets(one, point, self.rule).is_no]
        self.open = self.open or "".join(hangs_on[:1])
        return not hangs_on

    def _point(self, missed: Sequence[Condition]) -> Point | None:
        """A request that meets the rule's conditions and none of the missed ones."""
        point: Point = {}
        for condition in self.rule.conditions:
            text = self._text(part_of(condition), condition, missed)
            if text is None:
                return None
            point[part_of(condition)] = (*point.get(part_of(condition), ()), text)
        for part in _ALWAYS_THERE:
            if part not in point:
                text = self._text(part, None, missed)
                if text is None:
                    return None
                point[part] = (text,)
        return point

    def _text(self, part: Part, within: Condition | None, missed: Sequence[Condition]) -> str | None:
        without = tuple(dict.fromkeys(other for other in missed if part_of(other) == part))
        key = (part, within, without)
        if key not in self._texts:
            self._texts[key] = _text(part, within, without)
        return self._texts[key]


def _is_open(condition: Condition) -> bool:
    return isinstance(condition, UnknownCondition) or bool(condition.regexes)


def _why_open(condition: Condition) -> str:
    if isinstance(condition, UnknownCondition):
        return condition.reason
    return f"the regex {condition.regexes[0]} can't be compared with other values"


def _text(part: Part, within: Condition | None, without: Sequence[Condition]) -> str | None:
    """A text that meets one condition and none of the others; any that misses the others where regexes are in it."""
    if part.field == HttpRequestMethod.field:
        return _method(within, without)
    if part.field == SourceIp.field:
        return _address(within, without)
    every = _EVERY.get(part.field, _EVERY_TEXT)
    taken = [pattern for condition in without for pattern in patterns(condition)]
    excluded = {regex for condition in without for regex in condition.regexes}
    if within is None:
        return _outside(excluded, every, [every], taken)
    found = _outside(excluded, every, patterns(within), taken)
    if found is None and (isinstance(within, UnknownCondition) or set(within.regexes) - excluded):
        return shortest_match(every, [every], taken)
    return found


def _outside(
    excluded: Iterable[str], every: Pattern, within: Sequence[Pattern], without: Sequence[Pattern]
) -> str | None:
    """The shortest text that some patterns match, and that none of the others and no regex takes for certain.

    After some tries, a text that a regex takes all the same.
    """
    taken = list(without)
    for _ in range(_MOST_TRIES):
        found = shortest_match(every, within, taken)
        if found is None or not any(regexes.match_text(regex, found).is_yes for regex in excluded):
            break
        taken.append(Pattern(tuple(found)))
    return found


def _method(within: Condition | None, without: Iterable[Condition]) -> str | None:
    """A method; TRACE never comes to a rule."""
    taken = {"TRACE", *(value for condition in without for value in condition.values)}
    return next((one for one in (within.values if within else _METHODS) if one not in taken), None)


def _address(within: Condition | None, without: Iterable[Condition]) -> str | None:
    """An address in the blocks of one condition, and in none of the others."""
    blocks = within.networks if isinstance(within, SourceIp) else _EVERY_ADDRESS
    taken = [network for condition in without if isinstance(condition, SourceIp) for network in condition.networks]
    for block in blocks:
        free = int(block.network_address)
        same = (network for network in taken if network.version == block.version)
        for network in sorted(same, key=lambda network: int(network.network_address)):
            if int(network.network_address) <= free:
                free = max(free, int(network.broadcast_address) + 1)
        if free <= int(block.broadcast_address):
            return str(type(block.network_address)(free))
    return None


def patterns(condition: Condition) -> tuple[Pattern, ...]:
    """The patterns of a condition; none where it is about a method or an address."""
    if isinstance(condition, PathPattern | HostHeader | HttpHeader | QueryString):
        return condition.patterns
    return ()


def _meets(condition: Condition, point: Point, rule: RoutingRule) -> Answer:
    """Does the request meet a condition? What the rule asks by the same regexes, every request of its meets."""
    texts = point.get(part_of(condition), ())
    match condition:
        case UnknownCondition():
            return unknown(condition.reason)
        case HttpRequestMethod():
            met = any(text in condition.values for text in texts)
        case SourceIp():
            met = any(ipaddress.ip_address(text) in network for text in texts for network in condition.networks)
        case _:
            met = any(pattern.matches(text) for text in texts for pattern in patterns(condition))
    if met or any(_asks_no_more(condition, own) for own in rule.conditions):
        return YES
    if any(own.regexes and part_of(own) == part_of(condition) for own in rule.conditions) and condition.regexes:
        return unknown(_why_open(condition))
    return any_of(regexes.match_text(regex, text) for text in texts for regex in condition.regexes) if texts else NO


def _asks_no_more(condition: Condition, own: Condition) -> bool:
    """Does whoever meets one's own condition meet this one, as it has the same values and regexes, or more?"""
    same_part = part_of(own) == part_of(condition) and not isinstance(own, UnknownCondition)
    return (
        same_part
        and set(own.regexes) <= set(condition.regexes)
        and set(patterns(own)) <= set(patterns(condition))
        and bool(own.regexes)
    )
