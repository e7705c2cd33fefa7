"""The exercises of chapters 02, 07 and 10 that continue the diagram of chapter 01."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.diagram_view import DiagramView
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.growing_diagram import SoFar
from esaws.course.seed import Seed


def _values(chapter: str, subject: str) -> Callable[[Seed], Mapping[str, Any]]:
    def values(seed: Seed) -> Mapping[str, Any]:
        title = f"{subject}, draft {seed.between(2, 9)}{seed.letters(1).upper()}"
        return {"title": title, "so_far": SoFar(seed.learner, chapter, title)}

    return values


def _nothing_lost(attempt: Attempt, view: DiagramView) -> Point:
    """Return whether everything that earlier chapters drew is still in the diagram."""
    before, graph = attempt.mine.so_far.graph, view.graph
    nodes = [node.name for node in before.nodes if graph is None or node not in graph.nodes]
    edges = [
        f"{edge.source.name} to {edge.target.name}" for edge in before.edges if graph is None or edge not in graph.edges
    ]
    return Point(
        "Everything that was in it before is still there",
        ok=not nodes and not edges,
        found=f"missing: {', '.join([*nodes, *edges])}",
        look_at="with mine.so_far() as system:",
    )


# --- 02: the way in


def _check_way_in(attempt: Attempt) -> Iterator[Point]:
    view = DiagramView(attempt)
    yield view.title_point("02-drawn", attempt.mine.title)
    yield _nothing_lost(attempt, view)
    yield view.node_point("users", "users")
    yield view.node_point("internet gateway", "internet gateway")
    yield view.group_point("internet gateway", "VPC")
    yield view.edge_point("users", "internet gateway")


def _way_in(cloud: Cloud, mine: Values) -> Any:
    from diagrams.aws import general, network

    with mine.so_far() as system:
        users = general.Users("users")
        with system.group("VPC"):
            users >> network.InternetGateway("internet gateway")
    return system


def _way_in_node_by_node(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Cluster
    from diagrams.aws import general, network

    with mine.so_far() as system, Cluster("VPC"):
        gateway = network.InternetGateway("internet gateway")
    with system:
        gateway << general.Client("users")
    return system


def _gateway_outside(cloud: Cloud, mine: Values) -> Any:
    from diagrams.aws import general, network

    with mine.so_far() as system:
        general.Users("users") >> network.InternetGateway("internet gateway")
    return system


def _begun_anew(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Cluster
    from diagrams.aws import general, network

    from esaws import Diagram

    with Diagram(mine.title) as system:
        users = general.Users("users")
        with Cluster("VPC"):
            users >> network.InternetGateway("internet gateway")
    return system


WAY_IN = Exercise(
    "02-drawn",
    prompt=(
        "Continue your diagram of chapter 01, with the title `{mine.title}`. Add the `users`, outside of all groups, "
        "and the `internet gateway`, in the group `VPC`. An edge goes from the users to the gateway."
    ),
    values=_values("02", "The way in"),
    check=_check_way_in,
    hints=(
        "Does the internet gateway belong to a subnet, or to the VPC?",
        "Look at `with system.group(…)`: a node belongs to the block in which it is created.",
        '`with mine.so_far() as system:`, then `users = general.Users("users")`, then `with system.group("VPC"):` and '
        '`users >> network.InternetGateway("internet gateway")`.',
    ),
    is_diagram=True,
    solutions=(_way_in, _way_in_node_by_node),
    wrong=(Wrong(_gateway_outside, "no group"), Wrong(_begun_anew, "sites-management-api")),
)


# --- 07: the load balancer


def _check_front_door(attempt: Attempt) -> Iterator[Point]:
    view = DiagramView(attempt)
    yield view.title_point("07-drawn", attempt.mine.title)
    yield _nothing_lost(attempt, view)
    yield view.node_point("alb", "load balancer")
    yield view.node_point("client-web-ui", "service")
    yield view.group_point("alb", "VPC")
    yield view.group_point("client-web-ui", "VPC")
    yield view.edge_point("internet gateway", "alb", "80")
    yield view.edge_point("alb", "client-web-ui")
    yield view.edge_point("alb", "sites-management-api")


def _front_door(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws import compute, network

    with mine.so_far() as system, system.group("VPC"):
        alb = network.ALB("alb")
        system["internet gateway"] >> Edge(label="80") >> alb
        alb >> [compute.ECS("client-web-ui"), system["sites-management-api"]]
    return system


def _front_door_backwards(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Cluster, Edge
    from diagrams.aws import compute, network

    with mine.so_far() as system, Cluster("VPC"):
        pages = compute.EC2("client-web-ui")
        alb = network.ELB("alb")
        alb << Edge(label="HTTP 80") << system["internet gateway"]
        pages << alb >> system["sites-management-api"]
    return system


def _without_the_port(cloud: Cloud, mine: Values) -> Any:
    from diagrams.aws import compute, network

    with mine.so_far() as system, system.group("VPC"):
        (
            system["internet gateway"]
            >> network.ALB("alb")
            >> [compute.ECS("client-web-ui"), system["sites-management-api"]]
        )
    return system


def _past_the_load_balancer(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws import compute, network

    with mine.so_far() as system, system.group("VPC"):
        gateway, pages = system["internet gateway"], compute.ECS("client-web-ui")
        gateway >> Edge(label="80") >> network.ALB("alb") >> pages
        gateway >> system["sites-management-api"]
    return system


FRONT_DOOR = Exercise(
    "07-drawn",
    prompt=(
        "Continue your diagram, with the title `{mine.title}`. Add the load balancer `alb` and the service "
        "`client-web-ui` to the group `VPC`. Requests come from the internet gateway to the load balancer on port 80: "
        "label that edge. The load balancer sends them on to `client-web-ui` and to `sites-management-api`."
    ),
    values=_values("07", "The front door"),
    check=_check_front_door,
    hints=(
        "Which nodes are in your diagram already, and which two are new?",
        'Look at `system["sites-management-api"]`: a node of earlier chapters, to draw an edge to.',
        '`system["internet gateway"] >> Edge(label="80") >> alb`, `alb >> [pages, system["sites-management-api"]]`.',
    ),
    is_diagram=True,
    solutions=(_front_door, _front_door_backwards),
    wrong=(Wrong(_without_the_port, "80"), Wrong(_past_the_load_balancer, "alb to sites-management-api")),
)


# --- 10: the stores


def _check_stores(attempt: Attempt) -> Iterator[Point]:
    view = DiagramView(attempt)
    yield view.title_point("10-drawn", attempt.mine.title)
    yield _nothing_lost(attempt, view)
    for name, part in (("hdm", "service"), ("redis", "cache"), ("broker", "broker"), ("clips", "bucket")):
        yield view.node_point(name, part)
    yield view.group_point("hdm", "VPC")
    yield view.group_point("redis", "VPC")
    yield view.edge_point("hdm", "redis", "6379")
    yield view.edge_point("hdm", "broker")
    yield view.edge_point("intrusion-management-api", "clips")
    yield view.edge_point("alb", "intrusion-management-api")


def _stores(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws import compute, database, integration, storage

    with mine.so_far() as system:
        broker, clips = integration.MQ("broker"), storage.S3("clips")
        with system.group("VPC"):
            hdm, redis = compute.ECS("hdm"), database.ElastiCache("redis")
            hdm >> Edge(label="6379") >> redis
            hdm >> broker
            system["alb"] >> compute.ECS("intrusion-management-api") >> clips
    return system


def _stores_from_the_end(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Cluster, Edge
    from diagrams.aws import compute, database, integration, storage

    with mine.so_far() as system:
        with Cluster("VPC"):
            hdm, api = compute.EC2("hdm"), compute.EC2("intrusion-management-api")
            database.ElasticacheForRedis("redis") << Edge(label="TCP 6379") << hdm
        integration.MQ("broker") << hdm
        storage.S3("clips") << api << system["alb"]
    return system


def _broker_to_hdm(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws import compute, database, integration, storage

    with mine.so_far() as system, system.group("VPC"):
        hdm = compute.ECS("hdm")
        integration.MQ("broker") >> hdm >> Edge(label="6379") >> database.ElastiCache("redis")
        system["alb"] >> compute.ECS("intrusion-management-api") >> storage.S3("clips")
    return system


def _without_the_bucket(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws import compute, database, integration

    with mine.so_far() as system, system.group("VPC"):
        hdm = compute.ECS("hdm")
        hdm >> Edge(label="6379") >> database.ElastiCache("redis")
        hdm >> integration.MQ("broker")
        system["alb"] >> compute.ECS("intrusion-management-api")
    return system


STORES = Exercise(
    "10-drawn",
    prompt=(
        "Finish your diagram, with the title `{mine.title}`. Add `hdm` and `redis` to the group `VPC`, and the "
        "`broker` and the bucket `clips`. HDM opens connections to Redis, on port 6379, and to the broker. The load "
        "balancer sends requests to `intrusion-management-api` as well, and that API writes to `clips`."
    ),
    values=_values("10", "SecCom"),
    check=_check_stores,
    hints=(
        "Which of the two opens the connection between HDM and the broker?",
        "Look at the rule of chapter 01: an edge starts at the part that opens the connection.",
        '`hdm >> Edge(label="6379") >> redis`, `hdm >> broker`, and `system["alb"] >> api >> clips`.',
    ),
    is_diagram=True,
    solutions=(_stores, _stores_from_the_end),
    wrong=(Wrong(_broker_to_hdm, "from broker to hdm"), Wrong(_without_the_bucket, "clips")),
)

EXERCISES = (WAY_IN, FRONT_DOOR, STORES)
