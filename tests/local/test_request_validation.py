"""Requests that do not fit the service's model: refused with the service's code and words, before anything else."""

import json
import urllib.error
import urllib.request
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.conftest import REGION, Account

NULL = "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null"

REFUSED: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "autoscaling",
        "create_auto_scaling_group",
        {"AutoScalingGroupName": "g", "MinSize": 0},
        "ValidationError",
        NULL.format("maxSize"),
    ),
    (
        "logs",
        "create_log_group",
        {"logGroupName": "x!x"},
        "InvalidParameterException",
        "1 validation error detected: Value 'x!x' at 'logGroupName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+",
    ),
    (
        "logs",
        "delete_metric_filter",
        {"logGroupName": "absent", "filterName": "a:b"},
        "InvalidParameterException",
        "1 validation error detected: Value 'a:b' at 'filterName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [^:*]*",
    ),
    (
        "logs",
        "describe_log_streams",
        {"logGroupIdentifier": "group:*"},
        "InvalidParameterException",
        "Value at 'logGroupIdentifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ",
    ),
    (
        "logs",
        "put_delivery_destination",
        {"name": "bucket", "outputFormat": "xml"},
        "ValidationException",
        "Value 'xml' at 'outputFormat' failed to satisfy constraint: Member must satisfy enum value set: [",
    ),
    (
        "iam",
        "update_service_specific_credential",
        {"ServiceSpecificCredentialId": "ACCA00000000000000000", "Status": "On"},
        "ValidationError",
        "1 validation error detected: Value at 'status' failed to satisfy constraint: "
        "Member must satisfy enum value set",
    ),
    (
        "logs",
        "put_metric_filter",
        {
            "logGroupName": "g",
            "filterName": "f",
            "filterPattern": "",
            "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}] * 2,
        },
        "InvalidParameterException",
        "Value '[MetricTransformation(metricName=m, metricNamespace=n, metricValue=1, defaultValue=null, ",
    ),
    ("sqs", "create_queue", {"QueueName": "q", "Attributes": {"Colour": "red"}}, "InvalidAttributeName", "Colour."),
    (
        "ssm",
        "get_parameters",
        {"Names": [f"p{number}" for number in range(11)]},
        "ValidationException",
        "Member must have length less than or equal to 10",
    ),
    (
        "secretsmanager",
        "list_secrets",
        {"Filters": [{"Key": "colour", "Values": ["red"]}]},
        "ValidationException",
        "Value 'colour' at 'filters.1.member.key' failed to satisfy constraint: Member must satisfy enum value set: ",
    ),
    (
        "elbv2",
        "create_target_group",
        {"Name": "g", "Protocol": "HTTPX", "Port": 80},
        "ValidationError",
        "Value 'HTTPX' at 'protocol' failed to satisfy constraint: Member must satisfy enum value set: "
        "[UDP, TCP, TCP_UDP, GENEVE, HTTP, ",
    ),
    (
        "iam",
        "create_role",
        {"RoleName": "a b", "AssumeRolePolicyDocument": "{}"},
        "ValidationError",
        "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the "
        "following: +=,.@_-",
    ),
    (
        "iam",
        "create_user",
        {"UserName": "u", "Path": "team"},
        "ValidationError",
        "The specified value for path is invalid. It must begin and end with / and contain only",
    ),
    (
        "autoscaling",
        "put_scheduled_update_group_action",
        {"AutoScalingGroupName": "", "ScheduledActionName": ""},
        "ValidationError",
        "2 validation errors detected: ",
    ),
    (
        "autoscaling",
        "create_or_update_tags",
        {"Tags": [{"Key": "k" * 129, "ResourceId": "g"}]},
        "ValidationError",
        "at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128",
    ),
    (
        "rds",
        "create_db_instance",
        {"Engine": "postgres"},
        "MissingParameter",
        "must contain the parameter DBInstanceId",
    ),
    ("ec2", "create_vpc_endpoint", {"ServiceName": "s"}, "MissingParameter", "must contain the parameter vpcId"),
    ("ec2", "describe_instances", {"MaxResults": "many"}, "InvalidParameterValue", "Value (many) for parameter maxRes"),
    ("ec2", "describe_vpcs", {"MaxResults": 2000}, "InvalidParameterValue", "Value (2000) for parameter maxResults"),
    ("ec2", "create_volume", {"AvailabilityZone": "eu-west-3a", "VolumeType": "gp9"}, "UnknownVolumeType", "gp9"),
    (
        "ec2",
        "describe_instance_attribute",
        {"InstanceId": "i-0123456789abcdef0", "Attribute": "colour"},
        "InvalidParameterValue",
        "Value (colour) for parameter attribute is invalid. Unknown attribute.",
    ),
    (
        "ec2",
        "create_vpc",
        {"CidrBlock": "10.0.0.0/16", "TagSpecifications": [{"ResourceType": "house", "Tags": []}]},
        "InvalidParameter",
        "'house' is not a valid taggable resource type for this operation.",
    ),
    (
        "ec2",
        "create_volume",
        {
            "AvailabilityZone": "eu-west-3a",
            "Size": 8,
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
        },
        "InvalidParameterValue",
        "'instance' is not a valid taggable resource type for this operation.",
    ),
    ("ec2", "create_volume", {"AvailabilityZone": "eu-west-3a"}, "MissingParameter", "parameter size/snapshot"),
    ("ec2", "create_tags", {"Resources": [], "Tags": [{"Key": "a"}]}, "MissingParameter", "parameter resourceIdSet"),
    ("ecs", "create_service", {"serviceName": "s", "desiredCount": "three"}, "SerializationException", "STRING_VALUE"),
    (
        "cloudwatch",
        "set_alarm_state",
        {"AlarmName": "a", "StateValue": "X", "StateReason": ""},
        "ValidationError",
        "'X'",
    ),
]
"""(service, method, parameters, code, words of the message)."""


def unchecked(account: Account, service: str) -> Any:
    """A client that sends what it gets: boto3 looks at parameters itself otherwise."""
    return boto3.client(
        service,
        endpoint_url=account.url,
        region_name=REGION,
        aws_access_key_id=account.id,
        aws_secret_access_key="local",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize(
    ("service", "method", "parameters", "code", "words"), REFUSED, ids=[f"{case[0]}-{case[1]}" for case in REFUSED]
)
def test_a_request_outside_the_model_is_refused_in_the_words_of_the_service(
    account: Account, service: str, method: str, parameters: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(unchecked(account, service), method)(**parameters)
    assert refused.value.response["Error"]["Code"] == code
    assert words in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_identifier_that_moto_returns_is_accepted_in_a_service_that_is_not_simulated(account: Account) -> None:
    lex = replace(account, region="us-east-1").client("lexv2-models")  # it is not in each region
    arn = f"arn:aws:iam::{account.id}:role/bot"
    bot = lex.create_bot(botName="b", roleArn=arn, dataPrivacy={"childDirected": False}, idleSessionTTLInSeconds=300)[
        "botId"
    ]
    assert len(bot) > 10, "the model allows ten characters"
    assert lex.create_bot_alias(botAliasName="a", botId=bot)["botId"] == bot


@pytest.mark.parametrize("body", [b"[1, 2", b"[1, 2]", b'{"maxResults": true}', b'{"maxResults": "ten"}'])
def test_a_body_of_another_form_is_refused(account: Account, body: bytes) -> None:
    headers = {
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={account.id}/20260101/{REGION}/ecs/aws4_request",
    }
    request = urllib.request.Request(account.url, body, headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 400
    assert json.load(refused.value)["__type"] == "SerializationException"


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ec2", "create_tags", {"Resources": ["vpc-0"], "Tags": [{"Key": "k", "Value": "red\x1b[31m"}]}),
        ("ec2", "create_security_group", {"GroupName": "g\x00", "Description": "d"}),
        ("ec2", "describe_vpcs", {"VpcIds": ["vpc-\x07"]}),
        ("elbv2", "create_target_group", {"Name": "t", "HealthCheckPath": "/\x1b"}),
        ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Description": "\uffff"}),
        ("rds", "create_event_subscription", {"SubscriptionName": "s\x1f", "SnsTopicArn": "arn:aws:sns:eu-west-3:1:t"}),
        ("cloudwatch", "put_dashboard", {"DashboardName": "d", "DashboardBody": "\x0b"}),
    ],
    ids=str,
)
def test_a_character_that_xml_does_not_allow_is_refused(
    account: Account, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(account.client(service), operation)(**parameters)
    assert refused.value.response["Error"]["Code"] in ("InvalidParameterValue", "ValidationError")


def test_a_control_character_of_a_refused_value_is_escaped_in_the_message(account: Account) -> None:
    with pytest.raises(ClientError, match=r"vpc-\\x07"):
        account.client("ec2").describe_vpcs(VpcIds=["vpc-\x07"])


def test_a_dry_run_changes_nothing(account: Account) -> None:
    ec2 = account.client("ec2")
    calls = [
        (ec2.create_vpc, {"CidrBlock": "10.0.0.0/16"}),
        (ec2.create_security_group, {"GroupName": "g", "Description": "d"}),
        (ec2.allocate_address, {"Domain": "vpc"}),
    ]
    before = ec2.describe_vpcs()["Vpcs"], ec2.describe_addresses()["Addresses"]
    for call, parameters in calls:
        with pytest.raises(ClientError, match="Request would have succeeded, but DryRun flag is set") as refused:
            call(**parameters, DryRun=True)
        assert refused.value.response["Error"]["Code"] == "DryRunOperation"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert (ec2.describe_vpcs()["Vpcs"], ec2.describe_addresses()["Addresses"]) == before


@pytest.mark.parametrize("parameter", ["AttributeNames", "MessageSystemAttributeNames"])
def test_a_message_is_received_with_its_system_attributes_by_the_old_and_the_new_parameter(
    account: Account, parameter: str
) -> None:
    sqs = account.client("sqs")
    queue = sqs.create_queue(QueueName=f"queue-{parameter}")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    (message,) = sqs.receive_message(QueueUrl=queue, **{parameter: ["SentTimestamp"]})["Messages"]
    assert list(message["Attributes"]) == ["SentTimestamp"]
