"""Park or resume a deployment, and prove that nothing runs, or that everything serves again."""

from __future__ import annotations

from typing import Literal

from esaws.cloud import Cloud
from esaws.deploy.serving import wait_until_serving
from esaws.deploy.steps import StepPlan
from esaws.leases.park import plan_park, plan_resume
from esaws.operations.checks import Check

ParkAction = Literal["park", "resume"]

_SERVING_MINUTES = 20.0
"""Five health checks of a new task, and the start of an instance before it."""


def plan_parking(cloud: Cloud, action: ParkAction) -> StepPlan:
    """Plan to stop everything that can be stopped (`park`), or to start it as it was (`resume`).

    Raises:
        NotDeployed: the deployment does not exist.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    return plan_park(cloud) if action == "park" else plan_resume(cloud)


def verify_parking(cloud: Cloud, action: ParkAction) -> list[Check]:
    """Check that nothing is left to park, or that nothing is parked and everything serves."""
    return [check_parked(cloud)] if action == "park" else [_check_resumed(cloud), check_serving(cloud)]


def check_parked(cloud: Cloud) -> Check:
    """Check that nothing runs that can be stopped."""
    running = [f"{step.kind} {step.name}: {step.before}" for step in plan_park(cloud).steps]
    found = "; ".join(running) or "everything that can be stopped is stopped"
    return Check("the deployment is parked", not running, found, "park it again; what is stopped stays so")


def check_serving(cloud: Cloud, minutes: float = _SERVING_MINUTES) -> Check:
    """Check that every service is stable and every target healthy; it waits for them."""
    unstable = wait_until_serving(cloud, minutes=minutes)
    found = "; ".join(map(str, unstable)) or "every service is stable, every target healthy"
    return Check("everything serves", not unstable, found, "look at `esaws health`")


def _check_resumed(cloud: Cloud) -> Check:
    parked = [f"{step.kind} {step.name}" for step in plan_resume(cloud).steps]
    found = ", ".join(parked) or "nothing is parked"
    return Check("nothing is parked", not parked, found, "resume it again; what runs stays so")
