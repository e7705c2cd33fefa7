"""Network, instances and load balancer beyond the contract: foreign parts, special cases, invalid values."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import EsawsError, InvalidResource, NotDeployed
from esaws.resource import Resource
from esaws.resources import auto_scaling_group
from esaws.resources._elbv2 import describe_forward
from esaws.resources.auto_scaling_group import AutoScalingGroup, _failed_launch
from esaws.resources.group_scaling_policy import GroupScalingPolicy
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.role import Role
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.target_group import TargetGroup
from esaws.resources.target_registration import TargetRegistration


def deploy(cloud: Cloud, *resources: Resource) -> None:
    plan_deploy(Architecture("test", resources), cloud).apply()


def actions(cloud: Cloud, *resources: Resource) -> dict[str, set[str]]:
    """Return the kinds per action of a deploy of the same resources; without those that it keeps."""
    planned: dict[str, set[str]] = {}
    for change in plan_deploy(Architecture("test", resources), cloud):
        if change.action != "keep":
            planned.setdefault(change.action, set()).add(change.kind)
    return planned


def tear_down(cloud: Cloud) -> bool:
    """Tear down and return whether nothing is left in the inventory."""
    plan_teardown(cloud).apply()
    return not len(inventory(cloud))


def a_route_by_hand(cloud: Cloud) -> None:
    table, ec2 = cloud.known_ids["RouteTable", "public"], cloud.client("ec2")
    subnet = ec2.create_subnet(VpcId=cloud.known_ids["VPC", "vpc"], CidrBlock="172.31.64.0/20")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.9.0.0/16", NetworkInterfaceId=interface)


def an_association_by_hand(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    subnet = ec2.create_subnet(VpcId=cloud.known_ids["VPC", "vpc"], CidrBlock="172.31.64.0/20")["Subnet"]["SubnetId"]
    ec2.associate_route_table(RouteTableId=cloud.known_ids["RouteTable", "public"], SubnetId=subnet)


def a_listener_by_hand(cloud: Cloud) -> None:
    cloud.client("elbv2").create_listener(
        LoadBalancerArn=cloud.known_ids["LoadBalancer", "alb"],
        Port=8080,
        Protocol="HTTP",
        DefaultActions=[{"Type": "forward", "TargetGroupArn": cloud.known_ids["TargetGroup", "web-tg"]}],
    )


def a_rule_by_hand(cloud: Cloud) -> None:
    cloud.client("elbv2").create_rule(
        ListenerArn=cloud.known_ids["Listener", "alb 80"],
        Priority=7,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/by-hand"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": cloud.known_ids["TargetGroup", "web-tg"]}],
    )


def a_target_by_hand(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    instance = ec2.run_instances(
        ImageId="ami-12c6146b",
        InstanceType="t2.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=cloud.known_ids["Subnet", "public-a"],
    )["Instances"][0]["InstanceId"]
    cloud.wait("ec2", "instance_running", InstanceIds=[instance])
    target = {"Id": instance, "Port": 8080}
    cloud.client("elbv2").register_targets(TargetGroupArn=cloud.known_ids["TargetGroup", "web-tg"], Targets=[target])


def a_policy_by_hand(cloud: Cloud) -> None:
    cloud.client("autoscaling").put_scaling_policy(
        AutoScalingGroupName=cloud.aws_name("web-asg"),
        PolicyName="by-hand",
        AdjustmentType="ChangeInCapacity",
        ScalingAdjustment=1,
    )


FOREIGN: list[tuple[Resource, Callable[[Cloud], None]]] = [
    (Route.example(), a_route_by_hand),
    (RouteTableAssociation.example(), an_association_by_hand),
    (ListenerRule.example(), a_listener_by_hand),
    (ListenerRule.example(), a_rule_by_hand),
    (TargetRegistration.example(), a_target_by_hand),
    (GroupScalingPolicy.example(), a_policy_by_hand),
]


@pytest.mark.parametrize(
    ("resource", "add"), FOREIGN, ids=lambda value: getattr(value, "__name__", value.__class__.__name__)
)
def test_a_deploy_lists_a_foreign_part_and_keeps_it(
    cloud: Cloud, resource: Resource, add: Callable[[Cloud], None]
) -> None:
    deploy(cloud, resource)
    add(cloud)
    planned = actions(cloud, resource)
    assert planned.keys() == {"foreign"}
    deploy(cloud, resource)
    assert actions(cloud, resource) == planned


@pytest.mark.parametrize("add", [a_listener_by_hand, a_rule_by_hand])
def test_a_teardown_deletes_a_foreign_part_with_its_parent(cloud: Cloud, add: Callable[[Cloud], None]) -> None:
    deploy(cloud, ListenerRule.example())
    add(cloud)
    assert tear_down(cloud)


def test_the_scaling_policy_of_a_capacity_provider_is_ignored(cloud: Cloud) -> None:
    policy = GroupScalingPolicy.example()
    deploy(cloud, policy)
    cloud.client("autoscaling").put_scaling_policy(
        AutoScalingGroupName=cloud.aws_name("web-asg"),
        PolicyName="ECSManagedAutoScalingPolicy-1",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "TargetValue": 100.0,
            "CustomizedMetricSpecification": {
                "Namespace": "AWS/ECS/ManagedScaling",
                "MetricName": "CapacityProviderReservation",
                "Statistic": "Average",
            },
        },
    )
    assert [live.name for live in GroupScalingPolicy.list(cloud)] == [policy.name]
    assert actions(cloud, policy) == {}
    assert tear_down(cloud) and leftovers(cloud) == []


def test_rules_with_swapped_priorities_are_swapped_back(cloud: Cloud) -> None:
    first = ListenerRule.example()
    second = replace(first, name="alb 80 rule 2", priority=2, paths=("/other*",))
    deploy(cloud, first, second)
    swapped = [{"RuleArn": cloud.known_ids[rule.key], "Priority": 3 - rule.priority} for rule in (first, second)]
    cloud.client("elbv2").set_rule_priorities(RulePriorities=swapped)
    assert actions(cloud, first, second) == {"update": {"ListenerRule"}}
    deploy(cloud, first, second)
    assert actions(cloud, first, second) == {}


def test_a_role_is_deleted_with_its_inline_policies(cloud: Cloud) -> None:
    deploy(cloud, Role.example())
    statement = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    cloud.client("iam").put_role_policy(
        RoleName=cloud.known_ids["Role", "ecs-instance"], PolicyName="by-hand", PolicyDocument=statement
    )
    assert tear_down(cloud)


def test_an_instance_added_later_is_drift_of_its_registration(cloud: Cloud) -> None:
    registration = TargetRegistration.example()
    wider = replace(registration, group=replace(registration.group, maximum=2))
    deploy(cloud, wider)
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName="seccom-web-asg", DesiredCapacity=2)
    drifts = plan_deploy(Architecture("test", [wider]), cloud).drifts()
    assert drifts["actual"].to_list() == ["8080, not on 1 of 2 instances"]
    deploy(cloud, wider)
    assert actions(cloud, wider) == {}


def test_a_group_without_instances_cannot_be_registered(cloud: Cloud) -> None:
    registration = TargetRegistration.example()
    empty = replace(registration, group=replace(registration.group, minimum=0, desired_capacity=0))
    for resource in [*Architecture("test", [empty])][:-1]:
        resource.create(cloud)
    with pytest.raises(NotDeployed, match="desired capacity"):
        empty.create(cloud)


def test_a_failed_launch_is_reported_with_its_reason(cloud: Cloud) -> None:
    group = AutoScalingGroup.example()
    for resource in [*Architecture("test", [group])][:-1]:
        resource.create(cloud)
    simulation.fault(cloud, "insufficient-capacity", service="ec2", count=100)
    with pytest.raises(EsawsError, match=r"can.t launch an instance: InsufficientInstanceCapacity: .* → wait"):
        group.create(cloud)


def test_a_group_without_capacity_may_try_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    group = AutoScalingGroup.example()
    for resource in [*Architecture("test", [group])][:-1]:
        resource.create(cloud)
    simulation.fault(cloud, "insufficient-capacity", service="ec2", count=3)
    times: list[int] = []

    def describe(cloud: Cloud, name: str) -> str:
        reason = _failed_launch(cloud, name)
        if reason:
            times.append(1)
            simulation.advance(cloud, "1m")
        return reason

    monkeypatch.setattr(auto_scaling_group, "_failed_launch", describe)
    monkeypatch.setattr(auto_scaling_group, "_LOCAL_CAPACITY_SECONDS", 60.0)
    group.create(cloud)
    assert times, "the first launches failed"


def test_launched_instances_have_the_deployments_tags(cloud: Cloud) -> None:
    deploy(cloud, AutoScalingGroup.example())
    described = cloud.client("ec2").describe_instances(Filters=[{"Name": "tag:esaws:deployment", "Values": ["seccom"]}])
    assert [
        instance["InstanceType"] for reservation in described["Reservations"] for instance in reservation["Instances"]
    ] == ["t2.micro"]


WEB, OTHER = "arn:web", "arn:other"


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ([{"Type": "forward", "TargetGroupArn": WEB}], WEB),
        ([{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": WEB, "Weight": 1}]}}], WEB),
        (
            [
                {
                    "Type": "forward",
                    "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": WEB}, {"TargetGroupArn": OTHER}]},
                }
            ],
            "forward to 2 target groups",
        ),
        ([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}], "fixed-response"),
        (
            [{"Type": "authenticate-cognito"}, {"Type": "forward", "TargetGroupArn": WEB}],
            "authenticate-cognito then forward to 1 target groups",
        ),
    ],
)
def test_an_action_is_shown_as_its_target_group_or_in_words(action: list[dict[str, Any]], shown: str) -> None:
    assert describe_forward(action) == shown


INVALID: list[tuple[type[Resource], dict[str, Any]]] = [
    (Route, {"destination": "everywhere"}),
    (Route, {"destination": "100.68.0.18/18"}),
    (Role, {"name": "a role"}),
    (LaunchTemplate, {"root_gb": 0}),
    (LaunchTemplate, {"name": "a template"}),
    (AutoScalingGroup, {"minimum": 2}),
    (AutoScalingGroup, {"desired_capacity": 2}),
    (AutoScalingGroup, {"minimum": -1}),
    (AutoScalingGroup, {"name": "a:b"}),
    (GroupScalingPolicy, {"metric": "ASGAverageMemoryUtilization"}),
    (GroupScalingPolicy, {"target_value": 0.0}),
    (GroupScalingPolicy, {"target_value": 101.0}),
    (TargetGroup, {"name": "web_tg"}),
    (TargetGroup, {"name": "web-"}),
    (TargetGroup, {"port": 0}),
    (TargetGroup, {"health_path": "health"}),
    (TargetGroup, {"health_interval": 4}),
    (TargetGroup, {"health_timeout": 30}),
    (TargetGroup, {"healthy_threshold": 1}),
    (TargetGroup, {"matcher": "500"}),
    (TargetGroup, {"deregistration_delay": 3601}),
    (Listener, {"port": 65536}),
    (Listener, {"protocol": "HTTPS"}),
    (ListenerRule, {"priority": 0}),
    (ListenerRule, {"priority": 50001}),
    (ListenerRule, {"paths": ()}),
    (ListenerRule, {"paths": tuple("/abcdef")}),
    (ListenerRule, {"paths": ("/é",)}),
    (ListenerRule, {"paths": ("/*/*/*/*", "/*/*/*")}),
    (TargetRegistration, {"port": 70000}),
]


@pytest.mark.parametrize(("kind", "changed"), INVALID, ids=lambda value: getattr(value, "__name__", str(value)))
def test_values_that_aws_rejects_are_rejected_at_declaration(kind: type[Resource], changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource):
        replace(kind.example(), **changed)
