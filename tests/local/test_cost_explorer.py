"""Cost Explorer: filters, dimensions, periods, sums and pages."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws_server.billing.bill import total_cost
from local_aws_server.billing.calendar import DAY, HOUR, Period
from local_aws_server.billing.charge import Charge, Meter, charge_cost, match_all
from local_aws_server.billing.service_names import cost_explorer_name, product_name
from local_aws_server.errors import AwsError
from local_aws_server.services.ce.aggregation import (
    GroupKey,
    PeriodResult,
    aggregate,
    format_amount,
    group_key_function,
    merge_groups,
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
from tests.local.billing import ACCOUNT, PARIS, VIRGINIA, at, by

COMPUTE = "Amazon Elastic Compute Cloud - Compute"
SERVICES = [{"Type": "DIMENSION", "Key": "SERVICE"}]

# --- filters and dimensions of charges

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

charge_lists = st.lists(
    st.builds(
        lambda meter, hour, cents, tags: charge(meter, at("2028-01-01") + hour * HOUR, f"{cents}e-6", tags=tags),
        st.sampled_from(METERS),
        st.integers(0, 90 * 24 - 1),
        st.integers(-(10**9), 10**9),
        st.sampled_from([(), RED, BLUE]),
    ),
    max_size=40,
).map(lambda charges: sorted(charges, key=lambda charge: charge.hour))
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
    charges: Sequence[Charge], periods: Sequence[Period], keys: Any = None, matches: Any = match_all
) -> list[PeriodResult]:
    return aggregate(charges, periods, [charge_cost], matches, keys)


def total_of(results: Sequence[PeriodResult]) -> Decimal:
    return sum((group.amounts[0] for result in results for group in result.groups.values()), Decimal(0))


@given(charge_lists, definitions)
def test_groups_add_up_to_the_total(charges: list[Charge], by: list[dict[str, str]]) -> None:
    grouped = costs(charges, split_period(WHOLE, "MONTHLY"), group_key_function(by, ACCOUNT))
    assert total_of(grouped) == total_cost(charges)


@given(charge_lists, st.lists(st.integers(1, 89), unique=True, max_size=6), st.sampled_from(["DAILY", "MONTHLY"]))
def test_the_parts_of_a_period_add_up_to_the_whole(charges: list[Charge], days: list[int], granularity: Any) -> None:
    edges = [WHOLE.start, *sorted(WHOLE.start + day * DAY for day in days), WHOLE.end]
    parts = [part for start, end in pairwise(edges) for part in split_period(Period(start, end), granularity)]
    assert total_of(costs(charges, parts)) == total_of(costs(charges, [WHOLE]))
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]


@given(charge_lists, st.sampled_from([by("REGION", PARIS), tag("team", "red"), by("SERVICE", COMPUTE)]))
def test_a_filter_and_its_negation_select_all_charges(charges: list[Charge], expression: Any) -> None:
    selected = costs(charges, [WHOLE], matches=compile_expression(expression, ACCOUNT))
    others = costs(charges, [WHOLE], matches=compile_expression({"Not": expression}, ACCOUNT))
    assert total_of(selected) + total_of(others) == total_cost(charges)


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

    pages, token = [], None
    while True:
        entries, token = cut_page(split_groups(results), position, {**request, "NextPageToken": token}, size)
        assert len(entries) <= size
        pages += [(result.period, list(result.groups)) for result in merge_groups(entries)]
        if token is None:
            return pages


@pytest.mark.parametrize("size", [1, 2, 3, 5000])
def test_pages_have_every_group_of_every_period_once(size: int) -> None:
    hours = [charge(meter, at("2028-01-01") + day * DAY) for day in (0, 2) for meter in METERS]
    results = costs(
        hours, split_period(Period(at("2028-01-01"), at("2028-01-04")), "DAILY"), group_key_function(SERVICES, ACCOUNT)
    )
    pages = read_pages(results, {"Granularity": "DAILY"}, size)
    groups = [(period, keys) for period, keys_of_page in pages for keys in keys_of_page]
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
