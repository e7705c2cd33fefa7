"""The targets of a group that receive requests: health, fail-open, slow start, and health check matchers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_THRESHOLD = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
_DISABLED = "Target.HealthCheckDisabled"


TargetKey = tuple[str, int | None]
"""The id and the port of a target: one instance can be registered on several ports, with a state for each."""


@dataclass(frozen=True)
class EligibleTargets:
    """The targets that receive requests; `keys` is None where that is unknown. `reason` explains the result."""

    keys: tuple[TargetKey, ...] | None
    fail_open: bool = False
    elb_status: int | None = None
    reason: str = ""

    @property
    def targets(self) -> tuple[str, ...] | None:
        """The ids of the targets."""
        return None if self.keys is None else tuple(id for id, _ in self.keys)

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"eligible": "unknown" if self.targets is None else list(self.targets)}
        fields |= {"fail_open": self.fail_open, "reason": self.reason}
        return fields if self.elb_status is None else fields | {"elb_status": self.elb_status}


def eligible_targets(
    health: Iterable[Mapping[str, Any]], attributes: Iterable[Mapping[str, str]] = (), *, zone: str = ""
) -> EligibleTargets:
    """Return the targets of a group that receive requests.

    `health` are the TargetHealthDescriptions of describe_target_health, `attributes` the Attributes of
    describe_target_group_attributes. `zone` is the Availability Zone of the load balancer's node, which decides where
    cross-zone load balancing is off.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health.html
    """
    targets = list(health)
    settings = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    if settings.get("load_balancing.cross_zone.enabled") != "false":
        return _in_zone(targets, settings)
    zones: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for target in targets:
        zones[target["Target"].get("AvailabilityZone", "")].append(target)
    if zone:
        return _in_zone([*zones[zone], *zones["all"]], settings)
    results = [_in_zone(targets, settings) for targets in zones.values()] or [_in_zone([], settings)]
    if len(results) == 1:
        return results[0]
    if any(result.keys is None or result.fail_open or result.elb_status for result in results):
        reason = "cross-zone load balancing is off, so it depends on the zone of the node that receives the request"
        return EligibleTargets(None, reason=reason)
    return EligibleTargets(tuple(key for result in results for key in result.keys or ()))


def _in_zone(targets: list[Mapping[str, Any]], settings: Mapping[str, str]) -> EligibleTargets:
    """Return the result for the targets that one node of the load balancer uses."""
    by_state: dict[str, list[TargetKey]] = defaultdict(list)
    for target in targets:
        by_state[_state(target["TargetHealth"])].append(target_key(target["Target"]))
    healthy, unhealthy = by_state["healthy"], by_state["unhealthy"]
    all_in_use = [
        target_key(target["Target"]) for target in targets if _state(target["TargetHealth"]) in ("healthy", "unhealthy")
    ]
    if by_state["unknown"]:
        ids = ", ".join(id for id, _ in by_state["unknown"])
        return EligibleTargets(None, reason=f"AWS does not document whether {ids} receives requests in its state")
    if by_state["initial"] and (not healthy or _too_few(len(healthy), len(healthy) + len(unhealthy), settings)):
        return EligibleTargets(
            None, reason="AWS does not document whether targets in their first health checks receive requests"
        )
    if not all_in_use:
        return EligibleTargets((), elb_status=503, reason="the target group has no registered target in use")
    if _too_few(len(healthy), len(all_in_use), settings):
        fail_open = bool(unhealthy)
        reason = "too few targets are healthy, so all receive requests" if fail_open else ""
        return EligibleTargets(tuple(all_in_use), fail_open=fail_open, reason=reason)
    return EligibleTargets(tuple(healthy))


def target_key(target: Mapping[str, Any]) -> TargetKey:
    """Return the id and the port of a target as describe_target_health describes it."""
    return target["Id"], target.get("Port")


def _state(health: Mapping[str, Any]) -> str:
    """Return healthy, unhealthy, initial, gone (receives no new requests) or unknown."""
    state, reason = health.get("State"), health.get("Reason")
    if state in ("healthy", "unhealthy", "initial"):
        return str(state)
    if state == "unavailable":
        return "healthy" if reason == _DISABLED else "unknown"
    return "gone" if state in ("draining", "unhealthy.draining", "unused") else "unknown"


def _too_few(healthy: int, total: int, settings: Mapping[str, str]) -> bool:
    count, percent = settings.get(f"{_THRESHOLD}.count", "1"), settings.get(f"{_THRESHOLD}.percentage", "off")
    below_count = healthy < (int(count) if count.isdecimal() else 1)
    return below_count or (percent.isdecimal() and 100 * healthy < int(percent) * total)


def in_slow_start(seconds: int, healthy_before: Iterable[str], registered: Iterable[str]) -> list[str]:
    """Return the newly registered targets whose share of requests grows over so many seconds.

    Slow start needs a healthy target in the group that is past its own slow start.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#slow-start-mode
    """
    warm = set(healthy_before)
    return [target for target in registered if target not in warm] if seconds and warm else []


def matcher_accepts(matcher: Mapping[str, str], code: int) -> bool:
    """Return whether a health check accepts a status. `matcher` has HttpCode or GrpcCode, such as `200-299,404`.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html
    """
    codes = matcher.get("HttpCode") or matcher.get("GrpcCode") or "200"
    ranges = (part.strip().partition("-") for part in codes.split(","))
    return any(int(low) <= code <= int(high or low) for low, _, high in ranges)
