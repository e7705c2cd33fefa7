"""Labs about listener rules: who takes a request, and where it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws import inspect, inventory
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.families._common import (
    listener,
    names_of,
    open_everything,
    redeploy_everything,
    relax_health_checks,
    rule_of,
    target_group,
)
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed
from esaws.reference.seccom import SERVICES

APIS = ("sites-management-api", "intrusion-management-api")
WEB_UI = "client-web-ui"


def _an_api(seed: Seed) -> dict[str, Any]:
    service = SERVICES[seed.choice(APIS)]
    return {
        "service": service.name,
        "prefix": service.path,
        "group": service.target_group,
        "priority": service.priority,
    }


def _routed(attempt: Attempt) -> Iterable[Point]:
    """Every path of the service goes to its target group alone."""
    wanted = attempt.cloud.aws_name(attempt.mine.group)
    for path in (attempt.mine.prefix, f"{attempt.mine.prefix}/", f"{attempt.mine.prefix}/devices/7"):
        found = inspect.trace(attempt.account, f"http://seccom{path}", alb=attempt.cloud.aws_name("alb"))
        groups = sorted({arn.split("/")[-2] for arn in found.trace.targets})
        yield Point(
            f"GET {path} goes to {attempt.mine.group} alone",
            groups == [wanted],
            f"it goes to {', '.join(groups) or 'no target group'}",
            f"the rules of the listener, from priority 1 on, for {path}",
        )


def _rule_evidence(cloud: Cloud, mine: Values, *values: str) -> Evidence:
    rule = rule_of(cloud, mine.prefix)
    priority = rule["Priority"]
    return Evidence((f"rule {priority}", f"priority {priority}", f"Priority: {priority}", rule["RuleArn"]), values)


def _delete_the_rule(cloud: Cloud, mine: Values) -> None:
    cloud.client("elbv2").delete_rule(RuleArn=rule_of(cloud, mine.prefix)["RuleArn"])


def _send_all_requests_there(cloud: Cloud, mine: Values) -> None:
    arn = target_group(cloud, mine.service)["TargetGroupArn"]
    cloud.client("elbv2").modify_listener(
        ListenerArn=listener(cloud)["ListenerArn"], DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}]
    )


# --- wrong-page: a rule has a condition that users' requests do not meet


def _wrong_page_values(seed: Seed) -> Mapping[str, Any]:
    return {**_an_api(seed), "network": f"10.{seed.between(1, 250)}.0.0/16"}


def _break_conditions(cloud: Cloud, mine: Values) -> None:
    conditions = [
        {"Field": "path-pattern", "Values": [f"{mine.prefix}*"]},
        {"Field": "source-ip", "SourceIpConfig": {"Values": [mine.network]}},
    ]
    cloud.client("elbv2").modify_rule(RuleArn=rule_of(cloud, mine.prefix)["RuleArn"], Conditions=conditions)


def _conditions_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield _rule_evidence(cloud, mine, mine.network, "source-ip")


def _repair_conditions(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    rule = ids["ListenerRule", f"alb 80 rule {mine.priority}"]
    conditions = [{"Field": "path-pattern", "Values": [f"{mine.prefix}*"]}]
    cloud.client("elbv2").modify_rule(RuleArn=rule, Conditions=conditions)


WRONG_PAGE = Lab(
    "wrong-page",
    family="routing",
    title="The web page instead of the API",
    report=(
        "A user of the mobile app writes: *Since the change window yesterday my app shows nothing. "
        "When I open `{mine.prefix}/` in a browser, I get the sign-in page of the owners.* "
        "A colleague in the office adds: *From my desk it worked all the time.*"
    ),
    cause="rule-condition",
    values=_wrong_page_values,
    inject=_break_conditions,
    evidence=_conditions_evidence,
    broken=("GET {mine.prefix}/", "{mine.service} answers"),
    mended=_routed,
    repair=_repair_conditions,
    non_repairs=(
        Wrong(_send_all_requests_there, "setting"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "lost a task"),
    ),
    hints=(
        "Which rule should take the request, and which one takes it?",
        "Look at all conditions of that rule: a request has to meet every one.",
        "`esaws trace http://seccom{mine.prefix}/`, or `aws elbv2 describe-rules --listener-arn …`; "
        "`modify-rule --conditions` replaces the conditions.",
    ),
)


# --- half-an-api: the pattern of a rule is too narrow


def _half_an_api_values(seed: Seed) -> Mapping[str, Any]:
    return {**_an_api(seed), "part": seed.choice(("v2", "beta", "internal", "mobile"))}


def _break_pattern(cloud: Cloud, mine: Values) -> None:
    conditions = [{"Field": "path-pattern", "Values": [f"{mine.prefix}/{mine.part}/*"]}]
    cloud.client("elbv2").modify_rule(RuleArn=rule_of(cloud, mine.prefix)["RuleArn"], Conditions=conditions)


def _pattern_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield _rule_evidence(cloud, mine, f"{mine.prefix}/{mine.part}/*", f"/{mine.part}/*")


def _add_a_pattern_for_one_path(cloud: Cloud, mine: Values) -> None:
    values = [f"{mine.prefix}/{mine.part}/*", f"{mine.prefix}/"]
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": values}}]
    cloud.client("elbv2").modify_rule(RuleArn=rule_of(cloud, mine.prefix)["RuleArn"], Conditions=conditions)


HALF_AN_API = Lab(
    "half-an-api",
    family="routing",
    title="Only some paths answer",
    report=(
        "The team of the app writes: *`{mine.prefix}/{mine.part}/` works, we released it yesterday. "
        "But all older paths below `{mine.prefix}/` return an HTML page. The service itself was not changed.*"
    ),
    cause="rule-pattern",
    values=_half_an_api_values,
    inject=_break_pattern,
    evidence=_pattern_evidence,
    broken=("GET {mine.prefix}/", "{mine.service} answers"),
    mended=_routed,
    repair=_repair_conditions,
    non_repairs=(
        Wrong(_add_a_pattern_for_one_path, "/devices/7"),
        Wrong(_send_all_requests_there, "setting"),
        Wrong(redeploy_everything, "lost a task"),
    ),
    hints=(
        "What do the paths that work have in common, which the others do not have?",
        "Compare the path patterns of the rules with a path that fails.",
        "`aws elbv2 describe-rules --listener-arn …`; `modify-rule --conditions` sets the patterns. "
        "The declared pattern of the team is `{mine.prefix}*`.",
    ),
)


# --- another-service: a rule forwards to the target group of another service


def _other_group_values(seed: Seed) -> Mapping[str, Any]:
    mine = _an_api(seed)
    other = seed.choice([name for name in (*APIS, WEB_UI) if name != mine["service"]])
    return {**mine, "other": other}


def _break_action(cloud: Cloud, mine: Values) -> None:
    arn = target_group(cloud, mine.other)["TargetGroupArn"]
    cloud.client("elbv2").modify_rule(
        RuleArn=rule_of(cloud, mine.prefix)["RuleArn"], Actions=[{"Type": "forward", "TargetGroupArn": arn}]
    )


def _action_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    other = target_group(cloud, mine.other)
    names = names_of(cloud, str(SERVICES[mine.other].target_group), other["TargetGroupArn"])
    yield _rule_evidence(cloud, mine, *names)


def _repair_action(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    rule = ids["ListenerRule", f"alb 80 rule {mine.priority}"]
    actions = [{"Type": "forward", "TargetGroupArn": ids["TargetGroup", mine.group]}]
    cloud.client("elbv2").modify_rule(RuleArn=rule, Actions=actions)


ANOTHER_SERVICE = Lab(
    "another-service",
    family="routing",
    title="Answers of another service",
    report=(
        "Support writes: *`{mine.prefix}/` answers at once, but with 404 or with things that have nothing to do "
        "with it. All targets are green. We only moved a few rules on Friday.*"
    ),
    cause="rule-target-group",
    values=_other_group_values,
    inject=_break_action,
    evidence=_action_evidence,
    broken=("GET {mine.prefix}/", "{mine.service} answers", "{mine.service} runs"),
    mended=_routed,
    repair=_repair_action,
    non_repairs=(
        Wrong(_delete_the_rule, "goes to"),
        Wrong(relax_health_checks, "health check"),
        Wrong(redeploy_everything, "lost a task"),
    ),
    hints=(
        "Which container answers: the one of the service, or another one?",
        "Follow one request: listener, rule, target group, target.",
        "`esaws trace http://seccom{mine.prefix}/`, or `aws elbv2 describe-rules`; `modify-rule --actions` sets the "
        "action.",
    ),
)


# --- one-in-a-few: a forward action sends a share of the requests to another target group


def _weights_values(seed: Seed) -> Mapping[str, Any]:
    return {**_other_group_values(seed), "weight": seed.choice((10, 20, 25, 30))}


def _break_weights(cloud: Cloud, mine: Values) -> None:
    own, other = target_group(cloud, mine.service), target_group(cloud, mine.other)
    weights = [
        {"TargetGroupArn": own["TargetGroupArn"], "Weight": 100 - mine.weight},
        {"TargetGroupArn": other["TargetGroupArn"], "Weight": mine.weight},
    ]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    cloud.client("elbv2").modify_rule(RuleArn=rule_of(cloud, mine.prefix)["RuleArn"], Actions=[action])


def _weights_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield _rule_evidence(cloud, mine, f"weight {mine.weight}", f"Weight: {mine.weight}", str(mine.weight))
    other = target_group(cloud, mine.other)
    names = names_of(cloud, str(SERVICES[mine.other].target_group), other["TargetGroupArn"])
    yield Evidence(names, (f"weight {mine.weight}", str(mine.weight)))


def _make_requests_sticky(cloud: Cloud, mine: Values) -> None:
    for service in (mine.service, mine.other):
        cloud.client("elbv2").modify_target_group_attributes(
            TargetGroupArn=target_group(cloud, service)["TargetGroupArn"],
            Attributes=[{"Key": "stickiness.enabled", "Value": "true"}],
        )


SOME_REQUESTS = Lab(
    "some-requests",
    family="routing",
    title="Some requests get a strange answer",
    report=(
        "The test team writes: *Most requests to `{mine.prefix}/` are fine. About {mine.weight} in 100 get the "
        "answer of "
        "another service. We repeat the request, and it works. It began after the canary release was cancelled.*"
    ),
    cause="weights",
    values=_weights_values,
    inject=_break_weights,
    evidence=_weights_evidence,
    broken=("{mine.service} answers",),
    mended=_routed,
    repair=_repair_action,
    non_repairs=(
        Wrong(_make_requests_sticky, "stickiness"),
        Wrong(relax_health_checks, "health check"),
        Wrong(redeploy_everything, "lost a task"),
    ),
    hints=(
        "Are the strange answers spread over time, or do they come from one target?",
        "A forward action can name several target groups. Look at all of them.",
        "`aws elbv2 describe-rules` shows `ForwardConfig`; `modify-rule --actions` with one target group ends the "
        "split.",
    ),
)


# --- front-page-gone: the default action is a fixed response


def _default_values(seed: Seed) -> Mapping[str, Any]:
    return {"status": seed.choice(("403", "404", "410", "503"))}


def _break_default(cloud: Cloud, mine: Values) -> None:
    response = {"StatusCode": mine.status, "ContentType": "text/plain", "MessageBody": "We will be back soon."}
    cloud.client("elbv2").modify_listener(
        ListenerArn=listener(cloud)["ListenerArn"],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": response}],
    )


def _default_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield Evidence(
        ("default", "default rule", "listener", "DefaultActions", "port 80", listener(cloud)["ListenerArn"]),
        (mine.status, "fixed-response"),
    )


def _default_mended(attempt: Attempt) -> Iterable[Point]:
    action = listener(attempt.cloud)["DefaultActions"][0]
    wanted = target_group(attempt.cloud, WEB_UI)["TargetGroupArn"]
    yield Point(
        "The default action of the listener forwards to client-web-ui-tg",
        action.get("TargetGroupArn") == wanted,
        f"it is {action['Type']}",
        "the default action of the listener on port 80",
    )


def _repair_default(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    actions = [{"Type": "forward", "TargetGroupArn": ids["TargetGroup", "client-web-ui-tg"]}]
    cloud.client("elbv2").modify_listener(ListenerArn=ids["Listener", "alb 80"], DefaultActions=actions)


def _add_a_rule_for_the_front_page(cloud: Cloud, mine: Values) -> None:
    cloud.client("elbv2").create_rule(
        ListenerArn=listener(cloud)["ListenerArn"],
        Priority=99,
        Conditions=[{"Field": "path-pattern", "Values": ["/"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": target_group(cloud, WEB_UI)["TargetGroupArn"]}],
    )


FRONT_PAGE_GONE = Lab(
    "front-page-gone",
    family="routing",
    title="The front page is gone, the APIs work",
    report=(
        "Users of the web page write: *I see one line of text instead of the sign-in page, on every link.* "
        "A monitor reports status {mine.status} for `/`. Both APIs answer as always."
    ),
    cause="default-action",
    values=_default_values,
    inject=_break_default,
    evidence=_default_evidence,
    broken=("GET / ", "client-web-ui answers", "client-web-ui runs"),
    mended=_default_mended,
    repair=_repair_default,
    non_repairs=(
        Wrong(_add_a_rule_for_the_front_page, "default action"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "default action"),
    ),
    hints=(
        "Who sends the line of text: a container, or the load balancer itself?",
        "Look at what the listener does with requests that no rule takes.",
        "`aws elbv2 describe-listeners --load-balancer-arn …` shows `DefaultActions`; `modify-listener` sets them.",
    ),
)

LABS = (WRONG_PAGE, HALF_AN_API, ANOTHER_SERVICE, SOME_REQUESTS, FRONT_PAGE_GONE)
