"""What usage costs: allowances, tiers and credits, as a table of cases."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.pricelist import HOURS_A_MONTH
from local_aws_server.billing.account import Customer, months_after
from local_aws_server.billing.charge import HOUR, Charge, Meter
from local_aws_server.billing.meter import Measured
from local_aws_server.billing.rating import Counters, rate

PARIS, VIRGINIA = "eu-west-3", "us-east-1"
JANUARY = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


def meter(service: str, usage_type: str, operation: str, unit: str, region: str = PARIS, resource: str = "it") -> Meter:
    return Meter(region, service, usage_type, operation, unit, resource)


T2_MICRO = meter("AmazonEC2", "BoxUsage:t2.micro", "RunInstances", "Hrs")
GP2 = meter("AmazonEC2", "EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "GB-Mo")
OUT = Meter(PARIS, "AWSELB", "DataTransfer-Out-Bytes", "LoadBalancing:Application", "GB", "alb", "", "AWSDataTransfer")


def rated(usage: dict[Meter, float | str], customer: Customer, counters: Counters | None = None) -> list[Charge]:
    measured = [Measured(meter, Decimal(str(quantity)), ()) for meter, quantity in usage.items()]
    return rate(JANUARY, measured, customer, Counters() if counters is None else counters)


def account(regime: str, plan: str = "paid", opened: int = JANUARY) -> Customer:
    return Customer(regime, plan, opened)  # type: ignore[arg-type]


def cents(charges: list[Charge]) -> str:
    return f"{sum((charge.cost for charge in charges), Decimal(0)):.2f}"


@pytest.mark.parametrize(("hours", "usd"), [(365, "65.32"), (432, "79.76"), (HOURS_A_MONTH, "144.01")])
def test_six_clusters_of_two_cost_what_the_team_paid(hours: int, usd: str) -> None:
    """Twelve t2.micro with 30 GB each, in a month of 730 hours."""
    gigabyte_months = Decimal(360 * hours) / HOURS_A_MONTH
    assert cents(rated({T2_MICRO: 12 * hours, GP2: str(gigabyte_months)}, account("legacy"))) == usd


@pytest.mark.parametrize(
    ("usage", "regime", "expected"),
    [
        ({T2_MICRO: 800}, "legacy", [("AmazonEC2 Hrs", "750"), ("", "50")]),
        ({T2_MICRO: 800}, "none", [("", "800")]),
        ({T2_MICRO: 750}, "legacy", [("AmazonEC2 Hrs", "750")]),
        (
            {T2_MICRO: 700, meter("AmazonEC2", "BoxUsage:t2.micro", "RunInstances", "Hrs", VIRGINIA): 100},
            "legacy",
            [("AmazonEC2 Hrs", "700"), ("AmazonEC2 Hrs", "50"), ("", "50")],
        ),
        # t3.micro is free only where there is no t2.micro
        ({meter("AmazonEC2", "BoxUsage:t3.micro", "RunInstances", "Hrs"): 10}, "legacy", [("", "10")]),
        (
            {meter("AmazonEC2", "BoxUsage:t3.micro", "RunInstances", "Hrs", "eu-north-1"): 10},
            "legacy",
            [("AmazonEC2 Hrs", "10")],
        ),
        # the addresses of instances are free for some hours, those of load balancers never
        (
            {meter("AmazonVPC", "PublicIPv4:InUseAddress", "RunInstances", "Hrs"): 10},
            "legacy",
            [("AmazonVPC Hrs", "10")],
        ),
        ({meter("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer", "Hrs"): 10}, "legacy", [("", "10")]),
        # three services keep gigabytes under one usage type
        (
            {meter("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo"): 6},
            "legacy",
            [("AmazonS3 GB-Mo", "5"), ("", "1")],
        ),
        ({meter("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo"): 6}, "none", [("", "6")]),
        # what is free for all
        (
            {meter("AmazonCloudWatch", "CW:AlarmMonitorUsage", "", "Alarms"): 12},
            "none",
            [("AmazonCloudWatch Alarms", "10"), ("", "2")],
        ),
        ({OUT: 101}, "credits", [("AWSDataTransfer GB", "100"), ("", "1")]),
        ({OUT: 100 + 10240 + 5}, "none", [("AWSDataTransfer GB", "100"), ("", "10240"), ("", "5")]),
    ],
)
def test_allowances_are_used_up_first_and_tiers_after_them(
    usage: dict[Meter, float], regime: str, expected: list[tuple[str, str]]
) -> None:
    found = rated(usage, account(regime))  # type: ignore[arg-type]
    assert [(each.allowance, each.quantity) for each in found if each.kind == "Usage"] == [
        (allowance, Decimal(quantity)) for allowance, quantity in expected
    ]
    assert all((each.cost == 0) == bool(each.allowance) for each in found if each.price and each.kind == "Usage")


def test_the_tier_beyond_ten_terabytes_is_cheaper() -> None:
    found = rated({OUT: 100 + 10240 + 5}, account("none"))
    assert [str(each.rate) for each in found] == ["0", "0.09", "0.085"]


def test_what_has_no_price_is_shown_and_costs_nothing() -> None:
    (found,) = rated({meter("AmazonEC2", "BoxUsage:z9.huge", "RunInstances", "Hrs"): 3}, account("none"))
    assert found.price is None
    assert (found.quantity, found.cost) == (3, 0)


def test_an_address_costs_nothing_before_february_2024() -> None:
    address = meter("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer", "Hrs")
    then = int(datetime(2024, 1, 31, 23, tzinfo=UTC).timestamp())
    measured = [Measured(address, Decimal(1), ())]
    before, after = (rate(hour, measured, account("none"), Counters()) for hour in (then, then + HOUR))
    assert before == [], "no bill knew of it"
    assert [charge.cost for charge in after] == [Decimal("0.005")]


def test_allowances_begin_anew_with_each_month_and_end_after_twelve() -> None:
    counters, customer = Counters(), account("legacy")
    used = [Measured(T2_MICRO, Decimal(800), ())]
    for months in range(14):
        charges = rate(months_after(JANUARY, months), used, customer, counters)
        free = sum(each.quantity for each in charges if each.allowance)
        assert free == (750 if months < 12 else 0), f"{months} months after it was opened"


def test_credits_are_spent_in_time_and_then_it_costs() -> None:
    customer, counters = account("credits"), Counters()
    first = rated({T2_MICRO: 7000}, customer, counters)
    assert cents(first) == "0.00"
    second = rated({T2_MICRO: 7000}, customer, counters)
    assert cents(second) == f"{2 * 7000 * Decimal('0.0132') - 100:.2f}"
    assert counters.credits == 100


def test_activities_earn_credits_and_all_of_them_expire() -> None:
    customer = account("credits")
    customer.earned = {"ec2": JANUARY + 5, "rds": JANUARY + 7}
    given = [customer.credit(JANUARY + second) for second in (0, 5, 7)]
    assert given == [100, 120, 140]
    assert customer.credit(months_after(JANUARY, 12)) == 0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([T2_MICRO, GP2, OUT]), st.decimals("0.0000000001", 900, places=10)), max_size=30
    ),
    st.sampled_from(["legacy", "credits", "none"]),
)
def test_no_usage_is_lost_and_no_allowance_exceeded(usage: list[tuple[Meter, Decimal]], regime: str) -> None:
    customer, counters = account(regime), Counters()
    charges: list[Charge] = []
    for at, (used, quantity) in enumerate(usage):
        charges += rate(JANUARY + at * HOUR, [Measured(used, quantity, ())], customer, counters)
    for used in (T2_MICRO, GP2, OUT):
        asked = sum((quantity for each, quantity in usage if each == used), Decimal(0))
        assert sum((each.quantity for each in charges if each.meter == used), Decimal(0)) == asked
    free: dict[str, Decimal] = {}
    for each in charges:
        free[each.allowance] = free.get(each.allowance, Decimal(0)) + each.quantity
    caps = {"AmazonEC2 Hrs": 750, "AmazonEBS GB-Mo": 30, "AWSDataTransfer GB": 100}
    assert all(free.get(allowance, 0) <= cap for allowance, cap in caps.items())
    assert -sum(each.cost for each in charges if each.kind == "Credit") <= (100 if regime == "credits" else 0)
