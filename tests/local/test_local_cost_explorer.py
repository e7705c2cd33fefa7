"""Cost Explorer: sums of the bill by period, group and filter, pages, and forecasts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local_aws_server.backends import Backends
from local_aws_server.billing.account import change_regime, get_customer
from local_aws_server.billing.bill import get_bill, total_cost
from local_aws_server.billing.calendar import DAY, HOUR, Period
from local_aws_server.billing.charge import Charge, ChargeFilter, Meter, charge_cost, match_all
from local_aws_server.billing.forecast import forecast_periods
from local_aws_server.billing.meter import USAGE_LOGS, Reading
from local_aws_server.billing.service_names import cost_explorer_name, product_name
from local_aws_server.errors import AwsError
from local_aws_server.services.ce.aggregation import (
    GroupKey,
    PeriodResult,
    aggregate,
    format_amount,
    group_key_function,
    merge_groups,
    metric_measure,
    parse_metric,
    split_groups,
)
from local_aws_server.services.ce.dimensions import dimension_value, usage_type_group
from local_aws_server.services.ce.filters import COST_EXPLORER_LIMITS, compile_expression, uses_dimension
from local_aws_server.services.ce.pagination import cut_page
from local_aws_server.services.ce.periods import (
    format_boundary,
    parse_forecast_period,
    parse_history_period,
    split_period,
)
from tests.local.billing import ACCOUNT, reset
from tests.local.conftest import Account
from tests.local.timing import control

COMPUTE = "Amazon Elastic Compute Cloud - Compute"
SERVICES = [{"Type": "DIMENSION", "Key": "SERVICE"}]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# --- filters and dimensions of charges

PARIS, VIRGINIA = "eu-west-3", "us-east-1"
WEB = Meter(PARIS, "AmazonEC2", "BoxUsage:t2.micro", "RunInstances", "Hrs", "i-web", "eu-west-3a")
WINDOWS = Meter(VIRGINIA, "AmazonEC2", "BoxUsage:m5.2xlarge", "RunInstances:0002", "Hrs", "i-win", "us-east-1a")
DISK = Meter(PARIS, "AmazonEC2", "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Mo", "vol-web", "eu-west-3a")
NAT = Meter(PARIS, "AmazonEC2", "NatGateway-Hours", "NatGateway", "Hrs", "nat-1")
OUT = Meter(PARIS, "AmazonEC2", "DataTransfer-Out-Bytes", "RunInstances", "GB", "i-web", "", "AWSDataTransfer")
ALB = Meter(PARIS, "AWSELB", "LoadBalancerUsage", "LoadBalancing:Application", "Hrs", "alb")
DATABASE = Meter(PARIS, "AmazonRDS", "InstanceUsage:db.t3.micro", "CreateDBInstance:0014", "Hrs", "db", "eu-west-3b")
STORAGE = Meter(PARIS, "AmazonRDS", "RDS:GP2-Storage", "CreateDBInstance:0014", "GB-Mo", "db", "eu-west-3b")
CACHE = Meter(PARIS, "AmazonElastiCache", "NodeUsage:cache.t3.micro", "CreateCacheCluster:0002", "Hrs", "cache")
BUCKET = Meter(PARIS, "AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo", "bucket")
METERS = (WEB, WINDOWS, DISK, NAT, OUT, ALB, DATABASE, STORAGE, CACHE, BUCKET)

RED, BLUE = (("team", "red"),), (("stage", "prod"), ("team", "Blue"))


def charge(meter: Meter, hour: int = 0, cost: str = "1", **more: Any) -> Charge:
    return Charge(meter, hour, more.pop("kind", "Usage"), Decimal(1), Decimal(cost), Decimal(cost), None, **more)


BILL = {
    "web": charge(WEB, tags=RED),
    "windows": charge(WINDOWS, tags=BLUE),
    "disk": charge(DISK),
    "alb": charge(ALB, tags=RED),
    "database": charge(DATABASE, tags=(("team", ""),)),
    "credit": charge(WEB, cost="-1", kind="Credit"),
}


def by(dimension: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"Dimensions": {"Key": dimension, "Values": list(values), **more}}


def tag(key: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"Tags": {"Key": key, "Values": list(values), **more}}


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        (None, "web windows disk alb database credit"),
        (by("SERVICE", COMPUTE), "web windows credit"),
        (by("SERVICE", "EC2 - Other", "Amazon Elastic Load Balancing"), "disk alb"),
        (by("SERVICE", "AmazonEC2"), ""),
        (by("REGION", VIRGINIA), "windows"),
        (by("USAGE_TYPE", "EUW3-BoxUsage:t2.micro"), "web credit"),
        (by("USAGE_TYPE", "BoxUsage:t2.micro"), ""),
        (by("USAGE_TYPE_GROUP", "EC2: Running Hours"), "web windows credit"),
        (by("INSTANCE_TYPE", "db.t3.micro", "m5.2xlarge"), "windows database"),
        (by("RECORD_TYPE", "Credit"), "credit"),
        ({"Not": by("RECORD_TYPE", "Credit", "Refund")}, "web windows disk alb database"),
        (by("LINKED_ACCOUNT", ACCOUNT), "web windows disk alb database credit"),
        (by("LINKED_ACCOUNT", "999999999999"), ""),
        (by("AZ", "eu-west-3a"), "web disk credit"),
        (by("AZ", "NoAZ"), "alb"),
        (by("OPERATION", "LoadBalancing:Application"), "alb"),
        (by("PLATFORM", "Windows (Amazon VPC)"), "windows"),
        (by("SERVICE", COMPUTE, MatchOptions=["EQUALS", "CASE_SENSITIVE"]), "web windows credit"),
        (tag("team", "red"), "web alb"),
        (tag("team", "RED"), ""),
        (tag("team", "red", "Blue"), "web windows alb"),
        (tag("team", ""), "disk database credit"),
        (tag("team"), "disk credit"),
        (tag("team", MatchOptions=["ABSENT"]), "disk credit"),
        ({"Tags": {}}, "disk credit"),
        ({"Not": tag("team", "red")}, "windows disk database credit"),
        ({"And": [by("REGION", PARIS), tag("team", "red")]}, "web alb"),
        ({"Or": [by("REGION", VIRGINIA), tag("team", "red")]}, "web windows alb"),
        (
            {"And": [{"Or": [by("REGION", PARIS), tag("stage", "prod")]}, {"Not": by("SERVICE", COMPUTE)}]},
            "disk alb database",
        ),
    ],
)
def test_a_filter_selects_matching_charges(expression: Any, selected: str) -> None:
    matches = compile_expression(expression, ACCOUNT, COST_EXPLORER_LIMITS)
    assert " ".join(name for name, charge in BILL.items() if matches(charge)) == selected


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        (by("SERVICE", "Amazon", MatchOptions=["STARTS_WITH"]), "web windows alb database credit"),
        (by("USAGE_TYPE", "t2.micro", MatchOptions=["ENDS_WITH"]), "web credit"),
        (by("USAGE_TYPE", "BoxUsage", MatchOptions=["CONTAINS"]), "web windows credit"),
        (by("REGION", "US-EAST-1", MatchOptions=["CASE_INSENSITIVE"]), "windows"),
        (tag("team", "B", MatchOptions=["STARTS_WITH", "CASE_INSENSITIVE"]), "windows"),
    ],
)
def test_match_options_change_the_comparison_of_values(expression: Any, selected: str) -> None:
    matches = compile_expression(expression, ACCOUNT)
    assert " ".join(name for name, charge in BILL.items() if matches(charge)) == selected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"And": [by("REGION", PARIS)]}, "And expression must have at least 2 operands"),
        ({"Or": []}, "Or expression must have at least 2 operands"),
        ({**by("REGION", PARIS), **tag("team", "red")}, "Expression has more than one roots."),
        ({}, "Expression has no root."),
        ({"Not": {}}, "Expression has no root."),
        (by("RESOURCE_ID", "i-web"), "Dimension RESOURCE_ID is not allowed."),
        (by("COLOUR", "red"), "Dimension COLOUR is not allowed."),
        (by("REGION"), "Dimension REGION must have at least one value."),
        (by("REGION", "eu", MatchOptions=["STARTS_WITH"]), "Match option STARTS_WITH is not valid."),
        (tag("team", "r", MatchOptions=["CONTAINS"]), "Match option CONTAINS is not valid."),
    ],
)
def test_an_invalid_expression_is_refused(expression: Any, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        compile_expression(expression, ACCOUNT, COST_EXPLORER_LIMITS)
    assert (refused.value.code, refused.value.message[: len(message)]) == ("ValidationException", message)


def test_cost_categories_are_not_simulated() -> None:
    with pytest.raises(AwsError) as refused:
        compile_expression({"CostCategories": {"Key": "unit", "Values": ["web"]}}, ACCOUNT)
    assert (refused.value.code, refused.value.status) == ("NotSimulated", 501)


def test_a_dimension_is_found_anywhere_in_an_expression() -> None:
    deep = {"And": [{"Not": {"Or": [tag("team", "red"), by("RESOURCE_ID", "i-web")]}}, by("REGION", PARIS)]}
    assert uses_dimension(deep, "RESOURCE_ID")
    assert not uses_dimension(deep, "SERVICE")


@pytest.mark.parametrize(
    ("meter", "service", "product"),
    [
        (WEB, COMPUTE, "Amazon Elastic Compute Cloud"),
        (DISK, "EC2 - Other", "Amazon Elastic Compute Cloud"),
        (NAT, "EC2 - Other", "Amazon Elastic Compute Cloud"),
        (OUT, "EC2 - Other", "Amazon Elastic Compute Cloud"),
        (ALB, "Amazon Elastic Load Balancing", "Elastic Load Balancing"),
        (DATABASE, "Amazon Relational Database Service", "Amazon Relational Database Service"),
        (BUCKET, "Amazon Simple Storage Service", "Amazon Simple Storage Service"),
    ],
)
def test_services_have_different_names_in_cost_explorer_and_in_the_cur(
    meter: Meter, service: str, product: str
) -> None:
    assert (cost_explorer_name(meter), product_name(meter.service)) == (service, product)


def test_an_unknown_service_is_named_by_its_code() -> None:
    assert product_name("AmazonNew") == "AmazonNew"
    assert cost_explorer_name(Meter(PARIS, "AmazonNew", "Use", "", "Hrs", "")) == "AmazonNew"


@pytest.mark.parametrize(
    ("dimension", "meter", "value"),
    [
        ("INSTANCE_TYPE", WEB, "t2.micro"),
        ("INSTANCE_TYPE", CACHE, "cache.t3.micro"),
        ("INSTANCE_TYPE", DISK, "NoInstanceType"),
        ("INSTANCE_TYPE_FAMILY", DATABASE, "t3"),
        ("INSTANCE_TYPE_FAMILY", ALB, "NoInstanceTypeFamily"),
        ("USAGE_TYPE", WINDOWS, "BoxUsage:m5.2xlarge"),
        ("PURCHASE_TYPE", WEB, "On Demand Instances"),
        ("PLATFORM", WEB, "Linux/UNIX"),
        ("PLATFORM", OUT, "NoOperatingSystem"),
        ("TENANCY", WEB, "Shared"),
        ("DATABASE_ENGINE", DATABASE, "PostgreSQL"),
        ("DATABASE_ENGINE", WEB, "NoDatabaseEngine"),
        ("CACHE_ENGINE", CACHE, "Redis"),
        ("DEPLOYMENT_OPTION", DATABASE, "Single-AZ"),
        ("DEPLOYMENT_OPTION", ALB, "NoDeploymentOption"),
        ("REGION", Meter("", "AWSCostExplorer", "Use", "", "Requests", ""), "NoRegion"),
        ("OPERATION", Meter(PARIS, "AmazonMQ", "Use", "", "Hrs", ""), "NoOperation"),
        ("RESOURCE_ID", Meter(PARIS, "AmazonMQ", "Use", "", "Hrs", ""), "NoResourceId"),
    ],
)
def test_a_charge_has_a_value_in_every_dimension(dimension: str, meter: Meter, value: str) -> None:
    assert dimension_value(dimension, charge(meter), ACCOUNT) == value


@pytest.mark.parametrize(
    ("meter", "group"),
    [
        (WEB, "EC2: Running Hours"),
        (DISK, "EC2: EBS - SSD(gp3)"),
        (NAT, "EC2: NAT Gateway - Running Hours"),
        (OUT, "EC2: Data Transfer - Internet (Out)"),
        (ALB, "EC2: ELB - Running Hours"),
        (DATABASE, "RDS: Running Hours"),
        (STORAGE, "RDS: Storage"),
        (CACHE, "ElastiCache: Running Hours"),
        (BUCKET, "S3: Storage - Standard"),
        (Meter(PARIS, "AmazonECR", "TimedStorage-ByteHrs", "", "GB-Mo", ""), ""),
    ],
)
def test_usage_types_have_the_groups_of_aws(meter: Meter, group: str) -> None:
    assert usage_type_group(meter) == group


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0", "0"),
        ("-0.00000000001", "0"),
        ("12", "12"),
        ("120.00", "120"),
        ("0.0264", "0.0264"),
        ("0.00000000016", "0.0000000002"),
        ("-1.5", "-1.5"),
        ("1E+3", "1000"),
        ("0.00000053", "0.00000053"),
    ],
)
def test_amounts_have_at_most_ten_decimals_and_no_exponent(number: str, text: str) -> None:
    assert format_amount(Decimal(number)) == text


# --- periods

NOW = at("2028-03-15T10:20:30")


def boundaries(period: Period, granularity: Any = "DAILY") -> tuple[str, str]:
    return format_boundary(period.start, granularity), format_boundary(period.end, granularity)


def test_months_end_at_the_edges_of_the_period_and_on_leap_days() -> None:
    period = parse_history_period({"Start": "2028-01-30", "End": "2028-03-02"}, "MONTHLY", NOW)
    months = split_period(period, "MONTHLY")
    assert [boundaries(month) for month in months] == [
        ("2028-01-30", "2028-02-01"),
        ("2028-02-01", "2028-03-01"),
        ("2028-03-01", "2028-03-02"),
    ]
    assert months[1].end - months[1].start == 29 * DAY


def test_a_period_of_days_crosses_the_end_of_a_month() -> None:
    period = parse_history_period({"Start": "2028-02-28", "End": "2028-03-02"}, "DAILY", NOW)
    assert [boundaries(day)[0] for day in split_period(period, "DAILY")] == ["2028-02-28", "2028-02-29", "2028-03-01"]


def test_hours_are_shown_with_their_day() -> None:
    period = parse_history_period({"Start": "2028-03-14T23:00:00Z", "End": "2028-03-15T01:00:00Z"}, "HOURLY", NOW)
    assert [boundaries(hour, "HOURLY") for hour in split_period(period, "HOURLY")] == [
        ("2028-03-14T23:00:00Z", "2028-03-15T00:00:00Z"),
        ("2028-03-15T00:00:00Z", "2028-03-15T01:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("granularity", "start", "end", "message"),
    [
        ("DAILY", "2028-03-02", "2028-03-01", "Start date (and hour) should be before end date (and hour)"),
        ("DAILY", "2028-03-02", "2028-03-02", "Start date (and hour) should be before end date (and hour)"),
        ("DAILY", "", "2028-03-02", "Start time  is invalid. Valid format is: yyyy-MM-dd."),
        ("DAILY", "2028-03-01", "2028-02-30", "End time 2028-02-30 is invalid. Valid format is: yyyy-MM-dd."),
        ("DAILY", "2028-03-01T00:00:00Z", "2028-03-02", "Start time 2028-03-01T00:00:00Z is invalid."),
        ("MONTHLY", "2028/03/01", "2028-03-02", "Start time 2028/03/01 is invalid."),
        ("HOURLY", "2028-03-14", "2028-03-15", "Start time 2028-03-14 is invalid."),
        ("HOURLY", "2028-03-14T10:30:00Z", "2028-03-15T00:00:00Z", "Start time 2028-03-14T10:30:00Z is invalid."),
        ("MONTHLY", "2027-01-31", "2028-03-02", "You haven't enabled historical data beyond 14 months."),
        ("HOURLY", "2028-02-29T23:00:00Z", "2028-03-02T00:00:00Z", "start date is too old for hourly"),
        ("DAILY", "2028-03-01", "2028-04-02", "end date past the beginning of next month"),
    ],
)
def test_a_period_outside_the_history_of_aws_is_refused(granularity: Any, start: str, end: str, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        parse_history_period({"Start": start, "End": end}, granularity, NOW)
    assert (refused.value.code, refused.value.message[: len(message)]) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("granularity", "start", "end"),
    [
        ("MONTHLY", "2027-02-01", "2028-04-01"),
        ("HOURLY", "2028-03-01T00:00:00Z", "2028-03-15T11:00:00Z"),
        ("DAILY", "2028-03-20", "2028-03-21"),
    ],
)
def test_the_whole_history_of_aws_can_be_requested(granularity: Any, start: str, end: str) -> None:
    params = {"Start": start, "End": end}
    assert boundaries(parse_history_period(params, granularity, NOW), granularity) == (start, end)


@pytest.mark.parametrize(
    ("granularity", "start", "end", "message"),
    [
        ("HOURLY", "2028-03-15T00:00:00Z", "2028-03-16T00:00:00Z", "Granularity should be either 'MONTHLY' or 'DAILY'"),
        ("DAILY", "2028-03-14", "2028-03-20", "Earliest supported Start is 2028-03-15."),
        ("DAILY", "2028-03-15", "2028-06-16", "Latest supported End is 2028-06-15."),
        ("MONTHLY", "2028-03-15", "2029-09-16", "Latest supported End is 2029-09-15."),
    ],
)
def test_a_forecast_period_is_limited_to_the_next_months(granularity: Any, start: str, end: str, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        parse_forecast_period({"Start": start, "End": end}, granularity, NOW)
    assert (refused.value.code, refused.value.message) == ("ValidationException", message)


# --- sums

charges = st.lists(
    st.builds(
        lambda meter, hour, cents, tags: charge(meter, at("2028-01-01") + hour * HOUR, f"{cents}e-6", tags=tags),
        st.sampled_from(METERS),
        st.integers(0, 90 * 24 - 1),
        st.integers(-(10**9), 10**9),
        st.sampled_from([(), RED, BLUE]),
    ),
    max_size=40,
).map(lambda found: sorted(found, key=lambda charge: charge.hour))
definitions = st.lists(
    st.sampled_from(
        [
            {"Type": "DIMENSION", "Key": "SERVICE"},
            {"Type": "DIMENSION", "Key": "INSTANCE_TYPE"},
            {"Type": "DIMENSION", "Key": "REGION"},
            {"Type": "TAG", "Key": "team"},
        ]
    ),
    min_size=1,
    max_size=2,
)
WHOLE = Period(at("2028-01-01"), at("2028-03-31"))


def costs(
    found: Sequence[Charge], periods: Sequence[Period], keys: Any = None, matches: Any = match_all
) -> list[PeriodResult]:
    return aggregate(found, periods, [charge_cost], matches, keys)


def total_of(results: Sequence[PeriodResult]) -> Decimal:
    return sum((group.amounts[0] for result in results for group in result.groups.values()), Decimal(0))


@given(charges, definitions)
def test_groups_add_up_to_the_total(found: list[Charge], by: list[dict[str, str]]) -> None:
    grouped = costs(found, split_period(WHOLE, "MONTHLY"), group_key_function(by, ACCOUNT))
    assert total_of(grouped) == total_cost(found)


@given(charges, st.lists(st.integers(1, 89), unique=True, max_size=6), st.sampled_from(["DAILY", "MONTHLY"]))
def test_the_parts_of_a_period_add_up_to_the_whole(found: list[Charge], days: list[int], granularity: Any) -> None:
    edges = [WHOLE.start, *sorted(WHOLE.start + day * DAY for day in days), WHOLE.end]
    parts = [part for start, end in pairwise(edges) for part in split_period(Period(start, end), granularity)]
    assert total_of(costs(found, parts)) == total_of(costs(found, [WHOLE]))
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]


@given(charges, st.sampled_from([by("REGION", PARIS), tag("team", "red"), by("SERVICE", COMPUTE)]))
def test_a_filter_and_its_negation_select_all_charges(found: list[Charge], expression: Any) -> None:
    selected = costs(found, [WHOLE], matches=compile_expression(expression, ACCOUNT))
    others = costs(found, [WHOLE], matches=compile_expression({"Not": expression}, ACCOUNT))
    assert total_of(selected) + total_of(others) == total_cost(found)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ([{"Type": "DIMENSION", "Key": "SERVICE"}] * 3, "GroupBy must have at most 2 group definitions."),
        ([{"Type": "LINKED_ACCOUNT", "Key": "x"}], "Group Definition type is invalid."),
        ([{"Type": "DIMENSION", "Key": ""}], "Group Definition is invalid. Both type an key need to be set"),
        ([{"Type": "DIMENSION", "Key": "RESOURCE_ID"}], "Group Definition dimension is invalid. Valid values are AZ, "),
        ([{"Type": "DIMENSION", "Key": "USAGE_TYPE_GROUP"}], "Group Definition dimension is invalid."),
    ],
)
def test_an_invalid_group_definition_is_refused(by: Any, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        group_key_function(by, ACCOUNT)
    assert (refused.value.code, refused.value.message[: len(message)]) == ("ValidationException", message)


def test_metrics_have_two_spellings() -> None:
    assert parse_metric("UNBLENDED_COST") == parse_metric("UnblendedCost") == "UnblendedCost"
    with pytest.raises(AwsError, match="ValidationException: Metric unblendedcost is not valid"):
        parse_metric("unblendedcost")


# --- pages


def read_pages(results: list[PeriodResult], request: dict[str, Any], size: int) -> list[tuple[Period, list[GroupKey]]]:
    """The groups on each page, in the order of the pages."""

    def position(result: PeriodResult) -> list[str]:
        return [format_boundary(result.period.start, "DAILY"), *(part for keys in result.groups for part in keys)]

    found, token = [], None
    while True:
        entries, token = cut_page(split_groups(results), position, {**request, "NextPageToken": token}, size)
        assert len(entries) <= size
        found += [(result.period, list(result.groups)) for result in merge_groups(entries)]
        if token is None:
            return found


@pytest.mark.parametrize("size", [1, 2, 3, 5000])
def test_pages_have_every_group_of_every_period_once(size: int) -> None:
    hours = [charge(meter, at("2028-01-01") + day * DAY) for day in (0, 2) for meter in METERS]
    results = costs(
        hours, split_period(Period(at("2028-01-01"), at("2028-01-04")), "DAILY"), group_key_function(SERVICES, ACCOUNT)
    )
    pages = read_pages(results, {"Granularity": "DAILY"}, size)
    groups = [(period, keys) for period, found in pages for keys in found]
    assert groups == [(result.period, keys) for result in results for keys in result.groups]
    assert results[1].period in [period for period, _ in pages], "a period without charges is listed too"


def test_a_token_is_valid_for_its_own_request_only() -> None:
    entries, token = cut_page(["a", "b"], lambda name: [name], {"Granularity": "DAILY"}, 1)
    assert entries == ["a"]
    with pytest.raises(AwsError, match="RequestChangedException"):
        cut_page(["a", "b"], lambda name: [name], {"Granularity": "MONTHLY", "NextPageToken": token}, 1)
    assert cut_page(["a", "b"], lambda name: [name], {"Granularity": "DAILY", "NextPageToken": token}, 1) == (
        ["b"],
        None,
    )


@pytest.mark.parametrize("token", ["x", "bm9uZQ==", "W10=", "NDI=", "\u00e9"])
def test_an_invalid_token_is_refused(token: str) -> None:
    with pytest.raises(AwsError, match="InvalidNextTokenException"):
        cut_page(["a"], lambda name: [name], {"NextPageToken": token}, 1)


def test_charges_between_two_pages_do_not_move_groups() -> None:
    _, token = cut_page(["b", "d"], lambda name: [name], {}, 1)
    assert cut_page(["a", "b", "c", "d"], lambda name: [name], {"NextPageToken": token}, 5) == (["c", "d"], None)


# --- the bill and forecasts of recorded usage

RATE, VIRGINIAN_RATE, T3_RATE = Decimal("0.0132"), Decimal("0.0116"), Decimal("0.0118")
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


# --- the API, in a leap year


@pytest.fixture(scope="module")
def winter(billing_server: str) -> Account:
    """An account without a free tier, on 2 March 2028; 3 t2.micro of two teams have run in Paris and Virginia."""
    paris = reset(billing_server, "2028-01-30T00:00:00Z", "none")
    for account, count, team in ((paris, 2, "red"), (Account(paris.url, ACCOUNT, region=VIRGINIA), 1, "blue")):
        launch(account, count, team)
    control(paris, "POST", "advance", to="2028-03-02T06:30:00Z")
    return paris


def launch(account: Account, count: int, team: str) -> None:
    """Launch t2.micro instances tagged with a team."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": team}]}]
    account.client("ec2").run_instances(
        ImageId="ami-12345678", InstanceType="t2.micro", MinCount=count, MaxCount=count, TagSpecifications=tags
    )


def usage(account: Account, start: str, end: str, **more: Any) -> list[dict[str, Any]]:
    params = {"Granularity": "DAILY", "Metrics": ["UnblendedCost"], **more}
    response = account.client("ce").get_cost_and_usage(TimePeriod={"Start": start, "End": end}, **params)
    assert response.get("GroupDefinitions", []) == more.get("GroupBy", [])
    results: list[dict[str, Any]] = response["ResultsByTime"]
    return results


def amount(metrics: dict[str, Any], name: str = "UnblendedCost") -> Decimal:
    return Decimal(metrics[name]["Amount"])


def in_groups(result: dict[str, Any], name: str = "UnblendedCost") -> dict[Any, Decimal]:
    """Keys → amount; a single key without its tuple."""
    assert result["Total"] == {}
    return {
        group["Keys"][0] if len(group["Keys"]) == 1 else tuple(group["Keys"]): amount(group["Metrics"], name)
        for group in result["Groups"]
    }


BOXES = by("USAGE_TYPE", "EUW3-BoxUsage:t2.micro", "BoxUsage:t2.micro")
DAILY_COST = 24 * (2 * RATE + VIRGINIAN_RATE)


def test_a_day_costs_its_hours_times_the_rate(winter: Account) -> None:
    (day,) = usage(winter, "2028-02-10", "2028-02-11", Filter=BOXES, Metrics=["UnblendedCost", "UsageQuantity"])
    assert day == {
        "TimePeriod": {"Start": "2028-02-10", "End": "2028-02-11"},
        "Total": {
            "UnblendedCost": {"Amount": format_amount(DAILY_COST), "Unit": "USD"},
            "UsageQuantity": {"Amount": "72", "Unit": "Hrs"},
        },
        "Groups": [],
        "Estimated": False,
    }


def test_months_have_their_own_lengths(winter: Account) -> None:
    months = usage(winter, "2028-01-30", "2028-04-01", Filter=BOXES, Granularity="MONTHLY")
    assert [month["TimePeriod"]["End"] for month in months] == ["2028-02-01", "2028-03-01", "2028-04-01"]
    assert amount(months[1]["Total"]) == 29 * DAILY_COST
    assert [month["Estimated"] for month in months] == [False, False, True]


def test_days_add_up_to_their_month(winter: Account) -> None:
    days = usage(winter, "2028-02-01", "2028-03-01")
    (month,) = usage(winter, "2028-02-01", "2028-03-01", Granularity="MONTHLY")
    assert len(days) == 29
    assert sum(amount(day["Total"]) for day in days) == pytest.approx(amount(month["Total"]), abs=Decimal("1e-8"))


def test_all_cost_metrics_are_equal_without_reservations_and_free_tier(winter: Account) -> None:
    metrics = ["AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UNBLENDED_COST"]
    names = [*metrics, "NormalizedUsageAmount"]
    (day,) = usage(winter, "2028-02-10", "2028-02-11", Filter=BOXES, Metrics=names)
    assert {name: amount(day["Total"], name) for name in day["Total"]} == {
        "AmortizedCost": DAILY_COST,
        "BlendedCost": DAILY_COST,
        "NetAmortizedCost": DAILY_COST,
        "NetUnblendedCost": DAILY_COST,
        "UnblendedCost": DAILY_COST,
        "NormalizedUsageAmount": 36,
    }


def test_the_current_hour_is_complete_up_to_now_and_future_hours_are_empty(winter: Account) -> None:
    params = {"Granularity": "HOURLY", "Metrics": ["UsageQuantity"], "Filter": by("REGION", VIRGINIA)}
    hours = usage(winter, "2028-03-02T05:00:00Z", "2028-03-02T08:00:00Z", GroupBy=SERVICES, **params)
    assert [hour["TimePeriod"]["Start"][11:13] for hour in hours] == ["05", "06", "07"]
    assert in_groups(hours[0], "UsageQuantity")[COMPUTE] == 1
    assert Decimal("0.5") <= in_groups(hours[1], "UsageQuantity")[COMPUTE] < Decimal("0.6")
    assert hours[2]["Groups"] == []


def test_costs_are_grouped_by_service_and_region_and_add_up(winter: Account) -> None:
    by_service = [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "REGION"}]
    (grouped,) = usage(winter, "2028-02-01", "2028-02-02", GroupBy=by_service)
    (total,) = usage(winter, "2028-02-01", "2028-02-02")
    found = in_groups(grouped)
    assert found[COMPUTE, PARIS] == 48 * RATE
    assert found[COMPUTE, VIRGINIA] == 24 * VIRGINIAN_RATE
    assert {service for service, _ in found} == {COMPUTE, "EC2 - Other", "Amazon Virtual Private Cloud"}
    assert sum(found.values()) == pytest.approx(amount(total["Total"]), abs=Decimal("1e-9"))


def test_costs_are_grouped_by_tag_with_a_group_for_untagged_resources(winter: Account) -> None:
    (grouped,) = usage(winter, "2028-02-01", "2028-02-02", GroupBy=[{"Type": "TAG", "Key": "team"}])
    found = in_groups(grouped)
    assert sorted(found) == ["team$", "team$blue", "team$red"]
    assert found["team$red"] == 48 * RATE
    assert found["team$blue"] == 24 * VIRGINIAN_RATE


def test_a_day_without_usage_has_a_total_of_zero(winter: Account) -> None:
    metrics = ["UnblendedCost", "UsageQuantity"]
    nothing, _ = usage(winter, "2028-01-29", "2028-01-31", Metrics=metrics)
    assert nothing["Total"] == {
        "UnblendedCost": {"Amount": "0", "Unit": "USD"},
        "UsageQuantity": {"Amount": "0", "Unit": "N/A"},
    }
    grouped, _ = usage(winter, "2028-01-29", "2028-01-31", Metrics=metrics, GroupBy=SERVICES)
    assert (grouped["Total"], grouped["Groups"]) == ({}, [])


def test_quantities_of_different_units_are_added_up_without_a_unit(winter: Account) -> None:
    (day,) = usage(winter, "2028-02-10", "2028-02-11", Metrics=["UsageQuantity"])
    assert day["Total"]["UsageQuantity"]["Unit"] == "N/A"


def test_the_account_is_a_dimension_with_its_name(winter: Account) -> None:
    response = winter.client("ce").get_cost_and_usage(
        TimePeriod={"Start": "2028-02-01", "End": "2028-02-02"},
        Granularity="DAILY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}],
    )
    assert list(in_groups(response["ResultsByTime"][0])) == [ACCOUNT]
    assert [each["Value"] for each in response["DimensionValueAttributes"]] == [ACCOUNT]


def test_single_resources_are_available_for_fourteen_days(winter: Account) -> None:
    ce = winter.client("ce")
    params = {
        "Granularity": "DAILY",
        "Metrics": ["UsageQuantity"],
        "Filter": by("SERVICE", COMPUTE),
        "GroupBy": [{"Type": "DIMENSION", "Key": "RESOURCE_ID"}],
    }
    recent = {"Start": "2028-02-20", "End": "2028-02-21"}
    (day,) = ce.get_cost_and_usage_with_resources(TimePeriod=recent, **params)["ResultsByTime"]
    found = in_groups(day, "UsageQuantity")
    assert [name[:2] for name in found] == ["i-", "i-", "i-"]
    assert set(found.values()) == {24}
    refused(
        "start date is too old for hourly",
        ce.get_cost_and_usage_with_resources,
        TimePeriod={"Start": "2028-02-16", "End": "2028-02-17"},
        **params,
    )
    refused(
        "Either group by or filter by RESOURCE_ID.",
        ce.get_cost_and_usage_with_resources,
        TimePeriod=recent,
        **{**params, "GroupBy": SERVICES},
    )


def refused(message: str, call: Any, code: str = "ValidationException", **params: Any) -> None:
    with pytest.raises(ClientError) as response:
        call(**params)
    error = response.value.response["Error"]
    assert (error["Code"], error["Message"][: len(message)]) == (code, message)


def test_errors_reach_the_client(winter: Account) -> None:
    ce = winter.client("ce")
    params = {"Granularity": "MONTHLY", "Metrics": ["UnblendedCost"]}
    period = {"Start": "2028-02-01", "End": "2028-03-01"}
    refused(
        "You haven't enabled historical data beyond 14 months.",
        ce.get_cost_and_usage,
        TimePeriod={"Start": "2027-01-01", "End": "2028-03-01"},
        **params,
    )
    refused("Metric Cost is not valid", ce.get_cost_and_usage, TimePeriod=period, Granularity="DAILY", Metrics=["Cost"])
    refused("Metrics must not be empty", ce.get_cost_and_usage, TimePeriod=period, Granularity="DAILY", Metrics=[])
    refused(
        "The pagination token",
        ce.get_cost_and_usage,
        "InvalidNextTokenException",
        TimePeriod=period,
        NextPageToken="x",
        **params,
    )


def test_dimension_values_are_those_of_the_bill(winter: Account) -> None:
    ce, period = winter.client("ce"), {"Start": "2028-02-01", "End": "2028-03-01"}
    regions = ce.get_dimension_values(TimePeriod=period, Dimension="REGION")
    assert [each["Value"] for each in regions["DimensionValues"]] == [PARIS, VIRGINIA]
    assert (regions["ReturnSize"], regions["TotalSize"]) == (2, 2)
    boxes = ce.get_dimension_values(TimePeriod=period, Dimension="USAGE_TYPE", SearchString="boxusage")
    assert boxes["DimensionValues"] == [
        {"Value": "BoxUsage:t2.micro", "Attributes": {"unit": "Hrs"}},
        {"Value": "EUW3-BoxUsage:t2.micro", "Attributes": {"unit": "Hrs"}},
    ]
    dearest = ce.get_dimension_values(
        TimePeriod=period,
        Dimension="SERVICE",
        MaxResults=1,
        SortBy=[{"Key": "UnblendedCost", "SortOrder": "DESCENDING"}],
    )
    assert [each["Value"] for each in dearest["DimensionValues"]] == [COMPUTE]
    assert (dearest["ReturnSize"], dearest["TotalSize"]) == (1, 3)
    refused("Dimension SCOPE is not allowed.", ce.get_dimension_values, TimePeriod=period, Dimension="SCOPE")
    refused(
        "the local AWS has no reservations",
        ce.get_dimension_values,
        "NotSimulated",
        TimePeriod=period,
        Dimension="AZ",
        Context="RESERVATIONS",
    )


def test_tags_of_charged_resources_are_cost_allocation_tags_at_once(winter: Account) -> None:
    ce, period = winter.client("ce"), {"Start": "2028-02-01", "End": "2028-03-01"}
    assert ce.get_tags(TimePeriod=period)["Tags"] == ["team"]
    assert ce.get_tags(TimePeriod=period, TagKey="team")["Tags"] == ["", "blue", "red"]
    assert ce.get_tags(TimePeriod=period, TagKey="team", Filter=by("REGION", PARIS), SearchString="R")["Tags"] == [
        "red"
    ]
    assert ce.list_cost_allocation_tags()["CostAllocationTags"] == [
        {"TagKey": "team", "Type": "UserDefined", "Status": "Active", "LastUsedDate": "2028-03-01T00:00:00Z"}
    ]
    assert ce.list_cost_allocation_tags(Status="Inactive")["CostAllocationTags"] == []


def test_steady_usage_is_forecast_to_continue(winter: Account) -> None:
    forecast = winter.client("ce").get_cost_forecast(
        TimePeriod={"Start": "2028-03-03", "End": "2028-03-05"},
        Metric="UNBLENDED_COST",
        Granularity="DAILY",
        Filter=BOXES,
        PredictionIntervalLevel=95,
    )
    days = forecast["ForecastResultsByTime"]
    assert [day["TimePeriod"]["Start"] for day in days] == ["2028-03-03", "2028-03-04"]
    for day in days:
        for bound in ("MeanValue", "PredictionIntervalLowerBound", "PredictionIntervalUpperBound"):
            assert Decimal(day[bound]) == pytest.approx(DAILY_COST, abs=Decimal("1e-6"))
    assert forecast["Total"]["Unit"] == "USD"
    assert Decimal(forecast["Total"]["Amount"]) == pytest.approx(2 * DAILY_COST, abs=Decimal("1e-6"))


def test_usage_is_forecast_in_its_unit_and_refused_for_several_units(winter: Account) -> None:
    ce = winter.client("ce")
    params = {"TimePeriod": {"Start": "2028-04-01", "End": "2028-05-01"}, "Granularity": "MONTHLY"}
    found = ce.get_usage_forecast(Metric="USAGE_QUANTITY", Filter=BOXES, **params)
    assert found["Total"]["Unit"] == "Hrs"
    assert Decimal(found["Total"]["Amount"]) == pytest.approx(3 * 720, abs=Decimal("1e-3"))
    assert set(found["ForecastResultsByTime"][0]) == {"TimePeriod", "MeanValue"}, "the interval was not params for"
    refused("", ce.get_usage_forecast, "UnresolvableUsageUnitException", Metric="USAGE_QUANTITY", **params)
    refused("Metric UNBLENDED_COST", ce.get_usage_forecast, Metric="UNBLENDED_COST", **params)
    refused("Metric USAGE_QUANTITY", ce.get_cost_forecast, Metric="USAGE_QUANTITY", **params)
    refused(
        "Insufficient amount of historical data",
        ce.get_cost_forecast,
        "DataUnavailableException",
        Metric="UNBLENDED_COST",
        Filter=by("SERVICE", "Amazon MQ"),
        **params,
    )


@pytest.mark.stock_moto
def test_stock_moto_has_no_costs(stock: Account) -> None:
    period = {"Start": "2026-01-01", "End": "2026-01-02"}
    response = stock.client("ce").get_cost_and_usage(TimePeriod=period, Granularity="DAILY", Metrics=["Nonsense"])
    assert response["ResultsByTime"] == []
