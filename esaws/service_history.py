"""What a service went through, minute by minute: what was asked of it, how busy it was, and how it was scaled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from esaws.chart import Chart
from esaws.cloud import Cloud
from esaws.errors import NotDeployed

if TYPE_CHECKING:
    import pandas

COLUMNS = ("requests_per_second", "cpu_percent", "healthy_targets", "instances")

_MINUTE = 60
_TITLES = {
    "requests_per_second": "Requests a second",
    "cpu_percent": "CPU, percent of what its tasks may use",
    "healthy_targets": "Healthy targets",
    "instances": "Instances in service",
}


def timeline(cloud: Cloud, service: str, start: datetime, end: datetime) -> pandas.DataFrame:
    """A service of this deployment between two moments, from CloudWatch and from Auto Scaling's activities.

    One row for each minute that some of this time falls into, by when it begins, in UTC. Columns: requests_per_second,
    cpu_percent, healthy_targets, instances; a minute without a measurement is NaN. CloudWatch keeps minutes 15 days.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention

    Raises:
        NotDeployed: the deployment has no such service.
    """
    import pandas

    minutes = pandas.date_range(pandas.Timestamp(start).floor("1min"), end, freq="1min", tz="UTC", inclusive="left")
    described = _described(cloud, service)
    frame = pandas.DataFrame(index=minutes, columns=list(COLUMNS), dtype=float)
    of_service = {"ClusterName": cloud.aws_name(f"{service}-cluster"), "ServiceName": cloud.aws_name(service)}
    wanted = {"cpu_percent": ("AWS/ECS", "CPUUtilization", of_service, "Average")}
    if described["loadBalancers"]:
        behind = _dimensions(cloud, described["loadBalancers"][0]["targetGroupArn"])
        wanted["requests_per_second"] = ("AWS/ApplicationELB", "RequestCount", behind, "Sum")
        wanted["healthy_targets"] = ("AWS/ApplicationELB", "HealthyHostCount", behind, "Average")
    for column, values in _measured(cloud, wanted, start, end).items():
        frame[column] = pandas.Series(values, dtype=float).reindex(minutes)
    frame["requests_per_second"] /= _MINUTE
    for moment, change in _launches(cloud, service):
        frame.loc[frame.index >= moment, "instances"] = frame["instances"].fillna(0) + change
    return frame.rename_axis("time")


def draw_timeline(frame: pandas.DataFrame) -> Chart:
    """The timeline as a picture, one strip for each column that has something to show."""
    from matplotlib.figure import Figure

    shown = [column for column in frame.columns if frame[column].notna().any()]
    figure = Figure(figsize=(9, 1.7 * len(shown)), layout="constrained")
    strips = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
    for strip, column in zip(strips, shown, strict=True):
        strip.fill_between(frame.index, frame[column], step="post", alpha=0.25, color="#ed7100")
        strip.step(frame.index, frame[column], where="post", color="#ed7100")
        strip.set_title(_TITLES.get(column, column), loc="left", fontsize=9)
        strip.set_ylim(bottom=0)
        strip.spines[["top", "right"]].set_visible(False)
    strips[-1].xaxis.set_major_formatter(_clock())
    return Chart(figure, "timeline")


def _clock() -> Any:
    from matplotlib.dates import DateFormatter

    return DateFormatter("%H:%M")


def _described(cloud: Cloud, service: str) -> dict[str, Any]:
    names = {"cluster": cloud.aws_name(f"{service}-cluster"), "services": [cloud.aws_name(service)]}
    ecs = cloud.client("ecs")
    try:
        found = ecs.describe_services(**names)["services"]
    except ecs.exceptions.ClusterNotFoundException:
        found = []
    if not found:
        raise NotDeployed(f"{service} is not a service of {cloud.deployment} in {cloud.region}; deploy it first")
    return dict(found[0])


def _dimensions(cloud: Cloud, target_group: str) -> dict[str, str]:
    """CloudWatch's names of a target group and its load balancer: the ends of their ARNs."""
    described = cloud.client("elbv2").describe_target_groups(TargetGroupArns=[target_group])["TargetGroups"][0]
    balancer = next(iter(described["LoadBalancerArns"]), "").partition(":loadbalancer/")[2]
    return {"TargetGroup": target_group.rpartition(":")[2], "LoadBalancer": balancer}


def _measured(cloud: Cloud, wanted: dict[str, Any], start: datetime, end: datetime) -> dict[str, dict[datetime, float]]:
    queries = [
        {
            "Id": column,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": [{"Name": each, "Value": value} for each, value in dimensions.items()],
                },
                "Period": _MINUTE,
                "Stat": statistic,
            },
        }
        for column, (namespace, name, dimensions, statistic) in wanted.items()
    ]
    found: dict[str, dict[datetime, float]] = {column: {} for column in wanted}
    pages = cloud.client("cloudwatch").get_paginator("get_metric_data")
    for page in pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=end):
        for result in page["MetricDataResults"]:
            found[result["Id"]].update(zip(result["Timestamps"], result["Values"], strict=True))
    return found


def _launches(cloud: Cloud, service: str) -> Iterator[tuple[datetime, int]]:
    """(when, +1 or -1) for each instance that came into service of a service's group, or left it, the oldest first."""
    pages = cloud.client("autoscaling").get_paginator("describe_scaling_activities")
    asked = {"AutoScalingGroupName": cloud.aws_name(f"{service}-asg")}
    activities = [each for page in pages.paginate(**asked) for each in page["Activities"]]
    for activity in sorted(activities, key=lambda each: each["StartTime"]):
        if activity["Description"].startswith("Launching") and activity["StatusCode"] == "Successful":
            yield activity["EndTime"], 1
        elif activity["Description"].startswith("Terminating"):
            yield activity["StartTime"], -1
