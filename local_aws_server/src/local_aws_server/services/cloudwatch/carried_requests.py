"""Count the requests that load balancers carry where the services run.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.data_plane import observer
from local_aws_server.services.cloudwatch.event_counts import record_events
from local_aws_server.services.cloudwatch.metrics import ELB_NAMESPACE, Dimensions, Metric
from local_aws_server.services.elbv2 import targets
from local_aws_server.services.elbv2.lookup import find_target_group

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="With `--run`, the requests that a load balancer carries are counted by the minute beside simulated "
        "ones: RequestCount, RequestCountPerTarget, TargetResponseTime, and responses by status of the target or of "
        "the load balancer. Connections, bytes, capacity units and the bill follow simulated traffic alone.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html",
        ),
    ),
)

_COUNTED_ACTIONS = {"redirect": "HTTP_Redirect_Count", "fixed-response": "HTTP_Fixed_Response_Count"}
_OWN_STATUSES = (500, 502, 503, 504)
"""Statuses of a load balancer that have a metric each."""

_Event = tuple[str, Dimensions, float, float]
"""The name and dimensions of a metric, a value and the number of samples with it."""


@observer("requests")
def observe_requests(backends: Backends, reports: Iterable[Mapping[str, Any]]) -> None:
    """Count requests: {minute, load_balancer, target_group, action, elb_status, target_status, requests, seconds}.

    `minute` is a time within it in seconds since 1970, `load_balancer` is `app/NAME/ID`, and `target_group` the ARN of
    that of the chosen target, or "". `target_status` is None where the target did not respond. `seconds` are pairs of
    a response time of the target and the number of requests that it took.
    """
    now, healthy = CLOCK.now(), dict[str, int]()
    for report in reports:
        arn = report["target_group"]
        if arn and arn not in healthy:
            healthy[arn] = _count_healthy(backends, arn)
        for name, dimensions, value, samples in _events(report, healthy.get(arn, 0)):
            metric = Metric(ELB_NAMESPACE, name, dimensions)
            record_events(backends, metric, float(report["minute"]), value, samples, now)
        SCHEDULER.mark_changed(backends, "cloudwatch")


def _events(report: Mapping[str, Any], healthy: int) -> Iterator[_Event]:
    """Yield what the requests of a report count as; `healthy` is the number of healthy targets of the group."""
    load_balancer: Dimensions = (("LoadBalancer", report["load_balancer"]),)
    requests, elb_status, target_status = float(report["requests"]), report["elb_status"], report["target_status"]
    if elb_status != target_status:  # the load balancer's own response
        if 300 <= elb_status < 600:
            yield f"HTTPCode_ELB_{elb_status // 100}XX_Count", load_balancer, 1.0, requests
        if elb_status in _OWN_STATUSES:
            yield f"HTTPCode_ELB_{elb_status}_Count", load_balancer, 1.0, requests
        if name := _COUNTED_ACTIONS.get(report["action"]):
            yield name, load_balancer, 1.0, requests
    if not report["target_group"]:
        return  # only requests for which a target was chosen count as requests
    group = ("TargetGroup", report["target_group"].split(":")[-1])
    for dimensions in (load_balancer, (*load_balancer, group)):
        yield "RequestCount", dimensions, 1.0, requests
        if target_status and 200 <= target_status < 600:
            yield f"HTTPCode_Target_{target_status // 100}XX_Count", dimensions, 1.0, requests
        for seconds, samples in report["seconds"]:
            yield "TargetResponseTime", dimensions, float(seconds), float(samples)
    if healthy:
        for dimensions in ((*load_balancer, group), (group,)):
            yield "RequestCountPerTarget", dimensions, 1.0, requests / healthy


def _count_healthy(backends: Backends, arn: str) -> int:
    group = find_target_group(backends, arn)
    if group is None:
        return 0
    return sum(targets.target_health(group, *target).state == "healthy" for target in group.targets)
