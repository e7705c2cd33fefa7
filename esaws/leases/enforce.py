"""Park or tear down a deployment that is past its lease."""

from __future__ import annotations

from typing import Literal

from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import Plan, plan_teardown
from esaws.deploy.steps import StepPlan
from esaws.errors import EsawsError
from esaws.leases.lease import NO_LEASE, lease_status
from esaws.leases.park import plan_park
from esaws.resource import Index

Action = Literal["park", "teardown"]


def plan_enforce(cloud: Cloud, action: Action = "park") -> StepPlan | Plan | None:
    """Plan to park or tear down a deployment that is past its lease; None while the lease holds, or nothing exists.

    Raises:
        EsawsError: the state of the lease is not known, or resources exist without a lease.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    status = lease_status(cloud)
    if status.state == "unknown":
        raise EsawsError(f"nothing was changed: {status!r}")
    index = inventory(cloud) if status.state == "none" else Index()
    if len(index):
        raise EsawsError(
            f"nothing was changed: {cloud.deployment} has no lease; {NO_LEASE}, and `esaws teardown` deletes it"
        )
    index.require()
    if status.state != "past":
        return None
    return plan_park(cloud) if action == "park" else plan_teardown(cloud)
