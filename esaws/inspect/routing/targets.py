"""Which targets of a group get a request: health, fail-open, slow start, and what a health check accepts.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_THRESHOLD = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
_DISABLED = "Target.HealthCheckDisabled"


@dataclass(frozen=True)
class EligibleTargets:
    """The targets that get requests; `targets` is None where that is unknown, and `reason` says why, or how come."""

    targets: tuple[str, ...] | None
    fail_open: bool = False
    elb_status: int | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = {"eligible": "unknown" if self.targets is None else list(self.targets)}
        told |= {"fail_open": self.fail_open, "reason": self.reason}
        return told if self.elb_status is None else told | {"elb_status": self.elb_status}


def eligible_targets(
    health: Iterable[Mapping[str, Any]], attributes: Iterable[Mapping[str, str]] = ()
) -> EligibleTargets:
    """Who of a target group gets requests.

    `health` are the TargetHealthDescriptions of describe_target_health, `attributes` the Attributes of
    describe_target_group_attributes.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health.html
    """
    described = list(health)
    settings = {one["Key"]: one["Value"] for one in attributes}
    if settings.get("load_balancing.cross_zone.enabled") != "false":
        return _in_zone(described, settings)
    zones: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for target in described:
        zones[target["Target"].get("AvailabilityZone", "")].append(target)
    found = [_in_zone(targets, settings) for targets in zones.values()] or [_in_zone([], settings)]
    if len(found) == 1:
        return found[0]
    if any(one.targets is None or one.fail_open or one.elb_status for one in found):
        why = "cross-zone load balancing is off, so it hangs on the zone whose node gets the request"
        return EligibleTargets(None, reason=why)
    return EligibleTargets(tuple(target for one in found for target in one.targets or ()))


def _in_zone(described: list[Mapping[str, Any]], settings: Mapping[str, str]) -> EligibleTargets:
    """The answer for the targets that one node of the load balancer sees."""
    by_state: dict[str, list[str]] = defaultdict(list)
    for target in described:
        by_state[_state(target["TargetHealth"])].append(target["Target"]["Id"])
    good, bad = by_state["healthy"], by_state["unhealthy"]
    all_in_use = [one["Target"]["Id"] for one in described if _state(one["TargetHealth"]) in ("healthy", "unhealthy")]
    if by_state["unknown"]:
        return EligibleTargets(
            None, reason=f"AWS does not document what {', '.join(by_state['unknown'])} gets in its state"
        )
    if by_state["initial"] and (not good or _too_few(len(good), len(good) + len(bad), settings)):
        return EligibleTargets(
            None, reason="AWS does not document whether targets in their first health checks get requests"
        )
    if not all_in_use:
        return EligibleTargets((), elb_status=503, reason="the target group has no registered target in use")
    if _too_few(len(good), len(all_in_use), settings):
        opened = bool(bad)
        why = "too few targets are healthy, so all get requests" if opened else ""
        return EligibleTargets(tuple(all_in_use), fail_open=opened, reason=why)
    return EligibleTargets(tuple(good))


def _state(health: Mapping[str, Any]) -> str:
    """healthy, unhealthy, initial, gone (gets nothing new) or unknown."""
    state, reason = health.get("State"), health.get("Reason")
    if state in ("healthy", "unhealthy", "initial"):
        return str(state)
    if state == "unavailable":
        return "healthy" if reason == _DISABLED else "unknown"
    return "gone" if state in ("draining", "unhealthy.draining", "unused") else "unknown"


def _too_few(healthy: int, all_of_them: int, settings: Mapping[str, str]) -> bool:
    count, percent = settings.get(f"{_THRESHOLD}.count", "1"), settings.get(f"{_THRESHOLD}.percentage", "off")
    too_few = healthy < (int(count) if count.isdecimal() else 1)
    return too_few or (percent.isdecimal() and 100 * healthy < int(percent) * all_of_them)


def in_slow_start(seconds: int, healthy_before: Iterable[str], registered: Iterable[str]) -> list[str]:
    """Which newly registered targets begin with a small share of requests that grows for so many seconds.

    Only those that join a group with a healthy target that is past its own slow start.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#slow-start-mode
    """
    warm = set(healthy_before)
    return [target for target in registered if target not in warm] if seconds and warm else []


def matcher_accepts(matcher: Mapping[str, str], code: int) -> bool:
    """Does a health check take this status for healthy? `matcher` has HttpCode or GrpcCode, as `200-299,404`.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html
    """
    codes = matcher.get("HttpCode") or matcher.get("GrpcCode") or "200"
    ranges = (part.strip().partition("-") for part in codes.split(","))
    return any(int(low) <= code <= int(high or low) for low, _, high in ranges)
