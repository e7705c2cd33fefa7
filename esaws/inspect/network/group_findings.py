"""What is wrong with security groups by themselves: open to the world, attached to nothing, at their quota."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

from esaws.inspect.account import Account
from esaws.inspect.network.acls import merge_ranges
from esaws.inspect.network.addresses import Family, Range, covers_internet, minimal_internet_cover
from esaws.inspect.network.group_rules import PERMISSIONS, GroupRule
from esaws.inspect.network.network import Network
from esaws.inspect.network.traffic import ALL, ICMP, ICMPV6, TCP, UDP

if TYPE_CHECKING:
    import pandas

Severity = Literal["critical", "high", "low", "info"]
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
    """One thing that is wrong with one group; `cidr` are the ranges of the world, joined by "+", where that is it."""

    code: str
    group: str
    severity: Severity
    detail: str
    fix: str
    cidr: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """{code, GroupId, severity, cidr, detail, fix}; no `cidr` where none is to blame."""
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
    """Ports of one protocol that rules together open to the world."""

    protocol: int
    low: int
    high: int
    rules: tuple[GroupRule, ...]

    @property
    def cidr(self) -> str:
        return "+".join(rule.peer for rule in self.rules)

    @property
    def every_port(self) -> bool:
        """Port 0 carries nothing, so 1–65535 is every port, too."""
        return self.protocol not in {TCP, UDP} or (self.low <= 1 and self.high == 65535)


def network_group_findings(network: Network) -> list[GroupFinding]:
    """Every finding, group by group: what is open to the world, then the group that nothing carries, then its quota."""
    return [finding for group in network.groups for finding in _of_group(network, group)]


def group_findings(account: Account) -> pandas.DataFrame:
    """Every finding on an account: columns severity, code, group (its name), detail; the gravest first, then by name.

    Raises:
        MissingData: AWS did not say which groups there are.
    """
    import pandas

    network = Network.of({**account.descriptions, "SecurityGroups": account["SecurityGroups"]})
    rows = [
        [each.severity, each.code, network.group_name(each.group), each.detail]
        for each in network_group_findings(network)
    ]
    frame = pandas.DataFrame(rows, columns=["severity", "code", "group", "detail"])
    frame["severity"] = pandas.Categorical(frame.severity, [*get_args(Severity)], ordered=True)
    return frame.sort_values(["severity", "code", "group", "detail"], ignore_index=True)


def _of_group(network: Network, group: str) -> list[GroupFinding]:
    openings = [finding for opening in _openings(network.rules(group, "ingress")) for finding in _told(group, opening)]
    return [*_attachment(network, group, openings), *_quota(network, group)]


# Open to the world


def _openings(rules: Iterable[GroupRule]) -> Iterator[_Opening]:
    """What is open to the world: by one range that is the world, else by several that make it up together."""
    rules = [rule for rule in rules if rule.ranges and rule.protocol is not None and rule.pair is None]
    for family in FAMILIES:
        alone = [rule for rule in rules if covers_internet(rule.ranges or (), family)]
        for rule in alone:
            yield _Opening(rule.protocol or 0, *_ports(rule), (rule,))
        yield from _together([rule for rule in rules if rule not in alone and _is_of(rule, family)], family)


def _is_of(rule: GroupRule, family: Family) -> bool:
    return any(some.version == family for some in rule.ranges or ())


def _together(rules: Sequence[GroupRule], family: Family) -> Iterator[_Opening]:
    """Port by port, the rules that open it to the world only in company; of each set of rules one opening."""
    found: dict[tuple[int, tuple[GroupRule, ...]], list[tuple[int, int]]] = {}
    for protocol in sorted({rule.protocol or 0 for rule in rules}):
        mine = [rule for rule in rules if rule.protocol in {protocol, ALL}]
        cuts = sorted({cut for rule in mine for cut in (_ports(rule)[0], _ports(rule)[1] + 1)})
        for low, end in pairwise(cuts):
            here = [rule for rule in mine if _ports(rule)[0] <= low <= _ports(rule)[1]]
            needed = _needed(here, family)
            if needed and any(rule.protocol == protocol for rule in needed):
                found.setdefault((protocol, needed), []).append((low, end - 1))
    for (protocol, needed), pieces in found.items():
        for low, high in merge_ranges(pieces):
            yield _Opening(protocol, low, high, needed)


def _needed(rules: Sequence[GroupRule], family: Family) -> tuple[GroupRule, ...]:
    """The fewest of the rules that cover the world, in the order of their ranges; none where they don't."""
    by_range: dict[Range, GroupRule] = {}
    for rule in rules:
        for some in rule.ranges or ():
            by_range.setdefault(some, rule)
    if not covers_internet(by_range, family):
        return ()
    return tuple(dict.fromkeys(by_range[some] for some in minimal_internet_cover([*by_range], family)))


def _ports(rule: GroupRule) -> tuple[int, int]:
    if rule.protocol in {TCP, UDP} and rule.low is not None and rule.high is not None:
        return rule.low, rule.high
    return 0, 65535


def _told(group: str, opening: _Opening) -> Iterator[GroupFinding]:
    """The findings of one opening. ICMP is open to the world on purpose: a ping harms nobody, and path MTU needs it."""
    if opening.protocol in {ICMP, ICMPV6}:
        return
    close = f"revoke the ingress rule for {opening.cidr}, or name those who need it"
    name = _NAMES.get(opening.protocol, f"protocol {opening.protocol}")
    if opening.protocol == ALL:
        yield GroupFinding("OPEN_ALL", group, "critical", "everything is open to the world", close, opening.cidr)
    elif opening.every_port:
        detail = f"every port of {name} is open to the world"
        yield GroupFinding("OPEN_ALL_PORTS_PROTOCOL", group, "high", detail, close, opening.cidr)
    else:
        for code, known in (("OPEN_ADMIN_PORT", ADMIN_PORTS), ("OPEN_DATA_PORT", DATA_PORTS)):
            if detail := _services(known.get(opening.protocol, {}), opening):
                yield GroupFinding(code, group, "high", f"{detail} open to the world", close, opening.cidr)


def _services(known: Mapping[int, str], opening: _Opening) -> str:
    inside = [f"{name} ({port})" for port, name in known.items() if opening.low <= port <= opening.high]
    return ", ".join(inside) + (" is" if len(inside) == 1 else " are") if inside else ""


# Attached to nothing


def _attachment(network: Network, group: str, openings: list[GroupFinding]) -> list[GroupFinding]:
    """The openings, and that nothing carries the group, which makes its open ports less urgent.

    An empty list of interfaces proves little, as nobody may have asked for them: then only a port that one rule opens
    to the world is taken for harmless. A VPC's default group can't be deleted, so it is no finding by itself.
    """
    if network.interfaces_by_group.get(group):
        return openings
    sure = bool(network.interfaces)
    lowered = [finding for finding in openings if _is_harmless(finding, sure)]
    mine = [_lower(finding) if finding in lowered else finding for finding in openings]
    is_default = network.group_name(group) == "default"
    if not lowered and (not sure or is_default):
        return mine
    detail = "no network interface carries the group"
    return [*mine, GroupFinding("UNATTACHED_GROUP", group, "info", detail, "delete it if nobody is to use it")]


def _is_harmless(finding: GroupFinding, sure: bool) -> bool:
    is_port = finding.code in {"OPEN_ADMIN_PORT", "OPEN_DATA_PORT"}
    return is_port and (sure or "+" not in (finding.cidr or ""))


def _lower(finding: GroupFinding) -> GroupFinding:
    return GroupFinding(finding.code, finding.group, "low", finding.detail, finding.fix, finding.cidr)


# Quota


def _quota(network: Network, group: str) -> list[GroupFinding]:
    """More rules than AWS's default quota, in and out and each family by itself; the quota can be raised."""
    over = []
    for direction in PERMISSIONS:
        for family in FAMILIES:
            count = sum(_weight(network, rule, family) for rule in network.rules(group, direction))
            if count > RULES_PER_GROUP:
                over.append(f"{count} {direction} rules for IPv{family}")
    if not over:
        return []
    detail = f"{' and '.join(over)}; the default quota is {RULES_PER_GROUP}"
    return [
        GroupFinding("RULE_QUOTA", group, "info", detail, "put ranges into a prefix list, or ask for a higher quota")
    ]


def _weight(network: Network, rule: GroupRule, family: Family) -> int:
    """A range counts in its own family, a group in both, a prefix list in its own with its greatest size."""
    if rule.pair is not None:
        return 1
    if rule.ranges and not _is_of(rule, family):
        return 0
    if not rule.peer.startswith("pl-"):
        return 1
    listed = next((each for each in network.prefix_lists if each["PrefixListId"] == rule.peer), {})
    return int(listed.get("MaxEntries", max(1, len(rule.ranges or ()))))
