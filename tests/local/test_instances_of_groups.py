"""Instances of Auto Scaling groups: weights, standby, attachment, termination policies, and groups of stacks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cases import outcome
from tests.local.test_auto_scaling_groups import Fleet
from tests.local.timing import advance


def mixed(account: Any, distribution: dict[str, Any], **settings: Any) -> Any:
    """Create a group `g` whose instances weigh four units each; return the client."""
    autoscaling, (_, subnets, _) = account.client("autoscaling"), account.network()
    data = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.nano"}
    account.client("ec2").create_launch_template(LaunchTemplateName="host", LaunchTemplateData=data)
    template = {
        "LaunchTemplateSpecification": {"LaunchTemplateName": "host", "Version": "$Latest"},
        "Overrides": [{"InstanceType": "t2.micro", "WeightedCapacity": "4"}],
    }
    policy = {"LaunchTemplate": template, "InstancesDistribution": distribution}
    sizes = {"MinSize": 0, "MaxSize": 20, "DesiredCapacity": 8, "VPCZoneIdentifier": ",".join(subnets), **settings}
    autoscaling.create_auto_scaling_group(AutoScalingGroupName="g", MixedInstancesPolicy=policy, **sizes)
    return autoscaling


def described(autoscaling: Any) -> list[dict[str, Any]]:
    instances: list[dict[str, Any]] = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"]
    return instances


@pytest.mark.parametrize(
    ("base", "percentage", "instances"),
    [(0, 100, 2), (8, 0, 2), (2, 50, 3), (0, 25, 3)],
)
def test_the_weights_of_instances_count_toward_the_desired_capacity(
    account: Any, base: int, percentage: int, instances: int
) -> None:
    distribution = {"OnDemandBaseCapacity": base, "OnDemandPercentageAboveBaseCapacity": percentage}
    found = described(mixed(account, distribution))
    assert [instance["WeightedCapacity"] for instance in found] == ["4"] * instances


def test_a_group_scales_in_only_as_far_as_its_weights_allow(account: Any) -> None:
    autoscaling, sizes = mixed(account, {}), []
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", MaxSize=12)
    for desired in (7, 4, 1, 0):
        autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=desired)
        advance(account, "5m")
        sizes.append(len(described(autoscaling)))
    assert sizes == [2, 1, 1, 0]


# --- standby, attachment and detachment


def test_an_instance_in_standby_can_be_terminated_and_the_group_shrinks(account: Any) -> None:
    fleet = Fleet(account, MinSize=1, DesiredCapacity=2)
    chosen = fleet.describe()["Instances"][0]["InstanceId"]
    fleet.autoscaling.enter_standby(
        AutoScalingGroupName="g", InstanceIds=[chosen], ShouldDecrementDesiredCapacity=False
    )
    advance(account, "5m")
    states = sorted(each["LifecycleState"] for each in fleet.describe()["Instances"])
    assert states == ["InService", "InService", "Standby"]
    fleet.autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=chosen, ShouldDecrementDesiredCapacity=True)
    advance(account, "5m")
    assert fleet.describe()["DesiredCapacity"] == 1
    assert len(fleet.instances()) == 1
    assert chosen not in {instance["InstanceId"] for instance in fleet.instances()}


def test_an_instance_comes_back_from_standby(account: Any) -> None:
    fleet = Fleet(account, MinSize=1, DesiredCapacity=2)
    of_instance = {"AutoScalingGroupName": "g", "InstanceIds": [fleet.describe()["Instances"][0]["InstanceId"]]}
    entered = fleet.autoscaling.enter_standby(**of_instance, ShouldDecrementDesiredCapacity=True)
    assert "shrinking the capacity from 2 to 1" in entered["Activities"][0]["Cause"]
    left = fleet.autoscaling.exit_standby(**of_instance)
    assert left["Activities"][0]["StatusCode"] == "PreInService"
    advance(account, "5m")
    assert fleet.describe()["DesiredCapacity"] == 2
    assert [each["LifecycleState"] for each in fleet.describe()["Instances"]] == ["InService"] * 2


def test_a_detached_instance_can_join_another_group(account: Any) -> None:
    fleet = Fleet(account, MinSize=0, DesiredCapacity=1)
    chosen = fleet.describe()["Instances"][0]["InstanceId"]
    fleet.autoscaling.detach_instances(
        AutoScalingGroupName="g", InstanceIds=[chosen], ShouldDecrementDesiredCapacity=True
    )
    fleet.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="other",
        LaunchTemplate={"LaunchTemplateName": "host"},
        MinSize=0,
        MaxSize=1,
        VPCZoneIdentifier=",".join(fleet.subnets),
    )
    fleet.autoscaling.attach_instances(AutoScalingGroupName="other", InstanceIds=[chosen])
    advance(account, "5m")
    members = fleet.autoscaling.describe_auto_scaling_instances()["AutoScalingInstances"]
    assert [(each["AutoScalingGroupName"], each["LifecycleState"]) for each in members] == [("other", "InService")]


def _attach_too_many(fleet: Fleet, chosen: str) -> None:
    fleet.update(MaxSize=2)
    started = fleet.ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, SubnetId=fleet.subnets[0])
    id = started["Instances"][0]["InstanceId"]
    fleet.ec2.get_waiter("instance_running").wait(InstanceIds=[id])
    fleet.autoscaling.attach_instances(AutoScalingGroupName="g", InstanceIds=[id])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda fleet, chosen: fleet.autoscaling.enter_standby(
                AutoScalingGroupName="g", InstanceIds=[chosen], ShouldDecrementDesiredCapacity=True
            ),
            "To place into standby 1 instance, please update the AutoScalingGroup sizes appropriately",
        ),
        (
            lambda fleet, chosen: fleet.autoscaling.exit_standby(AutoScalingGroupName="g", InstanceIds=[chosen]),
            "is not in Standby",
        ),
        (
            lambda fleet, chosen: fleet.autoscaling.detach_instances(
                AutoScalingGroupName="g", InstanceIds=[chosen], ShouldDecrementDesiredCapacity=True
            ),
            "To detach 1 instance, please update",
        ),
        (
            lambda fleet, chosen: fleet.autoscaling.attach_instances(AutoScalingGroupName="g", InstanceIds=[chosen]),
            "is already part of the Auto Scaling group g",
        ),
        (_attach_too_many, "max-size=2, and desired-size=2"),
        (
            lambda fleet, chosen: fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName="x", MinSize=1),
            "AutoScalingGroup name not found - null",
        ),
    ],
)
def test_a_group_refuses_what_its_sizes_or_its_instances_do_not_allow(
    account: Any, change: Callable[[Fleet, str], Any], message: str
) -> None:
    fleet = Fleet(account)
    before = fleet.describe()
    with pytest.raises(ClientError, match=message):
        change(fleet, before["Instances"][0]["InstanceId"])
    assert fleet.describe()["Instances"] == before["Instances"]


# --- termination policies


@pytest.mark.parametrize(
    ("policy", "left"),
    [("OldestInstance", ["2"]), ("NewestInstance", ["1"]), ("OldestLaunchTemplate", ["2"]), ("Default", ["2"])],
)
def test_termination_policies_choose_the_instance(account: Any, policy: str, left: list[str]) -> None:
    fleet = Fleet(account, MinSize=0, DesiredCapacity=1, TerminationPolicies=[policy])
    fleet.ec2.create_launch_template_version(LaunchTemplateName="host", LaunchTemplateData=fleet.data)
    advance(account, "5m")
    fleet.update(DesiredCapacity=2)
    advance(account, "5m")
    fleet.update(DesiredCapacity=1)
    advance(account, "5m")
    assert [each["LaunchTemplate"]["Version"] for each in fleet.describe()["Instances"]] == left


# --- replacement


def refreshes(fleet: Fleet) -> list[tuple[str, int]]:
    """Return (status, percentage) of each instance refresh, the newest first."""
    found = fleet.autoscaling.describe_instance_refreshes(AutoScalingGroupName="g")["InstanceRefreshes"]
    return [(refresh["Status"], refresh["PercentageComplete"]) for refresh in found]


def versions(fleet: Fleet) -> list[str]:
    return sorted(each["LaunchTemplate"]["Version"] for each in fleet.describe()["Instances"])


def test_an_instance_refresh_replaces_half_of_the_group_at_a_time(account: Any) -> None:
    fleet = Fleet(account, DesiredCapacity=4)
    advance(account, "5m")
    fleet.ec2.create_launch_template_version(LaunchTemplateName="host", LaunchTemplateData=fleet.data)
    start = {"AutoScalingGroupName": "g", "Preferences": {"MinHealthyPercentage": 50, "InstanceWarmup": 600}}
    fleet.autoscaling.start_instance_refresh(**start)
    assert outcome(lambda: fleet.autoscaling.start_instance_refresh(**start)) == "InstanceRefreshInProgress"
    advance(account, "5m")
    assert (refreshes(fleet), versions(fleet)) == ([("InProgress", 50)], ["1", "1", "2", "2"])
    advance(account, "25m")
    assert (refreshes(fleet), versions(fleet)) == ([("Successful", 100)], ["2"] * 4)
    fleet.autoscaling.start_instance_refresh(AutoScalingGroupName="g", Preferences={"SkipMatching": True})
    assert refreshes(fleet)[0] == ("Successful", 100), "no instance is outdated"


@pytest.mark.parametrize(
    ("end", "status", "left"), [("cancel", "Cancelled", ["1", "2"]), ("rollback", "RollbackSuccessful", ["1", "1"])]
)
def test_an_instance_refresh_is_cancelled_or_rolled_back(account: Any, end: str, status: str, left: list[str]) -> None:
    fleet = Fleet(account)
    fleet.update(LaunchTemplate={"LaunchTemplateName": "host", "Version": "1"})
    fleet.ec2.create_launch_template_version(LaunchTemplateName="host", LaunchTemplateData=fleet.data)
    advance(account, "5m")
    fleet.autoscaling.start_instance_refresh(
        AutoScalingGroupName="g",
        DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateName": "host", "Version": "2"}},
        Preferences={"InstanceWarmup": 3600},
    )
    advance(account, "5m")
    assert versions(fleet) == ["1", "2"]
    getattr(fleet.autoscaling, f"{end}_instance_refresh")(AutoScalingGroupName="g")
    advance(account, "3h")
    assert (refreshes(fleet)[0][0], versions(fleet)) == (status, left)
    assert fleet.describe()["LaunchTemplate"]["Version"] == "1"


def test_an_instance_is_replaced_at_the_end_of_its_lifetime(account: Any) -> None:
    fleet = Fleet(account, MaxInstanceLifetime=86400)
    before = {each["InstanceId"] for each in fleet.describe()["Instances"]}
    advance(account, "20h")
    assert {each["InstanceId"] for each in fleet.describe()["Instances"]} == before
    advance(account, "5h")
    after = {each["InstanceId"] for each in fleet.describe()["Instances"]}
    assert len(after) == 2 and not after & before


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"VPCZoneIdentifier": "subnet-12345678"}, "ValidationError"),
        ({"LaunchTemplate": {"LaunchTemplateName": "absent"}}, "ValidationError"),
        ({"LaunchTemplate": {"LaunchTemplateName": "host", "Version": "7"}}, "ValidationError"),
        ({"TargetGroupARNs": ["arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/t/0"]}, "ValidationError"),
        ({"TerminationPolicies": ["Youngest"]}, "ValidationError"),
        ({"HealthCheckType": "ALB"}, "ValidationError"),
        ({"MaxInstanceLifetime": 3600}, "ValidationError"),
        ({"TerminationPolicies": ["arn:aws:lambda:eu-west-3:123456789012:function:f"]}, "NotSimulated"),
    ],
    ids=str,
)
def test_a_group_with_an_impossible_setting_is_refused_and_not_kept(
    account: Any, settings: dict[str, Any], code: str
) -> None:
    autoscaling = mixed(account, {}, DesiredCapacity=0)
    given = {"LaunchTemplate": {"LaunchTemplateName": "host"}, "AvailabilityZones": account.zones()[:1], **settings}
    if "VPCZoneIdentifier" in given:
        del given["AvailabilityZones"]

    def create() -> Any:
        return autoscaling.create_auto_scaling_group(AutoScalingGroupName="bad", MinSize=0, MaxSize=1, **given)

    assert outcome(create) == code
    assert len(autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]) == 1


def test_a_new_group_has_its_lifecycle_hooks(account: Any) -> None:
    hook = {"LifecycleHookName": "h", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}
    fleet = Fleet(
        account, LifecycleHookSpecificationList=[hook], InstanceMaintenancePolicy={"MinHealthyPercentage": 90}
    )
    advance(account, "5m")
    assert {each["LifecycleState"] for each in fleet.describe()["Instances"]} == {"Pending:Wait"}
    assert fleet.describe()["InstanceMaintenancePolicy"] == {"MinHealthyPercentage": 90}


# --- policies that users execute


def test_a_cooldown_is_honoured(account: Any) -> None:
    fleet = Fleet(account, MinSize=1, DesiredCapacity=1)
    fleet.autoscaling.put_scaling_policy(
        AutoScalingGroupName="g", PolicyName="up", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
    )
    named = {"AutoScalingGroupName": "g", "PolicyName": "up"}
    codes = [outcome(lambda: fleet.autoscaling.execute_policy(**named, HonorCooldown=True)) for _ in range(2)]
    assert codes[1] == "ScalingActivityInProgress"
    assert fleet.describe()["DesiredCapacity"] == 2
    for _ in range(3):
        fleet.autoscaling.execute_policy(**named)
    assert fleet.describe()["DesiredCapacity"] == 4, "the maximum, without the cooldown"


def test_groups_may_have_policies_of_the_same_name(account: Any) -> None:
    autoscaling = mixed(account, {}, DesiredCapacity=0)
    other = {"LaunchTemplate": {"LaunchTemplateName": "host"}, "MinSize": 0, "MaxSize": 1}
    autoscaling.create_auto_scaling_group(AutoScalingGroupName="other", AvailabilityZones=account.zones()[:1], **other)
    for group in ("g", "other"):
        policy = {"AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1}
        autoscaling.put_scaling_policy(AutoScalingGroupName=group, PolicyName="p", **policy)
    autoscaling.delete_policy(AutoScalingGroupName="other", PolicyName="p")
    found = autoscaling.describe_policies()["ScalingPolicies"]
    assert [policy["AutoScalingGroupName"] for policy in found] == ["g"]


# --- other doors


def test_the_tagging_api_changes_the_tags_of_a_group(account: Any) -> None:
    autoscaling, tagging = mixed(account, {}, DesiredCapacity=0), account.client("resourcegroupstaggingapi")
    group = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    arns = {"ResourceARNList": [group["AutoScalingGroupARN"]]}
    assert tagging.tag_resources(**arns, Tags={"a": "1", "b": "2"})["FailedResourcesMap"] == {}
    assert tagging.untag_resources(**arns, TagKeys=["a"])["FailedResourcesMap"] == {}
    tags = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Tags"]
    assert [(tag["Key"], tag["Value"], tag["PropagateAtLaunch"]) for tag in tags] == [("b", "2", False)]
    assert tagging.get_resources()["ResourceTagMappingList"] == []


def test_the_resources_of_a_stack_behave_like_others(account: Any) -> None:
    _, subnets, _ = account.network()
    user_data = {"Fn::Base64": "#!/bin/bash\necho ECS_CLUSTER=c >> /etc/ecs/ecs.config\n"}
    host = {"ImageId": "ami-760aaa0f", "InstanceType": "t3.small", "IamInstanceProfile": account.host_role()}
    data = {**host, "UserData": user_data}
    sizes = {"MinSize": "1", "MaxSize": "3", "DesiredCapacity": "2", "VPCZoneIdentifier": subnets}
    template = {"LaunchTemplateId": {"Ref": "T"}, "Version": "1"}
    containers = [{"Name": "a", "Image": "nginx", "Memory": 64}]
    service = {"Cluster": {"Ref": "C"}, "TaskDefinition": {"Ref": "D"}, "ServiceName": "s", "DesiredCount": 2}
    resources = {
        "C": ("ECS::Cluster", {"ClusterName": "c"}),
        "D": ("ECS::TaskDefinition", {"Family": "web", "ContainerDefinitions": containers}),
        "T": ("EC2::LaunchTemplate", {"LaunchTemplateName": "host", "LaunchTemplateData": data}),
        "G": ("AutoScaling::AutoScalingGroup", {**sizes, "LaunchTemplate": template}),
        "S": ("ECS::Service", service),
    }
    body = {"Resources": {id: {"Type": f"AWS::{kind}", "Properties": each} for id, (kind, each) in resources.items()}}
    cloudformation, ec2 = account.client("cloudformation"), account.client("ec2")
    cloudformation.create_stack(StackName="site", TemplateBody=json.dumps(body))
    advance(account, "10m")
    assert account.client("ecs").describe_services(cluster="c", services=["s"])["services"][0]["runningCount"] == 2
    cloudformation.delete_stack(StackName="site")
    advance(account, "10m")
    states = {each["Instances"][0]["State"]["Name"] for each in ec2.describe_instances()["Reservations"]}
    assert states == {"terminated"}
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_a_stack_with_an_unknown_type_of_resource_is_refused(account: Any) -> None:
    cloudformation = account.client("cloudformation")
    body = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}, "X": {"Type": "AWS::Wrong::Type"}}})
    with pytest.raises(ClientError, match=r"NotSimulated.*AWS::Wrong::Type in a stack"):
        cloudformation.create_stack(StackName="site", TemplateBody=body)
    assert cloudformation.describe_stacks()["Stacks"] == []
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_group_of_zones_launches_in_their_default_subnets(account: Any) -> None:
    autoscaling, ec2 = account.client("autoscaling"), account.client("ec2")
    defaults = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    data = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.nano"}
    ec2.create_launch_template(LaunchTemplateName="host", LaunchTemplateData=data)
    zones = sorted(subnet["AvailabilityZone"] for subnet in defaults)[:2]
    settings = {"LaunchTemplate": {"LaunchTemplateName": "host"}, "MinSize": 2, "MaxSize": 2}
    autoscaling.create_auto_scaling_group(AutoScalingGroupName="g", AvailabilityZones=zones, **settings)
    assert sorted(each["AvailabilityZone"] for each in described(autoscaling)) == zones
