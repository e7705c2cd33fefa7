"""Chapter 07: listener rules, priorities, target groups, health checks and the default rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.architecture import Architecture
from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.course.chapters._health_and_default import DEFAULT, HEALTH
from esaws.course.chapters._rules_by_priority import PRIORITY
from esaws.course.destinations import all_healthy, destination, goes
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup, instances_in_service
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.target_group import TargetGroup
from esaws.resources.target_registration import TargetRegistration
from esaws.resources.vpc import VPC

_API = "/intrusion-management-api"


def start() -> Architecture:
    """Return two services behind the load balancer, and the Cameras API, which is not behind it yet."""
    system = seccom("ha", services=("client-web-ui", "intrusion-management-api", "cameras-api"))
    return system.just(Service, SecurityGroupRule, RouteTableAssociation)


def prepare(cloud: Cloud) -> None:
    """Wait until the targets are healthy."""
    wait_until_serving(cloud)


# --- a service behind the load balancer


def _prefix(seed: Seed) -> Mapping[str, Any]:
    return {"prefix": f"/cameras-{seed.letters(3)}", "priority": seed.between(20, 90)}


def _check_prefix(attempt: Attempt) -> Iterator[Point]:
    prefix = attempt.mine.prefix
    yield goes(attempt, prefix, "cameras-api-tg", is_needed=True)
    for below in ("/", "/7/clip", "/7/clip?second=3"):
        yield goes(attempt, prefix + below, "cameras-api-tg")
    for other in (f"{prefix}x", f"{prefix}x/7", "/cameras"):
        actual = destination(attempt, other)
        yield Point(
            f"{other} does not go to cameras-api-tg",
            actual != "cameras-api-tg",
            f"it goes to {actual}",
            "the patterns of the rule",
        )
    yield goes(attempt, f"{_API}/7", "intrusion-api-tg")
    if group := attempt.live("TargetGroup", "cameras-api-tg"):
        yield all_healthy(attempt, group, 2)
    else:
        yield Point(
            "The deployment has the target group cameras-api-tg",
            False,
            "it has none with the tags of this name",
            'cloud.tags("cameras-api-tg")',
        )


def _declare_prefix(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha")
    targets = TargetGroup(name="cameras-api-tg", vpc=system.get(VPC, "vpc"))
    rule = ListenerRule(
        listener=system.get(Listener, "alb 80"),
        priority=mine.priority,
        paths=(mine.prefix, f"{mine.prefix}/*"),
        target_group=targets,
    )
    group = system.get(AutoScalingGroup, "cameras-api-asg")
    registration = TargetRegistration(target_group=targets, group=group, port=8003)
    plan_deploy([rule, registration], cloud).apply()


def _create_prefix(cloud: Cloud, mine: Values) -> None:
    system, elbv2 = seccom("ha"), cloud.client("elbv2")
    targets = elbv2.create_target_group(
        Name=cloud.aws_name("cameras-api-tg"),
        Protocol="HTTP",
        Port=80,
        VpcId=system.get(VPC, "vpc").id_in(cloud),
        HealthCheckPath=mine.prefix,
        Tags=tag_list(cloud.tags("cameras-api-tg")),
    )["TargetGroups"][0]["TargetGroupArn"]
    elbv2.create_rule(
        ListenerArn=system.get(Listener, "alb 80").id_in(cloud),
        Priority=mine.priority,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": [mine.prefix, f"{mine.prefix}/*"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": targets}],
        Tags=tag_list(cloud.tags("cameras")),
    )
    ids = instances_in_service(cloud, cloud.aws_name("cameras-api-asg"))
    elbv2.register_targets(TargetGroupArn=targets, Targets=[{"Id": id, "Port": 8003} for id in ids])


def _behind(cloud: Cloud, mine: Values, paths: tuple[str, ...], *, port: int | None = 8003) -> None:
    system = seccom("ha")
    targets = TargetGroup(name="cameras-api-tg", vpc=system.get(VPC, "vpc"))
    listener = system.get(Listener, "alb 80")
    rule = ListenerRule(listener=listener, priority=mine.priority, paths=paths, target_group=targets)
    plan_deploy([rule], cloud).apply()
    if port:
        group = system.get(AutoScalingGroup, "cameras-api-asg")
        plan_deploy([TargetRegistration(target_group=targets, group=group, port=port)], cloud).apply()


def _star_at_the_end(cloud: Cloud, mine: Values) -> None:
    _behind(cloud, mine, (f"{mine.prefix}*",))


def _port_of_the_container(cloud: Cloud, mine: Values) -> None:
    _behind(cloud, mine, (mine.prefix, f"{mine.prefix}/*"), port=8000)


def _no_target(cloud: Cloud, mine: Values) -> None:
    _behind(cloud, mine, (mine.prefix, f"{mine.prefix}/*"), port=None)


PREFIX = Exercise(
    "07-prefix",
    prompt=(
        "Put the Cameras API behind the load balancer, as the team drew it: a target group `cameras-api-tg`, its two "
        "instances as targets on port 8003, and a rule with priority {mine.priority}. `{mine.prefix}` and everything "
        "below it goes there, but **not** `{mine.prefix}x`."
    ),
    values=_prefix,
    check=_check_prefix,
    hints=(
        "Which paths does `{mine.prefix}*` match that you do not want?",
        "A rule takes several paths. `ListenerRule?`, `TargetGroup?` and `TargetRegistration?` show the fields.",
        '`paths=("{mine.prefix}", "{mine.prefix}/*")`, and `TargetRegistration(target_group=…, group=…, port=8003)`',
    ),
    solutions=(_declare_prefix, _create_prefix),
    wrong=(
        Wrong(_star_at_the_end, "x does not go to cameras-api-tg"),
        Wrong(_port_of_the_container, "unhealthy Target.Timeout"),
        Wrong(_no_target, "it has no target"),
    ),
    notices=("ListenerRule:alb 80 rule {mine.priority}", "TargetRegistration:cameras-api-tg cameras-api-asg"),
)


CHAPTER = Chapter(
    "07",
    "The front door: load balancer",
    minutes=40,
    start=start,
    prepare=prepare,
    exercises=(PREFIX, PRIORITY, HEALTH, DEFAULT),
    predictions=("07-checks", "07-closed", "07-number", "07-status", "07-trap"),
)
