"""Checks of what a looking runbook found about costs: the end of the month, and how long credits last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.credits import format_money
from esaws.costs.runway.facts import PACE
from esaws.costs.runway.runway import UPGRADE_PAGE
from esaws.operations.checks import Check

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.costs.monthly_report import CostReport
    from esaws.costs.runway.result import CreditRunway


def verify_month_end(cloud: Cloud, report: CostReport, at_most_usd: float | None) -> list[Check]:
    """Check that the month will cost at most an amount in USD before credits; no check without an amount."""
    if at_most_usd is None:
        return []
    what = f"{report.month:%B %Y} costs at most {at_most_usd:,.2f} USD"
    end = report.month_end
    if isinstance(end, Unknown):
        return [Check(what, None, end.reason, "run again when the bill has a complete day of the month")]
    if end.currency != "USD":
        return [Check(what, None, f"the bill is in {end.currency}", "give the limit for a bill in USD")]
    found = f"{format_money(end.expected, 'USD')} by its end"
    if end.low is not None and end.high is not None and end.high > end.low:
        found += f", with 80 % between {end.low:,.2f} and {end.high:,.2f}"
    return [Check(what, float(end.expected) <= at_most_usd, found, _dearest(report))]


def verify_runway(cloud: Cloud, runway: CreditRunway, at_least_days: int) -> list[Check]:
    """Check that the credits last for a number of days. It passes where the account has no credits at all.

    It is unknown where AWS does not say what is left, and where only list prices of one region say that they last.
    """
    what = f"credits last at least {at_least_days} days"
    if runway.state == "none":
        return [Check(what, True, f"there are none: {runway.reason}; {runway.month_text}")]
    if runway.state == "unknown":
        return [Check(what, None, runway.reason, "see Credits in the Billing console, or allow the call that failed")]
    found = f"{runway.reason}; {runway.end_text if runway.state == 'running' else runway.month_text}"
    days = runway.days_left
    holds = bool(runway.estimates) if days is None else days >= at_least_days
    if holds and runway.facts.pace is None:
        reason = runway.facts.unknown.get(PACE, "not fetched").partition(" → ")[0]
        found = f"{found}, if nothing but what runs here now costs; {PACE}: {reason}"
        return [Check(what, None, found, "allow ce:GetCostAndUsage, or run it again in a minute")]
    return [Check(what, holds, found, _next_step(runway))]


def _next_step(runway: CreditRunway) -> str:
    """What makes credits last longer; where the free plan itself ends, only an upgrade keeps the account open."""
    plan = runway.facts.plan
    if plan and plan.kind == "free" and (runway.state == "ended" or runway.ends_on == runway.ends_at_latest):
        opens = ", which opens it again" if runway.state == "ended" else ""
        return f"upgrade the account to the paid plan{opens}: {UPGRADE_PAGE}"
    return _first_to_switch_off(runway)


def _first_to_switch_off(runway: CreditRunway) -> str:
    if not runway.switch_off:
        return f"look at other regions, as nothing that could be switched off runs in {runway.facts.running.region}"
    first = runway.switch_off[0]
    saves = "" if first.saves is None else f", {first.saves:,.2f} USD a month"
    return f"switch off first: {first.kind} {first.name}{saves}: {first.step}"


def _dearest(report: CostReport) -> str:
    by_service = report.by_service
    if isinstance(by_service, Unknown) or not by_service.parts:
        return "break the bill down: esaws cost breakdown"
    return f"look at {by_service.parts[0][0]} first: esaws cost breakdown --by usage_type"
