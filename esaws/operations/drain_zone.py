"""Drain an Availability Zone: its instances hand their tasks over and end, and nothing starts there any more.

Instances of other zones start first. `plan_return_to_zone` is the way back, in the same way. What was before is kept
in a tag of each group, so that an interrupted run is finished by the next one, and the way back is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from esaws.cloud import Cloud
from esaws.deploy.serving import wait_until_serving
from esaws.deploy.steps import Step, StepPlan
from esaws.errors import EsawsError
from esaws.operations.checks import Check
from esaws.operations.failed_requests import check_requests
from esaws.operations.fleet import members
from esaws.operations.zone_balancers import plan_balancers, remaining_balancers
from esaws.operations.zone_moves import Drain, Return, Zones
from esaws.operations.zone_tags import Before
from esaws.resources.cache_cluster import CacheCluster
from esaws.resources.db_instance import DBInstance

if TYPE_CHECKING:
    import pandas


def plan_drain_zone(cloud: Cloud, zone: str) -> StepPlan:
    """Plan to move everything that can move out of a zone, such as `eu-west-3a`.

    Each group starts instances in its other zones, or in another subnet of the deployment if it has none; then its
    instances in the zone are drained and terminated. A load balancer of three or more zones leaves the zone too.

    Raises:
        UsageError: the deployment has no subnet in that zone.
        NotDeployed: the deployment has no Auto Scaling group.
        EsawsError: another zone is drained, or there is no subnet in another zone.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    zones = Zones.of(cloud)
    zones.require(zone)
    phases: list[list[Step]] = [[], [], [], []]
    hosts = zones.hosts(cloud)
    for group in zones.groups:
        before = Before.of(group)
        if before and before.zone != zone:
            raise EsawsError(f"AutoScalingGroup {group.name}: {before.zone} is drained; return to that zone first")
        _add(phases, Drain(cloud, zones, hosts, group, zone, before).steps())
    steps = [*_flatten(phases), *plan_balancers(cloud, zone, zones.zone_of)]
    return StepPlan(cloud, "drain zone", tuple(steps), tuple(_remarks(cloud, zone, zones)))


def plan_return_to_zone(cloud: Cloud, zone: str) -> StepPlan:
    """Plan to use a drained zone again: load balancers, then instances, evenly over the zones as before.

    Raises:
        UsageError: the deployment has no subnet in that zone.
        NotDeployed: the deployment has no Auto Scaling group.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    zones = Zones.of(cloud)
    zones.require(zone)
    phases: list[list[Step]] = [[], [], [], []]
    hosts = zones.hosts(cloud)
    for group in zones.groups:
        before = Before.of(group)
        if before and before.zone == zone:
            _add(phases, Return(cloud, zones, hosts, group, zone, before).steps())
    steps = [*plan_balancers(cloud, zone, zones.zone_of, returns=True), *_flatten(phases)]
    return StepPlan(cloud, "return to zone", tuple(steps))


def plan_zone(cloud: Cloud, zone: str, *, back: bool = False) -> StepPlan:
    """Plan to drain a zone, or with `back` to return to it. Raises what `plan_drain_zone` raises."""
    return plan_return_to_zone(cloud, zone) if back else plan_drain_zone(cloud, zone)


def verify_zone(cloud: Cloud, zone: str, since: datetime, *, back: bool = False) -> list[Check]:
    """Check that a zone is drained, or with `back` used as before, and that no request failed since a time."""
    return verify_zone_in_use(cloud, zone, since) if back else verify_zone_drained(cloud, zone, since)


def zone_state(cloud: Cloud) -> pandas.DataFrame:
    """Where the instances of each group are. One row a group and zone: group, zone, instances, launches (yes or no).

    Raises:
        NotDeployed: the deployment has no Auto Scaling group.
    """
    import pandas

    zones = Zones.of(cloud)
    rows = []
    for group in zones.groups:
        counts = Counter(members(group).values())
        launches = {zones.zone_of.get(subnet, "unknown") for subnet in group.fields["subnets"]}
        rows += [
            (group.name, zone, counts[zone], "yes" if zone in launches else "no")
            for zone in sorted({*counts, *launches})
        ]
    return pandas.DataFrame(rows, columns=["group", "zone", "instances", "launches"])


def verify_zone_drained(cloud: Cloud, zone: str, since: datetime) -> list[Check]:
    """Check that no instance is in a zone, that everything serves, and that no request failed since a time.

    Raises:
        UsageError: the deployment has no subnet in that zone.
    """
    found = _instances_in(cloud, zone)
    what, next_step = f"no instance of {cloud.deployment} is in {zone}", "drain the zone again"
    return [Check(what, not found, _listed(found), next_step), *_serving_checks(cloud, since)]


def verify_zone_in_use(cloud: Cloud, zone: str, since: datetime) -> list[Check]:
    """Check that groups use a zone as before, that everything serves, and that no request failed since a time.

    Raises:
        UsageError: the deployment has no subnet in that zone.
    """
    drained = sorted(group.name for group in Zones.of(cloud).groups if (tag := Before.of(group)) and tag.zone == zone)
    found = f"drained: {', '.join(drained)}" if drained else _listed(_instances_in(cloud, zone))
    what, next_step = f"{zone} is used as before", "return to the zone again"
    return [Check(what, not drained, found, next_step), *_serving_checks(cloud, since)]


def drain_zone_leaves(cloud: Cloud, zone: str) -> list[str]:
    """What a drained zone leaves: groups that avoid it, what could not move, and how to undo it.

    Raises:
        UsageError: the deployment has no subnet in that zone.
    """
    zones = Zones.of(cloud)
    zones.require(zone)
    drained = sorted(group.name for group in zones.groups if (before := Before.of(group)) and before.zone == zone)
    lines = [f"{name} launches nothing in {zone} until you return to it" for name in drained]
    undo = ["a deploy restores the declared subnets too, and AWS then moves instances without draining them"]
    return [*lines, *(undo if drained else ()), *_remarks(cloud, zone, zones)]


def _serving_checks(cloud: Cloud, since: datetime) -> list[Check]:
    unstable = wait_until_serving(cloud)
    found = "; ".join(map(str, unstable)) or "all of them"
    what = "services are stable, targets healthy, and tasks run"
    return [Check(what, not unstable, found, "`esaws health` says why"), check_requests(cloud, since)]


def _instances_in(cloud: Cloud, zone: str) -> dict[str, int]:
    """Name of each group with instances in the zone → their number."""
    zones = Zones.of(cloud)
    zones.require(zone)
    counts = {group.name: sum(found == zone for found in members(group).values()) for group in zones.groups}
    return {name: count for name, count in counts.items() if count}


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in sorted(counts.items())) or "none"


def _add(phases: list[list[Step]], steps: list[Step | None]) -> None:
    for phase, step in zip(phases, steps, strict=True):
        if step is not None:
            phase.append(step)


def _flatten(phases: list[list[Step]]) -> list[Step]:
    """All groups start instances first, so that their starts overlap."""
    return [step for phase in phases for step in phase]


def _remarks(cloud: Cloud, zone: str, zones: Zones) -> Iterator[str]:
    """What stays in the zone, because it can't move."""
    yield from remaining_balancers(cloud, zone, zones.zone_of)
    for live in DBInstance.list(cloud):
        if live.raw.get("AvailabilityZone") == zone and not live.raw.get("MultiAZ"):
            yield f"DBInstance {live.name} stays in {zone}: a database of one zone can't move"
    for live in CacheCluster.list(cloud):
        if live.raw.get("PreferredAvailabilityZone") == zone:
            yield f"CacheCluster {live.name} stays in {zone}: a cache of one node can't move"
