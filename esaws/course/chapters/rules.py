"""Chapter 15: trace a request, close the prefix trap on the evidence of a log, and close a part for maintenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.chapters._certainty import UNKNOWN
from esaws.course.chapters._maintenance import MAINTENANCE
from esaws.course.chapters._rule_effects import (
    INTRUSION,
    INTRUSION_GROUP,
    SITES,
    SITES_GROUP,
    WEB_GROUP,
    Effects,
    trace_path,
)
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.samples.access_log import sample_access_log
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.inspect.load_balancers import LiveLoadBalancer
from esaws.inspect.routing.access_log import read_access_logs
from esaws.inspect.routing.replay import replay_rules
from esaws.reference.seccom import seccom
from esaws.resources.listener_rule import ListenerRule

MOVED_BY_EXACT_PATHS = 10
"""The requests of the sample log that only the patterns with the trap match."""
LOOK_AT_RULES = "inspect.rules(cloud)"


def start() -> Architecture:
    """Return the part of `ha` whose load balancer has the team's two path rules."""
    return seccom("ha", services=("client-web-ui", "sites-management-api", "intrusion-management-api"))


def prepare(cloud: Cloud) -> None:
    """Give the targets time to pass their first health checks."""
    simulation.advance(cloud, "10m")


# --- the exact prefix of both APIs


def _priorities(seed: Seed) -> Mapping[str, Any]:
    return {"sites": seed.between(10, 20), "intrusion": seed.between(30, 40)}


def _check_prefix(attempt: Attempt) -> Iterator[Point]:
    effects = Effects(attempt.cloud)
    for path, group, priority in (
        (SITES, SITES_GROUP, attempt.mine.sites),
        (INTRUSION, INTRUSION_GROUP, attempt.mine.intrusion),
    ):
        found = trace_path(effects.load_balancer, f"{path}/sites")
        decided = found.rule.priority if found.rule else found.outcome
        yield Point(
            f"The rule of {path} has the priority {priority}",
            decided == str(priority),
            f"the rule {decided} gets {path}/sites",
            LOOK_AT_RULES,
            is_needed=True,
        )
        yield effects.forwarded(path, group)
        yield effects.forwarded(f"{path}/sites/17?since=2022", group)
        yield effects.forwarded(f"{path}foo", WEB_GROUP)
        yield effects.forwarded(f"{path}-backup.zip", WEB_GROUP)
    yield effects.forwarded("/", WEB_GROUP)
    yield _replayed(effects.load_balancer)


def _replayed(load_balancer: LiveLoadBalancer) -> Point:
    """Whether exactly the requests of strangers go elsewhere, compared with the team's rules."""
    listener = load_balancer.listener(80)
    now = load_balancer.described_rules(listener) if listener else []
    log = read_access_logs([("morning.log", sample_access_log())])
    changes = replay_rules(log, _team_rules(load_balancer, now), now).changes
    moved = int(changes["requests"].sum())
    return Point(
        f"Of the requests of the morning, {MOVED_BY_EXACT_PATHS} get another answer than with the team's rules",
        moved == MOVED_BY_EXACT_PATHS,
        f"{moved} get another answer: {', '.join(sorted(set(changes['path']))[:4])}",
        "inspect.replay(account, log)",
    )


def _team_rules(load_balancer: LiveLoadBalancer, described: list[Any]) -> list[dict[str, Any]]:
    """Return the rules that the team had, as describe_rules would, with the live default rule."""
    arns = {raw["TargetGroupName"]: raw["TargetGroupArn"] for raw in load_balancer.account["TargetGroups"]}
    rules = [rule for rule in described if rule["Priority"] == "default"]
    for priority, path, group in (("1", SITES, SITES_GROUP), ("2", INTRUSION, INTRUSION_GROUP)):
        arn = next((arn for name, arn in arns.items() if name.endswith(f"-{group}")), "")
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": [f"{path}*"]}}
        actions = [{"Type": "forward", "TargetGroupArn": arn}]
        rules.append(
            {"Priority": priority, "Conditions": [condition], "Actions": actions, "RuleArn": f"team/{priority}"}
        )
    return rules


def _prefix_by_plan(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha", services=("client-web-ui", "sites-management-api", "intrusion-management-api"))
    sites, intrusion = system.get(ListenerRule, "alb 80 rule 1"), system.get(ListenerRule, "alb 80 rule 2")
    exact = (
        sites.replace(priority=mine.sites, paths=("/sites-management-api", "/sites-management-api/*")),
        intrusion.replace(priority=mine.intrusion, paths=("/intrusion-management-api", "/intrusion-management-api/*")),
    )
    plan_deploy(exact, cloud).apply()


def _prefix_by_boto3(cloud: Cloud, mine: Values) -> None:
    elb = cloud.client("elbv2")
    balancer = elb.describe_load_balancers(Names=[cloud.aws_name("alb")])["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    for rule in elb.describe_rules(ListenerArn=listener)["Rules"]:
        for prefix, priority in (("/sites-management-api", mine.sites), ("/intrusion-management-api", mine.intrusion)):
            if not rule["IsDefault"] and prefix in str(rule["Conditions"]):
                exact = {"Field": "path-pattern", "PathPatternConfig": {"Values": [prefix, f"{prefix}/*"]}}
                elb.modify_rule(RuleArn=rule["RuleArn"], Conditions=[exact])
                elb.set_rule_priorities(RulePriorities=[{"RuleArn": rule["RuleArn"], "Priority": priority}])


def _team_declarations() -> tuple[ListenerRule, ListenerRule]:
    system = start()
    return system.get(ListenerRule, "alb 80 rule 1"), system.get(ListenerRule, "alb 80 rule 2")


def _prefix_without_bare_path(cloud: Cloud, mine: Values) -> None:
    sites, intrusion = _team_declarations()
    below = (
        sites.replace(priority=mine.sites, paths=(f"{SITES}/*",)),
        intrusion.replace(priority=mine.intrusion, paths=(f"{INTRUSION}/*",)),
    )
    plan_deploy(below, cloud).apply()


def _prefix_with_old_pattern(cloud: Cloud, mine: Values) -> None:
    sites, intrusion = _team_declarations()
    both = (
        sites.replace(priority=mine.sites, paths=(f"{SITES}*", f"{SITES}/*")),
        intrusion.replace(priority=mine.intrusion, paths=(f"{INTRUSION}*", f"{INTRUSION}/*")),
    )
    plan_deploy(both, cloud).apply()


PREFIX = Exercise(
    "15-prefix",
    prompt=(
        "Close the prefix trap of both APIs. Each rule matches the bare prefix and everything below it, and no other "
        "path. Give the rules room: `/sites-management-api` gets the priority **{mine.sites}**, and "
        "`/intrusion-management-api` gets **{mine.intrusion}**."
    ),
    values=_priorities,
    check=_check_prefix,
    hints=(
        "Which two paths does a user of the API request: with a slash behind the prefix, and without?",
        "A rule takes up to five values in one path condition: look at the field `paths` of `ListenerRule`.",
        '`sites.replace(priority={mine.sites}, paths=("/sites-management-api", "/sites-management-api/*"))`, the same '
        "for the other rule, then `plan_deploy([…], cloud).apply()`",
    ),
    solutions=(_prefix_by_plan, _prefix_by_boto3),
    wrong=(
        Wrong(_prefix_without_bare_path, "/sites-management-api from 192.0.2.77: forward to client-web-ui-tg"),
        Wrong(_prefix_with_old_pattern, "/sites-management-apifoo from 192.0.2.77: forward to sites-management-api-tg"),
    ),
    notices=("ListenerRule",),
)


CHAPTER = Chapter(
    "15",
    "Trace and change a rule",
    minutes=25,
    begins="2022-03-01",
    start=start,
    prepare=prepare,
    exercises=(PREFIX, MAINTENANCE, UNKNOWN),
    predictions=("15-targets", "15-foo", "15-log", "15-order"),
)
