"""Outages of instances, zones, tasks and images, on demand and until they are mended.

A failed instance keeps running and is billed, but responds to nothing: its status checks are impaired, its ECS agent is
disconnected, its targets time out. In a failed zone every instance has failed, and none can be launched. Containers of
a failed image respond 500 to every request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, display_name, sidecar
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.clock.clock import CLOCK, parse_duration
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.control import BadRequest, control_route
from local_aws_server.hooks import reconciler

DEFAULT_REGION = "eu-west-3"

_AFFECTED_SERVICES = ("ec2", "ecs", "elbv2", "autoscaling")
_ON_DEMAND = "a user made it fail"
_ZONE = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)[a-z]")
_TASK_ARN = re.compile(r"arn:[a-z-]+:ecs:([a-z0-9-]+):\d+:task/")


@dataclass(frozen=True)
class Failure:
    """An outage: when it began, and when it ends by itself."""

    since: float
    until: float | None


def instance_failure(backends: Backends, instance: Any) -> Failure | None:
    """The failure of an instance or of its zone; of both, the older."""
    failures = _failures(backends)
    found = [failures[name] for name in (instance.id, _zone(instance)) if name in failures]
    return min(found, key=lambda failure: failure.since, default=None)


def has_zone_failed(backends: Backends, zone: str) -> bool:
    return zone in _failures(backends)


def has_image_failed(backends: Backends, image: str) -> bool:
    return image in _failed_images(backends)


def find_zone(account: str, zone: str) -> Backends:
    """The region of an Availability Zone. Raises BadRequest if the zone does not exist."""
    if not (match := _ZONE.fullmatch(zone)):
        raise BadRequest(f"{zone!r} is not an Availability Zone. Write it like {DEFAULT_REGION}a")
    backends = find_region(account, match[1])
    names = sorted(each.name for each in backends.backend("ec2").describe_availability_zones())
    if zone not in names:
        raise BadRequest(f"zone {zone} does not exist. {backends.region} has {', '.join(names)}")
    return backends


def find_region(account: str, region: str) -> Backends:
    """A region of an account. Raises BadRequest if the region does not exist."""
    home = Backends(account, DEFAULT_REGION)
    names = [each.name for each in home.backend("ec2").describe_regions()]
    if region not in names:
        raise BadRequest(f"region {region!r} does not exist. Choose from {', '.join(names)}")
    return Backends(account, region)


# --- control routes


@control_route("POST", "fail")
def fail(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make an instance, a zone, a task or an image fail; the first two for a duration, if `for` gives one."""
    kind, name, backends = _subject(parameters)
    duration = parameters.get("for")
    if kind == "image":
        if duration is not None:
            raise BadRequest("fail: an image fails until it is mended. `for` is for instances and zones")
        _failed_images(backends).add(name)
        record_event(backends, name, "image failed", _ON_DEMAND)
        _reconcile(backends)
        return {"failed": name}
    if kind == "task":
        if duration is not None:
            raise BadRequest("fail: a task stops for good. `for` is for instances and zones")
        _stop_task(backends, name)
        return {"failed": name}
    if kind == "instance":
        instance = _instance(backends, name)
        if instance.state not in ("pending", "running"):
            raise BadRequest(f"{name} is {instance.state}; only a running instance can fail")
    until = None if duration is None else CLOCK.now() + parse_duration(str(duration))
    since = _failures(backends)[name].since if name in _failures(backends) else CLOCK.now()
    _failures(backends)[name] = Failure(since, until)
    reason = _ON_DEMAND if duration is None else f"{_ON_DEMAND}, for {duration}"
    record_event(backends, _display_name(backends, name), f"{kind} failed", reason)
    _reconcile(backends)
    return {"failed": name}


@control_route("POST", "mend")
def mend(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make a failed instance, zone or image work again."""
    kind, name, backends = _subject(parameters)
    if kind == "task":
        raise BadRequest("mend: a failed task stays stopped; its service starts another")
    if kind == "image":
        failed_images = _failed_images(backends)
        if name not in failed_images:
            raise BadRequest(f"image {name} has not failed. Failed: {', '.join(sorted(failed_images)) or 'none'}")
        failed_images.discard(name)
        record_event(backends, name, "image works again", "a user mended it")
        _reconcile(backends)
        return {"mended": name}
    if name not in _failures(backends):
        failed = ", ".join(_failures(backends)) or "none"
        raise BadRequest(f"{name} has not failed. Failed in {backends.region}: {failed}")
    _end_failure(backends, name, "a user mended it")
    _reconcile(backends)
    return {"mended": name}


def _subject(parameters: Mapping[str, Any]) -> tuple[str, str, Backends]:
    """(instance, zone, task or image; its id, name or ARN; its region)."""
    kind, name = str(parameters.get("what", "")), str(parameters.get("id", ""))
    if kind not in ("instance", "zone", "task", "image") or not name:
        raise BadRequest("`what` must be instance, zone, task or image, and `id` its id, name or ARN")
    account = str(parameters.get("account", DEFAULT_ACCOUNT))
    if kind == "zone":
        return kind, name, find_zone(account, name)
    if kind in ("instance", "image"):
        backends = find_region(account, str(parameters.get("region", DEFAULT_REGION)))
        if kind == "instance":
            _instance(backends, name)
        return kind, name, backends
    if not (match := _TASK_ARN.match(name)):
        raise BadRequest(f"{name!r} is not the ARN of a task")
    return kind, name, find_region(account, match[1])


def _instance(backends: Backends, id: str) -> Any:
    existing = {instance.id: instance for instance in backends.instances if instance.state != "terminated"}
    if id not in existing:
        ids = ", ".join(existing) or "none"
        raise BadRequest(f"instance {id} does not exist in {backends.region}. Existing instances: {ids}")
    return existing[id]


def _stop_task(backends: Backends, arn: str) -> None:
    """Kill the containers of a task, which then exit with 137."""
    running = {task.task_arn: task for task in backends.ecs_tasks if task.last_status != "STOPPED"}
    task = running.get(arn)
    if task is None:
        raise BadRequest(f"task {arn} does not run in {backends.region}. Running tasks: {', '.join(running) or 'none'}")
    sidecar(task)["killed"] = _ON_DEMAND
    family = str(task.task_definition_arn).split("/")[-1].split(":")[0]
    record_event(backends, str(task.group or "").partition(":")[2] or family, "task failed", _ON_DEMAND)
    SCHEDULER.reconcile(backends, "ecs")


# --- the end of outages


@reconciler("ec2", order=1)
def end_failures(backends: Backends) -> float | None:
    """End the failures whose time is over; returns when the next ends."""
    failures = _failures(backends)
    if not failures:
        return None
    ended = {name: reason for name, failure in failures.items() if (reason := _end_reason(backends, name, failure))}
    for name, reason in ended.items():
        _end_failure(backends, name, reason)
    if _mark_instances(backends) or ended:
        SCHEDULER.mark_changed(backends, *_AFFECTED_SERVICES)
    return min((failure.until for failure in failures.values() if failure.until is not None), default=None)


def _end_reason(backends: Backends, name: str, failure: Failure) -> str:
    """Why a failure ends; "" if it goes on."""
    if failure.until is not None and failure.until <= CLOCK.now():
        return "its time is over"
    if not name.startswith("i-") or any(
        instance.id == name and instance.state not in ("stopped", "terminated") for instance in backends.instances
    ):
        return ""
    return "it has left the hardware that failed"


def _end_failure(backends: Backends, name: str, reason: str) -> None:
    del _failures(backends)[name]
    kind = "instance" if name.startswith("i-") else "zone"
    record_event(backends, _display_name(backends, name), f"{kind} works again", reason)


def _failures(backends: Backends) -> dict[str, Failure]:
    """Instance id or zone name → its failure."""
    failures: dict[str, Failure] = sidecar(backends.backend("ec2")).setdefault("failures", {})
    return failures


def _failed_images(backends: Backends) -> set[str]:
    """The images whose containers fail, as task definitions name them."""
    images: set[str] = sidecar(backends.backend("ecs")).setdefault("failed_images", set())
    return images


def _mark_instances(backends: Backends) -> bool:
    """Set each instance's `failed`, by its own failure or its zone's; returns whether one has changed."""
    failures, has_changed = _failures(backends), False
    for instance in backends.instances:
        failed = instance.state != "terminated" and (instance.id in failures or _zone(instance) in failures)
        if failed != sidecar(instance).get("failed", False):
            sidecar(instance)["failed"] = failed
            has_changed = True
    return has_changed


def _reconcile(backends: Backends) -> None:
    _mark_instances(backends)
    SCHEDULER.reconcile(backends, *_AFFECTED_SERVICES)


def _display_name(backends: Backends, name: str) -> str:
    return next((display_name(backends, instance) for instance in backends.instances if instance.id == name), name)


def _zone(instance: Any) -> str:
    return str(instance.placement.zone)
