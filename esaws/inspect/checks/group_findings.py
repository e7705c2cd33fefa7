"""Findings about security groups by themselves: open to the internet, without an interface, at their quota."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from esaws.cloud import Cloud
from esaws.inspect.account import Account, account_of
from esaws.inspect.checks.finding import Severity
from esaws.inspect.checks.group_users import KEYS as USER_KEYS
from esaws.inspect.checks.group_users import group_users
from esaws.inspect.network.acls import merge_ranges
from esaws.inspect.network.addresses import Family, Range, covers_internet, minimal_internet_cover
from esaws.inspect.network.network import Network
from esaws.inspect.network.security_groups import PERMISSIONS, GroupRule
from esaws.inspect.network.traffic import ALL, ICMP, ICMPV6, TCP, UDP

if TYPE_CHECKING:
    import pandas

KEYS = ("SecurityGroups", "NetworkInterfaces", "PrefixLists")
"""What a snapshot needs for these findings."""

_SEVERITIES: tuple[Severity, ...] = ("critical", "high", "low", "info")
FAMILIES: tuple[Family, Family] = (4, 6)

ADMIN_PORTS = {TCP: {22: "SSH", 3389: "RDP"}, UDP: {3389: "RDP"}}
DATA_PORTS = {
    TCP: {
        1433: "SQL Server",
        1521: "Oracle",
        3306: "MySQL",
        5432: "PostgreSQL",
        5439: "Redshift",
        5671: "AMQP",
        5672: "AMQP",
        6379: "Redis",
        6380: "Redis",
        8182: "Neptune",
        9042: "Cassandra",
        9092: "Kafka",
        9200: "Elasticsearch",
        9300: "Elasticsearch",
        11211: "Memcached",
        27017: "MongoDB",
        27018: "MongoDB",
        27019: "MongoDB",
    },
    UDP: {11211: "Memcached"},
}
_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}

# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
RULES_PER_GROUP = 60


@dataclass(frozen=True)
class GroupFinding:
    """One finding about one group; `cidr` are the ranges that cover the internet, joined by "+", where that is it."""

    code: str
    group: str
    severity: Severity
    detail: str
    fix: str
    cidr: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return {code, GroupId, severity, cidr, detail, fix}; without `cidr` where no range is involved."""
        cidr = {"cidr": self.cidr} if self.cidr else {}
        return {
            "code": self.code,
            "GroupId": self.group,
            "severity": self.severity,
            **cidr,
            "detail": self.detail,
            "fix": self.fix,
        }


@dataclass(frozen=True)
class _Opening:
    """Ports of one protocol that rules together open to the internet."""

    protocol: int
    low: int
    high: int
    rules: tuple[GroupRule, ...]

    @property
    def cidr(self) -> str:
        return "+".join(rule.peer for rule in self.rules)

    @property
    def every_port(self) -> bool:
        """Whether it covers all ports; port 0 is not used, so 1–65535 does as well."""
        return self.protocol not in {TCP, UDP} or (self.low <= 1 and self.high == 65535)


def network_group_findings(network: Network, users: Collection[str] = ()) -> list[GroupFinding]:
    """Return all findings group by group: openings to the internet, then unattached groups, then quotas.

    `users` are the groups that something without an interface names, such as a launch template: they are in use.
    """
    return [finding for group in network.groups for finding in _of_group(network, group, group in users)]


def group_findings(account: Account | Cloud) -> pandas.DataFrame:
    """Return the findings about security groups: severity, code, group (its name), detail; the most severe first.

    Raises:
        MissingData: AWS did not describe the security groups.
    """
    import pandas

    account = account_of(account, *KEYS, *USER_KEYS)
    network = Network.of({**account.descriptions, "SecurityGroups": account["SecurityGroups"]})
    # Without the interfaces it is unknown which groups are attached, so all count as in use.
    users = network.groups if account.get("NetworkInterfaces") is None else group_users(account)
    rows = [
        [finding.severity, finding.code, network.group_name(finding.group), finding.detail]
        for finding in network_group_findings(network, users)
    ]
    frame = pandas.DataFrame(rows, columns=["severity", "code", "group", "detail"])
    frame["severity"] = pandas.Categorical(frame.severity, [*_SEVERITIES], ordered=True)
    return frame.sort_values(["severity", "code", "group", "detail"], ignore_index=True)


def _of_group(network: Network, group: str, in_use: bool) -> list[GroupFinding]:
    openings = [
        finding
        for opening in _openings(network.rules(group, "ingress"))
        for finding in _opening_findings(group, opening)
    ]
    if not in_use and not network.interfaces_by_group.get(group):
        openings = [*(replace(finding, severity="low") for finding in openings), *_unattached(network, group, openings)]
    return [*openings, *_quota_findings(network, group)]


# Open to the internet


def _openings(rules: Iterable[GroupRule]) -> Iterator[_Opening]:
    """Yield what is open to the internet: by one range that covers it, else by several that cover it together."""
    rules = [rule for rule in rules if rule.ranges and rule.protocol is not None and rule.pair is None]
    for family in FAMILIES:
        alone = [rule for rule in rules if covers_internet(rule.ranges or (), family)]
        for rule in alone:
            yield _Opening(rule.protocol or 0, *_ports(rule), (rule,))
        partial = [rule for rule in rules if rule not in alone and _has_family(rule, family)]
        yield from _combined_openings(partial, family)


def _has_family(rule: GroupRule, family: Family) -> bool:
    return any(cidr.version == family for cidr in rule.ranges or ())


def _combined_openings(rules: Sequence[GroupRule], family: Family) -> Iterator[_Opening]:
    """Yield port by port the rules that cover the internet only together; one opening for each set of rules."""
    intervals: dict[tuple[int, tuple[GroupRule, ...]], list[tuple[int, int]]] = {}
    for protocol in sorted({rule.protocol or 0 for rule in rules}):
        candidates = [rule for rule in rules if rule.protocol in {protocol, ALL}]
        bounds = sorted({bound for rule in candidates for bound in (_ports(rule)[0], _ports(rule)[1] + 1)})
        for low, end in pairwise(bounds):
            opening = [rule for rule in candidates if _ports(rule)[0] <= low <= _ports(rule)[1]]
            needed = _needed_rules(opening, family)
            if needed and any(rule.protocol == protocol for rule in needed):
                intervals.setdefault((protocol, needed), []).append((low, end - 1))
    for (protocol, needed), ports in intervals.items():
        for low, high in merge_ranges(ports):
            yield _Opening(protocol, low, high, needed)


def _needed_rules(rules: Sequence[GroupRule], family: Family) -> tuple[GroupRule, ...]:
    """Return a minimal subset of the rules that covers the internet, in order of ranges; empty if they don't."""
    by_range: dict[Range, GroupRule] = {}
    for rule in rules:
        for cidr in rule.ranges or ():
            by_range.setdefault(cidr, rule)
    if not covers_internet(by_range, family):
        return ()
    return tuple(dict.fromkeys(by_range[cidr] for cidr in minimal_internet_cover([*by_range], family)))


def _ports(rule: GroupRule) -> tuple[int, int]:
    if rule.protocol in {TCP, UDP} and rule.low is not None and rule.high is not None:
        return rule.low, rule.high
    return 0, 65535


def _opening_findings(group: str, opening: _Opening) -> Iterator[GroupFinding]:
    """Yield the findings of one opening. ICMP is not a finding: a ping is harmless, and path MTU discovery needs it."""
    if opening.protocol in {ICMP, ICMPV6}:
        return
    fix = f"revoke the ingress rule for {opening.cidr}, or replace it by the ranges that need access"
    name = _NAMES.get(opening.protocol, f"protocol {opening.protocol}")
    if opening.protocol == ALL:
        yield GroupFinding("OPEN_ALL", group, "critical", "everything is open to the world", fix, opening.cidr)
    elif opening.every_port:
        detail = f"every port of {name} is open to the world"
        yield GroupFinding("OPEN_ALL_PORTS_PROTOCOL", group, "high", detail, fix, opening.cidr)
    else:
        for code, known in (("OPEN_ADMIN_PORT", ADMIN_PORTS), ("OPEN_DATA_PORT", DATA_PORTS)):
            if services := _list_services(known.get(opening.protocol, {}), opening):
                yield GroupFinding(code, group, "high", f"{services} open to the world", fix, opening.cidr)


def _list_services(known: Mapping[int, str], opening: _Opening) -> str:
    names = [f"{name} ({port})" for port, name in known.items() if opening.low <= port <= opening.high]
    return ", ".join(names) + (" is" if len(names) == 1 else " are") if names else ""


# Without an interface


def _unattached(network: Network, group: str, openings: list[GroupFinding]) -> Iterator[GroupFinding]:
    """Yield a finding for a group that nothing has.

    In an account without any interface only a group that opens something is one. A VPC's default group is none by
    itself, as AWS does not delete it.
    """
    if openings or (network.interfaces and network.group_name(group) != "default"):
        detail = "no network interface has the group"
        yield GroupFinding("UNATTACHED_GROUP", group, "info", detail, "delete it if it is not needed")


# Quota


def _quota_findings(network: Network, group: str) -> list[GroupFinding]:
    """Return a finding where rules exceed AWS's default quota, which counts by direction and family."""
    excesses = []
    for direction in PERMISSIONS:
        for family in FAMILIES:
            count = sum(_weight(network, rule, family) for rule in network.rules(group, direction))
            if count > RULES_PER_GROUP:
                excesses.append(f"{count} {direction} rules for IPv{family}")
    if not excesses:
        return []
    detail = f"{' and '.join(excesses)}; the default quota is {RULES_PER_GROUP}"
    fix = "put ranges into a prefix list, or request a higher quota"
    return [GroupFinding("RULE_QUOTA", group, "info", detail, fix)]


def _weight(network: Network, rule: GroupRule, family: Family) -> int:
    """Return how many rules it counts for: a range in its family, a group in both, a prefix list with its maximum."""
    if rule.pair is not None:
        return 1
    if rule.ranges and not _has_family(rule, family):
        return 0
    if not rule.peer.startswith("pl-"):
        return 1
    prefix_list = next((raw for raw in network.prefix_lists if raw["PrefixListId"] == rule.peer), {})
    return int(prefix_list.get("MaxEntries", max(1, len(rule.ranges or ()))))
