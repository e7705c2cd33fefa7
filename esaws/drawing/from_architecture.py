"""The scene of an architecture: from what is declared, and as far as it is declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from esaws.architecture import Architecture
from esaws.drawing.scene import USERS, Edge, Fleet, Key, Place, Running, Scene, Thing
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

ENGINES = {
    "postgres": "PostgreSQL",
    "aurora-postgresql": "Aurora PostgreSQL",
    "mysql": "MySQL",
    "redis": "Redis",
    "valkey": "Valkey",
    "memcached": "Memcached",
}
ENGINE_ICONS = {"aurora-postgresql": "aws.database.AuroraInstance"}


def scene_of(architecture: Architecture, region: str) -> Scene:
    """What a drawing of `architecture` in `region` shows. Pure.

    Groups, rules, roles, log groups and the like are no things of their own: they become edges, counts, or nothing.
    """
    vpcs = architecture.of(VPC)
    vpc = vpcs[0] if vpcs else None
    fleets = _fleets(architecture)
    edges = _merged([*_from_users(architecture), *_forwarded(architecture), *_let_in(architecture)])
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
        vpc_notes=_notes(architecture),
        places=tuple(_places(architecture)),
        gateway=next((Thing(gate.key, gate.name, gate.icon) for gate in architecture.of(InternetGateway)), None),
        balancers=tuple(
            Thing(
                balancer.key,
                balancer.name,
                balancer.icon,
                _ports_of(architecture, balancer),
                tuple(subnet.name for subnet in balancer.subnets),
            )
            for balancer in architecture.of(LoadBalancer)
        ),
        fleets=tuple(_in_order_of_evaluation([*fleets, *unserved], edges)),
        stores=tuple(_stores(architecture)),
        regional=(*_regional(architecture), *(Thing(other.key, other.name, other.icon) for other in vpcs[1:])),
        edges=tuple(edges),
    )


# -- places and things -------------------------------------------------------------------------------------------


def _places(architecture: Architecture) -> Iterator[Place]:
    with_way_out = {route.table.key for route in architecture.of(Route) if isinstance(route.gateway, InternetGateway)}
    public = {
        association.subnet.key
        for association in architecture.of(RouteTableAssociation)
        if association.table.key in with_way_out
    }
    for subnet in sorted(architecture.of(Subnet), key=lambda subnet: subnet.zone):
        yield Place(subnet.name, subnet.zone, subnet.cidr, subnet.public_addresses or subnet.key in public)


def _notes(architecture: Architecture) -> tuple[str, ...]:
    groups = len(architecture.of(SecurityGroup))
    rules = len(architecture.of(SecurityGroupRule))
    if not groups:
        return ()
    return (_count(groups, "security group"), *((_count(rules, "rule"),) if rules else ()))


def _ports_of(architecture: Architecture, balancer: LoadBalancer) -> tuple[str, ...]:
    return tuple(
        f"{listener.protocol}:{listener.port}"
        for listener in architecture.of(Listener)
        if listener.load_balancer.key == balancer.key
    )


def _stores(architecture: Architecture) -> Iterator[Thing]:
    for store in _databases(architecture):
        engine = ENGINES.get(store.engine, store.engine)
        # Aurora's instances take their version from their cluster.
        version = "" if store.engine.startswith("aurora") else f" {store.engine_version}"
        size = store.instance_class if isinstance(store, DBInstance) else store.node_type
        yield Thing(
            store.key,
            store.name,
            ENGINE_ICONS.get(store.engine, store.icon),
            (f"{engine}{version}", size),
            tuple(subnet.name for subnet in store.subnet_group.subnets),
        )


def _databases(architecture: Architecture) -> list[DBInstance | CacheCluster]:
    return [*architecture.of(DBInstance), *architecture.of(CacheCluster)]


def _regional(architecture: Architecture) -> Iterator[Thing]:
    for broker in architecture.of(Broker):
        words = (f"RabbitMQ {broker.engine_version}", broker.instance_type)
        yield Thing(broker.key, broker.name, broker.icon, words)
    for bucket in architecture.of(Bucket):
        yield Thing(bucket.key, bucket.name, bucket.icon, ("S3 bucket",))
    for pool in architecture.of(UserPool):
        yield Thing(pool.key, pool.name, pool.icon, ("Cognito user pool",))
    if repositories := architecture.of(ECRRepository):
        yield Thing(("ECR", "registry"), "ECR", repositories[0].icon, (_count(len(repositories), "repository"),))
    watched: dict[str, type[Resource]] = {"log group": LogGroup, "dashboard": Dashboard, "alarm": Alarm}
    numbers = {word: len(architecture.of(kind)) for word, kind in watched.items()}
    if counts := tuple(_count(number, word) for word, number in numbers.items() if number):
        yield Thing(("CloudWatch", "CloudWatch"), "CloudWatch", "aws.management.Cloudwatch", counts)
    for budget in architecture.of(Budget):
        yield Thing(budget.key, budget.name, budget.icon, ("Budget", f"{budget.limit_usd:g} USD a month"))


def _fleets(architecture: Architecture) -> list[Fleet]:
    fleets = []
    groups = {group.template.cluster.key: group for group in architecture.of(AutoScalingGroup)}
    for cluster in architecture.of(Cluster):
        running = tuple(_running(job) for job in _jobs(architecture, cluster.key))
        fleet = Fleet(cluster.key, cluster.name, cluster.icon, "no instances yet", running)
        if group := groups.get(cluster.key):
            low, high = group.minimum, group.maximum
            fleet = replace(
                fleet,
                instance_type=group.template.instance_type,
                instances=tuple(_spread(group.desired_capacity, [subnet.name for subnet in group.subnets])),
                scaling=f"{low}–{high}" if low != high else str(low),
            )
        fleets.append(fleet)
    return fleets


def _jobs(architecture: Architecture, cluster: Key) -> list[Service | Task]:
    jobs: list[Service | Task] = [*architecture.of(Service), *architecture.of(Task)]
    return [job for job in jobs if job.cluster.key == cluster]


def _running(job: Service | Task) -> Running:
    host, container = job.task_definition.host_port, job.task_definition.container_port
    return Running(
        job.name,
        job.desired_count if isinstance(job, Service) else 1,
        ports=(host, container) if host and container else None,
        is_service=isinstance(job, Service),
    )


def _spread(desired: int, places: list[str]) -> Iterator[tuple[str, int]]:
    """As Auto Scaling balances instances over its zones."""
    for number, place in enumerate(places):
        yield place, desired // len(places) + (number < desired % len(places))


def _in_order_of_evaluation(fleets: list[Fleet], edges: list[Edge]) -> list[Fleet]:
    """What is forwarded to first, as the rules are evaluated; then what is reached directly; then the rest."""
    first: dict[Key, int] = {}
    for number, edge in enumerate(edges):
        if edge.source[0] == LoadBalancer.kind:
            first.setdefault(edge.target, number)
        elif edge.source[0] in (USERS[0], InternetGateway.kind):
            first.setdefault(edge.target, len(edges) + number)
    return sorted(fleets, key=lambda fleet: first.get(fleet.key, 2 * len(edges)))


# -- edges -------------------------------------------------------------------------------------------------------


def _from_users(architecture: Architecture) -> Iterator[Edge]:
    """From the internet to public load balancers, and to instances that let anyone in on the port of a task."""
    gateway = next((gateway.key for gateway in architecture.of(InternetGateway)), None)
    entered = [balancer.key for balancer in architecture.of(LoadBalancer) if balancer.internet_facing]
    direct = list(_open_to_anyone(architecture))
    if gateway and (entered or direct):
        yield Edge(USERS, gateway)
    yield from (Edge(gateway or USERS, target) for target in entered)
    yield from (Edge(gateway or USERS, target, label, "from anywhere") for target, label in direct)


def _open_to_anyone(architecture: Architecture) -> Iterator[tuple[Key, str]]:
    for rule in architecture.of(SecurityGroupRule):
        if rule.direction != "ingress" or rule.peer not in ANYWHERE:
            continue
        for group in architecture.of(AutoScalingGroup):
            template = group.template
            if template.public_address and rule.group in template.security_groups:
                for port in _host_ports(architecture, template.cluster.key):
                    if _allows(rule, port):
                        yield template.cluster.key, str(port)


def _forwarded(architecture: Architecture) -> Iterator[Edge]:
    """From a load balancer to what its rules lead to, in the order in which they are evaluated, the default last."""
    for listener in architecture.of(Listener):
        balancer = listener.load_balancer.key
        rules = [rule for rule in architecture.of(ListenerRule) if rule.listener.key == listener.key]
        for rule in sorted(rules, key=lambda rule: rule.priority):
            label = f"{rule.priority} · {' or '.join(rule.paths)}"
            yield from _to_targets(architecture, balancer, rule.target_group, label)
        yield from _to_targets(architecture, balancer, listener.default, "default")


def _to_targets(architecture: Architecture, balancer: Key, group: TargetGroup, label: str) -> Iterator[Edge]:
    found = dict.fromkeys(
        (service.cluster.key, service.task_definition.host_port)
        for service in architecture.of(Service)
        if service.target_group is not None and service.target_group.key == group.key
    ) | dict.fromkeys(
        (registration.group.template.cluster.key, registration.port)
        for registration in architecture.of(TargetRegistration)
        if registration.target_group.key == group.key
    )
    for target, port in found:
        yield Edge(balancer, target, label, f"{group.name} → {port}" if port else group.name)
    if not found:
        yield Edge(balancer, group.key, label, f"{group.name}: no targets")


def _let_in(architecture: Architecture) -> Iterator[Edge]:
    """What rules say that name a group as the peer: who carries the one reaches who carries the other."""
    members: dict[Key, list[Key]] = {}
    for group in architecture.of(AutoScalingGroup):
        cluster = group.template.cluster.key
        for security_group in group.template.security_groups:
            members.setdefault(security_group.key, []).append(cluster)
    for store in _databases(architecture):
        for security_group in store.security_groups:
            members.setdefault(security_group.key, []).append(store.key)
    for rule in architecture.of(SecurityGroupRule):
        if rule.direction != "ingress" or not isinstance(rule.peer, SecurityGroup):
            continue
        for source in members.get(rule.peer.key, ()):
            for target in members.get(rule.group.key, ()):
                if source != target:
                    yield Edge(source, target, _port_range(rule))


def _host_ports(architecture: Architecture, cluster: Key) -> list[int]:
    ports = [job.task_definition.host_port for job in _jobs(architecture, cluster)]
    return [port for port in ports if port]


def _allows(rule: SecurityGroupRule, port: int) -> bool:
    return rule.protocol == "-1" or (rule.protocol == "tcp" and rule.from_port <= port <= rule.to_port)


def _port_range(rule: SecurityGroupRule) -> str:
    if rule.protocol == "-1":
        return "all"
    return str(rule.from_port) if rule.from_port == rule.to_port else f"{rule.from_port}–{rule.to_port}"


def _merged(edges: Iterable[Edge]) -> list[Edge]:
    """Several ports between the same two become one edge; what a load balancer forwards stays apart, rule by rule."""
    kept: dict[tuple[Key, Key, str], Edge] = {}
    for edge in edges:
        key = (edge.source, edge.target, edge.label if edge.source[0] == LoadBalancer.kind else "")
        known = kept.setdefault(key, edge)
        if edge.label not in known.label.split(", "):
            kept[key] = replace(known, label=f"{known.label}, {edge.label}")
    return list(kept.values())


def _count(number: int, word: str) -> str:
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number} {word if number == 1 else plural}"
