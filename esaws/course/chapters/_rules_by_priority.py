"""An exercise of chapter 07: the priority of a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.course.chapters._health_and_default import rule_for_pages
from esaws.course.destinations import goes
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.target_group import TargetGroup

_API = "/intrusion-management-api"


def _priority(seed: Seed) -> Mapping[str, Any]:
    return {"path": f"{_API}/{seed.letters(4)}"}


def _check_priority(attempt: Attempt) -> Iterator[Point]:
    path = attempt.mine.path
    yield goes(attempt, path, "client-web-ui-tg", is_needed=True)
    yield goes(attempt, f"{path}/index.html", "client-web-ui-tg")
    for other in (f"{path}x", f"{_API}/", f"{_API}/intrusions/7"):
        yield goes(attempt, other, "intrusion-api-tg")
    yield goes(attempt, "/", "client-web-ui-tg")


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


def _behind_the_other_rule(cloud: Cloud, mine: Values) -> None:
    rule_for_pages(cloud, 10, mine.path, f"{mine.path}/*")


def _any_longer_path(cloud: Cloud, mine: Values) -> None:
    rule_for_pages(cloud, 1, f"{mine.path}*")


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
