"""A seeded sample of the matrix. `make resilience` tries all of it, and SOAK=1 here a larger part."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.resilience.__main__ import disturbances, table
from tests.resilience.disturbance import CAPACITY, IN_USE, KINDS, NO_ROOM, STUCK, Disturbance
from tests.resilience.situation import Situation
from tests.resilience.trial import Result

SOAK = os.environ.get("SOAK") == "1"
LINE = ["--trials", "4"] if SOAK else ["--action", "deploy", "--profile", "budget", "--reads", "0", "--trials", "2"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_disturbed_actions_can_be_completed_and_torn_down() -> None:
    command = [sys.executable, "-m", "tests.resilience", *LINE, "--seed", "3"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 wrong" in done.stdout


def test_every_call_is_disturbed_in_every_way_that_can_strike() -> None:
    calls = [("DescribeVpcs", False), ("CreateVpc", True), ("CreateSubnet", True)]
    tried = [(each.kind, each.changing, each.number, each.lasting) for each in disturbances(calls, KINDS)]
    assert len(tried) == len(set(tried))
    assert {(number, changing) for kind, changing, number, _ in tried if kind == "killed after"} == {
        (1, True),
        (2, True),
        (1, False),
    }
    assert {(number, lasting) for kind, _, number, lasting in tried if kind == "quota-exceeded"} == {
        (1, False),
        (1, True),
        (2, False),
        (2, True),
    }, "what changes nothing exceeds no quota"


def test_launches_tasks_and_deletes_are_disturbed_in_their_own_ways() -> None:
    calls = [("CreateVpc", True), ("CreateAutoScalingGroup", True), ("RunTask", True), ("DeleteVpc", True)]
    kinds = (CAPACITY, NO_ROOM, IN_USE, STUCK)
    assert [(each.kind, each.number, each.lasting) for each in disturbances(calls, kinds)] == [
        (CAPACITY, 2, False),
        (CAPACITY, 2, True),
        (NO_ROOM, 3, False),
        (NO_ROOM, 3, True),
        (IN_USE, 4, False),
        (IN_USE, 4, True),
        (STUCK, 4, True),
    ]


def test_the_table_sums_up_what_is_wrong() -> None:
    situation, kill = Situation("park", "ha"), Disturbance("killed after", 3)
    right, wrong = Result(situation, kill, completed=True), Result(situation, kill, left=["ec2 vpc-1"], longest=2.5)
    lines = table([right, wrong]).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["park", "ha", "killed", "after", "2", "1", "1", "0", "0", "0", "2.5", "s"],
        ["all", "2", "1", "1", "0", "0", "0", "2.5", "s"],
    ]
    assert not wrong.is_right and "left: ec2 vpc-1" in str(wrong)
