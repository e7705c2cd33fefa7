"""Drawings of accounts: resources with health, ports and prices, compared with an architecture."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import diagrams
import pytest
from botocore.exceptions import ClientError

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.drawing import draw, to_diagrams
from esaws.drawing.diagram_graph import diagram_graph
from esaws.drawing.scene import Scene
from esaws.errors import UsageError
from esaws.reference.seccom import seccom, seccom_as_drawn
from tests.shell import Shell


@pytest.fixture(scope="module")
def deployed(load_system: Callable[[str], Cloud]) -> Cloud:
    cloud = load_system("ha")
    simulation.advance(cloud, "10m")
    return cloud


@pytest.fixture(scope="module")
def scene(deployed: Cloud) -> Scene:
    return draw(deployed).scene


def names(scene: Scene) -> dict[str, set[str]]:
    return {
        "fleets": {fleet.name for fleet in scene.fleets},
        "stores": {node.name for node in scene.stores},
        "balancers": {thing.name for thing in scene.load_balancers},
        "places": {place.name for place in scene.subnets},
        "pools": {thing.name for thing in scene.regional if thing.key[0] == "UserPool"},
    }


def test_a_deployment_is_drawn_like_its_architecture(scene: Scene) -> None:
    declared = draw(seccom("ha")).scene
    assert names(scene) == names(declared)
    assert {(each.source, each.target, each.label) for each in scene.edges} == {
        (each.source, each.target, each.label) for each in declared.edges
    }


def test_each_card_shows_health_open_ports_and_price(scene: Scene) -> None:
    notes = {fleet.name: dict(fleet.notes) for fleet in scene.fleets}
    assert notes["sites-management-api-cluster"]["public-3a"] == "1 of 1 healthy · open: 22 · 16.77 USD/mo ~"
    assert notes["cameras-api-cluster"]["public-3b"] == "open: 22, 8003 · 16.77 USD/mo ~"
    assert any("about 28" in note and "unverified" in note for note in scene.footnotes)


def test_the_program_of_an_account_has_the_edges_of_its_architecture(
    deployed: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def end(diagram: diagrams.Diagram, *_: Any) -> None:
        made.append(diagram_graph(diagram))
        diagrams.setdiagram(None)

    monkeypatch.setattr(diagrams.Diagram, "__exit__", end)
    for subject in (deployed, seccom("ha")):
        exec(compile(to_diagrams(subject), "program", "exec"), {})
    edges = [{(edge.source.name, edge.target.name, edge.label) for edge in graph.edges} for graph in made]
    assert edges[0] == edges[1] and [len(graph.edges) for graph in made] == [22, 22]
    assert made[0].groups == made[1].groups


def test_overlays_can_be_chosen(deployed: Cloud) -> None:
    scene = draw(deployed, overlays=["health"]).scene
    assert {note for fleet in scene.fleets for _, note in fleet.notes} == {"1 of 1 healthy"}
    assert scene.footnotes == ()
    with pytest.raises(UsageError, match="unknown overlay weather; choose from health, ports, costs"):
        draw(deployed, overlays=["weather"])


def test_a_failing_target_is_shown(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("budget", services=("client-web-ui",)), cloud).apply()
    simulation.advance(cloud, "10m")
    (group,) = cloud.client("elbv2").describe_target_groups(Names=["seccom-client-web-ui-tg"])["TargetGroups"]
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group["TargetGroupArn"], Matcher={"HttpCode": "201"})
    simulation.advance(cloud, "10m")
    notes = {fleet.name: dict(fleet.notes) for fleet in draw(cloud).scene.fleets}
    assert notes["client-web-ui-cluster"]["public-3a"].startswith("0 of 1 healthy")


def test_differences_from_the_architecture_are_footnotes(deployed: Cloud, scene: Scene) -> None:
    same = draw(deployed, seccom("ha")).scene.footnotes
    assert same[-2:] == ("compared with ha, declared, not there: nothing", "compared with ha, not declared: nothing")
    drawn = draw(deployed, seccom_as_drawn()).scene.footnotes
    assert "private-hdm-3a" in drawn[-2] and drawn[-1].endswith("not declared: public-3b")


def test_the_same_account_gives_the_same_bytes(deployed: Cloud) -> None:
    assert draw(deployed).svg == draw(deployed).svg


def test_no_card_overlaps_another(deployed: Cloud) -> None:
    sheet = draw(deployed).sheet
    cards = [panel.box for panel in sheet.cards if panel.role == "card"]
    assert len(cards) == 12
    assert not [pair for pair in combinations(cards, 2) if pair[0].overlaps(pair[1])]
    for text in sheet.texts:
        assert text.box.right <= sheet.width + 0.01, text


def test_resources_of_others_are_drawn(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24", AvailabilityZone="eu-west-3a")["Subnet"]["SubnetId"]
    other = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "<b>web & co</b>"}]}]
    asked = {"ImageId": "ami-760aaa0f", "MinCount": 3, "MaxCount": 3, "SubnetId": subnet, "TagSpecifications": tags}
    ec2.run_instances(InstanceType="c5.large", **asked)
    drawing = draw(cloud)
    (fleet,) = drawing.scene.fleets
    assert (fleet.name, fleet.instance_type, fleet.instances[0][1]) == ("<b>web & co</b>", "c5.large", 3)
    assert fleet.notes[0][1] == "? USD/mo", "its price is unknown"
    assert "&lt;b&gt;web &amp; co&lt;/b&gt;" in drawing.svg and "<b>web" not in drawing.svg
    assert [thing.name for thing in drawing.scene.regional] == [other]
    assert all(len(place.name) <= 14 for place in drawing.scene.subnets), "ids are cut to the width of a name"


def test_an_empty_account_can_be_drawn(cloud: Cloud) -> None:
    drawing = draw(cloud)
    assert drawing.nodes == 0 or drawing.scene.fleets == ()
    assert drawing.png.startswith(b"\x89PNG")


def test_denied_calls_are_footnotes(new_cloud: Any, deployed: Cloud) -> None:
    cloud = new_cloud(account=deployed.account)

    def refuse(**_: Any) -> None:
        error: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise ClientError(error, "DescribeLoadBalancers")

    cloud.client("elbv2").meta.events.register("before-call.*.DescribeLoadBalancers", refuse)
    scene = draw(cloud).scene
    assert scene.load_balancers == () and scene.fleets
    assert any("elasticloadbalancing:DescribeLoadBalancers was denied" in note for note in scene.footnotes)


def test_the_command_line(deployed: Cloud, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    result = esaws.json("draw", "--live", "-o", "live.svg")
    assert result["nodes"] > 20 and (tmp_path / "live.svg").read_text().startswith("<svg")
    esaws("draw", "--live", "--profile", "budget", "-o", "live.png")
    assert "choose what to draw" in esaws("draw", "-o", "x.svg", code=2)
