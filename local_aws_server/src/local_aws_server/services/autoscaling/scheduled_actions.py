"""A scheduled action sets the sizes of its Auto Scaling group at its time, once or as often as it recurs.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
"""

from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before, patch, reconciler
from local_aws_server.services.application_autoscaling import schedule_expressions
from local_aws_server.services.autoscaling import activities

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A scheduled action sets the sizes of its Auto Scaling group at its time, once or as often as "
        "it recurs.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html",
        ),
    ),
)


@reconciler("autoscaling", order=9)
def scheduled_actions_are_done(world: Backends) -> float | None:
    kept, moments, now = world.backend("autoscaling").scheduled_actions, [], CLOCK.now()
    for key, action in list(kept.items()):
        group = world.group(action.auto_scaling_group_name)
        due = remembered(action).setdefault("due", _next(action, now)) if group is not None else None
        if due is not None and due <= now:
            _do(world, group, action)
            due = remembered(action)["due"] = _next(action, now)
        if due is None:
            del kept[key]  # AWS forgets what never comes again
        else:
            moments.append(due)
    return min(moments, default=None)


@before("autoscaling", "PutScheduledUpdateGroupAction")
def it_can_be_scheduled(call: Call) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScheduledUpdateGroupAction.html"""
    asked = call.params
    if recurrence := asked.get("Recurrence"):
        try:
            schedule_expressions.unix(recurrence, CLOCK.now(), asked.get("TimeZone"))
        except ValueError:
            raise AwsError("ValidationError", f"Given recurrence string: {recurrence} is invalid") from None
    elif "StartTime" not in asked:
        raise AwsError("ValidationError", "Either start time or recurrence must be specified")
    if not any(size in asked for size in ("MinSize", "MaxSize", "DesiredCapacity")):
        message = "At least one among Minimum Size, Maximum Size and Desired Capacity must be specified"
        raise AwsError("ValidationError", message)


@patch("moto.autoscaling.models", "AutoScalingBackend.put_scheduled_update_group_action")
def keep_it_by_its_group(
    self: Any,
    name: str,
    desired_capacity: Any,
    max_size: Any,
    min_size: Any,
    scheduled_action_name: str,
    start_time: Any,
    end_time: Any,
    recurrence: str | None,
    timezone: str | None,
) -> Any:
    """moto takes actions of the same name for one, whatever their groups."""
    from moto.autoscaling.models import FakeScheduledAction

    desired, high, low = (None if n is None else int(n) for n in (desired_capacity, max_size, min_size))
    settings = (desired, high, low, scheduled_action_name, start_time, end_time, recurrence, timezone)
    action: Any = FakeScheduledAction(name, *settings)  # type: ignore[abstract]
    self.scheduled_actions[name, scheduled_action_name] = action
    return action


@patch("moto.autoscaling.models", "AutoScalingBackend.delete_scheduled_action")
def delete_it_by_its_group(self: Any, auto_scaling_group_name: str, scheduled_action_name: str) -> None:
    from moto.autoscaling.exceptions import ValidationError

    if self.scheduled_actions.pop((auto_scaling_group_name, scheduled_action_name), None) is None:
        raise ValidationError("Scheduled action name not found")


def _next(action: Any, now: float) -> float | None:
    begins, ends = _moment(action.start_time), _moment(action.end_time)
    if not action.recurrence:
        return begins if begins is not None and begins > now else None
    found = schedule_expressions.unix(action.recurrence, max(now, (begins or 0.0) - 1), action.time_zone)
    return None if found is None or (ends is not None and found > ends) else found


def _do(world: Backends, group: Any, action: Any) -> None:
    low, high, desired = action.min_size, action.max_size, action.desired_capacity
    group.min_size = group.min_size if low is None else low
    group.max_size = group.max_size if high is None else high
    had, wanted = int(group.desired_capacity or 0), group.desired_capacity if desired is None else desired
    group.desired_capacity = min(max(wanted, group.min_size), group.max_size)
    sizes = f"min: {group.min_size}, max: {group.max_size}, desired: {group.desired_capacity}"
    activities.asked(
        group,
        f"a scheduled action update of AutoScalingGroup constraints to {sizes} "
        f"changing the desired capacity from {had} to {group.desired_capacity}",
    )
    happened(world, group.name, f"sizes set to {sizes}", f"scheduled action {action.scheduled_action_name}")
    TIMELINE.touch(world, "autoscaling")


def _moment(given: Any) -> float | None:
    if given is None:
        return None
    parsed = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
