"""The rules of a listener, in evaluation order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from esaws.errors import UsageError
from esaws.inspect.answers import Answer, all_of
from esaws.inspect.routing.conditions import Condition, parse_condition
from esaws.inspect.routing.request import Request

DEFAULT = "default"


@dataclass(frozen=True)
class RoutingRule:
    """One rule, which matches if all its conditions do; `priority` is "1" to "50000", or "default"."""

    priority: str
    arn: str
    conditions: tuple[Condition, ...]
    actions: tuple[Mapping[str, Any], ...]
    """The actions from describe_rules, the lowest `Order` first."""
    transforms: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def parse(cls, described: Mapping[str, Any]) -> RoutingRule:
        """Parse a rule from describe_rules.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Rule.html

        Raises:
            UsageError: the priority is neither a number nor "default".
        """
        priority = DEFAULT if described.get("IsDefault") else str(described.get("Priority"))
        if priority != DEFAULT and not priority.isdecimal():
            raise UsageError(f"a rule has the priority {priority!r}; it must be a number from 1 to 50000, or default")
        described_actions = described.get("Actions") or ()
        actions = [action if isinstance(action, Mapping) else {"Type": str(action)} for action in described_actions]
        return cls(
            priority,
            str(described.get("RuleArn", "")),
            tuple(parse_condition(condition) for condition in described.get("Conditions") or ()),
            tuple(sorted(actions, key=lambda action: _number(action.get("Order")))),
            tuple(described.get("Transforms") or ()),
        )

    @property
    def is_default(self) -> bool:
        return self.priority == DEFAULT

    @property
    def name(self) -> str:
        """Its name in a sentence."""
        return "the default rule" if self.is_default else f"rule {self.priority}"

    def matches(self, request: Request) -> Answer:
        """Return whether all its conditions match a request."""
        return all_of(condition.matches(request) for condition in self.conditions)


def _number(order: Any) -> int:
    return order if isinstance(order, int) else 0


def parse_rules(described: Iterable[Mapping[str, Any]]) -> list[RoutingRule]:
    """Parse the rules from describe_rules into evaluation order: the lowest priority first, the default rule last."""
    return sorted((RoutingRule.parse(rule) for rule in described), key=_order)


def _order(rule: RoutingRule) -> tuple[bool, int]:
    return rule.is_default, 0 if rule.is_default else int(rule.priority)


def evaluate(rules: Iterable[RoutingRule], request: Request) -> Iterator[tuple[RoutingRule, Answer]]:
    """Yield each rule in evaluation order with its answer, up to the first that matches with certainty."""
    for rule in rules:
        answer = rule.matches(request)
        yield rule, answer
        if answer.is_yes:
            return
