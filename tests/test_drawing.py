"""Drawings of architectures: what they show, that nothing overlaps, and that they are the same on every run."""

import hashlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from esaws.architecture import Architecture
from esaws.drawing import Drawing, draw
from esaws.drawing.fonts import text_width, wrap
from esaws.drawing.lines import route_branches
from esaws.drawing.scene import USERS, Edge
from esaws.drawing.shapes import Box, Sheet
from esaws.errors import UsageError
from esaws.reference.seccom import seccom, seccom_as_drawn
from esaws.resources import load_all
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.bucket import Bucket
from esaws.resources.cluster import Cluster
from esaws.resources.db_instance import DBInstance
from esaws.resources.instance_profile import InstanceProfile
from esaws.resources.internet_gateway import InternetGateway
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.log_group import LogGroup
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet
from esaws.resources.target_group import TargetGroup
from esaws.resources.task import Task
from esaws.resources.task_definition import TaskDefinition
from esaws.resources.vpc import VPC

DIAGRAMS = Path(__file__).parent.parent / "diagrams"
SVG = "{http://www.w3.org/2000/svg}"

COMMITTED = {
    "seccom-ha": seccom("ha"),
    "seccom-budget": seccom("budget"),
    "seccom-fargate": seccom("fargate"),
    "seccom-as-drawn": seccom_as_drawn(),
}


def shop(*, clusters: int = 3, zones: str = "ab", private: bool = True, desired: int = 3) -> Architecture:
    """Services behind a load balancer in public subnets; their instances are in private subnets, or in the same."""
    vpc = VPC(name="shop", cidr="10.0.0.0/16")
    public, hidden = (
        tuple(
            Subnet(name=f"{kind}-{zone}", vpc=vpc, cidr=f"10.0.{base + number}.0/24", zone=zone)
            for number, zone in enumerate(zones)
        )
        for kind, base in (("public", 0), ("private", 10))
    )
    group = SecurityGroup(name="web", vpc=vpc, description="Web traffic")
    open_ports = SecurityGroupRule(group=group, from_port=8000, to_port=8999, peer="0.0.0.0/0")
    balancer = LoadBalancer(name="front", subnets=public, security_groups=(group,))
    targets = [TargetGroup(name=f"service-{number}-tg", vpc=vpc) for number in range(4)]
    listener = Listener(load_balancer=balancer, default=targets[0])
    rules = [
        ListenerRule(listener=listener, priority=10 * number, paths=(f"/{number}", f"/{number}/*"), target_group=target)
        for number, target in enumerate(targets)
        if number
    ]
    services = []
    for number in range(3):
        cluster = Cluster(name=f"cluster-{number % clusters}")
        template = LaunchTemplate(
            name=f"{cluster.name}-lt",
            cluster=cluster,
            security_groups=(group,),
            instance_profile=InstanceProfile.example(),
            public_address=not private,
        )
        instances = AutoScalingGroup(
            name=f"{cluster.name}-asg",
            template=template,
            subnets=hidden if private else public,
            minimum=0,
            maximum=6,
            desired_capacity=desired,
        )
        task = TaskDefinition(
            name=f"service-{number}",
            image="nginx",
            container_port=80,
            host_port=8000 + number,
            log_group=LogGroup(name=f"service-{number}"),
        )
        services.append(
            Service(
                name=f"service-{number}",
                cluster=cluster,
                task_definition=task,
                target_group=targets[number],
                container_port=80,
                after=(instances,),
            )
        )
    return Architecture("shop", [InternetGateway(name="igw", vpc=vpc), open_ports, *rules, *services])


ARCHITECTURES = {
    **COMMITTED,
    "with warnings": seccom("ha", warn_at_usd=10),
    "two services": seccom("budget", services=("client-web-ui", "sites-management-api")),
    "a worker": seccom("ha", services=("hdm",)),
    "no load balancer": seccom("budget", services=("manager-web-ui", "cameras-api")),
    "private subnets": shop(),
    "three zones": shop(zones="abc"),
    "a shared cluster": shop(clusters=1, private=False),
    "no instances": shop(clusters=1, desired=0),
    "nothing": Architecture("nothing", []),
    **{
        f"just {kind.kind}": seccom("budget").just(kind)
        for kind in (
            AutoScalingGroup,
            Bucket,
            Cluster,
            DBInstance,
            InternetGateway,
            ListenerRule,
            LoadBalancer,
            SecurityGroupRule,
            Task,
            VPC,
        )
    },
}


@cache
def drawing(name: str) -> Drawing:
    """The drawing of one of the architectures, made once."""
    return draw(ARCHITECTURES[name])


def overlaps(sheet: Sheet) -> Iterator[str]:
    """Everything that overlaps, crosses a border or leaves the page. Only a cluster's frame may cross zones."""
    page = Box(0, 0, sheet.width, sheet.height)
    labels = [(repr(text.text), text.box) for text in sheet.texts] + [(icon.name, icon.box) for icon in sheet.icons]
    areas = [panel for panel in (*sheet.panels, *sheet.cards) if panel.role != "gateway"]
    gateways = {(panel.box.cx, panel.box.cy) for panel in sheet.cards if panel.role == "gateway"}
    for (name, box), (other_name, other) in combinations(labels, 2):
        if box.overlaps(other):
            yield f"{name} on {other_name}"
    for name, box in [*labels, *((panel.role, panel.box) for panel in areas)]:
        if not page.contains(box):
            yield f"{name} beyond the page"
    for panel in areas:
        for name, box in labels:
            at_gateway = panel.role == "vpc" and any(abs(box.cx - x) < 0.01 for x, _ in gateways)
            if box.overlaps(panel.box) and not panel.box.contains(box) and not at_gateway:
                yield f"{name} across the border of a {panel.role}"
    for one, other in combinations(areas, 2):
        nested = one.box.contains(other.box) or other.box.contains(one.box)
        spanning = "fleet" in (one.role, other.role) and {one.role, other.role} & {"zone", "subnet"}
        if one.box.overlaps(other.box) and (one.role == other.role or not (nested or spanning)):
            yield f"a {one.role} on a {other.role}"
    for line in sheet.lines:
        for piece in line.boxes:
            yield from (f"a line through {name}" for name, box in labels if piece.overlaps(box))
            for panel in sheet.cards:
                if panel.role in ("card", "legend") and piece.overlaps(panel.box):
                    yield f"a line through a {panel.role}"


@pytest.fixture(scope="module")
def ha() -> Drawing:
    return drawing("seccom-ha")


# -- the picture -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nothing_overlaps(name: str) -> None:
    assert list(overlaps(drawing(name).sheet)) == []


@pytest.mark.parametrize("kind", sorted(load_all()))
def test_every_kind_can_be_drawn_alone(kind: str) -> None:
    picture = draw(Architecture("alone", [load_all()[kind].example()]))
    assert list(overlaps(picture.sheet)) == []
    ET.fromstring(picture.svg)


@pytest.mark.parametrize("name", COMMITTED)
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_committed_drawings_are_up_to_date(name: str, suffix: str, tmp_path: Path) -> None:
    saved = drawing(name).save(tmp_path / f"{name}{suffix}")
    up_to_date = saved.read_bytes() == (DIAGRAMS / saved.name).read_bytes()
    assert up_to_date, f"diagrams/{saved.name} is out of date: run make drawings"


@pytest.mark.parametrize("name", COMMITTED)
def test_the_committed_drawings_fit_a_notebook(name: str) -> None:
    picture = drawing(name)
    assert picture.sheet.width <= 1100, "the text of a wider one is too small in a notebook"
    assert picture.sheet.width > 1.4 * picture.sheet.height
    assert len(picture.svg) < 400_000 and len(picture.png) < 600_000


def test_another_process_draws_the_same_bytes(ha: Drawing) -> None:
    script = (
        "import hashlib; from esaws import draw, seccom; d = draw(seccom('ha')); "
        "print(hashlib.sha256(d.svg.encode() + d.png).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": "1"}
    digest = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True).strip()
    assert digest == hashlib.sha256(ha.svg.encode() + ha.png).hexdigest()


def test_the_svg_embeds_everything(ha: Drawing) -> None:
    tree = ET.fromstring(ha.svg)
    images = [image.get("{http://www.w3.org/1999/xlink}href", "") for image in tree.iter(f"{SVG}image")]
    used = [use.get("{http://www.w3.org/1999/xlink}href", "")[1:] for use in tree.iter(f"{SVG}use")]
    assert images and all(image.startswith("data:image/png;base64,") for image in images)
    assert len(images) == len(set(images)), "each icon is embedded once"
    assert set(used) <= {symbol.get("id") for symbol in tree.iter(f"{SVG}symbol")}
    without_data = re.sub(r"data:[^)\"]+", "", ha.svg)
    assert not re.search(r"site-packages|file:|/home|/usr|url\(h", without_data)


def test_the_svg_is_accessible(ha: Drawing) -> None:
    tree = ET.fromstring(ha.svg)
    assert tree.get("role") == "img" and tree.get("aria-labelledby") == "title desc"
    assert tree.findtext(f"{SVG}title") == "Architecture ha in eu-west-3"
    description = tree.findtext(f"{SVG}desc") or ""
    assert "alb to client-web-ui-cluster (default, client-web-ui-tg → 4201)." in description
    assert "Zone b: public subnet public-3b." in description


def test_the_png_has_text_without_installed_fonts(ha: Drawing) -> None:
    import resvg_py

    wordless = re.sub(r"<text.*?</text>", "", ha.svg)
    bare = resvg_py.svg_to_bytes(svg_string=wordless, zoom=2, skip_system_fonts=True)
    assert ha.png.startswith(b"\x89PNG") and len(ha.png) > 1.2 * len(bare)


def test_names_are_shown_instead_of_ids(ha: Drawing) -> None:
    words = " ".join(text.text for text in ha.sheet.texts)
    for name in (
        "alb",
        "igw",
        "public-3a",
        "hdm-cluster",
        "database",
        "redis",
        "broker",
        "clips",
        "Managers",
        "Owners",
    ):
        assert re.search(rf"\b{name}\b", words)
    assert not re.search(r"arn:|\b(vpc|subnet|sg|i|eni)-[0-9a-f]{8}", words)


def test_a_notebook_gets_a_png_and_a_text(ha: Drawing) -> None:
    data, metadata = ha._repr_mimebundle_()
    assert data == {"image/png": ha.png, "text/plain": "<Drawing ha: 23 nodes, 10 edges>"}
    assert metadata["image/png"]["alt"].startswith("Architecture ha in eu-west-3. Region eu-west-3, VPC")


def test_the_suffix_determines_the_format(ha: Drawing, tmp_path: Path) -> None:
    assert ha.save(tmp_path / "a.svg").read_text("utf-8") == ha.svg
    assert ha.save(str(tmp_path / "a.png")).read_bytes() == ha.png
    with pytest.raises(UsageError, match=r"saved as \.svg or \.png"):
        ha.save(tmp_path / "a.pdf")
    with pytest.raises(UsageError, match="can't be written"):
        ha.save(tmp_path / "nowhere" / "a.svg")


# -- the scene ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source", "edges"),
    [
        (
            "seccom-ha",
            ("LoadBalancer", "alb"),
            [
                ("sites-management-api-cluster", "1 · /sites-management-api*", "sites-management-api-tg → 8002"),
                ("intrusion-management-api-cluster", "2 · /intrusion-management-api*", "intrusion-api-tg → 8001"),
                ("client-web-ui-cluster", "default", "client-web-ui-tg → 4201"),
            ],
        ),
        (
            "seccom-budget",
            ("InternetGateway", "igw"),
            [
                ("alb", "", ""),
                ("manager-web-ui-cluster", "4202", "from anywhere"),
                ("cameras-api-cluster", "8003", "from anywhere"),
            ],
        ),
        ("seccom-budget", ("Cluster", "sites-management-api-cluster"), [("database", "5432", "")]),
        ("seccom-budget", ("Cluster", "hdm-cluster"), [("sites-management-api-cluster", "80", "")]),
        ("seccom-as-drawn", ("Cluster", "hdm-cluster"), []),
        ("seccom-as-drawn", USERS, [("igw", "", "")]),
        ("a worker", USERS, []),
        (
            "a shared cluster",
            ("InternetGateway", "igw"),
            [("front", "", ""), ("cluster-0", "8000, 8001, 8002", "from anywhere")],
        ),
        (
            "just ListenerRule",
            ("LoadBalancer", "alb"),
            [
                ("sites-management-api-tg", "1 · /sites-management-api*", "sites-management-api-tg: no targets"),
                ("intrusion-api-tg", "2 · /intrusion-management-api*", "intrusion-api-tg: no targets"),
                ("client-web-ui-tg", "default", "client-web-ui-tg: no targets"),
            ],
        ),
    ],
)
def test_edges_follow_the_declared_rules(name: str, source: tuple[str, str], edges: list[tuple[str, str, str]]) -> None:
    drawn: list[Edge] = [edge for edge in drawing(name).scene.edges if edge.source == source]
    assert [(edge.target[1], edge.label, edge.detail) for edge in drawn] == edges


@pytest.mark.parametrize(
    ("name", "cluster", "instances", "scaling"),
    [
        ("seccom-ha", "hdm-cluster", [("public-3a", 1), ("public-3b", 1)], "2–4"),
        ("seccom-budget", "sites-management-api-cluster", [("public-3b", 1)], "1"),
        ("private subnets", "cluster-1", [("private-a", 2), ("private-b", 1)], "0–6"),
        ("no instances", "cluster-0", [("private-a", 0), ("private-b", 0)], "0–6"),
        ("just Cluster", "hdm-cluster", [], ""),
    ],
)
def test_instances_are_spread_over_their_subnets(
    name: str, cluster: str, instances: list[tuple[str, int]], scaling: str
) -> None:
    fleet = next(fleet for fleet in drawing(name).scene.fleets if fleet.name == cluster)
    assert (list(fleet.instances), fleet.scaling) == (instances, scaling)


@pytest.mark.parametrize(
    ("name", "public", "private"),
    [
        ("seccom-ha", {"public-3a", "public-3b"}, set()),
        ("seccom-as-drawn", {"public-3a"}, {"private-intrusion-api-3a", "private-hdm-3a"}),
        (
            "private subnets",
            set(),
            {"public-a", "private-a"},
        ),  # the name is not enough: there is no route to the internet
    ],
)
def test_a_subnet_is_public_by_its_route(name: str, public: set[str], private: set[str]) -> None:
    is_public = {subnet.name: subnet.public for subnet in drawing(name).scene.subnets}
    assert all(is_public[subnet] for subnet in public) and not any(is_public[subnet] for subnet in private)


def test_small_resources_are_counted_instead_of_drawn() -> None:
    scene = drawing("seccom-ha").scene
    assert scene.vpc_notes == ("10 security groups", "21 rules")
    words = {node.name: node.lines for node in scene.regional}
    assert words["ECR"] == ("6 repositories",)
    assert words["CloudWatch"] == ("6 log groups", "1 dashboard")


def test_the_region_names_the_zones() -> None:
    words = [text.text for text in draw(COMMITTED["seccom-budget"], region="us-east-1").sheet.texts]
    assert "Region us-east-1" in words and "Availability Zone us-east-1b" in words


# -- lines and text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "trunk", "ways"),
    [
        ([10.0], False, {10.0: [(0, 10), (20, 10)]}),
        ([50.0], False, {50.0: [(0, 10), (20, 10), (20, 50)]}),
        ([50.0], True, {50.0: [(14, 10), (20, 10), (20, 50)]}),
        ([30.0, 50.0], False, {30.0: [(20, 24), (20, 30)], 50.0: [(0, 10), (20, 10), (20, 50)]}),
        ([-30.0, 50.0], False, {-30.0: [(0, 10), (20, 10), (20, -30)], 50.0: [(14, 10), (20, 10), (20, 50)]}),
    ],
)
def test_branches_draw_no_segment_twice(
    ends: list[float], trunk: bool, ways: dict[float, list[tuple[float, float]]]
) -> None:
    assert route_branches((0, 10), 20, ends, trunk=trunk) == ways


@pytest.mark.parametrize(
    ("text", "room", "lines"),
    [
        ("Aurora PostgreSQL", 200, ["Aurora PostgreSQL"]),
        ("Aurora PostgreSQL", 80, ["Aurora", "PostgreSQL"]),
        ("unbreakable-however-long", 20, ["unbreakable-however-long"]),
    ],
)
def test_text_is_wrapped_between_words(text: str, room: float, lines: list[str]) -> None:
    assert wrap(text, 11, room) == lines


def test_bold_text_is_wider() -> None:
    assert 0 < text_width("sites-management-api", 12) < text_width("sites-management-api", 12, bold=True)
