"""The steps that move one Auto Scaling group out of a zone, and back into it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from esaws.cloud import Cloud
from esaws.deploy.steps import Step
from esaws.errors import EsawsError, UsageError
from esaws.operations.fleet import (
    Host,
    drain,
    hosts_of,
    list_groups,
    members,
    read_group,
    tasks_on,
    terminate,
    wait_for_hosts,
)
from esaws.operations.zone_tags import Before, remove_tag, write_tag
from esaws.resource import Live
from esaws.resources.subnet import Subnet

_PROCESSES = ("AZRebalance", "AlarmNotification")
"""The processes of a group that terminate instances by themselves, without draining them: balancing and scaling.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
"""

_PAUSED = "neither balanced nor scaled"

_Launch = tuple[str, str, Callable[[], None]]
"""The first step of a group: its state before, its state after, and what it does."""


@dataclass(frozen=True)
class Zones:
    """The groups and the subnets of a deployment, and the zone of each subnet."""

    groups: tuple[Live, ...]
    subnets: tuple[Live, ...]

    def hosts(self, cloud: Cloud) -> dict[str, Host]:
        """Instance id → its container instance, of all groups."""
        ids = {instance for group in self.groups for instance in members(group)}
        return {host.instance: host for host in hosts_of(cloud, ids)}

    @classmethod
    def of(cls, cloud: Cloud) -> Zones:
        cloud.check()
        return cls(list_groups(cloud), tuple(live for live in Subnet.list(cloud) if not live.foreign))

    @property
    def zone_of(self) -> dict[str, str]:
        """Subnet id → its zone."""
        return {live.id: live.raw["AvailabilityZone"] for live in self.subnets}

    def require(self, zone: str) -> None:
        zones = sorted(set(self.zone_of.values()))
        if zone not in zones:
            raise UsageError(f"{zone}: the deployment has no subnet there; its zones are {', '.join(zones)}")

    def outside(self, group: Live, zone: str) -> tuple[str, ...]:
        """The subnets of a group outside a zone, or else those of the deployment in the same VPC."""
        own = sorted(group.fields["subnets"])
        vpcs = {live.raw["VpcId"] for live in self.subnets if live.id in own}
        candidates = [live.id for live in self.subnets if live.raw["VpcId"] in vpcs]
        found = [
            tuple(subnet for subnet in subnets if self.zone_of.get(subnet, zone) != zone)
            for subnets in (own, sorted(candidates))
        ]
        if not any(found):
            raise EsawsError(f"AutoScalingGroup {group.name}: the deployment has no subnet outside {zone}; add one")
        return found[0] or found[1]


@dataclass(frozen=True)
class _Move(ABC):
    """The steps of one group: start replacements, drain what leaves, terminate it, and balance as before."""

    cloud: Cloud
    zones: Zones
    hosts: dict[str, Host]
    """Of the time of the plan."""
    group: Live
    zone: str
    before: Before | None

    @property
    def name(self) -> str:
        """The name of the group on AWS."""
        return str(self.group.raw["AutoScalingGroupName"])

    @property
    def suspended(self) -> set[str]:
        return {each["ProcessName"] for each in self.group.raw.get("SuspendedProcesses", ())}

    @abstractmethod
    def leaving(self, group: Live) -> list[str]:
        """The instances that leave the group."""

    def launch(self, before: Before, subnets: tuple[str, ...], more: int) -> None:
        """Write the tag, suspend balancing and scaling, and ask for `more` instances in the subnets."""
        autoscaling = self.cloud.client("autoscaling")
        write_tag(self.cloud, self.name, before)
        autoscaling.suspend_processes(AutoScalingGroupName=self.name, ScalingProcesses=list(_PROCESSES))
        desired = read_group(self.cloud, self.group).raw["DesiredCapacity"] + more
        autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=self.name,
            VPCZoneIdentifier=",".join(subnets),
            DesiredCapacity=desired,
            MaxSize=max(before.maximum, desired),
        )

    def drain(self) -> None:
        group = read_group(self.cloud, self.group)
        leaving = self.leaving(group)
        wait_for_hosts(self.cloud, self.name, group.raw["DesiredCapacity"] - len(leaving), leaving)
        drain(self.cloud, hosts_of(self.cloud, leaving))

    def end(self) -> None:
        terminate(self.cloud, self.leaving(read_group(self.cloud, self.group)))

    def restore(self, before: Before) -> None:
        """Let AWS balance and scale the group again if it did, with its maximum of before."""
        autoscaling, desired = (
            self.cloud.client("autoscaling"),
            read_group(self.cloud, self.group).raw["DesiredCapacity"],
        )
        maximum = max(before.maximum, desired)
        autoscaling.update_auto_scaling_group(AutoScalingGroupName=self.name, MaxSize=maximum)
        if before.processes:
            autoscaling.resume_processes(AutoScalingGroupName=self.name, ScalingProcesses=list(before.processes))

    def _phases(self, launch: _Launch | None, leaving: list[str], last: Step | None) -> list[Step | None]:
        name = self.group.name
        first = Step("AutoScalingGroup", name, *launch) if launch else None
        if not leaving:
            return [first, None, None, last]
        count = f"{len(leaving)} instance{'s' * (len(leaving) != 1)}"
        then = "drained, their tasks run elsewhere"
        is_drained = all(self._is_drained(instance) for instance in leaving)
        drains = None if is_drained else Step("AutoScalingGroup", name, f"{count} with tasks", then, self.drain)
        return [first, drains, Step("AutoScalingGroup", name, f"{count} drained", "terminated", self.end), last]

    def _is_drained(self, instance: str) -> bool:
        host = self.hosts.get(instance)
        return host is not None and host.status == "DRAINING" and not tasks_on(self.cloud, host)


class Drain(_Move):
    """Move a group out of a zone."""

    def leaving(self, group: Live) -> list[str]:
        return [instance for instance, zone in members(group).items() if zone == self.zone]

    def steps(self) -> list[Step | None]:
        raw, used = self.group.raw, self.group.fields["subnets"]
        leaving = self.leaving(self.group)
        here = len(leaving)
        subnets = self.zones.outside(self.group, self.zone)
        processes = tuple(process for process in _PROCESSES if process not in self.suspended)
        before = self.before or Before(
            self.zone, "drain", raw["DesiredCapacity"], raw["MaxSize"], processes, tuple(sorted(used))
        )
        before = replace(before, phase="drain")
        launch = last = None
        if used != frozenset(subnets):
            others = ", ".join(sorted({self.zones.zone_of[subnet] for subnet in subnets}))
            start = f", {here} more" if here else ""
            now = f"{here} of {len(members(self.group))} instances in {self.zone}"
            launch = (now, f"launches in {others} only{start}", lambda: self.launch(before, subnets, here))
        if launch or here or self.suspended & {*before.processes}:
            last = Step("AutoScalingGroup", self.group.name, _PAUSED, _sizes(before), lambda: self.restore(before))
        return self._phases(launch, leaving, last)


class Return(_Move):
    """Move a group back into a zone, evenly over its subnets."""

    def leaving(self, group: Live) -> list[str]:
        """So many instances as the group had more when the way back began, from the fullest zones.

        Those that drain already come first, and those outside the subnets of before.
        """
        before = Before.of(group)
        assert before is not None
        zones = members(group)
        surplus = len(zones) - (before.desired if before.phase == "return" else len(zones) - self._missing(group))
        draining = {host.instance for host in hosts_of(self.cloud, set(zones)) if host.status != "ACTIVE"}
        wanted = {self.zones.zone_of[subnet] for subnet in before.subnets}
        chosen: list[str] = []
        while len(chosen) < surplus and (rest := [id for id in zones if id not in chosen]):
            counts = Counter(zones[id] for id in rest)
            chosen.append(max(rest, key=lambda id: (id in draining, zones[id] not in wanted, counts[zones[id]])))
        return chosen

    def _missing(self, group: Live) -> int:
        """How many instances the zone lacks for an even share."""
        assert self.before is not None
        zones = members(group)
        here = sum(zone == self.zone for zone in zones.values())
        ours = sum(self.zones.zone_of[subnet] == self.zone for subnet in self.before.subnets)
        return max(0, len(zones) * ours // len(self.before.subnets) - here)

    def steps(self) -> list[Step | None]:
        assert self.before is not None
        launch = None
        if self.before.phase == "drain" or self.group.fields["subnets"] != frozenset(self.before.subnets):
            more = self._missing(self.group)
            before = replace(self.before, phase="return", desired=self.group.raw["DesiredCapacity"])
            now = f"launches nothing in {self.zone}"
            then = f"launches in {self.zone} too" + (f", {more} more" if more else "")
            launch = (now, then, lambda: self.launch(before, before.subnets, more))
        last = Step("AutoScalingGroup", self.group.name, _PAUSED, _sizes(self.before), self.finish)
        return self._phases(launch, self.leaving(self.group), last)

    def finish(self) -> None:
        assert self.before is not None
        self.restore(self.before)
        remove_tag(self.cloud, self.name)


def _sizes(before: Before) -> str:
    return f"a maximum of {before.maximum}" + (", balanced and scaled by AWS" if before.processes else "")
