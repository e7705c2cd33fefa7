"""Random systems deleted in random order: a deletion is refused exactly when the model says that AWS refuses it."""

import os
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.local.systems import Built, System, systems

SYSTEMS = 500 if os.environ.get("SOAK") else 12


@settings(
    max_examples=SYSTEMS,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(system=systems(), chance=st.randoms(use_true_random=False))
def test_a_deletion_is_refused_exactly_when_the_model_refuses_it(account: Any, system: System, chance: Random) -> None:
    built = Built(account, system)
    for _ in range(20):
        order = sorted(built.parts)
        chance.shuffle(order)
        for name in order:
            if name in built.parts:
                built.try_to_delete(name)
        if not built.parts:
            return
    raise AssertionError(f"{sorted(built.parts)} cannot be deleted")
