"""The first version of a new exercise or lab: one that works, and that the tests of the course play."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from esaws.course.chapters import find_chapter
from esaws.course.labs.families import all_labs
from esaws.errors import UsageError

_EXERCISE = re.compile(r"\d\d(-[a-z0-9]+)+")
_LAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_TEST = "make test-course ARGS='-k {name}'"


@dataclass(frozen=True)
class NewFile:
    """A module that was written, and the command that plays what it declares."""

    file: str
    test: str

    def to_dict(self) -> dict[str, Any]:
        """file, test (a command)."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.file}\n\nNext steps:\n  edit it\n  {self.test}      # plays it, right and wrong"


def create_exercise(name: str, folder: Path | None = None) -> NewFile:
    """Write the module of a new exercise, such as `04-retention`, for a chapter that exists.

    Args:
        name: the number of the chapter, and a short name.
        folder: where to write it; default the chapters of this checkout, where the course finds it.

    Raises:
        UsageError: the name is not one, the chapter does not exist, or the file exists or can't be written.
    """
    if not _EXERCISE.fullmatch(name):
        raise UsageError(f"{name!r} is not a name for an exercise; write the chapter and a short name, as 04-retention")
    number = name.partition("-")[0]
    chapter = find_chapter(number)
    if any(exercise.name == name for exercise in chapter.exercises):
        raise UsageError(f"{name}: the chapter {number} {chapter.title} has it already; choose another name")
    path = (folder or Path(__file__).parent / "chapters") / f"exercise_{name.replace('-', '_')}.py"
    text = _EXERCISE_MODULE.replace("NAME", name).replace("CHAPTER_TITLE", f"{number}, {chapter.title}")
    return NewFile(_write(path, text), _TEST.format(name=name))


def create_lab(name: str, folder: Path | None = None) -> NewFile:
    """Write the module of a new lab, such as `late-answers`: a system in which a listener rule is broken.

    Args:
        name: lower-case words with hyphens that do not give the cause away.
        folder: where to write it; default the families of this checkout, where the course finds it.

    Raises:
        UsageError: the name is not one, a lab has it, or the file exists or can't be written.
    """
    if not _LAB.fullmatch(name):
        raise UsageError(f"{name!r} is not a name for a lab; use at least two lower-case words, as late-answers")
    if any(lab.name == name for lab in all_labs()):
        raise UsageError(f"{name}: a lab has this name already; choose another one")
    path = (folder or Path(__file__).parent / "labs" / "families") / f"{name.replace('-', '_')}.py"
    return NewFile(_write(path, _LAB_MODULE.replace("NAME", name)), _TEST.format(name=name))


def _write(path: Path, text: str) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path}: already exists; choose another name") from None
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror}). Choose another folder.") from error
    return str(path)


_EXERCISE_MODULE = '''\
"""The exercise NAME of chapter CHAPTER_TITLE: a log group that keeps events for some days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.resources.log_group import LogGroup


def _values(seed: Seed) -> Mapping[str, Any]:
    return {"days": seed.choice([3, 5, 7, 14, 30])}


def _check(attempt: Attempt) -> Iterator[Point]:
    group = attempt.live("LogGroup", "practice")
    days = group.fields["retention_days"] if group else None
    yield Point(
        f"The log group practice keeps events for {attempt.mine.days} days",
        days == attempt.mine.days,
        f"it keeps them for {days} days" if group else "there is no log group practice",
        "aws logs describe-log-groups",
        is_needed=True,
    )


def _declare(cloud: Cloud, mine: Values) -> None:
    plan_deploy([LogGroup(name="practice", retention_days=mine.days)], cloud).apply()


def _call(cloud: Cloud, mine: Values) -> None:
    logs, name = cloud.client("logs"), cloud.aws_name("practice")
    tags = {"esaws:deployment": cloud.deployment, "esaws:name": "practice"}
    logs.create_log_group(logGroupName=name, tags=tags)
    logs.put_retention_policy(logGroupName=name, retentionInDays=mine.days)


def _for_ever(cloud: Cloud, mine: Values) -> None:
    tags = {"esaws:deployment": cloud.deployment, "esaws:name": "practice"}
    cloud.client("logs").create_log_group(logGroupName=cloud.aws_name("practice"), tags=tags)


def _for_a_day(cloud: Cloud, mine: Values) -> None:
    plan_deploy([LogGroup(name="practice", retention_days=1)], cloud).apply()


EXERCISES = (
    Exercise(
        "NAME",
        prompt="Create the log group `practice`. It keeps events for {mine.days} days, and not for ever.",
        values=_values,
        check=_check,
        hints=(
            "How long does CloudWatch Logs keep events, if you say nothing?",
            "`LogGroup` in `esaws.resources` has a field for the days.",
            "`LogGroup(name=\\"practice\\", retention_days={mine.days})`",
        ),
        solutions=(_declare, _call),
        wrong=(Wrong(_for_ever, "it keeps them"), Wrong(_for_a_day, "for 1 days")),
        notices=("LogGroup:practice",),
    ),
)
'''
_LAB_MODULE = '''\
"""The lab NAME: the path pattern of a listener rule is too narrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws import inspect
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.families._common import open_everything, redeploy_everything, rule_of
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed
from esaws.reference.seccom import SERVICES


def _values(seed: Seed) -> Mapping[str, Any]:
    service = SERVICES[seed.choice(["sites-management-api", "intrusion-management-api"])]
    part = seed.choice(["v2", "beta", "mobile"])
    return {"service": service.name, "prefix": service.path, "priority": service.priority, "part": part}


def _break(cloud: Cloud, mine: Values) -> None:
    conditions = [{"Field": "path-pattern", "Values": [f"{mine.prefix}/{mine.part}/*"]}]
    cloud.client("elbv2").modify_rule(RuleArn=rule_of(cloud, mine.prefix)["RuleArn"], Conditions=conditions)


def _evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    rule = rule_of(cloud, mine.prefix)
    names = (f"rule {rule['Priority']}", f"priority {rule['Priority']}", rule["RuleArn"])
    yield Evidence(names, (f"{mine.prefix}/{mine.part}/*", f"/{mine.part}/*"))


def _mended(attempt: Attempt) -> Iterable[Point]:
    for path in (f"{attempt.mine.prefix}/", f"{attempt.mine.prefix}/devices/7"):
        found = inspect.trace(attempt.account, f"http://seccom{path}", alb=attempt.cloud.aws_name("alb")).trace
        priority = found.rule.priority if found.rule else "no rule"
        yield Point(
            f"GET {path} is matched by rule {attempt.mine.priority}",
            priority == str(attempt.mine.priority),
            f"it is matched by {priority}",
            "the path patterns of the rules",
        )


def _repair(cloud: Cloud, mine: Values) -> None:
    elbv2 = cloud.client("elbv2")
    balancer = elbv2.describe_load_balancers(Names=[cloud.aws_name("alb")])["LoadBalancers"][0]
    listener = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"][0]
    rules = elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    rule = next(rule for rule in rules if rule["Priority"] == str(mine.priority))
    conditions = [{"Field": "path-pattern", "Values": [f"{mine.prefix}*"]}]
    elbv2.modify_rule(RuleArn=rule["RuleArn"], Conditions=conditions)


def _only_one_more_path(cloud: Cloud, mine: Values) -> None:
    values = [f"{mine.prefix}/{mine.part}/*", f"{mine.prefix}/"]
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": values}}]
    cloud.client("elbv2").modify_rule(RuleArn=rule_of(cloud, mine.prefix)["RuleArn"], Conditions=conditions)


LABS = (
    Lab(
        "NAME",
        family="routing",
        title="Say in a few words what users see",
        report=(
            "The team of the app writes: *`{mine.prefix}/{mine.part}/` works. "
            "All other paths below `{mine.prefix}/` return an HTML page since yesterday.*"
        ),
        cause="rule-pattern",
        values=_values,
        inject=_break,
        evidence=_evidence,
        broken=("GET {mine.prefix}/", "{mine.service} answers"),
        mended=_mended,
        repair=_repair,
        non_repairs=(
            Wrong(_only_one_more_path, "/devices/7"),
            Wrong(open_everything, "open to the world"),
            Wrong(redeploy_everything, "lost a task"),
        ),
        hints=(
            "What do the paths that work have in common?",
            "Compare the path patterns of the rules with a path that fails.",
            "`aws elbv2 describe-rules --listener-arn …`; `modify-rule --conditions` sets the patterns.",
        ),
    ),
)
'''
