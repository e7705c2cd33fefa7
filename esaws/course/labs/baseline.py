"""What a lab remembers of the system before it breaks it, so that a repair can be compared with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from esaws.cloud import Cloud
from esaws.course.labs.promises import promises
from esaws.course.labs.settings import settings_of, world_rules
from esaws.deploy.inventory import inventory
from esaws.inspect.account import Account, snapshot
from esaws.inspect.monthly_total import monthly_total
from esaws.resource import Live

_RECREATED_BY_REPAIRS = frozenset(
    {
        "Alarm",
        "ECRImage",
        "GroupScalingPolicy",
        "ListenerRule",
        "Route",
        "RouteTableAssociation",
        "ScalableTarget",
        "ScalingPolicy",
        "SecurityGroupRule",
        "TargetRegistration",
        "Task",
        "TaskDefinition",
    }
)
"""Kinds that a small repair may delete and create."""
_CREATED = ("createdAt", "InstanceCreateTime", "CreatedTime", "CacheClusterCreateTime", "Created", "CreationDate")


@dataclass(frozen=True)
class Baseline:
    """The system at one time.

    Attributes:
        promises: sentences, each with what was found instead, or empty text where it was kept.
        settings: see `settings.py`.
        world: the ports that security groups open to the internet.
        usd: the list price of a month of what exists; None if a price is unknown.
        ids: `Kind name` → the id and the time of creation of what may not be created anew.
    """

    promises: dict[str, str]
    settings: dict[str, str]
    world: list[str]
    usd: float | None
    ids: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, as JSON data."""
        return asdict(self)


def measure(cloud: Cloud) -> Baseline:
    """Return the system as it is now."""
    account = snapshot(cloud)
    return Baseline(
        promises=promises(cloud, account),
        settings=settings_of(cloud, account),
        world=world_rules(cloud, account),
        usd=monthly_usd(cloud, account),
        ids={f"{live.kind} {live.name}": _identity(live) for live in inventory(cloud) if _is_compared(live)},
    )


def monthly_usd(cloud: Cloud, account: Account) -> float | None:
    """Return the list price of a month of what exists; None if a price is unknown."""
    total = monthly_total(account, cloud.prices)
    return None if total.usd is None or not total.is_complete else round(float(total.usd), 2)


def recreated(before: Baseline, now: Baseline) -> list[str]:
    """Return what has another identity than before, or is gone, as `Kind name`."""
    return sorted(what for what, identity in before.ids.items() if now.ids.get(what) != identity)


def _is_compared(live: Live) -> bool:
    return not live.foreign and live.kind not in _RECREATED_BY_REPAIRS


def _identity(live: Live) -> str:
    created = next((str(live.raw[key]) for key in _CREATED if key in live.raw), "")
    return f"{live.id} {created}".strip()
