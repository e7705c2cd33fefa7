"""Compute the load that requests put on a container: CPU, memory, latency and refused requests.

A request takes 20 ms of one vCPU, or `ESAWS_CPU_MS` of the container's environment. A container on EC2 may use all
idle CPU of its instance; a Fargate task has the CPU that it reserves. Latency grows with utilization as in a queue: it
doubles at 50 % and is tenfold at 90 %. Requests beyond the limit get 503. A container uses some memory at rest, and
more for each request in progress.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.services.ecs.containers import Response, respond

UNITS_PER_VCPU = 1024
DEFAULT_CPU_MILLISECONDS = 20.0
IDLE_UTILIZATION = 0.01
"""The fraction of its CPU that an idle container, or instance, uses."""

_MEMORY_AT_REST = 0.3
_MEBIBYTES_PER_REQUEST = 1.0
_MAX_SLOWDOWN = 20.0


@dataclass(frozen=True)
class RequestRate:
    """Requests per second for a path."""

    path: str
    rate: float


@dataclass(frozen=True)
class ResponseShare:
    """A fraction of the requests for a path, with their response."""

    fraction: float
    status: int
    seconds: float


@dataclass(frozen=True)
class ContainerLoad:
    """The load of a container."""

    cpu_units: float
    """In use, of 1024 for each vCPU."""
    memory: float
    """In use, in MiB."""
    responses: Mapping[str, tuple[ResponseShare, ...]]
    """Path → its responses, whose fractions add up to 1."""


def cpu_demand(container: Mapping[str, Any], requests: Iterable[RequestRate]) -> float:
    """Return the CPU units that requests need of a container."""
    return sum(request.rate for request in requests) * cpu_milliseconds(container) / 1000 * UNITS_PER_VCPU


def cpu_milliseconds(container: Mapping[str, Any]) -> float:
    """Return the milliseconds of one vCPU that a request takes."""
    environment = {pair["name"]: pair.get("value") for pair in container.get("environment") or ()}
    try:
        return max(0.0, float(environment.get("ESAWS_CPU_MS", DEFAULT_CPU_MILLISECONDS)))
    except (TypeError, ValueError):
        return DEFAULT_CPU_MILLISECONDS


def serve(
    container: Mapping[str, Any], requests: Iterable[RequestRate], utilization: float, reserved: float, memory: float
) -> ContainerLoad:
    """Return the load of a container that serves requests.

    `utilization` is the needed CPU as a fraction of the available CPU; above 1, a part of the requests is refused.
    `reserved` is in CPU units, `memory` in MiB.
    """
    requests, responses, in_progress = tuple(requests), {}, 0.0
    served = 1 / max(1.0, utilization)
    for request in requests:
        response = slow_down(respond(container, request.path), utilization)
        refused = (ResponseShare(1 - served, 503, response.seconds),) if served < 1 else ()
        responses[request.path] = (ResponseShare(served, response.status, response.seconds), *refused)
        in_progress += request.rate * served * response.seconds
    cpu_units = IDLE_UTILIZATION * reserved + cpu_demand(container, requests) * served
    used_memory = min(memory, _MEMORY_AT_REST * memory + _MEBIBYTES_PER_REQUEST * in_progress)
    return ContainerLoad(cpu_units, used_memory, responses)


def slow_down(response: Response, utilization: float) -> Response:
    """Return a response with the latency at a CPU utilization; 1 is all of it."""
    return Response(response.status, round(response.seconds / max(1 - utilization, 1 / _MAX_SLOWDOWN), 6))
