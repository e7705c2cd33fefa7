"""An ECS task without a service: ECS does not replace it when it stops."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import ITSELF, NOT_DOCUMENTED, TAG, Always, Call, Field, Made, OneOf, Unchecked, tags
from esaws.errors import EmulatorGap, EsawsError
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._ecs import NO_CLUSTER, describe, ecs_name, ecs_tags, list_in_cluster, resource_name, service_of
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.task_definition import TaskDefinition

_RUN_TASK_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html"

_STOPPED = "STOPPED"
_ROOM_MINUTES, _LOCAL_ROOM_MINUTES = 2.0, 0.05
_STOPPING = frozenset({"DEACTIVATING", "STOPPING", "DEPROVISIONING"})


@dataclass(frozen=True, kw_only=True)
class Task(Resource):
    """Runs `task_definition` once on an instance of `cluster`. A deploy runs a stopped one again."""

    cluster: Cluster
    task_definition: TaskDefinition

    in_place = frozenset({"task_definition"})
    pending = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})
    deleting = _STOPPING
    seconds = 30
    icon = "aws.compute.ElasticContainerServiceTask"
    free = "AWS charges for the instance that it runs on"
    permissions = (
        "ecs:DescribeClusters",
        "ecs:DescribeContainerInstances",
        "ecs:DescribeTasks",
        "ecs:ListClusters",
        "ecs:ListContainerInstances",
        "ecs:ListTasks",
        "ecs:RunTask",
        "ecs:StopTask",
        "ecs:TagResource",
    )
    documented = (
        Call(
            _RUN_TASK_PAGE,
            {
                "cluster": Field("cluster"),
                "taskDefinition": Field("task_definition"),
                "launchType": Always("EC2", OneOf("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")),
                "startedBy": Made(Unchecked("up to 128 letters, digits, hyphens, slashes and underscores")),
                **tags("tags", TAG, "key", "value"),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html",
            {"cluster": Field("cluster"), "task": ITSELF, "reason": Made(NOT_DOCUMENTED)},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.task_definition.network_mode != "bridge":
            raise self.refusal(
                f"{self.task_definition} has the network mode {self.task_definition.network_mode}, for which a "
                "task needs subnets. Declare a Service, or set network_mode='bridge' there.",
                _RUN_TASK_PAGE,
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for cluster in Cluster.listed(cloud):
            # Stopping tasks are listed separately, until an hour after they stopped.
            for status in ("RUNNING", _STOPPED):
                for raw in list_in_cluster(cloud, cluster.id, "list_tasks", "tasks", desiredStatus=status):
                    # The tasks of services belong to the services.
                    if raw["lastStatus"] != _STOPPED and not service_of(raw):
                        lives.append(cls._live(cluster, ecs_name(cloud, raw), raw))
        return lives

    @classmethod
    def _live(cls, cluster: Live, name: str | None, raw: dict[str, Any]) -> Live:
        on_its_way = raw["desiredStatus"] == _STOPPED and raw["lastStatus"] not in _STOPPING
        definition = raw["taskDefinitionArn"]
        return Live(
            cls.kind,
            name or raw.get("group", raw["taskArn"]).removeprefix("family:"),
            raw["taskArn"],
            parents=frozenset({Ref("Cluster", cluster.id), Ref("TaskDefinition", definition)}),
            state="STOPPING" if on_its_way else raw["lastStatus"],
            fields={"cluster": cluster.id, "task_definition": definition},
            raw=raw,
            foreign=name is None,
        )

    def create(self, cloud: Cloud) -> None:
        definition = self.task_definition.id_in(cloud)
        self.remember_id(cloud, start_task(cloud, self.cluster.id_in(cloud), definition, self.name))
        self.ready(cloud)

    def ready(self, cloud: Cloud) -> None:
        wait_until_running(cloud, self.cluster.id_in(cloud), self.id_in(cloud), self.name)

    def update(self, cloud: Cloud, live: Live) -> None:
        self.delete(cloud, live)
        self.create(cloud)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cluster = live.fields["cluster"]

        def stopped() -> bool:
            tasks: Any = ()
            with ignore_codes(NO_CLUSTER):
                tasks = [*describe(cloud, "tasks", [live.id], cluster=cluster)]
            return all(raw["lastStatus"] == _STOPPED for raw in tasks)

        if not stopped():
            # A missing task has the same code as other errors. The wait below checks that it stops.
            with ignore_codes("InvalidParameterException"):
                reason = f"deleted from deployment {cloud.deployment}"
                cloud.client("ecs").stop_task(cluster=cluster, task=live.id, reason=reason)
            cloud.wait_until(f"task {live.name} has stopped", stopped)

    @classmethod
    def example(cls) -> Self:
        group = AutoScalingGroup.example()
        return cls(
            name="web",
            cluster=group.template.cluster,
            task_definition=TaskDefinition.example(),
            after=(group, Route.example(), RouteTableAssociation.example()),  # the agent must reach ECS
        )


def start_task(cloud: Cloud, cluster: str, definition: str, name: str) -> str:
    """Run a task definition once on an instance of a cluster, with the tags of `name`; return the ARN of the task.

    Raises:
        EsawsError: no instance of the cluster takes it.
    """
    # The agent of an instance in service may not have started yet.
    minutes = 10 if cloud.is_aws else 0.2
    with suppress(EmulatorGap):  # that emulator may run tasks without instances
        what = f"{resource_name(cluster)} has an instance"
        cloud.wait_until(what, lambda: _has_agent(cloud, cluster), minutes=minutes)
    started: list[str] = []
    reasons: list[str] = []

    def start() -> bool:
        response = cloud.client("ecs").run_task(
            cluster=cluster,
            taskDefinition=definition,
            launchType="EC2",
            startedBy=f"esaws/{cloud.deployment}",
            tags=ecs_tags(cloud, name),
        )
        # A task that can't be placed is a failure of a successful call.
        started[:] = [task["taskArn"] for task in response["tasks"]]
        reasons[:] = sorted({failure.get("reason", "unknown") for failure in response["failures"]})
        # Memory, CPU and ports of a task that is stopping become free in a moment.
        has_no_room = any(reason.startswith("RESOURCE:") for reason in reasons)
        return bool(started) or not has_no_room or time.monotonic() > deadline

    deadline = time.monotonic() + 60 * (_ROOM_MINUTES if cloud.is_aws else _LOCAL_ROOM_MINUTES)
    cloud.wait_until(f"{resource_name(cluster)} has room for task {name}", start)
    if not started:
        where, why = resource_name(cluster), ", ".join(reasons) or "ECS gives no reason"
        text = f"Task {name} was not started in {where}: {why}"
        has_no_room = any(reason.startswith("RESOURCE:") for reason in reasons)
        raise EsawsError(f"{text} → stop another task, or choose a larger instance type" if has_no_room else text)
    return started[0]


def wait_until_running(cloud: Cloud, cluster: str, arn: str, name: str) -> None:
    """Wait until a task runs.

    Raises:
        EsawsError: it stopped, or it did not run within ten minutes.
    """

    def running() -> bool:
        for raw in describe(cloud, "tasks", [arn], cluster=cluster):
            if raw["lastStatus"] == _STOPPED:
                raise EsawsError(f"Task {name} stopped: {_stop_reason(raw)}")
            return bool(raw["lastStatus"] == "RUNNING")
        return False

    cloud.wait_until(f"Task {name} runs", running)


def _has_agent(cloud: Cloud, cluster: str) -> bool:
    arns = pages(cloud, "ecs", "list_container_instances", "containerInstanceArns", cluster=cluster, status="ACTIVE")
    instances = describe(cloud, "containerInstances", arns, include=["TAGS"], cluster=cluster)
    return any(raw["agentConnected"] for raw in instances)


def _stop_reason(raw: dict[str, Any]) -> str:
    reasons = [raw.get("stoppedReason", ""), *(container.get("reason", "") for container in raw.get("containers", ()))]
    return "; ".join(filter(None, reasons)) or "ECS does not say why"
