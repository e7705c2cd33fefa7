"""Forecast what a month of an architecture costs in a free-tier regime."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from math import inf
from typing import Any

from esaws.cloud import DEFAULT_REGION
from esaws.costs.forecasting.account_regime import LAST_LEGACY
from esaws.costs.forecasting.assumptions import NO_TRAFFIC, Traffic, with_gb_stored, with_hours_a_day
from esaws.costs.forecasting.cost_curve import runway_days
from esaws.costs.forecasting.credits import (
    earned_credits,
    free_plan_types,
    max_credits,
    sign_up_credits,
    types_not_on_free_plan,
)
from esaws.costs.forecasting.lines import added_lines, rate_usage
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.result import Forecast, ForecastComparison
from esaws.costs.forecasting.usage import Workload, aws_managed_usage, consumers, merge_usages, monthly_usage
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, PriceList, Regime, Usage, bundled


def forecast(
    workload: Workload,
    *,
    regime: Regime = "none",
    region: str = DEFAULT_REGION,
    month: Month | None = None,
    as_of: date | None = None,
    traffic: Traffic = NO_TRAFFIC,
    gb_stored: float | None = None,
    hours_a_day: float = 24,
    credits: float | None = None,
    vat_percent: float = 0,
    include_aws_managed: bool = False,
    prices: PriceList | None = None,
) -> Forecast:
    """Forecast a month of an architecture or a plan, without requests to AWS and without an account.

    `as_of` is the day whose prices apply, by default the first of a calendar month, or today. `gb_stored` is the
    storage of all buckets together, in place of what they declare. `credits` are the USD that an account of the regime
    `credits` has left, by default the maximum. `include_aws_managed` adds what AWS creates for the workload (alarms of
    scaling), as its bill does. `prices` are the bundled ones by default; `cloud.prices` are those of a cloud.

    Raises:
        UsageError: the regime is not known, or a time, traffic, tax or credits are out of range.
    """
    if regime not in REGIMES:
        raise UsageError(f"unknown regime {regime!r}; choose from {', '.join(REGIMES)}")
    if not 0 <= vat_percent < inf or not 0 <= (credits or 0) < inf:
        raise UsageError("a tax and credits must be 0 or more, and finite")
    workload = consumers(workload)
    month, prices = month or Month.average(), prices or bundled()
    day = as_of or month.first or date.today()
    declared = with_hours_a_day([*with_gb_stored(monthly_usage(workload), gb_stored), *traffic.usage()], hours_a_day)
    everything = merge_usages([*declared, *aws_managed_usage(workload)])
    usages = everything if include_aws_managed else declared
    rated = rate_usage(usages, month, regime, region, day, prices)
    aws_managed = added_lines(rate_usage(everything, month, regime, region, day, prices).lines, rated.lines)
    given_credits = None if credits is None else Decimal(str(credits))
    amounts = _possible_credits(workload, given_credits) if regime == "credits" else ()
    whole_month = rate_usage(usages, month.whole, regime, region, day, prices).lines
    runways = {usd: runway_days(usd, whole_month, month.whole) for usd in amounts}
    return Forecast(
        region=region,
        regime=regime,
        month=month,
        lines=rated.lines,
        free_tier=rated.allowances,
        aws_managed=aws_managed,
        credits=amounts[-1] if amounts else Decimal(0),
        runways={usd: days for usd, days in runways.items() if days is not None},
        vat_percent=Decimal(str(vat_percent)),
        as_of=day,
        prices_origin=prices.origin,
        assumptions={**asdict(traffic), "gb_stored": gb_stored, "hours_a_day": hours_a_day},
        notes=_notes(regime, declared, day),
    )


def compare_forecasts(workload: Workload, **assumptions: Any) -> ForecastComparison:
    """Forecast the same month in each regime, `legacy` first; keyword arguments as for `forecast`."""
    workload = consumers(workload)
    return ForecastComparison(tuple(forecast(workload, regime=regime, **assumptions) for regime in REGIMES))


def _possible_credits(workload: Workload, given: Decimal | None) -> tuple[Decimal, ...]:
    """The amounts of credits that an account may have, the largest last; only the given one, if there is one."""
    if given is not None:
        return (given,)
    amounts = sign_up_credits(), sign_up_credits() + earned_credits(workload), max_credits()
    return tuple(dict.fromkeys(amounts))


def _notes(regime: Regime, declared: list[Usage], day: date) -> tuple[str, ...]:
    if regime == "legacy" and day > LAST_LEGACY:
        return (f"no account has had the allowances of the first 12 months since {LAST_LEGACY:%B %Y}",)
    if regime != "credits":
        return ()
    note = "on the free plan the account is closed when its credits are used up, at the latest after six months"
    if excluded := types_not_on_free_plan(declared):
        note += f", and does not launch {', '.join(excluded)} at all, but {', '.join(free_plan_types())}"
    return (note,)
