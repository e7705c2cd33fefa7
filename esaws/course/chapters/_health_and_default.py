"""Exercises of chapter 07: a health check, and what no rule matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.course.destinations import all_healthy, goes
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.target_group import TargetGroup

_API = "/intrusion-management-api"


# --- a health check


def _health(seed: Seed) -> Mapping[str, Any]:
    return {"path": f"{_API}/{seed.letters(5)}", "seconds": seed.choice([20, 30, 40, 50])}


def _check_health(attempt: Attempt) -> Iterator[Point]:
    mine, group = attempt.mine, attempt.live("TargetGroup", "intrusion-api-tg")
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
    yield all_healthy(attempt, group, 2)


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
def rule_for_pages(cloud: Cloud, priority: int, *paths: str) -> None:
    system = seccom("ha")
    targets, listener = system.get(TargetGroup, "client-web-ui-tg"), system.get(Listener, "alb 80")
    plan_deploy([ListenerRule(listener=listener, priority=priority, paths=paths, target_group=targets)], cloud).apply()


def _default(seed: Seed) -> Mapping[str, Any]:
    return {"folder": f"/{seed.letters(5)}"}


def _check_default(attempt: Attempt) -> Iterator[Point]:
    folder = attempt.mine.folder
    yield goes(attempt, f"{folder}/main.js", "client-web-ui-tg", is_needed=True)
    yield goes(attempt, "/", "client-web-ui-tg")
    yield goes(attempt, f"{_API}/7", "intrusion-api-tg")
    for unknown in ("/wp-login.php", "/.env", f"{folder}s/main.js"):
        yield goes(attempt, unknown, "404")


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
    rule_for_pages(cloud, 60, "/", f"{mine.folder}/*")
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
