"""Named endpoints of an account: load balancers, databases, caches and brokers, with the interfaces AWS manages."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from esaws.inspect.account import Account

Raw = Mapping[str, Any]
Kind = Literal["service", "alb", "db", "cache", "broker"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Port = tuple[str, int]


@dataclass(frozen=True)
class NamedEndpoint:
    """A service, a load balancer or a data store, by AWS's name.

    `interfaces` are the ids of those that are visible; where none is, `groups` and `subnets` say which groups they
    would have and where they would be. `ports` are the protocols and ports it listens on, None where that is unknown.
    `zones` are the zones that a load balancer serves. `note` belongs to every answer about it.
    """

    kind: Kind
    name: str
    interfaces: tuple[str, ...] = ()
    ports: frozenset[Port] | None = None
    groups: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    public: bool = False  # AWS gives its interfaces public addresses
    external: bool = False  # on the internet, in no VPC of the account
    is_member: bool = False  # of another named endpoint
    zones: frozenset[str] | None = None
    note: str = ""

    @property
    def inferred(self) -> bool:
        """Whether only its subnets are known, and not the address inside them."""
        return not self.interfaces and not self.external and bool(self.subnets)

    @property
    def without_interface(self) -> bool:
        return not self.interfaces and not self.external and not self.subnets


def interface_ids(interfaces: Iterable[Raw], belongs: Callable[[Raw], Any]) -> tuple[str, ...]:
    """Return the ids of the interfaces that belong to an endpoint, in order of their subnets and addresses."""
    own = [raw for raw in interfaces if belongs(raw)]
    own.sort(key=lambda raw: (raw.get("SubnetId", ""), raw.get("PrivateIpAddress", "")))
    return tuple(raw["NetworkInterfaceId"] for raw in own)


def find_load_balancers(account: Account) -> Iterator[NamedEndpoint]:
    """Yield Application Load Balancers; their interfaces have the description `ELB app/NAME/ID`.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    listeners = account.get("Listeners")
    for raw in account["LoadBalancers"]:
        if raw.get("Type", "application") != "application":
            continue
        arn = raw["LoadBalancerArn"]
        zones = raw.get("AvailabilityZones", [])
        yield NamedEndpoint(
            "alb",
            raw["LoadBalancerName"],
            _with_description(account, re.compile(re.escape(f"ELB {arn.partition('loadbalancer/')[2]}"))),
            None
            if listeners is None
            else frozenset(("tcp", listener["Port"]) for listener in listeners if listener["LoadBalancerArn"] == arn),
            groups=tuple(raw.get("SecurityGroups", ())),
            subnets=tuple(zone["SubnetId"] for zone in zones if "SubnetId" in zone),
            public=raw.get("Scheme") == "internet-facing",
            zones=frozenset(zone["ZoneName"] for zone in zones),
        )


def network_load_balancer_interfaces(account: Account, raw: Raw) -> tuple[str, ...]:
    """Return the visible interfaces of a Network Load Balancer, whose description is `ELB net/NAME/ID`."""
    description = f"ELB {raw['LoadBalancerArn'].partition('loadbalancer/')[2]}"
    return _with_description(account, re.compile(re.escape(description)))


def find_databases(account: Account) -> Iterator[NamedEndpoint]:
    """Yield DB instances, and Aurora clusters with all their instances."""
    members = [(raw.get("DBClusterIdentifier"), _database(account, raw)) for raw in account["DBInstances"]]
    yield from _with_clusters("db", members)


def _database(account: Account, raw: Raw) -> NamedEndpoint:
    groups = {item["VpcSecurityGroupId"] for item in raw.get("VpcSecurityGroups", [])}
    subnets = {item["SubnetIdentifier"] for item in raw.get("DBSubnetGroup", {}).get("Subnets", [])}
    zones = {raw.get("AvailabilityZone"), raw.get("SecondaryAvailabilityZone")} - {None}

    def belongs(interface: Raw) -> bool:
        """Match by groups, subnet and zone: RDS does not put the database's name on its interfaces."""
        if not _is_managed_by("amazon-rds", interface) or interface.get("SubnetId") not in subnets:
            return False
        zone = interface.get("AvailabilityZone")
        in_zone = not zones or zone is None or zone in zones
        return in_zone and {group["GroupId"] for group in interface.get("Groups", [])} == groups

    port = raw.get("Endpoint", {}).get("Port") or raw.get("DbInstancePort")
    return NamedEndpoint(
        "db",
        raw["DBInstanceIdentifier"],
        interface_ids(_interfaces(account), belongs),
        frozenset({("tcp", port)}) if port else None,
        tuple(sorted(groups)),
        tuple(sorted(subnets)),
        public=bool(raw.get("PubliclyAccessible")),
        is_member="DBClusterIdentifier" in raw,
    )


def find_caches(account: Account) -> Iterator[NamedEndpoint]:
    """Yield cache clusters, and replication groups with all their clusters."""
    members = [(raw.get("ReplicationGroupId"), _cache(account, raw)) for raw in account["CacheClusters"]]
    yield from _with_clusters("cache", members)


def _cache(account: Account, raw: Raw) -> NamedEndpoint:
    name = raw["CacheClusterId"]
    subnet_group = next(
        (
            group
            for group in account.get("CacheSubnetGroups") or ()
            if group["CacheSubnetGroupName"] == raw.get("CacheSubnetGroupName")
        ),
        {},
    )
    addresses = [raw.get("ConfigurationEndpoint", {})]
    addresses += [node.get("Endpoint", {}) for node in raw.get("CacheNodes", [])]
    ports = {("tcp", address["Port"]) for address in addresses if address.get("Port")}
    return NamedEndpoint(
        "cache",
        name,
        _with_description(account, re.compile(rf"ElastiCache {re.escape(name)}(-\d+)?")),
        frozenset(ports) or None,
        tuple(group["SecurityGroupId"] for group in raw.get("SecurityGroups", [])),
        tuple(subnet["SubnetIdentifier"] for subnet in subnet_group.get("Subnets", [])),
        is_member="ReplicationGroupId" in raw,
    )


def find_brokers(account: Account) -> Iterator[NamedEndpoint]:
    """Yield brokers. A public one without security groups, such as RabbitMQ's, is in a network of AWS."""
    for raw in account["Brokers"]:
        groups = tuple(raw.get("SecurityGroups", ()))
        external = bool(raw.get("PubliclyAccessible")) and not groups
        description = re.compile(rf".*\b{re.escape(raw['BrokerId'])}\b.*")
        yield NamedEndpoint(
            "broker",
            raw["BrokerName"],
            () if external else _with_description(account, description),
            frozenset(_broker_ports(raw)) or None,
            groups,
            () if external else tuple(raw.get("SubnetIds", ())),
            public=bool(raw.get("PubliclyAccessible")),
            external=external,
            note="it has a public address in a network of AWS" if external else "",
        )


def _broker_ports(broker: Raw) -> Iterator[Port]:
    for instance in broker.get("BrokerInstances", []):
        for url in [instance.get("ConsoleURL"), *instance.get("Endpoints", [])]:
            parts = urlsplit(url or "")
            if port := parts.port or (443 if parts.scheme == "https" else None):
                yield "tcp", port


def _with_clusters(kind: Kind, members: Iterable[tuple[str | None, NamedEndpoint]]) -> Iterator[NamedEndpoint]:
    """Yield each member, then each cluster with the interfaces of all its members."""
    clusters: dict[str, list[NamedEndpoint]] = {}
    for cluster, member in members:
        yield member
        if cluster:
            clusters.setdefault(cluster, []).append(member)
    for cluster, nodes in clusters.items():
        known = [node.ports for node in nodes if node.ports is not None]
        yield NamedEndpoint(
            kind,
            cluster,
            tuple(dict.fromkeys(id for node in nodes for id in node.interfaces)),
            frozenset().union(*known) if len(known) == len(nodes) else None,
            tuple(dict.fromkeys(group for node in nodes for group in node.groups)),
            tuple(dict.fromkeys(subnet for node in nodes for subnet in node.subnets)),
            public=any(node.public for node in nodes),
        )


def _with_description(account: Account, pattern: re.Pattern[str]) -> tuple[str, ...]:
    return interface_ids(_interfaces(account), lambda raw: pattern.fullmatch(raw.get("Description", "")))


def _interfaces(account: Account) -> Iterable[Raw]:
    return account.get("NetworkInterfaces") or ()


def _is_managed_by(service: str, interface: Raw) -> bool:
    return service in {interface.get("RequesterId"), interface.get("Attachment", {}).get("InstanceOwnerId")}
