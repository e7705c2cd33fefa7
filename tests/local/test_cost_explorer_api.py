"""The Cost Explorer API, in a leap year: costs, dimension values, tags and forecasts of running instances."""

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws_server.services.ce.aggregation import (
    format_amount,
)
from tests.local.billing import ACCOUNT, PARIS, VIRGINIA, by, reset
from tests.local.conftest import Account
from tests.local.timing import control

COMPUTE = "Amazon Elastic Compute Cloud - Compute"
SERVICES = [{"Type": "DIMENSION", "Key": "SERVICE"}]
RATE, VIRGINIAN_RATE = Decimal("0.0132"), Decimal("0.0116")
"""USD for an hour of t2.micro in Paris and in Virginia."""


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
        ImageId="ami-760aaa0f", InstanceType="t2.micro", MinCount=count, MaxCount=count, TagSpecifications=tags
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
    costs = in_groups(grouped)
    assert costs[COMPUTE, PARIS] == 48 * RATE
    assert costs[COMPUTE, VIRGINIA] == 24 * VIRGINIAN_RATE
    assert {service for service, _ in costs} == {COMPUTE, "EC2 - Other", "Amazon Virtual Private Cloud"}
    assert sum(costs.values()) == pytest.approx(amount(total["Total"]), abs=Decimal("1e-9"))


def test_costs_are_grouped_by_tag_with_a_group_for_untagged_resources(winter: Account) -> None:
    (grouped,) = usage(winter, "2028-02-01", "2028-02-02", GroupBy=[{"Type": "TAG", "Key": "team"}])
    costs = in_groups(grouped)
    assert sorted(costs) == ["team$", "team$blue", "team$red"]
    assert costs["team$red"] == 48 * RATE
    assert costs["team$blue"] == 24 * VIRGINIAN_RATE


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
    assert [row["Value"] for row in response["DimensionValueAttributes"]] == [ACCOUNT]


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
    hours = in_groups(day, "UsageQuantity")
    assert [name[:2] for name in hours] == ["i-", "i-", "i-"]
    assert set(hours.values()) == {24}
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
    assert [row["Value"] for row in regions["DimensionValues"]] == [PARIS, VIRGINIA]
    assert (regions["ReturnSize"], regions["TotalSize"]) == (2, 2)
    boxes = ce.get_dimension_values(TimePeriod=period, Dimension="USAGE_TYPE", SearchString="boxusage")
    assert boxes["DimensionValues"] == [
        {"Value": "BoxUsage:t2.micro", "Attributes": {"unit": "Hrs"}},
        {"Value": "EUW3-BoxUsage:t2.micro", "Attributes": {"unit": "Hrs"}},
    ]
    most_expensive = ce.get_dimension_values(
        TimePeriod=period,
        Dimension="SERVICE",
        MaxResults=1,
        SortBy=[{"Key": "UnblendedCost", "SortOrder": "DESCENDING"}],
    )
    assert [row["Value"] for row in most_expensive["DimensionValues"]] == [COMPUTE]
    assert (most_expensive["ReturnSize"], most_expensive["TotalSize"]) == (1, 3)
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
    forecast = ce.get_usage_forecast(Metric="USAGE_QUANTITY", Filter=BOXES, **params)
    assert forecast["Total"]["Unit"] == "Hrs"
    assert Decimal(forecast["Total"]["Amount"]) == pytest.approx(3 * 720, abs=Decimal("1e-3"))
    assert set(forecast["ForecastResultsByTime"][0]) == {"TimePeriod", "MeanValue"}, "the interval was not requested"
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
