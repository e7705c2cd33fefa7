"""The proof after a teardown: it finds what is left on another path, and says so where it can't look."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from esaws.architecture import Architecture
from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.deploy.leftovers import left, made_by_aws
from esaws.deploy.leftovers.listings import Thing, kind_of, tracked
from esaws.deploy.leftovers.proof import Answer, judge
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import EsawsError
from esaws.reference.seccom import PROFILES, seccom
from esaws.resource import Resource
from esaws.resources.alarm import Alarm
from esaws.resources.cluster import Cluster
from esaws.resources.dashboard import Dashboard
from esaws.resources.security_group import SecurityGroup
from esaws.resources.user_pool import UserPool
from esaws.resources.vpc import VPC

HERE = Cloud.at("http://127.0.0.1:9", account="123456789012")
OURS = HERE.tags("web")
VOLUME = "arn:aws:ec2:eu-west-3:123456789012:volume/vol-1"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local AWS that nobody else uses."""
    environment = os.environ | {"ESAWS_STATE": str(tmp_path_factory.mktemp("local-aws")), "ESAWS_PORT": "0"}

    def local(command: str) -> Any:
        arguments = [sys.executable, "-m", "esaws.local_aws", command, "--json"]
        return json.loads(subprocess.check_output(arguments, env=environment, timeout=60))

    yield local("start")["url"]
    local("stop")


@pytest.fixture(scope="module")
def new_cloud(url: str) -> Callable[[], Cloud]:
    accounts = (f"{number:012}" for number in count(200_000_000_001))
    return lambda: Cloud.at(url, account=next(accounts))


@pytest.fixture
def cloud(new_cloud: Callable[[], Cloud]) -> Cloud:
    """An empty account."""
    return new_cloud()


def with_parents(resource: Resource) -> list[Resource]:
    """A resource after all that it needs."""
    return Architecture("test", [resource]).in_order()


def refusing(monkeypatch: pytest.MonkeyPatch, *operations: str) -> None:
    """AWS denies these operations from now on."""
    call = BaseClient._make_api_call

    def refuse(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation in operations:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)


# -- what both witnesses say, judged ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        ("arn:aws:ec2:eu-west-3:123456789012:instance/i-1", "ec2:instance"),
        ("arn:aws:rds:eu-west-3:123456789012:db:seccom-database", "rds:db"),
        ("arn:aws:s3:::seccom-clips", "s3:bucket"),
        ("arn:aws:cloudwatch:eu-west-3:123456789012:alarm:seccom-a/b", "cloudwatch:alarm"),
        ("arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/seccom-alb/1", "elasticloadbalancing:loadbalancer"),
        (
            "arn:aws:autoscaling:eu-west-3:1:autoScalingGroup:7:autoScalingGroupName/g",
            "autoscaling:autoScalingGroup",
        ),
        ("arn:aws-cn:iam::123456789012:role/seccom-ecs", "iam:role"),
    ],
)
def test_an_arn_tells_the_kind_of_thing(arn: str, kind: str) -> None:
    assert kind_of(arn) == kind


DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "DescribeVolumes")


@pytest.mark.parametrize(
    ("tagged", "answer", "verdicts"),
    [
        pytest.param({}, Answer(("ec2:volume",)), [], id="nobody knows of anything"),
        pytest.param(
            {}, Answer(("ec2:volume",), (Thing(VOLUME, "v", OURS),)), [("left", "web")], id="it exists, tagged as ours"
        ),
        pytest.param(
            {VOLUME: OURS},
            Answer(("ec2:volume",), (Thing(VOLUME, "v", {}),)),
            [("left", "web")],
            id="it exists, and the tagging API names it",
        ),
        pytest.param(
            {}, Answer(("ec2:volume",), (Thing(VOLUME, "seccom-web", {}),)), [], id="a look-alike without tags"
        ),
        pytest.param(
            {},
            Answer(("ec2:volume",), (Thing(VOLUME, "v", {"esaws:deployment": "other"}),)),
            [],
            id="another deployment's",
        ),
        pytest.param({VOLUME: OURS}, Answer(("ec2:volume",)), [], id="the tagging API names the dead"),
        pytest.param(
            {VOLUME: OURS},
            Answer(("ec2:volume",), error=DENIED),
            [("unknown", ""), ("unknown", "web")],
            id="the tagging API names it, and looking is denied",
        ),
        pytest.param(
            {VOLUME: OURS}, Answer(("ec2:image",)), [("unknown", "web")], id="no listing knows that kind of thing"
        ),
        pytest.param(
            {},
            Answer(("ec2:volume",), (Thing(VOLUME, "v", {}, why="it stands in our VPC"),)),
            [("left", "v")],
            id="no tags, but below something of ours",
        ),
        pytest.param(
            {},
            Answer(("ec2:volume",), (Thing(VOLUME, "v", {}, why="of something gone", doubtful=True),)),
            [("unknown", "v")],
            id="below something that is gone",
        ),
    ],
)
def test_what_the_witnesses_say_is_judged(
    tagged: dict[str, Any], answer: Answer, verdicts: list[tuple[str, str]]
) -> None:
    assert [(leftover.state, leftover.name) for leftover in judge(HERE, tagged, [answer])] == verdicts


def test_one_denied_listing_of_two_leaves_a_kind_unknown() -> None:
    answers = [Answer(("ec2:volume",), error=DENIED), Answer(("ec2:volume",))]
    assert {leftover.state for leftover in judge(HERE, {VOLUME: OURS}, answers)} == {"unknown"}


def test_a_leftover_tells_itself_in_a_line_without_its_id() -> None:
    (leftover,) = judge(HERE, {}, [Answer(("ec2:volume",), (Thing(VOLUME, "v", OURS, "available"),))])
    assert str(leftover) == "left: ec2:volume web (it exists, tagged as ours; it is available)"
    assert leftover.to_dict().keys() == {"kind", "name", "id", "state", "why"}


# -- on a local AWS ------------------------------------------------------------------------------------------------


def test_in_an_empty_account_nothing_is_left_and_everything_can_be_looked_at(cloud: Cloud) -> None:
    assert left(cloud) == []
    assert made_by_aws(cloud) == []


def test_it_changes_nothing(cloud: Cloud) -> None:
    VPC.example().create(cloud)
    before = len(cloud.calls)
    left(cloud)
    made_by_aws(cloud)
    assert not [call for call in cloud.calls[before:] if call.changes]


OF_BOTH_PROFILES = {
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
BELOW_BOTH_PROFILES = {"ec2:instance", "ec2:route-table", "ec2:security-group", "ec2:volume", "ecs:container-instance"}


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_while_a_system_stands_all_of_it_is_left_and_after_its_teardown_nothing(cloud: Cloud, profile: Any) -> None:
    plan_deploy(seccom(profile, warn_at_usd=50), cloud).apply(yes=True)
    found = left(cloud)
    assert {leftover.state for leftover in found} == {"left"}
    assert {leftover.kind for leftover in found} >= OF_BOTH_PROFILES
    assert {live.kind for live in made_by_aws(cloud)} >= BELOW_BOTH_PROFILES
    plan_teardown(cloud).apply(yes=True)
    assert left(cloud) == []
    assert made_by_aws(cloud) == []


def test_a_look_alike_of_somebody_else_is_not_left(cloud: Cloud) -> None:
    cloud.client("cognito-idp").create_user_pool(PoolName="seccom-Managers")
    cloud.client("ecs").create_cluster(clusterName="seccom-hdm-cluster")
    cloud.client("iam").create_role(RoleName="seccom-ecs-eu-west-3", AssumeRolePolicyDocument="{}")
    cloud.client("cloudwatch").put_dashboard(DashboardName="seccom-overview-eu-west-3", DashboardBody='{"widgets": []}')
    assert left(cloud) == []


def test_the_same_deployment_in_another_region_is_not_left_here(cloud: Cloud) -> None:
    role = {"RoleName": "seccom-ecs-eu-west-1", "AssumeRolePolicyDocument": "{}"}
    cloud.client("iam").create_role(**role, Tags=tag_list(cloud.tags("ecs")))
    assert left(cloud) == []


def test_what_has_no_tags_in_lists_is_found_by_its_own(cloud: Cloud) -> None:
    UserPool.example().create(cloud)
    assert [(leftover.kind, leftover.name) for leftover in left(cloud)] == [("cognito-idp:userpool", "Managers")]


def test_a_dashboard_is_found_by_its_text(cloud: Cloud) -> None:
    example = Dashboard.example()
    for needed in with_parents(example):
        needed.create(cloud)
    assert ("cloudwatch:dashboard", "overview") in {(leftover.kind, leftover.name) for leftover in left(cloud)}


def test_somebody_elses_group_in_our_vpc_is_left_with_it(cloud: Cloud) -> None:
    vpc = VPC.example()
    vpc.create(cloud)
    cloud.client("ec2").create_security_group(GroupName="by-hand", Description="by hand", VpcId=vpc.id_in(cloud))
    assert [(leftover.kind, leftover.name) for leftover in left(cloud)] == [
        ("ec2:security-group", "by-hand"),
        ("ec2:vpc", "vpc"),
    ]


def test_a_denied_call_is_unknown_with_its_reason(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, "DescribeVolumes", "DescribeBudgets")
    assert [(leftover.kind, leftover.state, leftover.why) for leftover in left(cloud)] == [
        ("budgets:budget", "unknown", "it could not be looked at: AccessDenied (DescribeBudgets)"),
        ("ec2:volume", "unknown", "it could not be looked at: AccessDenied (DescribeVolumes)"),
    ]


def test_without_the_tagging_api_the_listings_still_speak(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    VPC.example().create(cloud)
    refusing(monkeypatch, "GetResources")
    assert {(leftover.kind, leftover.state) for leftover in left(cloud)} == {
        ("ec2:vpc", "left"),
        ("resourcegroupstaggingapi", "unknown"),
    }


def test_denied_tags_of_something_with_our_name_are_unknown(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.client("ecr").create_repository(repositoryName="seccom-hdm")
    refusing(monkeypatch, "ListTagsForResource")
    assert {leftover.state for leftover in left(cloud)} == {"unknown"}


# -- what AWS made for target tracking -----------------------------------------------------------------------------

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
def test_an_alarm_of_target_tracking_tells_whom_it_is_for(
    name: str, dimensions: dict[str, str], owner: tuple[str, str] | None
) -> None:
    alarm = {"AlarmName": name, "Dimensions": tag_list(dimensions, "Name")}
    assert tracked(HERE, alarm) == owner


def test_an_alarm_for_our_cluster_is_left_and_listed_below_it(cloud: Cloud) -> None:
    Cluster(name="hdm-cluster").create(cloud)
    cloud.client("cloudwatch").put_metric_alarm(**TRACKING)
    assert {(leftover.kind, leftover.state) for leftover in left(cloud)} == {
        ("cloudwatch:alarm", "left"),
        ("ecs:cluster", "left"),
    }
    assert [(live.kind, live.name) for live in made_by_aws(cloud)] == [
        ("cloudwatch:alarm", "hdm-cluster CPUUtilization GreaterThanThreshold")
    ]


def test_an_alarm_for_somebody_elses_cluster_is_not_left(cloud: Cloud) -> None:
    cloud.client("ecs").create_cluster(clusterName="seccom-hdm-cluster")
    cloud.client("cloudwatch").put_metric_alarm(**TRACKING)
    assert left(cloud) == []


def test_whose_an_alarm_was_is_unknown_once_its_cluster_is_gone(cloud: Cloud) -> None:
    cloud.client("cloudwatch").put_metric_alarm(**TRACKING)
    (leftover,) = left(cloud)
    assert leftover.state == "unknown"
    assert "seccom-hdm-cluster, which is gone" in leftover.why


def test_logs_of_container_insights_outlive_their_cluster(cloud: Cloud) -> None:
    cloud.client("logs").create_log_group(logGroupName="/aws/ecs/containerinsights/seccom-hdm-cluster/performance")
    cloud.client("logs").create_log_group(logGroupName="/aws/ecs/containerinsights/other/performance")
    assert [(leftover.kind, leftover.state) for leftover in left(cloud)] == [("logs:log-group", "unknown")]


# -- nothing of somebody else's is replaced ------------------------------------------------------------------------


@pytest.mark.parametrize("example", [Alarm.example(), Dashboard.example()], ids=["alarm", "dashboard"])
def test_somebody_elses_alarm_or_dashboard_is_not_replaced(cloud: Cloud, example: Any) -> None:
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(**TRACKING | {"AlarmName": "seccom-web-unhealthy"})
    cloudwatch.put_dashboard(DashboardName="seccom-overview-eu-west-3", DashboardBody='{"widgets": []}')
    for needed in with_parents(example)[:-1]:
        needed.create(cloud)
    with pytest.raises(EsawsError, match="did not make"):
        example.create(cloud)


def test_our_groups_are_told_apart_from_the_vpcs_default_one(cloud: Cloud) -> None:
    for needed in with_parents(SecurityGroup.example()):
        needed.create(cloud)
    assert [leftover.name for leftover in left(cloud) if leftover.kind == "ec2:security-group"] == ["web-sg"]
    assert [live.name for live in made_by_aws(cloud) if live.kind == "ec2:security-group"] == ["vpc default"]
