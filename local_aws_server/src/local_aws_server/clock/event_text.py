"""The events of an account as people read them: what happened to one thing, told in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws_server.clock.clock import moment

_PAUSE = 600.0
"""After so many quiet seconds, what happens to a thing is another story."""


@dataclass
class _Line:
    time: str
    subject: str
    last: float
    steps: list[str] = field(default_factory=list)


def story(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Lines like `2026-01-02 03:12 web: instance stopped (why) → instance launched`, by their beginnings."""
    lines: list[_Line] = []
    open_lines: dict[tuple[str, str], _Line] = {}
    for event in events:
        key, now = (event["region"], event["subject"]), moment(event["time"])
        line = open_lines.get(key)
        if line is None or now - line.last > _PAUSE:
            line = open_lines[key] = _Line(event["time"][:16].replace("T", " "), event["subject"], now)
            lines.append(line)
        line.last = now
        step = f"{event['what']} ({event['because']})" if event["because"] else event["what"]
        if not line.steps or line.steps[-1] != step:
            line.steps.append(step)
    return [f"{line.time} {line.subject}: {' → '.join(line.steps)}" for line in lines]
