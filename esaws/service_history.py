"""History minute by minute: of an ECS service, and of the requests that failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any

from esaws.chart import COLOURS, Chart
from esaws.cloud import Cloud
from esaws.errors import NotDeployed
from esaws.resources.load_balancer import LoadBalancer

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
_REQUEST_METRICS = {
    "RequestCount": "requests",
    "HTTPCode_ELB_5XX_Count": "failed",
    "HTTPCode_Target_5XX_Count": "failed",
}


@dataclass(frozen=True)
class Timeline:
    """The history of a service."""

    service: str
    frame: pandas.DataFrame

    def to_frame(self) -> pandas.DataFrame:
        """One row per minute by its start in UTC.

        Columns: requests_per_second, cpu_percent, healthy_targets, instances; NaN where there is no measurement.
        """
        return self.frame

    def draw(self) -> Chart:
        """A chart with one strip for each column that has values."""
        from matplotlib.dates import DateFormatter
        from matplotlib.figure import Figure

        columns = [column for column in self.frame.columns if self.frame[column].notna().any()]
        figure = Figure(figsize=(9, 1.7 * len(columns)), layout="constrained")
        strips = figure.subplots(len(columns), sharex=True, squeeze=False)[:, 0]
        for strip, column in zip(strips, columns, strict=True):
            strip.fill_between(self.frame.index, self.frame[column], step="post", alpha=0.25, color=COLOURS[0])
            strip.step(self.frame.index, self.frame[column], where="post", color=COLOURS[0])
            strip.set_title(_TITLES.get(column, column), loc="left", fontsize=9)
            strip.set_ylim(bottom=0)
            strip.spines[["top", "right"]].set_visible(False)
        strips[-1].xaxis.set_major_formatter(DateFormatter("%H:%M"))
        return Chart(figure, f"timeline of {self.service}: {self._summary(columns)}")

    def _summary(self, columns: list[str]) -> str:
        """The lowest and the highest value of each column in words, for people who do not see the chart."""
        ranges = ((name, self.frame[name].min(), self.frame[name].max()) for name in columns)
        return "; ".join(f"{_TITLES.get(name, name)}, from {low:.0f} to {high:.0f}" for name, low, high in ranges)

    def _repr_html_(self) -> str:
        return str(self.frame.to_html(max_rows=20))

    def __str__(self) -> str:
        return str(self.frame.to_string(max_rows=20))


def service_timeline(cloud: Cloud, service: str, start: datetime, end: datetime) -> Timeline:
    """The history of a service of this deployment, from CloudWatch metrics and Auto Scaling activities.

    It has every minute that overlaps the time from `start` to `end`. CloudWatch keeps minutes for 15 days:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention

    Raises:
        NotDeployed: the deployment has no such service.
    """
    import pandas

    start, end = start.astimezone(UTC), end.astimezone(UTC)
    minutes = pandas.date_range(pandas.Timestamp(start).floor("1min"), end, freq="1min", inclusive="left")
    described = _describe_service(cloud, service)
    frame = pandas.DataFrame(index=minutes, columns=list(COLUMNS), dtype=float)
    of_service = {"ClusterName": cloud.aws_name(f"{service}-cluster"), "ServiceName": cloud.aws_name(service)}
    metrics = {"cpu_percent": ("AWS/ECS", "CPUUtilization", of_service, "Average")}
    if described["loadBalancers"]:
        of_targets = _target_dimensions(cloud, described["loadBalancers"][0]["targetGroupArn"])
        metrics["requests_per_second"] = ("AWS/ApplicationELB", "RequestCount", of_targets, "Sum")
        metrics["healthy_targets"] = ("AWS/ApplicationELB", "HealthyHostCount", of_targets, "Average")
    for column, values in _metric_data(cloud, metrics, start, end).items():
        frame[column] = pandas.Series(values, dtype=float).reindex(minutes)
    frame["requests_per_second"] /= _MINUTE
    for time, change in _instance_changes(cloud, service):
        frame.loc[frame.index >= time, "instances"] = frame["instances"].fillna(0) + change
    return Timeline(service, frame.rename_axis("time"))


def request_history(cloud: Cloud, start: datetime, end: datetime) -> pandas.DataFrame:
    """The requests to the load balancers of this deployment, and those that failed, by minute from `start` to `end`.

    AWS counts a request that no target took only as failed:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html

    Raises:
        NotDeployed: the deployment has no load balancer.
    """
    import pandas

    balancers = [live.id.partition(":loadbalancer/")[2] for live in LoadBalancer.list(cloud)]
    if not balancers:
        raise NotDeployed(f"{cloud.deployment} has no load balancer in {cloud.region}; deploy one first")
    queries, columns = {}, {}
    for number, (balancer, metric) in enumerate(product(balancers, _REQUEST_METRICS)):
        queries[f"m{number}"] = ("AWS/ApplicationELB", metric, {"LoadBalancer": balancer}, "Sum")
        columns[f"m{number}"] = _REQUEST_METRICS[metric]
    minutes = pandas.date_range(pandas.Timestamp(start).floor("1min"), end, freq="1min", tz="UTC", inclusive="left")
    frame = pandas.DataFrame(0, index=minutes, columns=["requests", "failed"])
    for key, values in _metric_data(cloud, queries, start, end).items():
        frame[columns[key]] += pandas.Series(values, dtype=float).reindex(minutes).fillna(0).astype(int)
    return frame.rename_axis("time")


def _describe_service(cloud: Cloud, service: str) -> dict[str, Any]:
    names = {"cluster": cloud.aws_name(f"{service}-cluster"), "services": [cloud.aws_name(service)]}
    ecs = cloud.client("ecs")
    try:
        services = ecs.describe_services(**names)["services"]
    except ecs.exceptions.ClusterNotFoundException:
        services = []
    if not services:
        raise NotDeployed(f"{service} is not a service of {cloud.deployment} in {cloud.region}; deploy it first")
    return dict(services[0])


def _target_dimensions(cloud: Cloud, target_group_arn: str) -> dict[str, str]:
    """CloudWatch's dimensions of a target group and its load balancer: the ends of their ARNs."""
    response = cloud.client("elbv2").describe_target_groups(TargetGroupArns=[target_group_arn])
    load_balancer_arn = next(iter(response["TargetGroups"][0]["LoadBalancerArns"]), "")
    return {
        "TargetGroup": target_group_arn.rpartition(":")[2],
        "LoadBalancer": load_balancer_arn.partition(":loadbalancer/")[2],
    }


def _metric_data(
    cloud: Cloud, metrics: dict[str, Any], start: datetime, end: datetime
) -> dict[str, dict[datetime, float]]:
    queries = [
        {
            "Id": column,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": [{"Name": dimension, "Value": value} for dimension, value in dimensions.items()],
                },
                "Period": _MINUTE,
                "Stat": statistic,
            },
        }
        for column, (namespace, name, dimensions, statistic) in metrics.items()
    ]
    values: dict[str, dict[datetime, float]] = {column: {} for column in metrics}
    if int(start.timestamp()) >= int(end.timestamp()):  # which CloudWatch refuses
        return values
    pages = cloud.client("cloudwatch").get_paginator("get_metric_data")
    for page in pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=end):
        for result in page["MetricDataResults"]:
            values[result["Id"]].update(zip(result["Timestamps"], result["Values"], strict=True))
    return values


def _instance_changes(cloud: Cloud, service: str) -> Iterator[tuple[datetime, int]]:
    """(time, +1 or -1) for each instance that entered or left service in the service's group, oldest first."""
    pages = cloud.client("autoscaling").get_paginator("describe_scaling_activities")
    group = {"AutoScalingGroupName": cloud.aws_name(f"{service}-asg")}
    activities = [activity for page in pages.paginate(**group) for activity in page["Activities"]]
    for activity in sorted(activities, key=lambda activity: activity["StartTime"]):
        if activity["Description"].startswith("Launching") and activity["StatusCode"] == "Successful":
            yield activity["EndTime"], 1
        elif activity["Description"].startswith("Terminating"):
            yield activity["StartTime"], -1
