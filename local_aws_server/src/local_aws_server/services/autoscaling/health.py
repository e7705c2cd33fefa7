"""Find the unhealthy instances of an Auto Scaling group, and take them out of service.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.autoscaling import activities
from local_aws_server.services.autoscaling.capacity import members
from local_aws_server.services.autoscaling.termination import record_member_event, remove

_HEALTH_CHECK_SECONDS = 60.0
"""The time until a health check notices that an instance does not run any more."""


def remove_unhealthy(backends: Backends, group: Any) -> Iterable[float]:
    """Take unhealthy instances out of service; yield when a health check will notice others."""
    for state in members(group):
        cause, noticed_at = _health_problem(backends, group, state)
        if noticed_at is not None:
            yield noticed_at
        if cause:
            state.health_status = "Unhealthy"
            record_member_event(backends, state, "taken out of service", cause)
            reason = f"an instance was taken out of service in response to {cause}."
            remove(backends, group, [state], reason, hooks=False)
            activities.set_launch_reason(group, "an unhealthy instance needing to be replaced")


def grace_period_end(group: Any, state: Any) -> float:
    """Return until when failing health checks do not count for an instance."""
    return float(sidecar(state).get("in_service_since", CLOCK.now())) + float(group.health_check_grace_period or 0)


def _health_problem(backends: Backends, group: Any, state: Any) -> tuple[str, float | None]:
    """Return what a health check has noticed, in AWS's words ("" for nothing), and when it will notice a problem."""
    if state.health_status == "Unhealthy":
        return "a user health-check", None
    instance, notes, now = state.instance, sidecar(state), CLOCK.now()
    if instance.state in ("stopping", "stopped", "shutting-down", "terminated"):
        cause = "an EC2 health check indicating it has been terminated or stopped"
    elif state.lifecycle_state != "InService":
        return "", None
    elif sidecar(instance).get("failed"):
        cause = "an EC2 instance status checks failure"
    elif "ELB" in group.health_check_type.split(",") and _has_unhealthy_target(backends, group, instance):
        cause = "an ELB system health check failure"
    else:
        notes.pop("unhealthy_since", None)
        return "", None
    noticed_at = notes.setdefault("unhealthy_since", now) + _HEALTH_CHECK_SECONDS
    if instance.state == "running":
        noticed_at = max(noticed_at, grace_period_end(group, state))
    return (cause, None) if now >= noticed_at else ("", noticed_at)


def _has_unhealthy_target(backends: Backends, group: Any, instance: Any) -> bool:
    target_groups, ec2 = backends.backend("elbv2").target_groups, backends.backend("ec2")
    return any(
        target_groups[arn].health_for({"Id": instance.id}, ec2).status == "unhealthy"
        for arn in group.target_group_arns
        if arn in target_groups
    )
