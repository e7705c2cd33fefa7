"""An exercise of chapter 15: which rule gets a request, and where the answer is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.chapters._rule_effects import INTRUSION, SITES, trace_path
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.inspect.account import Account, snapshot
from esaws.inspect.load_balancers import KEYS, find_load_balancer


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
    found = trace_path(find_load_balancer(account), path)
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
