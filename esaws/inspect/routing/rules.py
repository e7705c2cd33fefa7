"""The rules of a listener, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from esaws.errors import UsageError
from esaws.inspect.answers import Answer, all_of
from esaws.inspect.routing.conditions import Condition, parse_condition
from esaws.inspect.routing.request import Request

DEFAULT = "default"


@dataclass(frozen=True)
class RoutingRule:
    """One rule: all its conditions must be met; `priority` is "1" to "50000", or "default"."""

    priority: str
    arn: str
    conditions: tuple[Condition, ...]
    actions: tuple[Mapping[str, Any], ...]
    """As describe_rules gives them, the lowest `Order` first."""
    transforms: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def parse(cls, described: Mapping[str, Any]) -> RoutingRule:
        """A rule as describe_rules gives it.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Rule.html

        Raises:
            UsageError: its priority is neither a number nor "default".
        """
        priority = DEFAULT if described.get("IsDefault") else str(described.get("Priority"))
        if priority != DEFAULT and not priority.isdecimal():
            raise UsageError(f"a rule has the priority {priority!r}; it is a number from 1 to 50000, or default")
        given = described.get("Actions") or ()
        actions = [each if isinstance(each, Mapping) else {"Type": str(each)} for each in given]
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
        """What a sentence calls it."""
        return "the default rule" if self.is_default else f"rule {self.priority}"

    def matches(self, request: Request) -> Answer:
        """Does it take a request that no earlier rule took?"""
        return all_of(condition.matches(request) for condition in self.conditions)


def _number(order: Any) -> int:
    return order if isinstance(order, int) else 0


def parse_rules(described: Iterable[Mapping[str, Any]]) -> list[RoutingRule]:
    """What describe_rules gave, in the order in which the load balancer asks: the lowest number first, default last."""
    return sorted((RoutingRule.parse(rule) for rule in described), key=_order)


def _order(rule: RoutingRule) -> tuple[bool, int]:
    return rule.is_default, 0 if rule.is_default else int(rule.priority)
