"""Run the scheduled actions of Auto Scaling groups, which set their sizes once or repeatedly."""

from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import patch, reconciler
from local_aws_server.services.application_autoscaling import schedule_expressions
from local_aws_server.services.autoscaling import activities
from local_aws_server.services.autoscaling.capacity import is_suspended

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A scheduled action sets the sizes of its group at a time that is not over, or at every time of its "
        "recurrence.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScheduledUpdateGroupAction.html",
        ),
    ),
)


@reconciler("autoscaling", order=9)
def run_due_actions(backends: Backends) -> float | None:
    """Run the actions that are due, and delete those that will not run again; return when the next one is due."""
    actions, now = backends.backend("autoscaling").scheduled_actions, CLOCK.now()

    def run_if_due(action: Any) -> float | None:
        group = backends.auto_scaling_group(action.auto_scaling_group_name)
        due: float | None = sidecar(action).setdefault("due", _next_run(action, now)) if group is not None else None
        if due is not None and due <= now:
            if not is_suspended(group, "ScheduledActions"):
                _run(backends, group, action)
            due = sidecar(action)["due"] = _next_run(action, now)
        if due is None:
            del actions[action.auto_scaling_group_name, action.scheduled_action_name]
        return due

    return each(backends, "scheduled action", actions.values(), lambda action: action.scheduled_action_name, run_if_due)


@patch("moto.autoscaling.models", "AutoScalingBackend.put_scheduled_update_group_action")
def put_scheduled_update_group_action(
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
    """Store a valid action by its group and name; moto stores any, by its name alone. A batch is put one by one."""
    from moto.autoscaling.exceptions import ValidationError
    from moto.autoscaling.models import FakeScheduledAction

    if recurrence:
        try:
            schedule_expressions.next_unix_cron(recurrence, CLOCK.now(), timezone)
        except ValueError:
            raise ValidationError(f"Given recurrence string: {recurrence} is invalid") from None
    elif start_time is None:
        raise ValidationError("Either start time or recurrence must be specified")
    starts = _timestamp(start_time)
    if starts is not None and starts < CLOCK.now():
        raise ValidationError("Given start time is in the past")
    if desired_capacity is None and max_size is None and min_size is None:
        raise ValidationError("At least one among Minimum Size, Maximum Size and Desired Capacity must be specified")
    desired, high, low = (None if n is None else int(n) for n in (desired_capacity, max_size, min_size))
    settings = (desired, high, low, scheduled_action_name, start_time, end_time, recurrence, timezone)
    action: Any = FakeScheduledAction(name, *settings)  # type: ignore[abstract]
    self.scheduled_actions[name, scheduled_action_name] = action
    return action


@patch("moto.autoscaling.models", "AutoScalingBackend.delete_scheduled_action")
def delete_scheduled_action(self: Any, auto_scaling_group_name: str, scheduled_action_name: str) -> None:
    from moto.autoscaling.exceptions import ValidationError

    if self.scheduled_actions.pop((auto_scaling_group_name, scheduled_action_name), None) is None:
        raise ValidationError("Scheduled action name not found")


def _next_run(action: Any, now: float) -> float | None:
    start, end = _timestamp(action.start_time), _timestamp(action.end_time)
    if not action.recurrence:
        return start if start is not None and start > now else None
    after = max(now, (start or 0.0) - 1)
    due = schedule_expressions.next_unix_cron(action.recurrence, after, action.time_zone)
    return None if due is None or (end is not None and due > end) else due


def _run(backends: Backends, group: Any, action: Any) -> None:
    low, high, desired = action.min_size, action.max_size, action.desired_capacity
    group.min_size = group.min_size if low is None else low
    group.max_size = group.max_size if high is None else high
    before, target = int(group.desired_capacity or 0), group.desired_capacity if desired is None else desired
    group.desired_capacity = min(max(target, group.min_size), group.max_size)
    sizes = f"min: {group.min_size}, max: {group.max_size}, desired: {group.desired_capacity}"
    activities.set_capacity_cause(
        group,
        f"a scheduled action update of AutoScalingGroup constraints to {sizes} "
        f"changing the desired capacity from {before} to {group.desired_capacity}",
    )
    reason = f"scheduled action {action.scheduled_action_name}"
    record_event(backends, group.name, f"sizes set to {sizes}", reason)
    SCHEDULER.mark_changed(backends, "autoscaling")


def _timestamp(value: Any) -> float | None:
    if value is None:
        return None
    parsed = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
