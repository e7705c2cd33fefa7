"""Killed at any moment, a deploy leaves a state that the next one completes and the next teardown clears."""

import os
import random
import signal
import time

import pytest

from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.reference.seccom import seccom
from tests.shell import journal_lines

KILLS = int(os.environ.get("KILLS", "4"))
"""How many are tried; 20 by hand."""


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_any_moment_the_next_deploy_completes_and_the_next_teardown_leaves_nothing(seed, esaws, cloud):
    profile = ("ha", "budget")[seed % 2]
    architecture = seccom(profile)
    chance = random.Random(seed)
    victim = esaws.start("deploy", "--profile", profile, "--yes")
    # From the first resource on, at a share of the whole that the seed chooses.
    kill_at = chance.uniform(0, 0.95) * len(architecture)
    while journal_lines(esaws.folder) < 1 + 2 * kill_at and victim.poll() is None:
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL, "it was killed while it worked"

    plan_deploy(architecture, cloud).apply()
    assert {change.action for change in plan_deploy(architecture, cloud)} == {"keep"}
    plan_teardown(cloud).apply()
    assert leftovers(cloud) == []
