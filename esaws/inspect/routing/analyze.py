"""Analysis of listener rules: unreachable rules and values, and path prefixes that match more or less than meant."""

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
    """One probable mistake in a rule.

    Codes: SHADOWED, no request reaches the rule, because the rules `by` match all of them; DEAD_VALUE, the same for one
    value of a condition; NEVER_MATCHES, no request matches the conditions; PREFIX_TRAP, a path also matches longer
    words, or does not match the bare prefix; UNDECIDED, the analysis is not possible, for the reason in `detail`.
    """

    code: str
    priority: str
    value: Any = None
    by: tuple[str, ...] = ()
    """The smallest set of earlier rules that together explain it, by priority."""
    detail: str = ""
    fix: tuple[str, ...] = ()
    """The values that the path-pattern condition needs instead."""

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"code": self.code, "priority": self.priority}
        if self.value is not None:
            fields["value"] = self.value
        if self.by:
            fields["by"] = list(self.by)
        if self.detail:
            fields["detail"] = self.detail
        return fields | ({"fix": list(self.fix)} if self.fix else {})


def analyze_rules(described: Iterable[Mapping[str, Any]]) -> list[RuleFinding]:
    """Return findings about the rules of a listener, from describe_rules, by priority.

    Requests without a path (`OPTIONS *`) are ignored.

    Raises:
        UsageError: a rule has an invalid priority.
    """
    rules = parse_rules(described)
    findings: list[RuleFinding] = []
    for index, rule in enumerate(rules):
        findings += _unreachable(rule, rules[:index])
        findings += _prefix_traps(rule)
    return findings


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
        for index, value in enumerate(condition.described_values):
            try:
                by = smallest_cover(_with_only(rule, condition, index), earlier)
            except Undecided:
                continue  # the rule as a whole is reachable, and the value may be
            if by:
                yield RuleFinding("DEAD_VALUE", rule.priority, value=value, by=by)


def _with_only(rule: RoutingRule, condition: Condition, index: int) -> RoutingRule:
    """Return the rule with only one value of a condition."""
    single = _single(condition, index)
    return replace(rule, conditions=tuple(single if other is condition else other for other in rule.conditions))


def _single(condition: Condition, index: int) -> Condition:
    only: dict[str, Any] = {"values": condition.values[index : index + 1], "regexes": ()}
    if isinstance(condition, QueryString):
        only["keys"] = condition.keys[index : index + 1]
    if isinstance(condition, SourceIp):
        only["networks"] = condition.networks[index : index + 1]
    return replace(condition, **only)


def smallest_cover(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> tuple[str, ...] | None:
    """Return the smallest set of earlier rules that match all requests of the rule; None if a request reaches it.

    Among sets of the same size it is the one with the lowest priorities.

    Raises:
        Undecided: a regex or an unknown condition decides, or there are too many rules to compare.
    """
    if counterexample(rule, earlier) is not None:
        return None
    try:
        cover = _smallest_cover(rule, earlier)
    except Undecided:
        cover = _irreducible_cover(rule, earlier)
    return tuple(other.priority for other in cover)


def _smallest_cover(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> tuple[RoutingRule, ...]:
    """Guess a cover from the requests found so far; a counterexample is one more that the next guess must match."""
    takers: list[set[int]] = []
    while True:
        guess = tuple(earlier[index] for index in _smallest_hitting(takers))
        point = counterexample(rule, guess)
        if point is None:
            return guess
        takers.append(_takers(rule, earlier, point))


def _takers(rule: RoutingRule, earlier: Sequence[RoutingRule], point: Point) -> set[int]:
    takers = {index for index, other in enumerate(earlier) if matches_point(other, point, rule).is_yes}
    if not takers:
        raise Undecided("which rules match a request depends on conditions that can't be compared")
    return takers


def _smallest_hitting(sets: Sequence[set[int]]) -> tuple[int, ...]:
    """Return the smallest selection of numbers with at least one from each set."""
    candidates = sorted(set().union(*sets))
    for size in range(len(candidates) + 1):
        for selection in combinations(candidates, size):
            if all(other.intersection(selection) for other in sets):
                return selection
    raise AssertionError("a set is empty")


def _irreducible_cover(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> tuple[RoutingRule, ...]:
    """Return a cover from which no rule can be removed with certainty."""
    cover = list(earlier)
    for other in reversed(earlier):
        rest = [kept for kept in cover if kept is not other]
        try:
            if counterexample(rule, rest) is None:
                cover = rest
        except Undecided:
            continue
    return tuple(cover)


def _prefix_traps(rule: RoutingRule) -> Iterator[RuleFinding]:
    """Find prefixes without a slash, which match longer words, and with a slash, which do not match the bare prefix.

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
    others = [other for other in condition.values if other not in (value, prefix, f"{prefix}/*")]
    fix = (*others, prefix, f"{prefix}/*")
    if not value.endswith("/*"):
        detail = f"{value} also matches {prefix}xyz"
        yield RuleFinding("PREFIX_TRAP", rule.priority, value=value, detail=detail, fix=fix)
    elif not any(pattern.matches(prefix) for pattern in condition.patterns):
        yield RuleFinding("PREFIX_TRAP", rule.priority, value=value, detail=f"{value} does not match {prefix}", fix=fix)
