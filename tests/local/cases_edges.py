"""What goes first, and what then: deletions that AWS refuses, or allows and something is left behind."""

import json
from collections.abc import Callable
from typing import Any

from tests.local.cases import case, located, outcome
from tests.local.cases_refusals_containers import Site, a_group, refusal
from tests.local.cases_refusals_network import IN_USE, Net
from tests.local.cases_refusals_stores import TRUST, refused

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
        self.site.serve()
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
        an_alarm(self.cloudwatch, "calls-step", AlarmActions=[step])

    def left(self) -> tuple[int, int, int]:
        """How many there are: scalable targets, policies, alarms."""
        return (
            len(self.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]),
            len(self.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]),
            len(self.cloudwatch.describe_alarms()["MetricAlarms"]),
        )


def an_alarm(cloudwatch: Any, name: str, **settings: Any) -> None:
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


@case("a deleted service leaves its scalable target, the policies and their alarms", aws=(1, 2, 3), stock=(1, 2, 3))
def ask_orphaned_target(account: Any) -> Any:
    scaling = Scaling(account)
    scaling.site.ecs.delete_service(cluster="c", service="s", force=True)
    return scaling.left()


@case("a scalable target takes its policies along, but not the alarm of a step policy", aws=(0, 0, 1), stock=(0, 2, 3))
def ask_deregistered_target(account: Any) -> Any:
    scaling = Scaling(account)
    scaling.scaling.deregister_scalable_target(**TARGET)
    return scaling.left()


@case(
    "a deleted task definition stays until nothing uses it",
    aws=(["f:1"], "DELETE_IN_PROGRESS", "ClientException"),
    stock=(["f:1"], "ClientException", "ClientException"),
)
def ask_deleted_definition(account: Any) -> Any:
    site = Site(account)
    site.serve()
    site.ecs.deregister_task_definition(taskDefinition="f:1")
    listed = site.ecs.list_task_definitions(familyPrefix="f", status="INACTIVE")["taskDefinitionArns"]
    site.ecs.delete_task_definitions(taskDefinitions=["f:1"])

    def state() -> Any:
        return outcome(lambda: site.ecs.describe_task_definition(taskDefinition="f:1")["taskDefinition"]["status"])

    while_used = state()
    site.ecs.delete_service(cluster="c", service="s")
    return [arn.split("/")[-1] for arn in listed], while_used, state()


# --- Auto Scaling groups


def the_group(autoscaling: Any) -> dict[str, Any]:
    group: dict[str, Any] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"][
        0
    ]
    return group


def instances_of(autoscaling: Any) -> list[str]:
    return [instance["InstanceId"] for instance in the_group(autoscaling)["Instances"]]


@case(
    "instances protected from scale-in hold their group, unless it goes by force",
    aws=(1, "ResourceInUse", "terminated"),
    stock=(1, None, "running"),
)
def ask_protected_instances(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    (instance,) = instances_of(autoscaling)
    asked = {"AutoScalingGroupName": "g", "InstanceIds": [instance]}
    autoscaling.set_instance_protection(**asked, ProtectedFromScaleIn=True)
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", MinSize=0, MaxSize=0, DesiredCapacity=0)
    stalled = len(instances_of(autoscaling))
    told = refusal(lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g"))
    if told:
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
        account.client("ec2").get_waiter("instance_terminated").wait(InstanceIds=[instance])
    described = account.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return stalled, told and told.split(":")[0], described["State"]["Name"]


@case(
    "an instance that drains holds its group, unless it goes by force",
    aws=("Terminating:Wait", "ScalingActivityInProgress", 0),
    stock=(None, None, 0),
)
def ask_draining_instance(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    site, (instance,) = Site(account), instances_of(autoscaling)
    document = json.dumps({"instanceId": instance, "region": account.region})
    site.ecs.register_container_instance(
        cluster="c", instanceIdentityDocument=document, instanceIdentityDocumentSignature="x"
    )
    arn = the_group(autoscaling)["AutoScalingGroupARN"]
    provider = {"autoScalingGroupArn": arn, "managedDraining": "ENABLED"}
    site.ecs.create_capacity_provider(name="p", autoScalingGroupProvider=provider)
    site.use("p")
    site.run()
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", MinSize=0, MaxSize=0, DesiredCapacity=0)
    state = next((each["LifecycleState"] for each in the_group(autoscaling)["Instances"]), None)
    told = refusal(lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g"))
    if told:
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
    left = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"]
    return state, told and told.split(":")[0], len(left)


@case(
    "a group whose launch template is gone launches nothing, and its activities say so",
    aws=(1, "Failed", "does not exist."),
    stock=(1, None, None),
)
def ask_gone_template(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    account.client("ec2").delete_launch_template(LaunchTemplateName="host")
    outcome(lambda: autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=2))
    activities = outcome(lambda: autoscaling.describe_scaling_activities(AutoScalingGroupName="g")["Activities"])
    latest = activities[0] if isinstance(activities, list) and activities else {}
    told = latest.get("StatusMessage")
    return len(instances_of(autoscaling)), latest.get("StatusCode"), told and told[-15:]


@case("a group replaces an instance that is terminated", aws=(1, True), stock=(1, True))
def ask_replaced_instance(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    ec2, before = account.client("ec2"), instances_of(autoscaling)
    ec2.terminate_instances(InstanceIds=before)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=before)
    after = instances_of(autoscaling)
    return len(after), after != before


# --- networks


@case(
    "nobody but the load balancer detaches or deletes its interfaces",
    aws=("OperationNotPermitted", "InvalidParameterValue"),
    stock=None,
)
def ask_foreign_interface(account: Any) -> Any:
    net = Net(account)
    net.gateway()
    net.balancer()
    shown = net.interfaces()
    if not shown:
        return None
    attachment, interface = shown[0]["Attachment"]["AttachmentId"], shown[0]["NetworkInterfaceId"]
    return (
        net.done(lambda: net.ec2.detach_network_interface(AttachmentId=attachment)),
        net.done(lambda: net.ec2.delete_network_interface(NetworkInterfaceId=interface)),
    )


@case(
    "two groups that name each other both stay until a rule is revoked",
    aws=(IN_USE, IN_USE, None, None),
    stock=(None, None, "InvalidGroup.NotFound", "InvalidGroup.NotFound"),
)
def ask_cycle(account: Any) -> Any:
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
    "a NAT gateway holds the internet gateway; deleted, it leaves its address and a black hole",
    aws=("active", IN_USE, None, 1, "blackhole"),
    stock=("active", None, "Gateway.NotAttached", 1, "active"),
)
def ask_after_nat(account: Any) -> Any:
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


@case("a route through a detached gateway is a black hole", aws=("active", "blackhole"), stock=("active", "active"))
def ask_route_to_detached_gateway(account: Any) -> Any:
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


@case("a VPC with an endpoint stays", aws=(IN_USE, None), stock=(None, None))
def ask_vpc_with_endpoint(account: Any) -> Any:
    ec2, vpc = bare(account)
    service = f"com.amazonaws.{account.region}.s3"
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, VpcEndpointType="Gateway")["VpcEndpoint"][
        "VpcEndpointId"
    ]
    return goes_after(ec2, vpc, lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]))


@case("a VPC that is peered stays", aws=(IN_USE, None), stock=(None, None))
def ask_peered_vpc(account: Any) -> Any:
    ec2, vpc = bare(account)
    _, other = bare(account, "10.8.0.0/16")
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]
    peering = made["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    return goes_after(ec2, vpc, lambda: ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering))


@case("a VPC with a network ACL of its own stays", aws=(IN_USE, None), stock=(None, None))
def ask_vpc_with_acl(account: Any) -> Any:
    ec2, vpc = bare(account)
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    return goes_after(ec2, vpc, lambda: ec2.delete_network_acl(NetworkAclId=acl))


# --- stores, identities, budgets


@case(
    "a repository with images goes by force only",
    aws=("RepositoryNotEmptyException", "accepted"),
    stock=("RepositoryNotEmptyException", "accepted"),
)
def ask_repository_with_image(account: Any) -> Any:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="repo")
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 1, "digest": "sha256:00"}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [layer]}
    ecr.put_image(repositoryName="repo", imageManifest=json.dumps(manifest), imageTag="latest")
    first = refused(ecr.delete_repository, repositoryName="repo")
    return first, refused(ecr.delete_repository, repositoryName="repo", force=True)


@case("an open upload holds no bucket", aws="accepted", stock="accepted")
def ask_open_upload(account: Any) -> Any:
    s3, name = account.client("s3"), f"open-{account.id}"
    s3.create_bucket(Bucket=name, **located(account))
    s3.create_multipart_upload(Bucket=name, Key="clip")
    return refused(s3.delete_bucket, Bucket=name)


@case(
    "an instance profile goes after its role", aws=("DeleteConflict", "accepted"), stock=("DeleteConflict", "accepted")
)
def ask_profile_with_role(account: Any) -> Any:
    iam = account.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    first = refused(iam.delete_instance_profile, InstanceProfileName="i")
    iam.remove_role_from_instance_profile(InstanceProfileName="i", RoleName="r")
    return first, refused(iam.delete_instance_profile, InstanceProfileName="i")


@case("a budget takes whom it notifies along", aws=(1, 0), stock=(1, 0))
def ask_budget_with_notification(account: Any) -> Any:
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
