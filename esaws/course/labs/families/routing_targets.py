"""Labs about target groups and their health checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws import inventory
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.families._common import open_everything, redeploy_everything, target_group
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed
from esaws.reference.seccom import SERVICES

APIS = ("sites-management-api", "intrusion-management-api")


# --- flapping-targets: the health check requests a path that the service does not serve


def _flapping_values(seed: Seed) -> Mapping[str, Any]:
    service = SERVICES[seed.choice(APIS)]
    return {
        "service": service.name,
        "group": service.target_group,
        "url": f"{service.path}/",
        "path": seed.choice(("/health", "/status", "/ping", "/ready")),
    }


def _break_health_path(cloud: Cloud, mine: Values) -> None:
    group = target_group(cloud, mine.service)
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath=mine.path)


def _health_path_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    group = target_group(cloud, mine.service)
    name = group["TargetGroupName"]
    resource = (name, name.removeprefix(cloud.aws_name("")), group["TargetGroupArn"])
    yield Evidence(resource, (mine.path, "404", "Target.ResponseCodeMismatch"))


def _health_path_mended(attempt: Attempt) -> Iterable[Point]:
    group = target_group(attempt.cloud, attempt.mine.service)
    yield Point(
        f"The health check requests {attempt.mine.url}, which the service serves",
        group["HealthCheckPath"] == attempt.mine.url,
        f"it requests {group['HealthCheckPath']}",
        f"the health check of {group['TargetGroupName']}",
    )


def _repair_health_path(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    group = ids["TargetGroup", mine.group]
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group, HealthCheckPath=mine.url)


def _accept_any_status(cloud: Cloud, mine: Values) -> None:
    group = target_group(cloud, mine.service)
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group["TargetGroupArn"], Matcher={"HttpCode": "200-499"})


FLAPPING_TARGETS = Lab(
    "flapping-targets",
    family="routing",
    title="Tasks come and go",
    report=(
        "On-call, this morning: *Since last night `{mine.service}` starts a new task every few minutes. "
        "Of two targets at most one is healthy, often none. No user complains about `{mine.url}` yet. "
        "We released nothing.*"
    ),
    cause="health-check-path",
    values=_flapping_values,
    inject=_break_health_path,
    evidence=_health_path_evidence,
    broken=("{mine.service} answers", "GET {mine.url}", "{mine.service} runs"),
    mended=_health_path_mended,
    repair=_repair_health_path,
    non_repairs=(
        Wrong(_accept_any_status, "health check"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "lost a task"),
    ),
    hints=(
        "Who decides that a task is not healthy: ECS, the container, or the load balancer?",
        "Read the reason of the unhealthy targets, and the settings of their health check.",
        "`aws elbv2 describe-target-health --target-group-arn …` and `describe-target-groups`; "
        "`modify-target-group --health-check-path` sets the path.",
    ),
)

LABS = (FLAPPING_TARGETS,)
