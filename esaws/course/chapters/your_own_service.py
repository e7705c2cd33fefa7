"""Chapter 20: a seventh service of your own, graded on a copy of the account under three failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from esaws import inspect, simulation
from esaws.cloud import Cloud
from esaws.course.chapters._survival import SURVIVES
from esaws.course.chapters._thumbnails import SERVICE, WAYS, build, start
from esaws.course.chapters._thumbnails_answer import first_points, learner_values, serves
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.inspect.monthly_total import monthly_total

OTHERS = {"/": "client-web-ui", "/sites-management-api/": "sites-management-api"}
"""A path of each of the other services."""


def prepare(cloud: Cloud) -> None:
    """Give the targets time to pass their first health checks."""
    simulation.advance(cloud, "10m")


# --- it answers


def _check_answers(attempt: Attempt) -> Iterator[Point]:
    yield from first_points(attempt)
    account, path = attempt.account, attempt.mine.path
    for each in (path, f"{path}/"):
        yield Point(f"{each} is answered, too", serves(account, each), "it goes elsewhere", "inspect.rules(cloud)")
    other = inspect.trace(account, f"http://seccom{path}foo").trace
    yield Point(
        f"{path}foo goes to the default rule",
        other.rule is not None and other.rule.priority == "default",
        f"the rule {other.rule.priority if other.rule else 'unknown'} gets it",
        "the paths of your rule: the bare path, and everything below it",
    )
    yield _container_port(attempt)
    silent = [each for each, service in OTHERS.items() if not serves(account, each, service)]
    yield Point(
        "The other services still answer", not silent, f"no target answers {', '.join(silent)}", "inspect.rules(cloud)"
    )
    gone = [f"{kind} {name}" for (kind, name), id in attempt.before.items() if not _is_same(attempt, kind, name, id)]
    yield Point(
        "What existed before is still there", not gone, f"gone or new: {', '.join(gone[:5])}", "inventory(cloud)"
    )


def _is_same(attempt: Attempt, kind: str, name: str, id: str) -> bool:
    live = attempt.live(kind, name)
    return live is not None and (live.id == id or kind == "TaskDefinition")


def _container_port(attempt: Attempt) -> Point:
    definition = attempt.live("TaskDefinition", SERVICE)
    port = definition.fields["container_port"] if definition else None
    return Point(
        f"Its container listens on port {attempt.mine.port}",
        port == attempt.mine.port,
        f"the task definition {SERVICE} has port {port}" if definition else f"no task definition {SERVICE}",
        "container_port of the TaskDefinition",
        is_needed=True,
    )


def _checked_at_another_path(cloud: Cloud, mine: Values) -> None:
    build(cloud, mine, health_path="/")


def _rule_with_the_trap(cloud: Cloud, mine: Values) -> None:
    build(cloud, mine, paths=(f"{mine.path}*",))


ANSWERS = Exercise(
    "20-answers",
    prompt=(
        "Build the service `thumbnails`. It answers at `{mine.path}` and everything below it, behind the load balancer "
        "of SecCom, and at no other path. Its task definition is called `thumbnails`; its container listens on port "
        "**{mine.port}**. The other services stay as they are."
    ),
    values=learner_values,
    check=_check_answers,
    hints=(
        'Which resources of the Sites API does your service need, too? `seccom("ha").to_frame()` counts them by kind.',
        "Go in the order of the course: group and rule, image and task definition, cluster and instances, target group "
        "and listener rule, service. Notebooks 03, 05, 06, 07 and 08 have one part each.",
        '`Service(name="thumbnails", cluster=…, task_definition=…, target_group=…, container_port={mine.port}, '
        "after=(rule, instances))`; the health path is `{mine.path}/`, and `ALB_PREFIX` is `{mine.path}`",
    ),
    solutions=WAYS,
    wrong=(
        Wrong(_checked_at_another_path, "do not take the request"),
        Wrong(_rule_with_the_trap, "foo goes to the default rule"),
    ),
    notices=("ListenerRule:thumbnails", "Service:thumbnails"),
)


# --- it is closed


def _check_closed(attempt: Attempt) -> Iterator[Point]:
    yield from (start_points := list(first_points(attempt)))
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
    build(cloud, mine, peer="0.0.0.0/0")


def _open_to_the_network(cloud: Cloud, mine: Values) -> None:
    build(cloud, mine, peer="172.31.0.0/16")


CLOSED = Exercise(
    "20-closed",
    prompt=(
        "Only the load balancer reaches the instances of `thumbnails`: no port is open to the internet, none to the "
        "instances of other services. They do not reach the database. The service at `{mine.path}` still answers."
    ),
    values=learner_values,
    check=_check_closed,
    hints=(
        "Which peer do the rules of your group name: an address range, or a group?",
        "`inspect.matrix(cloud).draw()` has a row for each port of your service. Who is in it?",
        '`SecurityGroupRule(group=yours, from_port=…, to_port=…, peer=ha.get(SecurityGroup, "ALB-sg"))`, and no other '
        "inbound rule",
    ),
    solutions=WAYS,
    wrong=(Wrong(_open_to_the_world, "it reaches port 8004"), Wrong(_open_to_the_network, "service/client-web-ui")),
    notices=("Service:thumbnails",),
)


# --- it is cheap enough


def _check_money(attempt: Attempt) -> Iterator[Point]:
    yield from first_points(attempt)
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
    build(cloud, mine, instances=4)


def _larger_instances(cloud: Cloud, mine: Values) -> None:
    build(cloud, mine, instance_type="t3.medium")


MONEY = Exercise(
    "20-money",
    prompt=(
        "With the service at `{mine.path}`, the account costs at most **{mine.usd} USD a month** more than before, at "
        "list price."
    ),
    values=learner_values,
    check=_check_money,
    hints=(
        "What does one instance cost a month, with its disk and its public address?",
        "The column `usd_month` of a plan: `plan.to_frame()`.",
        "Two t2.micro are enough: `minimum=2, maximum=2, desired_capacity=2`",
    ),
    solutions=WAYS,
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
