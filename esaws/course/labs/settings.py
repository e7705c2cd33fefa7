"""The settings of a system that its declaration leaves out or that a repair may spoil, so that they can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from esaws.cloud import Cloud
from esaws.inspect.account import Account, name_tag

KEYS = (
    "AutoScalingGroups",
    "Brokers",
    "Buckets",
    "CacheClusters",
    "DBInstances",
    "Instances",
    "Listeners",
    "LoadBalancerAttributes",
    "LoadBalancers",
    "NetworkAcls",
    "NatGateways",
    "RouteTables",
    "Rules",
    "SecurityGroups",
    "Subnets",
    "TargetGroupAttributes",
    "TargetGroups",
    "Volumes",
    "services",
)
"""What a snapshot needs for the settings."""

_HEALTH_CHECK = (
    "HealthCheckEnabled",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
)
_GROUP = ("MinSize", "MaxSize", "HealthCheckType", "HealthCheckGracePeriod", "SuspendedProcesses")
_SERVICE = ("deploymentConfiguration", "healthCheckGracePeriodSeconds", "placementConstraints", "schedulingStrategy")
_DATABASE = ("DBInstanceStatus", "PubliclyAccessible", "BackupRetentionPeriod", "MultiAZ", "StorageEncrypted")
_WORLD = ("0.0.0.0/0", "::/0")

Setting = tuple[str, Any]


def settings_of(cloud: Cloud, account: Account) -> dict[str, str]:
    """Return the settings, as in `TargetGroup client-web-ui-tg HealthCheckPath` → `"/"`, names without deployment."""
    short = _Names(cloud, account)
    found = [
        *_load_balancing(short, account),
        *_network(short, account),
        *_capacity(short, account),
        *_stores(short, account),
    ]
    return {what: json.dumps(value, sort_keys=True, default=str) for what, value in found}


def world_rules(cloud: Cloud, account: Account) -> list[str]:
    """Return the ports that security groups open to the whole internet, as in `ALB-sg tcp 80-80 0.0.0.0/0`."""
    short = _Names(cloud, account)
    return sorted(
        f"{short(raw['GroupName'])} {permission['IpProtocol']} "
        f"{permission.get('FromPort', 'all')}-{permission.get('ToPort', 'all')} {cidr}"
        for raw in account["SecurityGroups"]
        for permission in raw["IpPermissions"]
        for cidr in (
            *(each["CidrIp"] for each in permission.get("IpRanges", ())),
            *(each["CidrIpv6"] for each in permission.get("Ipv6Ranges", ())),
        )
        if cidr in _WORLD
    )


def changed(before: Mapping[str, str], now: Mapping[str, str], allowed: tuple[str, ...] = ()) -> list[str]:
    """Return a sentence for each setting that differs, except those that match a pattern of `allowed`."""
    return [
        f"{what} is {now.get(what, 'absent')}, it was {before.get(what, 'absent')}"
        for what in sorted({*before, *now})
        if before.get(what) != now.get(what) and not any(fnmatchcase(what, pattern) for pattern in allowed)
    ]


class _Names:
    """The names of resources without the deployment, by id or ARN too."""

    def __init__(self, cloud: Cloud, account: Account) -> None:
        self._prefix = cloud.aws_name("")
        self._names = {
            raw[key]: self._cut(name_tag(raw, raw[key]))
            for kind, key in (("Subnets", "SubnetId"), ("RouteTables", "RouteTableId"), ("Instances", "InstanceId"))
            for raw in account[kind]
        }
        self._names |= {raw["GroupId"]: self._cut(raw["GroupName"]) for raw in account["SecurityGroups"]}
        self._names |= {raw["TargetGroupArn"]: self._cut(raw["TargetGroupName"]) for raw in account["TargetGroups"]}
        self._names |= {raw["LoadBalancerArn"]: self._cut(raw["LoadBalancerName"]) for raw in account["LoadBalancers"]}

    def _cut(self, name: str) -> str:
        return name.removeprefix(self._prefix)

    def __call__(self, id_or_name: str) -> str:
        return self._names.get(id_or_name) or self._cut(id_or_name)


def _load_balancing(short: _Names, account: Account) -> Iterator[Setting]:
    for raw in account["TargetGroups"]:
        for key in _HEALTH_CHECK:
            yield f"TargetGroup {short(raw['TargetGroupArn'])} {key}", raw.get(key)
    for raw in account["TargetGroupAttributes"]:
        for attribute in raw["Attributes"]:
            yield f"TargetGroup {short(raw['TargetGroupArn'])} {attribute['Key']}", attribute["Value"]
    for raw in account["LoadBalancerAttributes"]:
        for attribute in raw["Attributes"]:
            yield f"LoadBalancer {short(raw['LoadBalancerArn'])} {attribute['Key']}", attribute["Value"]
    for raw in account["LoadBalancers"]:
        zones = sorted(short(zone["SubnetId"]) for zone in raw["AvailabilityZones"])
        yield f"LoadBalancer {short(raw['LoadBalancerArn'])} subnets", zones
        groups = sorted(map(short, raw.get("SecurityGroups", ())))
        yield f"LoadBalancer {short(raw['LoadBalancerArn'])} security groups", groups
    ports = {raw["ListenerArn"]: raw["Port"] for raw in account["Listeners"]}
    for raw in account["Rules"]:
        conditions = sorted(_condition(condition) for condition in raw["Conditions"])
        forward = [_action(short, action) for action in raw["Actions"]]
        yield f"ListenerRule {ports.get(raw['ListenerArn'])} {raw['Priority']}", [conditions, forward]


def _condition(raw: Mapping[str, Any]) -> str:
    config: Mapping[str, Any] = next((raw[key] for key in raw if key.endswith("Config")), {})
    return f"{raw['Field']} {sorted(raw.get('Values') or config.get('Values') or ())}"


def _action(short: _Names, raw: Mapping[str, Any]) -> str:
    weights = {
        short(group["TargetGroupArn"]): group.get("Weight", 1)
        for group in raw.get("ForwardConfig", {}).get("TargetGroups", ())
    }
    if raw["Type"] == "forward":
        single = {short(raw["TargetGroupArn"]): 1} if "TargetGroupArn" in raw else {}
        return f"forward {weights if len(weights) > 1 else dict.fromkeys(weights, 1) or single}"
    return f"{raw['Type']} {raw.get('FixedResponseConfig') or raw.get('RedirectConfig')}"


def _network(short: _Names, account: Account) -> Iterator[Setting]:
    for raw in account["SecurityGroups"]:
        name = short(raw["GroupId"])
        yield f"SecurityGroup {name} inbound", _permissions(short, raw["IpPermissions"])
        yield f"SecurityGroup {name} outbound", _permissions(short, raw["IpPermissionsEgress"])
    for raw in account["NetworkAcls"]:
        entries = sorted(
            f"{'out' if entry['Egress'] else 'in'} {entry['RuleNumber']} {entry['RuleAction']} {entry['Protocol']} "
            f"{entry.get('CidrBlock') or entry.get('Ipv6CidrBlock')} {entry.get('PortRange', 'all')}"
            for entry in raw["Entries"]
        )
        for association in raw["Associations"]:
            yield f"ACL of subnet {short(association['SubnetId'])}", entries
    for raw in account["Subnets"]:
        yield f"Subnet {short(raw['SubnetId'])} MapPublicIpOnLaunch", raw["MapPublicIpOnLaunch"]
    for raw in account["RouteTables"]:
        routes = sorted(f"{route.get('DestinationCidrBlock')} {_route_target(route)}" for route in raw["Routes"])
        for association in raw["Associations"]:
            if "SubnetId" in association:
                yield f"Routes of subnet {short(association['SubnetId'])}", routes
    groups: dict[str, set[tuple[str, ...]]] = {}
    for raw in account["Instances"]:
        if raw["State"]["Name"] == "running":
            attached = tuple(sorted(short(group["GroupId"]) for group in raw["SecurityGroups"]))
            groups.setdefault(short(raw["InstanceId"]), set()).add(attached)
    for name, attached_groups in groups.items():
        yield f"Instances {name} security groups", sorted(attached_groups)


def _permissions(short: _Names, permissions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return rules by what they allow: two rules with other ids or descriptions are the same."""
    found = set()
    for raw in permissions:
        ports = f"{raw['IpProtocol']} {raw.get('FromPort', 'all')}-{raw.get('ToPort', 'all')}"
        peers = [each["CidrIp"] for each in raw.get("IpRanges", ())]
        peers += [each["CidrIpv6"] for each in raw.get("Ipv6Ranges", ())]
        peers += [short(each["GroupId"]) for each in raw.get("UserIdGroupPairs", ())]
        peers += [each["PrefixListId"] for each in raw.get("PrefixListIds", ())]
        found |= {f"{ports} {peer}" for peer in peers}
    return sorted(found)


def _route_target(route: Mapping[str, Any]) -> str:
    for key in ("GatewayId", "NatGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId"):
        if route.get(key):
            return f"{route[key]} {route.get('State', '')}"
    return "nothing"


def _capacity(short: _Names, account: Account) -> Iterator[Setting]:
    for raw in account["AutoScalingGroups"]:
        for key in _GROUP:
            yield f"AutoScalingGroup {short(raw['AutoScalingGroupName'])} {key}", raw.get(key)
    for raw in account["services"]:
        for key in _SERVICE:
            yield f"Service {short(raw['serviceName'])} {key}", raw.get(key)
    for raw in account["NatGateways"]:
        if raw["State"] == "available":
            yield f"NatGateway in subnet {short(raw['SubnetId'])}", "available"


def _stores(short: _Names, account: Account) -> Iterator[Setting]:
    for raw in account["DBInstances"]:
        name = short(raw["DBInstanceIdentifier"])
        for key in _DATABASE:
            yield f"DBInstance {name} {key}", raw.get(key)
        groups = sorted(short(each["VpcSecurityGroupId"]) for each in raw["VpcSecurityGroups"])
        yield f"DBInstance {name} security groups", groups
    for raw in account["CacheClusters"]:
        groups = sorted(short(each["SecurityGroupId"]) for each in raw.get("SecurityGroups", ()))
        yield f"CacheCluster {short(raw['CacheClusterId'])} security groups", groups
    for raw in account["Buckets"]:
        for key in ("PublicAccessBlock", "PolicyStatus", "Encryption", "Versioning"):
            yield f"Bucket {short(raw['Name'])} {key}", raw.get(key)
    for raw in account["Brokers"]:
        yield f"Broker {short(raw['BrokerName'])} PubliclyAccessible", raw.get("PubliclyAccessible")
