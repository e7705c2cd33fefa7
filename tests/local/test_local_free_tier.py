"""The free tier as AWS tells it: what of each offer is used this month, and what it will come to."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws_server.billing.calendar import month_start, next_month_start
from local_aws_server.clock.clock import format_timestamp
from local_aws_server.errors import AwsError
from local_aws_server.services.freetier.filters import compile_filter
from tests.local.conftest import Account, Program
from tests.local.timing import advance, control, now


@pytest.fixture(scope="module")
def on_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of a local AWS whose clock begins with a month."""
    program = Program(tmp_path_factory.mktemp("free_tier"))
    yield program.json("start", "--at", "2026-02-01T00:00Z")["url"]
    program.run("stop")


@pytest.fixture
def february(on_its_own: str) -> Account:
    """A new account at the very beginning of February 2026, alone in the world."""
    account = Account(on_its_own, "123456789012")
    control(account, "POST", "reset")
    return account


def launch(account: Account, instances: int, instance_type: str = "t2.micro") -> None:
    account.client("ec2").run_instances(
        ImageId="ami-1", InstanceType=instance_type, MinCount=instances, MaxCount=instances
    )


def usage(account: Account, usage_type: str, **asked: Any) -> dict[str, Any]:
    found = account.client("freetier").get_free_tier_usage(**asked)["freeTierUsages"]
    only: dict[str, Any] = {}
    (only,) = [each for each in found if each["usageType"] == usage_type]
    return only


def test_twelve_instances_use_750_hours_up_in_two_days_and_a_half(february: Account) -> None:
    launch(february, 12)
    advance(february, "62h")
    before = usage(february, "BoxUsage:freetier.micro")
    advance(february, "1h")
    after = usage(february, "BoxUsage:freetier.micro")
    assert before["actualUsageAmount"] == pytest.approx(62 * 12, abs=0.1)
    assert (after["actualUsageAmount"], after["limit"]) == (750.0, 750.0)
    hours = (next_month_start(now(february)) - month_start(now(february))) / 3600
    assert after["forecastedUsageAmount"] == pytest.approx(12 * hours, rel=0.01), "what it would be at this pace"
    advance(february, "10d")
    later = usage(february, "BoxUsage:freetier.micro")
    assert later["actualUsageAmount"] == 750.0, "what is free over the month sums to the limit exactly"
    assert later["forecastedUsageAmount"] > later["limit"]


def test_an_offer_is_told_in_the_words_of_aws(february: Account) -> None:
    launch(february, 1)
    advance(february, "10h")
    told = usage(february, "BoxUsage:freetier.micro")
    del told["actualUsageAmount"], told["forecastedUsageAmount"]
    assert told == {
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


def test_the_free_tier_begins_anew_each_month(february: Account) -> None:
    launch(february, 12)
    advance(february, "70h")
    control(february, "POST", "advance", to=format_timestamp(next_month_start(now(february)) + 3600))
    assert usage(february, "BoxUsage:freetier.micro")["actualUsageAmount"] == pytest.approx(12.0, abs=0.1)


@pytest.mark.parametrize("regime", ["credits", "none"])
def test_without_the_12_months_no_instance_is_free(february: Account, regime: str) -> None:
    control(february, "POST", "regime", regime=regime)
    launch(february, 1)
    advance(february, "10h")
    assert february.client("freetier").get_free_tier_usage()["freeTierUsages"] == []


def test_all_regions_use_the_same_offer(february: Account) -> None:
    for region in ("eu-west-3", "us-east-1"):
        launch(Account(february.url, february.id, region=region), 1)
    advance(february, "10h")
    assert usage(february, "BoxUsage:freetier.micro")["actualUsageAmount"] == pytest.approx(20.0, abs=0.1)


def test_usage_comes_in_pages_and_filtered(february: Account) -> None:
    launch(february, 1)
    advance(february, "10h")
    freetier = february.client("freetier")
    everything = [each["usageType"] for each in freetier.get_free_tier_usage()["freeTierUsages"]]
    pages = list(freetier.get_paginator("get_free_tier_usage").paginate(PaginationConfig={"PageSize": 1}))
    assert [each["usageType"] for page in pages for each in page["freeTierUsages"]] == everything
    assert len(pages) == len(everything) > 1
    wanted = {"Dimensions": {"Key": "USAGE_TYPE", "Values": ["BoxUsage"], "MatchOptions": ["STARTS_WITH"]}}
    found = freetier.get_free_tier_usage(filter={"Not": wanted})["freeTierUsages"]
    assert [each["usageType"] for each in found] == [name for name in everything if not name.startswith("BoxUsage")]


@pytest.mark.parametrize("asked", [{"nextToken": "nowhere"}, {"filter": {}}])
def test_a_request_that_can_not_be_is_a_validation_exception(account: Account, asked: Any) -> None:
    with pytest.raises(ClientError) as refused:
        account.client("freetier").get_free_tier_usage(**asked)
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
def test_a_filter_is_what_it_says(expression: dict[str, Any], expected: bool) -> None:
    assert compile_filter(expression)(GLUE) is expected


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ({}, "exactly one root operator"),
        ({"Not": IS_GLUE, "And": [IS_GLUE]}, "exactly one root operator"),
        (dimension("COLOUR", "EQUALS", "red"), "no dimension COLOUR"),
        (dimension("SERVICE", "GREATER_THAN_OR_EQUAL", "AWS Glue"), "exactly one of the MatchOptions"),
        ({"Dimensions": {"Key": "SERVICE", "Values": ["x"], "MatchOptions": []}}, "exactly one of the MatchOptions"),
        (dimension("USAGE_PERCENTAGE", "EQUALS", "half"), "no percentage"),
    ],
)
def test_what_is_no_filter_is_refused(expression: dict[str, Any], why: str) -> None:
    with pytest.raises(AwsError, match=why):
        compile_filter(expression)
