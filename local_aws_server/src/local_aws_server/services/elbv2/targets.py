"""The targets of target groups on the clock: registered, checked, healthy or not, draining, gone.

Checks are made every interval from the registration on, and none of them is played: what a check meets changes only
when the world does, and from then on it is known which check will be the one that makes a target healthy or unhealthy.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, NamedTuple

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.services.elbv2.health_probe import Key, Look, Trouble

_REGISTERING_SECONDS = 5.0
_GONE = ("shutting-down", "terminated")
_ROUNDING = 1e-6


class Health(NamedTuple):
    """A target's health in AWS's words; a healthy one has no reason."""

    state: str
    reason: str = ""
    description: str = ""


REGISTERING = Health("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING = Health("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
NOT_REGISTERED = Health("unused", "Target.NotRegistered", "Target is not registered to the target group")


@dataclass(frozen=True)
class Checks:
    """How a target group checks its targets; in seconds, and in checks in a row."""

    interval: float
    timeout: float
    healthy: int
    unhealthy: int

    @classmethod
    def of(cls, group: Any) -> Checks:
        return cls(
            float(group.health_check_interval_seconds),
            float(group.health_check_timeout_seconds),
            int(group.healthy_threshold_count),
            int(group.unhealthy_threshold_count),
        )


@dataclass(frozen=True)
class Watched:
    """What the load balancer knows of a registered target."""

    state: str
    began: float
    """When it was registered, or could be used again."""
    counts_from: float
    """The checks come every interval after this."""
    interval: float
    since: float
    """Since when its checks have been passing, or have been failing."""
    passes: bool
    trouble: Trouble | None
    """What the last check met that did not pass."""

    @property
    def health(self) -> Health:
        if self.state == "initial":
            return REGISTERING if CLOCK.now() < self.began + _REGISTERING_SECONDS else CHECKING
        if self.state == "healthy" or self.trouble is None:
            return Health(self.state)
        return Health(self.state, self.trouble.reason, self.trouble.description)


def begun(interval: float, now: float) -> Watched:
    """A target as it is registered."""
    return Watched("initial", now, now, interval, now, passes=True, trouble=None)


def seen(watched: Watched, trouble: Trouble | None, interval: float, now: float) -> Watched:
    """What is known of a target once it has been looked at: that its checks meet this from now on."""
    if trouble is not None and trouble.state != "unhealthy":
        return replace(watched, state=trouble.state, trouble=trouble)
    if watched.state not in ("initial", "healthy", "unhealthy"):
        watched = begun(interval, now)
    if watched.interval != interval:
        watched = replace(watched, interval=interval, counts_from=now)
    if watched.passes != (trouble is None):
        watched = replace(watched, passes=trouble is None, since=now)
    return replace(watched, trouble=trouble or watched.trouble)


def change(watched: Watched, checks: Checks) -> tuple[float, str] | None:
    """When a target becomes healthy or unhealthy, if nothing else changes; None if it stays as it is."""
    if watched.state not in ("initial", "healthy", "unhealthy"):
        return None
    to = "healthy" if watched.passes else "unhealthy"
    if watched.state == to:
        return None
    needed, lasts = checks.unhealthy, 0.0
    if watched.passes:
        needed = 1 if watched.state == "initial" else checks.healthy
    elif watched.trouble is not None and watched.trouble.reason == "Target.Timeout":
        lasts = checks.timeout
    first = max(1, ceil((watched.since - watched.counts_from) / checks.interval - _ROUNDING))
    return watched.counts_from + (first + needed - 1) * checks.interval + lasts, to


def key_of(group: Any, target: dict[str, Any]) -> Key:
    """A target in boto3's shape; without a port, it has its target group's."""
    return target["Id"], int(target.get("Port") or group.port or 0)


def state(world: Backends, group: Any, id: str, port: int) -> Health:
    """A target's health at this moment."""
    key = (id, int(port))
    if key in group.targets:
        return _watched(group, key).health
    return DRAINING if CLOCK.now() < _draining(group).get(key, 0.0) else NOT_REGISTERED


def listed(group: Any) -> list[Key]:
    """The targets of a group, those that are draining too."""
    draining = [key for key, ends in _draining(group).items() if CLOCK.now() < ends]
    return [*group.targets, *draining]


def register(world: Backends, group: Any, id: str, port: int) -> None:
    """Enter a target into a group; one that is draining begins anew, one that is in it stays as it is."""
    key = (id, int(port))
    if key not in group.targets:
        _draining(group).pop(key, None)
        group.targets[key] = {"Id": id, "Port": key[1]}
        _all_watched(group)[key] = begun(Checks.of(group).interval, CLOCK.now())
        TIMELINE.touch(world, "elbv2")


def deregister(world: Backends, group: Any, id: str, port: int) -> None:
    """Let a target go: it drains for the group's deregistration delay, unless it was not used anyway."""
    key = (id, int(port))
    if key not in group.targets:
        return
    was = _watched(group, key)
    del group.targets[key]
    _all_watched(group).pop(key, None)
    if was.state != "unused":
        _draining(group)[key] = CLOCK.now() + float(group.attributes["deregistration_delay.timeout_seconds"])
    TIMELINE.touch(world, "elbv2")


def follow(world: Backends) -> float | None:
    """See to every target; gives the moment at which the next of them changes."""
    groups = world.backend("elbv2").target_groups
    if not any(group.targets or _draining(group) for group in groups.values()):
        return None
    look, moments = Look(world), []
    gone = {instance.id for instance in world.instances if instance.state in _GONE}
    for group in list(groups.values()):
        for id, port in [key for key in group.targets if key[0] in gone]:
            deregister(world, group, id, port)
        moments += [*_check(world, look, group), *_drain(world, group)]
    return min(moments, default=None)


def _check(world: Backends, look: Look, group: Any) -> Iterator[float]:
    checks, now, known = Checks.of(group), CLOCK.now(), _all_watched(group)
    for key in group.targets:
        was = _watched(group, key)
        watched = seen(was, look.probe(group, key), checks.interval, now)
        due = change(watched, checks)
        if due is not None and due[0] <= now:
            watched, due = replace(watched, state=due[1]), None
            _tell(world, look.service_of(group, key) or group.name, watched, was, checks)
        known[key] = watched
        if watched.state != was.state:
            TIMELINE.touch(world, "elbv2")
        if due is not None:
            yield due[0]


def _drain(world: Backends, group: Any) -> Iterator[float]:
    draining = _draining(group)
    for key, ends in list(draining.items()):
        if ends <= CLOCK.now():
            del draining[key]
            TIMELINE.touch(world, "elbv2")
        else:
            yield ends


def _tell(world: Backends, subject: str, watched: Watched, was: Watched, checks: Checks) -> None:
    if watched.state == "healthy":
        count = 1 if was.state == "initial" else checks.healthy
        happened(world, subject, "target healthy", f"it passed {_counted(count)}")
    elif watched.trouble is not None:
        why = f"{watched.trouble.description}: {watched.trouble.because}"
        happened(world, subject, "target unhealthy", f"it failed {_counted(checks.unhealthy)}. {why}")


def _counted(checks: int) -> str:
    return "its first health check" if checks == 1 else f"{checks} health checks in a row"


def _watched(group: Any, key: Key) -> Watched:
    known = _all_watched(group)
    if key not in known:
        known[key] = begun(Checks.of(group).interval, CLOCK.now())
    return known[key]


def _all_watched(group: Any) -> dict[Key, Watched]:
    kept: dict[Key, Watched] = remembered(group).setdefault("watched", {})
    return kept


def _draining(group: Any) -> dict[Key, float]:
    """Target → when it has left."""
    kept: dict[Key, float] = remembered(group).setdefault("draining", {})
    return kept
