"""A deploy that is killed at any moment: the next one completes it, and the next teardown leaves nothing."""

import os
import random
import signal
import time

import pytest

from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.reference.seccom import SERVICES, seccom
from tests.shell import journal_lines

pytestmark = pytest.mark.slow

SOAK = os.environ.get("SOAK") == "1"
SEEDS = range(20 if SOAK else 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_deploy_can_be_completed_and_torn_down(seed, esaws, cloud):
    profile = ("ha", "budget")[seed % 2]
    services = [*SERVICES] if SOAK else ["client-web-ui"]
    architecture = seccom(profile, services=services)
    deploy = esaws.start("deploy", "--profile", profile, "--services", ",".join(services), "--yes")
    # After the first resource, and at the latest before the last.
    kill_at = random.Random(seed).uniform(0, 0.95) * len(architecture)
    while journal_lines(esaws.folder) < 1 + 2 * kill_at and deploy.poll() is None:
        time.sleep(0.002)
    deploy.send_signal(signal.SIGKILL)
    deploy.communicate()
    assert deploy.returncode == -signal.SIGKILL, "it was killed while it was running"

    plan_deploy(architecture, cloud).apply()
    assert {change.action for change in plan_deploy(architecture, cloud)} == {"keep"}
    plan_teardown(cloud).apply()
    assert leftovers(cloud) == []
