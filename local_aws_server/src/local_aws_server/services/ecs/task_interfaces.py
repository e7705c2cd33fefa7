"""Give a task of network mode `awsvpc` an elastic network interface of its own, and take it back.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from local_aws_server.backends import Backends, sidecar


def attach_interface(backends: Backends, task: Any, network: Mapping[str, Any], instance: Any | None) -> None:
    """Create a task's interface in one of its subnets; on an instance, in a subnet of the instance's zone.

    Without security groups, it has the default group of its VPC.
    """
    from moto.moto_api._internal import mock_random

    ec2, settings = backends.backend("ec2"), network["awsvpcConfiguration"]
    subnet = ec2.get_subnet(_subnet_of(backends, task, settings["subnets"], instance))
    groups = settings.get("securityGroups") or [ec2.get_default_security_group(subnet.vpc_id).id]
    attachment = str(mock_random.uuid4())
    arn = f"arn:aws:ecs:{backends.region}:{backends.account}:attachment/{attachment}"
    eni = ec2.create_network_interface(
        subnet,
        subnet.get_available_subnet_ip(task.id),
        group_ids=groups,
        description=arn,
        public_ip_auto_assign=settings.get("assignPublicIp") == "ENABLED",
    )
    sidecar(task)["zone"] = subnet.availability_zone
    eni.status, eni.device_index = "in-use", 1
    details = {
        "subnetId": subnet.id,
        "networkInterfaceId": eni.id,
        "macAddress": eni.mac_address,
        "privateDnsName": getattr(eni, "private_dns_name", None),
        "privateIPv4Address": eni.private_ip_address,
    }
    for container in task.containers:
        container.network_interfaces = [{"attachmentId": attachment, "privateIpv4Address": eni.private_ip_address}]
    task.network_configuration = {"awsvpcConfiguration": {**settings, "securityGroups": groups}}
    task.attachments = [
        {
            "id": attachment,
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [{"name": name, "value": value} for name, value in details.items() if value],
        }
    ]


def detach_interface(backends: Backends, task: Any) -> None:
    """Delete a task's interface; its address becomes free."""
    ec2 = backends.backend("ec2")
    for attachment in task.attachments:
        attachment["status"] = "DELETED"
    eni = ec2.enis.pop(detail(task, "networkInterfaceId"), None)
    if eni is not None:
        eni.subnet.del_subnet_ip(eni.private_ip_address)


def interface_of(backends: Backends, task: Any) -> Any | None:
    """Return the interface of a task; None if it uses that of its instance."""
    return backends.backend("ec2").enis.get(detail(task, "networkInterfaceId"))


def detail(task: Any, name: str) -> str | None:
    """Return a detail of a task's interface, such as `privateIPv4Address`."""
    details = (each for attachment in task.attachments for each in attachment["details"])
    return next((str(each["value"]) for each in details if each["name"] == name), None)


def _subnet_of(backends: Backends, task: Any, subnets: list[str], instance: Any | None) -> str:
    """Return the subnet of a new interface: spread over the subnets by the task's id."""
    if instance is not None:
        zone = instance.attributes["ecs.availability-zone"]
        subnets = [subnet for subnet in subnets if backends.zone_of_subnet(subnet) == zone] or subnets
    return subnets[crc32(str(task.id).encode()) % len(subnets)]
