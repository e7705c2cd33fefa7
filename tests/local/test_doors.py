"""Other ways into the local AWS: CBOR, requests signed in their query string, moto's own routes, other servers."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from esaws.local_aws.control import headers
from tests.local.timing import now

PROTOCOL = "smithy-rpc-v2-cbor"


def send(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send a request; return (status, headers, body)."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, names, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def call_in_cbor(account: Any, operation: str, signing_name: str = "monitoring", **parameters: Any) -> dict[str, Any]:
    """Call an operation of CloudWatch as an SDK does that speaks CBOR."""
    model = botocore.session.Session().get_service_model("cloudwatch").operation_model(operation)
    serialized = create_serializer(PROTOCOL).serialize_to_request(parameters, model)
    scope = f"{account.id}/20260101/{account.region}/{signing_name}/aws4_request"
    headers = {**serialized["headers"], "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=x"}
    url = account.url + serialized["url_path"]
    status, answered, body = send(url, serialized["method"], serialized["body"], **headers)
    lower = {name.lower(): value for name, value in answered.items()}
    assert (lower["content-type"], lower["smithy-protocol"]) == ("application/cbor", "rpc-v2-cbor")
    response = {"status_code": status, "headers": lower, "body": body}
    parsed: dict[str, Any] = create_parser(PROTOCOL).parse(response, model.output_shape)
    return {**parsed, "status": status}


def test_cloudwatch_answers_in_cbor(account: Any) -> None:
    time = datetime.fromtimestamp(now(account), UTC)
    alarm = {"Namespace": "Team", "MetricName": "Depth", "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1}
    call_in_cbor(
        account,
        "PutMetricAlarm",
        AlarmName="a",
        Threshold=1.5,
        ComparisonOperator="GreaterThanThreshold",
        ActionsEnabled=False,
        **alarm,
    )
    data = [{"MetricName": "Depth", "Value": 2.5, "Timestamp": time, "Dimensions": [{"Name": "n", "Value": "é"}]}]
    assert call_in_cbor(account, "PutMetricData", Namespace="Team", MetricData=data)["status"] == 200
    (described,) = call_in_cbor(account, "DescribeAlarms")["MetricAlarms"]
    by_json = account.client("cloudwatch").describe_alarms()["MetricAlarms"][0]
    assert described == by_json and described["Threshold"] == 1.5 and described["ActionsEnabled"] is False
    assert isinstance(described["AlarmConfigurationUpdatedTimestamp"], datetime)
    (metric,) = call_in_cbor(account, "ListMetrics", Namespace="Team")["Metrics"]
    assert metric["Dimensions"] == [{"Name": "n", "Value": "é"}]


@pytest.mark.parametrize(
    ("operation", "parameters", "status", "code"),
    [
        ("SetAlarmState", {"AlarmName": "missing", "StateValue": "OK", "StateReason": "x"}, 404, "ResourceNotFound"),
        ("ListManagedInsightRules", {"ResourceARN": "arn:aws:s3:::b"}, 501, "NotSimulated"),
    ],
)
def test_errors_of_calls_in_cbor_are_in_cbor(
    account: Any, operation: str, parameters: dict[str, Any], status: int, code: str
) -> None:
    answered = call_in_cbor(account, operation, **parameters)
    assert (answered["status"], answered["Error"]["Code"]) == (status, code)


def test_a_body_that_is_not_cbor_is_refused_in_cbor(account: Any) -> None:
    url = f"{account.url}/service/GraniteServiceVersion20100801/operation/DescribeAlarms"
    scope = f"Credential={account.id}/20260101/{account.region}/monitoring/aws4_request"
    headers = {"Smithy_Protocol": "rpc-v2-cbor", "Authorization": f"AWS4-HMAC-SHA256 {scope}"}
    status, _, body = send(url, "POST", b"\xff\xff", **headers)
    assert (status, b"SerializationException" in body) == (400, True)


def test_an_unknown_service_is_not_simulated_in_cbor(account: Any) -> None:
    answered = call_in_cbor(account, "DescribeAlarms", signing_name="invented")
    assert (answered["status"], answered["Error"]["Code"]) == (501, "NotSimulated")


def test_a_call_signed_in_its_query_string_reaches_its_service(account: Any) -> None:
    url = account.client("sts").generate_presigned_url("get_caller_identity")
    status, _, body = send(url)
    assert status == 200 and account.id.encode() in body
    s3 = account.client("s3")
    s3.create_bucket(Bucket=f"b-{account.id}", CreateBucketConfiguration={"LocationConstraint": account.region})
    put = s3.generate_presigned_url("put_object", Params={"Bucket": f"b-{account.id}", "Key": "k"})
    assert send(put, "PUT", b"x")[0] == 200
    assert s3.list_objects_v2(Bucket=f"b-{account.id}")["KeyCount"] == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/moto-api/"),
        ("GET", "/moto-api/data.json"),
        ("POST", "/moto-api/state-manager/set-transition"),
        ("POST", "/moto-api/seed?a=1"),
        ("POST", "/moto-api/config"),
    ],
)
def test_the_control_routes_of_moto_are_shut(account: Any, method: str, path: str) -> None:
    status, _, body = send(account.url + path, method, b"{}" if method == "POST" else None)
    assert status == 404 and "/_esaws/" in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("service", "operation"), [("ec2", "describe_vpcs"), ("ecs", "list_clusters"), ("s3", "list_buckets")]
)
def test_a_client_of_another_local_aws_is_refused(account: Any, service: str, operation: str) -> None:
    own = json.loads(send(f"{account.url}/_esaws/status", **headers(account.url))[2])["app_id"]

    def call_as(app_id: str) -> Any:
        config = Config(user_agent_appid=app_id, retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": account.id, "aws_secret_access_key": "local", "region_name": account.region}
        return getattr(boto3.client(service, endpoint_url=account.url, config=config, **keys), operation)()

    call_as(own)
    call_as("something-else")
    with pytest.raises(ClientError, match=f"WrongLocalAws.*but {own} listens here"):
        call_as("esaws-00000000")


def _refused(call: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call()
    return str(raised.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("sns", "get_topic_attributes", {"TopicArn": "pager"}, "InvalidParameter"),
        ("sns", "list_topics", {"NextToken": "x"}, "InvalidParameter"),
        ("cloudformation", "execute_change_set", {"ChangeSetName": "c", "StackName": "s"}, "ChangeSetNotFound"),
        ("cloudformation", "describe_stacks", {"NextToken": "x"}, "ValidationError"),
        ("cloudwatch", "describe_alarm_history", {"NextToken": "x"}, "InvalidNextToken"),
        ("ssm", "list_documents", {"NextToken": "x"}, "InvalidNextToken"),
        ("iam", "list_policies", {"Marker": "x"}, "ValidationError"),
        (
            "elbv2",
            "set_rule_priorities",
            {"RulePriorities": [{"RuleArn": "arn"}]},
            "ValidationError",
        ),
        ("autoscaling", "describe_launch_configurations", {"NextToken": "x"}, "InvalidNextToken"),
        ("autoscaling", "describe_auto_scaling_groups", {"NextToken": "x"}, "InvalidNextToken"),
        ("autoscaling", "create_or_update_tags", {"Tags": [{"Key": "k", "Value": "v"}]}, "ValidationError"),
        ("autoscaling", "set_instance_health", {"InstanceId": "i-1", "HealthStatus": "Fine"}, "ValidationError"),
        (
            "application-autoscaling",
            "describe_scaling_activities",
            {"ServiceNamespace": "ecs", "NextToken": "x"},
            "InvalidNextTokenException",
        ),
    ],
)
def test_odd_parameters_are_refused_by_the_service(
    account: Any, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    assert _refused(lambda: getattr(account.client(service), operation)(**parameters)) == code
