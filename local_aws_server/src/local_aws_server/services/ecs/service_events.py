"""The events of an ECS service: what its scheduler did, and what it could not do, in AWS's words.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.services.ecs import placement

_KEPT = 100
_SAID_AGAIN = 6 * 3600.0

_MORE = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."

_WORDS = {
    "RESOURCE:PORTS": "is already using a port required by your task",
    "RESOURCE:MEMORY": "has insufficient memory available",
    "RESOURCE:CPU": "has insufficient CPU units available",
    "AGENT": 'encountered error "AGENT"',
}
"""What a container instance lacks → how an event says so; the nearer to fitting, the earlier."""


def say(service: Any, message: str) -> None:
    """Write an event of a service, of which the latest hundred are kept."""
    from moto.moto_api._internal import mock_random

    created = datetime.fromtimestamp(CLOCK.now(), UTC)
    event = {"id": str(mock_random.uuid4()), "createdAt": created, "message": f"(service {service.name}) {message}"}
    service.events.insert(0, event)
    del service.events[_KEPT:]


def not_placed(world: Backends, service: Any, why: str) -> None:
    """Say that a task could not be placed; the same again only after six hours, unless one was placed meanwhile."""
    plain = next((words for words in _WORDS.values() if words in why), None)
    because = "no container instance is there for it" if plain is None else f"the closest instance {plain}"
    if _anew(service, "not placed", why):
        say(service, f"was unable to place a task because {why} {_MORE}")
        happened(world, service.name, "task not placed", because)


def failing(world: Backends, service: Any) -> None:
    """Say that tasks keep failing, so that fewer are started."""
    if _anew(service, "failing", ""):
        say(service, f"is unable to consistently start tasks successfully. {_MORE}")
        happened(world, service.name, "tasks start with delays", "they keep failing")


def resolved(service: Any, *about: str) -> None:
    """What was told is no longer so; should it come back, it is told anew."""
    told = remembered(service).get("told", {})
    for each in about or list(told):
        told.pop(each, None)


def refusal(hosts: Sequence[Any], free: Sequence[Any], needed: Mapping[str, Any]) -> str:
    """Why none of the container instances takes a task: `free` are those that its constraints allow."""
    none = "no container instance met all of its requirements."
    if not hosts:
        return f"{none} Reason: No Container Instances were found in your cluster."
    if not free:
        return none
    order = list(_WORDS)
    reasons = {each.container_instance_arn.split("/")[-1]: placement.why_not(each, needed) or "" for each in free}
    closest = min(reasons, key=lambda each: order.index(reasons[each]))
    return f"{none} The closest matching (container-instance {closest}) {_WORDS[reasons[closest]]}."


def _anew(service: Any, about: str, what: str) -> bool:
    told: dict[str, tuple[str, float]] = remembered(service).setdefault("told", {})
    last, when = told.get(about, (None, 0.0))
    if last == what and when + _SAID_AGAIN > CLOCK.now():
        return False
    told[about] = (what, CLOCK.now())
    return True
