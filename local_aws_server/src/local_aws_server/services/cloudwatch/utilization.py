"""What traffic costs those who answer it: how busy containers and instances are, and how slow they become.

A request costs 20 ms of one vCPU, or what `ESAWS_CPU_MS` in the environment of the container says. A container may use
what its instance has left; a Fargate task has what it reserves. The nearer the CPU is to its limit, the slower are the
answers, as where requests wait in line: half as fast at 50 %, a tenth at 90 %. What is asked beyond the limit is
answered with 503. Memory is used by the container itself and by each request that is under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.services.ecs.containers import Answer, answer

UNITS_A_VCPU = 1024
CPU_MILLISECONDS = 20.0
IDLE = 0.01
"""The part of its CPU that a container, and an instance, uses while nobody asks anything of it."""

_MEMORY_AT_REST = 0.3
_MEBIBYTES_A_REQUEST = 1.0
_SLOWEST = 20.0


@dataclass(frozen=True)
class Asked:
    """Requests a second for a path."""

    path: str
    rate: float


@dataclass(frozen=True)
class Part:
    """A part of the requests for a path, answered alike."""

    part: float
    status: int
    seconds: float


@dataclass(frozen=True)
class Working:
    """A container at work."""

    cpu_units: float
    """In use, of 1024 for each vCPU."""
    memory: float
    """In use, in MiB."""
    answers: Mapping[str, tuple[Part, ...]]
    """How each path is answered; the parts make one."""


def demand(container: Mapping[str, Any], asked: Iterable[Asked]) -> float:
    """The CPU units that requests want of a container."""
    return sum(each.rate for each in asked) * milliseconds(container) / 1000 * UNITS_A_VCPU


def milliseconds(container: Mapping[str, Any]) -> float:
    """What a request costs of one vCPU."""
    environment = {pair["name"]: pair.get("value") for pair in container.get("environment") or ()}
    try:
        return max(0.0, float(environment.get("ESAWS_CPU_MS", CPU_MILLISECONDS)))
    except (TypeError, ValueError):
        return CPU_MILLISECONDS


def work(container: Mapping[str, Any], asked: Iterable[Asked], busy: float, reserved: float, memory: float) -> Working:
    """How a container answers, where all that is wanted of its CPU is so many times what there is."""
    asked, answers, under_way = tuple(asked), {}, 0.0
    served = 1 / max(1.0, busy)
    for each in asked:
        given = slowed(answer(container, each.path), busy)
        refused = (Part(1 - served, 503, given.seconds),) if served < 1 else ()
        answers[each.path] = (Part(served, given.status, given.seconds), *refused)
        under_way += each.rate * served * given.seconds
    used = IDLE * reserved + demand(container, asked) * served
    return Working(used, min(memory, _MEMORY_AT_REST * memory + _MEBIBYTES_A_REQUEST * under_way), answers)


def slowed(usual: Answer, busy: float) -> Answer:
    """An answer of a container whose CPU is so busy; 1 is all of it."""
    return Answer(usual.status, round(usual.seconds / max(1 - busy, 1 / _SLOWEST), 6))
