"""The load balancers, data stores and regional services of an account as nodes of its drawing."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.drawing.account_view import AccountView
from esaws.drawing.edges import ENGINE_ICONS, ENGINES
from esaws.drawing.scene import Node
from esaws.inspect.recurring_costs import broker_usage, cache_usage, database_usage, load_balancer_usage


def gateway_node(view: AccountView) -> Node | None:
    """The internet gateway of the VPC."""
    for gateway in view.items("InternetGateways"):
        if any(attachment.get("VpcId") == view.vpc_id for attachment in gateway.get("Attachments", ())):
            name = view.name(gateway, gateway["InternetGatewayId"])
            return Node(("InternetGateway", name), name, view.icon("InternetGateway"))
    return None


def load_balancer_nodes(view: AccountView) -> list[Node]:
    """The load balancers of the VPC."""
    nodes = []
    for load_balancer in view.load_balancers:
        if load_balancer.raw.get("VpcId") != view.vpc_id:
            continue
        ports = tuple(f"{listener['Protocol']}:{listener['Port']}" for listener in load_balancer.listeners())
        zones = load_balancer.raw.get("AvailabilityZones", ())
        subnets = tuple(view.subnet_name(zone["SubnetId"]) for zone in zones if zone["SubnetId"] in view.subnets)
        name = view.short_name(load_balancer.name)
        lines = view.with_price(ports, load_balancer_usage(load_balancer.raw))
        nodes.append(Node(("LoadBalancer", name), name, view.icon("LoadBalancer"), lines, subnets))
    return nodes


def store_nodes(view: AccountView) -> Iterator[Node]:
    """The databases of the VPC and the caches."""
    for database in view.items("DBInstances"):
        subnet_group = database.get("DBSubnetGroup", {})
        if subnet_group.get("VpcId", view.vpc_id) != view.vpc_id:
            continue
        name, engine = view.short_name(database["DBInstanceIdentifier"]), database["Engine"]
        lines: tuple[str, ...] = (_engine(engine, database.get("EngineVersion", "")), database["DBInstanceClass"])
        if database["DBInstanceStatus"] != "available":
            lines += (database["DBInstanceStatus"],)
        icon = ENGINE_ICONS.get(engine, view.icon("DBInstance"))
        subnets = tuple(view.subnet_name(subnet["SubnetIdentifier"]) for subnet in subnet_group.get("Subnets", ()))
        lines = view.with_price(lines, database_usage(database))
        yield Node(("DBInstance", name), name, icon, lines, subnets)
    for cache in view.items("CacheClusters"):
        name = view.short_name(cache["CacheClusterId"])
        lines = (_engine(cache["Engine"], cache.get("EngineVersion", "")), cache["CacheNodeType"])
        lines = view.with_price(lines, cache_usage(cache))
        yield Node(("CacheCluster", name), name, view.icon("CacheCluster"), lines)


def regional_nodes(view: AccountView) -> Iterator[Node]:
    """The services outside of the VPC: brokers, buckets, user pools, the registry and CloudWatch."""
    for broker in view.items("Brokers"):
        name = view.short_name(broker["BrokerName"])
        engine = broker.get("EngineType", "").title().replace("mq", "MQ")
        lines = (f"{engine} {broker.get('EngineVersion', '')}", broker["HostInstanceType"])
        yield Node(("Broker", name), name, view.icon("Broker"), view.with_price(lines, broker_usage(broker)))
    for bucket in view.items("Buckets"):
        name = view.short_name(bucket["Name"]).removesuffix(f"-{view.account.id}-{view.account.region}")
        yield Node(("Bucket", name), name, view.icon("Bucket"), ("S3 bucket",))
    for pool in view.items("UserPools"):
        name = view.short_name(pool["Name"])
        yield Node(("UserPool", name), name, view.icon("UserPool"), ("Cognito user pool",))
    if count := len(view.items("repositories")):
        repositories = f"{count} repositor{'y' if count == 1 else 'ies'}"
        yield Node(("ECR", "registry"), "ECR", view.icon("ECRRepository"), (repositories,))
    if count := len(view.items("MetricAlarms")):
        alarms = f"{count} alarm{'s' * (count != 1)}"
        yield Node(("CloudWatch", "CloudWatch"), "CloudWatch", "aws.management.Cloudwatch", (alarms,))


def other_vpc_nodes(view: AccountView) -> Iterator[Node]:
    """The VPCs that are not drawn, except default ones."""
    names = sorted(
        view.name(vpc, vpc["VpcId"])
        for vpc in view.items("Vpcs")
        if vpc["VpcId"] != view.vpc_id and not vpc.get("IsDefault")
    )
    for name in names:
        yield Node(("VPC", name), name, view.icon("VPC"), ("another VPC",))


def _engine(engine: str, version: str) -> str:
    return f"{ENGINES.get(engine, engine)} {version}".strip()
