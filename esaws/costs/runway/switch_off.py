"""What to switch off first: what runs now, by the cost that ends with it, and what is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from esaws.aws import tag_dict
from esaws.cloud import DEPLOYMENT_TAG
from esaws.inspect.account import Account
from esaws.inspect.recurring_costs import CostItem, cost_items
from esaws.pricelist import PriceList, Usage
from esaws.resources._ecs import service_of

_GROUP_TAG = "aws:autoscaling:groupName"
_GROUP = "Auto Scaling group"
_SERVICE = "Fargate service"
STEPS: Mapping[str, str] = {
    "instance": "stop it (its disk still costs)",
    _GROUP: "set its minimum and desired capacity to 0, as it replaces an instance that stops",
    "Fargate task": "stop it",
    _SERVICE: "set its desired count to 0, as it replaces a task that stops",
    "database": "stop it (its storage still costs, and AWS starts it again after 7 days)",
    "cache": "delete it, as a cache can't be stopped",
    "broker": "delete it, as a broker can't be stopped",
    "load balancer": "delete it, as it can't be stopped",
    "NAT gateway": "delete it (private subnets lose their way out)",
    "VPC endpoint": "delete it (calls to the service then need another way out)",
    "volume": "no instance has it: delete it, after a snapshot if its data matter",
    "idle address": "nothing has it: release it",
}
"""Kind → what to do."""
_STAYS = {"instance": "EBS:VolumeUsage", "database": "Storage"}
"""Kind → what the usage types that still cost after it contain."""


@dataclass(frozen=True)
class SwitchOff:
    """Something that runs now and could be switched off."""

    kind: str
    name: str
    """The Name tag or AWS's own name, else the id."""
    count: int
    """Of instances in a group, or of tasks of a service; else 1."""
    saves: Decimal | None
    """USD a month at list price; None where a price is not known."""
    step: str
    deployment: str
    """The deployment that owns it; empty where no tag says so."""
    longer_days: float | None = None
    """For how many days longer the credits last without it; None where that is not known."""

    def to_dict(self) -> dict[str, Any]:
        """kind, name, count, saves_usd_month (null where not known), longer_days (the same), step, deployment."""
        return {
            "kind": self.kind,
            "name": self.name,
            "count": self.count,
            "saves_usd_month": None if self.saves is None else float(round(self.saves, 4)),
            "longer_days": self.longer_days,
            "step": self.step,
            "deployment": self.deployment or None,
        }


def switch_off(account: Account, prices: PriceList) -> tuple[SwitchOff, ...]:
    """What runs in an account and region, by the cost that ends with it; what has no known price comes last. Pure.

    The instances of an Auto Scaling group are one thing, and so are the tasks of a service: both replace what stops.
    """
    tags, members = _tags_by_id(account), _members(account)
    things: defaultdict[tuple[str, str], list[CostItem]] = defaultdict(list)
    for item in cost_items(account):
        things[members.get(item.id) or (item.kind, item.id)].append(item)
    found: list[SwitchOff] = []
    for (kind, id), items in things.items():
        amounts = [_saves(kind, item.usages, prices, account.region) for item in items]
        saves = None if None in amounts else sum((usd for usd in amounts if usd is not None), Decimal(0))
        if saves is None or saves > 0:
            own = tags.get(items[0].id, {})
            name = (own.get("Name") if items[0].id == id else None) or _name_in_arn(id)
            deployment = own.get(DEPLOYMENT_TAG, "")
            found.append(SwitchOff(kind, name, len(items), saves, STEPS[kind], deployment))
    return tuple(sorted(found, key=lambda one: (one.saves is None, -(one.saves or 0), one.kind, one.name)))


def _members(account: Account) -> dict[str, tuple[str, str]]:
    """Instance or task → the kind and the id of what replaces it when it stops."""
    members: dict[str, tuple[str, str]] = {}
    for raw in account.get("Instances") or ():
        if group := tag_dict(raw.get("Tags")).get(_GROUP_TAG):
            members[raw["InstanceId"]] = (_GROUP, group)
    for raw in account.get("tasks") or ():
        if service := service_of(raw):
            cluster, name = service
            members[raw["taskArn"]] = (_SERVICE, f"{cluster.replace(':cluster/', ':service/')}/{name}")
    return members


def _saves(kind: str, usages: Iterable[Usage], prices: PriceList, region: str) -> Decimal | None:
    """The list price of the usage that ends; None where a price is not known."""
    stays = _STAYS.get(kind)
    ending = [usage for usage in usages if stays is None or stays not in usage.usage_type]
    return prices.monthly_cost(ending, region).usd


def _name_in_arn(id: str) -> str:
    """`web` of `arn:…:loadbalancer/app/web/0123` and of `arn:…:service/cluster/web`; other ids as they are."""
    parts = id.split(":", 5)[-1].split("/") if id.startswith("arn:") else []
    return parts[2] if len(parts) > 2 else id


def _tags_by_id(account: Account) -> dict[str, Mapping[str, str]]:
    """The tags of the resources whose descriptions have them, and the names that AWS gives to others."""
    tags: dict[str, Mapping[str, str]] = {}
    for key, id in (
        ("Instances", "InstanceId"),
        ("Volumes", "VolumeId"),
        ("NatGateways", "NatGatewayId"),
        ("VpcEndpoints", "VpcEndpointId"),
        ("Addresses", "AllocationId"),
    ):
        for raw in account.get(key) or ():
            if id in raw:
                tags[raw[id]] = tag_dict(raw.get("Tags"))
    for raw in account.get("DBInstances") or ():
        name = str(raw["DBInstanceIdentifier"])
        tags[name] = {**tag_dict(raw.get("TagList")), "Name": name}
    for raw in account.get("Brokers") or ():
        tags[raw["BrokerId"]] = {**(raw.get("Tags") or {}), "Name": str(raw.get("BrokerName", raw["BrokerId"]))}
    return tags
