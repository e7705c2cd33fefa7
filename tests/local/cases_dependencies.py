"""The order of deletions: those that AWS refuses, and what is left after those that it allows."""

import json
from collections.abc import Callable
from typing import Any

from tests.local.cases import TRUST, case, located, outcome
from tests.local.cases_errors_containers import Site, a_group, refusal
from tests.local.cases_errors_network import IN_USE, Net
from tests.local.cases_errors_stores import refused

# --- services and what scales them

TARGET = {"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount"}
TRACKING = {
    "TargetValue": 75.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
}


class Scaling:
    """A service that may have a scalable target, with a policy that tracks a target and one that an alarm calls."""

    def __init__(self, account: Any) -> None:
        self.site = Site(account)
        self.scaling, self.cloudwatch = account.client("application-autoscaling"), account.client("cloudwatch")
        self.site.create_service()
        self.scaling.register_scalable_target(**TARGET, MinCapacity=0, MaxCapacity=2)
        put = self.scaling.put_scaling_policy
        put(
            **TARGET,
            PolicyName="track",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=TRACKING,
        )
        step = put(**TARGET, PolicyName="step", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS)[
            "PolicyARN"
        ]
        create_alarm(self.cloudwatch, "calls-step", AlarmActions=[step])

    def left(self) -> tuple[int, int, int]:
        """How many there are: scalable targets, policies, alarms."""
        return (
            len(self.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]),
            len(self.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]),
            len(self.cloudwatch.describe_alarms()["MetricAlarms"]),
        )


def create_alarm(cloudwatch: Any, name: str, **settings: Any) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/ECS",
        MetricName="CPUUtilization",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=75.0,
        ComparisonOperator="GreaterThanThreshold",
        **settings,
    )


@case("deleting a service keeps its scalable target, policies and alarms", aws=(1, 2, 3), stock=(1, 2, 3))
def case_orphaned_target(account: Any) -> Any:
    scaling = Scaling(account)
    scaling.site.ecs.delete_service(cluster="c", service="s", force=True)
    return scaling.left()


@case(
    "deregistering a scalable target deletes its policies, but not the alarm of a step policy",
    aws=(0, 0, 1),
    stock=(0, 2, 3),
)
def case_deregistered_target(account: Any) -> Any:
    scaling = Scaling(account)
    scaling.scaling.deregister_scalable_target(**TARGET)
    return scaling.left()


@case(
    "a deleted task definition exists until nothing uses it",
    aws=(["f:1"], "DELETE_IN_PROGRESS", "ClientException"),
    stock=(["f:1"], "ClientException", "ClientException"),
)
def case_deleted_definition(account: Any) -> Any:
    site = Site(account)
    site.create_service()
    site.ecs.deregister_task_definition(taskDefinition="f:1")
    listed = site.ecs.list_task_definitions(familyPrefix="f", status="INACTIVE")["taskDefinitionArns"]
    site.ecs.delete_task_definitions(taskDefinitions=["f:1"])

    def state() -> Any:
        return outcome(lambda: site.ecs.describe_task_definition(taskDefinition="f:1")["taskDefinition"]["status"])

    while_used = state()
    site.ecs.delete_service(cluster="c", service="s")
    return [arn.split("/")[-1] for arn in listed], while_used, state()


# --- Auto Scaling groups


def describe_group(autoscaling: Any) -> dict[str, Any]:
    group: dict[str, Any] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"][
        0
    ]
    return group


def instances_of(autoscaling: Any) -> list[str]:
    return [instance["InstanceId"] for instance in describe_group(autoscaling)["Instances"]]


@case(
    "a group with protected instances can only be deleted by force",
    aws=(1, "ResourceInUse", "terminated"),
    stock=(1, None, "running"),
)
def case_protected_instances(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    (instance,) = instances_of(autoscaling)
    parameters = {"AutoScalingGroupName": "g", "InstanceIds": [instance]}
    autoscaling.set_instance_protection(**parameters, ProtectedFromScaleIn=True)
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", MinSize=0, MaxSize=0, DesiredCapacity=0)
    stalled = len(instances_of(autoscaling))
    error = refusal(lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g"))
    if error:
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
        account.client("ec2").get_waiter("instance_terminated").wait(InstanceIds=[instance])
    described = account.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return stalled, error and error.split(":")[0], described["State"]["Name"]


@case(
    "a group with a draining instance can only be deleted by force",
    aws=("Terminating:Wait", "ScalingActivityInProgress", 0),
    stock=(None, None, 0),
)
def case_draining_instance(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    site, (instance,) = Site(account), instances_of(autoscaling)
    document = json.dumps({"instanceId": instance, "region": account.region})
    site.ecs.register_container_instance(
        cluster="c", instanceIdentityDocument=document, instanceIdentityDocumentSignature="x"
    )
    arn = describe_group(autoscaling)["AutoScalingGroupARN"]
    provider = {"autoScalingGroupArn": arn, "managedDraining": "ENABLED"}
    site.ecs.create_capacity_provider(name="p", autoScalingGroupProvider=provider)
    site.use_providers("p")
    site.run()
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", MinSize=0, MaxSize=0, DesiredCapacity=0)
    state = next((each["LifecycleState"] for each in describe_group(autoscaling)["Instances"]), None)
    error = refusal(lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g"))
    if error:
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
    left = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"]
    return state, error and error.split(":")[0], len(left)


@case(
    "a group without its launch template launches nothing and records a failed activity",
    aws=(1, "Failed", "does not exist."),
    stock=(1, None, None),
)
def case_gone_template(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    account.client("ec2").delete_launch_template(LaunchTemplateName="host")
    outcome(lambda: autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=2))
    activities = outcome(lambda: autoscaling.describe_scaling_activities(AutoScalingGroupName="g")["Activities"])
    latest = activities[0] if isinstance(activities, list) and activities else {}
    error = latest.get("StatusMessage")
    return len(instances_of(autoscaling)), latest.get("StatusCode"), error and error[-15:]


@case("a group replaces a terminated instance", aws=(1, True), stock=(1, True))
def case_replaced_instance(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    ec2, before = account.client("ec2"), instances_of(autoscaling)
    ec2.terminate_instances(InstanceIds=before)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=before)
    after = instances_of(autoscaling)
    return len(after), after != before


# --- networks


@case(
    "the interfaces of a load balancer cannot be detached or deleted",
    aws=("OperationNotPermitted", "InvalidParameterValue"),
    stock=None,
)
def case_foreign_interface(account: Any) -> Any:
    net = Net(account)
    net.gateway()
    net.balancer()
    described = net.interfaces()
    if not described:
        return None
    attachment, interface = described[0]["Attachment"]["AttachmentId"], described[0]["NetworkInterfaceId"]
    return (
        net.done(lambda: net.ec2.detach_network_interface(AttachmentId=attachment)),
        net.done(lambda: net.ec2.delete_network_interface(NetworkInterfaceId=interface)),
    )


@case(
    "two security groups that reference each other cannot be deleted until a rule is revoked",
    aws=(IN_USE, IN_USE, None, None),
    stock=(None, None, "InvalidGroup.NotFound", "InvalidGroup.NotFound"),
)
def case_cycle(account: Any) -> Any:
    net = Net(account)
    other = net.another_group()
    net.let_in(net.group, other)
    net.let_in(other, net.group)
    pair = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": net.group}]}

    def delete(group: str) -> Any:
        return net.done(lambda: net.ec2.delete_security_group(GroupId=group))

    first, second = delete(net.group), delete(other)
    net.done(lambda: net.ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=[pair]))
    return first, second, delete(net.group), delete(other)


@case(
    "a NAT gateway blocks the internet gateway; its deletion leaves its address and a blackhole route",
    aws=("active", IN_USE, None, 1, "blackhole"),
    stock=("active", None, "Gateway.NotAttached", 1, "active"),
)
def case_after_nat(account: Any) -> Any:
    net = Net(account)
    gateway, (nat, address) = net.gateway(), net.nat()
    table = net.ec2.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    net.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)

    def route() -> Any:
        (described,) = net.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return next(each["State"] for each in described["Routes"] if each.get("NatGatewayId") == nat)

    before, held = route(), net.detach(gateway)
    net.ec2.delete_nat_gateway(NatGatewayId=nat)
    net.ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    left = len(net.ec2.describe_addresses(AllocationIds=[address])["Addresses"])
    return before, held, net.detach(gateway), left, route()


@case("a route to a detached internet gateway is a blackhole", aws=("active", "blackhole"), stock=("active", "active"))
def case_route_to_detached_gateway(account: Any) -> Any:
    net = Net(account)
    gateway = net.gateway()
    table = net.ec2.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    net.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def state() -> Any:
        (described,) = net.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return next(each["State"] for each in described["Routes"] if each.get("GatewayId") == gateway)

    before = state()
    net.detach(gateway)
    return before, state()


def bare(account: Any, block: str = "10.9.0.0/16") -> tuple[Any, str]:
    """(EC2, a VPC with nothing but its defaults)."""
    ec2 = account.client("ec2")
    return ec2, ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]


def goes_after(ec2: Any, vpc: str, release: Callable[[], Any]) -> tuple[Any, Any]:
    """What deleting a VPC ends in before and after something else is let go."""
    first = Net.done(lambda: ec2.delete_vpc(VpcId=vpc))
    release()
    return first, Net.done(lambda: ec2.delete_vpc(VpcId=vpc)) if first else None


@case("a VPC with an endpoint cannot be deleted", aws=(IN_USE, None), stock=(None, None))
def case_vpc_with_endpoint(account: Any) -> Any:
    ec2, vpc = bare(account)
    service = f"com.amazonaws.{account.region}.s3"
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, VpcEndpointType="Gateway")["VpcEndpoint"][
        "VpcEndpointId"
    ]
    return goes_after(ec2, vpc, lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]))


@case("a VPC with a peering connection cannot be deleted", aws=(IN_USE, None), stock=(None, None))
def case_peered_vpc(account: Any) -> Any:
    ec2, vpc = bare(account)
    _, other = bare(account, "10.8.0.0/16")
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]
    peering = made["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    return goes_after(ec2, vpc, lambda: ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering))


@case("a VPC with another network ACL cannot be deleted", aws=(IN_USE, None), stock=(None, None))
def case_vpc_with_acl(account: Any) -> Any:
    ec2, vpc = bare(account)
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    return goes_after(ec2, vpc, lambda: ec2.delete_network_acl(NetworkAclId=acl))


# --- stores, identities, budgets


@case(
    "a repository with images can only be deleted by force",
    aws=("RepositoryNotEmptyException", "accepted"),
    stock=("RepositoryNotEmptyException", "accepted"),
)
def case_repository_with_image(account: Any) -> Any:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="repo")
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 1, "digest": "sha256:00"}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [layer]}
    ecr.put_image(repositoryName="repo", imageManifest=json.dumps(manifest), imageTag="latest")
    first = refused(ecr.delete_repository, repositoryName="repo")
    return first, refused(ecr.delete_repository, repositoryName="repo", force=True)


@case("a bucket with an unfinished upload can be deleted", aws="accepted", stock="accepted")
def case_open_upload(account: Any) -> Any:
    s3, name = account.client("s3"), f"open-{account.id}"
    s3.create_bucket(Bucket=name, **located(account))
    s3.create_multipart_upload(Bucket=name, Key="clip")
    return refused(s3.delete_bucket, Bucket=name)


@case(
    "an instance profile cannot be deleted before its role is removed",
    aws=("DeleteConflict", "accepted"),
    stock=("DeleteConflict", "accepted"),
)
def case_profile_with_role(account: Any) -> Any:
    iam = account.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    first = refused(iam.delete_instance_profile, InstanceProfileName="i")
    iam.remove_role_from_instance_profile(InstanceProfileName="i", RoleName="r")
    return first, refused(iam.delete_instance_profile, InstanceProfileName="i")


@case("deleting a budget deletes its notifications", aws=(1, 0), stock=(1, 0))
def case_budget_with_notification(account: Any) -> Any:
    budgets = account.client("budgets")
    budget = {
        "BudgetName": "b",
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "1", "Unit": "USD"},
    }
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    subscribers = [{"SubscriptionType": "EMAIL", "Address": "a@b.c"}]
    of_budget = {"AccountId": account.id, "BudgetName": "b"}

    def notified() -> int:
        return len(budgets.describe_notifications_for_budget(**of_budget)["Notifications"])

    budgets.create_budget(AccountId=account.id, Budget=budget)
    budgets.create_notification(**of_budget, Notification=notification, Subscribers=subscribers)
    first = notified()
    budgets.delete_budget(**of_budget)
    budgets.create_budget(AccountId=account.id, Budget=budget)
    return first, notified()
