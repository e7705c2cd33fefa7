"""Tasks of a service that keep failing are started less and less often.

On AWS that is so for tasks that never run; here also for those that end, or turn unhealthy, soon after their start.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import PACE
from local_aws_server.services.ecs import service_events

_FREE, _FIRST, _LONGEST = 2, 15.0, 27 * 60.0
"""So many failures cost nothing; the next one so many seconds, and each one after it twice as many, up to that."""

_ESTABLISHED = 600.0
"""A task that has run well for so many seconds did not fail to start."""


def failed(world: Backends, service: Any, task: Any) -> None:
    """A task has failed; several at one moment count once."""
    kept, now = remembered(task), CLOCK.now()
    failing = remembered(service).setdefault("failing", {"count": 0, "last": 0.0, "until": 0.0})
    lived = kept.get("unhealthy", now) - kept.get("began", now)
    if failing["last"] != now:
        failing["count"] = 1 if lived > _ESTABLISHED else failing["count"] + 1
        failing["last"] = now
    over = failing["count"] - _FREE
    failing["until"] = now + (PACE.takes(min(_LONGEST, _FIRST * 2 ** min(over - 1, 10))) if over > 0 else 0.0)
    if over > 0:
        service_events.failing(world, service)


def until(service: Any) -> float | None:
    """The moment before which no task is started; None if one can be now."""
    moment = float(remembered(service).get("failing", {}).get("until", 0.0))
    return moment if moment > CLOCK.now() else None


def forget(service: Any) -> None:
    """A new deployment starts afresh."""
    remembered(service).pop("failing", None)
