"""A CloudWatch dashboard of the load balancer, its target groups and the clusters."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import ITSELF, LONGEST_REGION, NOT_DOCUMENTED, Call, Made, Name, Text
from esaws.errors import EsawsError
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._metrics import arn_from_dimension, dimension_value
from esaws.resources.cluster import Cluster
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.target_group import TargetGroup

_SIGNATURE = re.compile(r"([\w:]+) `([^`]*)`")  # a tag in the text of a dashboard

Widgets = list[dict[str, Any]]

_KINDS = {"LoadBalancer": "LoadBalancer", "TargetGroup": "TargetGroup", "ClusterName": "Cluster"}


@dataclass(frozen=True, kw_only=True)
class Dashboard(Resource):
    """One page of graphs for a system. Dashboards are global, so their name on AWS includes the region.

    What makes one ours is a text in it that says what tags say elsewhere.
    """

    load_balancer: LoadBalancer
    target_groups: tuple[TargetGroup, ...]
    clusters: tuple[Cluster, ...]

    in_place = frozenset({"load_balancer", "target_groups", "clusters"})
    icon = "aws.management.Cloudwatch"
    free = "the first three dashboards of an account are free"
    permissions = (
        "cloudwatch:DeleteDashboards",
        "cloudwatch:GetDashboard",
        "cloudwatch:ListDashboards",
        "cloudwatch:PutDashboard",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html",
            {
                "DashboardName": Name(
                    Text(1, 255, r"[A-Za-z0-9_-]*", "letters, digits, hyphens and underscores"), ending=LONGEST_REGION
                ),
                "DashboardBody": Made(NOT_DOCUMENTED),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteDashboards.html",
            {"DashboardNames[]": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        cloudwatch = cloud.client("cloudwatch")
        prefix, ending = cloud.aws_name(""), f"-{cloud.region}"
        lives = []
        for entry in pages(cloud, "cloudwatch", "list_dashboards", "DashboardEntries", DashboardNamePrefix=prefix):
            dashboard = entry["DashboardName"]
            name = dashboard.removeprefix(prefix).removesuffix(ending)
            if dashboard != prefix + name + ending:
                continue
            with ignore_codes("ResourceNotFound"):  # deleted meanwhile
                body = json.loads(cloudwatch.get_dashboard(DashboardName=dashboard)["DashboardBody"])
                widgets = [widget.get("properties", {}) for widget in body.get("widgets", ())]
                texts = " ".join(properties.get("markdown", "") for properties in widgets)
                if cloud.owned_name(dict(_SIGNATURE.findall(texts))) == name:  # a copy has the name of the original
                    lives.append(cls._live(cloud, name, dashboard, widgets))
        return lives

    @classmethod
    def _live(cls, cloud: Cloud, name: str, dashboard: str, widgets: Iterable[dict[str, Any]]) -> Live:
        dimensions: dict[str, set[str]] = {key: set() for key in _KINDS}
        for properties in widgets:
            for metric in expand_shorthand(properties.get("metrics", ())):
                for key, value in zip(metric[2::2], metric[3::2], strict=False):
                    if key in dimensions:
                        dimensions[key].add(arn_from_dimension(cloud, key, value))
        return Live(
            cls.kind,
            name,
            dashboard,
            parents=frozenset(Ref(_KINDS[key], arn) for key, arns in dimensions.items() for arn in arns),
            fields={
                "load_balancer": ", ".join(sorted(dimensions["LoadBalancer"])),
                "target_groups": frozenset(dimensions["TargetGroup"]),
                "clusters": frozenset(dimensions["ClusterName"]),
            },
        )

    def desired(self) -> dict[str, Any]:
        return super().desired() | {
            "target_groups": frozenset(self.target_groups),
            "clusters": frozenset(self.clusters),
        }

    def create(self, cloud: Cloud) -> None:
        dashboard = f"{cloud.aws_name(self.name)}-{cloud.region}"
        entries = pages(cloud, "cloudwatch", "list_dashboards", "DashboardEntries", DashboardNamePrefix=dashboard)
        if any(entry["DashboardName"] == dashboard for entry in entries):  # CloudWatch would replace it silently
            raise EsawsError(
                f"{self}: a dashboard {dashboard} that {cloud.deployment} did not make exists; rename one of them"
            )
        self._put(cloud, dashboard)
        self.remember_id(cloud, dashboard)

    def update(self, cloud: Cloud, live: Live) -> None:
        self._put(cloud, live.id)

    def _put(self, cloud: Cloud, dashboard: str) -> None:
        body = json.dumps({"widgets": self._widgets(cloud)})
        cloud.client("cloudwatch").put_dashboard(DashboardName=dashboard, DashboardBody=body)

    def _widgets(self, cloud: Cloud) -> Widgets:
        balancer = ["LoadBalancer", dimension_value(self.load_balancer.id_in(cloud))]
        groups = [["TargetGroup", dimension_value(group.id_in(cloud))] for group in self.target_groups]
        clusters = [["ClusterName", dimension_value(cluster.id_in(cloud))] for cluster in self.clusters]
        elb, ecs = "AWS/ApplicationELB", "AWS/ECS"
        graphs = {
            "Requests": [[elb, "RequestCount", *balancer, {"stat": "Sum"}]],
            "Errors": [[elb, f"HTTPCode_{side}_5XX_Count", *balancer, {"stat": "Sum"}] for side in ("ELB", "Target")],
            "Response time": [[elb, "TargetResponseTime", *balancer, {"stat": "p95"}]],
            "Healthy targets": [[elb, "HealthyHostCount", *group, *balancer, {"stat": "Minimum"}] for group in groups],
            "CPU": [[ecs, "CPUUtilization", *cluster] for cluster in clusters],
            "Memory": [[ecs, "MemoryUtilization", *cluster] for cluster in clusters],
        }
        signature = ", ".join(f"{tag} `{value}`" for tag, value in cloud.tags(self.name, expiry=False).items())
        text = f"## {cloud.aws_name(self.name)}\n{signature}"
        widgets = [{"type": "text", "x": 0, "y": 0, "width": 24, "height": 2, "properties": {"markdown": text}}]
        for number, (title, metrics) in enumerate((title, metrics) for title, metrics in graphs.items() if metrics):
            position = {"x": number % 3 * 8, "y": 2 + number // 3 * 6, "width": 8, "height": 6}
            properties = {
                "title": title,
                "region": cloud.region,
                "view": "timeSeries",
                "period": 60,
                "metrics": metrics,
            }
            widgets.append({"type": "metric", **position, "properties": properties})
        return widgets

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("ResourceNotFound"):
            cloud.client("cloudwatch").delete_dashboards(DashboardNames=[live.id])

    @classmethod
    def example(cls) -> Self:
        return cls(
            name="overview",
            load_balancer=LoadBalancer.example(),
            target_groups=(TargetGroup.example(),),
            clusters=(Cluster.example(),),
        )


def expand_shorthand(metrics: Iterable[Any]) -> Iterable[list[str]]:
    """Yield each line of a graph as namespace, metric and dimensions, without the console's shorthand and options.

    In CloudWatch's shorthand, `.` repeats the word of the line above, and `...` repeats all missing words.
    """
    above: list[str] = []
    for line in metrics:
        words = [word for word in line if isinstance(word, str)]
        if "..." in words:
            at = words.index("...")
            rest = words[at + 1 :]
            words = [*words[:at], *above[at : len(above) - len(rest)], *rest]
        above = [above[n] if word == "." and n < len(above) else word for n, word in enumerate(words)]
        yield above
