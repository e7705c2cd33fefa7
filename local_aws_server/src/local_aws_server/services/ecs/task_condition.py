"""How well a task of a service does, as its scheduler sees it: healthy, initial, unhealthy, or sick, to be replaced.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.ecs import placement, targets
from local_aws_server.services.ecs.service_events import say
from local_aws_server.services.elbv2.targets import Health

_ACTS_AFTER = 75.0
"""So long a target is unhealthy before the scheduler replaces its task."""


def of(world: Backends, service: Any, task: Any) -> tuple[str, float | None]:
    """(the condition of a running task, when it turns from unhealthy to sick); without a target it is healthy."""
    kept, found = remembered(task), targets.health(world, task)
    bad = [each for each in found if each[2].state == "unhealthy"]
    if not bad:
        kept.pop("unhealthy", None)
        kept.pop("sick", None)
        settled = all(each.state == "healthy" or _unused(each) for _, _, each in found)
        return "healthy" if settled else "initial", None
    grace = float(remembered(service).get("fields", {}).get("healthCheckGracePeriodSeconds") or 0)
    due = max(kept.setdefault("unhealthy", CLOCK.now()), kept["began"] + grace) + _ACTS_AFTER
    if due > CLOCK.now():
        return "unhealthy", due
    if not kept.get("sick"):
        kept["sick"] = True
        _tell(world, service, task, *bad[0])
    return "sick", None


def _tell(world: Backends, service: Any, task: Any, group: str, port: int, health: Health) -> None:
    host = placement.host_of(world, task)
    where = f"(instance {host.ec2_instance_id}) " if host is not None else ""
    why = f"due to (reason {health.description})"
    say(service, f"{where}(port {port}) is unhealthy in (target-group {group}) {why}")


def _unused(health: Health) -> bool:
    """Whether nobody checks a target's health, so that it can't be waited for."""
    return health.state in ("unavailable", "unknown") or health.reason == "Target.NotInUse"
