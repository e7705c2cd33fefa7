"""Network interfaces of load balancers, databases, caches and brokers, and how users see and delete interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.ec2.interfaces import (
    ServiceInterface,
    count_look,
    interfaces,
    is_in_use,
    requester,
    sync_interfaces,
)

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="Load balancers, databases, caches and brokers have interfaces in the user's subnets; a load "
        "balancer's outlive it.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VPCs.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/configuring-private-broker.html",
        ),
    ),
)

_TYPES = {"network": "network_load_balancer", "gateway": "gateway_load_balancer"}


@reconciler("elbv2", order=5)
def sync_balancer_interfaces(backends: Backends) -> None:
    expected = [
        ServiceInterface(
            "elbv2",
            balancer.arn,
            f"ELB {balancer.arn.split(':loadbalancer/')[1]}",
            subnet.id,
            _groups_of_balancer(backends, subnet, balancer),
            balancer.scheme == "internet-facing",
            "amazon-elb",
            _TYPES.get(balancer.type, "interface"),
        )
        for balancer in backends.backend("elbv2").load_balancers.values()
        for subnet in balancer.subnets
    ]
    sync_interfaces(backends, "elbv2", expected, linger=True)


@reconciler("rds", order=5)
def sync_database_interfaces(backends: Backends) -> None:
    expected = [
        ServiceInterface(
            "rds",
            database.db_instance_arn,
            "RDSNetworkInterface",
            database.db_subnet_group._subnets[0].id,
            _or_default(backends, database.db_subnet_group._subnets[0], database.vpc_security_group_ids),
            bool(database.publicly_accessible),
            "amazon-rds",
        )
        for database in backends.backend("rds").databases.values()
        if getattr(database, "db_subnet_group", None)
    ]
    sync_interfaces(backends, "rds", expected, linger=False)


@reconciler("elasticache", order=5)
def sync_cache_interfaces(backends: Backends) -> None:
    expected = []
    for cluster in backends.backend("elasticache").cache_clusters.values():
        subnets = _subnets_of_cache(backends, cluster)
        for number in range(1, getattr(cluster, "num_cache_nodes", 1) + 1) if subnets else ():
            subnet = subnets[(number - 1) % len(subnets)]
            expected.append(
                ServiceInterface(
                    "elasticache",
                    cluster.arn,
                    f"ElastiCache {cluster.cache_cluster_id}-{number:04}",
                    subnet.id,
                    _or_default(backends, subnet, cluster.security_group_ids),
                    public=False,
                    requester="amazon-elasticache",
                )
            )
    sync_interfaces(backends, "elasticache", expected, linger=False)


@reconciler("mq", order=5)
def sync_broker_interfaces(backends: Backends) -> None:
    """A broker without subnets is in the default VPC, where no resource of the user depends on its interfaces."""
    expected = [
        ServiceInterface(
            "mq",
            broker.arn,
            f"Amazon MQ network interface for broker {broker.id}",
            subnet.id,
            _or_default(backends, subnet, broker.security_groups),
            bool(broker.publicly_accessible),
            "amazon-mq",
        )
        for broker in backends.backend("mq").brokers.values()
        for subnet in _existing_subnets(backends, broker.subnet_ids)
    ]
    sync_interfaces(backends, "mq", expected, linger=False)


@before("ec2", "DescribeNetworkInterfaces")
def drop_left_interfaces(call: Call) -> None:
    interfaces(call.backends)  # deletes them in moto


@after("ec2", "DescribeNetworkInterfaces")
def show_service_attachment(call: Call) -> None:
    enis = {eni.id: eni for eni in interfaces(call.backends)}
    for description in call.result.get("NetworkInterfaces", []):
        eni = enis.get(description["NetworkInterfaceId"])
        owner = requester(eni) if eni is not None else None
        if owner is None:
            continue
        count_look(eni)
        description["Attachment"] = {
            "AttachmentId": _attachment_id(eni),
            "DeleteOnTermination": False,
            "DeviceIndex": 1,
            "InstanceOwnerId": owner,
            "Status": "attached",
        }
        for member in [description, *description.get("PrivateIpAddresses", [])]:
            if "Association" in member:
                member["Association"]["IpOwnerId"] = owner


@before("ec2", "DetachNetworkInterface")
def refuse_to_detach(call: Call) -> None:
    for eni in interfaces(call.backends):
        if requester(eni) and call.params["AttachmentId"] == _attachment_id(eni):
            raise AwsError("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")


@before("ec2", "DeleteNetworkInterface")
def check_interface_not_in_use(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html"""
    id = call.params["NetworkInterfaceId"]
    if any(eni.id == id and is_in_use(eni) for eni in interfaces(call.backends)):
        raise AwsError("InvalidParameterValue", f"Network interface '{id}' is currently in use.")


def _attachment_id(eni: Any) -> str:
    return f"ela-attach-{eni.id.removeprefix('eni-')}"


def _groups_of_balancer(backends: Backends, subnet: Any, balancer: Any) -> tuple[str, ...]:
    """Only an application load balancer must have a security group."""
    if balancer.type == "application":
        return _or_default(backends, subnet, balancer.security_groups)
    return tuple(balancer.security_groups or ())


def _or_default(backends: Backends, subnet: Any, groups: Iterable[str] | None) -> tuple[str, ...]:
    """The groups; if there are none, the default group of the subnet's VPC."""
    return tuple(groups or ()) or (backends.backend("ec2").get_default_security_group(subnet.vpc_id).id,)


def _subnets_of_cache(backends: Backends, cluster: Any) -> list[Any]:
    """The subnets of the cache's subnet group; only those in its preferred zone, if it has one."""
    group = backends.backend("elasticache").cache_subnet_groups.get(cluster.cache_subnet_group_name)
    subnets = list(_existing_subnets(backends, group.subnet_ids if group else ()))
    return [subnet for subnet in subnets if subnet.availability_zone == cluster.preferred_availability_zone] or subnets


def _existing_subnets(backends: Backends, ids: Iterable[str]) -> Iterator[Any]:
    """The subnets that exist; moto invents ids for brokers and caches without a subnet."""
    existing = {subnet.id: subnet for zone in backends.backend("ec2").subnets.values() for subnet in zone.values()}
    return (existing[id] for id in ids if id in existing)
