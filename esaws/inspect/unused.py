"""What costs money in an account and nothing uses: of any account, deployed by esaws or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from esaws._display import html_table
from esaws.aws import CALL_ERRORS, pages
from esaws.cloud import Cloud
from esaws.errors import describe_error
from esaws.inspect.account import Account, name_tag, snapshot
from esaws.inspect.activity import Use, activity
from esaws.inspect.classic_targets import classic_load_balancers
from esaws.inspect.fetch import Raw
from esaws.inspect.recurring_costs import ALL_KEYS, cost_items
from esaws.pricelist import PriceList
from esaws.simulation import cloud_time

if TYPE_CHECKING:
    import pandas

_KEYS = (*ALL_KEYS, "Listeners", "TargetGroups", "TargetHealth", "RouteTables", "AutoScalingGroups")
_IDLE_PERCENT = 5
"""An instance whose CPU was never above this did no work."""

Sure = Literal["yes", "perhaps"]


@dataclass(frozen=True)
class UnusedResource:
    """One resource that costs money and shows no use. `usd_month` is None where its price is not known.

    `sure` is yes where its description proves that nothing uses it, and perhaps where it only did not work for days.
    """

    kind: str
    name: str
    id: str
    sure: Sure
    why: str
    fix: str
    usd_month: Decimal | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return kind, name, id, sure, why, fix, usd_month (null where the price is not known)."""
        usd = None if self.usd_month is None else float(round(self.usd_month, 4))
        return {
            "kind": self.kind,
            "name": self.name,
            "id": self.id,
            "sure": self.sure,
            "why": self.why,
            "fix": self.fix,
            "usd_month": usd,
        }


@dataclass(frozen=True, repr=False)
class UnusedResources(Sequence[UnusedResource]):
    """The unused resources of an account, the most expensive first; `not_looked_at` has a sentence for each gap."""

    items: tuple[UnusedResource, ...]
    not_looked_at: tuple[str, ...] = ()

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def usd_month(self) -> Decimal:
        """The monthly list price of those with a known price."""
        return sum((item.usd_month for item in self.items if item.usd_month is not None), Decimal(0))

    @property
    def verdict(self) -> str:
        """The result in one line."""
        unpriced = sum(item.usd_month is None for item in self.items)
        without = f", {unpriced} of them without a known price" if unpriced else ""
        gaps = f"; {len(self.not_looked_at)} things were not looked at" if self.not_looked_at else ""
        if not self.items:
            return f"nothing was found that costs money and is not used{gaps}"
        least = "at least " if unpriced else ""
        return f"{len(self.items)} unused resources cost {least}{self.usd_month:.2f} USD a month{without}{gaps}"

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each: kind, name, sure, usd_month (NaN where not known), why, fix."""
        import pandas

        columns = ["kind", "name", "sure", "usd_month", "why", "fix"]
        return pandas.DataFrame([item.to_dict() for item in self.items], columns=columns).astype({"usd_month": float})

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, usd_month, resources, not_looked_at."""
        return {
            "verdict": self.verdict,
            "usd_month": float(round(self.usd_month, 4)),
            "resources": [item.to_dict() for item in self.items],
            "not_looked_at": list(self.not_looked_at),
        }

    def __repr__(self) -> str:
        lines = [f"  {item.kind} {item.name}: {item.why}" for item in self.items]
        return "\n".join([self.verdict, *lines, *(f"  not looked at: {gap}" for gap in self.not_looked_at)])

    def _repr_html_(self) -> str:
        import pandas

        gaps = pandas.DataFrame({"not looked at": self.not_looked_at})
        return html_table(self.verdict, self.to_frame()) + (html_table("", gaps) if self.not_looked_at else "")


def unused_resources(cloud: Cloud, *, days: int = 7) -> UnusedResources:
    """Find what costs money and nothing uses: by description, and by the use of the last `days` in CloudWatch.

    What is younger than `days` is not judged by its use. Snapshots are listed where their volume or database is gone.
    """
    account = snapshot(cloud, *_KEYS)
    gaps = [f"{key}: {reason}" for key, reason in account.missing.items()]
    use: Use = {}
    snapshots: list[Raw] | None = None
    database_snapshots: list[Raw] | None = None
    try:
        use = activity(cloud, account, cloud_time(cloud), days)
        gaps += [f"use of {kind} {id}: CloudWatch has no data" for (kind, id), value in use.items() if value is None]
    except CALL_ERRORS as error:
        gaps.append(f"use: {describe_error(error)}")
    try:
        own = [*pages(cloud, "ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"])]
        images = [*pages(cloud, "ec2", "describe_images", "Images", Owners=["self"])]
        snapshots = [raw for raw in own if raw["SnapshotId"] not in set(_of_images(images))]
        database_snapshots = [*pages(cloud, "rds", "describe_db_snapshots", "DBSnapshots", SnapshotType="manual")]
    except CALL_ERRORS as error:
        gaps.append(f"snapshots: {describe_error(error)}")
    classic: list[UnusedResource] = []
    try:
        classic = [*unused_classic(classic_load_balancers(cloud).values())]
    except CALL_ERRORS as error:
        gaps.append(f"Classic Load Balancers: {describe_error(error)}")
    found = [
        *unused_by_description(account),
        *classic,
        *unused_by_activity(account, use, days),
        *orphaned_snapshots(account, snapshots or (), database_snapshots or ()),
    ]
    return UnusedResources(tuple(priced(found, account, cloud.prices)), tuple(gaps))


def _of_images(images: Iterable[Raw]) -> Iterator[str]:
    """Yield the snapshots that images start from, which AWS refuses to delete."""
    for image in images:
        for mapping in image.get("BlockDeviceMappings", ()):
            if id := mapping.get("Ebs", {}).get("SnapshotId"):
                yield id


def priced(found: Iterable[UnusedResource], account: Account, prices: PriceList) -> list[UnusedResource]:
    """Return each resource once with its monthly list price, the most expensive first. Pure."""
    costs: dict[tuple[str, str], Decimal | None] = {
        (item.kind, item.id): item.monthly(prices, account.region).usd for item in cost_items(account)
    }
    first: dict[tuple[str, str], UnusedResource] = {}
    for item in found:
        first.setdefault((item.kind, item.id), replace(item, usd_month=costs.get((item.kind, item.id))))
    return sorted(first.values(), key=lambda item: (-(item.usd_month or 0), item.kind, item.name))


# -- what the descriptions prove ---------------------------------------------------------------------------------------


def unused_by_description(account: Account) -> Iterator[UnusedResource]:
    """Yield what nothing can use as it is described. Pure."""
    yield from _addresses(account)
    yield from _volumes(account)
    yield from _load_balancers(account)
    yield from _nat_gateways(account)
    for raw in account.get("DBInstances") or ():
        if raw.get("DBInstanceStatus") == "stopped":
            name = raw["DBInstanceIdentifier"]
            why = "it is stopped, its storage is charged, and AWS starts it again after seven days"
            yield UnusedResource("database", name, name, "perhaps", why, "make a snapshot and delete it")


def _addresses(account: Account) -> Iterator[UnusedResource]:
    for raw in account.get("Addresses") or ():
        if not raw.get("AssociationId"):
            id = str(raw.get("AllocationId") or raw["PublicIp"])
            name = name_tag(raw, raw["PublicIp"])
            yield UnusedResource("idle address", name, id, "yes", "it is associated with nothing", "release it")


def _volumes(account: Account) -> Iterator[UnusedResource]:
    instances = {raw["InstanceId"]: raw for raw in account.get("Instances") or ()}
    for raw in account.get("Volumes") or ():
        if raw.get("State") == "available" and not raw.get("Attachments"):
            name = name_tag(raw, raw["VolumeId"])
            fix = "make a snapshot and delete it"
            yield UnusedResource("volume", name, raw["VolumeId"], "yes", "it is attached to nothing", fix)
    for id, raw in instances.items():
        if raw["State"]["Name"] == "stopped":
            why = "it is stopped, and its volumes are charged"
            fix = "terminate it, or make a snapshot of its volumes and delete them"
            yield UnusedResource("instance", name_tag(raw, id), id, "perhaps", why, fix)


def _load_balancers(account: Account) -> Iterator[UnusedResource]:
    listeners, groups, health = (account.get(key) for key in ("Listeners", "TargetGroups", "TargetHealth"))
    registered = {raw["TargetGroupArn"] for raw in health or ()}
    for raw in account.get("LoadBalancers") or ():
        arn, name = raw["LoadBalancerArn"], raw["LoadBalancerName"]
        own = [group["TargetGroupArn"] for group in groups or () if arn in group.get("LoadBalancerArns", ())]
        why = ""
        if listeners is not None and not any(item["LoadBalancerArn"] == arn for item in listeners):
            why = "it has no listener, so it takes no connection"
        elif own and health is not None and not registered.intersection(own):
            why = "none of its target groups has a target"
        if why:
            yield UnusedResource("load balancer", name, arn, "yes", why, "delete it")


def _nat_gateways(account: Account) -> Iterator[UnusedResource]:
    tables = account.get("RouteTables")
    if tables is None:
        return
    routed = {route.get("NatGatewayId") for table in tables for route in table.get("Routes", ())}
    for raw in account.get("NatGateways") or ():
        if raw.get("State") == "available" and raw["NatGatewayId"] not in routed:
            name, fix = name_tag(raw, raw["NatGatewayId"]), "delete it, and release its address"
            yield UnusedResource("NAT gateway", name, raw["NatGatewayId"], "yes", "no route leads to it", fix)


def unused_classic(load_balancers: Iterable[Raw]) -> Iterator[UnusedResource]:
    """Yield the Classic Load Balancers without instances. Pure."""
    for raw in load_balancers:
        if not raw.get("Instances"):
            name = raw["LoadBalancerName"]
            yield UnusedResource("classic load balancer", name, name, "yes", "it has no instance", "delete it")


# -- what did nothing for days -----------------------------------------------------------------------------------------

_IDLE = {
    "load balancer": ("LoadBalancers", "LoadBalancerArn", "no request in {} days", "delete it"),
    "NAT gateway": ("NatGateways", "NatGatewayId", "no byte to the internet in {} days", "delete it with its address"),
    "VPC endpoint": ("VpcEndpoints", "VpcEndpointId", "no byte in {} days", "delete it"),
    "database": ("DBInstances", "DBInstanceIdentifier", "no connection in {} days", "make a snapshot and delete it"),
    "instance": ("Instances", "InstanceId", f"its CPU was never above {_IDLE_PERCENT} % in {{}} days", "stop it"),
}
"""Kind → the key of an account, the id there, why it is unused, and the fix."""


def unused_by_activity(account: Account, use: Use, days: int) -> Iterator[UnusedResource]:
    """Yield what did nothing for days, where CloudWatch has data; not instances that a group manages. Pure."""
    scaled = {item["InstanceId"] for group in account.get("AutoScalingGroups") or () for item in group["Instances"]}
    for kind, (key, id_member, why, fix) in _IDLE.items():
        for raw in account.get(key) or ():
            id = raw[id_member]
            used = use.get((kind, id))
            limit = _IDLE_PERCENT if kind == "instance" else 0
            if used is not None and used <= limit and id not in scaled:
                name = raw.get("LoadBalancerName") or name_tag(raw, id)
                yield UnusedResource(kind, name, id, "perhaps", why.format(days), fix)


def orphaned_snapshots(
    account: Account, snapshots: Iterable[Raw], database_snapshots: Iterable[Raw]
) -> Iterator[UnusedResource]:
    """Yield snapshots whose volume or database is gone. Their size on the bill is not described, so no price. Pure."""
    volumes, databases = account.get("Volumes"), account.get("DBInstances")
    if volumes is not None:
        existing = {raw["VolumeId"] for raw in volumes}
        for raw in snapshots:
            if raw.get("VolumeId") not in existing:
                why = f"its volume is gone; at most {raw.get('VolumeSize', '?')} GB are charged"
                name = name_tag(raw, raw["SnapshotId"])
                yield UnusedResource("snapshot", name, raw["SnapshotId"], "perhaps", why, "delete it unless it is kept")
    if databases is not None:
        existing = {raw["DBInstanceIdentifier"] for raw in databases}
        for raw in database_snapshots:
            if raw["DBInstanceIdentifier"] not in existing:
                id = raw["DBSnapshotIdentifier"]
                why = f"its database is gone; at most {raw.get('AllocatedStorage', '?')} GB are charged"
                yield UnusedResource("database snapshot", id, id, "perhaps", why, "delete it unless it is kept")
