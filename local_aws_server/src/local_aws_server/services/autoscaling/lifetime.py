"""Replace the instances of an Auto Scaling group that exceed its maximum instance lifetime, one at a time.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-max-instance-lifetime.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.hooks import reconciler
from local_aws_server.services.autoscaling.capacity import is_complete, is_suspended, members
from local_aws_server.services.autoscaling.termination import record_member_event, remove

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="An instance is replaced once it has been in service for MaxInstanceLifetime.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-max-instance-lifetime.html",),
    ),
)


@reconciler("autoscaling", order=12)
def replace_old_instances(backends: Backends) -> float | None:
    groups = [group for group in backends.auto_scaling_groups if _lifetime(group)]
    return each(
        backends, "Auto Scaling group", groups, lambda group: group.name, lambda g: _replace_oldest(backends, g)
    )


def _replace_oldest(backends: Backends, group: Any) -> float | None:
    if is_suspended(group, "Launch", "Terminate") or not is_complete(group) or not members(group):
        return None
    oldest = min(members(group), key=_in_service_since)
    due = _in_service_since(oldest) + _lifetime(group)
    if due > CLOCK.now():
        return due
    record_member_event(backends, oldest, "replaced", "its maximum lifetime is over")
    reason = "an instance was taken out of service in response to an instance exceeding its maximum lifetime."
    remove(backends, group, [oldest], reason)
    return None


def _lifetime(group: Any) -> float:
    return float(sidecar(group).get("fields", {}).get("MaxInstanceLifetime") or 0)


def _in_service_since(state: Any) -> float:
    return float(sidecar(state).get("in_service_since", CLOCK.now()))
