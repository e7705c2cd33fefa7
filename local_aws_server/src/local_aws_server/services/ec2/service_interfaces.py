"""Load balancers, databases, caches and brokers have interfaces in our subnets; a load balancer's outlive it.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VPCs.html
https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/configuring-private-broker.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.ec2.interfaces import Kept, in_use, interfaces, keep, looked_at, requester

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="Load balancers, databases, caches and brokers have interfaces in our subnets; a load "
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
def balancers_have_one_a_subnet(world: Backends) -> None:
    wanted = [
        Kept(
            "elbv2",
            balancer.arn,
            f"ELB {balancer.arn.split(':loadbalancer/')[1]}",
            subnet.id,
            _groups_of_balancer(world, subnet, balancer),
            balancer.scheme == "internet-facing",
            "amazon-elb",
            _TYPES.get(balancer.type, "interface"),
        )
        for balancer in world.backend("elbv2").load_balancers.values()
        for subnet in balancer.subnets
    ]
    keep(world, "elbv2", wanted, linger=True)


@reconciler("rds", order=5)
def databases_have_one(world: Backends) -> None:
    wanted = [
        Kept(
            "rds",
            database.db_instance_arn,
            "RDSNetworkInterface",
            database.db_subnet_group._subnets[0].id,
            _or_default(world, database.db_subnet_group._subnets[0], database.vpc_security_group_ids),
            bool(database.publicly_accessible),
            "amazon-rds",
        )
        for database in world.backend("rds").databases.values()
        if getattr(database, "db_subnet_group", None)
    ]
    keep(world, "rds", wanted, linger=False)


@reconciler("elasticache", order=5)
def caches_have_one_a_node(world: Backends) -> None:
    wanted = []
    for cluster in world.backend("elasticache").cache_clusters.values():
        subnets = _subnets_of_cache(world, cluster)
        for number in range(1, getattr(cluster, "num_cache_nodes", 1) + 1) if subnets else ():
            subnet = subnets[(number - 1) % len(subnets)]
            wanted.append(
                Kept(
                    "elasticache",
                    cluster.arn,
                    f"ElastiCache {cluster.cache_cluster_id}-{number:04}",
                    subnet.id,
                    _or_default(world, subnet, cluster.security_group_ids),
                    public=False,
                    requester="amazon-elasticache",
                )
            )
    keep(world, "elasticache", wanted, linger=False)


@reconciler("mq", order=5)
def brokers_have_one_a_subnet(world: Backends) -> None:
    """A broker without subnets lies in those of the default VPC, where nothing of ours hangs on them."""
    wanted = [
        Kept(
            "mq",
            broker.arn,
            f"Amazon MQ network interface for broker {broker.id}",
            subnet.id,
            _or_default(world, subnet, broker.security_groups),
            bool(broker.publicly_accessible),
            "amazon-mq",
        )
        for broker in world.backend("mq").brokers.values()
        for subnet in _known_subnets(world, broker.subnet_ids)
    ]
    keep(world, "mq", wanted, linger=False)


@before("ec2", "DescribeNetworkInterfaces")
def those_that_have_left_are_not_shown(call: Call) -> None:
    interfaces(call.backends)


@after("ec2", "DescribeNetworkInterfaces")
def attached_by_the_service(call: Call) -> None:
    enis = {eni.id: eni for eni in interfaces(call.backends)}
    for described in call.result.get("NetworkInterfaces", []):
        eni = enis.get(described["NetworkInterfaceId"])
        owner = requester(eni) if eni is not None else None
        if owner is None:
            continue
        looked_at(eni)
        described["Attachment"] = {
            "AttachmentId": _attachment(eni),
            "DeleteOnTermination": False,
            "DeviceIndex": 1,
            "InstanceOwnerId": owner,
            "Status": "attached",
        }
        for shown in [described, *described.get("PrivateIpAddresses", [])]:
            if "Association" in shown:
                shown["Association"]["IpOwnerId"] = owner


@before("ec2", "DetachNetworkInterface")
def only_the_service_detaches_it(call: Call) -> None:
    for eni in interfaces(call.backends):
        if requester(eni) and call.params["AttachmentId"] == _attachment(eni):
            raise AwsError("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")


@before("ec2", "DeleteNetworkInterface")
def attached_interfaces_stay(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html"""
    asked = call.params["NetworkInterfaceId"]
    if any(eni.id == asked and in_use(eni) for eni in interfaces(call.backends)):
        raise AwsError("InvalidParameterValue", f"Network interface '{asked}' is currently in use.")


def _attachment(eni: Any) -> str:
    return f"ela-attach-{eni.id.removeprefix('eni-')}"


def _groups_of_balancer(world: Backends, subnet: Any, balancer: Any) -> tuple[str, ...]:
    """Only an application load balancer must have one."""
    if balancer.type == "application":
        return _or_default(world, subnet, balancer.security_groups)
    return tuple(balancer.security_groups or ())


def _or_default(world: Backends, subnet: Any, groups: Iterable[str] | None) -> tuple[str, ...]:
    """The groups, or the default group of the subnet's VPC where none was named."""
    return tuple(groups or ()) or (world.backend("ec2").get_default_security_group(subnet.vpc_id).id,)


def _subnets_of_cache(world: Backends, cluster: Any) -> list[Any]:
    """The subnets of its subnet group: those in its zone, if it was asked for one."""
    group = world.backend("elasticache").cache_subnet_groups.get(cluster.cache_subnet_group_name)
    subnets = list(_known_subnets(world, group.subnet_ids if group else ()))
    return [subnet for subnet in subnets if subnet.availability_zone == cluster.preferred_availability_zone] or subnets


def _known_subnets(world: Backends, ids: Iterable[str]) -> Iterator[Any]:
    """moto makes names up where a broker or a cache has no subnet."""
    known = {subnet.id: subnet for zone in world.backend("ec2").subnets.values() for subnet in zone.values()}
    return (known[id] for id in ids if id in known)
