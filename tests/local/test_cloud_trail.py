"""CloudTrail's LookupEvents: the local AWS answers it from its own record of changing calls."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cases import TRUST
from tests.local.conftest import Account
from tests.local.timing import advance

SECRET = "correct-horse-battery"


def events(account: Account, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account.client("cloudtrail").lookup_events(**parameters)["Events"]
    return found


def attribute(key: str, value: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


def test_a_changing_call_is_an_event_with_its_caller_and_its_resources(account: Account) -> None:
    group = account.client("ec2").create_security_group(GroupName="web", Description="web")["GroupId"]
    account.client("ec2").describe_security_groups()
    (event,) = events(account)
    assert (event["EventName"], event["EventSource"]) == ("CreateSecurityGroup", "ec2.amazonaws.com")
    assert {"ResourceType": "AWS::EC2::SecurityGroup", "ResourceName": group} in event["Resources"]
    record = json.loads(event["CloudTrailEvent"])
    assert record["userIdentity"]["arn"] == account.client("sts").get_caller_identity()["Arn"].replace(":sts:", ":iam:")
    assert record["requestParameters"] == {"GroupName": "web", "Description": "web"}
    assert record["responseElements"]["GroupId"] == group


def test_the_newest_event_is_first_and_pages_continue_where_they_ended(account: Account) -> None:
    for name in ("one", "two", "three"):
        account.client("ec2").create_security_group(GroupName=name, Description=name)
    pages = account.client("cloudtrail").get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 2})
    names = [[json.loads(event["CloudTrailEvent"])["requestParameters"]["GroupName"] for event in page["Events"]]
             for page in pages]  # fmt: skip
    assert names == [["three", "two"], ["one"]]


def test_a_refused_call_is_an_event_with_its_error(account: Account) -> None:
    with pytest.raises(ClientError):
        account.client("ec2").delete_vpc(VpcId="vpc-0123456789abcdef0")
    (event,) = events(account, **attribute("ResourceName", "vpc-0123456789abcdef0"))
    assert json.loads(event["CloudTrailEvent"])["errorCode"] == "InvalidVpcID.NotFound"


def test_an_assumed_role_is_named_by_its_session(account: Account) -> None:
    role = account.client("iam").create_role(RoleName="operator", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    session = account.client("sts").assume_role(RoleArn=role, RoleSessionName="kim")["Credentials"]
    client = Account(account.url, session["AccessKeyId"]).client("ec2")
    client.create_security_group(GroupName="by-kim", Description="web")
    (event,) = events(account, **attribute("Username", "kim"))
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert identity["type"] == "AssumedRole" and identity["sessionContext"]["sessionIssuer"]["arn"] == role


def test_no_secret_is_in_an_event(account: Account) -> None:
    account.client("ssm").put_parameter(Name="/db/password", Value=SECRET, Type="SecureString")
    account.client("secretsmanager").create_secret(Name="broker", SecretString=SECRET)
    account.client("rds").create_db_instance(
        DBInstanceIdentifier="db", Engine="postgres", DBInstanceClass="db.t3.micro", MasterUsername="kim",
        MasterUserPassword=SECRET, AllocatedStorage=20,
    )  # fmt: skip
    account.client("iam").create_access_key(
        UserName=account.client("iam").create_user(UserName="a")["User"]["UserName"]
    )
    recorded = [*events(account), *events(Account(account.url, account.id, region="us-east-1"))]
    assert len(recorded) == 5
    assert SECRET not in str(recorded)
    keys = [json.loads(event["CloudTrailEvent"]) for event in recorded if event["EventName"] == "CreateAccessKey"]
    assert keys[0]["responseElements"]["AccessKey"] == "HIDDEN_DUE_TO_SECURITY_REASONS"


def test_data_events_are_not_recorded(account: Account) -> None:
    bucket = {"Bucket": f"data-{account.id}"}
    account.client("s3").create_bucket(**bucket, CreateBucketConfiguration={"LocationConstraint": account.region})
    account.client("s3").put_object(**bucket, Key="a", Body=b"x")
    account.client("cloudwatch").put_metric_data(Namespace="a", MetricData=[{"MetricName": "b", "Value": 1}])
    assert [event["EventName"] for event in events(account)] == ["CreateBucket"]


def test_events_are_kept_for_ninety_days(account: Account) -> None:
    account.client("ec2").create_security_group(GroupName="old", Description="old")
    advance(account, "91d")
    account.client("ec2").create_security_group(GroupName="new", Description="new")
    assert len(events(account)) == 1


WRONG = {
    "a page of 51": ({"MaxResults": 51}, "InvalidMaxResultsException"),
    "two attributes": (
        {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name} for name in ("a", "b")]},
        "InvalidLookupAttributesException",
    ),
    "a start after the end": ({"StartTime": 2e9, "EndTime": 1e9}, "InvalidTimeRangeException"),
    "a token of nothing": ({"NextToken": "x"}, "InvalidNextTokenException"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_request_is_refused_with_the_error_of_aws(what: str, account: Account) -> None:
    parameters, code = WRONG[what]
    with pytest.raises(ClientError) as error:
        events(account, **parameters)
    assert error.value.response["Error"]["Code"] == code
