"""Delay the start of tasks of a service whose tasks keep failing, longer after each failure.

AWS does so for tasks that never run. Here a task also counts as failed if it exits or turns unhealthy soon after its
start.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.services.ecs import service_events

_FREE_FAILURES = 2
"""The number of failures in a row without a delay."""
_FIRST_DELAY = 15.0
"""Seconds; each further failure doubles the delay."""
_LONGEST_DELAY = 27 * 60.0

_ESTABLISHED_SECONDS = 600.0
"""A task that was healthy for this long did not fail to start."""


def record_failure(backends: Backends, service: Any, task: Any) -> None:
    """Record a failed task, and delay the next start; several failures at the same time count once."""
    task_notes, now = sidecar(task), CLOCK.now()
    failing = sidecar(service).setdefault("failing", {"count": 0, "last": 0.0, "until": 0.0})
    lifetime = task_notes.get("unhealthy", now) - task_notes.get("began", now)
    if failing["last"] != now:
        failing["count"] = 1 if lifetime > _ESTABLISHED_SECONDS else failing["count"] + 1
        failing["last"] = now
    excess = failing["count"] - _FREE_FAILURES
    delay = (
        PROVISIONING_SPEED.duration(min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(excess - 1, 10))) if excess > 0 else 0.0
    )
    failing["until"] = now + delay
    if excess > 0:
        service_events.report_failing_tasks(backends, service)


def paused_until(service: Any) -> float | None:
    """Return the time before which no task starts; None if one can start now."""
    until = float(sidecar(service).get("failing", {}).get("until", 0.0))
    return until if until > CLOCK.now() else None


def reset(service: Any) -> None:
    """Forget the failures, as a new deployment does."""
    sidecar(service).pop("failing", None)
