"""Small random networks in boto3's shape, and a plain reachability model that shares no code with esaws."""

import itertools
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import strategies as st

Raw = dict[str, Any]

VPC = "vpc-1"
OTHER_VPC = "vpc-2"
VPCS = {VPC: "10.0.0.0/16", OTHER_VPC: "10.8.0.0/16"}
SUBNETS = {
    "subnet-a": "10.0.1.0/24",
    "subnet-b": "10.0.2.0/24",
    "subnet-c": "10.0.3.0/24",
    "subnet-d": "10.8.1.0/24",
}
HOMES = {"subnet-a": VPC, "subnet-b": VPC, "subnet-c": VPC, "subnet-d": OTHER_VPC}
GROUPS = ["sg-1", "sg-2", "sg-3"]
PORTS = [22, 80, 8002]
CIDRS = [
    "0.0.0.0/0",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.4/30",
    "10.0.2.10/32",
    "198.51.100.0/24",
    "198.51.100.4/31",
    "192.0.2.0/28",
]
LIST = "DestinationPrefixListId"
NEW_PROTOCOL = "quic"
"""A protocol that esaws does not support, so that a rule with it may match or not."""
ACL_PROTOCOLS: list[Raw] = [
    {"Protocol": "-1"},
    {"Protocol": "-1"},
    *({"Protocol": "6", "PortRange": {"From": low, "To": high}} for low, high in [(80, 80), (1024, 65535), (0, 65535)]),
    {"Protocol": "6", "PortRange": {"From": 32768, "To": 61000}},
    {"Protocol": "17", "PortRange": {"From": 0, "To": 65535}},
    *[{"Protocol": NEW_PROTOCOL}] * 3,
]
ELSEWHERE = {"pcx-1", "eni-appliance", "secret"}
WITH_GROUPS = [*["interface"] * 7, "network_load_balancer", "lambda"]
WITHOUT_GROUPS = [*["network_load_balancer"] * 4, "nat_gateway", "transit_gateway", "interface"]
OUTSIDERS = ["198.51.100.4", "198.51.100.6", "203.0.113.9", "192.0.2.3"]


# Random networks


def permissions() -> st.SearchStrategy[list[Raw]]:
    ports = st.sampled_from([(22, 22), (80, 80), (8000, 8100), (0, 65535), (81, 8001)])
    sources = st.one_of(
        st.sampled_from(CIDRS).map(lambda cidr: {"IpRanges": [{"CidrIp": cidr}]}),
        st.sampled_from(GROUPS).map(lambda group: {"UserIdGroupPairs": [{"GroupId": group, "UserId": "1"}]}),
        st.sampled_from(["pl-known", "pl-secret"]).map(lambda list_: {"PrefixListIds": [{"PrefixListId": list_}]}),
        st.just({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}),
    )
    protocols = st.one_of(
        st.tuples(st.sampled_from(["tcp", "6", "udp"]), ports).map(
            lambda drawn: {"IpProtocol": drawn[0], "FromPort": drawn[1][0], "ToPort": drawn[1][1]}
        ),
        st.just({"IpProtocol": "-1"}),
        st.just({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1}),
        st.just({"IpProtocol": NEW_PROTOCOL}),
    )
    return st.lists(st.tuples(protocols, sources).map(lambda drawn: drawn[0] | drawn[1]), max_size=3)


@st.composite
def interfaces(draw: st.DrawFn, index: int) -> Raw:
    subnet = draw(st.sampled_from([*SUBNETS, "subnet-a", "subnet-b"]))
    last = draw(st.sampled_from([5, 10, 200])) + index
    result: Raw = {
        "NetworkInterfaceId": f"eni-{index}",
        "VpcId": HOMES[subnet],
        "SubnetId": subnet,
        "PrivateIpAddress": SUBNETS[subnet].replace("0/24", str(last)),
        "Status": draw(st.sampled_from(["in-use"] * 9 + ["available"])),
        "Groups": [
            {"GroupId": group} for group in draw(st.lists(st.sampled_from([*GROUPS, "sg-4"]), unique=True, max_size=3))
        ],
    }
    result["InterfaceType"] = draw(st.sampled_from(WITH_GROUPS if result["Groups"] else WITHOUT_GROUPS))
    if draw(st.booleans()):
        result["Association"] = {"PublicIp": f"192.0.2.{index}"}
    return result


def acls() -> st.SearchStrategy[list[Raw]]:
    entry = st.builds(
        lambda number, action, egress, protocol, cidr: {
            "RuleNumber": number,
            "RuleAction": action,
            "Egress": egress,
            "CidrBlock": cidr,
            **protocol,
        },
        st.integers(1, 50),
        st.sampled_from(["allow", "deny"]),
        st.booleans(),
        st.sampled_from(ACL_PROTOCOLS),
        st.sampled_from(CIDRS),
    )
    number = {"key": lambda raw: (raw["RuleNumber"], raw["Egress"])}
    one = st.lists(entry, max_size=4, unique_by=number["key"])
    wide = [
        {"RuleNumber": 100, "RuleAction": "allow", "Egress": egress, "CidrBlock": "0.0.0.0/0", "Protocol": "-1"}
        for egress in (True, False)
    ]
    shuffled = one.flatmap(lambda entries: st.permutations([*entries, *wide]))
    return st.tuples(*[st.one_of(st.just(wide), shuffled, one) for _ in SUBNETS]).map(
        lambda raw: [
            {"NetworkAclId": f"acl-{subnet}", "Entries": entries, "Associations": [{"SubnetId": subnet}]}
            for subnet, entries in zip(SUBNETS, raw, strict=True)
        ]
    )


def route_tables() -> st.SearchStrategy[list[Raw]]:
    route = st.builds(
        lambda to, target, state: {("DestinationCidrBlock" if "/" in to else LIST): to, "State": state, **target},
        st.sampled_from(
            ["0.0.0.0/0", "198.51.100.0/24", "10.0.2.0/24", "10.0.2.10/32", "10.8.0.0/15", "pl-known", "pl-secret"]
        ),
        st.sampled_from(
            [
                {"GatewayId": "igw-1"},
                {"GatewayId": "igw-1"},
                {"NatGatewayId": "nat-1"},
                {"VpcPeeringConnectionId": "pcx-1"},
                {"NetworkInterfaceId": "eni-appliance"},
            ]
        ),
        st.sampled_from(["active", "active", "active", "blackhole"]),
    )
    local = {"GatewayId": "local", "State": "active"}
    out = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
    one = st.lists(route, max_size=2, unique_by=lambda raw: raw.get("DestinationCidrBlock", raw.get(LIST)))
    return st.tuples(*[st.one_of(st.just([out]), one) for _ in SUBNETS]).map(
        lambda raw: [
            {
                "RouteTableId": f"rtb-{subnet}",
                "VpcId": HOMES[subnet],
                "Associations": [{"SubnetId": subnet}],
                "Routes": [{"DestinationCidrBlock": VPCS[HOMES[subnet]], **local}, *routes],
            }
            for subnet, routes in zip(SUBNETS, raw, strict=True)
        ]
    )


@st.composite
def worlds(draw: st.DrawFn, *, open_paths: bool = False, most: int = 4) -> Raw:
    """The results of describe calls; with `open_paths` only security groups can deny."""
    groups = [
        {
            "GroupId": group,
            "GroupName": group,
            "OwnerId": "1",
            "VpcId": VPC,
            "IpPermissions": draw(permissions()),
            "IpPermissionsEgress": draw(
                st.one_of(st.just([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]), permissions())
            ),
        }
        for group in GROUPS
    ]
    result = [draw(interfaces(index)) for index in range(draw(st.integers(2, most)))]
    world = {
        "SecurityGroups": groups,
        "NetworkInterfaces": result,
        "PrefixLists": [
            {"PrefixListId": "pl-known", "Entries": [{"Cidr": "10.0.2.0/24"}, {"Cidr": "198.51.100.4/31"}]}
        ],
        "Subnets": [{"SubnetId": id, "VpcId": HOMES[id], "CidrBlock": cidr} for id, cidr in SUBNETS.items()],
        "Vpcs": [{"VpcId": vpc, "CidrBlock": cidr} for vpc, cidr in VPCS.items()],
        "NetworkAcls": draw(acls()),
        "RouteTables": draw(route_tables()),
        "NatGateways": [
            {
                "NatGatewayId": "nat-1",
                "SubnetId": "subnet-c",
                "VpcId": VPC,
                "State": "available",
                "NatGatewayAddresses": [{"PublicIp": "192.0.2.15"}],
            }
        ],
    }
    return _opened(world) if open_paths else world


def _opened(world: Raw) -> Raw:
    """The same world with attached interfaces, open ACLs and internet gateways everywhere."""
    for interface in world["NetworkInterfaces"]:
        interface["Status"] = "in-use"
        interface["InterfaceType"] = "interface" if interface["Groups"] else "network_load_balancer"
    for acl in world["NetworkAcls"]:
        acl["Entries"] = [
            {"RuleNumber": 100, "RuleAction": "allow", "Egress": egress, "CidrBlock": "0.0.0.0/0", "Protocol": "-1"}
            for egress in (True, False)
        ]
    for table in world["RouteTables"]:
        out = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
        table["Routes"] = [table["Routes"][0], out]
    return world


# The plain model: tcp only, one address and one port at a time

ALLOW, DENY, UNKNOWN = "allow", "deny", "unknown"


def every(answers: list[str]) -> str:
    return DENY if DENY in answers else UNKNOWN if UNKNOWN in answers else ALLOW


def some(answers: list[str]) -> str:
    return ALLOW if ALLOW in answers else UNKNOWN if UNKNOWN in answers else DENY


def inside(address: str, cidr: str) -> bool:
    return ip_address(address) in ip_network(cidr)


def from_interface(world: Raw, source: Raw, destination: Raw, port: int) -> str:
    """The decision between two interfaces at their private addresses."""
    here, there = source["PrivateIpAddress"], destination["PrivateIpAddress"]
    answers = [_attached(source), _attached(destination), _accepts(destination)]
    references = True
    if source["SubnetId"] != destination["SubnetId"]:
        kinds = [_route(world, source["SubnetId"], there), _route(world, destination["SubnetId"], here)]
        references = "eni-appliance" not in kinds
        peered = kinds == ["pcx-1", "pcx-1"] and source["VpcId"] != destination["VpcId"]
        answers += [ALLOW if peered else _private(world, kind) for kind in kinds]
        answers += [DENY for kind in kinds if kind == "local" and source["VpcId"] != destination["VpcId"]]
        answers += _acl_both_ways(world, source["SubnetId"], True, there, port)
        answers += _acl_both_ways(world, destination["SubnetId"], False, here, port)
    answers.append(_groups(world, source, "IpPermissionsEgress", there, destination if references else None, port))
    answers.append(_groups(world, destination, "IpPermissions", here, source if references else None, port))
    return every(answers)


def from_internet(world: Raw, address: str, destination: Raw, port: int) -> str:
    """The decision from the internet to an interface at its public address."""
    if "Association" not in destination:
        return DENY
    answers = [_attached(destination), _accepts(destination), *_entering(world, address, destination, port)]
    return every(answers)


def on_the_public_path(world: Raw, source: Raw, destination: Raw, port: int) -> str:
    """The decision between two interfaces, to the public address of the destination."""
    public = destination["Association"]["PublicIp"]
    answers = [
        _attached(source),
        _attached(destination),
        _accepts(destination),
        *_acl_both_ways(world, source["SubnetId"], True, public, port),
    ]
    answers.append(_groups(world, source, "IpPermissionsEgress", public, None, port))
    target = _route(world, source["SubnetId"], public)
    seen = None
    if target == "igw-1":
        seen = source.get("Association", {}).get("PublicIp")
        answers.append(ALLOW if seen else DENY)
    elif target == "nat-1":
        seen = "192.0.2.15"
        onward = _route(world, "subnet-c", public)
        answers.append(ALLOW if onward == "igw-1" else UNKNOWN if onward in ELSEWHERE else DENY)
        if source["SubnetId"] != "subnet-c":
            answers += _acl_both_ways(world, "subnet-c", False, source["PrivateIpAddress"], port)
        answers += _acl_both_ways(world, "subnet-c", True, public, port)
    else:
        answers.append(UNKNOWN if target in ELSEWHERE else DENY)
    if seen:
        return every([*answers, *_entering(world, seen, destination, port)])
    return every([*answers, *_entering_unseen(world, destination, port)])


def _entering(world: Raw, address: str, destination: Raw, port: int) -> list[str]:
    target = _route(world, destination["SubnetId"], address)
    back = ALLOW if target == "igw-1" else UNKNOWN if target in ELSEWHERE else DENY
    crossing = _acl_both_ways(world, destination["SubnetId"], False, address, port)
    return [back, *crossing, _groups(world, destination, "IpPermissions", address, None, port)]


def _entering_unseen(world: Raw, destination: Raw, port: int) -> list[str]:
    """The answers for an unknown source address: certain where samples of every kind agree."""
    samples = ["198.51.100.1", "198.51.100.4", "203.0.113.1", "192.0.2.1", "192.0.2.77"]
    acl = [every(_acl_both_ways(world, destination["SubnetId"], False, sample, port)) for sample in samples]
    group = [_groups(world, destination, "IpPermissions", sample, None, port) for sample in samples]
    return [UNKNOWN, *(raw[0] if len(set(raw)) == 1 else UNKNOWN for raw in (acl, group))]


def _attached(interface: Raw) -> str:
    return DENY if interface["Status"] == "available" else ALLOW


def _accepts(interface: Raw) -> str:
    return {"nat_gateway": DENY, "lambda": DENY, "transit_gateway": UNKNOWN}.get(interface["InterfaceType"], ALLOW)


def _route(world: Raw, subnet: str, address: str) -> str:
    """The target of the longest matching prefix, or `none`, `blackhole` or `secret`."""
    table = next(raw for raw in world["RouteTables"] if raw["Associations"][0]["SubnetId"] == subnet)
    result = [
        (int(cidr.split("/")[1]), LIST not in route, route)
        for route in table["Routes"]
        for cidr in _destinations(world, route, address)
        if inside(address, cidr)
    ]
    if not result:
        return "none"
    best = max(result, key=lambda raw: raw[:2])[2]
    if best.get(LIST) == "pl-secret":
        return "secret"
    if best["State"] != "active":
        return "blackhole"
    return next(value for key, value in best.items() if key.endswith("Id") and key != LIST)


def _destinations(world: Raw, route: Raw, address: str) -> list[str]:
    """The ranges of a route; a list without entries may contain exactly the address."""
    if LIST not in route:
        return [route["DestinationCidrBlock"]]
    known = [entry["Cidr"] for entry in world["PrefixLists"][0]["Entries"]]
    return known if route[LIST] == "pl-known" else [f"{address}/32"]


def _private(world: Raw, target: str) -> str:
    if target == "nat-1":
        table = next(raw for raw in world["RouteTables"] if raw["Associations"][0]["SubnetId"] == "subnet-c")
        onwards = [raw for raw in table["Routes"] if {"VpcPeeringConnectionId", "NetworkInterfaceId"} & raw.keys()]
        return UNKNOWN if onwards else DENY
    return ALLOW if target == "local" else UNKNOWN if target in ELSEWHERE else DENY


def _acl_both_ways(world: Raw, subnet: str, egress: bool, peer: str, port: int) -> list[str]:
    acl = next(raw for raw in world["NetworkAcls"] if raw["Associations"][0]["SubnetId"] == subnet)
    borders = {
        1024,
        65535,
        *(raw["PortRange"][end] for raw in acl["Entries"] if "PortRange" in raw for end in ("From", "To")),
    }
    samples = {border + step for border, step in itertools.product(borders, (-1, 0, 1))}
    back = {_acl(acl, not egress, peer, sample) for sample in samples if 1024 <= sample <= 65535}
    return [_acl(acl, egress, peer, port), back.pop() if len(back) == 1 else UNKNOWN]


def _acl(acl: Raw, egress: bool, peer: str, port: int) -> str:
    """The first matching entry decides. An unknown protocol matches or not, and both possibilities must agree."""
    actions = []
    for entry in sorted(acl["Entries"], key=lambda raw: raw["RuleNumber"]):
        ports = entry.get("PortRange", {"From": 0, "To": 65535})
        if entry["Egress"] == egress and inside(peer, entry["CidrBlock"]) and ports["From"] <= port <= ports["To"]:
            if entry["Protocol"] in {"-1", "6"}:
                return str(entry["RuleAction"]) if {*actions} <= {entry["RuleAction"]} else UNKNOWN
            if entry["Protocol"] == NEW_PROTOCOL:
                actions.append(entry["RuleAction"])
    return UNKNOWN if ALLOW in actions else DENY


def _groups(world: Raw, interface: Raw, key: str, address: str, peer: Raw | None, port: int) -> str:
    """The union of an interface's groups; `peer` is the interface with the address, where references count."""
    members = [group["GroupId"] for group in interface["Groups"]]
    if not members:
        return ALLOW if interface["InterfaceType"] in {"nat_gateway", "network_load_balancer"} else UNKNOWN
    described = {group["GroupId"]: group for group in world["SecurityGroups"]}
    near = peer if peer and peer["VpcId"] == interface["VpcId"] else None
    answers = [UNKNOWN for group in members if group not in described]
    for group in members:
        for permission in described.get(group, {}).get(key, []):
            if permission["IpProtocol"] == NEW_PROTOCOL:
                source = _source(world, permission, address, near)
                answers.append(DENY if source == DENY else UNKNOWN)
                continue
            if permission["IpProtocol"] != "-1":
                if permission["IpProtocol"] not in {"tcp", "6"}:
                    continue
                if not permission["FromPort"] <= port <= permission["ToPort"]:
                    continue
            answers.append(_source(world, permission, address, near))
    return some(answers)


def _source(world: Raw, permission: Raw, address: str, peer: Raw | None) -> str:
    cidrs = [raw["CidrIp"] for raw in permission.get("IpRanges", [])]
    for list_ in permission.get("PrefixListIds", []):
        if list_["PrefixListId"] == "pl-secret":
            return UNKNOWN
        cidrs += [entry["Cidr"] for entry in world["PrefixLists"][0]["Entries"]]
    referenced = {pair["GroupId"] for pair in permission.get("UserIdGroupPairs", [])}
    members = {group["GroupId"] for group in peer["Groups"]} if peer else set()
    if referenced & members or any(inside(address, cidr) for cidr in cidrs):
        return ALLOW
    unknown_groups = peer and not members and peer["InterfaceType"] in {"transit_gateway", "interface"}
    return UNKNOWN if referenced and unknown_groups else DENY
