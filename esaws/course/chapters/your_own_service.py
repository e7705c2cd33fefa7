"""Chapter 20: a seventh service of your own, graded on a copy of the account under three failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import inspect, simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.probes import failed_requests
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.inspect.account import Account
from esaws.inspect.monthly_total import monthly_total
from esaws.inspect.request_path import KEYS as TRACED_KEYS
from esaws.reference.seccom import seccom
from esaws.resource import Live
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.instance_profile import InstanceProfile
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.log_group import LogGroup
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet
from esaws.resources.target_group import TargetGroup
from esaws.resources.task_definition import TaskDefinition
from esaws.resources.vpc import VPC

SERVICE = "thumbnails"
OTHERS = {"/": "client-web-ui", "/sites-management-api/": "sites-management-api"}
"""A path of each of the other services."""
RATE = 5
"""Requests a second during the failures. One task serves 49."""


def start() -> Architecture:
    """Return two of the six services, with their database."""
    return seccom("ha", services=("client-web-ui", "sites-management-api"))


def prepare(cloud: Cloud) -> None:
    """Give the targets time to pass their first health checks."""
    simulation.advance(cloud, "10m")


def _values(seed: Seed) -> Mapping[str, Any]:
    """Return the values that the exercises of this chapter share."""
    shared = seed.shared("20")
    word, port = shared.letters(4), shared.between(8100, 8999)
    return {"path": f"/thumbnails-{word}", "port": port, "usd": shared.between(37, 45)}


# --- what all checks need


def _serves(account: Account, path: str, service: str = SERVICE) -> bool:
    """Whether a path has a healthy target that the load balancer reaches, where a task of the service listens."""
    targets = inspect.trace(account, f"http://seccom{path}").targets
    usable = [hop for hop in targets if hop.state == "healthy" and hop.eligible and hop.reached == "allow"]
    return any(hop.task.endswith(f"-{service}") for hop in usable)


def _answers(account: Account, path: str) -> Point:
    """Whether the learner's path is answered."""
    return Point(
        f"The service answers: {path}/17.png has a healthy target of {SERVICE}",
        _serves(account, f"{path}/17.png"),
        "the rule, the target group or its targets do not take the request",
        f'inspect.trace(cloud, "http://seccom{path}/17.png"), and inspect.health(cloud)',
        is_needed=True,
    )


def _exists(attempt: Attempt) -> Point:
    return Point(
        f"Service {SERVICE} exists",
        attempt.index.get("Service", SERVICE) is not None,
        f"the services are {', '.join(live.name for live in attempt.index if live.kind == 'Service') or 'none'}",
        "inventory(cloud)",
        is_needed=True,
    )


def _goes_on(attempt: Attempt) -> Iterator[Point]:
    """The points that each check starts with; the last one says whether the rest can be examined."""
    yield _exists(attempt)
    yield _answers(attempt.account, attempt.mine.path)


# --- it answers


def _check_answers(attempt: Attempt) -> Iterator[Point]:
    yield from _goes_on(attempt)
    account, path = attempt.account, attempt.mine.path
    for each in (path, f"{path}/"):
        yield Point(f"{each} is answered, too", _serves(account, each), "it goes elsewhere", "inspect.rules(cloud)")
    other = inspect.trace(account, f"http://seccom{path}foo").trace
    yield Point(
        f"{path}foo goes to the default rule",
        other.rule is not None and other.rule.priority == "default",
        f"the rule {other.rule.priority if other.rule else 'unknown'} gets it",
        "the paths of your rule: the bare path, and everything below it",
    )
    yield _container_port(attempt)
    silent = [each for each, service in OTHERS.items() if not _serves(account, each, service)]
    yield Point(
        "The other services still answer", not silent, f"no target answers {', '.join(silent)}", "inspect.rules"
    )
    gone = [f"{kind} {name}" for (kind, name), id in attempt.before.items() if not _is_same(attempt, kind, name, id)]
    yield Point(
        "What existed before is still there", not gone, f"gone or new: {', '.join(gone[:5])}", "inventory(cloud)"
    )


def _is_same(attempt: Attempt, kind: str, name: str, id: str) -> bool:
    live = attempt.index.get(kind, name)
    return live is not None and (live.id == id or kind == "TaskDefinition")


def _container_port(attempt: Attempt) -> Point:
    definition = attempt.index.get("TaskDefinition", SERVICE)
    port = definition.fields["container_port"] if definition else None
    return Point(
        f"Its container listens on port {attempt.mine.port}",
        port == attempt.mine.port,
        f"the task definition {SERVICE} has port {port}" if definition else f"no task definition {SERVICE}",
        "container_port of the TaskDefinition",
        is_needed=True,
    )


def _own_ports(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha", services=("client-web-ui", "sites-management-api"))
    vpc, alb, listener = ha.get(VPC, "vpc"), ha.get(SecurityGroup, "ALB-sg"), ha.get(Listener, "alb 80")
    group = SecurityGroup(name="Thumbnails-sg", vpc=vpc, description="Thumbnails")
    door = SecurityGroupRule(group=group, from_port=8004, to_port=8004, peer=alb)
    targets = TargetGroup(name="thumbnails-tg", vpc=vpc, health_path=f"{mine.path}/")
    paths = (mine.path, f"{mine.path}/*")
    rule = ListenerRule(name="thumbnails", listener=listener, priority=50, paths=paths, target_group=targets)
    recipe = TaskDefinition(
        name="thumbnails",
        image=ECRImage(repository=ECRRepository(name="thumbnails")),
        container_port=mine.port,
        host_port=8004,
        environment=(("ALB_PREFIX", mine.path),),
        log_group=LogGroup(name="thumbnails", retention_days=7),
    )
    cluster = Cluster(name="thumbnails-cluster")
    template = LaunchTemplate(
        name="thumbnails",
        cluster=cluster,
        security_groups=(group,),
        instance_profile=ha.get(InstanceProfile, "ecs-instance"),
    )
    subnets = (ha.get(Subnet, "public-3a"), ha.get(Subnet, "public-3b"))
    instances = AutoScalingGroup(
        name="thumbnails-asg",
        template=template,
        subnets=subnets,
        minimum=2,
        maximum=2,
        desired_capacity=2,
    )
    service = Service(
        name="thumbnails",
        cluster=cluster,
        task_definition=recipe,
        target_group=targets,
        container_port=mine.port,
        after=(rule, instances),
    )
    plan_deploy([service, door, rule], cloud).apply()
    wait_until_serving(cloud)


def _any_port(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha", services=("client-web-ui", "sites-management-api"))
    vpc = system.get(VPC, "vpc")
    group = SecurityGroup(name="Thumbnails-sg", vpc=vpc, description="Thumbnails")
    ephemeral = SecurityGroupRule(group=group, from_port=32768, to_port=65535, peer=system.get(SecurityGroup, "ALB-sg"))
    cluster = Cluster(name="thumbnails-cluster")
    old = system.get(AutoScalingGroup, "client-web-ui-asg")
    template = old.template.replace(name="thumbnails", cluster=cluster, security_groups=(group,))
    instances = old.replace(name="thumbnails-asg", template=template, maximum=2)
    targets = TargetGroup(name="thumbnails-tg", vpc=vpc, health_path=f"{mine.path}/", health_interval=10)
    rule = ListenerRule(
        name="thumbnails",
        listener=system.get(Listener, "alb 80"),
        priority=7,
        paths=(mine.path, f"{mine.path}/*"),
        target_group=targets,
    )
    recipe = system.get(TaskDefinition, "sites-management-api").replace(
        name="thumbnails",
        image=ECRImage(repository=ECRRepository(name="thumbnails")),
        command=(),
        container_port=mine.port,
        host_port=None,
        memory=400,
        environment=(("ALB_PREFIX", mine.path),),
        after=(),
    )
    service = Service(
        name="thumbnails",
        cluster=cluster,
        task_definition=recipe,
        target_group=targets,
        container_port=mine.port,
        minimum_healthy=100,
        after=(rule, instances),
    )
    plan_deploy([service, ephemeral], cloud).apply()
    wait_until_serving(cloud)


def _build(
    cloud: Cloud,
    mine: Values,
    *,
    health_path: str | None = None,
    paths: tuple[str, ...] = (),
    peer: str | None = None,
    subnets: tuple[str, ...] = ("public-3a", "public-3b"),
    instances: int = 2,
    tasks: int = 2,
    instance_type: str = "t2.micro",
) -> None:
    """Deploy the service with a fault."""
    system = start()
    vpc = system.get(VPC, "vpc")
    group = SecurityGroup(name="Thumbnails-sg", vpc=vpc, description="Thumbnails")
    door = SecurityGroupRule(
        group=group, from_port=8004, to_port=8004, peer=peer or system.get(SecurityGroup, "ALB-sg")
    )
    targets = TargetGroup(name="thumbnails-tg", vpc=vpc, health_path=health_path or f"{mine.path}/")
    rule = ListenerRule(
        name=SERVICE,
        listener=system.get(Listener, "alb 80"),
        priority=50,
        paths=paths or (mine.path, f"{mine.path}/*"),
        target_group=targets,
    )
    recipe = TaskDefinition(
        name=SERVICE,
        image=ECRImage(repository=ECRRepository(name=SERVICE)),
        container_port=mine.port,
        host_port=8004,
        environment=(("ALB_PREFIX", mine.path),),
        log_group=LogGroup(name=SERVICE),
    )
    cluster = Cluster(name=f"{SERVICE}-cluster")
    template = LaunchTemplate(
        name=SERVICE,
        cluster=cluster,
        instance_type=instance_type,
        security_groups=(group,),
        instance_profile=system.get(InstanceProfile, "ecs-instance"),
    )
    fleet = AutoScalingGroup(
        name=f"{SERVICE}-asg",
        template=template,
        subnets=tuple(system.get(Subnet, name) for name in subnets),
        minimum=instances,
        maximum=instances,
        desired_capacity=instances,
    )
    service = Service(
        name=SERVICE,
        cluster=cluster,
        task_definition=recipe,
        desired_count=tasks,
        target_group=targets,
        container_port=mine.port,
        after=(rule, fleet),
    )
    plan_deploy([service, door, rule], cloud).apply()
    simulation.advance(cloud, "5m")


def _checked_at_another_path(cloud: Cloud, mine: Values) -> None:
    _build(cloud, mine, health_path="/")


def _rule_with_the_trap(cloud: Cloud, mine: Values) -> None:
    _build(cloud, mine, paths=(f"{mine.path}*",))


_WAYS = (_own_ports, _any_port)

ANSWERS = Exercise(
    "20-answers",
    prompt=(
        "Build the service `thumbnails`. It answers at `{mine.path}` and everything below it, behind the load balancer "
        "of SecCom, and at no other path. Its task definition is called `thumbnails`; its container listens on port "
        "**{mine.port}**. The other services stay as they are."
    ),
    values=_values,
    check=_check_answers,
    hints=(
        'Which resources of the Sites API does your service need, too? `seccom("ha").to_frame()` counts them by kind.',
        "Go in the order of the course: group and rule, image and task definition, cluster and instances, target group "
        "and listener rule, service. Notebooks 03, 05, 06, 07 and 08 have one part each.",
        '`Service(name="thumbnails", cluster=…, task_definition=…, target_group=…, container_port={mine.port}, '
        "after=(rule, instances))`; the health path is `{mine.path}/`, and `ALB_PREFIX` is `{mine.path}`",
    ),
    solutions=_WAYS,
    wrong=(
        Wrong(_checked_at_another_path, "do not take the request"),
        Wrong(_rule_with_the_trap, "foo goes to the default rule"),
    ),
    notices=("ListenerRule:thumbnails", "Service:thumbnails"),
)


# --- it is closed


def _check_closed(attempt: Attempt) -> Iterator[Point]:
    yield from (start_points := list(_goes_on(attempt)))
    if not start_points[0].ok:
        return
    frame = inspect.matrix(attempt.account).to_frame()
    ours = frame[(frame.destination == f"service/{SERVICE}") & (frame.decision != "deny")]
    for source in ("internet", *sorted({*frame.source.astype(str)} - {"internet", "alb/alb", f"service/{SERVICE}"})):
        ports = sorted({*ours.port[ours.source == source]})
        if not ports and source != "internet":
            continue
        yield Point(
            f"{source} does not reach the instances of {SERVICE}",
            not ports,
            f"it reaches port {', '.join(map(str, ports))}",
            "the rules of the group of your instances",
        )
    sources = sorted({*ours.source.astype(str)})
    yield Point(
        "Only the load balancer reaches them",
        sources == ["alb/alb"],
        f"{', '.join(sources) or 'nothing'} does",
        "inspect.matrix(cloud).draw()",
    )
    yield _away_from_the_database(frame)


def _away_from_the_database(frame: Any) -> Point:
    rows = frame[(frame.source == f"service/{SERVICE}") & (frame.destination == "db/database")]
    reached = sorted({*rows.port[rows.decision != "deny"]})
    return Point(
        "They do not reach the database",
        not reached and len(rows) > 0,
        f"they reach its port {', '.join(map(str, reached))}" if reached else "there is no database",
        "the groups of your instances: ec2-rds-1 belongs to the Sites API alone",
    )


def _open_to_the_world(cloud: Cloud, mine: Values) -> None:
    _build(cloud, mine, peer="0.0.0.0/0")


def _open_to_the_network(cloud: Cloud, mine: Values) -> None:
    _build(cloud, mine, peer="172.31.0.0/16")


CLOSED = Exercise(
    "20-closed",
    prompt=(
        "Only the load balancer reaches the instances of `thumbnails`: no port is open to the internet, none to the "
        "instances of other services. They do not reach the database. The service at `{mine.path}` still answers."
    ),
    values=_values,
    check=_check_closed,
    hints=(
        "Which peer do the rules of your group name: an address range, or a group?",
        "`inspect.matrix(cloud).draw()` has a row for each port of your service. Who is in it?",
        '`SecurityGroupRule(group=yours, from_port=…, to_port=…, peer=ha.get(SecurityGroup, "ALB-sg"))`, and no other '
        "inbound rule",
    ),
    solutions=_WAYS,
    wrong=(Wrong(_open_to_the_world, "it reaches port 8004"), Wrong(_open_to_the_network, "service/client-web-ui")),
    notices=("Service:thumbnails",),
)


# --- it survives


def _check_survives(attempt: Attempt) -> Iterator[Point]:
    yield from (start_points := list(_goes_on(attempt)))
    if not all(point.ok for point in start_points):
        return
    service, path = attempt.index["Service", SERVICE], attempt.mine.path
    with attempt.copy() as copy:
        simulation.traffic(copy, path=f"{path}/", requests_per_second=RATE)
        simulation.advance(copy, "2m")
        instances = _instances(copy, service)
        simulation.fail(copy, task=_tasks(copy, service)[0])
        yield _survived(copy, path, "A task stops")
        simulation.fail(copy, instance=min(instances))
        yield _survived(copy, path, "An instance fails")
    with attempt.copy() as copy:
        simulation.traffic(copy, path=f"{path}/", requests_per_second=RATE)
        simulation.advance(copy, "2m")
        zones = list(_instances(copy, service).values())
        simulation.fail(copy, zone=max(sorted(set(zones)), key=zones.count))
        yield _survived(copy, path, "The zone with most of its instances fails")


def _survived(copy: Cloud, path: str, what: str) -> Point:
    """Whether no request fails in six minutes, from the second minute after a failure on."""
    begin = simulation.advance(copy, "2m")
    failed = failed_requests(copy, begin, simulation.advance(copy, "6m"))
    still = _serves(inspect.snapshot(copy, *TRACED_KEYS), f"{path}/17.png")
    return Point(
        f"{what}: two minutes later, no request fails",
        failed == 0 and still,
        f"{failed} requests failed in the six minutes after that" if still else "no healthy target is left",
        "the numbers of tasks and instances, and the subnets of the group",
    )


def _tasks(cloud: Cloud, service: Live) -> list[str]:
    """The ARNs of the running tasks of a service that answers, which has at least one."""
    cluster, name = service.raw["clusterArn"], service.raw["serviceName"]
    return sorted(cloud.client("ecs").list_tasks(cluster=cluster, serviceName=name)["taskArns"])


def _instances(cloud: Cloud, service: Live) -> dict[str, str]:
    """The zone of each instance on which tasks of a service run, by its id."""
    ecs, cluster = cloud.client("ecs"), service.raw["clusterArn"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=_tasks(cloud, service))["tasks"]
    hosts = sorted({task["containerInstanceArn"] for task in tasks if task["lastStatus"] == "RUNNING"})
    described = ecs.describe_container_instances(cluster=cluster, containerInstances=hosts)["containerInstances"]
    ids = [each["ec2InstanceId"] for each in described]
    reservations = cloud.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    found = [each for raw in reservations for each in raw["Instances"]]
    return {each["InstanceId"]: each["Placement"]["AvailabilityZone"] for each in found}


def _one_task(cloud: Cloud, mine: Values) -> None:
    _build(cloud, mine, instances=1, tasks=1)


def _one_zone(cloud: Cloud, mine: Values) -> None:
    _build(cloud, mine, subnets=("public-3a",))


SURVIVES = Exercise(
    "20-survives",
    prompt=(
        "The service at `{mine.path}` survives three failures: a task that stops, an instance that fails, and a zone "
        "that fails. Two minutes after each of them, no request fails any more. The check tries them on a copy."
    ),
    values=_values,
    check=_check_survives,
    hints=(
        "What is left of your service when the zone with most of its instances is gone?",
        "Look at the subnets of your Auto Scaling group, and at the desired count of the service.",
        "`AutoScalingGroup(…, subnets=(public_a, public_b), minimum=2, …)` and `Service(…, desired_count=2)`",
    ),
    solutions=_WAYS,
    wrong=(
        Wrong(_one_task, "no healthy target is left"),
        Wrong(_one_zone, "The zone with most of its instances fails"),
    ),
    notices=("Service:thumbnails", "AutoScalingGroup:thumbnails-asg"),
)


# --- it is cheap enough


def _check_money(attempt: Attempt) -> Iterator[Point]:
    yield from _goes_on(attempt)
    cloud = attempt.cloud
    usages = [usage for resource in start().fitted(cloud) for usage in resource.usage()]
    before = cloud.prices.monthly_cost(usages, cloud.region).usd or 0
    now = monthly_total(attempt.account, cloud.prices)
    more = None if now.usd is None or not now.is_complete else float(now.usd - before)
    yield Point(
        f"The account costs at most {attempt.mine.usd} USD a month more than before",
        more is not None and more <= attempt.mine.usd,
        f"it costs {more:.0f} USD more" if more is not None else f"the price is unknown: {now.text}",
        "cost an hour of `course.begin`, and the price of each line of your plan",
        is_needed=True,
    )


def _four_instances(cloud: Cloud, mine: Values) -> None:
    _build(cloud, mine, instances=4)


def _larger_instances(cloud: Cloud, mine: Values) -> None:
    _build(cloud, mine, instance_type="t3.medium")


MONEY = Exercise(
    "20-money",
    prompt=(
        "With the service at `{mine.path}`, the account costs at most **{mine.usd} USD a month** more than before, at "
        "list price."
    ),
    values=_values,
    check=_check_money,
    hints=(
        "What does one instance cost a month, with its disk and its public address?",
        "The column `usd_month` of a plan: `plan.to_frame()`.",
        "Two t2.micro are enough: `minimum=2, maximum=2, desired_capacity=2`",
    ),
    solutions=_WAYS,
    wrong=(Wrong(_four_instances, "USD more"), Wrong(_larger_instances, "USD more")),
    notices=("Service:thumbnails",),
)


CHAPTER = Chapter(
    "20",
    "Your own service",
    minutes=45,
    start=start,
    prepare=prepare,
    exercises=(ANSWERS, CLOSED, SURVIVES, MONEY),
    predictions=("20-resources", "20-price", "20-weakest", "20-port"),
)
