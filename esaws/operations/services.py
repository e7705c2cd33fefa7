"""The state of a service of the deployment: its tasks, its healthy targets, and how many must stay healthy.

It is an ECS service, or the tasks of one name that belong to no ECS service, as in the profile `budget`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.errors import EsawsError, NotDeployed
from esaws.resource import Live
from esaws.resources._ecs import describe, resource_name
from esaws.resources.service import Service
from esaws.resources.target_group import TargetGroup
from esaws.resources.task import Task


@dataclass(frozen=True)
class LoneTask:
    """A task without an ECS service: where it runs, and the host ports that it takes."""

    live: Live
    instance: str
    ports: frozenset[int]

    @property
    def definition(self) -> str:
        return str(self.live.fields["task_definition"])

    @property
    def runs(self) -> bool:
        return self.live.state == "RUNNING"


@dataclass(frozen=True)
class ServiceState:
    """What ECS and the load balancer say about a service at one moment. Nothing in it is changed later.

    Tasks without an ECS service are described in the same words; they have no ARN and no deployments.
    """

    name: str
    raw: dict[str, Any]
    """ECS's description, with tags."""
    container: dict[str, Any]
    """The container that the load balancer reaches, or else the first one, as its task definition describes it."""
    targets: tuple[dict[str, Any], ...]
    """The targets of its target groups, with their health, in elbv2's words."""

    tasks: tuple[LoneTask, ...] = ()
    """The tasks, if they belong to no ECS service."""

    @property
    def is_service(self) -> bool:
        """Whether ECS keeps the tasks running."""
        return bool(self.arn)

    @property
    def cluster(self) -> str:
        return str(self.raw["clusterArn"])

    @property
    def arn(self) -> str:
        return str(self.raw["serviceArn"])

    @property
    def task_definition(self) -> str:
        return str(self.raw["taskDefinition"])

    @property
    def image(self) -> str:
        return str(self.container["image"])

    @property
    def tags(self) -> dict[str, str]:
        return tag_dict(self.raw.get("tags"), "key", "value")

    @property
    def desired(self) -> int:
        return int(self.raw["desiredCount"])

    @property
    def running(self) -> int:
        return int(self.raw["runningCount"])

    @property
    def has_targets(self) -> bool:
        return bool(self.target_groups)

    @property
    def target_groups(self) -> list[str]:
        """The ARNs of its target groups."""
        return [each["targetGroupArn"] for each in self.raw["loadBalancers"] if "targetGroupArn" in each]

    @property
    def healthy(self) -> int:
        """Healthy targets, in the target group that has the fewest; without target groups, running tasks."""
        counts = dict.fromkeys(self.target_groups, 0)
        for target in self.targets:
            counts[target["group"]] += target["TargetHealth"]["State"] == "healthy"
        return min(counts.values(), default=self.running)

    @property
    def minimum(self) -> int:
        """The tasks that must stay healthy during a deployment: `minimumHealthyPercent`, rounded up as ECS does.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
        """
        percent = self.raw.get("deploymentConfiguration", {}).get("minimumHealthyPercent", 100)
        return math.ceil(self.desired * percent / 100)

    @property
    def primary(self) -> dict[str, Any]:
        """The deployment that ECS works towards; empty for other deployment controllers."""
        return next((each for each in self.raw["deployments"] if each["status"] == "PRIMARY"), {})

    @property
    def is_settled(self) -> bool:
        """Whether all tasks are of one finished deployment, and all targets that it should have are healthy."""
        rollout = self.primary.get("rolloutState", "COMPLETED")
        is_one = not self.is_service or (len(self.raw["deployments"]) == 1 and rollout == "COMPLETED")
        return is_one and self.running == self.desired and self.healthy >= self.desired

    def unhealthy_targets(self) -> dict[str, str]:
        """`instance:port` → the load balancer's reason, of each unhealthy target."""
        return {
            f"{target['Target']['Id']}:{target['Target'].get('Port', '')}": describe_health(target["TargetHealth"])
            for target in self.targets
            if target["TargetHealth"]["State"] == "unhealthy"
        }

    def to_dict(self) -> dict[str, Any]:
        """service, task_definition, image, desired, running, healthy, minimum."""
        return {
            "service": self.name,
            "task_definition": resource_name(self.task_definition),
            "image": self.image,
            "desired": self.desired,
            "running": self.running,
            "healthy": self.healthy,
            "minimum": self.minimum,
        }

    def __repr__(self) -> str:
        counts = f"{self.running} of {self.desired} tasks run, {self.healthy} healthy"
        return f"{self.name}: {counts}, at least {self.minimum} during a deployment; image {self.image}"


def service_state(cloud: Cloud, service: str) -> ServiceState:
    """Return the state of a service of the deployment, by its reference name, such as `client-web-ui`.

    Raises:
        NotDeployed: the deployment has no such service; the message lists those that it has.
    """
    services = {live.name: live for live in Service.list(cloud) if not live.foreign}
    if live := services.get(service):
        return read_state(cloud, service, str(live.fields["cluster"]), live.id)
    tasks = [live for live in Task.list(cloud) if not live.foreign and live.state not in Task.deleting]
    own = [live for live in tasks if live.name == service]
    if own:
        return _state_of_tasks(cloud, service, own)
    existing = {*services, *(live.name for live in tasks)}
    raise NotDeployed.among(f"{service} is not a service of {cloud.deployment} in {cloud.region}", existing)


def read_state(cloud: Cloud, name: str, cluster: str, arn: str) -> ServiceState:
    """Return the state of the service with this ARN. It makes three calls, and one more for each target group.

    Raises:
        NotDeployed: ECS does not describe the service.
    """
    for raw in describe(cloud, "services", [arn], cluster=cluster):
        if raw["status"] != "INACTIVE":
            definition = cloud.client("ecs").describe_task_definition(taskDefinition=raw["taskDefinition"])
            container = choose_container(raw, definition["taskDefinition"])
            return ServiceState(name, raw, container, tuple(_targets(cloud, raw)))
    raise NotDeployed(f"service {name} is gone from {cloud.region}; deploy it first")


def choose_container(raw: dict[str, Any], definition: dict[str, Any]) -> dict[str, Any]:
    """Return the container that the load balancer of a service reaches, or else the first essential one. Pure."""
    containers: list[dict[str, Any]] = definition["containerDefinitions"]
    names = {balancer.get("containerName") for balancer in raw.get("loadBalancers", ())}
    reached = [container for container in containers if container["name"] in names]
    essential = [container for container in containers if container.get("essential", True)]
    return (reached or essential or containers)[0]


def require_rolling_deployments(state: ServiceState) -> None:
    """Raise EsawsError if another controller than ECS makes the deployments of a service."""
    controller = state.raw.get("deploymentController", {}).get("type", "ECS")
    if controller != "ECS":
        raise EsawsError(f"{state.name}: its deployments are made by {controller}, not by ECS; use that controller")


def describe_health(health: dict[str, Any]) -> str:
    """Return reason and description of a target's health, as the load balancer gives them."""
    return ": ".join(filter(None, (health.get("Reason"), health.get("Description")))) or str(health["State"])


def _state_of_tasks(cloud: Cloud, name: str, lives: list[Live]) -> ServiceState:
    """Describe the tasks of one name in one cluster as ECS would describe a service of them.

    Their target groups are those in which one of their instances is registered with one of their ports. `minimum` is
    all of them, since an operation stops none before its replacement is healthy.
    """
    cluster = str(lives[0].fields["cluster"])
    tasks = tuple(sorted((_lone_task(cloud, cluster, live) for live in lives), key=lambda task: task.live.id))
    newest = max(lives, key=lambda live: int(live.fields["task_definition"].rpartition(":")[2]))
    ends = {(task.instance, port) for task in tasks for port in task.ports}
    balancers = [
        {"targetGroupArn": group.id}
        for group in TargetGroup.list(cloud)
        if any((target["Target"]["Id"], target["Target"].get("Port")) in ends for target in _health(cloud, group.id))
    ]
    raw = {
        "serviceName": name,
        "serviceArn": "",
        "clusterArn": cluster,
        "taskDefinition": newest.fields["task_definition"],
        "desiredCount": len(tasks),
        "runningCount": sum(task.runs for task in tasks),
        "loadBalancers": balancers,
        "deployments": [],
        "deploymentConfiguration": {"minimumHealthyPercent": 100},
    }
    definition = cloud.client("ecs").describe_task_definition(taskDefinition=raw["taskDefinition"])["taskDefinition"]
    return ServiceState(name, raw, choose_container(raw, definition), tuple(_targets(cloud, raw)), tasks)


def _lone_task(cloud: Cloud, cluster: str, live: Live) -> LoneTask:
    arn = live.raw.get("containerInstanceArn")
    hosts = list(describe(cloud, "containerInstances", [arn], cluster=cluster)) if arn else []
    bindings = [binding for each in live.raw.get("containers", ()) for binding in each.get("networkBindings", ())]
    instance = str(hosts[0]["ec2InstanceId"]) if hosts else ""
    return LoneTask(live, instance, frozenset(int(binding["hostPort"]) for binding in bindings))


def _health(cloud: Cloud, group: str) -> list[dict[str, Any]]:
    described = cloud.client("elbv2").describe_target_health(TargetGroupArn=group)
    return list(described["TargetHealthDescriptions"])


def _targets(cloud: Cloud, raw: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [balancer["targetGroupArn"] for balancer in raw["loadBalancers"] if "targetGroupArn" in balancer]
    return [{**target, "group": group} for group in groups for target in _health(cloud, group)]
