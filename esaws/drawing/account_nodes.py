"""The load balancers, data stores and regional services of an account as nodes of its drawing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from esaws.drawing.account_view import AccountView
from esaws.drawing.edges import ENGINE_ICONS, ENGINES
from esaws.drawing.scene import Fleet, Key, Node, Workload
from esaws.inspect.fetch import Raw
from esaws.inspect.recurring_costs import (
    broker_usage,
    cache_usage,
    database_usage,
    endpoint_usage,
    load_balancer_usage,
    nat_gateway_usage,
)

LOAD_BALANCER_ICONS = {"network": "aws.network.ElbNetworkLoadBalancer", "gateway": "aws.network.ElasticLoadBalancing"}


def gateway_node(view: AccountView) -> Node | None:
    """The internet gateway of the VPC."""
    for gateway in view.items("InternetGateways"):
        if any(attachment.get("VpcId") == view.vpc_id for attachment in gateway.get("Attachments", ())):
            name = view.name(gateway, gateway["InternetGatewayId"])
            return Node(("InternetGateway", name), name, view.icon("InternetGateway"))
    return None


def load_balancer_nodes(view: AccountView) -> list[Node]:
    """The load balancers of the VPC, of all types."""
    nodes = []
    is_known = view.account.get("Listeners") is not None
    for load_balancer in view.load_balancers:
        listeners = load_balancer.listeners() if is_known else []
        ports = tuple(f"{listener.get('Protocol', 'all')}:{listener.get('Port', 'all')}" for listener in listeners)
        zones = load_balancer.raw.get("AvailabilityZones", ())
        subnets = tuple(view.subnet_name(zone["SubnetId"]) for zone in zones if view.is_drawn(zone.get("SubnetId")))
        name = view.short_name(load_balancer.name)
        lines = view.with_price(ports, load_balancer_usage(load_balancer.raw))
        icon = LOAD_BALANCER_ICONS.get(load_balancer.raw.get("Type", ""), view.icon("LoadBalancer"))
        nodes.append(Node(("LoadBalancer", name), name, icon, lines, subnets))
    return nodes


def gateway_fleets(view: AccountView) -> Iterator[Fleet]:
    """The NAT gateways and interface endpoints of the VPC, as cards in their subnets."""
    for raw in view.items("NatGateways"):
        if raw.get("VpcId") == view.vpc_id and raw.get("State") in ("available", "pending"):
            name = view.name(raw, raw["NatGatewayId"])
            addresses = [a.get("PublicIp") or a.get("PrivateIp", "") for a in raw.get("NatGatewayAddresses", ())]
            lines = view.with_price(tuple(addresses[:1]), nat_gateway_usage(raw))
            text = " · ".join(filter(None, ("NAT gateway", *lines)))
            yield _card(view, ("NatGateway", name), "aws.network.NATGateway", text, [raw.get("SubnetId")])
    for raw in view.items("VpcEndpoints"):
        if raw.get("VpcId") == view.vpc_id and raw.get("VpcEndpointType") not in ("Gateway", None):
            lines = view.with_price((), endpoint_usage(raw))
            text = " · ".join(("VPC endpoint", *lines))
            subnet_ids = raw.get("SubnetIds", ())
            yield _card(view, ("VpcEndpoint", _endpoint_name(view, raw)), "aws.network.Endpoint", text, subnet_ids)


def _card(view: AccountView, key: Key, icon: str, text: str, subnet_ids: Iterable[str | None]) -> Fleet:
    subnets = sorted({view.subnet_name(str(id)) for id in subnet_ids if view.is_drawn(id)})
    return Fleet(
        key,
        key[1],
        icon,
        f"{text}, subnet unknown",
        (Workload(key[1], 1),) if subnets else (),
        instance_type=text,
        instances=tuple((subnet, 1) for subnet in subnets),
        card_icon=icon,
        has_frame=not subnets,
    )


def _endpoint_name(view: AccountView, raw: Raw) -> str:
    service = str(raw.get("ServiceName", "")).removeprefix(f"com.amazonaws.{view.account.region}.")
    return view.name(raw, service or raw["VpcEndpointId"])


def endpoint_nodes(view: AccountView) -> Iterator[Node]:
    """The gateway endpoints of the VPC, which are routes of it and in no subnet."""
    for raw in view.items("VpcEndpoints"):
        if raw.get("VpcId") == view.vpc_id and raw.get("VpcEndpointType") in ("Gateway", None):
            name = _endpoint_name(view, raw)
            yield Node(("VpcEndpoint", name), name, "aws.network.Endpoint", ("gateway endpoint",))


def peering_nodes(view: AccountView) -> Iterator[Node]:
    """The peering connections of the VPC that exist or wait to be accepted."""
    for raw in view.items("VpcPeeringConnections"):
        sides = [raw.get("RequesterVpcInfo", {}), raw.get("AccepterVpcInfo", {})]
        state = raw.get("Status", {}).get("Code", "active")
        other = next((side for side in sides if side.get("VpcId") != view.vpc_id), sides[1])
        if all(side.get("VpcId") != view.vpc_id for side in sides) or state not in ("active", "pending-acceptance"):
            continue
        name = view.name(raw, raw["VpcPeeringConnectionId"])
        vpcs = {vpc["VpcId"]: vpc for vpc in view.items("Vpcs")}
        vpc = view.name(vpcs.get(other.get("VpcId", "")), other.get("VpcId", "unknown"))
        text = " ".join(filter(None, ("peering with", vpc, other.get("CidrBlock", ""))))
        lines = (text,) if state == "active" else (text, state)
        yield Node(("VpcPeeringConnection", name), name, "aws.network.VPCPeering", lines)


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
        subnet_ids = [subnet.get("SubnetIdentifier") for subnet in subnet_group.get("Subnets", ())]
        subnets = tuple(view.subnet_name(id) for id in subnet_ids if view.is_drawn(id))
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
    """The VPCs that are not drawn, with what is in them; a default VPC only if something is."""
    vpcs = [vpc for vpc in view.items("Vpcs") if vpc["VpcId"] != view.vpc_id]
    for vpc in sorted(vpcs, key=lambda vpc: view.name(vpc, vpc["VpcId"])):
        content = tuple(_content(view, vpc["VpcId"]))
        if content or not vpc.get("IsDefault"):
            name = view.name(vpc, vpc["VpcId"])
            yield Node(("VPC", vpc["VpcId"]), name, view.icon("VPC"), ("another VPC", *content))


def _content(view: AccountView, vpc_id: str) -> Iterator[str]:
    databases = (database.get("DBSubnetGroup", {}) for database in view.items("DBInstances"))
    counts = {
        "instance": sum(raw.get("VpcId") == vpc_id for raw in view.instances.values()),
        "load balancer": sum(raw.get("VpcId") == vpc_id for raw in view.items("LoadBalancers")),
        "NAT gateway": sum(
            raw.get("VpcId") == vpc_id and raw.get("State") == "available" for raw in view.items("NatGateways")
        ),
        "database": sum(group.get("VpcId") == vpc_id for group in databases),
    }
    yield from (f"{count} {noun}{'s' * (count != 1)}" for noun, count in counts.items() if count)


def _engine(engine: str, version: str) -> str:
    return f"{ENGINES.get(engine, engine)} {version}".strip()
