"""The contract of the fields that only tasks with an interface of their own have, on Fargate and on EC2.

The examples of the kinds run on instances in bridge mode, where AWS refuses these fields.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.errors import InvalidResource
from esaws.resource import Live, Resource
from esaws.resources.capacity_provider import CapacityProvider
from esaws.resources.cluster import Cluster
from esaws.resources.listener import Listener
from esaws.resources.role import Role
from esaws.resources.security_group import SecurityGroup
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet
from esaws.resources.target_group import TargetGroup
from esaws.resources.target_registration import TargetRegistration
from esaws.resources.task import Task
from esaws.resources.task_definition import TaskDefinition

from .test_contract import Deployed

EXECUTION_ROLE = Role(
    name="execution",
    service="ecs-tasks.amazonaws.com",
    managed_policies=("service-role/AmazonECSTaskExecutionRolePolicy",),
)
ON_EC2 = TaskDefinition.example().replace(
    host_port=None, secrets=(), execution_role=EXECUTION_ROLE, network_mode="awsvpc", cpu=256, memory=512
)
ON_FARGATE = ON_EC2.replace(launch_type="FARGATE")
ADDRESSES = TargetGroup.example().replace(name="ip-tg", target_type="ip")
LISTENER = Listener.example().replace(default=ADDRESSES)
SERVICE = Service(
    name="web",
    cluster=Cluster.example(),
    task_definition=ON_FARGATE,
    desired_count=0,
    target_group=ADDRESSES,
    container_port=80,
    launch_type="FARGATE",
    subnets=(Subnet.example(),),
    security_groups=(SecurityGroup.example(),),
    spread_over=(),
    after=(LISTENER,),
)


def deploy(cloud: Cloud, example: Resource) -> Deployed:
    deployed = Deployed(cloud, example)
    for parent in deployed.parents:
        parent.create(cloud)
    deployed.create()
    return deployed


# -- changes by hand, and other declarations ---------------------------------------------------------------------


def _network(change: Callable[[Cloud, Live, dict[str, Any]], None]) -> Callable[[Cloud, Live], None]:
    def act(cloud: Cloud, live: Live) -> None:
        settings = dict(live.raw["networkConfiguration"]["awsvpcConfiguration"])
        change(cloud, live, settings)
        cloud.client("ecs").update_service(
            cluster=live.fields["cluster"], service=live.id, networkConfiguration={"awsvpcConfiguration": settings}
        )

    return act


def _another_subnet(cloud: Cloud, live: Live, settings: dict[str, Any]) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=settings["subnets"])["Subnets"][0]["VpcId"]
    other = ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.64.0/20", AvailabilityZone=f"{cloud.region}c")
    settings["subnets"] = [*settings["subnets"], other["Subnet"]["SubnetId"]]


def _the_default_group(cloud: Cloud, live: Live, settings: dict[str, Any]) -> None:
    settings["securityGroups"] = []


def _public(cloud: Cloud, live: Live, settings: dict[str, Any]) -> None:
    settings["assignPublicIp"] = "ENABLED"


def _revision(**changes: Any) -> Callable[[Cloud, Live], None]:
    def act(cloud: Cloud, live: Live) -> None:
        described = cloud.client("ecs").describe_task_definition(taskDefinition=live.id, include=["TAGS"])
        names = ("family", "networkMode", "requiresCompatibilities", "containerDefinitions", "cpu", "executionRoleArn")
        same = {name: described["taskDefinition"][name] for name in names}
        if changes.get("networkMode") == "bridge":
            (container,) = same["containerDefinitions"]
            ports = [port | {"hostPort": 0} for port in container["portMappings"]]
            same["containerDefinitions"] = [container | {"portMappings": ports}]
        cloud.client("ecs").register_task_definition(**same | changes, tags=described["tags"])

    return act


SERVICE_BY_HAND = {
    "subnets": _network(_another_subnet),
    "security_groups": _network(_the_default_group),
    "public_address": _network(_public),
}
DEFINITION_BY_HAND = {
    "cpu": _revision(cpu="512"),
    "network_mode": _revision(networkMode="bridge"),
    "launch_type": _revision(requiresCompatibilities=["FARGATE"], memory="512"),
}


@pytest.mark.parametrize(("example", "by_hand"), [(SERVICE, SERVICE_BY_HAND), (ON_EC2, DEFINITION_BY_HAND)])
def test_a_change_by_hand_is_drift_of_exactly_that_field_and_an_update_undoes_it(
    cloud: Cloud, example: Resource, by_hand: dict[str, Callable[[Cloud, Live], None]], subtests: pytest.Subtests
) -> None:
    deployed = deploy(cloud, example)
    index = deployed.list()
    assert not deployed.drift(index)
    assert by_hand.keys() <= deployed.kind.in_place
    for name, change in by_hand.items():
        with subtests.test(name):
            live = deployed.example.find(index)
            assert live
            change(cloud, live)
            index = deployed.list()
            assert deployed.drift(index).keys() == {name}
            deployed.update(index)
            index = deployed.list()
            assert not deployed.drift(index)
    live = deployed.find()
    assert live
    deployed.delete(live)
    assert deployed.find() is None


def test_the_launch_type_of_a_service_cannot_be_changed_in_place(cloud: Cloud) -> None:
    deployed = deploy(cloud, SERVICE)
    assert "launch_type" not in Service.in_place
    on_instances = SERVICE.replace(launch_type="EC2", task_definition=ON_EC2.replace(name="other"))
    assert {"launch_type"} <= deployed.drift(deployed.list(), on_instances).keys()


def test_a_task_definition_for_fargate_has_no_drift(cloud: Cloud) -> None:
    deployed = deploy(cloud, ON_FARGATE)
    assert not deployed.drift(deployed.list())


# -- declarations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cpu", "memory"), [(256, 512), (256, 2048), (512, 4096), (1024, 8192), (2048, 16384), (4096, 30720)]
)
def test_the_sizes_of_the_documentation_are_accepted(cpu: int, memory: int) -> None:
    assert ON_FARGATE.replace(cpu=cpu, memory=memory).port == 80


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: ON_FARGATE.replace(cpu=None), "TaskDefinition web: Fargate offers no task with cpu None. Choose one"),
        (lambda: ON_FARGATE.replace(cpu=300), "no task with cpu 300. Choose one of 256, 512, 1024"),
        (lambda: ON_FARGATE.replace(memory=256), "no 256 MiB of memory with cpu 256. Choose from 512, 1024, 2048 MiB"),
        (lambda: ON_FARGATE.replace(cpu=8192, memory=17408), "Choose from 16384 to 61440 MiB in steps of 4096"),
        (lambda: ON_FARGATE.replace(network_mode="bridge"), "no network mode bridge. Set network_mode='awsvpc'"),
        (lambda: ON_FARGATE.replace(host_port=8080), "host_port 8080 is of an instance.* Leave host_port out"),
        (lambda: ON_FARGATE.replace(execution_role=None), "with an execution_role. Set one with the policy"),
        (
            lambda: TargetGroup.example().replace(target_type="lambda"),
            "target_type 'lambda' is not valid. Use instance or ip",
        ),
        (
            lambda: SERVICE.replace(subnets=()),
            "Service web: TaskDefinition web has the network mode awsvpc.*Set subnets",
        ),
        (lambda: SERVICE.replace(spread_over=("instanceId",)), "takes no placement strategy. Set spread_over="),
        (lambda: SERVICE.replace(task_definition=ON_EC2), "is for EC2. Set launch_type='FARGATE' there"),
        (lambda: SERVICE.replace(capacity_provider=CapacityProvider.example()), "has instances, and Fargate has none"),
        (lambda: SERVICE.replace(launch_type="EC2", public_address=True), "only tasks on Fargate get a public_address"),
        (lambda: SERVICE.replace(target_group=TargetGroup.example()), "has instance. Set target_type='ip' there"),
        (lambda: replace(Service.example(), subnets=(Subnet.example(),)), "network mode bridge.*Leave subnets"),
        (
            lambda: replace(TargetRegistration.example(), target_group=ADDRESSES),
            "takes addresses, and AutoScalingGroup",
        ),
        (lambda: Task.example().replace(task_definition=ON_FARGATE), "Declare a Service, or set network_mode='bridge'"),
    ],
)
def test_invalid_declarations_name_the_thing_and_the_next_step(declare: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidResource, match=message):
        declare()
