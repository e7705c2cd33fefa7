"""When targets were unhealthy, from CloudWatch: also those that are healthy again.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from esaws.cloud import Cloud
from esaws.inspect.fetch import Raw
from esaws.inspect.metrics import MetricQuery, Points, period_of, read_metrics
from esaws.timestamps import format_utc

_NAMESPACES = {"app": "AWS/ApplicationELB", "net": "AWS/NetworkELB", "gwy": "AWS/GatewayELB"}
"""The type in the ARN of a load balancer → its namespace."""
_CLASSIC = "AWS/ELB"
_COMPLETE = 0.95
"""The part of the hours with data from which they count as all: the newest minutes are always missing."""

Key = tuple[str, str, Literal["healthy", "unhealthy"]]
"""Target group and load balancer by name, and which count. Of a classic load balancer the group is empty."""


@dataclass(frozen=True)
class GroupHistory:
    """How many targets of a group one load balancer found healthy, over some hours. None where CloudWatch has no data.

    `episodes` are the times with an unhealthy target: each (start, end), the end None while it lasts.
    """

    target_group: str
    load_balancer: str
    hours: float
    least_healthy: int | None
    most_unhealthy: int | None
    hours_with_data: float = 0
    episodes: tuple[tuple[datetime, datetime | None], ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether targets were unhealthy, and none is now."""
        return bool(self.episodes) and self.episodes[-1][1] is not None

    @property
    def text(self) -> str:
        if self.most_unhealthy is None:
            return f"unknown: CloudWatch has no data of the last {self.hours:g} hours"
        if not self.episodes:
            return f"no target was unhealthy in {self._period}"
        start, end = self.episodes[-1]
        times = f"{len(self.episodes)} times" if len(self.episodes) > 1 else "once"
        last = f"since {format_utc(start)}" if end is None else f"last from {format_utc(start)} to {format_utc(end)}"
        return f"{times} in {self._period}, {last}; up to {self.most_unhealthy} at a time"

    @property
    def _period(self) -> str:
        if self.hours_with_data >= self.hours * _COMPLETE:
            return f"{self.hours:g} hours"
        return f"the {self.hours_with_data:.1f} of {self.hours:g} hours with data"

    def to_dict(self) -> dict[str, Any]:
        """Return target_group, load_balancer, hours, hours_with_data, counts, unhealthy (a sentence) and episodes.

        The counts are least_healthy and most_unhealthy, null where unknown. `episodes` is a list
        of {start, end}; end is null while the episode lasts.
        """
        episodes = [
            {"start": start.isoformat(), "end": end.isoformat() if end else None} for start, end in self.episodes
        ]
        return {
            "target_group": self.target_group,
            "load_balancer": self.load_balancer,
            "hours": self.hours,
            "hours_with_data": self.hours_with_data,
            "least_healthy": self.least_healthy,
            "most_unhealthy": self.most_unhealthy,
            "unhealthy": self.text,
            "episodes": episodes,
        }


def target_history(
    cloud: Cloud, groups: Iterable[Raw], classic: Iterable[str], *, now: datetime, hours: float
) -> list[GroupHistory]:
    """Return the history of each target group at each of its load balancers, and of classic load balancers.

    Raises:
        ClientError: AWS refused the call.
    """
    queries: dict[Key, MetricQuery] = {}
    for namespace, group, name, dimensions in [*_used(groups), *_classic(classic)]:
        queries[group, name, "healthy"] = MetricQuery(namespace, "HealthyHostCount", dimensions, "Minimum")
        queries[group, name, "unhealthy"] = MetricQuery(namespace, "UnHealthyHostCount", dimensions, "Maximum")
    window = timedelta(hours=hours)
    points = read_metrics(cloud, queries, start=now - window, end=now, seconds=period_of(window))
    return histories(points, hours)


def histories(points: Mapping[Key, Points], hours: float) -> list[GroupHistory]:
    """Return the histories that data points give, by name. Pure."""
    found = []
    for group, load_balancer in dict.fromkeys((group, load_balancer) for group, load_balancer, _ in points):
        healthy, unhealthy = points[group, load_balancer, "healthy"], points[group, load_balancer, "unhealthy"]
        found.append(
            GroupHistory(
                group,
                load_balancer,
                hours,
                int(min(healthy.values)) if healthy else None,
                int(max(unhealthy.values)) if unhealthy else None,
                round(len(unhealthy.times) * unhealthy.seconds / 3600, 2),
                tuple(_episodes(unhealthy)),
            )
        )
    return sorted(found, key=lambda history: (history.target_group, history.load_balancer))


def _episodes(points: Points) -> list[tuple[datetime, datetime | None]]:
    """The times with a value above 0. Without data points for a while, an episode ends with its last one."""
    length = timedelta(seconds=points.seconds)
    bad = [time for time, value in zip(points.times, points.values, strict=True) if value > 0]
    if not bad:
        return []
    starts = [bad[0], *(after for before, after in pairwise(bad) if after - before > length)]
    ends = [before + length for before, after in pairwise(bad) if after - before > length] + [bad[-1] + length]
    lasts = bad[-1] == points.times[-1]
    return [
        (start, None if lasts and number == len(starts) - 1 else end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _used(groups: Iterable[Raw]) -> Iterable[tuple[str, str, str, dict[str, str]]]:
    for group in groups:
        for arn in group.get("LoadBalancerArns", ()):
            path = arn.split(":loadbalancer/")[-1]
            kind, name = path.split("/")[:2]
            dimensions = {"TargetGroup": group["TargetGroupArn"].split(":")[-1], "LoadBalancer": path}
            if namespace := _NAMESPACES.get(kind):
                yield namespace, group["TargetGroupName"], name, dimensions


def _classic(names: Iterable[str]) -> Iterable[tuple[str, str, str, dict[str, str]]]:
    return [(_CLASSIC, "", name, {"LoadBalancerName": name}) for name in names]
