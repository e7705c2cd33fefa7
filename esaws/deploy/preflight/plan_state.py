"""The account plan: an account on the free plan has credits, and AWS closes it when they are used up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.deploy.preflight.answers import Answers, Unanswered
from esaws.deploy.preflight.needs import Needs
from esaws.deploy.preflight.report import Check

NAME = "account plan"
_UPGRADE = "upgrade the account to the paid plan: Billing and Cost Management console, Free tier, Upgrade plan"


def is_free(answers: Answers) -> bool:
    """Whether the account is known to be on the free plan."""
    plan = answers["plan"]
    return isinstance(plan, Mapping) and plan.get("accountPlanType") == "FREE"


def check_plan(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that the account is open, and say for how long its credits pay for the deployment."""
    if not needs.may_cost:
        return
    plan = answers["plan"]
    if isinstance(plan, Unanswered):
        fix = "allow freetier:GetAccountPlanState, or look at the Free tier page of the Billing console"
        yield Check(NAME, None, f"it is not known whether credits pay: {plan.reason}", fix)
    elif plan is None:
        yield Check(NAME, True, "none: the account is charged as it uses")
    else:
        yield _check_plan(plan, needs.usd_per_day)


def _check_plan(plan: Mapping[str, Any], usd_per_day: float | None) -> Check:
    kind, status = str(plan.get("accountPlanType", "")).lower(), plan.get("accountPlanStatus")
    amount = plan.get("accountPlanRemainingCredits", {}).get("amount")
    left = "its credits are not known" if amount is None else f"{amount:.2f} USD of credits left"
    detail = f"{kind} plan, {left}"
    if kind != "free":
        return Check(NAME, True, detail)
    if status == "EXPIRED" or (amount is not None and amount <= 0):
        return Check(NAME, False, f"{detail}: AWS has closed the account, or is about to", _UPGRADE)
    if status != "ACTIVE":
        return Check(NAME, None, f"{detail}, status {status}", "finish the registration of the account")
    ends = plan.get("accountPlanExpirationDate")
    if ends is not None:
        detail += f", ends on {ends:%Y-%m-%d} at the latest"
    if amount is not None and usd_per_day:
        lasting = _days(amount / usd_per_day)
        detail += f"; this deployment uses about {usd_per_day:.2f} USD a day, so the credits last {lasting}"
    return Check(NAME, True, f"{detail}; AWS closes the account when they are used up", _UPGRADE)


def _days(days: float) -> str:
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} hours"
