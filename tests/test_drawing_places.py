"""Everything in the picture of an account lies inside the box of its own subnet, zone and VPC, and in no other."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.drawing import Drawing, draw
from esaws.drawing.arrangement import Arrangement, header_width
from esaws.inspect import Account
from esaws.inspect.fetch import FETCHERS

REGION = "eu-west-3"
ARN = f"arn:aws:elasticloadbalancing:{REGION}:123456789012:"
CLUSTER = f"arn:aws:ecs:{REGION}:123456789012:cluster/web"
Placed = list[tuple[str, str]]
"""(name, subnet) of instances."""


def subnet(id: str, zone: str, *, vpc: str = "vpc-1", name: str = "") -> dict[str, Any]:
    tags = [{"Key": "Name", "Value": name or id}]
    return {
        "SubnetId": id,
        "VpcId": vpc,
        "AvailabilityZone": f"{REGION}{zone}",
        "CidrBlock": "10.0.0.0/24",
        "Tags": tags,
    }


def instances(placed: Placed) -> list[dict[str, Any]]:
    return [
        {
            "InstanceId": f"i-{number}",
            "State": {"Name": "running"},
            "InstanceType": "t3.small",
            "VpcId": "vpc-1",
            "SubnetId": subnet_id,
            "Placement": {"AvailabilityZone": f"{REGION}a"},
            "Tags": [{"Key": "Name", "Value": name}],
        }
        for number, (name, subnet_id) in enumerate(placed)
    ]


def balancer(name: str, subnet_ids: list[str], kind: str = "application") -> dict[str, Any]:
    zones = [{"SubnetId": id, "ZoneName": f"{REGION}a"} for id in subnet_ids]
    arn = f"{ARN}loadbalancer/{'app' if kind == 'application' else 'net'}/{name}/1"
    return {
        "LoadBalancerName": name,
        "LoadBalancerArn": arn,
        "Type": kind,
        "Scheme": "internet-facing",
        "VpcId": "vpc-1",
        "AvailabilityZones": zones,
    }


def nat(id: str, subnet_id: str) -> dict[str, Any]:
    addresses = [{"PublicIp": "3.1.2.3"}]
    return {"NatGatewayId": id, "VpcId": "vpc-1", "SubnetId": subnet_id, "State": "available"} | {
        "NatGatewayAddresses": addresses
    }


def account(subnets: list[dict[str, Any]], **descriptions: list[dict[str, Any]]) -> Account:
    vpc = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}
    return Account("1", REGION, {key: [] for key in FETCHERS} | {"Vpcs": [vpc], "Subnets": subnets} | descriptions)


def forwarding(to: str = "i-0", kind: str = "application") -> dict[str, list[dict[str, Any]]]:
    """A listener that forwards everything to one target."""
    load_balancer = balancer("front", ["pub-a", "pub-b"], kind)
    arn = load_balancer["LoadBalancerArn"]
    group = f"{ARN}targetgroup/app/2"
    action = {"Type": "forward", "TargetGroupArn": group}
    listener = {
        "ListenerArn": f"{arn}/3",
        "LoadBalancerArn": arn,
        "Port": 80,
        "Protocol": "HTTP",
        "DefaultActions": [action],
    }
    rule = {
        "RuleArn": "r",
        "ListenerArn": f"{arn}/3",
        "Priority": "default",
        "IsDefault": True,
        "Conditions": [],
        "Actions": [action],
    }
    health = {"TargetGroupArn": group, "Target": {"Id": to, "Port": 80}, "TargetHealth": {"State": "healthy"}}
    groups = [
        {"TargetGroupArn": group, "TargetGroupName": "app", "TargetType": "instance", "Protocol": "HTTP", "Port": 80}
    ]
    rules = [rule] if kind == "application" else []
    return {"LoadBalancers": [load_balancer], "Listeners": [listener], "Rules": rules, "TargetHealth": [health]} | {
        "TargetGroups": groups
    }


def misplaced(drawing: Drawing) -> list[str]:
    """What is not where it belongs."""
    at = Arrangement(drawing.scene)
    boxes = {area.name: box for area, box in at.subnet_boxes()}
    zones = {zone.name: zone.box for zone in at.zones}
    found = [f"{a} overlaps {b}" for (a, x), (b, y) in combinations(boxes.items(), 2) if x.overlaps(y)]
    found += [f"{a} outside zone" for a, box in boxes.items() if not zones[at.subnets_by_name[a].zone].contains(box)]
    found += [f"zone {name} outside VPC" for name, box in zones.items() if not at.vpc.contains(box)]
    cards = [panel.box for panel in drawing.sheet.cards if panel.role == "card"]
    found += ["cards overlap" for x, y in combinations(cards, 2) if x.overlaps(y)]
    for fleet in at.fleets:
        frame = at.boxes[fleet.key]
        crossed = {name for name, box in boxes.items() if box.overlaps(frame)}
        if crossed != set(fleet.subnets):
            found.append(f"the frame of {fleet.key[1]} covers {sorted(crossed)}, not {sorted(fleet.subnets)}")
    for fleet in at.fleets:
        for name, _ in fleet.instances:
            inside = [card for card in cards if boxes[name].contains(card) and at.boxes[fleet.key].contains(card)]
            if len(inside) != 1:
                found.append(f"{len(inside)} cards of {fleet.key[1]} in {name}")
    for node in drawing.scene.load_balancers:
        crossed = {name for name, box in boxes.items() if box.overlaps(at.boxes[node.key])}
        if not crossed <= set(node.subnets):
            found.append(f"{node.name} is drawn in {crossed}")
    return found


TWO_ZONES = [subnet(f"{kind}-{zone}", zone) for zone in "ab" for kind in ("pub", "priv")]


def test_an_instance_is_drawn_in_its_own_subnet() -> None:
    """A fleet in two private subnets, a bastion in a public one, and a worker in the first private subnet."""
    placed = [("node", "priv-a"), ("node", "priv-b"), ("bastion", "pub-a"), ("worker", "priv-a")]
    drawing = draw(account(TWO_ZONES, Instances=instances(placed), **forwarding()))
    assert {fleet.name: fleet.subnets for fleet in drawing.scene.fleets} == {
        "node": ("priv-a", "priv-b"),
        "bastion": ("pub-a",),
        "worker": ("priv-a",),
    }
    assert misplaced(drawing) == []


def test_a_fleet_in_two_subnets_of_a_zone_has_two_frames() -> None:
    drawing = draw(account(TWO_ZONES, Instances=instances([("node", "priv-a"), ("node", "pub-a")]), **forwarding()))
    titles = [text.text for text in drawing.sheet.texts if text.text.startswith("node")]
    assert titles == ["node", "node (continued)"] and misplaced(drawing) == []
    assert len(drawing.sheet.lines) >= 3, "both frames are reached"
    assert drawing.edges == 2


@st.composite
def accounts(draw_value: Any) -> Account:
    zones = draw_value(st.lists(st.sampled_from("abc"), min_size=1, max_size=6))
    places = [
        subnet(f"s{number}", zone, name=draw_value(st.sampled_from(["", "app", "db"])))
        for number, zone in enumerate(zones)
    ]
    ids = st.sampled_from([place["SubnetId"] for place in places])
    placed = draw_value(st.lists(st.tuples(st.sampled_from(["node", "worker", "bastion"]), ids), max_size=8))
    kinds = st.sampled_from(["application", "network"])
    balancers = [
        balancer(f"lb{number}", chosen, draw_value(kinds))
        for number, chosen in enumerate(
            draw_value(st.lists(st.lists(ids, min_size=1, max_size=3, unique=True), max_size=2))
        )
    ]
    nats = [nat(f"nat-{number}", id) for number, id in enumerate(draw_value(st.lists(ids, max_size=2)))]
    endpoint = {"VpcEndpointId": "vpce-1", "VpcId": "vpc-1", "VpcEndpointType": "Interface", "ServiceName": "ecr"}
    endpoints = [endpoint | {"SubnetIds": draw_value(st.lists(ids, min_size=1, max_size=3, unique=True))}]
    tasks = [
        {
            "taskArn": f"{CLUSTER.replace(':cluster/', ':task/')}/{number}",
            "clusterArn": CLUSTER,
            "lastStatus": "RUNNING",
            "group": "service:web",
            "launchType": "FARGATE",
            "attachments": [{"type": "ElasticNetworkInterface", "details": [{"name": "subnetId", "value": id}]}],
        }
        for number, id in enumerate(draw_value(st.lists(ids, max_size=3)))
    ]
    clusters = [{"clusterArn": CLUSTER, "clusterName": "web"}] if draw_value(st.booleans()) else []
    return account(
        places,
        Instances=instances(placed),
        LoadBalancers=balancers,
        NatGateways=nats,
        VpcEndpoints=endpoints if draw_value(st.booleans()) else [],
        clusters=clusters,
        tasks=tasks if clusters else [],
    )


@settings(max_examples=60)
@given(accounts())
def test_everything_lies_in_its_own_subnet_zone_and_vpc(of_anybody: Account) -> None:
    drawing = draw(of_anybody, overlays=["costs"])
    assert misplaced(drawing) == []


def test_subnets_with_the_same_name_stay_apart() -> None:
    places = [subnet("s-1", "a", name="app"), subnet("s-2", "b", name="app"), subnet("s-3333", "b", name="app")]
    drawing = draw(account(places, Instances=instances([("x", "s-1"), ("y", "s-2"), ("z", "s-3333")])))
    assert [area.name for area in drawing.scene.subnets] == ["app a", "app b s-2", "app b 3333"]
    assert misplaced(drawing) == []


def test_a_long_name_of_an_empty_subnet_does_not_cover_its_block() -> None:
    drawing = draw(account([subnet("s-1", "a", name="seccom-private-intrusion-api-3a")]))
    [(area, box)] = Arrangement(drawing.scene).subnet_boxes()
    assert area.cidr and header_width(area, area.cidr) <= box.width


def test_fargate_tasks_are_drawn_in_the_subnets_of_their_addresses() -> None:
    details = [{"name": "subnetId", "value": "priv-b"}, {"name": "privateIPv4Address", "value": "10.0.0.9"}]
    task = {
        "taskArn": "t",
        "clusterArn": CLUSTER,
        "lastStatus": "RUNNING",
        "group": "service:web",
        "launchType": "FARGATE",
    }
    attachments = [{"type": "ElasticNetworkInterface", "details": details}]
    clusters = [{"clusterArn": CLUSTER, "clusterName": "web"}]
    described = forwarding(to="10.0.0.9", kind="network")
    drawing = draw(account(TWO_ZONES, clusters=clusters, tasks=[task | {"attachments": attachments}], **described))
    (fleet,) = drawing.scene.fleets
    assert (fleet.instances, fleet.instance_type, [w.name for w in fleet.workloads]) == (
        (("priv-b", 1),),
        "Fargate",
        ["web"],
    )
    edges = [(edge.source[1], edge.target[1], edge.label, edge.detail) for edge in drawing.scene.edges]
    assert ("front", "web", "HTTP:80", "app → 80") in edges
    assert misplaced(drawing) == []


def test_gateways_endpoints_and_peerings_are_drawn() -> None:
    sides = {"RequesterVpcInfo": {"VpcId": "vpc-1"}, "AccepterVpcInfo": {"VpcId": "vpc-9", "CidrBlock": "10.9.0.0/16"}}
    peering = {"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"}, **sides}
    service = f"com.amazonaws.{REGION}"
    endpoints = [
        {"VpcEndpointId": "vpce-1", "VpcId": "vpc-1", "VpcEndpointType": "Gateway", "ServiceName": f"{service}.s3"},
        {
            "VpcEndpointId": "vpce-2",
            "VpcId": "vpc-1",
            "VpcEndpointType": "Interface",
            "ServiceName": f"{service}.ecr.api",
        }
        | {"SubnetIds": ["priv-a", "priv-b"]},
    ]
    gateway = {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1"}]}
    described = forwarding(kind="network") | {"VpcEndpoints": endpoints, "VpcPeeringConnections": [peering]}
    described |= {"NatGateways": [nat("nat-1", "pub-a")], "InternetGateways": [gateway]}
    drawing = draw(account(TWO_ZONES, Instances=instances([("node", "priv-a")]), **described))
    kinds = {node.key[0]: node for node in drawing.scene.nodes}
    assert kinds["LoadBalancer"].icon.endswith("ElbNetworkLoadBalancer")
    assert kinds["VpcPeeringConnection"].lines == ("peering with vpc-9 10.9.0.0/16",)
    assert {"InternetGateway", "VpcEndpoint"} <= kinds.keys()
    placed = {fleet.name: fleet.subnets for fleet in drawing.scene.fleets}
    assert placed == {"node": ("priv-a",), "nat-1": ("pub-a",), "ecr.api": ("priv-a", "priv-b")}
    assert misplaced(drawing) == []


@pytest.mark.parametrize("missing", ["Subnets", "Instances", "Listeners", "Rules", "LoadBalancers", "Vpcs"])
def test_what_is_unknown_is_left_out_and_named(missing: str) -> None:
    whole = account(TWO_ZONES, Instances=instances([("node", "priv-a")]), **forwarding())
    rest = {key: raws for key, raws in whole.descriptions.items() if key != missing}
    drawing = draw(Account("1", REGION, rest, {missing: "not in the snapshot"}))
    assert f"{missing} are not drawn: not in the snapshot" in drawing.scene.footnotes
    assert drawing.svg.startswith("<svg") and misplaced(drawing) == []


def test_another_vpc_is_named_with_what_is_in_it() -> None:
    elsewhere = {**balancer("other", []), "VpcId": "vpc-2"}
    described = forwarding()
    described["LoadBalancers"].append(elsewhere)
    whole = account(TWO_ZONES, Instances=instances([("node", "priv-a")]), **described)
    vpcs = [*whole["Vpcs"], {"VpcId": "vpc-2", "CidrBlock": "10.2.0.0/16", "IsDefault": True}]
    drawing = draw(Account("1", REGION, {**whole.descriptions, "Vpcs": vpcs}))
    (node,) = [node for node in drawing.scene.regional if node.key[0] == "VPC"]
    assert node.lines == ("another VPC", "1 load balancer")


def test_a_load_balancer_without_a_vpc_is_placed_by_its_subnets() -> None:
    described = forwarding()
    del described["LoadBalancers"][0]["VpcId"]
    drawing = draw(account(TWO_ZONES, Instances=instances([("node", "priv-a")]), **described))
    assert [node.name for node in drawing.scene.load_balancers] == ["front"]


def test_the_total_says_what_it_leaves_out() -> None:
    """x9.huge has no price in the list; the price of a spot instance is no list price."""
    strange = [raw | {"InstanceType": "x9.huge"} for raw in instances([("a", "priv-a"), ("b", "priv-a")])]
    spot = instances([("c", "priv-a")])[0] | {"InstanceId": "i-9", "InstanceLifecycle": "spot"}
    known = {"AllocationId": "eipalloc-1", "PublicIp": "3.1.2.3"}
    whole = account(TWO_ZONES, Instances=[*strange, spot], Addresses=[known])
    total = draw(whole).scene.total
    assert total
    left_out = "2 × instance (BoxUsage:x9.huge), 1 × instance (SpotUsage:t3.small)"
    assert total.text == f"at least 3.65 USD a month at list price; without {left_out}: no known price"
    assert total.to_dict() == {
        "usd_month": 3.65,
        "complete": False,
        "unpriced": [{"kind": "instance", "id": id} for id in ("i-0", "i-1", "i-9")],
        "unknown": [],
    }


def test_a_total_of_nothing_known_is_unknown() -> None:
    whole = account(TWO_ZONES)
    rest = {key: raws for key, raws in whole.descriptions.items() if key not in ("Instances", "Volumes")}
    total = draw(Account("1", REGION, rest)).scene.total
    assert (
        total and total.usd is None and total.text == "no price is known; without Instances, Volumes, which are unknown"
    )
