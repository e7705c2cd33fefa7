"""Network ACLs as pure functions: which entry matches, which one decides, which reply ports pass."""

from dataclasses import FrozenInstanceError
from itertools import permutations
from typing import Any

import pytest

from esaws.inspect.answers import NO, YES, Answer
from esaws.inspect.network.acls import (
    AclEntry,
    AclVerdict,
    acl_applies,
    acl_of_subnet,
    evaluate_acl,
    merge_ranges,
    replies_pass,
    sorted_entries,
    split_ports,
)
from esaws.inspect.network.addresses import parse_address, parse_cidr
from esaws.inspect.network.traffic import Traffic

Raw = dict[str, Any]
PEER, PEER_V6 = parse_address("10.0.1.4"), parse_address("2001:db8::4")
HTTP = Traffic.of("tcp", 80)


def entry(number: int, action: str, protocol: str = "-1", cidr: str = "0.0.0.0/0", **more: Any) -> Raw:
    """An ingress entry as AWS describes it; `ports` and `icmp` are pairs."""
    raw = {"RuleNumber": number, "RuleAction": action, "Protocol": protocol, "Egress": False}
    raw["Ipv6CidrBlock" if ":" in cidr else "CidrBlock"] = cidr
    if "ports" in more:
        raw["PortRange"] = dict(zip(("From", "To"), more.pop("ports"), strict=True))
    if "icmp" in more:
        raw["IcmpTypeCode"] = dict(zip(("Type", "Code"), more.pop("icmp"), strict=True))
    return {**raw, **more}


def ports(number: int, action: str, low: int, high: int, **more: Any) -> Raw:
    return entry(number, action, "6", ports=(low, high), **more)


# --- one entry


@pytest.mark.parametrize(
    ("raw", "parsed"),
    [
        (entry(100, "allow"), (100, True, False, -1, "0.0.0.0/0", (0, 65535), (-1, -1))),
        (entry(7, "deny", "6", "10.0.0.0/8", Egress=True), (7, False, True, 6, "10.0.0.0/8", (0, 65535), (-1, -1))),
        (ports(7, "allow", 80, 90), (7, True, False, 6, "0.0.0.0/0", (80, 90), (-1, -1))),
        (entry(7, "allow", "17", ports=(53, 53)), (7, True, False, 17, "0.0.0.0/0", (53, 53), (-1, -1))),
        # AWS ignores the ports of protocols that have none.
        (entry(7, "allow", "47", ports=(80, 90)), (7, True, False, 47, "0.0.0.0/0", (0, 65535), (-1, -1))),
        (entry(7, "allow", "1", icmp=(8, 0)), (7, True, False, 1, "0.0.0.0/0", (0, 65535), (8, 0))),
        (entry(7, "allow", "58", "::/0", icmp=(128, -1)), (7, True, False, 58, "::/0", (0, 65535), (128, -1))),
        (entry(7, "allow", "quic"), (7, True, False, None, "0.0.0.0/0", (0, 65535), (-1, -1))),
    ],
)
def test_an_entry_is_read_as_aws_describes_it(raw: Raw, parsed: tuple[Any, ...]) -> None:
    number, allows, egress, protocol, cidr, ports, icmp = parsed
    assert AclEntry.of(raw) == AclEntry(number, allows, egress, protocol, parse_cidr(cidr), ports, icmp)


ECHO = Traffic.of("icmp", icmp=(8, 0))


@pytest.mark.parametrize(
    ("raw", "traffic", "answer"),
    [
        (entry(1, "allow"), HTTP, "yes"),
        (entry(1, "allow"), ECHO, "yes"),
        (entry(1, "allow", "6"), HTTP, "yes"),
        (entry(1, "allow", "17"), HTTP, "no"),
        (entry(1, "allow", "quic"), HTTP, "unknown"),
        (ports(1, "allow", 80, 90), Traffic.of("tcp", 79), "no"),
        (ports(1, "allow", 80, 90), Traffic.of("tcp", 80), "yes"),
        (ports(1, "allow", 80, 90), Traffic.of("tcp", 85), "yes"),
        (ports(1, "allow", 80, 90), Traffic.of("tcp", 90), "yes"),
        (ports(1, "allow", 80, 90), Traffic.of("tcp", 91), "no"),
        (ports(1, "allow", 80, 80), HTTP, "yes"),
        (ports(1, "allow", 80, 90), Traffic(6), "yes"),
        (entry(1, "allow", "47"), Traffic.of("gre"), "yes"),
        (entry(1, "allow", "1"), ECHO, "yes"),
        (entry(1, "allow", "1", icmp=(-1, -1)), Traffic.of("icmp"), "yes"),
        (entry(1, "allow", "1", icmp=(-1, 0)), Traffic.of("icmp", icmp=(3, 4)), "yes"),
        (entry(1, "allow", "1", icmp=(8, -1)), Traffic.of("icmp"), "unknown"),
        (entry(1, "allow", "1", icmp=(8, -1)), ECHO, "yes"),
        (entry(1, "allow", "1", icmp=(8, 0)), ECHO, "yes"),
        (entry(1, "allow", "1", icmp=(8, 1)), ECHO, "no"),
        (entry(1, "allow", "1", icmp=(0, -1)), ECHO, "no"),
        (entry(1, "allow", "1", icmp=(0, 8)), ECHO, "no"),
        (entry(1, "allow", "1", icmp=(3, 4)), Traffic.of("icmp", icmp=(3, 4)), "yes"),
        (entry(1, "allow", "1", icmp=(3, 3)), Traffic.of("icmp", icmp=(3, 4)), "no"),
        (entry(1, "allow", "58", "::/0", icmp=(128, 0)), Traffic.of("icmpv6", icmp=(128, 0)), "yes"),
        (entry(1, "allow", "58", "::/0", icmp=(129, 0)), Traffic.of("icmpv6", icmp=(128, 0)), "no"),
        (entry(1, "allow", "58", "::/0", icmp=(128, 0)), Traffic.of("icmpv6"), "unknown"),
    ],
)
def test_an_entry_matches_a_protocol_with_its_ports_or_types(raw: Raw, traffic: Traffic, answer: str) -> None:
    result = AclEntry.of(raw).matches_traffic(traffic)
    assert (result.value, bool(result.reason)) == (answer, answer == "unknown")


def test_entries_and_verdicts_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        AclEntry.of(entry(1, "allow")).number = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        AclVerdict("deny", 1).rule_number = 2  # type: ignore[misc]


# --- sequences of entries: the lowest number that matches decides

UNKNOWN_ALLOW, UNKNOWN_DENY = entry(10, "allow", "quic"), entry(10, "deny", "quic")


@pytest.mark.parametrize(
    ("entries", "action", "number"),
    [
        ([], "deny", 32767),
        ([entry(100, "allow")], "allow", 100),
        ([entry(100, "deny")], "deny", 100),
        ([entry(100, "allow"), entry(101, "deny")], "allow", 100),
        ([entry(9, "deny"), entry(10, "allow"), entry(100, "deny")], "deny", 9),
        ([entry(9, "deny", cidr="10.0.2.0/24"), entry(10, "allow")], "allow", 10),
        ([entry(9, "deny", cidr="10.0.1.4/32"), entry(10, "allow")], "deny", 9),
        ([entry(9, "deny", cidr="::/0"), entry(10, "allow")], "allow", 10),
        ([ports(9, "deny", 81, 90), ports(10, "allow", 70, 79), ports(11, "allow", 80, 80)], "allow", 11),
        ([ports(9, "allow", 81, 90), ports(10, "allow", 70, 79)], "deny", 32767),
        ([entry(9, "deny", Egress=True), entry(10, "allow")], "allow", 10),
        # An entry that may match leaves the decision open only if it decides the opposite.
        ([UNKNOWN_ALLOW], "unknown", None),
        ([UNKNOWN_DENY], "deny", 32767),
        ([UNKNOWN_ALLOW, entry(11, "allow")], "allow", 11),
        ([UNKNOWN_ALLOW, entry(11, "deny")], "unknown", None),
        ([UNKNOWN_DENY, entry(11, "allow")], "unknown", None),
        ([UNKNOWN_DENY, entry(11, "deny")], "deny", 11),
        ([entry(9, "allow"), UNKNOWN_DENY], "allow", 9),
        ([UNKNOWN_ALLOW, entry(11, "deny", "quic"), entry(12, "allow")], "unknown", None),
    ],
)
def test_the_matching_entry_with_the_lowest_number_decides(entries: list[Raw], action: str, number: int | None) -> None:
    for order in permutations(entries):
        verdict = evaluate_acl({"Entries": order}, False, PEER, HTTP)
        assert (verdict.action, verdict.rule_number) == (action, number)
        assert verdict.answer.decision == action
        assert ("protocol that esaws does not support" in verdict.answer.reason) == (action == "unknown")


@pytest.mark.parametrize(
    ("peer", "number"), [(PEER, 32767), (PEER_V6, 32768), (None, 32767)], ids=["IPv4", "IPv6", "unknown"]
)
def test_without_a_matching_entry_the_default_entry_of_the_family_denies(peer: Any, number: int) -> None:
    for acl in ({}, {"Entries": []}, {"Entries": [entry(1, "allow", "17", "::/0"), entry(2, "allow", "17")]}):
        assert evaluate_acl(acl, False, peer, HTTP) == AclVerdict("deny", number)


def test_each_direction_has_its_own_entries_in_order() -> None:
    entries = [entry(number, "allow", Egress=egress) for number in (30, 10, 20) for egress in (True, False)]
    for egress in (True, False):
        assert [(own.number, own.egress) for own in sorted_entries({"Entries": entries}, egress)] == [
            (10, egress),
            (20, egress),
            (30, egress),
        ]


# --- replies


def replies(entries: list[Raw], traffic: Traffic = HTTP) -> Answer:
    return replies_pass({"Entries": entries}, False, PEER, traffic)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], "no"),
        ([entry(1, "allow")], "yes"),
        ([ports(1, "allow", 1024, 65535)], "yes"),
        ([ports(1, "allow", 0, 1023)], "no"),
        ([ports(2, "allow", 1024, 40000), ports(1, "allow", 40001, 65535)], "yes"),
        ([ports(1, "allow", 1025, 65535)], "1025–65535"),
        ([ports(1, "allow", 1024, 65534)], "1024–65534"),
        ([ports(1, "allow", 32768, 60999)], "32768–60999"),
        ([ports(1, "deny", 1024, 1024), entry(2, "allow")], "1025–65535"),
        ([ports(1, "deny", 65535, 65535), entry(2, "allow")], "1024–65534"),
        ([ports(1, "deny", 2000, 2999), ports(2, "allow", 1500, 4000)], "1500–1999, 3000–4000"),
        ([ports(1, "allow", 2000, 2999), ports(2, "allow", 3000, 3999)], "2000–3999"),
        ([entry(1, "deny", cidr="10.0.1.0/24"), entry(2, "allow")], "no"),
        # The lower entry may allow all replies, and the higher one denies some.
        ([UNKNOWN_ALLOW, ports(11, "allow", 2000, 2999)], "2000–2999"),
        ([UNKNOWN_DENY, ports(11, "allow", 2000, 2999)], "none for certain"),
    ],
)
def test_replies_must_pass_on_each_port_that_a_client_may_choose(entries: list[Raw], expected: str) -> None:
    answer = replies(entries)
    if expected in {"yes", "no"}:
        assert answer == {"yes": YES, "no": NO}[expected]
    else:
        assert answer.is_unknown
        assert answer.reason == f"only some reply ports pass ({expected}); the client chooses the port"


def test_replies_are_unknown_if_an_unknown_protocol_may_deny_them() -> None:
    answer = replies([UNKNOWN_DENY, entry(11, "allow")])
    assert answer.is_unknown and answer.reason == "entry 10 has a protocol that esaws does not support"


@pytest.mark.parametrize(
    ("entries", "traffic", "expected"),
    [
        # The reply to an echo has type 0 and code 0.
        ([entry(1, "allow", "1", icmp=(0, 0))], ECHO, YES),
        ([entry(1, "allow", "1", icmp=(0, -1))], ECHO, YES),
        ([entry(1, "allow", "1", icmp=(0, 1))], ECHO, NO),
        ([entry(1, "allow", "1", icmp=(8, 0))], ECHO, NO),
        ([], ECHO, NO),
        # Other messages have no reply.
        ([], Traffic.of("icmp", icmp=(3, 4)), YES),
        ([], Traffic.of("icmp", icmp=(0, 8)), YES),
        # Traffic without ports or types passes as it came.
        ([], Traffic.of("icmp"), NO),
        ([entry(1, "allow", "1")], Traffic.of("icmp"), YES),
        ([], Traffic.of("gre"), NO),
        ([entry(1, "allow", "47")], Traffic.of("gre"), YES),
        ([entry(1, "allow", "17", ports=(1024, 65535))], Traffic.of("udp", 53), YES),
        ([entry(1, "allow", "17", ports=(53, 53))], Traffic.of("udp", 53), NO),
    ],
)
def test_an_echo_is_answered_and_other_messages_are_not(entries: list[Raw], traffic: Traffic, expected: Answer) -> None:
    assert replies(entries, traffic) == expected


def test_the_reply_to_an_ipv6_echo_has_type_129() -> None:
    acl = {"Entries": [entry(1, "allow", "58", "::/0", icmp=(129, 0))]}
    assert replies_pass(acl, False, PEER_V6, Traffic.of("icmpv6", icmp=(128, 0))) == YES


# --- ranges of ports


@pytest.mark.parametrize(
    ("ranges", "intervals"),
    [
        ([], [(10, 20)]),
        ([(0, 65535)], [(10, 20)]),
        ([(10, 20)], [(10, 20)]),
        ([(0, 9), (21, 30)], [(10, 20)]),
        ([(22, 30)], [(10, 20)]),
        ([(0, 8)], [(10, 20)]),
        ([(0, 10)], [(10, 10), (11, 20)]),
        ([(20, 30)], [(10, 19), (20, 20)]),
        ([(11, 19)], [(10, 10), (11, 19), (20, 20)]),
        ([(15, 15)], [(10, 14), (15, 15), (16, 20)]),
        ([(15, 15), (12, 15), (16, 30)], [(10, 11), (12, 14), (15, 15), (16, 20)]),
        ([(0, 21)], [(10, 20)]),
    ],
)
def test_a_range_is_split_where_entries_begin_and_end(
    ranges: list[tuple[int, int]], intervals: list[tuple[int, int]]
) -> None:
    entries = [AclEntry.of(ports(1, "allow", *some)) for some in ranges]
    assert [*split_ports(entries, (10, 20))] == intervals


def test_a_range_of_many_entries_is_split_in_order() -> None:
    entries = [AclEntry.of(ports(low, "allow", low, low + 9)) for low in range(60_000, 2_000, -1_000)]
    intervals = [*split_ports(entries, (1024, 65535))]
    assert intervals == sorted(intervals) and len(intervals) == 2 * len(entries) + 1
    assert (intervals[0], intervals[1], intervals[-1]) == ((1024, 2999), (3000, 3009), (60_010, 65535))


@pytest.mark.parametrize(
    ("intervals", "merged"),
    [
        ([], []),
        ([(1, 2)], [(1, 2)]),
        ([(1, 2), (3, 4)], [(1, 4)]),
        ([(1, 2), (4, 5)], [(1, 2), (4, 5)]),
        ([(1, 1), (2, 2), (3, 3)], [(1, 3)]),
        ([(1, 2), (4, 5), (6, 9)], [(1, 2), (4, 9)]),
        ([(1, 2), (3, 5), (7, 9)], [(1, 5), (7, 9)]),
        ([(1, 2), (4, 4), (6, 7), (8, 9), (11, 11)], [(1, 2), (4, 4), (6, 9), (11, 11)]),
    ],
)
def test_adjacent_ranges_are_merged(intervals: list[tuple[int, int]], merged: list[tuple[int, int]]) -> None:
    assert merge_ranges(intervals) == merged


# --- subnets


def test_a_subnet_has_the_acl_that_is_associated_with_it() -> None:
    first = {"NetworkAclId": "acl-1", "Associations": [{"SubnetId": "subnet-1"}, {"SubnetId": "subnet-2"}]}
    second = {"NetworkAclId": "acl-2", "Associations": [{"SubnetId": "subnet-3"}]}
    unused: Raw = {"NetworkAclId": "acl-3"}
    acls = [unused, first, second]
    assert [acl_of_subnet(acls, f"subnet-{number}") for number in (1, 2, 3, 4)] == [first, first, second, None]
    assert acl_of_subnet(None, "subnet-1") is None


def test_acls_apply_between_subnets_only() -> None:
    assert acl_applies("subnet-1", "subnet-2")
    assert not acl_applies("subnet-1", "subnet-1")
