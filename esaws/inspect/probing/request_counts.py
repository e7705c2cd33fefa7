"""The requests that CloudWatch counted for each target group, beside those that a probe sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws._display import html_table
from esaws.cloud import Cloud
from esaws.inspect.load_balancers import target_group_name
from esaws.inspect.metrics import MetricQuery, read_metrics
from esaws.inspect.probing.comparison import is_of_load_balancer
from esaws.inspect.probing.probe import PathProbe, PathProbes
from esaws.simulation import cloud_time

if TYPE_CHECKING:
    import pandas

_POLLS = 10
"""How many of the cloud's polling intervals lie between two looks at the metrics."""

Key = tuple[str, str]
"""The ARNs of a load balancer and of a target group."""


@dataclass(frozen=True)
class GroupCount:
    """The requests that targets of the group answered according to the trace, and those that CloudWatch counted for it.

    `counted` includes those of other clients; None where CloudWatch has no data yet.
    """

    target_group: str
    sent: int
    counted: int | None

    @property
    def arrived(self) -> str:
        """`yes` where as many were counted as were sent, else `unknown`: counts come late."""
        return "yes" if self.counted is not None and self.counted >= self.sent else "unknown"

    def to_dict(self) -> dict[str, Any]:
        """Return target_group, sent, counted and arrived."""
        return {**vars(self), "arrived": self.arrived}


@dataclass(frozen=True, repr=False)
class RequestCounts:
    """The counts of each target group. `note` says why there are none, or what they mean."""

    groups: tuple[GroupCount, ...]
    note: str

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each target group: target_group, sent, counted, arrived (yes or unknown)."""
        import pandas

        columns = ["target_group", "sent", "counted", "arrived"]
        frame = pandas.DataFrame([group.to_dict() for group in self.groups], columns=columns)
        return frame.astype({"counted": "Int64"})

    def to_dict(self) -> dict[str, Any]:
        """Return a list of groups, and the note."""
        return {"groups": [group.to_dict() for group in self.groups], "note": self.note}

    def __repr__(self) -> str:
        return f"{self.note}\n{self.to_frame().to_string(index=False)}" if self.groups else self.note

    def _repr_html_(self) -> str:
        return html_table(self.note, self.to_frame())


def count_requests(cloud: Cloud, probes: PathProbes, *, minutes: int) -> RequestCounts:
    """Return the requests that CloudWatch counted since a probe began, for each target group that the trace names.

    It waits up to `minutes` until as many are counted as were sent. With 0 minutes CloudWatch is not read.

    Raises:
        ClientError: CloudWatch refused the call.
    """
    sent = sent_by_group(probes)
    if not minutes:
        return RequestCounts((), "not read: -p count_minutes 5 waits so long for the counts of CloudWatch")
    if probes.began is None or not sent:
        return RequestCounts((), "nothing to count: no target has answered")
    start = probes.began.replace(second=0)
    queries = {key: _query(*key) for key in sent}
    deadline = time.monotonic() + minutes * 60
    while True:
        points = read_metrics(cloud, queries, start=start, end=cloud_time(cloud))
        counts = [
            GroupCount(target_group_name(key[1]), number, round(sum(points[key].values)) if points[key] else None)
            for key, number in sent.items()
        ]
        if all(count.arrived == "yes" for count in counts) or time.monotonic() > deadline:
            return RequestCounts(tuple(counts), "requests since the probe began, those of other clients included")
        time.sleep(cloud.poll_seconds * _POLLS)


def sent_by_group(probes: PathProbes) -> Mapping[Key, int]:
    """Return how many requests a target of each group answered, where the trace names exactly one group."""
    sent: dict[Key, int] = {}
    for probe in probes:
        if (group := _only_group(probe)) is not None:
            key = str(probe.question.load_balancer.raw["LoadBalancerArn"]), group
            by_targets = [each for each in probe.replies if each.stage == "answered" and not is_of_load_balancer(each)]
            sent[key] = sent.get(key, 0) + len(by_targets)
    return {key: number for key, number in sent.items() if number}


def _only_group(probe: PathProbe) -> str | None:
    expected = probe.expected
    is_of_target = expected is not None and expected.outcome == "target"
    return expected.groups[0] if expected and is_of_target and len(expected.groups) == 1 else None


def _query(load_balancer: str, target_group: str) -> MetricQuery:
    """The requests of a target group.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """
    dimensions = {
        "LoadBalancer": load_balancer.partition(":loadbalancer/")[2],
        "TargetGroup": target_group.rpartition(":")[2],
    }
    return MetricQuery("AWS/ApplicationELB", "RequestCount", dimensions, "Sum")
