"""Chapter 07: listener rules, priorities, target groups, health checks and the default rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.inspect.request_path import trace
from esaws.reference.seccom import seccom
from esaws.resource import Live
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


def _destination(attempt: Attempt, path: str) -> str:
    """Where a request for a path ends: target groups by their reference names, a status, or `unknown`."""
    cloud = attempt.cloud
    result = trace(attempt.account, f"http://{cloud.aws_name('alb')}{path}").to_dict()
    if result["outcome"] == "unknown":
        return "unknown"
    if result["action"] == "forward":
        names = [arn.split("/")[-2].removeprefix(cloud.aws_name("")) for arn in result["target_groups"]]
        return ", ".join(sorted(names))
    return str(result.get("status") or result["action"])


def _goes(attempt: Attempt, path: str, expected: str, *, is_needed: bool = False) -> Point:
    actual = _destination(attempt, path)
    return Point(
        f"{path} goes to {expected}",
        actual == expected,
        f"it goes to {actual}",
        f'inspect.trace(cloud, "http://seccom{path}")',
        is_needed=is_needed,
    )


def _target_group(attempt: Attempt, name: str) -> Live | None:
    return attempt.index.get("TargetGroup", name)


def _states_later(attempt: Attempt, group: Live, after: str = "5m") -> list[str]:
    """The states and reasons of the targets of a group, on a copy some minutes later."""
    with attempt.copy() as copy:
        simulation.advance(copy, after)
        described = copy.client("elbv2").describe_target_health(TargetGroupArn=group.id)["TargetHealthDescriptions"]
    health = [target["TargetHealth"] for target in described if target["TargetHealth"]["State"] != "draining"]
    return sorted(" ".join(filter(None, (each["State"], each.get("Reason")))) for each in health)


def _all_healthy(attempt: Attempt, group: Live, targets: int) -> Point:
    states = _states_later(attempt, group)
    return Point(
        f"On a copy, five minutes later, its {targets} targets are healthy",
        states == ["healthy"] * targets,
        f"their states are {', '.join(states)}" if states else "it has no target",
        "inspect.health(cloud): port, path and status of the health check",
    )


# --- a service behind the load balancer


def _prefix(seed: Seed) -> Mapping[str, Any]:
    return {"prefix": f"/cameras-{seed.letters(3)}", "priority": seed.between(20, 90)}


def _check_prefix(attempt: Attempt) -> Iterator[Point]:
    prefix = attempt.mine.prefix
    yield _goes(attempt, prefix, "cameras-api-tg", is_needed=True)
    for below in ("/", "/7/clip", "/7/clip?second=3"):
        yield _goes(attempt, prefix + below, "cameras-api-tg")
    for other in (f"{prefix}x", f"{prefix}x/7", "/cameras"):
        actual = _destination(attempt, other)
        yield Point(
            f"{other} does not go to cameras-api-tg",
            actual != "cameras-api-tg",
            f"it goes to {actual}",
            "the patterns of the rule",
        )
    yield _goes(attempt, f"{_API}/7", "intrusion-api-tg")
    if group := _target_group(attempt, "cameras-api-tg"):
        yield _all_healthy(attempt, group, 2)
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


# --- the priority of a rule


def _priority(seed: Seed) -> Mapping[str, Any]:
    return {"path": f"{_API}/{seed.letters(4)}"}


def _check_priority(attempt: Attempt) -> Iterator[Point]:
    path = attempt.mine.path
    yield _goes(attempt, path, "client-web-ui-tg", is_needed=True)
    yield _goes(attempt, f"{path}/index.html", "client-web-ui-tg")
    for other in (f"{path}x", f"{_API}/", f"{_API}/intrusions/7"):
        yield _goes(attempt, other, "intrusion-api-tg")
    yield _goes(attempt, "/", "client-web-ui-tg")


def _declare_priority(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha")
    rule = ListenerRule(
        listener=system.get(Listener, "alb 80"),
        priority=1,
        paths=(mine.path, f"{mine.path}/*"),
        target_group=system.get(TargetGroup, "client-web-ui-tg"),
    )
    plan_deploy([rule], cloud).apply()


def _move_the_team_s_rule(cloud: Cloud, mine: Values) -> None:
    system, elbv2 = seccom("ha"), cloud.client("elbv2")
    team = system.get(ListenerRule, "alb 80 rule 2").id_in(cloud)
    elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": team, "Priority": 200}])
    targets = system.get(TargetGroup, "client-web-ui-tg").id_in(cloud)
    elbv2.create_rule(
        ListenerArn=system.get(Listener, "alb 80").id_in(cloud),
        Priority=100,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": [mine.path, f"{mine.path}/*"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": targets}],
        Tags=tag_list(cloud.tags("public pages")),
    )


def _rule_for_pages(cloud: Cloud, priority: int, *paths: str) -> None:
    system = seccom("ha")
    targets, listener = system.get(TargetGroup, "client-web-ui-tg"), system.get(Listener, "alb 80")
    plan_deploy([ListenerRule(listener=listener, priority=priority, paths=paths, target_group=targets)], cloud).apply()


def _behind_the_other_rule(cloud: Cloud, mine: Values) -> None:
    _rule_for_pages(cloud, 10, mine.path, f"{mine.path}/*")


def _any_longer_path(cloud: Cloud, mine: Values) -> None:
    _rule_for_pages(cloud, 1, f"{mine.path}*")


PRIORITY = Exercise(
    "07-priority",
    prompt=(
        "The Intrusion API gets a public page. `{mine.path}` and everything below it goes to the web UI, "
        "`client-web-ui-tg`. Every other path of the API stays where it is."
    ),
    values=_priority,
    check=_check_priority,
    hints=(
        "Two rules match `{mine.path}`. Which of them wins?",
        "`inspect.rules(cloud)` shows the priorities. The team's rule for this API has number 2.",
        '`ListenerRule(…, priority=1, paths=("{mine.path}", "{mine.path}/*"), …)`; '
        "or `set_rule_priorities` moves the other rule.",
    ),
    solutions=(_declare_priority, _move_the_team_s_rule),
    wrong=(Wrong(_behind_the_other_rule, "it goes to intrusion-api-tg"), Wrong(_any_longer_path, "x goes to")),
    notices=("ListenerRule:alb 80 rule 1", "ListenerRule:alb 80 rule 2"),
)


# --- a health check


def _health(seed: Seed) -> Mapping[str, Any]:
    return {"path": f"{_API}/{seed.letters(5)}", "seconds": seed.choice([20, 30, 40, 50])}


def _check_health(attempt: Attempt) -> Iterator[Point]:
    mine, group = attempt.mine, _target_group(attempt, "intrusion-api-tg")
    if group is None:
        yield Point("The target group intrusion-api-tg exists", False, "there is none", "", is_needed=True)
        return
    fields = group.fields
    yield Point(
        f"The load balancer requests {mine.path}",
        fields["health_path"] == mine.path,
        f"it requests {fields['health_path']}",
        "health_path",
        is_needed=True,
    )
    seconds = fields["health_interval"] * fields["healthy_threshold"]
    yield Point(
        f"A target that failed is healthy again after at most {mine.seconds} seconds of good answers",
        seconds <= mine.seconds,
        f"after {fields['healthy_threshold']} checks, one every {fields['health_interval']} s: {seconds} s",
        "health_interval, healthy_threshold",
    )
    yield Point(
        "Only the status 200 counts as healthy",
        fields["matcher"] == "200",
        f"the matcher is {fields['matcher']}",
        "matcher",
    )
    yield _all_healthy(attempt, group, 2)


def _declare_health(cloud: Cloud, mine: Values) -> None:
    targets = seccom("ha").get(TargetGroup, "intrusion-api-tg")
    changed = targets.replace(health_path=mine.path, health_interval=10, healthy_threshold=2)
    plan_deploy([changed], cloud).apply()


def _modify_health(cloud: Cloud, mine: Values) -> None:
    targets = seccom("ha").get(TargetGroup, "intrusion-api-tg").id_in(cloud)
    cloud.client("elbv2").modify_target_group(
        TargetGroupArn=targets,
        HealthCheckPath=mine.path,
        HealthCheckIntervalSeconds=mine.seconds // 4,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=3,
    )


def _change_health(cloud: Cloud, **fields: Any) -> None:
    plan_deploy([seccom("ha").get(TargetGroup, "intrusion-api-tg").replace(**fields)], cloud).apply()


def _without_the_prefix(cloud: Cloud, mine: Values) -> None:
    _change_health(cloud, health_path=mine.path.removeprefix(_API), health_interval=10, healthy_threshold=2)


def _only_the_path(cloud: Cloud, mine: Values) -> None:
    _change_health(cloud, health_path=mine.path)


def _everything_is_healthy(cloud: Cloud, mine: Values) -> None:
    _change_health(cloud, health_path=mine.path, health_interval=10, healthy_threshold=2, matcher="200-499")


HEALTH = Exercise(
    "07-health",
    prompt=(
        "The Intrusion API answers its health checks at `{mine.path}` now. Change the target group `intrusion-api-tg`: "
        "a target that failed and is well again gets requests after **at most {mine.seconds} seconds**."
    ),
    values=_health,
    check=_check_health,
    hints=(
        "How many good answers in a row does the load balancer want, and how long does it wait between two?",
        "`TargetGroup?` shows `health_interval`, `healthy_threshold` and `health_path`; their product counts.",
        '`seccom("ha").get(TargetGroup, "intrusion-api-tg").replace(health_path="{mine.path}", health_interval=10, '
        "healthy_threshold=2)`",
    ),
    solutions=(_declare_health, _modify_health),
    wrong=(
        Wrong(_without_the_prefix, "it requests /"),
        Wrong(_only_the_path, "150 s"),
        Wrong(_everything_is_healthy, "200-499"),
    ),
)


# --- what no rule matches


def _default(seed: Seed) -> Mapping[str, Any]:
    return {"folder": f"/{seed.letters(5)}"}


def _check_default(attempt: Attempt) -> Iterator[Point]:
    folder = attempt.mine.folder
    yield _goes(attempt, f"{folder}/main.js", "client-web-ui-tg", is_needed=True)
    yield _goes(attempt, "/", "client-web-ui-tg")
    yield _goes(attempt, f"{_API}/7", "intrusion-api-tg")
    for unknown in ("/wp-login.php", "/.env", f"{folder}s/main.js"):
        yield _goes(attempt, unknown, "404")


def _change_the_default(cloud: Cloud, mine: Values) -> None:
    system, elbv2 = seccom("ha"), cloud.client("elbv2")
    listener = system.get(Listener, "alb 80").id_in(cloud)
    pages = system.get(TargetGroup, "client-web-ui-tg").id_in(cloud)
    elbv2.create_rule(
        ListenerArn=listener,
        Priority=50,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/", f"{mine.folder}/*"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": pages}],
        Tags=tag_list(cloud.tags("pages")),
    )
    answer = {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no such page"}
    not_found = [{"Type": "fixed-response", "FixedResponseConfig": answer}]
    elbv2.modify_listener(ListenerArn=listener, DefaultActions=not_found)


def _last_rule_for_all_paths(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha")
    listener = system.get(Listener, "alb 80")
    pages = ListenerRule(
        listener=listener,
        priority=60,
        paths=("/", f"{mine.folder}/*"),
        target_group=system.get(TargetGroup, "client-web-ui-tg"),
    )
    plan_deploy([pages], cloud).apply()
    answer = {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no such page"}
    cloud.client("elbv2").create_rule(
        ListenerArn=listener.id_in(cloud),
        Priority=900,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": answer}],
        Tags=tag_list(cloud.tags("not found")),
    )


def _answer_404(cloud: Cloud, priority: int | None) -> None:
    elbv2, listener = cloud.client("elbv2"), seccom("ha").get(Listener, "alb 80").id_in(cloud)
    answer = {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no such page"}
    actions = [{"Type": "fixed-response", "FixedResponseConfig": answer}]
    if priority is None:
        elbv2.modify_listener(ListenerArn=listener, DefaultActions=actions)
        return
    everything = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
    elbv2.create_rule(ListenerArn=listener, Priority=priority, Conditions=everything, Actions=actions)


def _only_the_default(cloud: Cloud, mine: Values) -> None:
    _answer_404(cloud, None)


def _first_rule_for_all_paths(cloud: Cloud, mine: Values) -> None:
    _rule_for_pages(cloud, 60, "/", f"{mine.folder}/*")
    _answer_404(cloud, 1)


DEFAULT = Exercise(
    "07-default",
    prompt=(
        "Scanners ask for `/wp-login.php` and `/.env` all day, and the web UI answers each of them. Now only `/` and "
        "the paths below `{mine.folder}/` go to `client-web-ui-tg`. What no rule matches gets the **fixed response "
        "404** from the load balancer itself. The API stays as it is."
    ),
    values=_default,
    check=_check_default,
    hints=(
        "Which rule takes what no other one matches, and can it have an action other than forward?",
        "`aws elbv2 modify-listener help`: `DefaultActions` with the type `fixed-response`. Make the rule for the web "
        "UI first, so that its target group stays in use.",
        '`create_rule(…)` with `"PathPatternConfig": {{"Values": ["/", "{mine.folder}/*"]}}`, then '
        '`modify_listener(ListenerArn=…, DefaultActions=[{{"Type": "fixed-response", …}}])`',
    ),
    solutions=(_change_the_default, _last_rule_for_all_paths),
    wrong=(Wrong(_only_the_default, "it goes to 404"), Wrong(_first_rule_for_all_paths, "it goes to 404")),
    notices=("ListenerRule:pages",),
)


CHAPTER = Chapter(
    "07",
    "The front door: load balancer",
    minutes=30,
    start=start,
    prepare=prepare,
    exercises=(PREFIX, PRIORITY, HEALTH, DEFAULT),
    predictions=("07-trap", "07-number", "07-checks"),
)
