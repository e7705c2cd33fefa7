"""Format the events of an account as text: what happened to one resource, on one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_PAUSE_SECONDS = 600.0
"""An event that follows so long after a resource's last one starts a new line."""


@dataclass
class _Line:
    time: str
    subject: str
    last: datetime
    steps: list[str] = field(default_factory=list)


def format_events(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return lines like `2026-01-02 03:12 web: instance stopped (reason) → instance launched`, in order of their start.

    `events` are what `GET /_esaws/events` returns.
    """
    lines: list[_Line] = []
    current: dict[tuple[str, str], _Line] = {}
    for event in events:
        subject, time = (event["region"], event["subject"]), datetime.fromisoformat(event["time"])
        line = current.get(subject)
        if line is None or (time - line.last).total_seconds() > _PAUSE_SECONDS:
            line = current[subject] = _Line(event["time"][:16].replace("T", " "), event["subject"], time)
            lines.append(line)
        line.last = time
        step = f"{event['what']} ({event['because']})" if event["because"] else event["what"]
        if not line.steps or line.steps[-1] != step:
            line.steps.append(step)
    return [f"{line.time} {line.subject}: {' → '.join(line.steps)}" for line in lines]
