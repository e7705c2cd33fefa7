"""On random networks esaws agrees with a plain reachability model, and its fixes open nothing more."""

import os
from collections.abc import Iterator
from ipaddress import collapse_addresses, ip_network
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.inspect.network.addresses import is_public
from esaws.inspect.network.equivalence_classes import address_classes, referenced_ranges
from esaws.inspect.network.interface_matrix import interface_matrix
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.missing_rules import MissingRule, with_rules
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import ReachResult, reach_interfaces
from tests.inspect import network_worlds as plain
from tests.inspect.network_worlds import OUTSIDERS, PORTS, Raw, worlds

pytestmark = pytest.mark.slow

EXAMPLES = 2000 if os.environ.get("SOAK") else 50
Decisions = dict[tuple[str, str, int], str]


def pairs(world: Raw) -> Iterator[tuple[Raw, Raw]]:
    interfaces = world["NetworkInterfaces"]
    return ((here, there) for here, there in product(interfaces, interfaces) if here is not there)


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_paths_between_interfaces_agree_with_the_plain_model(world: Raw) -> None:
    network = Network.of(world)
    for (here, there), port in product(pairs(world), PORTS):
        result = reach_interfaces(network, here["NetworkInterfaceId"], there["NetworkInterfaceId"], "tcp", port)
        assert result.decision == plain.from_interface(world, here, there, port), result.because


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_paths_from_the_internet_agree_with_the_plain_model(world: Raw) -> None:
    network = Network.of(world)
    for there, address, port in product(world["NetworkInterfaces"], OUTSIDERS, PORTS):
        result = reach_interfaces(network, address, there["NetworkInterfaceId"], "tcp", port)
        owner = next((raw for raw in world["NetworkInterfaces"] if public(raw) == address), None)
        if owner is None:
            assert result.decision == plain.from_internet(world, address, there, port), result.because


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_public_paths_between_interfaces_agree_with_the_plain_model(world: Raw) -> None:
    network = Network.of(world)
    for here, there in pairs(world):
        if address := public(there):
            result = reach_interfaces(network, here["NetworkInterfaceId"], address, "tcp", 80)
            assert result.decision == plain.on_the_public_path(world, here, there, 80), result.because


def public(interface: Raw) -> str | None:
    return interface.get("Association", {}).get("PublicIp")


@settings(max_examples=EXAMPLES)
@given(worlds(), st.sampled_from(PORTS))
def test_a_range_combines_the_decisions_of_its_addresses(world: Raw, port: int) -> None:
    network = Network.of(world)
    there = world["NetworkInterfaces"][0]
    singles = {plain.from_internet(world, f"198.51.100.{last}", there, port) for last in range(8)}
    result = reach_interfaces(network, "198.51.100.0/29", there["NetworkInterfaceId"], "tcp", port)
    assert result.decision == (singles.pop() if len(singles) == 1 else "unknown"), result.because


@settings(max_examples=EXAMPLES)
@given(worlds(), st.sampled_from(["10.0.0.0/16", "8.0.0.0/6", "0.0.0.0/0", "198.51.100.0/29", "10.0.1.5/32"]))
def test_address_classes_partition_a_range(world: Raw, cidr: str) -> None:
    network = Network.of(world)
    classes = address_classes(network, [ip_network(cidr)])
    assert [*collapse_addresses(cidr for members in classes for cidr in members)] == [ip_network(cidr)]
    assert sum(cidr.num_addresses for members in classes for cidr in members) == ip_network(cidr).num_addresses
    ranges = [
        *referenced_ranges(network),
        *(ip_network(f"{raw['PrivateIpAddress']}/32") for raw in world["NetworkInterfaces"]),
    ]
    for members in classes:
        ends = {address for cidr in members for address in (cidr[0], cidr[-1])}
        assert all(len({address in cidr_ for address in ends}) == 1 for cidr_ in ranges)
        assert len({is_public(address) for address in ends}) == 1


@settings(max_examples=EXAMPLES, deadline=None)  # the first example imports pandas
@given(worlds(most=6), st.data())
def test_the_matrix_agrees_with_reach(world: Raw, data: st.DataObject) -> None:
    network = Network.of(world)
    ids = [raw["NetworkInterfaceId"] for raw in world["NetworkInterfaces"]]
    members = st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True)
    drawn = data.draw(st.lists(members, min_size=1, max_size=4))
    services = [InterfaceSet(f"service-{index}", tuple(ids_)) for index, ids_ in enumerate(drawn)]
    frame = interface_matrix(network, services, [("tcp", port) for port in PORTS])
    by_name = {service.name: service for service in services}
    for row in frame.itertuples():
        result = reach_interfaces(network, by_name[row.source], by_name[row.destination], "tcp", row.port)
        assert row.decision == result.decision, result.because


def every_decision(network: Network) -> Decisions:
    """Return the decisions from each interface and outsider to each interface, on every port."""
    ids = [*network.interfaces]
    sources = [*ids, *OUTSIDERS]
    return {
        (here, there, port): reach_interfaces(network, here, there, "tcp", port).decision
        for here, there, port in product(sources, ids, PORTS)
        if here != there
    }


def denied(network: Network, sources: list[str]) -> Iterator[tuple[str, str, int, ReachResult]]:
    """Yield every denial that rules alone would fix."""
    for here, there, port in product(sources, network.interfaces, PORTS):
        result = reach_interfaces(network, here, there, "tcp", port)
        if result.decision == "deny" and result.fix:
            yield here, there, port, result


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(worlds(open_paths=True, most=3))
def test_the_fix_allows_the_traffic_and_nothing_beyond_its_sources(world: Raw) -> None:
    network = Network.of(world)
    before = every_decision(network)
    for here, there, port, result in denied(network, [*network.interfaces, *OUTSIDERS]):
        fixed = with_rules(network, result.fix)
        assert reach_interfaces(fixed, here, there, "tcp", port).decision == "allow"
        after = every_decision(fixed)
        changed = {key for key in before if before[key] != after[key]}
        assert changed <= included(network, result.fix, port)


def included(network: Network, fix: tuple[MissingRule, ...], port: int) -> set[tuple[str, str, int]]:
    """Return the connections that the sources and groups of the rules include, allowed before or not."""
    included_ = set()
    for rule in fix:
        own = [interface.id for interface in network.interfaces_by_group[rule.group]]
        peers = named_by(network, rule)
        connections = product(peers, own) if rule.direction == "ingress" else product(own, peers)
        included_ |= {(here, there, port) for here, there in connections}
    return included_


def named_by(network: Network, rule: MissingRule) -> set[str]:
    """Return the interfaces and outsiders that the sources of a rule include."""
    pairs = rule.permission.get("UserIdGroupPairs", [])
    by_group = {interface.id for pair in pairs for interface in network.interfaces_by_group[pair["GroupId"]]}
    addresses = {item["CidrIp"].removesuffix("/32") for item in rule.permission.get("IpRanges", [])}
    owned = {
        interface.id
        for interface in network.interfaces.values()
        if {*map(str, (*interface.private, *interface.public))} & addresses
    }
    return by_group | owned | addresses


@settings(max_examples=EXAMPLES)
@given(worlds(open_paths=True))
def test_the_fix_opens_no_more_interfaces_than_other_rules(world: Raw) -> None:
    network = Network.of(world)
    for here, there, _, result in denied(network, [*network.interfaces]):
        for rule in result.fix:
            interface, peer_interface = (there, here) if rule.direction == "ingress" else (here, there)
            reached = len(named_by(network, rule) & {*network.interfaces}) * len(
                network.interfaces_by_group[rule.group]
            )
            for group in network.interface(interface).groups or ():
                single = len(network.interfaces_by_group[group])
                group_sizes = [
                    len(network.interfaces_by_group[peer]) for peer in network.interface(peer_interface).groups or ()
                ]
                assert all(reached <= count * single for count in [1, *group_sizes])


def test_a_fix_has_one_port_and_one_group_or_single_addresses() -> None:
    world = {
        "SecurityGroups": [{"GroupId": id, "VpcId": "vpc-1"} for id in ("sg-1", "sg-2")],
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": f"eni-{index}",
                "VpcId": "vpc-1",
                "SubnetId": "subnet-a",
                "PrivateIpAddress": f"10.0.1.{index}",
                "Groups": [{"GroupId": group}],
            }
            for index, group in enumerate(["sg-1", "sg-1", "sg-2"], 4)
        ],
    }
    fix = reach_interfaces(Network.of(world), "eni-4", "eni-6", "tcp", 80).to_dict()["fix"]
    port = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    assert fix == [
        {
            "call": "authorize_security_group_egress",
            "parameters": {"GroupId": "sg-1", "IpPermissions": [port | {"UserIdGroupPairs": [{"GroupId": "sg-2"}]}]},
        },
        {
            "call": "authorize_security_group_ingress",
            "parameters": {"GroupId": "sg-2", "IpPermissions": [port | {"IpRanges": [{"CidrIp": "10.0.1.4/32"}]}]},
        },
    ]
