"""A forecast: what a month of an architecture costs in a regime, with every assumption that it rests on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from math import inf
from typing import Any

from esaws.cloud import DEFAULT_REGION
from esaws.costs.forecasting.account_regime import LAST_LEGACY
from esaws.costs.forecasting.assumptions import NO_TRAFFIC, Traffic, parked, stored
from esaws.costs.forecasting.cost_curve import lasts_days
from esaws.costs.forecasting.credits import all_credits, at_sign_up, earned_by, free_plan_types, not_on_free_plan
from esaws.costs.forecasting.lines import beyond, rated
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.result import Forecast
from esaws.costs.forecasting.usage import What, consumers, made_by_aws, merged, usage_of
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, PriceList, Regime, Usage, bundled


def forecast(
    what: What,
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
    count_below: bool = False,
    prices: PriceList | None = None,
) -> Forecast:
    """What a month of an architecture or a plan costs. Nothing is asked of AWS, and no account is needed.

    `as_of` is the day whose prices hold: without it the first of a calendar month, or today; before February 2024
    public addresses cost nothing. `gb_stored` is what is in all buckets together, in place of what is declared.
    `credits` are the USD that an account of the regime `credits` still has; without a figure, all that one can have.
    `count_below` counts what AWS makes below it as well, as its bill will. `prices` are the bundled ones, unless given.

    Raises:
        UsageError: a regime, a time, traffic or a tax that can't be.
    """
    if regime not in REGIMES:
        raise UsageError(f"there is no regime {regime!r}; there are {', '.join(REGIMES)}")
    if not 0 <= vat_percent < inf or not 0 <= (credits or 0) < inf:
        raise UsageError("neither a tax nor credits can be less than nothing, or endless")
    what = consumers(what)
    month, prices = month or Month.average(), prices or bundled()
    when = as_of or month.first or date.today()
    declared = parked([*stored(usage_of(what), gb_stored), *traffic.usage()], hours_a_day)
    all_of_it = merged([*declared, *made_by_aws(what)])
    counted = all_of_it if count_below else declared
    billed = rated(counted, month, regime, region, when, prices)
    below = beyond(rated(all_of_it, month, regime, region, when, prices).lines, billed.lines)
    given = None if credits is None else Decimal(str(credits))
    amounts = _credits(what, given) if regime == "credits" else ()
    whole = rated(counted, month.whole, regime, region, when, prices).lines
    lasting = {usd: lasts_days(usd, whole, month.whole) for usd in amounts}
    return Forecast(
        region=region,
        regime=regime,
        month=month,
        lines=billed.lines,
        free_tier=billed.used,
        below=below,
        credits=amounts[-1] if amounts else Decimal(0),
        runways={usd: days for usd, days in lasting.items() if days is not None},
        vat_percent=Decimal(str(vat_percent)),
        as_of=when,
        origin=prices.origin,
        assumed={**asdict(traffic), "gb_stored": gb_stored, "hours_a_day": hours_a_day},
        notes=_notes(regime, declared, when),
    )


def forecasts(what: What, **assumptions: Any) -> list[Forecast]:
    """The same month in each regime, `legacy` first; further words are those of `forecast`."""
    what = consumers(what)
    return [forecast(what, regime=regime, **assumptions) for regime in REGIMES]


def _credits(what: What, given: Decimal | None) -> tuple[Decimal, ...]:
    """What of credits an account may have, the most last; only those given, if they are."""
    if given is not None:
        return (given,)
    return tuple(dict.fromkeys((at_sign_up(), at_sign_up() + earned_by(what), all_credits())))


def _notes(regime: Regime, declared: list[Usage], when: date) -> tuple[str, ...]:
    if regime == "legacy" and when > LAST_LEGACY:
        return (f"no account has had the allowances of the first 12 months since {LAST_LEGACY:%B %Y}",)
    if regime != "credits":
        return ()
    closing = "on the free plan the account is closed when its credits are used up, at the latest after six months"
    if refused := not_on_free_plan(declared):
        closing += f", and does not launch {', '.join(refused)} at all, but {', '.join(free_plan_types())}"
    return (closing,)
