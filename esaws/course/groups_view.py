"""The security groups of an account as the checks of chapter 03 look at them: rules by name, and who reaches what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point
from esaws.deploy.inventory import inventory
from esaws.inspect.account import Account, snapshot
from esaws.inspect.network.endpoint_catalog import KEYS
from esaws.inspect.network.reach import ReachResult, reach
from esaws.reference.seccom import seccom
from esaws.resources.security_group_rule import SecurityGroupRule

ANYWHERE = "0.0.0.0/0"
VPC_RANGE = "172.31.0.0/16"
_PEERS = (
    ("IpRanges", "CidrIp"),
    ("Ipv6Ranges", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId"),
    ("UserIdGroupPairs", "GroupId"),
)


class Rule(NamedTuple):
    """An inbound rule by names: group, protocol, first and last port, and a group or a range as its peer."""

    group: str
    protocol: str
    first: int
    last: int
    peer: str

    @property
    def names_a_group(self) -> bool:
        """Whether the peer is a security group, not a range of addresses."""
        return "/" not in self.peer and not self.peer.startswith("pl-")

    def __str__(self) -> str:
        ports = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.group}: {self.protocol} {ports} from {self.peer}"


class GroupsView:
    """The security groups of the deployment, and answers about connections between its endpoints."""

    def __init__(self, attempt: Attempt) -> None:
        self.cloud = attempt.cloud
        prefix = attempt.cloud.aws_name("")
        groups = snapshot(attempt.cloud, "SecurityGroups")["SecurityGroups"]
        names = {raw["GroupId"]: raw["GroupName"].removeprefix(prefix) for raw in groups}
        ours = [raw for raw in groups if raw["GroupName"].startswith(prefix)]
        self.described: dict[str, Mapping[str, Any]] = {names[raw["GroupId"]]: raw for raw in ours}
        """AWS's description of each group, by its name."""
        self.inbound = [rule for name, raw in self.described.items() for rule in _inbound(name, raw, names)]

    @cached_property
    def account(self) -> Account:
        """The network and its endpoints, for `reach`."""
        return snapshot(self.cloud, *KEYS)

    def rules_of(self, group: str) -> list[Rule]:
        """Return the inbound rules of a group."""
        return [rule for rule in self.inbound if rule.group == group]

    def added(self, group: str) -> list[Rule]:
        """Return the inbound rules of a group that SecCom does not declare."""
        return sorted(set(self.rules_of(group)) - declared())

    def removed(self, group: str) -> list[Rule]:
        """Return the inbound rules of a group that SecCom declares and that are gone."""
        return sorted({rule for rule in declared() if rule.group == group} - set(self.inbound))

    def reach(self, source: str, destination: str, port: int) -> ReachResult:
        """Return whether a connection is possible."""
        return reach(self.account, source, destination, port)

    def connection_point(self, source: str, destination: str, port: int, decision: str, **settings: bool) -> Point:
        """Return whether a connection is allowed, or denied."""
        result = self.reach(source, destination, port)
        verb = "can connect" if decision == "allow" else "can't connect"
        return Point(
            f"{source} {verb} to {destination} on port {port}",
            ok=result.decision == decision,
            found=f"{result.decision}: {'; '.join(result.because[:2])}",
            look_at=f'inspect.reach(cloud, "{source}", "{destination}", {port})',
            **settings,
        )

    def changes_point(self, group: str, added: Iterable[Rule] = (), removed: Iterable[Rule] = ()) -> Point:
        """Return whether only these rules of a group changed, and no other group was opened to a range of addresses.

        Other exercises of the chapter change other groups, so their rules that name a group are not looked at.
        """
        extra = [f"added {rule}" for rule in sorted(set(self.added(group)) - set(added))]
        missing = [f"removed {rule}" for rule in sorted(set(self.removed(group)) - set(removed))]
        elsewhere = sorted(set(self.inbound) - declared())
        opened = [f"added {rule}" for rule in elsewhere if rule.group != group and not rule.names_a_group]
        return Point(
            f"No other rule of {group} changed, and no other group was opened to a range of addresses",
            ok=not extra and not missing and not opened,
            found="; ".join([*extra, *missing, *opened]),
            look_at="inventory(cloud).to_frame(SecurityGroupRule)",
        )


def declared() -> set[Rule]:
    """Return the inbound rules of SecCom."""
    return {
        Rule(
            rule.group.name,
            rule.protocol,
            rule.from_port,
            rule.to_port,
            rule.peer if isinstance(rule.peer, str) else rule.peer.name,
        )
        for rule in seccom("ha").of(SecurityGroupRule)
        if rule.direction == "ingress"
    }


def _inbound(group: str, raw: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Rule]:
    for permission in raw["IpPermissions"]:
        first, last = permission.get("FromPort", 0), permission.get("ToPort", 65535)
        for key, member in _PEERS:
            for peer in permission.get(key, ()):
                yield Rule(group, permission["IpProtocol"], first, last, names.get(peer[member], peer[member]))


def open_port(cloud: Cloud, group: str, port: int, cidr: str) -> None:
    """Add an inbound rule for a range of addresses."""
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=inventory(cloud)["SecurityGroup", group].id, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr
    )
