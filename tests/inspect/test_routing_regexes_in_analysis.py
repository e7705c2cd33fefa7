"""Analysis of rules after a regex: certain matches are found, and what depends on the regex is undecided."""

from typing import Any

import pytest

from esaws.inspect.routing.analyze import analyze_rules
from tests.inspect.routing_worlds import rule

Found = list[tuple[str, str, Any, tuple[str, ...]]]


def path(*values: str, regex: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values), "RegexValues": list(regex)}}


HOST = {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}
CASES: list[tuple[str, list[list[dict[str, Any]]], Found]] = [
    (
        "a regex takes the only path",
        [[path(regex=("^/a$",))], [path("/a")]],
        [("SHADOWED", "2", None, ("1",))],
    ),
    (
        "a regex takes one of two paths",
        [[path(regex=("^/a$",))], [path("/a", "/b")]],
        [("DEAD_VALUE", "2", "/a", ("1",))],
    ),
    (
        "two regexes take a path each",
        [[path(regex=("^/a$",))], [path(regex=("^/b$",))], [path("/a", "/b")]],
        [("SHADOWED", "3", None, ("1", "2"))],
    ),
    ("a regex for one host", [[path(regex=("^/a$",)), HOST], [path("/a")]], []),
    ("a regex for the shortest path alone", [[path(regex=("^/$",))], [path("/*")]], []),
    ("case is not documented", [[path(regex=("^/A$",))], [path("/a")]], []),
]


@pytest.mark.parametrize(("conditions", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_rule_after_a_regex_rule(conditions: list[list[dict[str, Any]]], expected: Found) -> None:
    found = analyze_rules([rule(str(number), case) for number, case in enumerate(conditions, 1)])
    assert [
        (item.code, item.priority, item.value, item.by) for item in found if item.code in ("SHADOWED", "DEAD_VALUE")
    ] == expected


def test_an_analysis_that_depends_on_a_regex_is_undecided() -> None:
    found = analyze_rules([rule("1", [path(regex=("^/a.*",))]), rule("2", [path("/a*")])])
    assert "UNDECIDED" in {item.code for item in found if item.priority == "2"}
