"""Find a request that a rule matches and none of some other rules does.

The search starts with a request that the rule matches. If another rule matches it as well, one of the conditions of
that rule must be missed, and the search continues. Paths are compared without normalisation: rules that cover every
path as written also cover it after any normalisation.
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

_MAX_STEPS = 1_000
_MAX_TRIES = 20
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "X")
_EVERY_ADDRESS: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
_EVERY_TEXT = Pattern.of("*")
_EVERY = {
    "path-pattern": Pattern.of("/*"),
    "query-string": Pattern((*_EVERY_TEXT.tokens, SEPARATOR, *_EVERY_TEXT.tokens)),
}


class Part(NamedTuple):
    """A part of a request that conditions evaluate; `name` is the name of a header."""

    field: str
    name: str = ""


Point = dict[Part, tuple[str, ...]]
"""A request: the texts of each part. A header or query can have several, or none where it is absent."""

_ALWAYS_THERE = tuple(Part(kind.field) for kind in (PathPattern, HostHeader, HttpRequestMethod, SourceIp))


class Undecided(EsawsError):
    """Whether such a request exists cannot be decided."""


def part_of(condition: Condition) -> Part:
    return Part(condition.field, condition.name.lower() if isinstance(condition, HttpHeader) else "")


def counterexample(rule: RoutingRule, others: Sequence[RoutingRule]) -> Point | None:
    """Return a request that the rule matches and none of the others does, or None.

    Raises:
        Undecided: a regex or an unknown condition decides, or there are too many rules to compare.
    """
    parts = [part_of(condition) for condition in rule.conditions]
    if any(parts.count(part) > 1 for part in _ALWAYS_THERE):
        raise Undecided(f"{rule.name} has two conditions of a kind that is allowed once")
    search = _Search(rule, others)
    try:
        point = search.misses_all(())
    except TooComplex as error:
        raise Undecided(str(error)) from error
    if point is None and search.open:
        raise Undecided(search.open)
    return point


def matches_point(other: RoutingRule, point: Point, rule: RoutingRule) -> Answer:
    """Return whether another rule matches a request that the rule matches."""
    return all_of(_matches(condition, point, rule) for condition in other.conditions)


class _Search:
    """Excludes the other rules one by one, with backtracking where no request is left."""

    def __init__(self, rule: RoutingRule, others: Sequence[RoutingRule]) -> None:
        self.rule = rule
        self.others = others
        self.open = next(
            (_open_reason(condition) for condition in rule.conditions if isinstance(condition, UnknownCondition)), ""
        )
        self._steps = 0
        self._texts: dict[tuple[Part, Condition | None, tuple[Condition, ...]], str | None] = {}

    def misses_all(self, missed: tuple[Condition, ...]) -> Point | None:
        """Return a request that misses all these conditions and that no other rule matches."""
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise Undecided("there are too many rules, or they overlap too much, to be compared")
        point = self._point(missed)
        if point is None:
            return None
        answers = [matches_point(other, point, self.rule) for other in self.others]
        matching_rule = next((other for other, answer in zip(self.others, answers, strict=True) if answer.is_yes), None)
        if matching_rule is None:
            return point if self._certain(answers, missed, point) else None
        if blocked := next((condition for condition in missed if condition in matching_rule.conditions), None):
            self.open = self.open or _open_reason(blocked)  # its regexes match every text that was tried
            return None
        points = (
            self.misses_all((*missed, condition))
            for condition in matching_rule.conditions
            if not isinstance(condition, UnknownCondition)
        )
        return next((point for point in points if point is not None), None)

    def _certain(self, answers: Iterable[Answer], missed: Sequence[Condition], point: Point) -> bool:
        """Return whether certainly only the rule matches the request; else keep the reason in `open`."""
        open_reasons = [answer.reason for answer in answers if answer.is_unknown]
        open_reasons += [_open_reason(condition) for condition in self.rule.conditions if _is_open(condition)]
        open_reasons += [
            _open_reason(condition)
            for condition in missed
            if _is_open(condition) and not _matches(condition, point, self.rule).is_no
        ]
        self.open = self.open or "".join(open_reasons[:1])
        return not open_reasons

    def _point(self, missed: Sequence[Condition]) -> Point | None:
        """Return a request that matches the rule's conditions and none of the missed ones."""
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


def _open_reason(condition: Condition) -> str:
    if isinstance(condition, UnknownCondition):
        return condition.reason
    return f"the regex {condition.regexes[0]} can't be compared with other values"


def _text(part: Part, within: Condition | None, without: Sequence[Condition]) -> str | None:
    """Return a text that matches one condition and none of the others; with regexes, any that misses the others."""
    if part.field == HttpRequestMethod.field:
        return _method(within, without)
    if part.field == SourceIp.field:
        return _address(within, without)
    every = _EVERY.get(part.field, _EVERY_TEXT)
    excluded_patterns = [pattern for condition in without for pattern in patterns(condition)]
    excluded = {regex for condition in without for regex in condition.regexes}
    if within is None:
        return _outside(excluded, every, [every], excluded_patterns)
    text = _outside(excluded, every, patterns(within), excluded_patterns)
    if text is None and (isinstance(within, UnknownCondition) or set(within.regexes) - excluded):
        return shortest_match(every, [every], excluded_patterns)
    return text


def _outside(
    excluded: Iterable[str], every: Pattern, within: Sequence[Pattern], without: Sequence[Pattern]
) -> str | None:
    """Return the shortest text that some patterns match, and that no other pattern and no regex matches for certain.

    After too many tries it may be a text that a regex matches.
    """
    avoided = list(without)
    for _ in range(_MAX_TRIES):
        text = shortest_match(every, within, avoided)
        if text is None or not any(regexes.match_text(regex, text).is_yes for regex in excluded):
            break
        avoided.append(Pattern(tuple(text)))
    return text


def _method(within: Condition | None, without: Iterable[Condition]) -> str | None:
    """Return a method; TRACE never reaches a rule."""
    excluded = {"TRACE", *(value for condition in without for value in condition.values)}
    return next((method for method in (within.values if within else _METHODS) if method not in excluded), None)


def _address(within: Condition | None, without: Iterable[Condition]) -> str | None:
    """Return an address in the blocks of one condition and in none of the others."""
    blocks = within.networks if isinstance(within, SourceIp) else _EVERY_ADDRESS
    excluded = [network for condition in without if isinstance(condition, SourceIp) for network in condition.networks]
    for block in blocks:
        candidate = int(block.network_address)
        same_version = (network for network in excluded if network.version == block.version)
        for network in sorted(same_version, key=lambda network: int(network.network_address)):
            if int(network.network_address) <= candidate:
                candidate = max(candidate, int(network.broadcast_address) + 1)
        if candidate <= int(block.broadcast_address):
            return str(type(block.network_address)(candidate))
    return None


def patterns(condition: Condition) -> tuple[Pattern, ...]:
    """Return the patterns of a condition; empty for methods and addresses."""
    if isinstance(condition, PathPattern | HostHeader | HttpHeader | QueryString):
        return condition.patterns
    return ()


def _matches(condition: Condition, point: Point, rule: RoutingRule) -> Answer:
    """Return whether the request matches a condition.

    A condition with the same regexes as one of the rule matches every request of the rule.
    """
    texts = point.get(part_of(condition), ())
    match condition:
        case UnknownCondition():
            return unknown(condition.reason)
        case HttpRequestMethod():
            matched = any(text in condition.values for text in texts)
        case SourceIp():
            matched = any(ipaddress.ip_address(text) in network for text in texts for network in condition.networks)
        case _:
            matched = any(pattern.matches(text) for text in texts for pattern in patterns(condition))
    if matched or any(_implies(condition, own) for own in rule.conditions):
        return YES
    if any(own.regexes and part_of(own) == part_of(condition) for own in rule.conditions) and condition.regexes:
        return unknown(_open_reason(condition))
    return any_of(regexes.match_text(regex, text) for text in texts for regex in condition.regexes) if texts else NO


def _implies(condition: Condition, own: Condition) -> bool:
    """Return whether the rule's own condition implies this one, which has the same values and regexes or more."""
    same_part = part_of(own) == part_of(condition) and not isinstance(own, UnknownCondition)
    return (
        same_part
        and set(own.regexes) <= set(condition.regexes)
        and set(patterns(own)) <= set(patterns(condition))
        and bool(own.regexes)
    )
