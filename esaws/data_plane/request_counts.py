"""The requests that load balancers have carried, counted by the minute for CloudWatch."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from esaws.data_plane.load_balancer.request_record import RequestRecord

_MINUTE = 60
_REPORT_SECONDS = 1.0
"""How often requests are reported at most: each report lets the local AWS evaluate its alarms."""


class _Kind(NamedTuple):
    """Requests that count alike."""

    minute: int
    load_balancer: str
    target_group: str
    action: str
    elb_status: int
    target_status: int | None


@dataclass
class _Count:
    requests: int = 0
    seconds: Counter[float] = field(default_factory=Counter)
    """Response times of targets, to three significant digits, and their number."""


class RequestCounts:
    """Counts requests until they are reported."""

    def __init__(self) -> None:
        self._counts: defaultdict[_Kind, _Count] = defaultdict(_Count)
        self._next_report = 0.0

    def add(self, record: RequestRecord) -> None:
        """Count a request in the minute in which its response had been sent."""
        kind = _Kind(
            int(record.time.timestamp()) // _MINUTE * _MINUTE,
            record.load_balancer,
            record.target_group_arn if record.target_id else "",
            record.actions[0] if record.actions else "",
            record.elb_status,
            record.target_status,
        )
        count = self._counts[kind]
        count.requests += 1
        if record.target_seconds is not None:
            count.seconds[float(f"{record.target_seconds:.3g}")] += 1

    def take(self, now: float) -> list[dict[str, Any]]:
        """Return the counts since the last ones, as the local AWS takes them; [] less than a second after those.

        `now` is a time in seconds on any clock that only grows.
        """
        if not self._counts or now < self._next_report:
            return []
        counts, self._counts = self._counts, defaultdict(_Count)
        self._next_report = now + _REPORT_SECONDS
        return [
            {**kind._asdict(), "requests": count.requests, "seconds": sorted(count.seconds.items())}
            for kind, count in counts.items()
        ]
