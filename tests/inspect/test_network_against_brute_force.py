"""On random networks esaws says what a plain reachability says, and its smallest fix mends without opening more."""

from collections.abc import Iterator
from ipaddress import collapse_addresses, ip_network
from itertools import product

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

Decisions = dict[tuple[str, str, int], str]


def pairs(world: Raw) -> Iterator[tuple[Raw, Raw]]:
    found = world["NetworkInterfaces"]
    return ((here, there) for here, there in product(found, found) if here is not there)


@given(worlds())
def test_two_interfaces_reach_each_other_as_in_the_plain_model(world: Raw) -> None:
    network = Network.of(world)
    for (here, there), port in product(pairs(world), PORTS):
        said = reach_interfaces(network, here["NetworkInterfaceId"], there["NetworkInterfaceId"], "tcp", port)
        assert said.decision == plain.from_interface(world, here, there, port), said.because


@given(worlds())
def test_the_internet_reaches_an_interface_as_in_the_plain_model(world: Raw) -> None:
    network = Network.of(world)
    for there, address, port in product(world["NetworkInterfaces"], OUTSIDERS, PORTS):
        said = reach_interfaces(network, address, there["NetworkInterfaceId"], "tcp", port)
        owner = next((each for each in world["NetworkInterfaces"] if public(each) == address), None)
        if owner is None:
            assert said.decision == plain.from_outside(world, address, there, port), said.because


@given(worlds())
def test_the_public_way_between_interfaces_is_that_of_the_plain_model(world: Raw) -> None:
    network = Network.of(world)
    for here, there in pairs(world):
        if address := public(there):
            said = reach_interfaces(network, here["NetworkInterfaceId"], address, "tcp", 80)
            assert said.decision == plain.the_public_way(world, here, there, 80), said.because


def public(interface: Raw) -> str | None:
    return interface.get("Association", {}).get("PublicIp")


@given(worlds(), st.sampled_from(PORTS))
def test_a_range_is_allowed_if_all_of_its_addresses_are_and_denied_if_none_is(world: Raw, port: int) -> None:
    network = Network.of(world)
    there = world["NetworkInterfaces"][0]
    singles = {plain.from_outside(world, f"198.51.100.{last}", there, port) for last in range(8)}
    said = reach_interfaces(network, "198.51.100.0/29", there["NetworkInterfaceId"], "tcp", port)
    assert said.decision == (singles.pop() if len(singles) == 1 else "unknown"), said.because


@given(worlds(), st.sampled_from(["10.0.0.0/16", "8.0.0.0/6", "0.0.0.0/0", "198.51.100.0/29", "10.0.1.5/32"]))
def test_the_pieces_of_a_range_are_all_of_it_once_and_alike_in_themselves(world: Raw, cidr: str) -> None:
    network = Network.of(world)
    found = address_classes(network, [ip_network(cidr)])
    assert [*collapse_addresses(some for piece in found for some in piece)] == [ip_network(cidr)]
    assert sum(some.num_addresses for piece in found for some in piece) == ip_network(cidr).num_addresses
    told = [
        *referenced_ranges(network),
        *(ip_network(f"{each['PrivateIpAddress']}/32") for each in world["NetworkInterfaces"]),
    ]
    for piece in found:
        ends = {address for some in piece for address in (some[0], some[-1])}
        assert all(len({address in named for address in ends}) == 1 for named in told)
        assert len({is_public(address) for address in ends}) == 1


@settings(deadline=None)  # the first example imports pandas
@given(worlds(most=6), st.data())
def test_the_matrix_says_what_reach_says(world: Raw, data: st.DataObject) -> None:
    network = Network.of(world)
    ids = [each["NetworkInterfaceId"] for each in world["NetworkInterfaces"]]
    members = st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True)
    drawn = data.draw(st.lists(members, min_size=1, max_size=4))
    services = [InterfaceSet(f"service-{index}", tuple(some)) for index, some in enumerate(drawn)]
    frame = interface_matrix(network, services, [("tcp", port) for port in PORTS])
    by_name = {service.name: service for service in services}
    for row in frame.itertuples():
        said = reach_interfaces(network, by_name[row.source], by_name[row.destination], "tcp", row.port)
        assert row.decision == said.decision, said.because


def every_decision(network: Network) -> Decisions:
    """Of each interface, the internet and an outsider to each interface, on every port."""
    ids = [*network.interfaces]
    sources = [*ids, *OUTSIDERS]
    return {
        (here, there, port): reach_interfaces(network, here, there, "tcp", port).decision
        for here, there, port in product(sources, ids, PORTS)
        if here != there
    }


def denied(network: Network, sources: list[str]) -> Iterator[tuple[str, str, int, ReachResult]]:
    """Every denial that rules alone would mend."""
    for here, there, port in product(sources, network.interfaces, PORTS):
        said = reach_interfaces(network, here, there, "tcp", port)
        if said.decision == "deny" and said.fix:
            yield here, there, port, said


@settings(deadline=None, max_examples=25)
@given(worlds(open_paths=True, most=3))
def test_the_fix_allows_what_was_asked_and_changes_nothing_that_its_sources_do_not_include(world: Raw) -> None:
    network = Network.of(world)
    before = every_decision(network)
    for here, there, port, said in denied(network, [*network.interfaces, *OUTSIDERS]):
        mended = with_rules(network, said.fix)
        assert reach_interfaces(mended, here, there, "tcp", port).decision == "allow"
        after = every_decision(mended)
        changed = {key for key in before if before[key] != after[key]}
        assert changed <= included(network, said.fix, port)


def included(network: Network, fix: tuple[MissingRule, ...], port: int) -> set[tuple[str, str, int]]:
    """What the sources and groups of the rules take in, whether it was allowed before or not."""
    found = set()
    for rule in fix:
        mine = [interface.id for interface in network.interfaces_by_group[rule.group]]
        far = named_by(network, rule)
        ways = product(far, mine) if rule.direction == "ingress" else product(mine, far)
        found |= {(here, there, port) for here, there in ways}
    return found


def named_by(network: Network, rule: MissingRule) -> set[str]:
    """The interfaces and outsiders that the sources of a rule stand for."""
    pairs = rule.permission.get("UserIdGroupPairs", [])
    by_group = {each.id for pair in pairs for each in network.interfaces_by_group[pair["GroupId"]]}
    addresses = {each["CidrIp"].removesuffix("/32") for each in rule.permission.get("IpRanges", [])}
    owned = {each.id for each in network.interfaces.values() if {*map(str, (*each.private, *each.public))} & addresses}
    return by_group | owned | addresses


@given(worlds(open_paths=True))
def test_no_other_rule_for_the_same_would_let_fewer_through(world: Raw) -> None:
    network = Network.of(world)
    for here, there, _, said in denied(network, [*network.interfaces]):
        for rule in said.fix:
            mine, far = (there, here) if rule.direction == "ingress" else (here, there)
            reached = len(named_by(network, rule) & {*network.interfaces}) * len(
                network.interfaces_by_group[rule.group]
            )
            for group in network.interface(mine).groups or ():
                single = len(network.interfaces_by_group[group])
                named = [len(network.interfaces_by_group[peer]) for peer in network.interface(far).groups or ()]
                assert all(reached <= count * single for count in [1, *named])


def test_a_permission_of_a_fix_names_one_port_and_one_group_or_single_addresses() -> None:
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
