"""An exercise of chapter 15: a part of an API is closed for all but the office."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.chapters._rule_effects import INTRUSION, INTRUSION_GROUP, SITES, SITES_GROUP, WEB_GROUP, Effects
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory


def _rule_of(cloud: Cloud, group: str) -> str:
    """The ARN of the rule that forwards to a target group."""
    rules = [live for live in inventory(cloud) if live.kind == "ListenerRule"]
    return next(live.id for live in rules if group in str(live.fields["target_group"]))


def _maintenance(seed: Seed) -> Mapping[str, Any]:
    return {
        "part": seed.choice(("owners", "buildings", "devices", "alarms", "contracts")),
        "office": f"198.51.100.{seed.between(2, 250)}",
    }


def _check_maintenance(attempt: Attempt) -> Iterator[Point]:
    effects, part = Effects(attempt.cloud), f"{SITES}/{attempt.mine.part}"
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
    notices=("Listener",),
)
