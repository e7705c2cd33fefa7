"""GetFreeTierUsage: the usage of each offer this month, and its forecast for the end of the month."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws_server.billing.calendar import month_start, next_month_start
from local_aws_server.clock.clock import format_timestamp
from local_aws_server.errors import AwsError
from local_aws_server.services.freetier.filters import compile_filter
from tests.local.billing import reset
from tests.local.conftest import Account
from tests.local.timing import advance, control, now


@pytest.fixture
def february(billing_server: str) -> Account:
    """A new account on 1 February 2026, alone on its server."""
    return reset(billing_server, "2026-02-01T00:00:00Z")


def launch(account: Account, instances: int, instance_type: str = "t2.micro") -> None:
    account.client("ec2").run_instances(
        ImageId="ami-760aaa0f", InstanceType=instance_type, MinCount=instances, MaxCount=instances
    )


def usage(account: Account, usage_type: str, **params: Any) -> dict[str, Any]:
    rows = account.client("freetier").get_free_tier_usage(**params)["freeTierUsages"]
    only: dict[str, Any] = {}
    (only,) = [row for row in rows if row["usageType"] == usage_type]
    return only


def test_twelve_instances_use_750_hours_in_two_and_a_half_days(february: Account) -> None:
    launch(february, 12)
    advance(february, "62h")
    before = usage(february, "BoxUsage:freetier.micro")
    advance(february, "1h")
    after = usage(february, "BoxUsage:freetier.micro")
    assert before["actualUsageAmount"] == pytest.approx(62 * 12, abs=0.1)
    assert (after["actualUsageAmount"], after["limit"]) == (750.0, 750.0)
    hours = (next_month_start(now(february)) - month_start(now(february))) / 3600
    assert after["forecastedUsageAmount"] == pytest.approx(12 * hours, rel=0.01), "at the current rate"
    advance(february, "10d")
    later = usage(february, "BoxUsage:freetier.micro")
    assert later["actualUsageAmount"] == 750.0, "what is free over the month sums to the limit exactly"
    assert later["forecastedUsageAmount"] > later["limit"]


def test_an_offer_is_described_in_the_words_of_aws(february: Account) -> None:
    launch(february, 1)
    advance(february, "10h")
    described = usage(february, "BoxUsage:freetier.micro")
    del described["actualUsageAmount"], described["forecastedUsageAmount"]
    assert described == {
        "service": "Amazon Elastic Compute Cloud",
        "operation": "RunInstances",
        "usageType": "BoxUsage:freetier.micro",
        "region": "global",
        "limit": 750.0,
        "unit": "Hrs",
        "description": "750.0 Hrs for free for 12 months as part of AWS Free Usage Tier "
        "(Global-BoxUsage:freetier.micro)",
        "freeTierType": "12 Months Free",
    }


def test_the_free_tier_is_renewed_each_month(february: Account) -> None:
    launch(february, 12)
    advance(february, "70h")
    control(february, "POST", "advance", to=format_timestamp(next_month_start(now(february)) + 3600))
    assert usage(february, "BoxUsage:freetier.micro")["actualUsageAmount"] == pytest.approx(12.0, abs=0.1)


@pytest.mark.parametrize("regime", ["credits", "none"])
def test_without_the_12_months_free_tier_no_instance_is_free(february: Account, regime: str) -> None:
    control(february, "POST", "regime", regime=regime)
    launch(february, 1)
    advance(february, "10h")
    assert february.client("freetier").get_free_tier_usage()["freeTierUsages"] == []


def test_all_regions_share_an_offer(february: Account) -> None:
    for region in ("eu-west-3", "us-east-1"):
        launch(Account(february.url, february.id, region=region), 1)
    advance(february, "10h")
    assert usage(february, "BoxUsage:freetier.micro")["actualUsageAmount"] == pytest.approx(20.0, abs=0.1)


def test_usage_is_paged_and_filtered(february: Account) -> None:
    launch(february, 1)
    advance(february, "10h")
    freetier = february.client("freetier")
    everything = [row["usageType"] for row in freetier.get_free_tier_usage()["freeTierUsages"]]
    pages = list(freetier.get_paginator("get_free_tier_usage").paginate(PaginationConfig={"PageSize": 1}))
    assert [row["usageType"] for page in pages for row in page["freeTierUsages"]] == everything
    assert len(pages) == len(everything) > 1
    boxes = {"Dimensions": {"Key": "USAGE_TYPE", "Values": ["BoxUsage"], "MatchOptions": ["STARTS_WITH"]}}
    others = freetier.get_free_tier_usage(filter={"Not": boxes})["freeTierUsages"]
    assert [row["usageType"] for row in others] == [name for name in everything if not name.startswith("BoxUsage")]


@pytest.mark.parametrize("params", [{"nextToken": "nowhere"}, {"filter": {}}])
def test_an_invalid_request_is_a_validation_exception(billing_account: Account, params: Any) -> None:
    with pytest.raises(ClientError) as refused:
        billing_account.client("freetier").get_free_tier_usage(**params)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


GLUE = {
    "service": "AWS Glue",
    "operation": "Request",
    "usageType": "Catalog-Request",
    "region": "global",
    "actualUsageAmount": 900.0,
    "limit": 1000.0,
    "description": "1000.0 Request are always free per month as part of AWS Free Usage Tier (Global-Catalog-Request)",
    "freeTierType": "Always Free",
}


def dimension(key: str, option: str, *values: str) -> dict[str, Any]:
    return {"Dimensions": {"Key": key, "Values": list(values), "MatchOptions": [option]}}


IS_GLUE, IS_EC2 = dimension("SERVICE", "EQUALS", "AWS Glue"), dimension("SERVICE", "CONTAINS", "Compute")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (IS_GLUE, True),
        (IS_EC2, False),
        (dimension("SERVICE", "EQUALS", "Glue"), False),
        (dimension("SERVICE", "CONTAINS", "Glue"), True),
        (dimension("SERVICE", "EQUALS", "Amazon S3", "AWS Glue"), True),
        (dimension("USAGE_TYPE", "STARTS_WITH", "Catalog"), True),
        (dimension("USAGE_TYPE", "ENDS_WITH", "Storage"), False),
        (dimension("REGION", "EQUALS", "global"), True),
        (dimension("OPERATION", "EQUALS", "Request"), True),
        (dimension("FREE_TIER_TYPE", "EQUALS", "12 Months Free"), False),
        (dimension("DESCRIPTION", "CONTAINS", "always free"), True),
        (dimension("USAGE_PERCENTAGE", "GREATER_THAN_OR_EQUAL", "90"), True),
        (dimension("USAGE_PERCENTAGE", "GREATER_THAN_OR_EQUAL", "90.1"), False),
        ({"Not": IS_GLUE}, False),
        ({"And": [IS_GLUE, {"Not": IS_EC2}]}, True),
        ({"And": [IS_GLUE, IS_EC2]}, False),
        ({"Or": [IS_GLUE, IS_EC2]}, True),
        ({"Or": [IS_EC2, {"And": [IS_EC2, IS_GLUE]}]}, False),
    ],
)
def test_a_filter_matches_by_its_operators(expression: dict[str, Any], expected: bool) -> None:
    assert compile_filter(expression)(GLUE) is expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({}, "exactly one root operator"),
        ({"Not": IS_GLUE, "And": [IS_GLUE]}, "exactly one root operator"),
        (dimension("COLOUR", "EQUALS", "red"), "no dimension COLOUR"),
        (dimension("SERVICE", "GREATER_THAN_OR_EQUAL", "AWS Glue"), "exactly one of the MatchOptions"),
        ({"Dimensions": {"Key": "SERVICE", "Values": ["x"], "MatchOptions": []}}, "exactly one of the MatchOptions"),
        (dimension("USAGE_PERCENTAGE", "EQUALS", "half"), "not a percentage"),
    ],
)
def test_an_invalid_filter_is_refused(expression: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message):
        compile_filter(expression)
