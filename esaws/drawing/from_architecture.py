"""The scene of a declared architecture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from esaws.architecture import Architecture
from esaws.drawing.edges import ENGINE_ICONS, ENGINES, format_ports, merge_edges, sort_fleets
from esaws.drawing.scene import FARGATE, USERS, Edge, Fleet, Key, Node, Scene, SubnetArea, Workload
from esaws.resource import Resource
from esaws.resources.alarm import Alarm
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.broker import Broker
from esaws.resources.bucket import Bucket
from esaws.resources.budget import Budget
from esaws.resources.cache_cluster import CacheCluster
from esaws.resources.cluster import Cluster
from esaws.resources.dashboard import Dashboard
from esaws.resources.db_instance import DBInstance
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.internet_gateway import InternetGateway
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.log_group import LogGroup
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet
from esaws.resources.target_group import TargetGroup
from esaws.resources.target_registration import TargetRegistration
from esaws.resources.task import Task
from esaws.resources.user_pool import UserPool
from esaws.resources.vpc import VPC

ANYWHERE = ("0.0.0.0/0", "::/0")


def architecture_scene(architecture: Architecture, region: str) -> Scene:
    """The scene of an architecture; `region` names its zones. Pure.

    Security groups, rules, roles, log groups and the like are not nodes: they become edges, counts, or are left out.
    """
    vpcs = architecture.of(VPC)
    vpc = vpcs[0] if vpcs else None
    fleets = _make_fleets(architecture)
    edges = merge_edges([*_internet_edges(architecture), *_forwarding_edges(architecture), *_group_edges(architecture)])
    reached = {edge.target for edge in edges}
    unserved = [
        Fleet(group.key, group.name, group.icon, "no targets yet")
        for group in architecture.of(TargetGroup)
        if group.key in reached
    ]
    return Scene(
        name=architecture.name,
        region=region,
        vpc=" ".join(filter(None, ("VPC", vpc.name if vpc.name.lower() != "vpc" else "", vpc.cidr))) if vpc else "",
        vpc_notes=_group_notes(architecture),
        subnets=tuple(_subnets(architecture)),
        gateway=next((Node(gate.key, gate.name, gate.icon) for gate in architecture.of(InternetGateway)), None),
        load_balancers=tuple(
            Node(
                balancer.key,
                balancer.name,
                balancer.icon,
                _listener_ports(architecture, balancer),
                tuple(subnet.name for subnet in balancer.subnets),
            )
            for balancer in architecture.of(LoadBalancer)
        ),
        fleets=tuple(sort_fleets([*fleets, *unserved], edges)),
        stores=tuple(_stores(architecture)),
        regional=(*_regional(architecture), *(Node(other.key, other.name, other.icon) for other in vpcs[1:])),
        edges=tuple(edges),
    )


# -- subnets and nodes -------------------------------------------------------------------------------------------


def _subnets(architecture: Architecture) -> Iterator[SubnetArea]:
    with_way_out = {route.table.key for route in architecture.of(Route) if isinstance(route.gateway, InternetGateway)}
    public = {
        association.subnet.key
        for association in architecture.of(RouteTableAssociation)
        if association.table.key in with_way_out
    }
    for subnet in sorted(architecture.of(Subnet), key=lambda subnet: subnet.zone):
        yield SubnetArea(subnet.name, subnet.zone, subnet.cidr, subnet.public_addresses or subnet.key in public)


def _group_notes(architecture: Architecture) -> tuple[str, ...]:
    groups = len(architecture.of(SecurityGroup))
    rules = len(architecture.of(SecurityGroupRule))
    if not groups:
        return ()
    return (_count(groups, "security group"), *((_count(rules, "rule"),) if rules else ()))


def _listener_ports(architecture: Architecture, balancer: LoadBalancer) -> tuple[str, ...]:
    return tuple(
        f"{listener.protocol}:{listener.port}"
        for listener in architecture.of(Listener)
        if listener.load_balancer.key == balancer.key
    )


def _stores(architecture: Architecture) -> Iterator[Node]:
    for store in _databases(architecture):
        engine = ENGINES.get(store.engine, store.engine)
        # Aurora's instances take their version from their cluster.
        version = "" if store.engine.startswith("aurora") else f" {store.engine_version}"
        size = store.instance_class if isinstance(store, DBInstance) else store.node_type
        yield Node(
            store.key,
            store.name,
            ENGINE_ICONS.get(store.engine, store.icon),
            (f"{engine}{version}", size),
            tuple(subnet.name for subnet in store.subnet_group.subnets),
        )


def _databases(architecture: Architecture) -> list[DBInstance | CacheCluster]:
    return [*architecture.of(DBInstance), *architecture.of(CacheCluster)]


def _regional(architecture: Architecture) -> Iterator[Node]:
    for broker in architecture.of(Broker):
        words = (f"RabbitMQ {broker.engine_version}", broker.instance_type)
        yield Node(broker.key, broker.name, broker.icon, words)
    for bucket in architecture.of(Bucket):
        yield Node(bucket.key, bucket.name, bucket.icon, ("S3 bucket",))
    for pool in architecture.of(UserPool):
        yield Node(pool.key, pool.name, pool.icon, ("Cognito user pool",))
    if repositories := architecture.of(ECRRepository):
        yield Node(("ECR", "registry"), "ECR", repositories[0].icon, (_count(len(repositories), "repository"),))
    watched: dict[str, type[Resource]] = {"log group": LogGroup, "dashboard": Dashboard, "alarm": Alarm}
    numbers = {word: len(architecture.of(kind)) for word, kind in watched.items()}
    if counts := tuple(_count(number, word) for word, number in numbers.items() if number):
        yield Node(("CloudWatch", "CloudWatch"), "CloudWatch", "aws.management.Cloudwatch", counts)
    for budget in architecture.of(Budget):
        yield Node(budget.key, budget.name, budget.icon, ("Budget", f"{budget.limit_usd:g} USD a month"))


def _make_fleets(architecture: Architecture) -> list[Fleet]:
    fleets = []
    groups = {group.template.cluster.key: group for group in architecture.of(AutoScalingGroup)}
    for cluster in architecture.of(Cluster):
        running = tuple(_workload(job) for job in _workloads_of(architecture, cluster.key))
        fleet = Fleet(cluster.key, cluster.name, cluster.icon, "no instances yet", running)
        if group := groups.get(cluster.key):
            low, high = group.minimum, group.maximum
            fleet = replace(
                fleet,
                instance_type=group.template.instance_type,
                instances=tuple(_spread_instances(group.desired_capacity, [subnet.name for subnet in group.subnets])),
                scaling=f"{low}–{high}" if low != high else str(low),
            )
        elif services := _fargate_services(architecture, cluster.key):
            counts: dict[str, int] = {}
            for service in services:
                for subnet, count in _spread_instances(service.desired_count, [each.name for each in service.subnets]):
                    counts[subnet] = counts.get(subnet, 0) + count
            fleet = replace(
                fleet, instance_type=FARGATE, instances=tuple(counts.items()), card_icon="aws.compute.Fargate"
            )
        fleets.append(fleet)
    return fleets


def _workloads_of(architecture: Architecture, cluster: Key) -> list[Service | Task]:
    jobs: list[Service | Task] = [*architecture.of(Service), *architecture.of(Task)]
    return [job for job in jobs if job.cluster.key == cluster]


def _fargate_services(architecture: Architecture, cluster: Key) -> list[Service]:
    services = architecture.of(Service)
    return [each for each in services if each.cluster.key == cluster and each.launch_type == "FARGATE"]


def _workload(job: Service | Task) -> Workload:
    host, container = job.task_definition.port, job.task_definition.container_port
    return Workload(
        job.name,
        job.desired_count if isinstance(job, Service) else 1,
        ports=(host, container) if host and container else None,
        is_service=isinstance(job, Service),
    )


def _spread_instances(desired: int, subnets: list[str]) -> Iterator[tuple[str, int]]:
    """Instances by subnet, balanced over the zones as Auto Scaling does."""
    for number, subnet in enumerate(subnets):
        yield subnet, desired // len(subnets) + (number < desired % len(subnets))


# -- edges -------------------------------------------------------------------------------------------------------


def _internet_edges(architecture: Architecture) -> Iterator[Edge]:
    """From the internet to public load balancers, and to tasks whose ports are open to the internet."""
    gateway = next((gateway.key for gateway in architecture.of(InternetGateway)), None)
    public = [balancer.key for balancer in architecture.of(LoadBalancer) if balancer.internet_facing]
    direct = list(_open_ports(architecture))
    if gateway and (public or direct):
        yield Edge(USERS, gateway)
    yield from (Edge(gateway or USERS, target) for target in public)
    yield from (Edge(gateway or USERS, target, label, "from anywhere") for target, label in direct)


def _open_ports(architecture: Architecture) -> Iterator[tuple[Key, str]]:
    for rule in architecture.of(SecurityGroupRule):
        if rule.direction != "ingress" or rule.peer not in ANYWHERE:
            continue
        for group in architecture.of(AutoScalingGroup):
            template = group.template
            if template.public_address and rule.group in template.security_groups:
                for port in _host_ports(architecture, template.cluster.key):
                    if _allows(rule, port):
                        yield template.cluster.key, str(port)
        for service in architecture.of(Service):
            own = service.task_definition.port
            if service.public_address and rule.group in service.security_groups and own and _allows(rule, own):
                yield service.cluster.key, str(own)


def _forwarding_edges(architecture: Architecture) -> Iterator[Edge]:
    """From load balancers to the targets of their rules in order of evaluation, the default last."""
    for listener in architecture.of(Listener):
        balancer = listener.load_balancer.key
        rules = [rule for rule in architecture.of(ListenerRule) if rule.listener.key == listener.key]
        for rule in sorted(rules, key=lambda rule: rule.priority):
            label = f"{rule.priority} · {' or '.join(rule.paths)}"
            yield from _target_edges(architecture, balancer, rule.target_group, label)
        yield from _target_edges(architecture, balancer, listener.default, "default")


def _target_edges(architecture: Architecture, balancer: Key, group: TargetGroup, label: str) -> Iterator[Edge]:
    targets = dict.fromkeys(
        (service.cluster.key, service.task_definition.port)
        for service in architecture.of(Service)
        if service.target_group is not None and service.target_group.key == group.key
    ) | dict.fromkeys(
        (registration.group.template.cluster.key, registration.port)
        for registration in architecture.of(TargetRegistration)
        if registration.target_group.key == group.key
    )
    for target, port in targets:
        yield Edge(balancer, target, label, f"{group.name} → {port}" if port else group.name)
    if not targets:
        yield Edge(balancer, group.key, label, f"{group.name}: no targets")


def _group_edges(architecture: Architecture) -> Iterator[Edge]:
    """From the members of a security group to the members of a group that lets it in."""
    members: dict[Key, list[Key]] = {}
    for group in architecture.of(AutoScalingGroup):
        cluster = group.template.cluster.key
        for security_group in group.template.security_groups:
            members.setdefault(security_group.key, []).append(cluster)
    for service in architecture.of(Service):
        for security_group in service.security_groups:
            members.setdefault(security_group.key, []).append(service.cluster.key)
    for store in _databases(architecture):
        for security_group in store.security_groups:
            members.setdefault(security_group.key, []).append(store.key)
    for rule in architecture.of(SecurityGroupRule):
        if rule.direction != "ingress" or not isinstance(rule.peer, SecurityGroup):
            continue
        for source in members.get(rule.peer.key, ()):
            for target in members.get(rule.group.key, ()):
                if source != target:
                    yield Edge(source, target, format_ports(rule.protocol, rule.from_port, rule.to_port))


def _host_ports(architecture: Architecture, cluster: Key) -> list[int]:
    ports = [job.task_definition.port for job in _workloads_of(architecture, cluster)]
    return [port for port in ports if port]


def _allows(rule: SecurityGroupRule, port: int) -> bool:
    return rule.protocol == "-1" or (rule.protocol == "tcp" and rule.from_port <= port <= rule.to_port)


def _count(number: int, word: str) -> str:
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number} {word if number == 1 else plural}"
