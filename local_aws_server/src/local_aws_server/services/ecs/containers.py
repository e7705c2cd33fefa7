"""What a simulated container does: the HTTP it answers, how long it takes, and when it ends.

A container serves HTTP on its container ports: 200 on `$ALB_PREFIX/` and below (`/` where it is unset), 404 elsewhere.
For experiments, its environment can make it misbehave:

| variable | the container |
|---|---|
| `ESAWS_EXIT_AFTER` | ends so long after it started: `0s`, `90s`, `5m` |
| `ESAWS_EXIT_CODE` | ends with this code (1) |
| `ESAWS_ANSWER_SECONDS` | takes so long for each answer |
| `ESAWS_STATUS` | answers everything with this status |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.clock.clock import seconds

_USUAL_SECONDS = 0.02


@dataclass(frozen=True)
class Answer:
    """An answer to an HTTP request."""

    status: int
    seconds: float


@dataclass(frozen=True)
class Exit:
    """How a container ends by itself."""

    after: float
    """Seconds after its start."""
    code: int


def answer(container: Mapping[str, Any], path: str) -> Answer:
    """What a container, by its definition in boto3's shape, answers on a path."""
    environment = _environment(container)
    takes = _number(environment.get("ESAWS_ANSWER_SECONDS"), _USUAL_SECONDS)
    if "ESAWS_STATUS" in environment:
        return Answer(int(_number(environment["ESAWS_STATUS"], 200)), takes)
    served = environment.get("ALB_PREFIX", "").rstrip("/") + "/"
    return Answer(200 if path.split("?")[0].startswith(served) else 404, takes)


def ends(container: Mapping[str, Any]) -> Exit | None:
    """When and with which code a container ends by itself; None if it runs on."""
    environment = _environment(container)
    if "ESAWS_EXIT_AFTER" not in environment:
        return None
    try:
        after = seconds(environment["ESAWS_EXIT_AFTER"])
    except ValueError:
        after = 0.0
    return Exit(after, int(_number(environment.get("ESAWS_EXIT_CODE"), 1)))


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    pairs = container.get("environment") or ()
    return {pair["name"]: str(pair.get("value", "")) for pair in pairs}


def _number(text: str | None, default: float) -> float:
    try:
        return default if text is None else float(text)
    except ValueError:
        return default
