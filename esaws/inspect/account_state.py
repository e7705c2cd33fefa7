"""The configuration of an account as data that can be saved and compared: each resource with its fields, by id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from esaws.errors import UsageError
from esaws.inspect.account import Account, name_tag, snapshot
from esaws.inspect.fetch import Raw
from esaws.inspect.snapshots.secrets import without_secrets
from esaws.timestamps import parse_timestamp

_KINDS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "Vpcs": ("VPC", ("VpcId",), ""),
    "Subnets": ("subnet", ("SubnetId",), ""),
    "RouteTables": ("route table", ("RouteTableId",), ""),
    "InternetGateways": ("internet gateway", ("InternetGatewayId",), ""),
    "NatGateways": ("NAT gateway", ("NatGatewayId",), ""),
    "NetworkAcls": ("network ACL", ("NetworkAclId",), ""),
    "SecurityGroups": ("security group", ("GroupId",), "GroupName"),
    "PrefixLists": ("prefix list", ("PrefixListId",), "PrefixListName"),
    "VpcEndpoints": ("VPC endpoint", ("VpcEndpointId",), ""),
    "VpcPeeringConnections": ("VPC peering connection", ("VpcPeeringConnectionId",), ""),
    "Addresses": ("address", ("AllocationId", "PublicIp"), ""),
    "Volumes": ("volume", ("VolumeId",), ""),
    "Instances": ("instance", ("InstanceId",), ""),
    "LaunchTemplateVersions": ("launch template version", ("LaunchTemplateId", "VersionNumber"), "LaunchTemplateName"),
    "LaunchConfigurations": ("launch configuration", ("LaunchConfigurationName",), "LaunchConfigurationName"),
    "AutoScalingGroups": ("Auto Scaling group", ("AutoScalingGroupName",), "AutoScalingGroupName"),
    "LoadBalancers": ("load balancer", ("LoadBalancerArn",), "LoadBalancerName"),
    "LoadBalancerAttributes": ("attributes of a load balancer", ("LoadBalancerArn",), ""),
    "Listeners": ("listener", ("ListenerArn",), ""),
    "Rules": ("listener rule", ("RuleArn",), ""),
    "TargetGroups": ("target group", ("TargetGroupArn",), "TargetGroupName"),
    "TargetGroupAttributes": ("attributes of a target group", ("TargetGroupArn",), ""),
    "clusters": ("cluster", ("clusterArn",), "clusterName"),
    "services": ("service", ("serviceArn",), "serviceName"),
    "taskDefinitions": ("task definition", ("taskDefinitionArn",), "family"),
    "Functions": ("function", ("FunctionName",), "FunctionName"),
    "DBInstances": ("database", ("DBInstanceIdentifier",), "DBInstanceIdentifier"),
    "DBSubnetGroups": ("DB subnet group", ("DBSubnetGroupName",), "DBSubnetGroupName"),
    "CacheClusters": ("cache", ("CacheClusterId",), "CacheClusterId"),
    "CacheSubnetGroups": ("cache subnet group", ("CacheSubnetGroupName",), "CacheSubnetGroupName"),
    "Brokers": ("broker", ("BrokerId",), "BrokerName"),
    "repositories": ("repository", ("repositoryName",), "repositoryName"),
    "images": ("image", ("repositoryName", "imageDigest"), "repositoryName"),
    "MetricAlarms": ("alarm", ("AlarmName",), "AlarmName"),
    "UserPools": ("user pool", ("Id",), "Name"),
    "Buckets": ("bucket", ("Name",), "Name"),
}
"""Key of an account → the kind, the members that identify an item, and the member with its name (else the Name tag)."""

KEYS = tuple(_KINDS)
"""What a snapshot needs for the state."""

_VOLATILE = {
    *("events", "deployments", "taskSets", "runningCount", "pendingCount", "statistics", "activeServicesCount"),
    *("registeredContainerInstancesCount", "runningTasksCount", "pendingTasksCount"),
    *("StateValue", "StateReason", "StateReasonData", "StateTransitionReason", "StateReason", "EvaluationState"),
    *("NetworkInterfaces", "BlockDeviceMappings", "Attachments", "EstimatedNumberOfUsers", "AvailableIpAddressCount"),
    *("UsageOperationUpdateTime", "CreditSpecification", "lastRecordedPullTime", "LatestRestorableTime"),
}
"""Members that change by themselves, and those that another kind describes."""
_VOLATILE_OF = {"AutoScalingGroups": {"Instances"}, "TargetGroups": {"LoadBalancerArns"}}
_RECORDED = "account_state"
"""The key under which a record of a run holds a state."""


@dataclass(frozen=True)
class AccountState:
    """The configuration of an account at a time, without secrets.

    `resources` maps each key of an account to its resources by id: {name, fields}. `missing` has the reason for each
    key that was not described. `time` is None where it is not known.
    """

    account: str
    region: str
    time: datetime | None
    resources: Mapping[str, Mapping[str, Raw]]
    missing: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return {account_state: {account, region, time, resources, missing}}, which `read_state` reads."""
        return {
            _RECORDED: {
                "account": self.account,
                "region": self.region,
                "time": self.time.isoformat() if self.time else None,
                "resources": self.resources,
                "missing": dict(self.missing),
            }
        }

    def __repr__(self) -> str:
        count = sum(map(len, self.resources.values()))
        return f"<AccountState {count} resources of account {self.account} in {self.region}>"


def state_of(account: Account, time: datetime | None = None) -> AccountState:
    """Return the state of an account. Pure."""
    resources = {
        key: {_id(item, key): {"name": _name(item, key), "fields": _fields(item, key)} for item in account[key]}
        for key in KEYS
        if account.get(key) is not None
    }
    missing = {key: account.missing.get(key, "not part of the snapshot") for key in KEYS if account.get(key) is None}
    return AccountState(account.id, account.region, time, resources, missing)


def read_state(path: Path, region: str | None = None) -> AccountState:
    """Read a state: from a folder of saved answers, or from the record of a run that has one.

    Raises:
        UsageError: there is no such file or folder, or it has no state.
    """
    if path.is_dir():
        return state_of(snapshot(path, *KEYS, region=region))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = next(_find(document))
        time = parse_timestamp(found["time"]) if found["time"] else None
        return AccountState(found["account"], found["region"], time, found["resources"], found["missing"])
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file or folder; give a snapshot, a record, or a time") from None
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise UsageError(
            f"{path}: has no state of an account ({type(error).__name__}); give a folder of `esaws snapshot`, or the "
            "record of an earlier run of what_changed_since"
        ) from None


def kind_of(key: str) -> str:
    """Return the kind of the resources under a key."""
    return _KINDS[key][0]


def _find(value: Any) -> Iterator[Any]:
    """Yield each state in a record, wherever it is."""
    if isinstance(value, dict):
        if _RECORDED in value:
            yield value[_RECORDED]
        for item in value.values():
            yield from _find(item)
    elif isinstance(value, list):
        for item in value:
            yield from _find(item)


def _id(item: Raw, key: str) -> str:
    members = _KINDS[key][1]
    if key == "Addresses":
        return str(item.get("AllocationId") or item.get("PublicIp"))
    return " ".join(str(item[member]) for member in members)


def _name(item: Raw, key: str) -> str:
    """The name that users know: its own, or that of what an ARN names, such as `alb port 80`."""
    if member := _KINDS[key][2]:
        return str(item.get(member) or _id(item, key))
    if key == "Listeners":
        return f"{item['LoadBalancerArn'].split('/')[-2]} port {item.get('Port', '')}"
    if key == "Rules":
        return f"{item['RuleArn'].split('/')[2]} rule {item.get('Priority', '')}"
    id = _id(item, key)
    return id.split("/")[-2] if id.startswith("arn:") else name_tag(item, id)


def _fields(item: Raw, key: str) -> Raw:
    dropped = _VOLATILE | _VOLATILE_OF.get(key, set())
    fields = {name: _plain(value) for name, value in item.items() if name not in dropped}
    cleaned: Raw = without_secrets({name: value for name, value in fields.items() if value is not None})
    return cleaned


def _plain(value: Any) -> Any:
    """A value as JSON data: without times, which move, and with lists in a fixed order, as AWS's order is not one."""
    if isinstance(value, datetime | date):
        return None
    if isinstance(value, Mapping):
        plain = {str(name): _plain(item) for name, item in value.items() if name not in _VOLATILE}
        return {name: item for name, item in plain.items() if item is not None}
    if isinstance(value, list | tuple):
        return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
