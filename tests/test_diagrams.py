"""Diagrams of the diagrams package: our own class, the graph that is read from them, and the program `to_diagrams`."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import diagrams
import pytest
from click.testing import CliRunner
from diagrams import Cluster, Edge
from diagrams.aws.compute import ECS
from diagrams.aws.database import RDS
from diagrams.aws.network import ALB

from esaws import Diagram, UsageError, draw, seccom, seccom_as_drawn, to_diagrams
from esaws.architecture import Architecture
from esaws.cli import cli
from esaws.course.diagram_view import CLASSES, EXAMPLES
from esaws.drawing import graphviz_engine
from esaws.drawing.diagram_graph import DiagramEdge, DiagramNode, diagram_graph
from esaws.drawing.program import write_program
from esaws.drawing.scene_graph import scene_graph
from esaws.resources import load_all
from esaws.resources.bucket import Bucket

BUILDS = {
    "ha": seccom("ha"),
    "budget": seccom("budget"),
    "fargate": seccom("fargate"),
    "as-drawn": seccom_as_drawn(),
    "nothing": Architecture("nothing", []),
}
API = DiagramNode("aws.compute.ElasticContainerService", "sites\n8002 → 8000", ("VPC", "public-3a"))
BALANCER = DiagramNode("aws.network.ElbApplicationLoadBalancer", "alb", ("VPC",))
DATABASE = DiagramNode("aws.database.RDS", "database", ("VPC",))


def sites(diagram: Any) -> Any:
    """Draw three nodes in two groups, with an edge of each direction."""
    with diagram, Cluster("VPC"):
        with Cluster("public-3a"):
            api = ECS("sites\n8002 → 8000")
        alb, database = ALB("alb"), RDS("database")
        alb >> Edge(label="1 · /sites*") >> api
        database << Edge(label="5432") << api
        alb - database
    return diagram


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[diagrams.Diagram]]:
    """The stock class, which does not run `dot`."""
    monkeypatch.setattr(diagrams.Diagram, "render", lambda self: Path(self.filename).touch())
    yield diagrams.Diagram


# -- our class ---------------------------------------------------------------------------------------------------


def test_the_graph_has_classes_labels_groups_and_edges() -> None:
    graph = sites(Diagram("Sites")).graph
    assert (graph.title, set(graph.nodes)) == ("Sites", {API, BALANCER, DATABASE})
    assert graph.groups == {("VPC",), ("VPC", "public-3a")}
    assert graph.edges == (
        DiagramEdge(BALANCER, API, "1 · /sites*"),
        DiagramEdge(BALANCER, DATABASE),
        DiagramEdge(API, DATABASE, "5432"),
    ), "an edge that is drawn backwards points the same way"


def test_the_stock_class_gives_the_same_graph(stock: type[diagrams.Diagram]) -> None:
    assert diagram_graph(sites(stock("Sites", show=False))) == sites(Diagram("Sites")).graph


def test_a_notebook_gets_a_png_with_a_description() -> None:
    data, metadata = sites(Diagram("Sites"))._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"] == "<Diagram Sites: 3 nodes, 3 edges>"
    assert "VPC > public-3a: sites, 8002 → 8000." in metadata["image/png"]["alt"]
    assert "sites to database (5432)." in metadata["image/png"]["alt"]
    assert metadata["image/png"]["width"] < 1000


def test_the_same_diagram_gives_the_same_bytes() -> None:
    pictures = {hashlib.sha256(sites(Diagram("Sites")).png).hexdigest() for _ in range(2)}
    assert len(pictures) == 1, "the random ids of its nodes are not in the picture"


def test_the_svg_embeds_icons_and_font() -> None:
    svg = sites(Diagram("Sites")).svg
    assert svg.count("data:image/png;base64,") == 3 and "data:font/ttf" in svg
    assert "site-packages" not in svg and "Sans-Serif" not in svg


def test_nothing_is_written_without_a_filename(tmp_path: Path) -> None:
    sites(Diagram("Sites"))
    assert list(tmp_path.iterdir()) == []


def test_a_filename_writes_each_format(tmp_path: Path) -> None:
    sites(Diagram("Sites", filename="sites", outformat=["png", "svg"]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sites.png", "sites.svg"]


def test_another_suffix_is_refused() -> None:
    with pytest.raises(UsageError, match=r"is saved as \.svg or \.png"):
        sites(Diagram("Sites")).save("sites.pdf")


def test_after_an_error_a_new_diagram_starts_empty() -> None:
    with pytest.raises(RuntimeError), Diagram("broken"), Cluster("VPC"):
        raise RuntimeError
    assert sites(Diagram("Sites")).graph.groups == {("VPC",), ("VPC", "public-3a")}


def test_without_an_engine_the_error_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz_engine, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install .*pygraphviz.*dot"):
        graphviz_engine.lay_out("digraph { a }")


def test_drawing_writes_nothing_to_stderr() -> None:
    code = (
        "from esaws import Diagram; from diagrams.aws.compute import ECS\n"
        "with Diagram('x') as diagram: ECS('a name that is long')\n"
        "diagram.png"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


# -- the program -------------------------------------------------------------------------------------------------


def run_with_stock(program: str, stock: type[diagrams.Diagram]) -> Any:
    """Run a program with the stock class, without `dot`, and return its diagram."""
    made = []
    exit_of = stock.__exit__
    stock.__exit__ = lambda self, *error: (made.append(self), exit_of(self, *error))[1]
    try:
        exec(compile(program, "program", "exec"), {})
    finally:
        stock.__exit__ = exit_of
    return made[0]


@pytest.mark.parametrize("build", BUILDS)
def test_the_program_draws_the_graph_of_the_architecture(build: str, stock: type[diagrams.Diagram]) -> None:
    drawn = diagram_graph(run_with_stock(to_diagrams(BUILDS[build]), stock))
    assert scene_graph(draw(BUILDS[build]).scene).differences(drawn) == []


def test_the_program_of_each_kind_alone_runs(stock: type[diagrams.Diagram]) -> None:
    for kind, resource in sorted(load_all().items()):
        alone = Architecture("alone", [resource.example()])
        drawn = diagram_graph(run_with_stock(to_diagrams(alone), stock))
        assert scene_graph(draw(alone).scene).differences(drawn) == [], kind


@pytest.mark.parametrize("build", BUILDS)
def test_the_graph_has_the_nodes_and_edges_of_the_drawing(build: str) -> None:
    drawing = draw(BUILDS[build])
    graph = scene_graph(drawing.scene)
    assert len(graph.nodes) == drawing.nodes
    pairs = {(edge.source.name, edge.target.name) for edge in graph.edges}
    workloads = {fleet.key: fleet.workloads[0].name for fleet in drawing.scene.fleets}
    names = {node.key: node.name for node in drawing.scene.nodes} | workloads | {("Users", "users"): "Users"}
    assert pairs == {(names[edge.source], names[edge.target]) for edge in drawing.scene.edges}


@pytest.mark.skipif(not shutil.which("dot"), reason="the program dot is not installed")
@pytest.mark.parametrize("build", ["ha", "as-drawn"])
def test_the_program_runs_with_the_stock_package_and_dot(build: str, tmp_path: Path) -> None:
    program = to_diagrams(BUILDS[build]).replace("show=False", 'show=False, outformat=["png", "dot"]')
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    code = "import sys, runpy; sys.modules['esaws'] = None; runpy.run_path('program.py')"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": ""})
    assert (tmp_path / f"{build}.png").read_bytes().startswith(b"\x89PNG")
    laid_out = (tmp_path / f"{build}.dot").read_text(encoding="utf-8")
    assert scene_graph(draw(BUILDS[build]).scene).differences(diagram_graph(laid_out)) == []


@pytest.mark.parametrize(
    "name", ["class", "3a", "é", "", "a\\nb", "<b>bold</b>", 'a "quoted" name', "{a|b}", "__proto__"]
)
def test_any_label_survives_the_program(name: str, stock: type[diagrams.Diagram]) -> None:
    nodes = (
        DiagramNode("aws.network.VPC", name, (f"group {name}",)),
        DiagramNode("aws.network.VPC", name, ("other",)),
    )
    graph = diagram_graph("digraph { label=names }")
    graph = type(graph)(f"title {name}", nodes, (DiagramEdge(*nodes, f"edge {name}"),))
    drawn = diagram_graph(run_with_stock(write_program(graph, "names"), stock))
    assert [line for line in graph.differences(drawn) if "<b>" not in line] == []


def test_the_command_writes_the_program(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["draw", "--profile", "ha", "-o", "ha.py"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "ha.py").read_text(encoding="utf-8") == to_diagrams(seccom("ha"))


def test_differences_name_what_only_one_graph_has() -> None:
    one, other = (scene_graph(draw(Architecture("one", [Bucket(name=name)])).scene) for name in ("clips", "frames"))
    assert one.differences(other) == [
        "+ node SimpleStorageServiceS3Bucket 'frames, S3 bucket' in Region eu-west-3",
        "- node SimpleStorageServiceS3Bucket 'clips, S3 bucket' in Region eu-west-3",
    ]


def test_the_classes_that_checks_accept_are_in_the_package() -> None:
    modules = ("compute", "database", "general", "integration", "network", "storage")
    found = {name for module in modules for name in vars(import_module(f"diagrams.aws.{module}"))}
    assert {name for names in CLASSES.values() for name in names} <= found
    for part, examples in EXAMPLES.items():
        for example in examples.split(" or "):
            module, name = example.split(".")
            assert getattr(import_module(f"diagrams.aws.{module}"), name).__name__ in CLASSES[part]
