"""The attributes of container instances: those that an agent registers, and ListAttributes.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html#attributes
"""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, replace
from local_aws_server.services.ecs.required_attributes import AGENT_CAPABILITIES

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="An agent registers the attributes of its instance, such as ecs.os-type and ecs.cpu-architecture; "
        "PutAttributes adds others.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListAttributes.html",
        ),
    ),
)

_AGENT = {"agentVersion": "1.98.0", "agentHash": "b2a5b2a7", "dockerVersion": "DockerVersion: 25.0.8"}
_TARGET_TYPE = "container-instance"


def add_agent_attributes(container_instance: Any, instance: Any) -> None:
    """Add what an agent says about its EC2 instance to a new container instance."""
    is_windows = instance.platform == "windows"
    container_instance.attributes.update(
        {
            "ecs.cpu-architecture": _architecture(instance.instance_type),
            "ecs.os-family": "WINDOWS_SERVER_2022_FULL" if is_windows else "LINUX",
            "ecs.subnet-id": instance.subnet_id,
            "ecs.vpc-id": instance.vpc_id,
            **dict.fromkeys(AGENT_CAPABILITIES),
        }
    )
    container_instance.version_info = dict(_AGENT)


@after("ecs", "RegisterContainerInstance")
def add_requested_attributes(call: Call) -> None:
    """Keep the attributes, versions and resources of a request; moto drops them."""
    described = call.result["containerInstance"]
    requested = {each["name"]: each.get("value") for each in call.params.get("attributes") or ()}
    for _, instance in call.backends.container_instances:
        if instance.container_instance_arn == described["containerInstanceArn"]:
            instance.attributes.update(requested)
            instance.version_info = call.params.get("versionInfo") or instance.version_info
            described["versionInfo"] = instance.version_info
    described["attributes"] += [{"name": name, "value": value} for name, value in requested.items()]


@replace("ecs", "PutAttributes", "DeleteAttributes")
def change_attributes(call: Call) -> dict[str, Any]:
    """Set or delete attributes: of the target that each names, or of all container instances of the cluster."""
    cluster = (call.params.get("cluster") or "default").split("/")[-1]
    instances = {instance.id: instance for name, instance in call.backends.container_instances if name == cluster}
    changes = []
    for attribute in call.params["attributes"]:
        target = attribute.get("targetId")
        if target is not None and target.split("/")[-1] not in instances:
            raise AwsError("TargetNotFoundException", f"Could not find {target}")
        targets = list(instances.values()) if target is None else [instances[target.split("/")[-1]]]
        changes += [(instance.attributes, attribute["name"], attribute.get("value")) for instance in targets]
    for attributes, name, value in changes:
        if call.operation == "PutAttributes":
            attributes[name] = value
        elif attributes.get(name) == value:
            attributes.pop(name, None)
    return {"attributes": call.params["attributes"]}


@replace("ecs", "ListAttributes")
def list_attributes(call: Call) -> dict[str, Any]:
    """Return the attributes of a cluster's container instances; moto finds none by a name without a value."""
    params, cluster = call.params, (call.params.get("cluster") or "default").split("/")[-1]
    if params["targetType"] != _TARGET_TYPE:
        raise AwsError("InvalidParameterException", f"targetType must be {_TARGET_TYPE}")
    return {
        "attributes": [
            {"name": name, "value": value, "targetId": instance.container_instance_arn}
            for cluster_name, instance in call.backends.container_instances
            if cluster_name == cluster
            for name, value in instance.attributes.items()
            if params.get("attributeName", name) == name and params.get("attributeValue", value) == value
        ]
    }


def _architecture(instance_type: str) -> str:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    supported = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    return "x86_64" if "x86_64" in supported else "arm64"
