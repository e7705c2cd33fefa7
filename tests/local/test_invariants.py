"""Invariants of a running ECS service under random failures, scaling, deployments and waits."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.local.conftest import Account, Program
from tests.local.living import Living, Seen
from tests.local.timing import advance, control

RUNS_PER_BATCH = 5
BATCHES = 60 if os.environ.get("SOAK") else 1
ACTIONS = ["wait", "stop", "terminate", "kill", "close", "open", "matcher", "capacity", "count", "deploy"]
EXPLANATIONS = ("unable to place a task", "unable to consistently start", "is unhealthy in (target-group")


def check(living: Living) -> Seen:
    """Check the invariants that hold at any time."""
    seen = living.look()
    ports = Counter((instance, binding["hostPort"]) for instance, task in seen.tasks for binding in _bindings(task))
    assert all(number == 1 for number in ports.values()), "two tasks share a host port"
    with_task = {instance for instance, _ in seen.tasks}
    without_task = [state for instance, state in seen.targets if instance not in with_task]
    assert set(without_task) <= {"draining", "unused"}, f"targets without a task are {without_task}"
    assert seen.group["MinSize"] <= seen.group["DesiredCapacity"] <= seen.group["MaxSize"]
    assert len(seen.hosts) <= seen.group["MaxSize"]
    return seen


def check_at_rest(living: Living) -> None:
    """Check the invariants that hold some hours after the last change."""
    seen = check(living)
    assert len(seen.hosts) == seen.group["DesiredCapacity"]
    messages = " ".join(event["message"] for event in seen.service["events"][:20])
    if seen.service["runningCount"] != seen.service["desiredCount"]:
        assert any(explanation in messages for explanation in EXPLANATIONS), (
            f"{seen.service['runningCount']} tasks run, and no event says why"
        )
    with_task = {instance for instance, _ in seen.tasks}
    assert {instance for instance, state in seen.targets if state != "draining"} <= with_task


def _bindings(task: dict[str, Any]) -> list[dict[str, Any]]:
    return [binding for container in task["containers"] for binding in container.get("networkBindings", [])]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_invariants_hold_under_random_actions(own_server: str, batch: int) -> None:
    account = Account(own_server, "123456789012")

    @seed(batch)
    @settings(
        max_examples=RUNS_PER_BATCH,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 11)), min_size=3, max_size=10))
    def run(steps: list[tuple[str, int]]) -> None:
        control(account, "POST", "reset")  # otherwise resources of the last run would live on
        living = Living(account)
        for action, number in steps:
            living.do(action, number)
            check(living)
        advance(account, "6h")
        check_at_rest(living)

    run()


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a local AWS that the tests may reset."""
    program = Program(tmp_path_factory.mktemp("invariants"))
    yield program.json("start")["url"]
    program.run("stop")
