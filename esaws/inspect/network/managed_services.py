"""Load balancers, databases, caches and brokers: AWS owns their interfaces, which are told by who asked for them."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from esaws.inspect.account import Account
from esaws.inspect.network.named_endpoint import Kind, NamedEndpoint, Port, Raw, interface_ids


def find_load_balancers(account: Account) -> Iterator[NamedEndpoint]:
    """Application Load Balancers; their interfaces are described as `ELB app/NAME/ID`.

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
            _described(account, re.compile(re.escape(f"ELB {arn.partition('loadbalancer/')[2]}"))),
            None
            if listeners is None
            else frozenset(("tcp", each["Port"]) for each in listeners if each["LoadBalancerArn"] == arn),
            groups=tuple(raw.get("SecurityGroups", ())),
            subnets=tuple(zone["SubnetId"] for zone in zones if "SubnetId" in zone),
            public=raw.get("Scheme") == "internet-facing",
            zones=frozenset(zone["ZoneName"] for zone in zones),
        )


def find_databases(account: Account) -> Iterator[NamedEndpoint]:
    """DB instances, and Aurora clusters with all of theirs."""
    members = [(raw.get("DBClusterIdentifier"), _database(account, raw)) for raw in account["DBInstances"]]
    yield from _with_their_whole("db", members)


def _database(account: Account, raw: Raw) -> NamedEndpoint:
    groups = {each["VpcSecurityGroupId"] for each in raw.get("VpcSecurityGroups", [])}
    subnets = {each["SubnetIdentifier"] for each in raw.get("DBSubnetGroup", {}).get("Subnets", [])}
    zones = {raw.get("AvailabilityZone"), raw.get("SecondaryAvailabilityZone")} - {None}

    def belongs(each: Raw) -> bool:
        """RDS names no database on an interface: it is told by its groups, its subnets and its zone."""
        carried = {group["GroupId"] for group in each.get("Groups", [])}
        zone = each.get("AvailabilityZone")
        in_zone = not zones or zone is None or zone in zones
        return _is_for("amazon-rds", each) and carried == groups and each.get("SubnetId") in subnets and in_zone

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
    """Cache clusters, and replication groups with all of theirs."""
    members = [(raw.get("ReplicationGroupId"), _cache(account, raw)) for raw in account["CacheClusters"]]
    yield from _with_their_whole("cache", members)


def _cache(account: Account, raw: Raw) -> NamedEndpoint:
    name = raw["CacheClusterId"]
    near = next(
        (
            group
            for group in account.get("CacheSubnetGroups") or ()
            if group["CacheSubnetGroupName"] == raw.get("CacheSubnetGroupName")
        ),
        {},
    )
    ends = [raw.get("ConfigurationEndpoint", {}), *(node.get("Endpoint", {}) for node in raw.get("CacheNodes", []))]
    ports = {("tcp", end["Port"]) for end in ends if end.get("Port")}
    return NamedEndpoint(
        "cache",
        name,
        _described(account, re.compile(rf"ElastiCache {re.escape(name)}(-\d+)?")),
        frozenset(ports) or None,
        tuple(each["SecurityGroupId"] for each in raw.get("SecurityGroups", [])),
        tuple(each["SubnetIdentifier"] for each in near.get("Subnets", [])),
        is_member="ReplicationGroupId" in raw,
    )


def find_brokers(account: Account) -> Iterator[NamedEndpoint]:
    """Brokers; a public one that takes no security group, as RabbitMQ's do, stands in a network of AWS's."""
    for raw in account["Brokers"]:
        groups = tuple(raw.get("SecurityGroups", ()))
        away = bool(raw.get("PubliclyAccessible")) and not groups
        yield NamedEndpoint(
            "broker",
            raw["BrokerName"],
            () if away else _described(account, re.compile(rf".*\b{re.escape(raw['BrokerId'])}\b.*")),
            frozenset(_ports(raw)) or None,
            groups,
            () if away else tuple(raw.get("SubnetIds", ())),
            public=bool(raw.get("PubliclyAccessible")),
            external=away,
            note="its address is one of AWS's on the internet" if away else "",
        )


def _ports(broker: Raw) -> Iterator[Port]:
    for instance in broker.get("BrokerInstances", []):
        for url in [instance.get("ConsoleURL"), *instance.get("Endpoints", [])]:
            told = urlsplit(url or "")
            if port := told.port or (443 if told.scheme == "https" else None):
                yield "tcp", port


def _with_their_whole(kind: Kind, members: Iterable[tuple[str | None, NamedEndpoint]]) -> Iterator[NamedEndpoint]:
    """Each place, and what several of them make up together, by the name of that."""
    wholes: dict[str, list[NamedEndpoint]] = {}
    for whole, place in members:
        yield place
        if whole:
            wholes.setdefault(whole, []).append(place)
    for whole, places in wholes.items():
        known = [place.ports for place in places if place.ports is not None]
        yield NamedEndpoint(
            kind,
            whole,
            tuple(dict.fromkeys(id for place in places for id in place.interfaces)),
            frozenset().union(*known) if len(known) == len(places) else None,
            tuple(dict.fromkeys(group for place in places for group in place.groups)),
            tuple(dict.fromkeys(subnet for place in places for subnet in place.subnets)),
            public=any(place.public for place in places),
        )


def _described(account: Account, as_: re.Pattern[str]) -> tuple[str, ...]:
    return interface_ids(_interfaces(account), lambda each: as_.fullmatch(each.get("Description", "")))


def _interfaces(account: Account) -> Iterable[Raw]:
    return account.get("NetworkInterfaces") or ()


def _is_for(service: str, interface: Raw) -> bool:
    return service in {interface.get("RequesterId"), interface.get("Attachment", {}).get("InstanceOwnerId")}
