"""Whether requests failed since a time, as the load balancers of the deployment counted them in CloudWatch."""

from __future__ import annotations

from datetime import datetime, timedelta

from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.inspect.metrics import MetricQuery, Points, read_metrics
from esaws.operations.checks import Check
from esaws.operations.watching import wait_for
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.target_group import TargetGroup
from esaws.simulation import cloud_time

_NAMESPACE = "AWS/ApplicationELB"
_FAILED = ("HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count")
_MINUTE = timedelta(minutes=1)
_WAIT_MINUTES = 10.0
"""CloudWatch shows a minute of a load balancer a few minutes later."""


def check_requests(cloud: Cloud, since: datetime) -> Check:
    """Check that no request failed since a time, with a 5xx of a load balancer or of a target.

    Load balancers report requests only where there are some. Their healthy targets are reported every minute, so the
    answer is unknown until those are reported up to now; it waits for them at most ten minutes.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """
    what, next_step = "no request failed", "`esaws health` and the access logs say which"
    until, start = cloud_time(cloud), since.replace(second=0, microsecond=0)
    balancers = {live.id.partition(":loadbalancer/")[2]: live.name for live in LoadBalancer.list(cloud)}
    groups = [
        (live.id.rpartition(":")[2], arn.partition(":loadbalancer/")[2])
        for live in TargetGroup.list(cloud)
        for arn in live.raw.get("LoadBalancerArns", ())
    ]
    if not balancers:
        return Check(what, None, "the deployment has no load balancer, and nothing else counts requests", next_step)
    reported = {
        group: MetricQuery(_NAMESPACE, "HealthyHostCount", {"TargetGroup": group, "LoadBalancer": balancer}, "Minimum")
        for group, balancer in groups
    }

    def is_complete() -> bool:
        points = read_metrics(cloud, reported, start=start, end=cloud_time(cloud))
        newest = [found.times[-1] for found in points.values() if found]
        return bool(newest) and max(newest) >= until - 2 * _MINUTE

    try:
        wait_for(cloud, "CloudWatch has the last minutes", is_complete, minutes=_WAIT_MINUTES)
    except EsawsError as error:
        return Check(what, None, str(error), "verify again in some minutes")
    counts = {
        (name, metric): MetricQuery(_NAMESPACE, metric, {"LoadBalancer": balancer}, "Sum")
        for balancer, name in balancers.items()
        for metric in ("RequestCount", *_FAILED)
    }
    return _judge(what, next_step, since, read_metrics(cloud, counts, start=start, end=cloud_time(cloud)))


def _judge(what: str, next_step: str, since: datetime, counted: dict[tuple[str, str], Points]) -> Check:
    """Return the check for the counts of each (load balancer, metric). Pure.

    Requests are counted by the minute. Whether those of the first one failed before or after its start is unknown.
    """
    requests = sum(_total(points) for (_, metric), points in counted.items() if metric == "RequestCount")
    failing = {key: points for key, points in counted.items() if key[1] in _FAILED and _total(points)}
    if not failing:
        return Check(what, True, f"{requests} requests, 0 failed", next_step)
    failed = sum(map(_total, failing.values()))
    listed = ", ".join(f"{_total(points)} {metric} of {name}" for (name, metric), points in sorted(failing.items()))
    later = [
        value
        for points in failing.values()
        for time, value in zip(points.times, points.values, strict=True)
        if time >= since
    ]
    if not any(later):
        found = f"{failed} failed in the minute in which it began, before it or after that: {listed}"
        return Check(what, None, found, next_step)
    return Check(what, False, f"{failed} of {requests} requests failed: {listed}", next_step)


def _total(points: Points) -> int:
    return round(sum(points.values))
