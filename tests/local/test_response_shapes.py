"""The responses of all describe, list and get calls on a deployed system have the shapes of botocore's models."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.service_models import model_loader
from tests.local import wire
from tests.local.read_calls import SERVICES, ReadCalls

MORE_SERVICES = (
    "account",
    "acm",
    "bcm-data-exports",
    "cloudtrail",
    "elb",
    "events",
    "kms",
    "pricing",
    "secretsmanager",
    "service-quotas",
)

SYSTEM = (
    "application-autoscaling",
    "autoscaling",
    "cloudwatch",
    "ec2",
    "ecs",
    "elasticache",
    "elbv2",
    "logs",
    "mq",
    "rds",
    "servicediscovery",
)
"""The services whose resources a day of faults changes."""

SAME_IN_EVERY_ACCOUNT = {
    "cloudtrail GetInsightSelectors",
    "ec2 DescribeImages",
    "ec2 DescribeReservedInstancesOfferings",
    "ec2 DescribeSnapshots",
    "elbv2 DescribeSSLPolicies",
    "iam ListPolicies",
    "pricing GetProducts",
    "rds DescribeOrderableDBInstanceOptions",
}


class Checked:
    """An account whose responses are compared with the models."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.responses = 0
        self.problems: dict[str, int] = defaultdict(int)

    def client(self, service: str) -> Any:
        client = self.cloud.client(service)

        def look(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
            self.responses += response_dict["status_code"] < 300
            for path, what in wire.problems(operation_model, response_dict):
                self.problems[f"{service} {operation_model.name}{path}: {what}"] += 1

        client.meta.events.register("before-parse", look)
        return client


@pytest.mark.slow
def test_responses_have_the_shapes_of_the_models(load_system: Callable[[str], Cloud]) -> None:
    account = Checked(load_system("budget"))
    services = (*SERVICES, *MORE_SERVICES)
    first = ReadCalls(account, services=services, max_values=2)
    assert account.responses > 200
    assert account.problems.keys() - wire.MODEL_IS_WRONG == set()
    skip = first.not_simulated | SAME_IN_EVERY_ACCOUNT

    account = Checked(load_system("ha"))
    ReadCalls(account, services=SYSTEM, skip=skip, max_values=2)
    let_a_day_of_faults_pass(account.cloud)
    ReadCalls(account, services=SYSTEM, skip=skip, max_values=2)
    assert account.responses > 200
    assert account.problems.keys() - wire.MODEL_IS_WRONG == set()


@pytest.mark.parametrize(
    ("service", "operation", "body", "found"),
    [
        ("ecs", "ListClusters", '{"clusterArns": ["a"]}', []),
        ("ecs", "ListClusters", '{"clusterArns": null}', [(".clusterArns", "None is not a list")]),
        ("ecs", "ListClusters", '{"clusterArns": [], "arns": []}', [(".arns", "unknown")]),
        (
            "ecs",
            "DescribeTasks",
            '{"tasks": [{"startedAt": "now"}]}',
            [(".tasks[].startedAt", "'now' is not a timestamp")],
        ),
        ("mq", "ListTags", '{"tags": {"a": 1}}', [(".tags{}", "1 is not a string")]),
        (
            "mq",
            "ListBrokers",
            '{"brokerSummaries": [{}]}',
            [
                (".brokerSummaries[].DeploymentMode", "missing"),
                (".brokerSummaries[].EngineType", "missing"),
            ],
        ),
        (
            "ec2",
            "DescribeVpcs",
            "<R><requestId>1</requestId><vpcSet><item><state>open</state></item></vpcSet></R>",
            [
                (".vpcSet[].state", "'open' is not in the enum VpcState"),
            ],
        ),
        ("ec2", "DescribeVpcs", "<R><vpcs><item/></vpcs></R>", [(".vpcs", "unknown")]),
        (
            "rds",
            "DescribeDBInstances",
            "<R><DescribeDBInstancesResult><DBInstances><DBInstance><MultiAZ>True</MultiAZ>"
            "</DBInstance></DBInstances></DescribeDBInstancesResult></R>",
            [
                (".DBInstances[].MultiAZ", "'True' is not a boolean"),
            ],
        ),
        (
            "s3",
            "ListBuckets",
            "<R><Buckets><Bucket><CreationDate>5</CreationDate></Bucket></Buckets></R>",
            [
                (".Buckets[].CreationDate", "'5' is not a timestamp"),
            ],
        ),
    ],
)
def test_the_comparison_finds_each_kind_of_problem(service: str, operation: str, body: str, found: list[Any]) -> None:
    session = botocore.session.Session()
    session.register_component("data_loader", model_loader(None))
    model = session.get_service_model(service).operation_model(operation)
    response = {"status_code": 200, "headers": {}, "body": body.encode()}
    assert list(wire.problems(model, response)) == found


def let_a_day_of_faults_pass(cloud: Cloud) -> None:
    simulation.traffic(cloud, "daily", requests_per_second=20)
    simulation.fail(cloud, zone="eu-west-3a")
    simulation.advance(cloud, "6h")
    simulation.mend(cloud, zone="eu-west-3a")
    group = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
    simulation.fail(cloud, instance=group["Instances"][0]["InstanceId"])
    simulation.advance(cloud, "18h")
