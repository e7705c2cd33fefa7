"""What names a security group without having an interface now: it has the group as soon as it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw

KEYS = (
    *("LaunchTemplateVersions", "LaunchConfigurations", "Functions", "services"),
    *("LoadBalancers", "DBInstances", "CacheClusters", "Brokers"),
)
"""What a snapshot needs to know all of them."""


@dataclass(frozen=True)
class GroupUser:
    """Something that names a group."""

    kind: str
    name: str


def group_users(account: Account) -> dict[str, list[GroupUser]]:
    """Return what names each group, by group id: launch templates, functions, services, stores and load balancers.

    A service without tasks, a stopped database and an unused function have no interface, and get one when they start.
    What AWS did not describe is left out.
    """
    ids = {(raw.get("GroupName"), raw.get("VpcId")): raw["GroupId"] for raw in account.get("SecurityGroups") or ()}
    by_name: dict[str, list[str]] = {}
    for (name, _), id in ids.items():
        by_name.setdefault(str(name), []).append(id)
    users: dict[str, list[GroupUser]] = {}
    for user, groups in _users(account):
        for name in groups:
            for id in by_name.get(name, [name]):  # a launch template can name a group instead of giving its id
                users.setdefault(id, []).append(user)
    return users


def _users(account: Account) -> Iterator[tuple[GroupUser, Iterable[str]]]:
    for raw in account.get("LaunchTemplateVersions") or ():
        user = GroupUser("launch template", raw.get("LaunchTemplateName", ""))
        yield user, _template_groups(raw["LaunchTemplateData"])
    for raw in account.get("LaunchConfigurations") or ():
        yield GroupUser("launch configuration", raw["LaunchConfigurationName"]), raw.get("SecurityGroups", ())
    for raw in account.get("Functions") or ():
        yield GroupUser("function", raw["FunctionName"]), raw.get("VpcConfig", {}).get("SecurityGroupIds", ())
    for raw in account.get("services") or ():
        configurations = [raw, *raw.get("deployments", ()), *raw.get("taskSets", ())]
        for item in configurations if raw.get("status", "ACTIVE") != "INACTIVE" else ():
            network = item.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
            yield GroupUser("service", raw["serviceName"]), network.get("securityGroups", ())
    for raw in account.get("LoadBalancers") or ():
        yield GroupUser("load balancer", raw["LoadBalancerName"]), raw.get("SecurityGroups", ())
    for raw in account.get("DBInstances") or ():
        groups = [item["VpcSecurityGroupId"] for item in raw.get("VpcSecurityGroups", ())]
        yield GroupUser("database", raw["DBInstanceIdentifier"]), groups
    for raw in account.get("CacheClusters") or ():
        yield (
            GroupUser("cache", raw["CacheClusterId"]),
            [item["SecurityGroupId"] for item in raw.get("SecurityGroups", ())],
        )
    for raw in account.get("Brokers") or ():
        yield GroupUser("broker", raw["BrokerName"]), raw.get("SecurityGroups", ())


def _template_groups(data: Raw) -> Iterator[str]:
    yield from data.get("SecurityGroupIds", ())
    yield from data.get("SecurityGroups", ())
    for interface in data.get("NetworkInterfaces", ()):
        yield from interface.get("Groups", ())
