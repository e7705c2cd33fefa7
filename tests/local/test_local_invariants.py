"""Whatever people break, mend, scale and wait for: what must hold, holds."""

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

# 10 on each run of the suite; `RUNS=300 pytest tests/local/test_local_invariants.py` when a behaviour changes.
EACH = 10
RUNS = int(os.environ.get("RUNS", str(EACH)))
HEALTH = [HealthCheck.too_slow]
WHAT = ["wait", "stop", "terminate", "kill", "close", "open", "matcher", "capacity", "count", "deploy"]
EXCUSES = ("unable to place a task", "unable to consistently start", "is unhealthy in (target-group")


def check(living: Living) -> Seen:
    """What must hold at every moment."""
    seen = living.look()
    ports = Counter((instance, binding["hostPort"]) for instance, task in seen.tasks for binding in _bindings(task))
    assert all(times == 1 for times in ports.values()), "two tasks share a host port"
    with_task = {instance for instance, _ in seen.tasks}
    bare = [state for instance, state in seen.targets if instance not in with_task]
    assert set(bare) <= {"draining", "unused"}, f"targets without a task are {bare}"
    assert seen.group["MinSize"] <= seen.group["DesiredCapacity"] <= seen.group["MaxSize"]
    assert len(seen.hosts) <= seen.group["MaxSize"]
    return seen


def check_at_rest(living: Living) -> None:
    """What must hold some hours after the last change."""
    seen = check(living)
    assert len(seen.hosts) == seen.group["DesiredCapacity"]
    told = " ".join(event["message"] for event in seen.service["events"][:20])
    if seen.service["runningCount"] != seen.service["desiredCount"]:
        assert any(excuse in told for excuse in EXCUSES), (
            f"{seen.service['runningCount']} tasks run, and no event says why"
        )
    with_task = {instance for instance, _ in seen.tasks}
    assert {instance for instance, state in seen.targets if state != "draining"} <= with_task


def _bindings(task: dict[str, Any]) -> list[dict[str, Any]]:
    return [binding for container in task["containers"] for binding in container.get("networkBindings", [])]


@pytest.mark.parametrize("batch", range(max(RUNS // EACH, 1)))
def test_what_must_hold_holds(own_server: str, batch: int) -> None:
    account = Account(own_server, "123456789012")

    @seed(batch)
    @settings(max_examples=EACH, deadline=None, phases=[Phase.generate], database=None, suppress_health_check=HEALTH)
    @given(steps=st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 11)), min_size=3, max_size=10))
    def lives(steps: list[tuple[str, int]]) -> None:
        control(account, "POST", "reset")  # else what has been would live on, beside what is looked at
        living = Living(account)
        for what, number in steps:
            living.do(what, number)
            check(living)
        advance(account, "6h")
        check_at_rest(living)

    lives()


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of a local AWS that can be emptied."""
    program = Program(tmp_path_factory.mktemp("invariants"))
    yield program.json("start")["url"]
    program.run("stop")
