"""Chapter 01: diagrams as code, the way of a request, and what AWS says to the team's first sketch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

from esaws.architecture import Architecture
from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.course.diagram_view import DiagramView
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.network_view import NetworkView
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.errors import ApplyFailed
from esaws.inspect.account import snapshot
from esaws.reference.seccom import seccom, seccom_as_drawn
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.route import Route
from esaws.resources.route_table import RouteTable
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet

# --- the Sites API with its database


def _draft(subject: str, seed: Seed) -> str:
    return f"{subject}, draft {seed.between(2, 9)}{seed.letters(1).upper()}"


def _sites_values(seed: Seed) -> Mapping[str, Any]:
    return {"title": _draft("Sites API", seed), "subnet": seed.choice(("public-3a", "public-3b"))}


def _check_sites(attempt: Attempt) -> Iterator[Point]:
    view, mine = DiagramView(attempt), attempt.mine
    yield view.title_point("01-sites-api", mine.title)
    yield view.node_point("sites-management-api", "service")
    yield view.node_point("database", "database")
    yield view.group_point("sites-management-api", "VPC", mine.subnet)
    yield view.group_point("database", "VPC")
    yield view.edge_point("sites-management-api", "database", "5432")


def _sites_as_ecs(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Cluster, Edge
    from diagrams.aws.compute import ECS
    from diagrams.aws.database import RDS

    from esaws import Diagram

    with Diagram(mine.title) as diagram, Cluster("VPC"):
        database = RDS("database")
        with Cluster(mine.subnet):
            ECS("sites-management-api") >> Edge(label="5432") >> database
    return diagram


def _sites_as_instance(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Cluster, Edge
    from diagrams.aws.compute import EC2Instance
    from diagrams.aws.database import RDSPostgresqlInstance

    from esaws import Diagram

    with Diagram(mine.title) as diagram:
        with Cluster("VPC 172.31.0.0/16"), Cluster(f"{mine.subnet}, public"):
            api = EC2Instance("sites-management-api\n8002 → 8000")
            database = RDSPostgresqlInstance("database\nPostgreSQL 16")
        database << Edge(label="5432") << api
    return diagram


def _sites_without_groups(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws.compute import ECS
    from diagrams.aws.database import RDS

    from esaws import Diagram

    with Diagram(mine.title) as diagram:
        ECS("sites-management-api") >> Edge(label="5432") >> RDS("database")
    return diagram


def _sites_backwards(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Cluster, Edge
    from diagrams.aws.compute import ECS
    from diagrams.aws.database import RDS

    from esaws import Diagram

    with Diagram(mine.title) as diagram, Cluster("VPC"), Cluster(mine.subnet):
        RDS("database") >> Edge(label="5432") >> ECS("sites-management-api")
    return diagram


SITES_API = Exercise(
    "01-sites-api",
    prompt="Draw the Sites Management API with its database. The diagram has the title `{mine.title}`, and a group "
    "`VPC`. In it are the `database` and another group, `{mine.subnet}`, with the service `sites-management-api`. "
    "The service opens a connection to the database on port 5432: draw it as an edge with that label.",
    values=_sites_values,
    check=_check_sites,
    hints=(
        "Which of the two opens the connection, and which one answers?",
        "Look at `from diagrams import Cluster, Edge`: a node belongs to the `with Cluster(…)` in which it is created.",
        '`with Diagram(mine.title) as diagram, Cluster("VPC"):`, then `RDS("database")`, '
        'then `with Cluster(mine.subnet):` and `ECS(…) >> Edge(label="5432") >> database`.',
    ),
    is_diagram=True,
    solutions=(_sites_as_ecs, _sites_as_instance),
    wrong=(
        Wrong(_sites_without_groups, "no group"),
        Wrong(_sites_backwards, "from database to sites-management-api"),
        Wrong(lambda cloud, mine: None, "no diagram was handed in"),
    ),
)


# --- how an intrusion travels


FLOW = (
    ("cameras", "broker"),
    ("hdm", "broker"),
    ("hdm", "redis"),
    ("hdm", "intrusion-management-api"),
    ("intrusion-management-api", "cameras-api"),
    ("intrusion-management-api", "clips"),
)
"""Who opens a connection to whom, as the team describes its system."""


def _flow_values(seed: Seed) -> Mapping[str, Any]:
    return {"title": _draft("Intrusion", seed)}


def _check_flow(attempt: Attempt) -> Iterator[Point]:
    view = DiagramView(attempt)
    yield view.title_point("01-intrusion", attempt.mine.title)
    yield view.node_point("hdm", "service")
    yield view.node_point("intrusion-management-api", "service")
    yield view.node_point("cameras-api", "service")
    yield view.node_point("broker", "broker")
    yield view.node_point("redis", "cache")
    yield view.node_point("clips", "bucket")
    for source, target in FLOW:
        yield view.edge_point(source, target)
    yield view.edge_count_point(len(FLOW))


def _flow_by_lists(cloud: Cloud, mine: Values) -> Any:
    from diagrams.aws.compute import ECS
    from diagrams.aws.database import ElastiCache
    from diagrams.aws.general import Users
    from diagrams.aws.integration import MQ
    from diagrams.aws.storage import S3

    from esaws import Diagram

    with Diagram(mine.title) as diagram:
        broker, intrusion = MQ("broker"), ECS("intrusion-management-api")
        [Users("cameras"), hdm := ECS("hdm")] >> broker
        hdm >> [ElastiCache("redis"), intrusion]
        intrusion >> [ECS("cameras-api"), S3("clips")]
    return diagram


def _flow_by_pairs(cloud: Cloud, mine: Values) -> Any:
    from diagrams.aws.compute import EC2
    from diagrams.aws.database import ElasticacheForRedis
    from diagrams.aws.general import Client
    from diagrams.aws.integration import MQ
    from diagrams.aws.storage import S3

    from esaws import Diagram

    with Diagram(mine.title) as diagram:
        names = ("hdm", "cameras-api", "intrusion-management-api")
        node = {name: EC2(name) for name in names}
        broker = MQ("broker")
        broker << Client("cameras")
        broker << node["hdm"] >> ElasticacheForRedis("redis")
        node["hdm"] >> node["intrusion-management-api"] >> node["cameras-api"]
        node["intrusion-management-api"] >> S3("clips")
    return diagram


def _flow_of_data(cloud: Cloud, mine: Values) -> Any:
    from diagrams.aws.compute import ECS
    from diagrams.aws.database import ElastiCache
    from diagrams.aws.general import Users
    from diagrams.aws.integration import MQ
    from diagrams.aws.storage import S3

    from esaws import Diagram

    with Diagram(mine.title) as diagram:
        hdm, intrusion = ECS("hdm"), ECS("intrusion-management-api")
        Users("cameras") >> MQ("broker") >> hdm >> [ElastiCache("redis"), intrusion]
        ECS("cameras-api") >> intrusion >> S3("clips")
    return diagram


def _flow_without_clips(cloud: Cloud, mine: Values) -> Any:
    from diagrams.aws.compute import ECS
    from diagrams.aws.database import ElastiCache
    from diagrams.aws.general import Users
    from diagrams.aws.integration import MQ

    from esaws import Diagram

    with Diagram(mine.title) as diagram:
        broker, hdm = MQ("broker"), ECS("hdm")
        [Users("cameras"), hdm] >> broker
        hdm >> [ElastiCache("redis"), intrusion := ECS("intrusion-management-api")]
        intrusion >> ECS("cameras-api")
    return diagram


INTRUSION = Exercise(
    "01-intrusion",
    prompt="Draw how an intrusion travels, with the title `{mine.title}` and no groups. Its parts are `cameras`, "
    "`broker`, `hdm`, `redis`, `intrusion-management-api`, `cameras-api` and `clips`. "
    "**An edge starts at the part that opens the connection.** There are six edges.",
    values=_flow_values,
    check=_check_flow,
    hints=(
        "The HDM reads frames from the broker. Which of the two connects to the other?",
        "Read the story sentence by sentence: *send*, *read*, *keep*, *report*, *ask* and *store* are the six edges.",
        "`hdm >> [redis, intrusion]` draws two edges at once, and `[cameras, hdm] >> broker` two more.",
    ),
    solutions=(_flow_by_lists, _flow_by_pairs),
    wrong=(Wrong(_flow_of_data, "goes from broker to hdm"), Wrong(_flow_without_clips, "it has 5")),
)


# --- the way of a request


PATHS = (
    "/owners",
    "/cameras-api/clips",
    "/sites-management-api/owners",
    "/sites-management-apifoo",
    "/intrusion-management-api/events",
)


def answering_service(path: str) -> tuple[str, int]:
    """Return the service of `ha` that answers a path at the load balancer, and its host port."""
    system = seccom("ha")
    rules = sorted(system.of(ListenerRule), key=lambda rule: rule.priority)
    matching = [rule.target_group for rule in rules if any(fnmatchcase(path, pattern) for pattern in rule.paths)]
    target_group = matching[0] if matching else system.of(Listener)[0].default
    [service] = [each for each in system.of(Service) if each.target_group == target_group]
    return service.name, service.task_definition.host_port or 0


def _request_values(seed: Seed) -> Mapping[str, Any]:
    return {"title": _draft("Request", seed), "path": seed.choice(PATHS)}


def _check_request(attempt: Attempt) -> Iterator[Point]:
    view, mine = DiagramView(attempt), attempt.mine
    service, port = answering_service(mine.path)
    yield view.title_point("01-request", mine.title)
    yield view.node_point("users", "users")
    yield view.node_point("igw", "internet gateway")
    yield view.node_point("alb", "load balancer")
    yield view.edge_point("users", "igw")
    yield view.edge_point("igw", "alb", "80")
    to_a_service = [edge for edge in view.graph.edges if edge.source.name == "alb"] if view.graph else []
    names = ", ".join(f"{edge.target.name} ({edge.label})" for edge in to_a_service) or "no service"
    is_right = [edge.target.name for edge in to_a_service] == [service] and str(port) in to_a_service[0].label
    yield Point(
        f"The load balancer forwards {mine.path} to the service that answers it, on its host port",
        ok=is_right,
        found=f"it forwards to {names}",
        look_at="seccom('ha').to_frame(ListenerRule): the first rule whose path matches, else the default",
    )


def _request_by_table(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws.compute import ECS
    from diagrams.aws.general import Users
    from diagrams.aws.network import ALB, InternetGateway

    from esaws import Diagram

    name, port = "client-web-ui", "4201"
    if mine.path.startswith("/sites-management-api"):
        name, port = "sites-management-api", "8002"
    if mine.path.startswith("/intrusion-management-api"):
        name, port = "intrusion-management-api", "8001"
    with Diagram(mine.title) as diagram:
        alb = ALB("alb")
        Users("users") >> InternetGateway("igw") >> Edge(label="80") >> alb
        alb >> Edge(label=port) >> ECS(name)
    return diagram


def _request_with_ports_in_words(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Cluster, Edge
    from diagrams.aws.compute import EC2Instance
    from diagrams.aws.general import Users
    from diagrams.aws.network import ELB, InternetGateway

    from esaws import Diagram

    answers = {"/sites-management-api": ("sites-management-api", 8002)}
    answers["/intrusion-management-api"] = ("intrusion-management-api", 8001)
    matching = [each for start, each in answers.items() if mine.path.startswith(start)]
    name, port = (*matching, ("client-web-ui", 4201))[0]
    with Diagram(mine.title) as diagram:
        users = Users("users")
        with Cluster("VPC"):
            igw, alb = InternetGateway("igw"), ELB("alb")
            alb >> Edge(label=f"{mine.path}\nport {port}") >> EC2Instance(name)
        users >> igw >> Edge(label="port 80") >> alb
    return diagram


def _request_as_the_path_says(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws.compute import ECS
    from diagrams.aws.general import Users
    from diagrams.aws.network import ALB, InternetGateway

    from esaws import Diagram

    with Diagram(mine.title) as diagram:
        alb = ALB("alb")
        Users("users") >> InternetGateway("igw") >> Edge(label="80") >> alb
        alb >> Edge(label="8003") >> ECS("cameras-api")
    return diagram


def _request_on_the_container_port(cloud: Cloud, mine: Values) -> Any:
    from diagrams import Edge
    from diagrams.aws.compute import ECS
    from diagrams.aws.general import Users
    from diagrams.aws.network import ALB, InternetGateway

    from esaws import Diagram

    with Diagram(mine.title) as diagram:
        alb = ALB("alb")
        Users("users") >> InternetGateway("igw") >> Edge(label="80") >> alb
        alb >> Edge(label="8000") >> ECS(answering_service(mine.path)[0])
    return diagram


REQUEST = Exercise(
    "01-request",
    prompt="Draw the way of a request to `{mine.path}`, with the title `{mine.title}`: from the `users` through the "
    "internet gateway `igw` and the load balancer `alb` to **the one service that answers**. Give the last two edges "
    "the port on which the connection arrives as their label.",
    values=_request_values,
    check=_check_request,
    hints=(
        "In which order does the load balancer try its rules, and what if none matches?",
        "Look at the rules' `paths` and `target_group`, and at the default of the kind `Listener`. The star in a path "
        "also matches no character at all.",
        '`Users("users") >> InternetGateway("igw") >> Edge(label="80") >> alb`, then '
        '`alb >> Edge(label="…") >> ECS("…")` with the host port of the service.',
    ),
    solutions=(_request_by_table, _request_with_ports_in_words),
    wrong=(
        Wrong(_request_as_the_path_says, "it forwards to cameras-api"),
        Wrong(_request_on_the_container_port, "(8000)"),
    ),
)


# --- the sketch, changed so that AWS takes it


def sketched_network() -> Architecture:
    """Return the network of the team's sketch: a VPC with an internet gateway and one public subnet."""
    return seccom_as_drawn().just(Route, RouteTableAssociation)


def _zone_values(seed: Seed) -> Mapping[str, Any]:
    zone = seed.choice("bc")
    return {"zone": zone, "name": f"public-3{zone}", "cidr": f"172.31.{16 * seed.between(5, 15)}.0/20"}


def _deploy_sketched_network(cloud: Cloud, mine: Values) -> None:
    plan_deploy([*sketched_network().of(Route, RouteTableAssociation)], cloud).apply()


def _check_two_zones(attempt: Attempt) -> Iterator[Point]:
    network, mine = NetworkView(attempt), attempt.mine
    yield network.block_point(mine.cidr, mine.zone)
    second = network.subnet_with(mine.cidr)
    balancers = snapshot(attempt.cloud, "LoadBalancers")["LoadBalancers"]
    name = attempt.cloud.aws_name("alb")
    zones = [zone for raw in balancers if raw["LoadBalancerName"] == name for zone in raw["AvailabilityZones"]]
    letters = sorted(zone["ZoneName"].removeprefix(attempt.cloud.region) for zone in zones)
    wanted = ["a", mine.zone]
    yield Point(
        f"The load balancer alb is in the zones a and {mine.zone}",
        ok=letters == wanted and second is not None and second["SubnetId"] in {zone["SubnetId"] for zone in zones},
        found=f"its zones are {', '.join(letters)}" if letters else f"there is no load balancer {name}",
        look_at="the field subnets of the LoadBalancer, and the zone of each subnet",
    )
    if second is None:
        return
    yield Point(
        f"The subnet {mine.cidr} has a route to the internet gateway",
        ok=network.default_target(second).startswith("igw-"),
        found="it has none: the nodes of an internet-facing load balancer there are not reachable",
        look_at="a RouteTableAssociation of the route table `public`",
    )
    kept = attempt.live("Subnet", "public-3a")
    yield Point(
        "public-3a is the subnet that it was",
        ok=kept is not None and attempt.before.get(kept.key, kept.id) == kept.id,
        found="it was deleted" if kept is None else "it was created anew",
        look_at="inventory(cloud)",
    )
    yield Point(
        f"A teardown finds the subnet: its tags say {mine.name}",
        ok=attempt.cloud.owned_name(tag_dict(second.get("Tags"))) == mine.name,
        found=f"its tags are {tag_dict(second.get('Tags'))}",
        look_at="cloud.tags(mine.name)",
    )


def _two_zones_by_plan(cloud: Cloud, mine: Values) -> None:
    sketch = seccom_as_drawn()
    alb, public = sketch.get(LoadBalancer, "alb"), sketch.get(Subnet, "public-3a")
    second = public.replace(name=mine.name, zone=mine.zone, cidr=mine.cidr)
    association = RouteTableAssociation(table=sketch.get(RouteTable, "public"), subnet=second)
    plan_deploy([alb.replace(subnets=(public, second)), association], cloud).apply()


def _two_zones_by_boto3(cloud: Cloud, mine: Values) -> None:
    ec2, existing = cloud.client("ec2"), inventory(cloud)
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags(mine.name).items()]
    second = ec2.create_subnet(
        VpcId=existing["VPC", "vpc"].id,
        CidrBlock=mine.cidr,
        AvailabilityZone=f"{cloud.region}{mine.zone}",
        TagSpecifications=[{"ResourceType": "subnet", "Tags": tags}],
    )["Subnet"]["SubnetId"]
    ec2.associate_route_table(SubnetId=second, RouteTableId=existing["RouteTable", "public"].id)
    cloud.client("elbv2").create_load_balancer(
        Name=cloud.aws_name("alb"),
        Subnets=[existing["Subnet", "public-3a"].id, second],
        Tags=[{"Key": key, "Value": value} for key, value in cloud.tags("alb").items()],
    )


def _second_subnet_in_the_same_zone(cloud: Cloud, mine: Values) -> None:
    sketch = seccom_as_drawn()
    alb, public = sketch.get(LoadBalancer, "alb"), sketch.get(Subnet, "public-3a")
    second = public.replace(name=mine.name, cidr=mine.cidr)
    with suppress(ApplyFailed):
        plan_deploy([alb.replace(subnets=(public, second))], cloud).apply()


def _second_subnet_without_route(cloud: Cloud, mine: Values) -> None:
    sketch = seccom_as_drawn()
    alb, public = sketch.get(LoadBalancer, "alb"), sketch.get(Subnet, "public-3a")
    second = public.replace(name=mine.name, zone=mine.zone, cidr=mine.cidr)
    plan_deploy([alb.replace(subnets=(public, second))], cloud).apply()


TWO_ZONES = Exercise(
    "01-two-zones",
    prompt="Change the sketch so that AWS creates its load balancer: give `alb` a second public subnet, "
    "`{mine.name}`, in zone {mine.zone} with the block `{mine.cidr}`. The subnet `public-3a` stays as it is.",
    values=_zone_values,
    check=_check_two_zones,
    start=_deploy_sketched_network,
    hints=(
        "What did AWS ask for when it refused the load balancer?",
        "Look at the fields `zone` and `cidr` of the Subnet, and at what makes `public-3a` public.",
        "`public.replace(name=mine.name, zone=mine.zone, cidr=mine.cidr)` is the second subnet. It needs a "
        "`RouteTableAssociation(table=…, subnet=…)`, and the load balancer `alb.replace(subnets=(public, second))`.",
    ),
    solutions=(_two_zones_by_plan, _two_zones_by_boto3),
    wrong=(
        Wrong(_second_subnet_in_the_same_zone, "is in zone a"),
        Wrong(_second_subnet_without_route, "it has none"),
    ),
    notices=("LoadBalancer:alb", "RouteTableAssociation:{mine.name}", "Route:public 0.0.0.0/0"),
)


CHAPTER = Chapter(
    "01",
    "Draw it",
    minutes=25,
    exercises=(SITES_API, INTRUSION, REQUEST, TWO_ZONES),
    predictions=("01-resources", "01-balancer", "01-database", "01-redis", "01-way-out", "01-registered", "01-hour"),
)
