"""The learner's own diagram grows from chapter to chapter."""

from pathlib import Path

import pytest
from diagrams import Cluster, Edge
from diagrams.aws.compute import ECS
from diagrams.aws.database import RDS

from esaws import Diagram
from esaws.course.growing_diagram import SoFar, keep_diagram
from esaws.course.progress import Progress
from esaws.drawing.diagram_graph import diagram_graph
from esaws.errors import UsageError


@pytest.fixture(autouse=True)
def a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESAWS_COURSE", str(tmp_path))


def sites_api() -> Diagram:
    with Diagram("mine") as diagram, Cluster("my VPC"):
        database = RDS("database\nPostgreSQL")
        with Cluster("zone b"):
            ECS("sites-management-api") >> Edge(label="5432") >> database
    return diagram


def names(chapter: str) -> set[str]:
    """Those of the nodes that Ada continues in a chapter."""
    return {node.name for node in SoFar("ada", chapter, "draft").graph.nodes}


def test_what_a_check_accepted_is_continued_as_it_was_drawn() -> None:
    keep_diagram(Progress("ada"), "01", sites_api())
    continued = SoFar("ada", "02", "draft")()
    assert diagram_graph(continued).differences(diagram_graph(sites_api())) == []
    assert continued.name == "draft"


def test_the_latest_chapter_before_counts() -> None:
    keep_diagram(Progress("ada"), "01", sites_api())
    with SoFar("ada", "02", "draft")() as longer:
        ECS("added in 02") >> longer["database"]
    keep_diagram(Progress("ada"), "02", longer)
    assert names("07") == {"database", "sites-management-api", "added in 02"}
    assert names("02") == {"database", "sites-management-api"}


def test_a_chapter_that_was_skipped_is_added_to_what_the_learner_drew() -> None:
    keep_diagram(Progress("ada"), "01", sites_api())
    assert names("07") == {"database", "sites-management-api", "users", "internet gateway"}
    assert ("my VPC",) in SoFar("ada", "07", "draft").graph.groups


def test_learners_have_diagrams_of_their_own() -> None:
    keep_diagram(Progress("ada"), "01", sites_api())
    assert "my VPC" not in str(SoFar("bob", "02", "draft").graph.groups)


def test_a_node_that_is_not_there_is_named_with_those_that_are() -> None:
    keep_diagram(Progress("ada"), "01", sites_api())
    with pytest.raises(UsageError, match="no node 'alb' so far; it has database, sites-management-api"):
        SoFar("ada", "02", "draft")()["alb"]
