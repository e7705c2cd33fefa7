"""The bill and the forecast of recorded usage, without a server."""

from dataclasses import replace
from decimal import Decimal

import pytest
import time_machine

from local_aws_server.backends import Backends
from local_aws_server.billing.account import change_regime, get_customer
from local_aws_server.billing.bill import get_bill, total_cost
from local_aws_server.billing.calendar import Period
from local_aws_server.billing.charge import ChargeFilter, Meter, charge_cost, match_all
from local_aws_server.billing.forecast import forecast_periods
from local_aws_server.billing.meter import USAGE_LOGS, Reading
from local_aws_server.services.ce.aggregation import (
    aggregate,
    group_key_function,
    metric_measure,
)
from local_aws_server.services.ce.periods import (
    split_period,
)
from tests.local.billing import PARIS, VIRGINIA, at

WEB = Meter(PARIS, "AmazonEC2", "BoxUsage:t2.micro", "RunInstances", "Hrs", "i-web", "eu-west-3a")
RATE, T3_RATE = Decimal("0.0132"), Decimal("0.0118")
"""USD for an hour of t2.micro and of t3.micro in Paris."""
JUNE = Period(at("2026-06-01"), at("2026-07-01"))
YEAR_END = at("2027-01-01")
SMALL = Meter(PARIS, "AmazonEC2", "BoxUsage:t3.micro", "RunInstances", "Hrs", "i-small")


def record(account: str, meter: Meter, *changes: tuple[int, int]) -> None:
    """Record usage: (day of June 2026, how many resources run from that day on)."""
    for day, count in changes:
        timestamp = at(f"2026-06-{day:02}")
        with time_machine.travel(timestamp, tick=False):
            get_customer(account)
            reading = Reading(meter, Decimal(count))
            USAGE_LOGS[account].record(Backends(account, meter.region), "recorded", [reading], timestamp)


def forecast_june(account: str, matches: ChargeFilter = match_all) -> Decimal:
    (forecast,) = forecast_periods(account, [JUNE], matches=matches)
    return forecast.mean


@pytest.mark.parametrize("day", ["2026-06-02", "2026-06-03T14:30", "2026-06-10", "2026-06-30T23:00"])
def test_the_forecast_for_the_end_of_the_month_is_the_same_on_each_day(day: str) -> None:
    account = f"steady on {day}"
    record(account, WEB, (1, 12))
    with time_machine.travel(at(day), tick=False):
        assert forecast_june(account) == pytest.approx((12 * 720 - 750) * RATE, abs=Decimal("1e-6"))
        assert forecast_june(account, lambda charge: charge.meter.region == VIRGINIA) == 0


def test_a_forecast_includes_the_end_of_the_free_tier_and_comes_true() -> None:
    account = "free tier ends in June"
    record(account, WEB, (1, 12))
    with time_machine.travel(at("2026-06-02"), tick=False):
        assert total_cost(get_bill(account).month_charges(JUNE.start)) == 0
        forecast = forecast_june(account)
    with time_machine.travel(JUNE.end, tick=False):
        assert total_cost(get_bill(account).month_charges(JUNE.start)) == pytest.approx(forecast, abs=Decimal("1e-6"))


def test_usage_of_less_than_an_hour_is_not_forecast() -> None:
    account = "just begun"
    record(account, WEB, (1, 12))
    change_regime(account, "none", "paid")
    with time_machine.travel(at("2026-06-01T00:30"), tick=False):
        assert forecast_june(account) == 6 * RATE, "only the charges so far"


def test_the_prediction_interval_widens_with_the_deviation_between_days() -> None:
    account = "growing"
    record(account, WEB, (1, 1), (3, 4))
    change_regime(account, "none", "paid")
    first, second = (at("2026-06-06"), at("2026-06-07")), (at("2026-06-07"), at("2026-06-08"))
    with time_machine.travel(at("2026-06-05T01:00"), tick=False):
        one, other = forecast_periods(account, [first, second], level=68)
        (both,) = forecast_periods(account, [(first[0], second[1])], level=68)
        (surer,) = forecast_periods(account, [first], level=95)
    assert one.mean == pytest.approx(24 * Decimal("2.5") * RATE, rel=Decimal("0.02")), "the mean of the days"
    assert one.upper - one.mean == pytest.approx(24 * Decimal("1.5") * RATE, rel=Decimal("0.05")), "their deviation"
    assert one.mean - one.lower == pytest.approx(one.upper - one.mean)
    assert other == replace(one, start=second[0], end=second[1])
    assert surer.upper > one.upper
    assert both.mean == one.mean + other.mean
    assert (both.upper - both.mean) ** 2 == pytest.approx(2 * (one.upper - one.mean) ** 2), "days vary independently"


def test_credits_are_spent_first_in_a_forecast() -> None:
    account = "with credits"
    record(account, SMALL, (1, 12))
    change_regime(account, "credits", "paid")
    with time_machine.travel(at("2026-06-08"), tick=False):
        (forecast,) = forecast_periods(account, [(JUNE.start, YEAR_END)])
    assert forecast.mean == pytest.approx(12 * 214 * 24 * T3_RATE - 100, abs=Decimal("1e-6"))


def test_a_free_plan_never_costs_anything_because_its_account_is_closed() -> None:
    account = "on the free plan"
    record(account, SMALL, (1, 12))
    change_regime(account, "credits", "free")
    with time_machine.travel(at("2026-06-08"), tick=False):
        summer, autumn = forecast_periods(account, [(at("2026-06-08"), JUNE.end), (JUNE.end, YEAR_END)])
    assert summer.mean < 12 * T3_RATE, "at most the hour in which the credits are spent"
    assert autumn.mean == 0


def test_blended_costs_spread_the_free_hours_over_the_month() -> None:
    account = "blended"
    record(account, WEB, (1, 12))
    with time_machine.travel(JUNE.end, tick=False):
        bill = get_bill(account)
        measures = [metric_measure(name, bill) for name in ("UnblendedCost", "BlendedCost")]
        charges = bill.charges(*JUNE)
        (month,) = aggregate(charges, [JUNE], measures, match_all)
        days = aggregate(charges, split_period(JUNE, "DAILY"), measures, match_all)
    amounts = [day.groups[()].amounts for day in days]
    assert amounts[1][0] == 0, "the second day is free"
    assert {blended for _, blended in amounts} == {amounts[1][1]}
    assert amounts[1][1] == pytest.approx(288 * RATE * (8640 - 750) / 8640)
    assert month.groups[()].amounts[1] == pytest.approx(month.groups[()].amounts[0])


def test_credits_are_a_record_type_that_offsets_the_cost_of_usage() -> None:
    account = "record types"
    record(account, SMALL, (1, 12))
    change_regime(account, "credits", "paid")
    with time_machine.travel(at("2026-06-02"), tick=False):
        charges = get_bill(account).charges(*JUNE)
    key = group_key_function([{"Type": "DIMENSION", "Key": "RECORD_TYPE"}], account)
    (day,) = aggregate(charges, [JUNE], [charge_cost], match_all, key)
    amounts = {keys: sums.amounts[0] for keys, sums in day.groups.items()}
    assert amounts == {("Credit",): -12 * 24 * T3_RATE, ("Usage",): 12 * 24 * T3_RATE}
