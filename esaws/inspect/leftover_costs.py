"""What the leftovers of a deployment cost a month, as long as they are left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from esaws.cloud import Cloud
from esaws.deploy.leftovers import Leftover
from esaws.inspect.account import Account, snapshot
from esaws.inspect.recurring_costs import ALL_KEYS, cost_items

FREE = frozenset(
    (
        *("autoscaling:autoScalingGroup", "application-autoscaling:scalable-target"),
        *("ec2:internet-gateway", "ec2:launch-template", "ec2:network-interface", "ec2:route-table"),
        *("ec2:security-group", "ec2:security-group-rule", "ec2:subnet", "ec2:vpc"),
        *("ecs:capacity-provider", "ecs:cluster", "ecs:container-instance", "ecs:service", "ecs:task-definition"),
        *("elasticache:subnetgroup", "rds:subgrp", "iam:instance-profile", "iam:role"),
        *("elasticloadbalancing:listener", "elasticloadbalancing:listener-rule", "elasticloadbalancing:targetgroup"),
    )
)
"""Kinds for which AWS charges nothing: what they start or contain is a leftover of its own."""


@dataclass(frozen=True)
class LeftoverCost:
    """A leftover, and its list price in USD a month.

    The price is None if it depends on use, if it is not in the price list, or if it is unknown whether the resource
    exists. That of an instance includes its volumes, and that of a load balancer or instance its addresses.
    """

    leftover: Leftover
    usd_month: Decimal | None

    def to_dict(self) -> dict[str, Any]:
        """Return kind, name, id, state, reason and usd_month."""
        usd = None if self.usd_month is None else float(round(self.usd_month, 2))
        return {**self.leftover.to_dict(), "usd_month": usd}


def price_leftovers(cloud: Cloud, leftovers: Iterable[Leftover]) -> list[LeftoverCost]:
    """Return each leftover with its price, from what the account describes. Makes no calls if there are none.

    Raises:
        WrongAccount: the credentials belong to another account.
    """
    leftovers = list(leftovers)
    if not leftovers:
        return []
    account = snapshot(cloud, *ALL_KEYS)
    prices = {
        item.id.rsplit("/", 1)[-1]: cloud.prices.monthly_cost(item.usages, cloud.region).usd
        for item in cost_items(account)
    }
    included = set(_included(account))
    return [LeftoverCost(each, price_of(each, prices, included)) for each in leftovers]


def price_of(leftover: Leftover, prices: dict[str, Decimal | None], included: set[str]) -> Decimal | None:
    """Return the USD a month of a leftover, or None. Pure.

    `prices` has those of the resources with a fixed price by id, and `included` the ids of what one of them includes.
    """
    if leftover.state == "unknown":
        return None
    id = leftover.id.replace(":", "/").rsplit("/", 1)[-1]
    if id in prices:
        return prices[id]
    return Decimal(0) if leftover.kind in FREE or id in included else None


def _included(account: Account) -> Iterable[str]:
    """Yield the ids of what the price of another resource includes: attached volumes, and addresses in use."""
    for raw in account.get("Volumes") or ():
        if raw.get("Attachments"):
            yield raw["VolumeId"]
    for raw in account.get("Addresses") or ():
        if raw.get("AssociationId"):
            yield str(raw.get("AllocationId"))


def total(costs: Iterable[LeftoverCost]) -> tuple[Decimal, int]:
    """Return the sum of the known prices in USD a month, and of how many leftovers the price is not known."""
    costs = list(costs)
    known = [each.usd_month for each in costs if each.usd_month is not None]
    return sum(known, Decimal(0)), len(costs) - len(known)
