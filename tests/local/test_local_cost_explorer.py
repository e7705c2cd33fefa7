"""Cost Explorer of the local AWS: sums of the bill by periods, groups and filters, and the forecast."""

from collections.abc import Iterator, Sequence
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
from local_aws_server.billing.account import change, customer
from local_aws_server.billing.charge import HOUR, Charge, Meter
from local_aws_server.billing.forecast import forecast, month_end_forecast
from local_aws_server.billing.meter import BOOKS, Reading
from local_aws_server.billing.products import cost_explorer_name, product_name
from local_aws_server.hooks import AwsError
from local_aws_server.services.ce.aggregation import Keys, Result, apart, grouping, metric, plain, summed, together
from local_aws_server.services.ce.dimensions import dimension_value, usage_type_group
from local_aws_server.services.ce.filters import COST_EXPLORER, matcher, mentions
from local_aws_server.services.ce.pagination import page
from local_aws_server.services.ce.periods import Period, coming, cut, past, shown
from tests.local.conftest import Account, Program
from tests.local.timing import advance, control, now

ACCOUNT = "200000000001"
COMPUTE = "Amazon Elastic Compute Cloud - Compute"
DAY = 24 * HOUR
SERVICES = [{"Type": "DIMENSION", "Key": "SERVICE"}]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# --- made-up charges

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
    ("expression", "kept"),
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
def test_a_filter_keeps_the_charges_that_match_it(expression: Any, kept: str) -> None:
    keep = matcher(expression, ACCOUNT, COST_EXPLORER)
    assert " ".join(name for name, each in BILL.items() if keep(each)) == kept


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        (by("SERVICE", "Amazon", MatchOptions=["STARTS_WITH"]), "web windows alb database credit"),
        (by("USAGE_TYPE", "t2.micro", MatchOptions=["ENDS_WITH"]), "web credit"),
        (by("USAGE_TYPE", "BoxUsage", MatchOptions=["CONTAINS"]), "web windows credit"),
        (by("REGION", "US-EAST-1", MatchOptions=["CASE_INSENSITIVE"]), "windows"),
        (tag("team", "B", MatchOptions=["STARTS_WITH", "CASE_INSENSITIVE"]), "windows"),
    ],
)
def test_where_they_are_allowed_match_options_say_how_values_are_compared(expression: Any, kept: str) -> None:
    keep = matcher(expression, ACCOUNT)
    assert " ".join(name for name, each in BILL.items() if keep(each)) == kept


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
def test_an_expression_that_makes_no_sense_is_refused(expression: Any, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        matcher(expression, ACCOUNT, COST_EXPLORER)
    assert (refused.value.code, refused.value.message[: len(message)]) == ("ValidationException", message)


def test_cost_categories_are_not_simulated() -> None:
    with pytest.raises(AwsError) as refused:
        matcher({"CostCategories": {"Key": "unit", "Values": ["web"]}}, ACCOUNT)
    assert (refused.value.code, refused.value.status) == ("NotSimulated", 501)


def test_a_dimension_is_found_wherever_an_expression_mentions_it() -> None:
    deep = {"And": [{"Not": {"Or": [tag("team", "red"), by("RESOURCE_ID", "i-web")]}}, by("REGION", PARIS)]}
    assert mentions(deep, "RESOURCE_ID")
    assert not mentions(deep, "SERVICE")


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
def test_cost_explorer_and_the_cur_have_names_of_their_own(meter: Meter, service: str, product: str) -> None:
    assert (cost_explorer_name(meter), product_name(meter.service)) == (service, product)


def test_a_service_without_a_name_is_told_by_its_code() -> None:
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
def test_usage_types_are_in_the_groups_of_aws(meter: Meter, group: str) -> None:
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
    assert plain(Decimal(number)) == text


# --- periods

NOW = at("2028-03-15T10:20:30")


def told(period: Period, granularity: Any = "DAILY") -> tuple[str, str]:
    return shown(period.start, granularity), shown(period.end, granularity)


def test_months_are_cut_at_the_edges_of_the_period_and_february_can_have_29_days() -> None:
    period = past({"Start": "2028-01-30", "End": "2028-03-02"}, "MONTHLY", NOW)
    months = cut(period, "MONTHLY")
    assert [told(month) for month in months] == [
        ("2028-01-30", "2028-02-01"),
        ("2028-02-01", "2028-03-01"),
        ("2028-03-01", "2028-03-02"),
    ]
    assert months[1].end - months[1].start == 29 * DAY


def test_days_go_over_the_ends_of_months() -> None:
    period = past({"Start": "2028-02-28", "End": "2028-03-02"}, "DAILY", NOW)
    assert [told(day)[0] for day in cut(period, "DAILY")] == ["2028-02-28", "2028-02-29", "2028-03-01"]


def test_hours_are_told_with_their_day() -> None:
    period = past({"Start": "2028-03-14T23:00:00Z", "End": "2028-03-15T01:00:00Z"}, "HOURLY", NOW)
    assert [told(hour, "HOURLY") for hour in cut(period, "HOURLY")] == [
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
def test_a_time_that_aws_has_nothing_of_is_refused(granularity: Any, start: str, end: str, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        past({"Start": start, "End": end}, granularity, NOW)
    assert (refused.value.code, refused.value.message[: len(message)]) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("granularity", "start", "end"),
    [
        ("MONTHLY", "2027-02-01", "2028-04-01"),
        ("HOURLY", "2028-03-01T00:00:00Z", "2028-03-15T11:00:00Z"),
        ("DAILY", "2028-03-20", "2028-03-21"),
    ],
)
def test_all_that_aws_keeps_can_be_asked_for(granularity: Any, start: str, end: str) -> None:
    asked = {"Start": start, "End": end}
    assert told(past(asked, granularity, NOW), granularity) == (start, end)


@pytest.mark.parametrize(
    ("granularity", "start", "end", "message"),
    [
        ("HOURLY", "2028-03-15T00:00:00Z", "2028-03-16T00:00:00Z", "Granularity should be either 'MONTHLY' or 'DAILY'"),
        ("DAILY", "2028-03-14", "2028-03-20", "Earliest supported Start is 2028-03-15."),
        ("DAILY", "2028-03-15", "2028-06-16", "Latest supported End is 2028-06-15."),
        ("MONTHLY", "2028-03-15", "2029-09-16", "Latest supported End is 2029-09-15."),
    ],
)
def test_a_forecast_is_for_the_next_months_alone(granularity: Any, start: str, end: str, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        coming({"Start": start, "End": end}, granularity, NOW)
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
).map(lambda found: sorted(found, key=lambda each: each.hour))
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
    found: Sequence[Charge], periods: Sequence[Period], keys: Any = None, keep: Any = lambda _: True
) -> list[Result]:
    return summed(found, periods, [lambda each: each.cost], keep, keys)


def total_of(results: Sequence[Result]) -> Decimal:
    return sum((group.amounts[0] for result in results for group in result.groups.values()), Decimal(0))


@given(charges, definitions)
def test_groups_add_up_to_the_total(found: list[Charge], by: list[dict[str, str]]) -> None:
    grouped = costs(found, cut(WHOLE, "MONTHLY"), grouping(by, ACCOUNT))
    assert total_of(grouped) == sum(each.cost for each in found)


@given(charges, st.lists(st.integers(1, 89), unique=True, max_size=6), st.sampled_from(["DAILY", "MONTHLY"]))
def test_the_parts_of_a_period_add_up_to_the_whole(found: list[Charge], days: list[int], granularity: Any) -> None:
    edges = [WHOLE.start, *sorted(WHOLE.start + day * DAY for day in days), WHOLE.end]
    parts = [part for start, end in pairwise(edges) for part in cut(Period(start, end), granularity)]
    assert total_of(costs(found, parts)) == total_of(costs(found, [WHOLE]))
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]


@given(charges, st.sampled_from([by("REGION", PARIS), tag("team", "red"), by("SERVICE", COMPUTE)]))
def test_what_a_filter_keeps_and_what_it_leaves_is_everything(found: list[Charge], expression: Any) -> None:
    kept = costs(found, [WHOLE], keep=matcher(expression, ACCOUNT))
    left = costs(found, [WHOLE], keep=matcher({"Not": expression}, ACCOUNT))
    assert total_of(kept) + total_of(left) == sum(each.cost for each in found)


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
def test_a_group_definition_that_makes_no_sense_is_refused(by: Any, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        grouping(by, ACCOUNT)
    assert (refused.value.code, refused.value.message[: len(message)]) == ("ValidationException", message)


def test_metrics_are_known_by_both_of_their_spellings_and_no_other() -> None:
    assert metric("UNBLENDED_COST") == metric("UnblendedCost") == "UnblendedCost"
    with pytest.raises(AwsError, match="ValidationException: Metric unblendedcost is not valid"):
        metric("unblendedcost")


# --- pages


def followed(results: list[Result], request: dict[str, Any], size: int) -> list[tuple[Period, list[Keys]]]:
    """The groups on each page, in the order of the pages."""

    def place(result: Result) -> list[str]:
        return [shown(result.period.start, "DAILY"), *(part for keys in result.groups for part in keys)]

    found, token = [], None
    while True:
        entries, token = page(apart(results), place, {**request, "NextPageToken": token}, size)
        assert len(entries) <= size
        found += [(result.period, list(result.groups)) for result in together(entries)]
        if token is None:
            return found


@pytest.mark.parametrize("size", [1, 2, 3, 5000])
def test_pages_have_every_group_of_every_period_once(size: int) -> None:
    hours = [charge(meter, at("2028-01-01") + day * DAY) for day in (0, 2) for meter in METERS]
    results = costs(hours, cut(Period(at("2028-01-01"), at("2028-01-04")), "DAILY"), grouping(SERVICES, ACCOUNT))
    pages = followed(results, {"Granularity": "DAILY"}, size)
    groups = [(period, keys) for period, found in pages for keys in found]
    assert groups == [(result.period, keys) for result in results for keys in result.groups]
    assert results[1].period in [period for period, _ in pages], "a period without charges is told as well"


def test_a_token_is_for_the_request_that_it_came_from() -> None:
    entries, token = page(["a", "b"], lambda each: [each], {"Granularity": "DAILY"}, 1)
    assert entries == ["a"]
    with pytest.raises(AwsError, match="RequestChangedException"):
        page(["a", "b"], lambda each: [each], {"Granularity": "MONTHLY", "NextPageToken": token}, 1)
    assert page(["a", "b"], lambda each: [each], {"Granularity": "DAILY", "NextPageToken": token}, 1) == (["b"], None)


@pytest.mark.parametrize("token", ["x", "bm9uZQ==", "W10=", "NDI=", "\u00e9"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(AwsError, match="InvalidNextTokenException"):
        page(["a"], lambda each: [each], {"NextPageToken": token}, 1)


def test_what_is_charged_between_two_pages_moves_no_group() -> None:
    _, token = page(["b", "d"], lambda each: [each], {}, 1)
    assert page(["a", "b", "c", "d"], lambda each: [each], {"NextPageToken": token}, 5) == (["c", "d"], None)


# --- forecasts of a made-up book

RATE, VIRGINIAN_RATE, T3_RATE = Decimal("0.0132"), Decimal("0.0116"), Decimal("0.0118")
JULY, YEAR_END = at("2026-07-01"), at("2027-01-01")
SMALL = Meter(PARIS, "AmazonEC2", "BoxUsage:t3.micro", "RunInstances", "Hrs", "i-small")


def ran(account: str, meter: Meter, *since: tuple[int, int]) -> None:
    """(day of June 2026, how many of a thing have run since then)."""
    for day, count in since:
        moment = at(f"2026-06-{day:02}")
        with time_machine.travel(moment, tick=False):
            customer(account)
            BOOKS[account].record(Backends(account, meter.region), "made up", [Reading(meter, Decimal(count))], moment)


@pytest.mark.parametrize("day", ["2026-06-02", "2026-06-03T14:30", "2026-06-10", "2026-06-30T23:00"])
def test_the_forecast_for_the_end_of_the_month_is_the_same_on_every_day_of_it(day: str) -> None:
    account = f"steady on {day}"
    ran(account, WEB, (1, 12))
    with time_machine.travel(at(day), tick=False):
        assert month_end_forecast(account) == pytest.approx((12 * 720 - 750) * RATE, abs=Decimal("1e-6"))
        assert month_end_forecast(account, lambda each: each.meter.region == VIRGINIA) == 0


def test_what_has_run_for_less_than_an_hour_is_not_forecast() -> None:
    account = "just begun"
    ran(account, WEB, (1, 12))
    change(account, "none", "paid")
    with time_machine.travel(at("2026-06-01T00:30"), tick=False):
        assert month_end_forecast(account) == 6 * RATE, "only what has been charged"


def test_a_forecast_widens_with_what_differs_from_day_to_day() -> None:
    account = "growing"
    ran(account, WEB, (1, 1), (3, 4))
    change(account, "none", "paid")
    first, second = (at("2026-06-06"), at("2026-06-07")), (at("2026-06-07"), at("2026-06-08"))
    with time_machine.travel(at("2026-06-05T01:00"), tick=False):
        one, other = forecast(account, [first, second], level=68)
        (wide,) = forecast(account, [(first[0], second[1])], level=68)
        (surer,) = forecast(account, [first], level=95)
    assert one.mean == pytest.approx(24 * Decimal("2.5") * RATE, rel=Decimal("0.02")), "the mean of the days"
    assert one.upper - one.mean == pytest.approx(24 * Decimal("1.5") * RATE, rel=Decimal("0.05")), "their deviation"
    assert one.mean - one.lower == pytest.approx(one.upper - one.mean)
    assert other == replace(one, start=second[0], end=second[1])
    assert surer.upper > one.upper
    assert wide.mean == one.mean + other.mean
    assert (wide.upper - wide.mean) ** 2 == pytest.approx(2 * (one.upper - one.mean) ** 2), "days vary independently"


def test_credits_are_spent_first_in_a_forecast() -> None:
    account = "with credits"
    ran(account, SMALL, (1, 12))
    change(account, "credits", "paid")
    with time_machine.travel(at("2026-06-08"), tick=False):
        (found,) = forecast(account, [(at("2026-06-01"), YEAR_END)])
    assert found.mean == pytest.approx(12 * 214 * 24 * T3_RATE - 100, abs=Decimal("1e-6"))


def test_a_free_plan_never_costs_anything_as_its_account_is_closed() -> None:
    account = "on the free plan"
    ran(account, SMALL, (1, 12))
    change(account, "credits", "free")
    with time_machine.travel(at("2026-06-08"), tick=False):
        summer, autumn = forecast(account, [(at("2026-06-08"), JULY), (JULY, YEAR_END)])
    assert summer.mean < 12 * T3_RATE, "at most the hour in which the credits are used up"
    assert autumn.mean == 0


# --- over the API, in a year with a leap day


@pytest.fixture(scope="module")
def winter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account without a free tier, on 2 March 2028; 3 t2.micro of two teams have run in Paris and Virginia."""
    program = Program(tmp_path_factory.mktemp("winter"))
    program.json("start", "--at", "2028-01-30T00:00Z", "--regime", "none")
    paris = Account(program.json("status")["url"], ACCOUNT)
    for account, count, team in ((paris, 2, "red"), (Account(paris.url, ACCOUNT, region=VIRGINIA), 1, "blue")):
        launch(account, count, team)
    program.json("advance", "--to", "2028-03-02T06:30Z")
    yield paris
    program.run("stop")


def launch(account: Account, count: int, team: str = "red", kind: str = "t2.micro") -> list[str]:
    """The ids of instances that are tagged with a team."""
    ec2 = account.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": team}]}]
    made = ec2.run_instances(ImageId=image, InstanceType=kind, MinCount=count, MaxCount=count, TagSpecifications=tags)
    return [instance["InstanceId"] for instance in made["Instances"]]


def usage(account: Account, start: str, end: str, **more: Any) -> list[dict[str, Any]]:
    asked = {"Granularity": "DAILY", "Metrics": ["UnblendedCost"], **more}
    answer = account.client("ce").get_cost_and_usage(TimePeriod={"Start": start, "End": end}, **asked)
    assert answer.get("GroupDefinitions", []) == more.get("GroupBy", [])
    results: list[dict[str, Any]] = answer["ResultsByTime"]
    return results


def amount(metrics: dict[str, Any], name: str = "UnblendedCost") -> Decimal:
    return Decimal(metrics[name]["Amount"])


def in_groups(result: dict[str, Any], name: str = "UnblendedCost") -> dict[Any, Decimal]:
    """Keys → amount; one key alone as itself."""
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
            "UnblendedCost": {"Amount": plain(DAILY_COST), "Unit": "USD"},
            "UsageQuantity": {"Amount": "72", "Unit": "Hrs"},
        },
        "Groups": [],
        "Estimated": False,
    }


def test_months_are_as_long_as_they_are(winter: Account) -> None:
    months = usage(winter, "2028-01-30", "2028-04-01", Filter=BOXES, Granularity="MONTHLY")
    assert [month["TimePeriod"]["End"] for month in months] == ["2028-02-01", "2028-03-01", "2028-04-01"]
    assert amount(months[1]["Total"]) == 29 * DAILY_COST
    assert [month["Estimated"] for month in months] == [False, False, True]


def test_days_add_up_to_their_month(winter: Account) -> None:
    days = usage(winter, "2028-02-01", "2028-03-01")
    (month,) = usage(winter, "2028-02-01", "2028-03-01", Granularity="MONTHLY")
    assert len(days) == 29
    assert sum(amount(day["Total"]) for day in days) == pytest.approx(amount(month["Total"]), abs=Decimal("1e-8"))


def test_every_metric_of_cost_is_the_same_where_nothing_is_reserved_or_free(winter: Account) -> None:
    metrics = ["AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UNBLENDED_COST"]
    wanted = [*metrics, "NormalizedUsageAmount"]
    (day,) = usage(winter, "2028-02-10", "2028-02-11", Filter=BOXES, Metrics=wanted)
    assert {name: amount(day["Total"], name) for name in day["Total"]} == {
        "AmortizedCost": DAILY_COST,
        "BlendedCost": DAILY_COST,
        "NetAmortizedCost": DAILY_COST,
        "NetUnblendedCost": DAILY_COST,
        "UnblendedCost": DAILY_COST,
        "NormalizedUsageAmount": 36,
    }


def test_the_passing_hour_is_told_up_to_now_and_what_is_to_come_is_nothing(winter: Account) -> None:
    asked = {"Granularity": "HOURLY", "Metrics": ["UsageQuantity"], "Filter": by("REGION", VIRGINIA)}
    hours = usage(winter, "2028-03-02T05:00:00Z", "2028-03-02T08:00:00Z", GroupBy=SERVICES, **asked)
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


def test_costs_are_grouped_by_a_tag_and_what_has_none_is_a_group_too(winter: Account) -> None:
    (grouped,) = usage(winter, "2028-02-01", "2028-02-02", GroupBy=[{"Type": "TAG", "Key": "team"}])
    found = in_groups(grouped)
    assert sorted(found) == ["team$", "team$blue", "team$red"]
    assert found["team$red"] == 48 * RATE
    assert found["team$blue"] == 24 * VIRGINIAN_RATE


def test_a_day_before_anything_ran_has_a_total_of_nothing(winter: Account) -> None:
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
    answer = winter.client("ce").get_cost_and_usage(
        TimePeriod={"Start": "2028-02-01", "End": "2028-02-02"},
        Granularity="DAILY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}],
    )
    assert list(in_groups(answer["ResultsByTime"][0])) == [ACCOUNT]
    assert [each["Value"] for each in answer["DimensionValueAttributes"]] == [ACCOUNT]


def test_single_resources_are_told_for_the_last_fourteen_days(winter: Account) -> None:
    ce = winter.client("ce")
    asked = {
        "Granularity": "DAILY",
        "Metrics": ["UsageQuantity"],
        "Filter": by("SERVICE", COMPUTE),
        "GroupBy": [{"Type": "DIMENSION", "Key": "RESOURCE_ID"}],
    }
    recent = {"Start": "2028-02-20", "End": "2028-02-21"}
    (day,) = ce.get_cost_and_usage_with_resources(TimePeriod=recent, **asked)["ResultsByTime"]
    found = in_groups(day, "UsageQuantity")
    assert [name[:2] for name in found] == ["i-", "i-", "i-"]
    assert set(found.values()) == {24}
    refused(
        "start date is too old for hourly",
        ce.get_cost_and_usage_with_resources,
        TimePeriod={"Start": "2028-02-16", "End": "2028-02-17"},
        **asked,
    )
    refused(
        "Either group by or filter by RESOURCE_ID.",
        ce.get_cost_and_usage_with_resources,
        TimePeriod=recent,
        **{**asked, "GroupBy": SERVICES},
    )


def refused(message: str, call: Any, code: str = "ValidationException", **asked: Any) -> None:
    with pytest.raises(ClientError) as answer:
        call(**asked)
    error = answer.value.response["Error"]
    assert (error["Code"], error["Message"][: len(message)]) == (code, message)


def test_refusals_reach_the_caller_in_the_protocol_of_the_service(winter: Account) -> None:
    ce = winter.client("ce")
    asked = {"Granularity": "MONTHLY", "Metrics": ["UnblendedCost"]}
    period = {"Start": "2028-02-01", "End": "2028-03-01"}
    refused(
        "You haven't enabled historical data beyond 14 months.",
        ce.get_cost_and_usage,
        TimePeriod={"Start": "2027-01-01", "End": "2028-03-01"},
        **asked,
    )
    refused("Metric Cost is not valid", ce.get_cost_and_usage, TimePeriod=period, Granularity="DAILY", Metrics=["Cost"])
    refused("Metrics must not be empty", ce.get_cost_and_usage, TimePeriod=period, Granularity="DAILY", Metrics=[])
    refused(
        "The pagination token",
        ce.get_cost_and_usage,
        "InvalidNextTokenException",
        TimePeriod=period,
        NextPageToken="x",
        **asked,
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


def test_tags_are_cost_allocation_tags_as_soon_as_something_is_charged_for(winter: Account) -> None:
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


def test_what_goes_on_steadily_is_forecast_to_go_on(winter: Account) -> None:
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


def test_usage_is_forecast_in_its_unit_and_refused_where_units_differ(winter: Account) -> None:
    ce = winter.client("ce")
    asked = {"TimePeriod": {"Start": "2028-04-01", "End": "2028-05-01"}, "Granularity": "MONTHLY"}
    found = ce.get_usage_forecast(Metric="USAGE_QUANTITY", Filter=BOXES, **asked)
    assert found["Total"]["Unit"] == "Hrs"
    assert Decimal(found["Total"]["Amount"]) == pytest.approx(3 * 720, abs=Decimal("1e-3"))
    assert set(found["ForecastResultsByTime"][0]) == {"TimePeriod", "MeanValue"}, "the interval was not asked for"
    refused("", ce.get_usage_forecast, "UnresolvableUsageUnitException", Metric="USAGE_QUANTITY", **asked)
    refused("Metric UNBLENDED_COST", ce.get_usage_forecast, Metric="UNBLENDED_COST", **asked)
    refused("Metric USAGE_QUANTITY", ce.get_cost_forecast, Metric="USAGE_QUANTITY", **asked)
    refused(
        "Insufficient amount of historical data",
        ce.get_cost_forecast,
        "DataUnavailableException",
        Metric="UNBLENDED_COST",
        Filter=by("SERVICE", "Amazon MQ"),
        **asked,
    )


def test_a_forecast_knows_that_the_free_tier_ends_within_the_month(program: Program) -> None:
    program.json("start", "--at", "2026-06-01T00:00Z", "--regime", "legacy")
    account = Account(program.json("status")["url"], ACCOUNT)
    launch(account, 12)
    ce, asked = account.client("ce"), {"Metric": "UNBLENDED_COST", "Granularity": "MONTHLY"}
    june, rest = {"Start": "2026-06-01", "End": "2026-07-01"}, {"Start": "2026-06-02", "End": "2026-07-01"}
    too_early = "Insufficient amount of historical data"
    refused(too_early, ce.get_cost_forecast, "DataUnavailableException", TimePeriod=june, **asked)
    program.json("advance", "--to", "2026-06-02T00:00Z")
    assert amount(usage(account, "2026-06-01", "2026-07-01", Granularity="MONTHLY")[0]["Total"]) == 0
    foretold = Decimal(ce.get_cost_forecast(TimePeriod=rest, **asked)["Total"]["Amount"])
    program.json("advance", "--to", "2026-07-01T00:00Z")
    (month,) = usage(account, "2026-06-01", "2026-07-01", Granularity="MONTHLY")
    assert amount(month["Total"]) == pytest.approx(foretold, abs=Decimal("0.01"))
    (boxes,) = usage(account, "2026-06-01", "2026-07-01", Granularity="MONTHLY", Filter=BOXES)
    assert amount(boxes["Total"]) == pytest.approx((12 * 720 - 750) * RATE, abs=Decimal("0.01"))


def test_blended_costs_spread_the_free_hours_over_the_month(program: Program) -> None:
    program.json("start", "--at", "2026-06-01T00:00Z", "--regime", "legacy")
    account = Account(program.json("status")["url"], ACCOUNT)
    launch(account, 12)
    program.json("advance", "--to", "2026-07-01T00:00Z")
    metrics = ["UnblendedCost", "BlendedCost"]
    free, *days = usage(account, "2026-06-02", "2026-07-01", Filter=BOXES, Metrics=metrics)
    (month,) = usage(account, "2026-06-01", "2026-07-01", Filter=BOXES, Metrics=metrics, Granularity="MONTHLY")
    assert amount(free["Total"]) == 0
    assert {amount(day["Total"], "BlendedCost") for day in days} == {amount(free["Total"], "BlendedCost")}
    assert amount(free["Total"], "BlendedCost") == pytest.approx(288 * RATE * (8640 - 750) / 8640, rel=Decimal("1e-4"))
    assert amount(month["Total"], "BlendedCost") == pytest.approx(amount(month["Total"]), abs=Decimal("1e-9"))


def test_credits_are_a_record_type_and_take_off_what_usage_costs(account: Account) -> None:
    control(account, "POST", "regime", regime="credits", plan="paid")
    launch(account, 1, kind="t3.micro")
    advance(account, "3h")
    yesterday, tomorrow = (shown(now(account) + days * DAY, "DAILY") for days in (-1, 1))
    days = usage(account, yesterday, tomorrow, GroupBy=[{"Type": "DIMENSION", "Key": "RECORD_TYPE"}])
    found = [in_groups(day) for day in days if day["Groups"]]
    assert found
    for day in found:
        assert day["Credit"] < 0
        assert day["Usage"] == pytest.approx(-day["Credit"], abs=Decimal("1e-9"))


def test_stock_moto_knows_no_costs(stock: Account) -> None:
    period = {"Start": "2026-01-01", "End": "2026-01-02"}
    answer = stock.client("ce").get_cost_and_usage(TimePeriod=period, Granularity="DAILY", Metrics=["Nonsense"])
    assert answer["ResultsByTime"] == []
