"""Track the health of registered targets on the clock: initial, healthy, unhealthy, draining, gone.

The load balancer checks each target every interval after its registration. The simulation does not run every check. A
check's result changes only when the state of the account does, so `next_change` computes which check will be the one
that makes a target healthy or unhealthy.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, NamedTuple

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.data_plane import DATA_PLANE
from local_aws_server.services.elbv2.health_probe import CheckFailure, HealthProbe, TargetKey

_REGISTRATION_SECONDS = 5.0
_TERMINATING = ("shutting-down", "terminated")
_TOLERANCE = 1e-6


class Health(NamedTuple):
    """A target's health in AWS's terms; a healthy target has no reason."""

    state: str
    reason: str = ""
    description: str = ""


REGISTERING = Health("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING = Health("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
NOT_REGISTERED = Health("unused", "Target.NotRegistered", "Target is not registered to the target group")


_SHORTEST_TIMEOUT = 2.0
"""`--intervals` shortens a timeout to this: a healthy process of a busy computer takes a second now and then."""


@dataclass(frozen=True)
class HealthCheckSettings:
    """The health check settings of a target group: seconds, and numbers of checks in a row."""

    interval: float
    timeout: float
    healthy: int
    unhealthy: int

    @classmethod
    def of(cls, group: Any) -> HealthCheckSettings:
        timeout = float(group.health_check_timeout_seconds)
        return cls(
            DATA_PLANE.duration(float(group.health_check_interval_seconds)),
            max(DATA_PLANE.duration(timeout), min(timeout, _SHORTEST_TIMEOUT)),
            int(group.healthy_threshold_count),
            int(group.unhealthy_threshold_count),
        )


@dataclass(frozen=True)
class TargetState:
    """The state of a registered target."""

    state: str
    registered: float
    """When it was registered, or became usable again."""
    checks_start: float
    """The checks come every interval after this time."""
    interval: float
    since: float
    """Since when its checks have been passing, or failing."""
    passes: bool
    failure: CheckFailure | None
    """The last failure."""

    @property
    def is_unchecked(self) -> bool:
        """Whether the result of no check is known yet."""
        return self.failure is not None and self.failure.state == "initial"

    @property
    def health(self) -> Health:
        if self.state == "initial":
            return REGISTERING if CLOCK.now() < self.registered + _REGISTRATION_SECONDS else CHECKING
        if self.state == "healthy" or self.failure is None:
            return Health(self.state)
        return Health(self.state, self.failure.reason, self.failure.description)


def new_target(interval: float, now: float) -> TargetState:
    """Return the state of a target that is registered now."""
    return TargetState("initial", now, now, interval, now, passes=True, failure=None)


def observe(target: TargetState, failure: CheckFailure | None, interval: float, now: float) -> TargetState:
    """Return a target's state, given that from now on its checks meet this failure, or pass (None)."""
    if failure is not None and failure.state != "unhealthy":
        return replace(target, state=failure.state, failure=failure)
    if target.state not in ("initial", "healthy", "unhealthy"):
        target = new_target(interval, now)
    if target.interval != interval:
        target = replace(target, interval=interval, checks_start=now)
    if target.is_unchecked:
        target = replace(target, passes=failure is None, since=now, failure=None)
    if target.passes != (failure is None):
        target = replace(target, passes=failure is None, since=now)
    return replace(target, failure=failure or target.failure)


def next_change(target: TargetState, settings: HealthCheckSettings) -> tuple[float, str] | None:
    """Return when a target becomes "healthy" or "unhealthy" if its checks stay as they are; None if it does not."""
    if target.state not in ("initial", "healthy", "unhealthy") or target.is_unchecked:
        return None
    state = "healthy" if target.passes else "unhealthy"
    if target.state == state:
        return None
    needed, duration = settings.unhealthy, 0.0
    if target.passes:
        needed = 1 if target.state == "initial" else settings.healthy
    elif target.failure is not None and target.failure.reason == "Target.Timeout":
        duration = settings.timeout
    first = max(1, ceil((target.since - target.checks_start) / settings.interval - _TOLERANCE))
    return target.checks_start + (first + needed - 1) * settings.interval + duration, state


# --- targets of a group


def target_key(group: Any, target: dict[str, Any]) -> TargetKey:
    """Return the key of a target in boto3's shape; the default port is that of its group."""
    return target["Id"], int(target.get("Port") or group.port or 0)


def target_health(group: Any, id: str, port: int) -> Health:
    """Return a target's current health."""
    key = (id, int(port))
    if key in group.targets:
        return _state_of(group, key).health
    return DRAINING if CLOCK.now() < _draining(group).get(key, 0.0) else NOT_REGISTERED


def list_targets(group: Any) -> list[TargetKey]:
    """Return the targets of a group, including draining ones."""
    draining = [key for key, until in _draining(group).items() if CLOCK.now() < until]
    return [*group.targets, *draining]


def register(backends: Backends, group: Any, id: str, port: int) -> None:
    """Register a target with a group, unless it is; a draining one starts anew."""
    key = (id, int(port))
    if key not in group.targets:
        _draining(group).pop(key, None)
        group.targets[key] = {"Id": id, "Port": key[1]}
        _states(group)[key] = new_target(HealthCheckSettings.of(group).interval, CLOCK.now())
        SCHEDULER.mark_changed(backends, "elbv2")


def deregister(backends: Backends, group: Any, id: str, port: int) -> None:
    """Deregister a target; it drains for the group's deregistration delay, unless it was unused."""
    key = (id, int(port))
    if key not in group.targets:
        return
    target = _state_of(group, key)
    del group.targets[key]
    _states(group).pop(key, None)
    if target.state != "unused":
        delay = float(group.attributes["deregistration_delay.timeout_seconds"])
        _draining(group)[key] = CLOCK.now() + DATA_PLANE.duration(delay)
    SCHEDULER.mark_changed(backends, "elbv2")


def check_targets(backends: Backends) -> float | None:
    """Update the state of every target; return when the next one changes."""
    groups = backends.backend("elbv2").target_groups
    if not any(group.targets or _draining(group) for group in groups.values()):
        return None
    probe = HealthProbe(backends)
    terminating = {instance.id for instance in backends.instances if instance.state in _TERMINATING}

    def check(group: Any) -> float | None:
        for id, port in [key for key in group.targets if key[0] in terminating]:
            deregister(backends, group, id, port)
        return min((*_check_group(backends, probe, group), *_end_draining(backends, group)), default=None)

    return each(backends, "target group", groups.values(), lambda group: group.name, check)


def _check_group(backends: Backends, probe: HealthProbe, group: Any) -> Iterator[float]:
    """Update the registered targets of a group; yield when each will change."""
    settings, now, states = HealthCheckSettings.of(group), CLOCK.now(), _states(group)
    for key in group.targets:
        before = _state_of(group, key)
        target = observe(before, probe.check(group, key), settings.interval, now)
        change = next_change(target, settings)
        if change is not None and change[0] <= now:
            target, change = replace(target, state=change[1]), None
            _record_change(backends, probe.service_of(group, key) or group.name, before, target, settings)
        states[key] = target
        if target.state != before.state:
            SCHEDULER.mark_changed(backends, "elbv2")
        if change is not None:
            yield change[0]


def _end_draining(backends: Backends, group: Any) -> Iterator[float]:
    """Remove targets that have drained; yield when the others will have."""
    draining = _draining(group)
    for key, until in list(draining.items()):
        if until <= CLOCK.now():
            del draining[key]
            SCHEDULER.mark_changed(backends, "elbv2")
        else:
            yield until


def _record_change(
    backends: Backends, subject: str, before: TargetState, target: TargetState, settings: HealthCheckSettings
) -> None:
    if target.state == "healthy":
        checks = 1 if before.state == "initial" else settings.healthy
        record_event(backends, subject, "target healthy", f"it passed {_describe_checks(checks)}")
    elif target.failure is not None:
        failure = f"{target.failure.description}: {target.failure.because}"
        reason = f"it failed {_describe_checks(settings.unhealthy)}. {failure}"
        record_event(backends, subject, "target unhealthy", reason)


def _describe_checks(number: int) -> str:
    return "its first health check" if number == 1 else f"{number} health checks in a row"


def _state_of(group: Any, key: TargetKey) -> TargetState:
    states = _states(group)
    if key not in states:
        states[key] = new_target(HealthCheckSettings.of(group).interval, CLOCK.now())
    return states[key]


def _states(group: Any) -> dict[TargetKey, TargetState]:
    states: dict[TargetKey, TargetState] = sidecar(group).setdefault("targets", {})
    return states


def _draining(group: Any) -> dict[TargetKey, float]:
    """Return target → when it has drained."""
    draining: dict[TargetKey, float] = sidecar(group).setdefault("draining", {})
    return draining
