"""Rating: allowances, tiers and credits, for single hours and for sequences of hours."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.pricelist import HOURS_PER_MONTH
from local_aws_server.billing.account import Customer
from local_aws_server.billing.calendar import DAY, HOUR, add_months
from local_aws_server.billing.charge import Charge, Meter
from local_aws_server.billing.meter import MeteredUsage
from local_aws_server.billing.rating import Counters, rate_usage

PARIS, VIRGINIA = "eu-west-3", "us-east-1"
JANUARY = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


def meter(service: str, usage_type: str, operation: str, unit: str, region: str = PARIS, resource: str = "it") -> Meter:
    return Meter(region, service, usage_type, operation, unit, resource)


def data_out(region: str) -> Meter:
    return Meter(
        region, "AWSELB", "DataTransfer-Out-Bytes", "LoadBalancing:Application", "GB", "alb", "", "AWSDataTransfer"
    )


T2_MICRO = meter("AmazonEC2", "BoxUsage:t2.micro", "RunInstances", "Hrs")
T2_MICRO_VIRGINIA = meter("AmazonEC2", "BoxUsage:t2.micro", "RunInstances", "Hrs", VIRGINIA)
GP2 = meter("AmazonEC2", "EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "GB-Mo")
OUT, OUT_VIRGINIA = data_out(PARIS), data_out(VIRGINIA)
FREE_OUT = 100
FIRST_TIER = 10240
"""GB out in a month: 100 are free, the next 10 TB cost 0.09 USD each, the next 40 TB 0.085 USD."""


def metered(usage: dict[Meter, float | str]) -> list[MeteredUsage]:
    return [MeteredUsage(meter, Decimal(str(quantity)), ()) for meter, quantity in usage.items()]


def rate(usage: dict[Meter, float | str], customer: Customer, counters: Counters | None = None) -> list[Charge]:
    return rate_usage(JANUARY, metered(usage), customer, Counters() if counters is None else counters)


def rate_hours(hours: Iterable[tuple[int, dict[Meter, float | str]]], customer: Customer) -> list[Charge]:
    """The charges of (hour, usage) pairs, rated one after another with the same counters."""
    counters = Counters()
    return [charge for hour, usage in hours for charge in rate_usage(hour, metered(usage), customer, counters)]


def account(regime: str, plan: str = "paid", opened: int = JANUARY) -> Customer:
    return Customer(regime, plan, opened)  # type: ignore[arg-type]


def cost(charges: Iterable[Charge]) -> Decimal:
    return sum((charge.cost for charge in charges), Decimal(0))


def by_rate(charges: Iterable[Charge]) -> dict[str, Decimal]:
    """Rate → the usage charged at it."""
    quantities: dict[str, Decimal] = {}
    for charge in charges:
        if charge.kind == "Usage":
            quantities[str(charge.rate)] = quantities.get(str(charge.rate), Decimal(0)) + charge.quantity
    return quantities


# --- one hour


@pytest.mark.parametrize(("hours", "usd"), [(365, "65.32"), (432, "79.76"), (HOURS_PER_MONTH, "144.01")])
def test_six_clusters_of_two_cost_what_the_team_paid(hours: int, usd: str) -> None:
    """Twelve t2.micro with 30 GB each, in a month of 730 hours."""
    gigabyte_months = Decimal(360 * hours) / HOURS_PER_MONTH
    assert f"{cost(rate({T2_MICRO: 12 * hours, GP2: str(gigabyte_months)}, account('legacy'))):.2f}" == usd


@pytest.mark.parametrize(
    ("usage", "regime", "expected"),
    [
        ({T2_MICRO: 800}, "legacy", [("AmazonEC2 Hrs", "750"), ("", "50")]),
        ({T2_MICRO: 800}, "none", [("", "800")]),
        ({T2_MICRO: 750}, "legacy", [("AmazonEC2 Hrs", "750")]),
        (
            {T2_MICRO: 700, T2_MICRO_VIRGINIA: 100},
            "legacy",
            [("AmazonEC2 Hrs", "700"), ("AmazonEC2 Hrs", "50"), ("", "50")],
        ),
        # t3.micro is free only in regions without t2.micro.
        ({meter("AmazonEC2", "BoxUsage:t3.micro", "RunInstances", "Hrs"): 10}, "legacy", [("", "10")]),
        (
            {meter("AmazonEC2", "BoxUsage:t3.micro", "RunInstances", "Hrs", "eu-north-1"): 10},
            "legacy",
            [("AmazonEC2 Hrs", "10")],
        ),
        # The addresses of instances are free for some hours, those of load balancers never.
        (
            {meter("AmazonVPC", "PublicIPv4:InUseAddress", "RunInstances", "Hrs"): 10},
            "legacy",
            [("AmazonVPC Hrs", "10")],
        ),
        ({meter("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer", "Hrs"): 10}, "legacy", [("", "10")]),
        # Three services share one usage type for storage.
        (
            {meter("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo"): 6},
            "legacy",
            [("AmazonS3 GB-Mo", "5"), ("", "1")],
        ),
        ({meter("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo"): 6}, "none", [("", "6")]),
        # Always free.
        (
            {meter("AmazonCloudWatch", "CW:AlarmMonitorUsage", "", "Alarms"): 12},
            "none",
            [("AmazonCloudWatch Alarms", "10"), ("", "2")],
        ),
        ({OUT: 101}, "credits", [("AWSDataTransfer GB", "100"), ("", "1")]),
        ({OUT: FREE_OUT + FIRST_TIER + 5}, "none", [("AWSDataTransfer GB", "100"), ("", "10240"), ("", "5")]),
    ],
)
def test_allowances_are_used_first_and_then_tiers(
    usage: dict[Meter, float | str], regime: str, expected: list[tuple[str, str]]
) -> None:
    charges = rate(usage, account(regime))
    assert [(charge.allowance, charge.quantity) for charge in charges if charge.kind == "Usage"] == [
        (allowance, Decimal(quantity)) for allowance, quantity in expected
    ]
    priced = [charge for charge in charges if charge.price and charge.kind == "Usage"]
    assert all((charge.cost == 0) == bool(charge.allowance) for charge in priced)


def test_the_tier_beyond_ten_terabytes_is_cheaper() -> None:
    charges = rate({OUT: FREE_OUT + FIRST_TIER + 5}, account("none"))
    assert [str(charge.rate) for charge in charges] == ["0", "0.09", "0.085"]


def test_usage_without_a_price_is_shown_and_costs_nothing() -> None:
    (charge,) = rate({meter("AmazonEC2", "BoxUsage:z9.huge", "RunInstances", "Hrs"): 3}, account("none"))
    assert charge.price is None
    assert (charge.quantity, charge.cost) == (3, 0)


def test_an_address_costs_nothing_before_february_2024() -> None:
    address = meter("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer", "Hrs")
    last_free_hour = int(datetime(2024, 1, 31, 23, tzinfo=UTC).timestamp())
    before, after = (
        rate_usage(hour, metered({address: 1}), account("none"), Counters())
        for hour in (last_free_hour, last_free_hour + HOUR)
    )
    assert before == [], "it was not on any bill"
    assert [charge.cost for charge in after] == [Decimal("0.005")]


def test_activities_earn_credits_and_all_credits_expire() -> None:
    customer = account("credits")
    customer.completed_activities = {"ec2": JANUARY + 5, "rds": JANUARY + 7}
    assert [customer.credits_granted(JANUARY + second) for second in (0, 5, 7)] == [100, 120, 140]
    assert customer.credits_granted(add_months(JANUARY, 12)) == 0


# --- sequences of hours


def test_tiers_accumulate_over_the_hours_and_days_of_a_month() -> None:
    """500 GB out every 12 hours: after 100 free GB, 10240 GB at the first rate, the rest at the second."""
    hours = [(JANUARY + number * DAY // 2, {OUT: 500}) for number in range(30)]
    charges = rate_hours(hours, account("none"))  # type: ignore[arg-type]
    assert by_rate(charges) == {"0": FREE_OUT, "0.09": FIRST_TIER, "0.085": 15_000 - FREE_OUT - FIRST_TIER}
    assert {charge.hour for charge in charges if str(charge.rate) == "0.085"} == {
        JANUARY + number * DAY // 2 for number in range(20, 30)
    }, "the first tier ends in the 21st hour, which has charges at both rates"


def test_an_allowance_accumulates_over_the_hours_of_a_month() -> None:
    """Twelve instances use 12 hours an hour: 62.5 hours are free, and the 63rd is split."""
    charges = rate_hours([(JANUARY + number * HOUR, {T2_MICRO: 12}) for number in range(64)], account("legacy"))
    last_free = [charge for charge in charges if charge.allowance][-1]
    first_paid = next(charge for charge in charges if not charge.allowance)
    assert (last_free.hour, last_free.quantity) == (JANUARY + 62 * HOUR, 6)
    assert (first_paid.hour, first_paid.quantity) == (JANUARY + 62 * HOUR, 6)
    assert cost(charges) == (64 * 12 - 750) * Decimal("0.0132")


def test_tiers_and_allowances_are_renewed_at_the_end_of_the_month() -> None:
    february = add_months(JANUARY, 1)
    hours = [(february - HOUR, {OUT: 10_400}), (february, {OUT: 200}), (february + HOUR, {OUT: 200})]
    charges = rate_hours(hours, account("none"))  # type: ignore[arg-type]
    assert by_rate(charge for charge in charges if charge.hour < february) == {"0": 100, "0.09": 10240, "0.085": 60}
    assert by_rate(charge for charge in charges if charge.hour >= february) == {"0": 100, "0.09": 300}


def test_allowances_are_renewed_each_month_and_the_legacy_free_tier_ends_after_twelve() -> None:
    customer = account("legacy")
    charges = rate_hours([(add_months(JANUARY, month), {T2_MICRO: 800}) for month in range(14)], customer)
    for month in range(14):
        hour = add_months(JANUARY, month)
        free = sum(charge.quantity for charge in charges if charge.hour == hour and charge.allowance)
        assert free == (750 if month < 12 else 0), f"{month} months after the account was opened"


def test_all_regions_share_an_allowance_over_the_hours() -> None:
    regions = (T2_MICRO, T2_MICRO_VIRGINIA)
    charges = rate_hours(
        [(JANUARY + number * HOUR, dict.fromkeys(regions, 50)) for number in range(10)], account("legacy")
    )
    free = [(charge.hour, charge.meter.region) for charge in charges if charge.allowance]
    assert sum(charge.quantity for charge in charges if charge.allowance) == 750
    assert free[-1] == (JANUARY + 7 * HOUR, PARIS), "in the eighth hour, Paris uses the last 50 free hours"


def test_each_region_has_tiers_of_its_own() -> None:
    hours = [(JANUARY + number * HOUR, {OUT: 6_000, OUT_VIRGINIA: 6_000}) for number in range(2)]
    charges = rate_hours(hours, account("none"))  # type: ignore[arg-type]
    cheaper = [charge for charge in charges if str(charge.rate) == "0.085"]
    assert {charge.meter.region: charge.quantity for charge in cheaper} == {
        PARIS: 12_000 - FREE_OUT - FIRST_TIER,
        VIRGINIA: 12_000 - FIRST_TIER,
    }


def test_credits_pay_hour_after_hour_until_they_are_spent() -> None:
    """An hour costs 39.60 USD: 100 USD of credits pay for two hours and a part of the third."""
    hours = [(JANUARY + number * HOUR, {T2_MICRO: 3000}) for number in range(4)]
    charges = rate_hours(hours, account("credits"))  # type: ignore[arg-type]
    credits = [(charge.hour, -charge.cost) for charge in charges if charge.kind == "Credit"]
    assert credits == [
        (JANUARY, Decimal("39.6")),
        (JANUARY + HOUR, Decimal("39.6")),
        (JANUARY + 2 * HOUR, Decimal("20.8")),
    ]
    assert cost(charges) == 4 * Decimal("39.6") - 100


def test_credits_pay_for_one_kind_of_usage_after_another() -> None:
    charges = rate({T2_MICRO: 7000, T2_MICRO_VIRGINIA: 7000}, account("credits"))
    credits = [(charge.meter.region, -charge.cost) for charge in charges if charge.kind == "Credit"]
    assert credits == [(PARIS, Decimal("92.4")), (VIRGINIA, Decimal("7.6"))]


def test_credits_are_not_renewed_with_the_month() -> None:
    hours = [(add_months(JANUARY, month), {T2_MICRO: 7000}) for month in range(3)]
    charges = rate_hours(hours, account("credits"))  # type: ignore[arg-type]
    assert -cost(charge for charge in charges if charge.kind == "Credit") == 100


def test_credits_pay_from_the_hour_in_which_they_are_earned() -> None:
    customer = account("credits")
    customer.completed_activities = {"ec2": JANUARY + 2 * HOUR + HOUR // 2}
    charges = rate_hours([(JANUARY + number * HOUR, {T2_MICRO: 10_000}) for number in range(4)], customer)
    credits = [(charge.hour, -charge.cost) for charge in charges if charge.kind == "Credit"]
    assert credits == [(JANUARY, 100), (JANUARY + 2 * HOUR, 20)]


@pytest.mark.parametrize(
    ("second", "granted"),
    [(0, [100, 20]), (HOUR - 2, [100, 20]), (HOUR - 1, [100, 20]), (HOUR, [100, 0]), (HOUR + 1, [100, 0])],
)
def test_an_hour_is_paid_with_credits_that_are_earned_before_it_ends(second: int, granted: list[int]) -> None:
    """The activity is completed some seconds after the second hour has begun."""
    customer = account("credits")
    customer.completed_activities = {"ec2": JANUARY + HOUR + second}
    charges = rate_hours([(JANUARY + number * HOUR, {T2_MICRO: 10_000}) for number in range(2)], customer)
    paid = [
        -cost(charge for charge in charges if charge.kind == "Credit" and charge.hour == JANUARY + number * HOUR)
        for number in range(2)
    ]
    assert paid == granted


def test_an_hour_in_which_all_is_free_or_the_credits_are_spent_has_no_credit() -> None:
    """Data out is free, then costs 0.09 USD, then 99.81 USD; of the next 0.1032 USD, 0.1 is paid, and then nothing."""
    hours = [{OUT: 60}, {OUT: "41"}, {OUT: "1109"}, {OUT: 1, T2_MICRO: 1}, {OUT: 1}]
    charges = rate_hours(
        ((JANUARY + number * HOUR, used) for number, used in enumerate(hours)),  # type: ignore[arg-type]
        account("credits"),
    )
    credits = [(charge.hour, charge.meter.service, -charge.cost) for charge in charges if charge.kind == "Credit"]
    assert credits == [
        (JANUARY + HOUR, "AWSELB", Decimal("0.09")),
        (JANUARY + 2 * HOUR, "AWSELB", Decimal("99.81")),
        (JANUARY + 3 * HOUR, "AWSELB", Decimal("0.09")),
        (JANUARY + 3 * HOUR, "AmazonEC2", Decimal("0.01")),
    ]


def test_the_last_part_of_an_allowance_may_be_less_than_a_unit() -> None:
    hours = [(JANUARY + number * HOUR, {T2_MICRO: quantity}) for number, quantity in enumerate(("749.5", "0.25", "2"))]
    charges = rate_hours(hours, account("legacy"))  # type: ignore[arg-type]
    assert [(charge.allowance, charge.quantity) for charge in charges] == [
        ("AmazonEC2 Hrs", Decimal("749.5")),
        ("AmazonEC2 Hrs", Decimal("0.25")),
        ("AmazonEC2 Hrs", Decimal("0.25")),
        ("", Decimal("1.75")),
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([T2_MICRO, GP2, OUT]), st.decimals("0.0000000001", 900, places=10)), max_size=30
    ),
    st.sampled_from(["legacy", "credits", "none"]),
)
def test_no_usage_is_lost_and_no_allowance_exceeded(usage: list[tuple[Meter, Decimal]], regime: str) -> None:
    charges = rate_hours(
        [(JANUARY + number * HOUR, {used: str(quantity)}) for number, (used, quantity) in enumerate(usage)],
        account(regime),
    )
    for used in (T2_MICRO, GP2, OUT):
        total = sum((quantity for other, quantity in usage if other == used), Decimal(0))
        assert sum((charge.quantity for charge in charges if charge.meter == used), Decimal(0)) == total
    free: dict[str, Decimal] = {}
    for charge in charges:
        free[charge.allowance] = free.get(charge.allowance, Decimal(0)) + charge.quantity
    caps = {"AmazonEC2 Hrs": 750, "AmazonEBS GB-Mo": 30, "AWSDataTransfer GB": 100}
    assert all(free.get(allowance, 0) <= cap for allowance, cap in caps.items())
    assert -cost(charge for charge in charges if charge.kind == "Credit") <= (100 if regime == "credits" else 0)


def test_a_copy_of_the_counters_changes_on_its_own() -> None:
    counters, customer = Counters(), account("credits")
    rate({T2_MICRO: 10, OUT: 200}, customer, counters)
    before = dict(counters.free_used), dict(counters.tier_used), counters.credits_spent
    rate({T2_MICRO: 10, OUT: 200}, customer, counters.copy())
    rate({GP2: 10}, account("legacy"), counters.copy())
    assert (counters.free_used, counters.tier_used, counters.credits_spent) == before
