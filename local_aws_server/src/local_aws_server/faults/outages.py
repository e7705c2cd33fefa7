"""Instances, zones and tasks that fail when told to, until they are mended.

A failed instance runs on, and is billed, but answers nobody: its status checks are impaired, its ECS agent is
disconnected, its targets time out. In a failed zone every instance has failed, and none can be launched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.clock.clock import CLOCK, parse_duration
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.control import BadRequest, control_route
from local_aws_server.hooks import reconciler
from local_aws_server.services.ec2 import instances

DEFAULT_REGION = "eu-west-3"

_CONCERNED = ("ec2", "ecs", "elbv2", "autoscaling")
_ASKED = "somebody made it fail"
_ZONE = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)[a-z]")
_TASK = re.compile(r"arn:[a-z-]+:ecs:([a-z0-9-]+):\d+:task/")


@dataclass(frozen=True)
class Failure:
    """What has failed since when, and the moment at which it is mended by itself."""

    since: float
    until: float | None


def failure(world: Backends, instance: Any) -> Failure | None:
    """The failure of an instance or of its zone, the older one of both."""
    failures = _failures(world)
    found = [failures[each] for each in (instance.id, _zone(instance)) if each in failures]
    return min(found, key=lambda each: each.since, default=None)


def zone_failed(world: Backends, zone: str) -> bool:
    return zone in _failures(world)


def place_of(account: str, zone: str) -> Backends:
    """Where an Availability Zone is; raises BadRequest if there is none of that name."""
    if not (matched := _ZONE.fullmatch(zone)):
        raise BadRequest(f"{zone!r} is no Availability Zone; say it like {DEFAULT_REGION}a")
    world = region_of(account, matched[1])
    known = sorted(each.name for each in world.backend("ec2").describe_availability_zones())
    if zone not in known:
        raise BadRequest(f"no zone {zone}; in {world.region} there are {', '.join(known)}")
    return world


def region_of(account: str, region: str) -> Backends:
    """A region of an account; raises BadRequest if there is none of that name."""
    home = Backends(account, DEFAULT_REGION)
    known = [each.name for each in home.backend("ec2").describe_regions()]
    if region not in known:
        raise BadRequest(f"no region {region!r}; there are {', '.join(known)}")
    return Backends(account, region)


@control_route("POST", "fail")
def fail(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Let an instance, a zone or a task fail; the first two for a while, if it is said how long."""
    what, name, world = _subject(asked)
    lasts = asked.get("for")
    if what == "task":
        if lasts is not None:
            raise BadRequest("a task ends when it fails; `for` is for instances and zones")
        _kill(world, name)
        return {"failed": name}
    if what == "instance":
        instance = _instance(world, name)
        if instance.state not in ("pending", "running"):
            raise BadRequest(f"{name} is {instance.state}; only what runs can fail")
    until = None if lasts is None else CLOCK.now() + parse_duration(str(lasts))
    since = _failures(world)[name].since if name in _failures(world) else CLOCK.now()
    _failures(world)[name] = Failure(since, until)
    record_event(world, _called(world, name), f"{what} failed", _ASKED if lasts is None else f"{_ASKED}, for {lasts}")
    _settle(world)
    return {"failed": name}


@control_route("POST", "mend")
def mend(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Let an instance or a zone work again."""
    what, name, world = _subject(asked)
    if what == "task":
        raise BadRequest("a task that has failed stays so; its service starts another")
    if name not in _failures(world):
        failed = ", ".join(_failures(world)) or "nothing"
        raise BadRequest(f"{name} has not failed; in {world.region}, {failed} has")
    _works_again(world, name, "somebody mended it")
    _settle(world)
    return {"mended": name}


@reconciler("ec2", order=1)
def failures_end(world: Backends) -> float | None:
    """Whatever has failed for long enough works again; gives the moment of the next."""
    failures = _failures(world)
    if not failures:
        return None
    over = {name: why for name, each in failures.items() if (why := _over(world, name, each))}
    for name, why in over.items():
        _works_again(world, name, why)
    changed = _mark(world)
    if over or changed:
        SCHEDULER.mark_changed(world, *_CONCERNED)
    return min((each.until for each in failures.values() if each.until is not None), default=None)


def _over(world: Backends, name: str, each: Failure) -> str:
    """Why something works again; "" if it does not."""
    if each.until is not None and each.until <= CLOCK.now():
        return "its time is over"
    if not name.startswith("i-") or any(
        instance.id == name and instance.state not in ("stopped", "terminated") for instance in world.instances
    ):
        return ""
    return "it has left the hardware that failed"


def _failures(world: Backends) -> dict[str, Failure]:
    """Instance's id or zone's name → its failure."""
    found: dict[str, Failure] = sidecar(world.backend("ec2")).setdefault("failures", {})
    return found


def _works_again(world: Backends, name: str, because: str) -> None:
    del _failures(world)[name]
    record_event(world, _called(world, name), f"{'instance' if name.startswith('i-') else 'zone'} works again", because)


def _mark(world: Backends) -> bool:
    """Every instance knows whether it has failed; gives whether that has changed."""
    failures, changed = _failures(world), False
    for instance in world.instances:
        failed = instance.state != "terminated" and (instance.id in failures or _zone(instance) in failures)
        if failed != sidecar(instance).get("failed", False):
            sidecar(instance)["failed"] = failed
            changed = True
    return changed


def _settle(world: Backends) -> None:
    _mark(world)
    SCHEDULER.reconcile(world, *_CONCERNED)


def _kill(world: Backends, arn: str) -> None:
    task = next((task for task in world.ecs_tasks if task.task_arn == arn), None)
    if task is None or task.last_status == "STOPPED":
        running = ", ".join(task.task_arn for task in world.ecs_tasks if task.last_status != "STOPPED") or "none"
        raise BadRequest(f"no task {arn} runs in {world.region}; there run: {running}")
    sidecar(task)["killed"] = _ASKED  # its containers exit with 137
    family = str(task.task_definition_arn).split("/")[-1].split(":")[0]
    record_event(world, str(task.group or "").partition(":")[2] or family, "task failed", _ASKED)
    SCHEDULER.reconcile(world, "ecs")


def _subject(asked: Mapping[str, Any]) -> tuple[str, str, Backends]:
    """(instance, zone or task; its id, name or ARN; where it is)."""
    what, name = str(asked.get("what", "")), str(asked.get("id", ""))
    if what not in ("instance", "zone", "task"):
        raise BadRequest("say `what` is to fail: an instance, a zone or a task; and which one, by `id`")
    account = str(asked.get("account", DEFAULT_ACCOUNT))
    if what == "zone":
        return what, name, place_of(account, name)
    if what == "instance":
        world = region_of(account, str(asked.get("region", DEFAULT_REGION)))
        _instance(world, name)
        return what, name, world
    if not (matched := _TASK.match(name)):
        raise BadRequest(f"{name!r} is no task's ARN")
    return what, name, region_of(account, matched[1])


def _instance(world: Backends, name: str) -> Any:
    here = {instance.id: instance for instance in world.instances if instance.state != "terminated"}
    if name not in here:
        raise BadRequest(f"no instance {name} in {world.region}; there are: {', '.join(here) or 'none'}")
    return here[name]


def _called(world: Backends, name: str) -> str:
    return next((instances.called(world, each) for each in world.instances if each.id == name), name)


def _zone(instance: Any) -> str:
    return str(instance.placement.zone)
