"""A task without a service becomes a service that heals, for the same price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.probes import answers
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import describe_group
from esaws.resources.cluster import Cluster
from esaws.resources.listener import Listener
from esaws.resources.service import Service
from esaws.resources.target_group import TargetGroup
from esaws.resources.target_registration import TargetRegistration
from esaws.resources.task import Task
from esaws.resources.task_definition import TaskDefinition

_WEB = "client-web-ui"
_HEAL_MINUTES = 10


def _heal_values(seed: Seed) -> Mapping[str, Any]:
    return {"name": f"web-{seed.letters(4)}"}


def _check_heal(attempt: Attempt) -> Iterator[Point]:
    mine, cloud = attempt.mine, attempt.cloud
    service = attempt.live("Service", mine.name)
    yield Point(
        f"The cluster {_WEB}-cluster has a service {mine.name}",
        service is not None and service.fields["cluster"].endswith(cloud.aws_name(f"{_WEB}-cluster")),
        f"there is no service {mine.name}" if service is None else "it is in another cluster",
        "Service in esaws.resources",
        is_needed=True,
    )
    group = describe_group(cloud, cloud.aws_name(f"{_WEB}-asg"))
    instances = [each["InstanceId"] for each in group["Instances"]] if group else []
    yield Point(
        "It costs what it cost before: one instance",
        len(instances) == 1 and bool(group) and group["MaxSize"] == 1,  # type: ignore[index]
        f"its group has {len(instances)} instances, and may have {group['MaxSize'] if group else 0}",
        "the sizes of the Auto Scaling group",
    )
    if not instances:
        return
    with attempt.copy() as copy:
        simulation.advance(copy, "3m")
        before = answers(copy, "/")
        simulation.fail(copy, instance=instances[0])
        simulation.advance(copy, f"{_HEAL_MINUTES}m")
        after = answers(copy, "/")
    yield Point(
        "The web UI answers now",
        before,
        "no healthy target answers /",
        "the port of the old task, and the target group of the service",
    )
    yield Point(
        f"Its instance fails, and {_HEAL_MINUTES} minutes later the web UI answers again",
        after,
        "no healthy target answers /",
        "`inspect.trace` on a copy: is there a task, and is it registered?",
        is_needed=True,
    )


def _declare_service(cloud: Cloud, mine: Values) -> None:
    system = seccom("budget", services=("client-web-ui", "intrusion-management-api", "sites-management-api"))
    ours = inventory(cloud)
    Task.delete(cloud, ours["Task", "client-web-ui"])
    TargetRegistration.delete(cloud, ours["TargetRegistration", "client-web-ui-tg client-web-ui-asg"])
    service = Service(
        name=mine.name,
        cluster=system.get(Cluster, "client-web-ui-cluster"),
        task_definition=system.get(TaskDefinition, "client-web-ui"),
        desired_count=1,
        target_group=system.get(TargetGroup, "client-web-ui-tg"),
        container_port=80,
        minimum_healthy=0,
        after=(system.of(Listener)[0],),
    )
    plan_deploy([service], cloud).apply()


def _call_service(cloud: Cloud, mine: Values) -> None:
    ecs, ours = cloud.client("ecs"), inventory(cloud)
    cluster, target_group = cloud.aws_name("client-web-ui-cluster"), ours["TargetGroup", "client-web-ui-tg"].id
    for task in ecs.list_tasks(cluster=cluster)["taskArns"]:
        ecs.stop_task(cluster=cluster, task=task)
    elbv2 = cloud.client("elbv2")
    for target in elbv2.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]:
        elbv2.deregister_targets(TargetGroupArn=target_group, Targets=[target["Target"]])
    ecs.create_service(
        cluster=cluster,
        serviceName=cloud.aws_name(mine.name),
        taskDefinition=cloud.aws_name("client-web-ui"),
        desiredCount=1,
        launchType="EC2",
        loadBalancers=[{"targetGroupArn": target_group, "containerName": "client-web-ui", "containerPort": 80}],
        deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 100},
        tags=[{"key": key, "value": value} for key, value in cloud.tags(mine.name).items()],
    )


def _service_without_targets(cloud: Cloud, mine: Values) -> None:
    system = seccom("budget", services=(_WEB,))
    Task.delete(cloud, inventory(cloud)["Task", _WEB])
    service = Service(
        name=mine.name,
        cluster=system.get(Cluster, f"{_WEB}-cluster"),
        task_definition=system.get(TaskDefinition, _WEB),
        desired_count=1,
        minimum_healthy=0,
    )
    plan_deploy([service], cloud).apply()


def _two_instances(cloud: Cloud, mine: Values) -> None:
    _declare_service(cloud, mine)
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=cloud.aws_name(f"{_WEB}-asg"), MinSize=2, MaxSize=2
    )


HEAL = Exercise(
    "14-heal",
    prompt=(
        "Make the web UI heal by itself, and pay nothing for it. Its instance fails, and ten minutes later `/` "
        "answers again, with one instance as before. Replace the task by a service named `{mine.name}`."
    ),
    values=_heal_values,
    check=_check_heal,
    hints=(
        "The group brings the instance back. What brings the task back, and what registers it?",
        "A service does both, if it has a target group. The old task holds port 4201, so it must stop first.",
        '`Service(name="{mine.name}", …, desired_count=1, target_group=…, container_port=80, minimum_healthy=0)`',
    ),
    solutions=(_declare_service, _call_service),
    wrong=(
        Wrong(_service_without_targets, "is it registered?"),
        Wrong(_two_instances, "its group has 2 instances"),
    ),
    notices=("Service:{mine.name}",),
)
