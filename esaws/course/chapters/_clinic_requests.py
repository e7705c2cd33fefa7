"""Exercises of chapter 19 that follow a request and a health check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.chapters._clinic_system import APIS, as_declared, broken_by, ids_of, serving_later
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.inspect.account import snapshot
from esaws.inspect.request_path import trace
from esaws.inspect.target_health import health
from esaws.reference.seccom import SERVICES, seccom

WEB_GROUP = "client-web-ui-tg"
WRONG_PATH = "/ready"


# --- 19-last-step: a rule forwards to the web UI


def _service(seed: Seed) -> Mapping[str, Any]:
    service = SERVICES[seed.choice(APIS)]
    return {
        "service": service.name,
        "url": f"{service.path}/",
        "group": service.target_group,
        "priority": service.priority,
    }


def _forward_to_the_web_ui(cloud: Cloud, mine: Values) -> None:
    ids = ids_of(cloud)
    actions = [{"Type": "forward", "TargetGroupArn": ids["TargetGroup", WEB_GROUP]}]
    rule = ids["ListenerRule", f"alb 80 rule {mine.priority}"]
    cloud.client("elbv2").modify_rule(RuleArn=rule, Actions=actions)


def _check_last_step(attempt: Attempt) -> Iterator[Point]:
    answer = attempt.answer if isinstance(attempt.answer, tuple | list) and len(attempt.answer) == 2 else (None, None)
    priority, group = answer
    look_at = f'inspect.trace(cloud, "http://seccom{attempt.mine.url}")'
    yield Point(
        f"The priority of the rule that takes GET {attempt.mine.url}",
        str(priority) == str(attempt.mine.priority),
        f"your answer is {priority}",
        look_at,
        is_needed=True,
    )
    yield Point(
        "The target group that this rule forwards to, without the deployment's name",
        str(group).removeprefix(attempt.cloud.aws_name("")) == WEB_GROUP,
        f"your answer is {group}",
        look_at,
        is_needed=True,
    )


def _by_trace(cloud: Cloud, mine: Values) -> Any:
    path = trace(cloud, f"http://seccom{mine.url}", alb=cloud.aws_name("alb"))
    return path.to_dict()["priority"], path.targets[0].target_group


def _by_describing_rules(cloud: Cloud, mine: Values) -> Any:
    ids = {live.key: live.id for live in inventory(cloud)}
    elbv2 = cloud.client("elbv2")
    rules = elbv2.describe_rules(ListenerArn=ids["Listener", "alb 80"])["Rules"]
    rule = next(each for each in rules if each["Priority"] == str(mine.priority))
    return rule["Priority"], rule["Actions"][0]["TargetGroupArn"].split("/")[1]


LAST_STEP = Exercise(
    "19-last-step",
    prompt=(
        "Users of `{mine.service}` get a web page. Follow `GET {mine.url}` from the load balancer on. Answer with two "
        'things: the priority of the rule that takes it, and the target group that it goes to: `(3, "name-tg")`.'
    ),
    values=_service,
    start=broken_by(_forward_to_the_web_ui),
    check=_check_last_step,
    hints=(
        "Which parts of the load balancer does a request pass before it reaches a container?",
        "A trace names the rule that matched, and the target group behind it.",
        '`inspect.trace(cloud, "http://seccom{mine.url}")`; read the lines from the top.',
    ),
    solutions=(_by_trace, _by_describing_rules),
    wrong=(
        Wrong(lambda cloud, mine: (mine.priority, mine.group), "target group that this rule forwards to"),
        Wrong(lambda cloud, mine: ("default", WEB_GROUP), "priority of the rule"),
    ),
)


# --- 19-smallest: the health check requests a path that is not served


def _check_another_path(cloud: Cloud, mine: Values) -> None:
    group = ids_of(cloud)["TargetGroup", mine.group]
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group, HealthCheckPath=WRONG_PATH)


def _a_target_fails(cloud: Cloud, mine: Values) -> bool:
    """ECS replaces an unhealthy task, so its target is unhealthy for moments only."""
    group = cloud.aws_name(mine.group)
    return any(row.target_group == group and row.state == "unhealthy" for row in health(cloud))


def _check_smallest(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    name = attempt.cloud.aws_name(mine.group)
    groups = snapshot(attempt.cloud, "TargetGroups")["TargetGroups"]
    found = next((group for group in groups if group["TargetGroupName"] == name), {})
    yield Point(
        f"The health check of {mine.group} requests {mine.url}",
        found.get("HealthCheckPath") == mine.url,
        f"it requests {found.get('HealthCheckPath', 'nothing: there is no such target group')}",
        f"the health check of {mine.group}",
        is_needed=True,
    )
    yield Point(
        "It still accepts 200 alone",
        found.get("Matcher", {}).get("HttpCode") == "200",
        f"it accepts {found.get('Matcher', {}).get('HttpCode')}",
        "the success codes of the health check",
    )
    yield as_declared(attempt)
    yield from serving_later(attempt, (mine.service,))


def _by_plan(cloud: Cloud, mine: Values) -> None:
    plan_deploy(seccom("ha", services=("client-web-ui", *APIS)), cloud).apply()


def _by_one_call(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    group = ids["TargetGroup", mine.group]
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group, HealthCheckPath=mine.url)


def _accept_not_found(cloud: Cloud, mine: Values) -> None:
    group = ids_of(cloud)["TargetGroup", mine.group]
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group, Matcher={"HttpCode": "200-404"})


def _replace_the_tasks(cloud: Cloud, mine: Values) -> None:
    cluster, name = cloud.aws_name(f"{mine.service}-cluster"), cloud.aws_name(mine.service)
    cloud.client("ecs").update_service(cluster=cluster, service=name, forceNewDeployment=True)


SMALLEST = Exercise(
    "19-smallest",
    prompt=(
        "Tasks of `{mine.service}` come and go. Find out why its targets are unhealthy, and remove the cause with the "
        "smallest change. Its health check accepts the status 200 alone, as before."
    ),
    values=_service,
    start=broken_by(_check_another_path, _a_target_fails),
    check=_check_smallest,
    hints=(
        "Who decides that a target is unhealthy, and what did it see?",
        "Read the reason of the targets, then the settings of their health check.",
        "`inspect.health(cloud)`; `modify_target_group(TargetGroupArn=…, HealthCheckPath=…)`.",
    ),
    solutions=(_by_one_call, _by_plan),
    wrong=(
        Wrong(_accept_not_found, "success codes"),
        Wrong(_replace_the_tasks, "the health check of"),
    ),
    notices=("TargetGroup:{mine.group}", "Listener"),
)
