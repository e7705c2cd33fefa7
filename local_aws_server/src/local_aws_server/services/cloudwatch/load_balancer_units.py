"""Compute the usage of load balancers for the bill, in capacity units.

https://aws.amazon.com/elasticloadbalancing/pricing/
"""

from __future__ import annotations

from collections.abc import Mapping

from local_aws_server.backends import Backends
from local_aws_server.services.cloudwatch.metrics import (
    ELB_NAMESPACE,
    GAUGES,
    Metric,
    load_balancer_dimension,
    resource_metrics,
)

LCU = {
    "NewConnectionCount": 25.0,
    "ActiveConnectionCount": 3000.0,
    "ProcessedBytes": 1e9 / 3600,
    "RuleEvaluations": 1000.0,
}
"""Metric → the amount in one load balancer capacity unit (LCU): per second, but for active connections at a time.

https://aws.amazon.com/elasticloadbalancing/pricing/
"""


def consumed_lcus(usage: Mapping[str, float]) -> float:
    """Return the LCUs in use: those of the metric with the highest usage."""
    return max((usage.get(name, 0.0) / amount for name, amount in LCU.items()), default=0.0)


def lcu_hours(backends: Backends, load_balancer: str, start: float, end: float) -> float:
    """Return the LCU-hours of a load balancer, by its ARN; in each hour, the metric with the highest usage counts."""
    known, dimension = resource_metrics(backends), load_balancer_dimension(load_balancer)
    series_by_name = {name: known.get(Metric(ELB_NAMESPACE, name, dimension)) for name in LCU}
    usage = {name: series.steps for name, series in series_by_name.items() if series and series.steps.times}
    if not usage or end <= start:
        return 0.0
    first_use = max(start, min(steps.times[0] for steps in usage.values()))
    hour, total = first_use - first_use % 3600, 0.0
    while hour < end:
        first, last = max(hour, first_use), min(hour + 3600, end)
        averages = {}
        for name, steps in usage.items():
            summary = steps.summarize(first, last)
            amount = summary.total if summary else 0.0
            # gauges are sampled every minute
            averages[name] = amount * 60 / (last - first) if name in GAUGES else amount / (last - first)
        total += consumed_lcus(averages) * (last - first) / 3600
        hour += 3600
    return total


def bytes_processed(backends: Backends, load_balancer: str, start: float, end: float) -> float:
    """Return the bytes that a load balancer, by its ARN, processed in a period; it may be deleted."""
    metric = Metric(ELB_NAMESPACE, "ProcessedBytes", load_balancer_dimension(load_balancer))
    series = resource_metrics(backends).get(metric)
    summary = series.steps.summarize(start, end) if series else None
    return summary.total if summary else 0.0
