"""The server: isolated accounts, NotSimulated errors, and many clients at a time."""

import http.client
import json
import os
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from esaws.local_aws.control import headers
from esaws.local_aws.process import DEFAULT_ACCOUNT
from esaws.local_aws.scratch import scratch_server
from tests.local.conftest import Account
from tests.local.timing import events
from tests.loopback_only import network_guard


def control(account: Any, method: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(account.url).netloc, timeout=10)
    connection.request(method, path, headers=headers(account.url))
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_an_access_key_of_twelve_digits_is_an_account(account: Any) -> None:
    assert account.client("sts").get_caller_identity()["Account"] == account.id


def test_accounts_are_isolated(account: Any, new_account: Callable[[], Any]) -> None:
    other = new_account()
    account.client("ecs").create_cluster(clusterName="mine")
    assert len(account.client("ecs").list_clusters()["clusterArns"]) == 1
    assert other.client("ecs").list_clusters()["clusterArns"] == []
    assert {account.id, other.id} <= set(control(account, "GET", "/_esaws/status")[1]["accounts"])


def with_key(account: Any, service: str, key: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=account.url,
        region_name="eu-west-3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
    )


def test_an_assumed_role_acts_in_the_account_of_the_role(account: Any, new_account: Callable[[], Any]) -> None:
    other = new_account().id
    role = account.client("sts").assume_role(RoleArn=f"arn:aws:iam::{other}:role/operator", RoleSessionName="session")
    assert with_key(account, "sts", role["Credentials"]).get_caller_identity()["Account"] == other


def test_the_key_of_an_iam_user_acts_in_the_users_account(account: Any) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="operator")
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    assert with_key(account, "sts", key).get_caller_identity()["Account"] == account.id


def test_an_unknown_key_acts_in_the_default_account(account: Any) -> None:
    key = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x"}
    assert with_key(account, "sts", key).get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "call"),
    [
        ("ec2", "describe_fpga_images", {}, "ec2 DescribeFpgaImages"),
        ("elasticache", "describe_cache_engine_versions", {}, "elasticache DescribeCacheEngineVersions"),
        ("cognito-idp", "list_web_authn_credentials", {"AccessToken": "x"}, "cognito-idp ListWebAuthnCredentials"),
        ("mq", "describe_broker_engine_types", {}, "mq DescribeBrokerEngineTypes"),
        ("lambda", "list_code_signing_configs", {}, "lambda ListCodeSigningConfigs"),
        ("cloudwatch", "list_metric_streams", {}, "cloudwatch ListMetricStreams"),
        ("bcm-pricing-calculator", "list_bill_estimates", {}, "bcm-pricing-calculator ListBillEstimates"),
        ("apprunner", "list_services", {}, "apprunner ListServices"),
        ("elasticbeanstalk", "list_platform_branches", {}, "elasticbeanstalk ListPlatformBranches"),
        ("docdb-elastic", "list_clusters", {}, "docdb-elastic ListClusters"),
        ("importexport", "list_jobs", {}, "ListJobs"),
        ("ecs", "list_service_deployments", {"service": "s"}, "ecs ListServiceDeployments"),
        ("rds", "describe_certificates", {}, "rds DescribeCertificates"),
        ("iam", "get_service_last_accessed_details", {"JobId": "j" * 36}, "iam GetServiceLastAccessedDetails"),
        ("ssm", "describe_sessions", {"State": "Active"}, "ssm DescribeSessions"),
        ("route53", "list_cidr_collections", {}, "route53 ListCidrCollections"),
        ("cloudfront", "list_realtime_log_configs", {}, "cloudfront ListRealtimeLogConfigs"),
        ("s3", "get_bucket_abac", {"Bucket": "b-1"}, "s3 GetBucketAbac"),
        ("s3", "rename_object", {"Bucket": "b-1", "Key": "k", "RenameSource": "s"}, "s3 RenameObject"),
    ],
)
def test_a_call_that_is_not_simulated_returns_its_name(
    account: Any, service: str, operation: str, parameters: dict[str, Any], call: str
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(account.client(service), operation)(**parameters)
    assert raised.value.response["Error"]["Code"] == "NotSimulated"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert call in raised.value.response["Error"]["Message"]


@pytest.mark.stock_moto
def test_stock_moto_returns_a_web_page_for_an_unknown_query_call(stock: Any) -> None:
    with pytest.raises(ResponseParserError):
        stock.client("ec2").describe_bundle_tasks()


def test_parallel_calls_in_one_account_do_not_interfere(account: Any) -> None:
    def work(number: int) -> int:
        account.client("logs").create_log_group(logGroupName=f"/group/{number}", tags={"n": str(number)})
        account.client("resourcegroupstaggingapi").get_resources()
        return len(account.client("logs").describe_log_groups()["logGroups"])

    with ThreadPoolExecutor(12) as pool:
        assert max(pool.map(work, range(24))) == 24


def test_the_server_does_not_connect_to_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = os.environ["PYTHONPATH"].split(os.pathsep)
    with_own_guard_alone = [path for path in paths if path != str(network_guard.FOLDER)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(with_own_guard_alone))
    with scratch_server() as url:
        account = Account(url, DEFAULT_ACCOUNT)
        sns = account.client("sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        # moto would confirm the subscription and deliver the message
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://192.0.2.1/")
        sns.publish(TopicArn=topic, Message="m")
        (event,) = [event for event in events(account) if event["subject"] == "t"]
    assert "does not connect to other machines" in event["because"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/_esaws/nothing"), ("GET", "/_esaws/reset")])
def test_an_unknown_control_route_is_not_found(account: Any, method: str, path: str) -> None:
    status, body = control(account, method, path)
    assert status == 404 and path in body["error"]
