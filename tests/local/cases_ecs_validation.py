"""Requests that ECS refuses: task definitions, services and tasks that can't run, and the members that it returns."""

from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_errors_containers import Site, refusal

FARGATE = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
CONTAINER = {"name": "c", "image": "nginx", "memory": 64}


def registration(account: Any, *containers: dict[str, Any], **settings: Any) -> str | None:
    """Return the refusal of a task definition; its containers are like CONTAINER."""
    definitions = [{**CONTAINER, **container} for container in containers or ({},)]
    return refusal(
        lambda: account.client("ecs").register_task_definition(family="g", containerDefinitions=definitions, **settings)
    )


def depends(on: str, condition: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": on, "condition": condition}]}


@case(
    "a task definition that can't run is refused",
    aws=[
        "ClientException: Task definition must have at least one essential container.",
        "ClientException: Duplicate container name 'c' in the task definition.",
        "ClientException: A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        "ClientException: Container dependencies should not have a cycle",
        "ClientException: Container 'c' depends on container 'absent', which is not in the task definition.",
        "ClientException: When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        "ClientException: Log driver awslogs requires options: awslogs-region, awslogs-group",
        "ClientException: The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        "ClientException: When you are specifying container secrets, you must also specify a value for "
        "'executionRoleArn'.",
        "ClientException: No Fargate configuration exists for given values: 256 CPU, 8192 memory.",
        "ClientException: Fargate only supports network mode 'awsvpc'.",
        "ClientException: Fargate requires that 'cpu' be defined at the task level.",
        None,
    ],
    stock=[None] * 13,
)
def case_task_definitions(account: Any) -> Any:
    mapping = {"portMappings": [{"containerPort": 80, "hostPort": 8080}]}
    without_cpu = {name: value for name, value in FARGATE.items() if name != "cpu"}
    return [
        registration(account, {"essential": False}),
        registration(account, {}, {}),
        registration(account, {"name": "init"}, depends("init", "SUCCESS")),
        registration(account, {"name": "a", **depends("b", "START")}, {"name": "b", **depends("a", "START")}),
        registration(account, depends("absent", "START")),
        registration(account, mapping, networkMode="awsvpc"),
        registration(account, {"logConfiguration": {"logDriver": "awslogs"}}),
        registration(account, {"cpu": 1024}, cpu="512", memory="1024"),
        registration(account, {"secrets": [{"name": "S", "valueFrom": "/s"}]}),
        registration(account, **{**FARGATE, "memory": "8192"}),
        registration(account, **{**FARGATE, "networkMode": "bridge"}),
        registration(account, **without_cpu),
        registration(account, {"name": "init", "essential": False}, depends("init", "SUCCESS"), cpu="1 vCPU"),
    ]


@case(
    "a service that can't run is refused",
    aws=[
        "InvalidParameterException: The daemon scheduling strategy does not support a desired count for services. "
        "Remove the desired count value and try again",
        "InvalidParameterException: Desired count must be greater than or equal to 0.",
        "InvalidParameterException: Specifying both a launch type and capacity provider strategy is not supported. "
        "Remove one and try again.",
        "InvalidParameterException: Task definition does not support launch_type FARGATE.",
        "InvalidParameterException: Network Configuration is not valid for the given networkMode of this task "
        "definition.",
        "ClusterNotFoundException: Cluster not found.",
        "ClientException: The referenced cluster was inactive.",
    ],
    stock=[None, None, None, None, None, "ClusterNotFoundException: Cluster not found.", None],
)
def case_services(account: Any) -> Any:
    site = Site(account)
    site.ecs.create_cluster(clusterName="gone")
    site.ecs.delete_cluster(cluster="gone")
    subnet = site.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}}
    strategy = [{"capacityProvider": "FARGATE"}]

    def creation(**settings: Any) -> Any:
        named = {"cluster": "c", "taskDefinition": "f", "desiredCount": 1, **settings}
        return refusal(lambda: site.ecs.create_service(serviceName=f"s{len(settings)}{list(settings)}"[:20], **named))

    return [
        creation(schedulingStrategy="DAEMON"),
        creation(desiredCount=-1),
        creation(launchType="EC2", capacityProviderStrategy=strategy),
        creation(launchType="FARGATE"),
        creation(networkConfiguration=network),
        creation(cluster="default"),
        creation(cluster="gone"),
    ]


@case(
    "without security groups, a task's interface has the default group of its VPC and an address of its subnet",
    aws=(["default"], True, True),
    stock="500",
)
def case_interface(account: Any) -> Any:
    site = Site(account)
    site.ecs.register_task_definition(family="f", containerDefinitions=[CONTAINER], **FARGATE)
    subnet = site.ec2.describe_subnets()["Subnets"][0]
    network = {"subnets": [subnet["SubnetId"]], "assignPublicIp": "ENABLED"}
    started = outcome(
        lambda: site.run(launchType="FARGATE", networkConfiguration={"awsvpcConfiguration": network})["tasks"][0]
    )
    if isinstance(started, str):
        return started
    details = {each["name"]: each["value"] for each in started["attachments"][0]["details"]}
    ids = [details["networkInterfaceId"]]
    (interface,) = site.ec2.describe_network_interfaces(NetworkInterfaceIds=ids)["NetworkInterfaces"]
    prefix = subnet["CidrBlock"].rsplit(".", 2)[0]
    groups = [group["GroupName"] for group in interface["Groups"]]
    return groups, details["privateIPv4Address"].startswith(prefix), "Association" in interface


@case(
    "services, tasks, container instances and task definitions have the members of AWS",
    aws=[],
    stock=[
        "createdAt", "createdBy", "availabilityZoneRebalancing", "cpu", "memory", "availabilityZone", "version",
        "healthStatus", "enableExecuteCommand", "version", "attachments", "registeredAt", "registeredBy",
        "requiresAttributes",
    ],
)  # fmt: skip
def case_members(account: Any) -> Any:
    site = Site(account, instances=1)
    service = site.create_service(desiredCount=0)["service"]
    task = site.run()["tasks"][0]
    instances = site.ecs.list_container_instances(cluster="c")["containerInstanceArns"]
    described = site.ecs.describe_container_instances(cluster="c", containerInstances=instances)
    definition = site.ecs.describe_task_definition(taskDefinition="f")["taskDefinition"]
    expected = (
        (service, "createdAt createdBy availabilityZoneRebalancing deploymentController propagateTags"),
        (task, "cpu memory availabilityZone version healthStatus enableExecuteCommand group launchType"),
        (described["containerInstances"][0], "version attachments attributes versionInfo registeredAt"),
        (definition, "registeredAt registeredBy requiresAttributes compatibilities"),
    )
    return [name for resource, names in expected for name in names.split() if name not in resource]


@case(
    "ECS refuses what it can't read or find",
    aws=[
        "ClientException",
        "ClientException",
        "TargetNotFoundException",
        "InvalidParameterException",
        "InvalidParameterException",
        "InvalidParameterException",
    ],
    stock=["500", "500", "TargetNotFoundException", "accepted", "accepted", "accepted"],
)
def case_unreadable(account: Any) -> Any:
    site = Site(account, instances=1)
    absent = {"name": "stack", "value": "prod", "targetId": "0" * 32, "targetType": "container-instance"}
    overrides = {"containerOverrides": [{"name": "absent"}]}
    calls = (
        lambda: site.ecs.register_container_instance(cluster="c"),
        lambda: site.ecs.describe_task_definition(taskDefinition="f:1x"),
        lambda: site.ecs.put_attributes(cluster="c", attributes=[absent]),
        lambda: site.run(overrides=overrides),
        lambda: site.run(placementStrategy=[{"type": "binpack", "field": "zone"}]),
        lambda: site.ecs.create_cluster(clusterName="d", tags=[{"key": "aws:k", "value": "v"}]),
    )
    return [outcome(lambda call=call: call() and "accepted") for call in calls]
