"""Chapter 15: trace a request, close the prefix trap on the evidence of a log, and close a part for maintenance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.samples.access_log import sample_access_log
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.inspect.account import Account, snapshot
from esaws.inspect.load_balancers import KEYS, LiveLoadBalancer, find_load_balancer
from esaws.inspect.routing.access_log import read_access_logs
from esaws.inspect.routing.effects import describe_effect
from esaws.inspect.routing.replay import replay_rules
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import RuleTrace, trace_rules
from esaws.reference.seccom import seccom
from esaws.resources.listener_rule import ListenerRule

SITES, INTRUSION = "/sites-management-api", "/intrusion-management-api"
SITES_GROUP, INTRUSION_GROUP, WEB_GROUP = "sites-management-api-tg", "intrusion-api-tg", "client-web-ui-tg"
VISITOR = "192.0.2.77"
"""The address of a client that is not in the team's office."""
MOVED_BY_EXACT_PATHS = 10
"""The requests of the sample log that only the patterns with the trap match."""
LOOK_AT_RULES = "inspect.rules(cloud)"


def start() -> Architecture:
    """Return the part of `ha` whose load balancer has the team's two path rules."""
    return seccom("ha", services=("client-web-ui", "sites-management-api", "intrusion-management-api"))


def prepare(cloud: Cloud) -> None:
    """Give the targets time to pass their first health checks."""
    simulation.advance(cloud, "10m")


# --- what the rules do with a request


def _load_balancer(cloud: Cloud) -> LiveLoadBalancer:
    return find_load_balancer(snapshot(cloud, *KEYS), cloud.aws_name("alb"))


def _trace(load_balancer: LiveLoadBalancer, path: str, client: str = VISITOR) -> RuleTrace:
    """Trace a request to a path through the rules of the listener on port 80."""
    listener = load_balancer.listener(80)
    rules = load_balancer.rules(listener) if listener else []
    return trace_rules(rules, Request.for_url(f"http://seccom{path}", source_ip=client))


def _effect(load_balancer: LiveLoadBalancer, path: str, client: str = VISITOR) -> str:
    """What a request gets: `forward to …`, `answer 503` (without its text), `unknown`."""
    found = _trace(load_balancer, path, client)
    effect = describe_effect(found.rule) if found.rule else found.outcome
    return re.sub(r"^(answer \d+).*", r"\1", effect, flags=re.DOTALL)


class _Effects:
    """Points about what requests get from the rules of a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.load_balancer = _load_balancer(cloud)

    def forwarded(self, path: str, group: str, client: str = VISITOR, *, is_needed: bool = False) -> Point:
        """Whether a request goes to a target group."""
        return self._point(path, f"forward to {self.cloud.aws_name(group)}", client, is_needed)

    def answered(self, path: str, status: int, *, is_needed: bool = False) -> Point:
        """Whether the load balancer itself answers."""
        return self._point(path, f"answer {status}", VISITOR, is_needed)

    def _point(self, path: str, expected: str, client: str, is_needed: bool) -> Point:
        found = _effect(self.load_balancer, path, client)
        short = {text: text.replace(f"{self.cloud.deployment}-", "") for text in (expected, found)}
        return Point(
            f"{path} from {client}: {short[expected]}",
            found == expected,
            f"{path} from {client}: {short[found]}",
            f'inspect.trace(cloud, "http://seccom{path}", source_ip="{client}")',
            is_needed=is_needed,
        )


# --- the exact prefix of both APIs


def _priorities(seed: Seed) -> Mapping[str, Any]:
    return {"sites": seed.between(10, 20), "intrusion": seed.between(30, 40)}


def _check_prefix(attempt: Attempt) -> Iterator[Point]:
    effects = _Effects(attempt.cloud)
    for path, group, priority in (
        (SITES, SITES_GROUP, attempt.mine.sites),
        (INTRUSION, INTRUSION_GROUP, attempt.mine.intrusion),
    ):
        found = _trace(effects.load_balancer, f"{path}/sites")
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


def _rule_of(cloud: Cloud, group: str) -> str:
    """The ARN of the rule that forwards to a target group."""
    rules = [live for live in inventory(cloud) if live.kind == "ListenerRule"]
    return next(live.id for live in rules if group in str(live.fields["target_group"]))


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


# --- maintenance of one part


def _maintenance(seed: Seed) -> Mapping[str, Any]:
    return {
        "part": seed.choice(("owners", "buildings", "devices", "alarms", "contracts")),
        "office": f"198.51.100.{seed.between(2, 250)}",
    }


def _check_maintenance(attempt: Attempt) -> Iterator[Point]:
    effects, part = _Effects(attempt.cloud), f"{SITES}/{attempt.mine.part}"
    yield effects.answered(part, 503, is_needed=True)
    yield effects.answered(f"{part}/17", 503)
    yield effects.forwarded(f"{part}/17", SITES_GROUP, attempt.mine.office, is_needed=True)
    yield effects.forwarded(f"{part}-archive", SITES_GROUP)
    yield effects.forwarded(f"{SITES}/sites", SITES_GROUP)
    yield effects.forwarded(f"{INTRUSION}/intrusions", INTRUSION_GROUP)
    yield effects.forwarded("/", WEB_GROUP)


def _make_room(cloud: Cloud) -> None:
    """Move the rules of the APIs behind priority 100."""
    priorities = [
        {"RuleArn": _rule_of(cloud, SITES_GROUP), "Priority": 101},
        {"RuleArn": _rule_of(cloud, INTRUSION_GROUP), "Priority": 102},
    ]
    cloud.client("elbv2").set_rule_priorities(RulePriorities=priorities)


def _close_part_but_not_for_the_office(cloud: Cloud, mine: Values) -> None:
    elb, live = cloud.client("elbv2"), inventory(cloud)
    rules = {rule.fields["target_group"]: rule.id for rule in live if rule.kind == "ListenerRule"}
    sites = next(rule for group, rule in rules.items() if "sites-management-api-tg" in group)
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": sites, "Priority": 100}])
    listener = live["Listener", "alb 80"].id
    paths = [f"/sites-management-api/{mine.part}", f"/sites-management-api/{mine.part}/*"]
    path = {"Field": "path-pattern", "PathPatternConfig": {"Values": paths}}
    office = {"Field": "source-ip", "SourceIpConfig": {"Values": [f"{mine.office}/32"]}}
    forward = {"Type": "forward", "TargetGroupArn": live["TargetGroup", "sites-management-api-tg"].id}
    sorry = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "Back at 14:00."}
    closed = {"Type": "fixed-response", "FixedResponseConfig": sorry}
    elb.create_rule(ListenerArn=listener, Priority=50, Conditions=[path, office], Actions=[forward])
    elb.create_rule(ListenerArn=listener, Priority=51, Conditions=[path], Actions=[closed])


def _create_behind_then_move_to_the_front(cloud: Cloud, mine: Values) -> None:
    elb, live = cloud.client("elbv2"), inventory(cloud)
    listener, prefix = live["Listener", "alb 80"].id, "/sites-management-api"
    group = live["TargetGroup", "sites-management-api-tg"].id
    everything = {"Field": "path-pattern", "PathPatternConfig": {"Values": [prefix, f"{prefix}/*"]}}
    office = {"Field": "source-ip", "SourceIpConfig": {"Values": [f"{mine.office}/32"]}}
    below = [f"{prefix}/{mine.part}", f"{prefix}/{mine.part}/*"]
    part = {"Field": "path-pattern", "PathPatternConfig": {"Values": below}}
    closed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    forward = {"Type": "forward", "TargetGroupArn": group}
    rules = [([everything, office], forward), ([part], closed)]
    new = [
        elb.create_rule(ListenerArn=listener, Priority=900 + number, Conditions=conditions, Actions=[action])
        for number, (conditions, action) in enumerate(rules)
    ]
    old = [rule["RuleArn"] for rule in elb.describe_rules(ListenerArn=listener)["Rules"] if not rule["IsDefault"]]
    front = [answer["Rules"][0]["RuleArn"] for answer in new]
    order = [*front, *(arn for arn in old if arn not in front)]
    elb.set_rule_priorities(
        RulePriorities=[{"RuleArn": arn, "Priority": number} for number, arn in enumerate(order, start=1)]
    )


def _close(cloud: Cloud, priority: int, paths: list[str]) -> None:
    cloud.client("elbv2").create_rule(
        ListenerArn=inventory(cloud)["Listener", "alb 80"].id,
        Priority=priority,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": paths}}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )


def _close_behind_the_api(cloud: Cloud, mine: Values) -> None:
    _close(cloud, 500, [f"{SITES}/{mine.part}", f"{SITES}/{mine.part}/*"])


def _close_for_the_office_too(cloud: Cloud, mine: Values) -> None:
    _make_room(cloud)
    _close(cloud, 50, [f"{SITES}/{mine.part}", f"{SITES}/{mine.part}/*"])


def _close_with_the_trap(cloud: Cloud, mine: Values) -> None:
    _make_room(cloud)
    _close(cloud, 50, [f"{SITES}/{mine.part}*"])


MAINTENANCE = Exercise(
    "15-maintenance",
    prompt=(
        "Tonight the team migrates a part of the database. The load balancer answers **503** itself for "
        "`/sites-management-api/{mine.part}` and everything below it. From the team's office, `{mine.office}`, the "
        "same requests still reach the API. Everything else stays as it is."
    ),
    values=_maintenance,
    check=_check_maintenance,
    hints=(
        "Two groups of clients request the same path. Which of them does the listener have to recognise first?",
        "Conditions of one rule all have to match; besides paths there is `source-ip`. Priorities below the rule of "
        "the API must be free: `set-rule-priorities` moves rules.",
        "Two calls of `create_rule`: path and source-ip `{mine.office}/32` with a `forward` action, then path alone "
        "with a `fixed-response`. The first has the lower priority number, and both come before the rule of the API.",
    ),
    solutions=(_close_part_but_not_for_the_office, _create_behind_then_move_to_the_front),
    wrong=(
        Wrong(_close_behind_the_api, "forward to sites-management-api-tg"),
        Wrong(_close_for_the_office_too, "from 198.51.100."),
        Wrong(_close_with_the_trap, "-archive from 192.0.2.77: answer 503"),
    ),
    notices=("TargetGroup:sites-management-api-tg",),
)


# --- certain, and unknown


def _paths(seed: Seed) -> Mapping[str, Any]:
    word = seed.letters(5)
    variants = [
        f"{SITES}/{word}",
        f"/{SITES}/{word}",
        f"/Sites-Management-API/{word}",
        f"{INTRUSION}/../{word}",
        f"{SITES.replace('i', '%69', 1)}/{word}",
        f"{INTRUSION}/{word}/",
    ]
    return {"paths": seed.shuffled(variants)}


def _expected(account: Account, path: str) -> str:
    """The rule that gets a path, by its priority, or `unknown`."""
    found = _trace(find_load_balancer(account), path)
    return found.rule.priority if found.rule else found.outcome


def _check_unknown(attempt: Attempt) -> Iterator[Point]:
    account = snapshot(attempt.cloud, *KEYS)
    given = attempt.answer if isinstance(attempt.answer, Mapping) else {}
    for path in attempt.mine.paths:
        expected, answer = _expected(account, path), given.get(path)
        found = f"your answer is {answer}" if answer is not None else "there is no answer for this path"
        yield Point(
            f"{path}: your answer is right",
            str(answer) == expected,
            found,
            f'inspect.trace(cloud, "http://seccom{path}")',
        )


def _answer_by_trace(cloud: Cloud, mine: Values) -> dict[str, str]:
    from esaws import inspect

    account = inspect.snapshot(cloud)
    traced = {path: inspect.trace(account, f"http://seccom{path}").trace for path in mine.paths}
    return {path: found.rule.priority if found.rule else "unknown" for path, found in traced.items()}


def _answer_by_thinking(cloud: Cloud, mine: Values) -> dict[str, str]:
    rules = {
        live.fields["paths"]: str(live.fields["priority"]) for live in inventory(cloud) if live.kind == "ListenerRule"
    }
    answers = {}
    for path in mine.paths:
        normalised = "//" in path or ".." in path or "%" in path
        matching = [rule for paths, rule in rules.items() if any(path.startswith(each.rstrip("/*")) for each in paths)]
        answers[path] = "unknown" if normalised else matching[0] if matching else "default"
    return answers


def _always_certain(cloud: Cloud, mine: Values) -> dict[str, str]:
    return dict.fromkeys(mine.paths, "1")


def _never_certain(cloud: Cloud, mine: Values) -> dict[str, str]:
    return dict.fromkeys(mine.paths, "unknown")


UNKNOWN = Exercise(
    "15-unknown",
    prompt=(
        "Which rule gets each of these requests? Answer with a dict: the path, and the priority of its rule as text "
        '(`"default"` for the default rule). Answer `"unknown"` where AWS\'s documentation does not decide. '
        "Your paths are `mine.paths`."
    ),
    values=_paths,
    check=_check_unknown,
    hints=(
        "Is the path that the client sends the path that the load balancer compares?",
        "AWS documents that path patterns are case-sensitive. It does not say what it does with `//`, `..` and `%69`.",
        '`inspect.trace(account, "http://seccom" + path).trace` has `outcome`, and `rule.priority` where one matches.',
    ),
    solutions=(_answer_by_trace, _answer_by_thinking),
    wrong=(Wrong(_always_certain, "your answer is 1"), Wrong(_never_certain, "your answer is unknown")),
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
