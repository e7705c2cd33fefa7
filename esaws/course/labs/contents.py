"""What exists in an account, deployed by esaws or not: a lab starts only where this is nothing."""

from __future__ import annotations

from collections import Counter

from esaws.cloud import Cloud
from esaws.inspect.account import Account, snapshot

_KINDS = (
    "Addresses",
    "AutoScalingGroups",
    "Brokers",
    "Buckets",
    "CacheClusters",
    "DBInstances",
    "Instances",
    "LoadBalancers",
    "NatGateways",
    "Volumes",
    "clusters",
    "repositories",
    "services",
)
_ENDED = {"terminated", "deleted", "INACTIVE"}


def contents(cloud: Cloud) -> list[str]:
    """Return what exists in an account, as in `2 LoadBalancers`. AWS's defaults do not count."""
    account = snapshot(cloud, *_KINDS, "Vpcs")
    counts = Counter({kind: sum(_exists(raw) for raw in account.get(kind) or ()) for kind in _KINDS})
    counts["Vpcs"] = _own_vpcs(account)
    return [f"{count} {kind}" for kind, count in sorted(counts.items()) if count]


def _own_vpcs(account: Account) -> int:
    return sum(not raw["IsDefault"] for raw in account.get("Vpcs") or ())


def _exists(raw: dict[str, object]) -> bool:
    state = raw.get("State", raw.get("status"))
    return (state.get("Name") if isinstance(state, dict) else state) not in _ENDED
