"""Listener rules in any order: the lowest priority decides, as a number, in traces, replays and analyses."""

from itertools import permutations
from typing import Any

import pytest

from esaws.inspect.routing.access_log import read_access_logs
from esaws.inspect.routing.analyze import analyze_rules
from esaws.inspect.routing.replay import replay_rules
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import trace_request
from tests.inspect.access_logs import line
from tests.inspect.routing_worlds import rule

pytestmark = pytest.mark.slow

Raw = dict[str, Any]


def path_rule(priority: str, *patterns: str) -> Raw:
    return rule(priority, [{"Field": "path-pattern", "Values": [*patterns]}])


UNKNOWN = rule("5", [{"Field": "moon-phase", "Values": ["full"]}])
RULES = [path_rule("2", "/a*"), path_rule("10", "/a/b"), path_rule("100", "/*"), rule("default", [])]


def outcomes(described: list[Raw], path: str) -> set[str]:
    """The rule of a request by trace and by replay."""
    trace = trace_request(described, Request(path=path))
    replay = replay_rules(read_access_logs([("log", line({"path": path}).encode())]), described)
    return {trace.to_dict()["priority"] or trace.outcome, replay.requests.live[0]}


def test_rules_are_evaluated_by_number_in_any_order() -> None:
    for order in permutations(RULES):
        assert outcomes([*order], "/a/b") == {"2"}, "2 comes before 10, which a comparison of texts would reverse"
        assert outcomes([*order], "/x") == {"100"}


def test_an_unknown_condition_matters_only_before_the_deciding_rule() -> None:
    for order in permutations([UNKNOWN, *RULES]):
        assert outcomes([*order], "/a/b") == {"2"}
        trace = trace_request([*order], Request(path="/x"))
        assert (trace.outcome, trace.candidates) == ("unknown", ("5", "100"))
        assert outcomes([*order], "/x") == {"unknown"}


def test_an_analysis_compares_with_lower_numbers_in_any_order() -> None:
    for order in permutations(RULES[:3]):
        findings = [finding for finding in analyze_rules(order) if finding.code == "SHADOWED"]
        assert [(finding.priority, finding.by) for finding in findings] == [("10", ("2",))]
