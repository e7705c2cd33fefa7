"""Breakages of a deployment: the diagnosis of each target agrees with what the load balancer finds."""

import random
from collections.abc import Sequence

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.inspect.account import Account, snapshot
from esaws.inspect.request_path import KEYS as TRACE_KEYS
from esaws.inspect.request_path import trace
from esaws.inspect.target_health import KEYS, health
from tests.inspect.breaker import BALANCED, BREAKAGES, Breaker

RUNS = 4
"""The runs of the short test, which together make every breakage once."""
SOAK_RUNS = 200


@pytest.mark.parametrize("seed", range(RUNS))
def test_inspection_agrees_with_the_load_balancer(deployed: Cloud, seed: int) -> None:
    break_and_mend(deployed, BREAKAGES[seed::RUNS], seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(SOAK_RUNS))
def test_inspection_agrees_with_the_load_balancer_after_random_breakages(deployed: Cloud, seed: int) -> None:
    rng = random.Random(seed)
    breakages = [BREAKAGES[seed % len(BREAKAGES)], *rng.sample(BREAKAGES, rng.choice([0, 0, 1]))]
    break_and_mend(deployed, tuple(dict.fromkeys(breakages)), seed)


def break_and_mend(cloud: Cloud, breakages: Sequence[str], seed: int) -> None:
    rng = random.Random(seed)
    undo = [getattr(Breaker(cloud, rng), breakage)() for breakage in breakages]
    try:
        simulation.advance(cloud, "20m")
        assert_agreement(snapshot(cloud, *{*KEYS, *TRACE_KEYS}), breakages)
    finally:
        for mend in reversed(undo):
            mend()
        simulation.advance(cloud, "20m")
    states = health(cloud)
    assert {state.code for state in states} <= {"HEALTHY", "DRAINING"}, f"not mended after {breakages}"
    assert sum(state.state == "healthy" for state in states) == 2 * len(BALANCED)


def assert_agreement(account: Account, breakages: Sequence[str]) -> None:
    """Each settled target is healthy exactly if it has no cause, and a trace gives the same state."""
    states = health(account)
    for state in states:
        if state.state in ("healthy", "unhealthy", "unused"):
            assert (state.state == "healthy") == (state.cause is None), (breakages, state)
    by_target = {(state.target_group, state.id, state.port): state for state in states}
    for service in BALANCED.values():
        for hop in trace(account, f"http://seccom{service.path}/").targets:
            state = by_target[hop.target_group, hop.id, hop.port]
            assert hop.state == state.state
            if state.code == "NOT_REACHED" and "9999" not in state.to_dict()["detail"]:
                # An ACL can allow one node of the load balancer and deny the other.
                reached = "unknown" if "acl" in breakages and hop.reached != "deny" else "deny"
                assert hop.reached == reached, (breakages, hop)
            if hop.state == "healthy":
                assert hop.reached == "allow" and hop.task, (breakages, hop)
