"""Leftovers: what still exists after a teardown, and what could not be checked."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from esaws.architecture import Architecture
from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.deploy.leftovers import Leftover, Leftovers, aws_managed_children, leftovers, proof
from esaws.deploy.leftovers.list_account import target_tracking_owner
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import EsawsError
from esaws.inspect.leftover_costs import price_of
from esaws.reference.seccom import seccom
from esaws.resource import Resource
from esaws.resources.alarm import Alarm
from esaws.resources.cluster import Cluster
from esaws.resources.dashboard import Dashboard
from esaws.resources.security_group import SecurityGroup
from esaws.resources.user_pool import UserPool
from esaws.resources.vpc import VPC
from tests.local.cases import TRUST
from tests.shell import Shell

HERE = Cloud.at("http://127.0.0.1:9", account="123456789012")


def with_parents(resource: Resource) -> list[Resource]:
    """Return a resource after everything that it depends on."""
    return Architecture("test", [resource]).in_order()


def deny(monkeypatch: pytest.MonkeyPatch, *operations: str) -> None:
    """Deny these operations from now on."""
    call = BaseClient._make_api_call

    def refuse(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation in operations:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)


# -- on a local AWS ------------------------------------------------------------------------------------------------


def test_nothing_is_left_or_unknown_in_an_empty_account(cloud: Cloud) -> None:
    assert leftovers(cloud) == []
    assert aws_managed_children(cloud) == []


def test_listing_leftovers_changes_nothing(cloud: Cloud) -> None:
    VPC.example().create(cloud)
    before = len(cloud.calls)
    leftovers(cloud)
    aws_managed_children(cloud)
    assert not [call for call in cloud.calls[before:] if call.changes]


KINDS_OF_BOTH_PROFILES = {
    "autoscaling:autoScalingGroup",
    "budgets:budget",
    "cloudwatch:alarm",
    "cloudwatch:dashboard",
    "cognito-idp:userpool",
    "ec2:instance",
    "ec2:internet-gateway",
    "ec2:launch-template",
    "ec2:route-table",
    "ec2:security-group",
    "ec2:security-group-rule",
    "ec2:subnet",
    "ec2:volume",
    "ec2:vpc",
    "ecr:repository",
    "ecs:cluster",
    "ecs:container-instance",
    "ecs:task-definition",
    "elasticache:cluster",
    "elasticache:subnetgroup",
    "elasticloadbalancing:loadbalancer",
    "elasticloadbalancing:targetgroup",
    "iam:instance-profile",
    "iam:role",
    "logs:log-group",
    "mq:broker",
    "rds:db",
    "rds:subgrp",
    "s3:bucket",
    "ssm:parameter",
}
AWS_MANAGED_KINDS = {"ec2:instance", "ec2:route-table", "ec2:security-group", "ec2:volume", "ecs:container-instance"}


@pytest.mark.parametrize("profile", ["ha", pytest.param("budget", marks=pytest.mark.soak)])
def test_everything_is_left_before_a_teardown_and_nothing_after_it(
    load_system: Callable[[str], Cloud], profile: Any
) -> None:
    cloud = load_system(profile)
    plan_deploy(seccom(profile, warn_at_usd=50), cloud).apply(yes=True)
    before = leftovers(cloud)
    assert {leftover.state for leftover in before} == {"left"}
    assert {leftover.kind for leftover in before} >= KINDS_OF_BOTH_PROFILES
    assert {live.kind for live in aws_managed_children(cloud)} >= AWS_MANAGED_KINDS
    plan_teardown(cloud).apply(yes=True)
    assert leftovers(cloud) == []
    assert aws_managed_children(cloud) == []


def test_an_untagged_look_alike_is_not_a_leftover(cloud: Cloud) -> None:
    cloud.client("cognito-idp").create_user_pool(PoolName="seccom-Managers")
    cloud.client("ecs").create_cluster(clusterName="seccom-hdm-cluster")
    cloud.client("iam").create_role(RoleName="seccom-ecs-eu-west-3", AssumeRolePolicyDocument=TRUST)
    cloud.client("cloudwatch").put_dashboard(DashboardName="seccom-overview-eu-west-3", DashboardBody='{"widgets": []}')
    assert leftovers(cloud) == []


def test_the_same_deployment_in_another_region_is_not_a_leftover(cloud: Cloud) -> None:
    role = {"RoleName": "seccom-ecs-eu-west-1", "AssumeRolePolicyDocument": TRUST}
    cloud.client("iam").create_role(**role, Tags=tag_list(cloud.tags("ecs")))
    assert leftovers(cloud) == []


def test_a_resource_is_found_by_tags_that_its_list_lacks(cloud: Cloud) -> None:
    UserPool.example().create(cloud)
    assert [(leftover.kind, leftover.name) for leftover in leftovers(cloud)] == [("cognito-idp:userpool", "Managers")]


def test_a_dashboard_is_found_by_its_text(cloud: Cloud) -> None:
    example = Dashboard.example()
    for resource in with_parents(example):
        resource.create(cloud)
    assert ("cloudwatch:dashboard", "overview") in {(leftover.kind, leftover.name) for leftover in leftovers(cloud)}


def test_an_untagged_group_in_our_vpc_is_left_with_the_vpc(cloud: Cloud) -> None:
    vpc = VPC.example()
    vpc.create(cloud)
    cloud.client("ec2").create_security_group(GroupName="by-hand", Description="by hand", VpcId=vpc.id_in(cloud))
    assert [(leftover.kind, leftover.name) for leftover in leftovers(cloud)] == [
        ("ec2:security-group", "by-hand"),
        ("ec2:vpc", "vpc"),
    ]


def test_a_denied_call_is_unknown_with_its_reason(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    deny(monkeypatch, "DescribeVolumes", "DescribeBudgets")
    assert [(leftover.kind, leftover.state, leftover.reason) for leftover in leftovers(cloud)] == [
        ("budgets:budget", "unknown", "it could not be checked: AccessDenied (DescribeBudgets)"),
        ("ec2:volume", "unknown", "it could not be checked: AccessDenied (DescribeVolumes)"),
    ]


def test_listings_still_count_if_the_tagging_api_is_denied(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    VPC.example().create(cloud)
    deny(monkeypatch, "GetResources")
    assert {(leftover.kind, leftover.state) for leftover in leftovers(cloud)} == {
        ("ec2:vpc", "left"),
        ("resourcegroupstaggingapi", "unknown"),
    }


def test_a_resource_with_our_name_is_unknown_if_its_tags_are_denied(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.client("ecr").create_repository(repositoryName="seccom-hdm")
    deny(monkeypatch, "ListTagsForResource")
    assert {leftover.state for leftover in leftovers(cloud)} == {"unknown"}


# -- alarms of target tracking, log groups of Container Insights ---------------------------------------------------

TRACKING = {
    "AlarmName": "TargetTracking-service/seccom-hdm-cluster/seccom-hdm-AlarmHigh-1",
    "Namespace": "AWS/ECS",
    "MetricName": "CPUUtilization",
    "Dimensions": [
        {"Name": "ClusterName", "Value": "seccom-hdm-cluster"},
        {"Name": "ServiceName", "Value": "seccom-hdm"},
    ],
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 70.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.mark.parametrize(
    ("name", "dimensions", "owner"),
    [
        ("TargetTracking-service/seccom-c/s-AlarmLow-1", {"ClusterName": "seccom-c"}, ("Cluster", "seccom-c")),
        (
            "TargetTracking-seccom-g-AlarmLow-1",
            {"AutoScalingGroupName": "seccom-g"},
            ("AutoScalingGroup", "seccom-g"),
        ),
        ("TargetTracking-service/other/s-AlarmLow-1", {"ClusterName": "other"}, None),
        ("TargetTracking-table/seccom-t", {"TableName": "seccom-t"}, None),
        ("seccom-web-unhealthy", {"ClusterName": "seccom-c"}, None),
    ],
)
def test_owner_of_a_target_tracking_alarm(name: str, dimensions: dict[str, str], owner: tuple[str, str] | None) -> None:
    alarm = {"AlarmName": name, "Dimensions": tag_list(dimensions, "Name")}
    assert target_tracking_owner(Cloud.local(), alarm) == owner


def test_an_alarm_for_our_cluster_is_a_leftover_and_managed_by_aws(cloud: Cloud) -> None:
    Cluster(name="hdm-cluster").create(cloud)
    cloud.client("cloudwatch").put_metric_alarm(**TRACKING)
    assert {(leftover.kind, leftover.state) for leftover in leftovers(cloud)} == {
        ("cloudwatch:alarm", "left"),
        ("ecs:cluster", "left"),
    }
    assert [(live.kind, live.name) for live in aws_managed_children(cloud)] == [
        ("cloudwatch:alarm", "hdm-cluster CPUUtilization GreaterThanThreshold")
    ]


def test_an_alarm_for_a_cluster_of_another_owner_is_not_a_leftover(cloud: Cloud) -> None:
    cloud.client("ecs").create_cluster(clusterName="seccom-hdm-cluster")
    cloud.client("cloudwatch").put_metric_alarm(**TRACKING)
    assert leftovers(cloud) == []


def test_an_alarm_whose_cluster_is_gone_is_unknown(cloud: Cloud) -> None:
    cloud.client("cloudwatch").put_metric_alarm(**TRACKING)
    (leftover,) = leftovers(cloud)
    assert leftover.state == "unknown"
    assert "seccom-hdm-cluster, which is gone" in leftover.reason


def test_logs_of_container_insights_are_unknown_without_their_cluster(cloud: Cloud) -> None:
    cloud.client("logs").create_log_group(logGroupName="/aws/ecs/containerinsights/seccom-hdm-cluster/performance")
    cloud.client("logs").create_log_group(logGroupName="/aws/ecs/containerinsights/other/performance")
    assert [(leftover.kind, leftover.state) for leftover in leftovers(cloud)] == [("logs:log-group", "unknown")]


# -- resources of other owners -------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", [Alarm.example(), Dashboard.example()], ids=["alarm", "dashboard"])
def test_an_alarm_or_dashboard_of_another_owner_is_not_replaced(cloud: Cloud, example: Any) -> None:
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(**TRACKING | {"AlarmName": "seccom-web-unhealthy"})
    cloudwatch.put_dashboard(DashboardName="seccom-overview-eu-west-3", DashboardBody='{"widgets": []}')
    for resource in with_parents(example)[:-1]:
        resource.create(cloud)
    with pytest.raises(EsawsError, match="did not make"):
        example.create(cloud)


def test_the_default_group_of_a_vpc_is_managed_by_aws(cloud: Cloud) -> None:
    for resource in with_parents(SecurityGroup.example()):
        resource.create(cloud)
    assert [leftover.name for leftover in leftovers(cloud) if leftover.kind == "ec2:security-group"] == ["web-sg"]
    assert [live.name for live in aws_managed_children(cloud) if live.kind == "ec2:security-group"] == ["vpc default"]


# -- the command, and what is left costs -----------------------------------------------------------------------------


def test_the_command_shows_what_each_leftover_costs_a_month(cloud: Cloud, esaws: Shell) -> None:
    ec2, tags = cloud.client("ec2"), tag_list(cloud.tags("left"))
    ec2.create_volume(
        AvailabilityZone="eu-west-3a", Size=100, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}]
    )
    cloud.client("logs").create_log_group(logGroupName="/seccom/left", tags=cloud.tags("left"))
    VPC.example().create(cloud)
    cloud.client("logs").create_log_group(logGroupName="/aws/ecs/containerinsights/seccom-c/performance")
    process = esaws.start("leftovers", "--json")
    rows = json.loads(process.communicate()[0])
    assert process.returncode == 1
    assert all(row.keys() == {"kind", "name", "id", "state", "reason", "usd_month"} for row in rows)
    assert [(row["kind"], row["state"], row["usd_month"]) for row in rows] == [
        ("ec2:volume", "left", 11.6),
        ("ec2:vpc", "left", 0.0),
        ("logs:log-group", "unknown", None),
        ("logs:log-group", "left", None),
    ]


def test_the_command_needs_no_architecture_and_names_the_next_step(cloud: Cloud, esaws: Shell) -> None:
    assert "nothing is left" in esaws("leftovers", "--looks", "2")
    other = Cloud.at(cloud.endpoint or "", account=cloud.account, deployment="older")
    VPC.example().create(other)
    assert "nothing is left" in esaws("leftovers")
    assert "esaws teardown --deployment older" in esaws("leftovers", "--deployment", "older", code=1)
    esaws("teardown", "--deployment", "older", "--yes")
    esaws("leftovers", "--deployment", "older")


def test_what_another_price_includes_costs_nothing_of_its_own() -> None:
    """An instance's price includes its volume, and what is unknown has no price."""
    account_prices = {"i-1": Decimal("9.5"), "b": Decimal("30")}
    rows = [
        ("ec2:instance", "arn:aws:ec2:r:1:instance/i-1", "left", Decimal("9.5")),
        ("ec2:volume", "arn:aws:ec2:r:1:volume/vol-1", "left", Decimal(0)),
        ("ec2:volume", "arn:aws:ec2:r:1:volume/vol-2", "left", None),
        ("rds:db", "arn:aws:rds:r:1:db:b", "left", Decimal("30")),
        ("rds:db", "arn:aws:rds:r:1:db:b", "unknown", None),
        ("s3:bucket", "arn:aws:s3:::b2", "left", None),
        ("iam:role", "arn:aws:iam::1:role/r", "left", Decimal(0)),
    ]
    for kind, id, state, expected in rows:
        leftover = Leftover(kind, "", id, state, "")  # type: ignore[arg-type]
        assert price_of(leftover, account_prices, {"vol-1"}) == expected, (kind, id, state)


def test_nothing_counts_as_gone_before_it_is_absent_in_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's lists may lack a resource for a while: one that appears in the last look is left."""
    leftover = Leftover("ec2:vpc", "vpc", "arn:aws:ec2:r:1:vpc/vpc-1", "left", "")
    found = [Leftovers(), Leftovers(), Leftovers([leftover])]
    looks = iter(found)
    monkeypatch.setattr(Cloud, "check", lambda cloud: "123456789012")
    monkeypatch.setattr(Cloud, "poll_seconds", 0)
    monkeypatch.setattr(proof, "_look", lambda cloud: next(looks))
    assert leftovers(HERE, looks=3) == [leftover]
    looks = iter(found)
    assert leftovers(HERE) == [] and leftovers(HERE) == [], "elsewhere than on AWS one look is enough"
    looks = iter(found)
    assert leftovers(Cloud.aws("123456789012")) == [leftover], "on AWS three are needed"
