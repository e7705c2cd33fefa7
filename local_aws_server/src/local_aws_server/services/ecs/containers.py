"""Simulate a container: its HTTP responses, their latency, and when the container exits.

A container serves HTTP on its container ports: 200 on `$ALB_PREFIX/` and below (`/` if unset), 404 elsewhere.
Environment variables make it misbehave for experiments:

| variable | effect |
|---|---|
| `ESAWS_EXIT_AFTER` | exits this long after its start: `0s`, `90s`, `5m` |
| `ESAWS_EXIT_CODE` | exits with this code (default 1) |
| `ESAWS_ANSWER_SECONDS` | takes this long for each response |
| `ESAWS_STATUS` | returns this status for every path |

A container of an image that was made to fail returns 500 for every path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.clock import parse_duration
from local_aws_server.faults.outages import has_image_failed

_DEFAULT_LATENCY = 0.02


@dataclass(frozen=True)
class Response:
    """An HTTP response: its status and its latency in seconds."""

    status: int
    seconds: float


@dataclass(frozen=True)
class Exit:
    """A container's exit that no call caused."""

    after: float
    """Seconds after its start."""
    code: int


def as_it_runs(backends: Backends, container: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a container definition as it behaves: of an image that has failed, with a status that says so."""
    if not has_image_failed(backends, str(container.get("image", ""))):
        return container
    failing = {"name": "ESAWS_STATUS", "value": "500"}
    return {**container, "environment": [*(container.get("environment") or ()), failing]}


def respond(container: Mapping[str, Any], path: str) -> Response:
    """Return a container's response to a request for a path; `container` is its definition in boto3's shape."""
    environment = _environment(container)
    latency = _parse_number(environment.get("ESAWS_ANSWER_SECONDS"), _DEFAULT_LATENCY)
    if "ESAWS_STATUS" in environment:
        return Response(int(_parse_number(environment["ESAWS_STATUS"], 200)), latency)
    prefix = environment.get("ALB_PREFIX", "").rstrip("/") + "/"
    return Response(200 if path.split("?")[0].startswith(prefix) else 404, latency)


def planned_exit(container: Mapping[str, Any]) -> Exit | None:
    """Return when and with which code a container exits; None if it keeps running."""
    environment = _environment(container)
    if "ESAWS_EXIT_AFTER" not in environment:
        return None
    try:
        after = parse_duration(environment["ESAWS_EXIT_AFTER"])
    except ValueError:
        after = 0.0
    return Exit(after, int(_parse_number(environment.get("ESAWS_EXIT_CODE"), 1)))


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    pairs = container.get("environment") or ()
    return {pair["name"]: str(pair.get("value", "")) for pair in pairs}


def _parse_number(text: str | None, default: float) -> float:
    try:
        return default if text is None else float(text)
    except ValueError:
        return default
