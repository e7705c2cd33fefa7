"""Guard a deployment: park it, or tear it down, once its lease is over or too much is spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import Plan, plan_teardown
from esaws.deploy.steps import StepPlan
from esaws.errors import EsawsError, UsageError
from esaws.leases.estimate import estimate_spend
from esaws.leases.lease import lease_status
from esaws.leases.park import plan_park
from esaws.leases.terms import LeaseStatus, Spend
from esaws.operations.checks import Check
from esaws.operations.parking import check_parked
from esaws.simulation import cloud_time

GuardAction = Literal["park", "teardown"]


@dataclass(frozen=True)
class GuardStatus:
    """Whether a deployment is within its lease, and within a limit for the month.

    `state` is within, over, or unknown where the lease or the spending can't be determined. `month` is the estimated
    spending of this month, None without a limit.
    """

    deployment: str
    state: Literal["within", "over", "unknown"]
    reason: str
    lease: LeaseStatus
    month: Spend | None
    at_most_usd: float | None

    def to_dict(self) -> dict[str, Any]:
        """state, reason, lease (as `esaws lease --json`), month_usd (null where not known), at_most_usd (or null)."""
        return {
            "state": self.state,
            "reason": self.reason,
            "lease": self.lease.to_dict(),
            "month_usd": self.month.usd if self.month else None,
            "at_most_usd": self.at_most_usd,
        }

    def __repr__(self) -> str:
        return f"budget of {self.deployment}: {self.state}; {self.reason}"


def guard_status(cloud: Cloud, at_most_usd: float | None = None) -> GuardStatus:
    """Read the lease of the deployment, and estimate what it has cost this month if there is a limit for that.

    The estimate counts existing resources at list price since the first of the month, or since their creation. A limit
    that is exceeded is over, whatever else is unknown.

    Raises:
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    lease, month = lease_status(cloud), None
    over = [f"the lease is over: {lease.reason}"] if lease.state == "past" else []
    unknown = [f"the lease is unknown: {lease.reason}"] if lease.state == "unknown" else []
    within = [f"the lease holds: {lease.reason}"] if lease.state in ("within", "ending") else []
    if at_most_usd is not None:
        now = cloud_time(cloud)
        month = estimate_spend(cloud, now.replace(day=1, hour=0, minute=0, second=0), now)
        if month.usd is None:
            unknown.append(f"this month's spending is not known: {month.source}")
        else:
            spent = f"about {month.usd:.2f} USD of at most {at_most_usd:.2f} are spent this month"
            (over if month.usd >= at_most_usd else within).append(spent)
    reason = "; ".join([*over, *unknown, *within]) or "there is neither a lease nor a limit"
    return GuardStatus(
        cloud.deployment,
        "over" if over else "unknown" if unknown or not within else "within",
        reason,
        lease,
        month,
        at_most_usd,
    )


def plan_guard(cloud: Cloud, action: GuardAction = "park", at_most_usd: float | None = None) -> StepPlan | Plan:
    """Plan to park or tear down a deployment whose lease is over, or that has spent too much this month.

    There is nothing to do while it is within both, once it is parked, and where nothing is deployed.

    Raises:
        UsageError: resources exist, but neither a lease nor a limit.
        EsawsError: it is not known whether the lease is over or the limit reached.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    status = guard_status(cloud, at_most_usd)
    if status.state == "within" or not _exists(cloud):
        return StepPlan(cloud, "guard", (), (status.reason,))
    if status.lease.state == "none" and at_most_usd is None:
        raise UsageError(
            f"nothing was changed: {cloud.deployment} has neither a lease nor a limit to guard; grant a lease with "
            "`esaws lease --until 8h`, or give at_most_usd"
        )
    if status.state == "unknown":
        raise EsawsError(f"nothing was changed: {status!r}")
    return plan_park(cloud) if action == "park" else plan_teardown(cloud)


def verify_guard(cloud: Cloud, action: GuardAction = "park", at_most_usd: float | None = None) -> list[Check]:
    """Check that the deployment is within its budget, or else that it is parked or gone."""
    status = guard_status(cloud, at_most_usd)
    if not _exists(cloud):
        # A lease without resources is granted before a deploy; after a teardown it is gone as well.
        left = leftovers(cloud) if status.lease.state == "none" else []
        certain = [each for each in left if each.state != "unknown"]
        found = ", ".join(f"{each.kind} {each.name} is {each.state}" for each in left) or "nothing exists"
        is_gone = False if certain else None if left else True
        return [Check("nothing is deployed", is_gone, found, "tear it down again, with `esaws teardown`")]
    if status.state == "over":
        if action == "teardown":
            return [Check("the deployment is gone", False, "it still exists", "tear it down again")]
        return [check_parked(cloud)]
    holds = True if status.state == "within" else None
    return [Check("the deployment is within its budget", holds, status.reason, "look at `esaws lease`")]


def _exists(cloud: Cloud) -> bool:
    """Whether the deployment has any resource besides its lease."""
    index = inventory(cloud)
    index.require()
    return any(live.kind != "Lease" for live in index)
