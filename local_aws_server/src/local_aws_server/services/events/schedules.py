"""Run the rules with a schedule: `rate(…)` and `cron(…)`, in UTC.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
"""

from __future__ import annotations

import re
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, reconciler
from local_aws_server.services.application_autoscaling import schedule_expressions
from local_aws_server.services.events.delivery import deliver, new_event, rules

BEHAVIOURS = (
    Behaviour(
        service="EventBridge",
        statement="A rule with a schedule sends a `Scheduled Event` to its targets at each of its times.",
        documentation=("https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html",),
    ),
)

_RATE = re.compile(r"rate\((1 (minute|hour|day)|(?!0|1 )\d+ (minutes|hours|days))\)")


@before("events", "PutRule")
def check_schedule(call: Call) -> None:
    expression = call.params.get("ScheduleExpression")
    if not expression:
        return
    try:
        valid = bool(_RATE.fullmatch(expression)) if expression.startswith("rate") else _next(expression, 0.0, 0.0)
    except (ValueError, IndexError):
        valid = False
    if valid is False:
        raise AwsError("ValidationException", "Parameter ScheduleExpression is not valid.")


@reconciler("events", order=94)
def run_schedules(backends: Backends) -> float | None:
    """Run the rules that are due; return when the next one is."""
    scheduled = [rule for rule in rules(backends) if rule.scheduled_expression]
    return each(backends, "rule", scheduled, lambda rule: rule.name, lambda rule: _run(backends, rule))


def _run(backends: Backends, rule: Any) -> float | None:
    if not rule.state.startswith("ENABLED"):
        sidecar(rule).clear()
        return None
    notes, now = sidecar(rule), CLOCK.now()
    since = notes.setdefault("since", now)
    due = notes.get("due")
    if due is not None and due <= now:
        deliver(rule, new_event(backends, "aws.events", "Scheduled Event", [rule.arn], {}))
        due = None
    notes["due"] = due = due or _next(rule.scheduled_expression, now, since)
    return due


def _next(expression: str, after: float, since: float) -> float | None:
    if expression.startswith("at"):
        raise ValueError("a rule has a rate or a cron expression")
    return schedule_expressions.next_time(expression, after, since=since)
