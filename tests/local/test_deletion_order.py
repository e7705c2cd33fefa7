"""Random systems deleted in random orders: what AWS would refuse is refused, and what it would allow is allowed."""

import os
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.local.systems import Built, System, systems

# 20 on each run of the suite; `GRAPHS=500 pytest tests/local/test_deletion_order.py` when a rule of deletion changes.
GRAPHS = int(os.environ.get("GRAPHS", "20"))


@settings(
    max_examples=GRAPHS,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(system=systems(), chance=st.randoms(use_true_random=False))
def test_deletions_are_refused_and_allowed_as_the_model_says(account: Any, system: System, chance: Random) -> None:
    built = Built(account, system)
    for _ in range(20):
        order = sorted(built.things)
        chance.shuffle(order)
        for name in order:
            if name in built.things:
                built.try_to_delete(name)
        if not built.things:
            return
    raise AssertionError(f"{sorted(built.things)} could never be deleted")
