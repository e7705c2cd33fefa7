"""Scheduled scaling: at its time an action sets the bounds of what is scaled, and the capacity follows them.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-overview.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.application_autoscaling import schedule_expressions
from local_aws_server.services.application_autoscaling.policy_math import suspended
from local_aws_server.services.application_autoscaling.scalables import Scalable, ServiceTasks, scalables, scale


def act(world: Backends) -> float | None:
    """Do what is scheduled by now; gives the moment of the next action."""
    actions = list(world.backend("applicationautoscaling").scheduled_actions)
    if not actions:
        return None
    found = {each.target.resource_id: each for each in scalables(world) if isinstance(each, ServiceTasks)}
    moments = []
    for action in actions:
        scalable, now = found.get(action.resource_id), CLOCK.now()
        due = remembered(action).get("due")
        if due is not None and due <= now:
            if scalable is not None and not suspended(scalable.target.suspended_state, ["ScheduledScalingSuspended"]):
                _do(world, scalable, action)
            due = None
        remembered(action)["due"] = due or _next(action, now)
        moments.append(remembered(action)["due"])
    return min((moment for moment in moments if moment is not None), default=None)


def plan(action: Any) -> None:
    """An action that is new, or has been changed, is done when its schedule says so next."""
    remembered(action)["due"] = _next(action, CLOCK.now())


def _next(action: Any, now: float) -> float | None:
    begins, ends = _moment(action.start_time), _moment(action.end_time)
    after = now if begins is None else max(now, begins - 1)
    found = schedule_expressions.following(
        action.schedule, after, since=begins or action.creation_time, zone=action.timezone
    )
    return None if found is None or (ends is not None and found > ends) else found


def _do(world: Backends, scalable: ServiceTasks, action: Any) -> None:
    wanted = action.scalable_target_action or {}
    target, said = scalable.target, []
    for bound in ("min", "max"):
        asked = wanted.get(f"{bound.title()}Capacity")
        if asked is not None:
            setattr(target, f"{bound}_capacity", int(asked))
            said.append(f"{bound} capacity set to {asked}")
    keep_within(world, scalable, f"scheduled action name {action.scheduled_action_name} was triggered", ", ".join(said))


def keep_within(world: Backends, scalable: Scalable, cause: str, because: str) -> None:
    """Bring a capacity within its bounds."""
    capacity = scalable.capacity()
    wanted = capacity.within(capacity.now)
    if wanted != capacity.now:
        bound = "minimum" if wanted > capacity.now else "maximum"
        scale(world, scalable, wanted, f"{cause or f'{bound} capacity was set to {wanted}'}", because, None)


def _moment(given: Any) -> float | None:
    if given is None:
        return None
    if isinstance(given, datetime):
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
    return float(given)
