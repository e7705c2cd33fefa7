"""Rules and values that no request can reach, and prefixes that take more, or less, than they seem to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from esaws.inspect.routing.conditions import Condition, PathPattern, QueryString, SourceIp
from esaws.inspect.routing.coverage import Point, Undecided, counterexample, matches_point
from esaws.inspect.routing.rules import RoutingRule, parse_rules


@dataclass(frozen=True)
class RuleFinding:
    """One thing about a rule that its author will hardly have meant.

    Codes: SHADOWED, no request reaches the rule, as `by` take all of them; DEAD_VALUE, the same for one value of a
    condition; NEVER_MATCHES, no request meets the conditions at all; PREFIX_TRAP, a path takes other words that begin
    alike, or leaves out the bare prefix; UNDECIDED, whether a request reaches the rule cannot be said, for `detail`.
    """

    code: str
    priority: str
    value: Any = None
    by: tuple[str, ...] = ()
    """The fewest earlier rules that together explain it, by priority."""
    detail: str = ""
    fix: tuple[str, ...] = ()
    """The values that a path-pattern condition would need instead."""

    def to_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = {"code": self.code, "priority": self.priority}
        if self.value is not None:
            told["value"] = self.value
        if self.by:
            told["by"] = list(self.by)
        if self.detail:
            told["detail"] = self.detail
        return told | ({"fix": list(self.fix)} if self.fix else {})


def analyze_rules(described: Iterable[Mapping[str, Any]]) -> list[RuleFinding]:
    """What is odd about the rules of a listener, given as describe_rules gives them; by priority.

    Requests that have no path (`OPTIONS *`) are left aside.

    Raises:
        UsageError: a rule has no readable priority.
    """
    rules = parse_rules(described)
    found: list[RuleFinding] = []
    for place, rule in enumerate(rules):
        found += _unreachable(rule, rules[:place])
        found += _prefix_traps(rule)
    return found


def _unreachable(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> Iterator[RuleFinding]:
    try:
        by = smallest_cover(rule, earlier)
    except Undecided as error:
        yield RuleFinding("UNDECIDED", rule.priority, detail=str(error))
        return
    if by is None:
        yield from _dead_values(rule, earlier)
    elif by:
        yield RuleFinding("SHADOWED", rule.priority, by=by)
    else:
        yield RuleFinding("NEVER_MATCHES", rule.priority)


def _dead_values(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> Iterator[RuleFinding]:
    for condition in rule.conditions:
        if len(condition.values) + len(condition.regexes) < 2:
            continue
        for place, value in enumerate(condition.described_values):
            try:
                by = smallest_cover(_with_only(rule, condition, place), earlier)
            except Undecided:
                continue  # the rule as a whole is reached, and a value may well be
            if by:
                yield RuleFinding("DEAD_VALUE", rule.priority, value=value, by=by)


def _with_only(rule: RoutingRule, condition: Condition, place: int) -> RoutingRule:
    """The rule with one value in place of all those of a condition."""
    single = _single(condition, place)
    return replace(rule, conditions=tuple(single if one is condition else one for one in rule.conditions))


def _single(condition: Condition, place: int) -> Condition:
    only: dict[str, Any] = {"values": condition.values[place : place + 1], "regexes": ()}
    if isinstance(condition, QueryString):
        only["keys"] = condition.keys[place : place + 1]
    if isinstance(condition, SourceIp):
        only["networks"] = condition.networks[place : place + 1]
    return replace(condition, **only)


def smallest_cover(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> tuple[str, ...] | None:
    """The fewest earlier rules that together take all that the rule would; None if a request reaches it.

    Among sets of the same size the one with the lowest numbers.

    Raises:
        Undecided: it hangs on a regex or on a condition that is not known here, or the rules are too many to compare.
    """
    if counterexample(rule, earlier) is not None:
        return None
    try:
        cover = _smallest_cover(rule, earlier)
    except Undecided:
        cover = _irreducible_cover(rule, earlier)
    return tuple(one.priority for one in cover)


def _smallest_cover(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> tuple[RoutingRule, ...]:
    """Guesses a cover from the requests known so far; what escapes it is one more that the next guess must take."""
    takers: list[set[int]] = []
    while True:
        guess = tuple(earlier[place] for place in _smallest_hitting(takers))
        point = counterexample(rule, guess)
        if point is None:
            return guess
        takers.append(_takers(rule, earlier, point))


def _takers(rule: RoutingRule, earlier: Sequence[RoutingRule], point: Point) -> set[int]:
    found = {place for place, other in enumerate(earlier) if matches_point(other, point, rule).is_yes}
    if not found:
        raise Undecided("which rules take a request hangs on what can't be compared")
    return found


def _smallest_hitting(sets: Sequence[set[int]]) -> tuple[int, ...]:
    """The fewest numbers of which each set has one."""
    among = sorted(set().union(*sets))
    for size in range(len(among) + 1):
        for chosen in combinations(among, size):
            if all(one.intersection(chosen) for one in sets):
                return chosen
    raise AssertionError("a set is empty")


def _irreducible_cover(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> tuple[RoutingRule, ...]:
    """A cover of which no rule can be left out for certain."""
    cover = list(earlier)
    for other in reversed(earlier):
        rest = [one for one in cover if one is not other]
        try:
            if counterexample(rule, rest) is None:
                cover = rest
        except Undecided:
            continue
    return tuple(cover)


def _prefix_traps(rule: RoutingRule) -> Iterator[RuleFinding]:
    """A prefix without its slash takes other words that begin alike; one with it leaves out the bare prefix.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html#path-conditions
    """
    for condition in rule.conditions:
        if isinstance(condition, PathPattern):
            for value in condition.values:
                yield from _prefix_trap(rule, condition, value)


def _prefix_trap(rule: RoutingRule, condition: PathPattern, value: str) -> Iterator[RuleFinding]:
    prefix = value.removesuffix("*").removesuffix("/")
    if not value.endswith("*") or prefix in ("", "/") or "*" in prefix or "?" in prefix:
        return
    others = [one for one in condition.values if one not in (value, prefix, f"{prefix}/*")]
    fix = (*others, prefix, f"{prefix}/*")
    if not value.endswith("/*"):
        detail = f"{value} also takes {prefix}xyz"
        yield RuleFinding("PREFIX_TRAP", rule.priority, value=value, detail=detail, fix=fix)
    elif not any(pattern.matches(prefix) for pattern in condition.patterns):
        yield RuleFinding("PREFIX_TRAP", rule.priority, value=value, detail=f"{value} does not take {prefix}", fix=fix)
