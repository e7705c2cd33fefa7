"""Auto Scaling groups: launch templates, balance over subnets, replacement, schedules, container instances."""

import base64
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.timing import advance, control, now

IMAGE = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
TAGS = [{"Key": "esaws:name", "Value": "n"}]


class Fleet:
    """A group `g` of t2.micro from a launch template, as SecCom has one behind each cluster."""

    def __init__(self, account: Any, **settings: Any) -> None:
        self.ec2, self.autoscaling, self.ecs = (account.client(name) for name in ("ec2", "autoscaling", "ecs"))
        _, self.subnets, self.group = account.network()
        self.user_data = "#!/bin/bash\necho ECS_CLUSTER=site-cluster >> /etc/ecs/ecs.config\n"
        self.data = {
            "ImageId": IMAGE,
            "InstanceType": "t2.micro",
            "IamInstanceProfile": account.host_role(),
            "UserData": base64.b64encode(self.user_data.encode()).decode(),
            "NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": [self.group]}],
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "VolumeType": "gp2"}}],
            "TagSpecifications": [{"ResourceType": kind, "Tags": TAGS} for kind in ("instance", "volume")],
        } | settings.pop("data", {})
        self.ec2.create_launch_template(LaunchTemplateName="host", LaunchTemplateData=self.data)
        settings = {"MinSize": 2, "MaxSize": 4, "VPCZoneIdentifier": ",".join(self.subnets), **settings}
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName="g",
            LaunchTemplate={"LaunchTemplateName": "host", "Version": "$Latest"},
            Tags=[{"Key": "site", "Value": "paris", "PropagateAtLaunch": True}],
            **settings,
        )

    def update(self, **settings: Any) -> None:
        self.autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", **settings)

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        return found

    def instances(self, *states: str) -> list[dict[str, Any]]:
        reservations = self.ec2.describe_instances()["Reservations"]
        shown = [instance for reservation in reservations for instance in reservation["Instances"]]
        return [instance for instance in shown if instance["State"]["Name"] in (states or ["running"])]

    def instances_per_subnet(self) -> list[int]:
        """Return the number of running instances in each of the two subnets."""
        counted = Counter(instance["SubnetId"] for instance in self.instances())
        return [counted[subnet] for subnet in self.subnets]

    def container_instances(self) -> list[dict[str, Any]]:
        arns = self.ecs.list_container_instances(cluster="site-cluster")["containerInstanceArns"]
        if not arns:
            return []
        found = self.ecs.describe_container_instances(cluster="site-cluster", containerInstances=arns)
        return list(found["containerInstances"])


def settings_of_instance(fleet: Fleet) -> dict[str, Any]:
    """Return the settings of the first instance that come from the template."""
    instance = fleet.instances()[0]
    given = fleet.ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")["UserData"]
    volume = fleet.ec2.describe_volumes(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    )["Volumes"]
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    return {
        "image": instance["ImageId"].startswith("ami-"),
        "profile": instance.get("IamInstanceProfile", {}).get("Arn", "").split("/")[-1],
        "user data": base64.b64decode(given["Value"]).decode() == fleet.user_data if given else None,
        "groups": [group["GroupId"] for group in instance["SecurityGroups"]] == [fleet.group],
        "public": "PublicIpAddress" in instance,
        "volumes": [(v["Size"], v["VolumeType"], v["Attachments"][0]["Device"]) for v in volume],
        "volume tags": volume[0].get("Tags"),
        "tags": {key: tags.get(key) for key in ("esaws:name", "site", "aws:autoscaling:groupName")},
        "delete on termination": instance["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"],
    }


def test_an_instance_of_a_group_follows_the_launch_template(account: Any) -> None:
    fleet = Fleet(account)
    assert settings_of_instance(fleet) == {
        "image": True,
        "profile": "host",
        "user data": True,
        "groups": True,
        "public": True,
        "volumes": [(30, "gp2", "/dev/xvda")],
        "volume tags": TAGS,
        "tags": {"esaws:name": "n", "site": "paris", "aws:autoscaling:groupName": "g"},
        "delete on termination": True,
    }
    versions = fleet.ec2.describe_launch_template_versions(LaunchTemplateName="host")["LaunchTemplateVersions"]
    assert versions[0]["LaunchTemplateData"]["ImageId"] == IMAGE, "the template keeps the alias"


@pytest.mark.stock_moto
def test_stock_moto_ignores_most_of_the_launch_template(stock: Any) -> None:
    found = settings_of_instance(Fleet(stock, MinSize=0, DesiredCapacity=1))
    assert (found["image"], found["profile"], found["groups"], found["volume tags"]) == (False, "", False, None)
    assert len(found["volumes"]) == 2


def test_the_subnet_sets_the_public_address_unless_the_template_does(account: Any) -> None:
    interface = {"DeviceIndex": 0}
    fleet = Fleet(account, data={"NetworkInterfaces": [interface]})
    assert all("PublicIpAddress" in instance for instance in fleet.instances())
    fleet.ec2.create_launch_template_version(
        LaunchTemplateName="host",
        LaunchTemplateData={**fleet.data, "NetworkInterfaces": [{**interface, "AssociatePublicIpAddress": False}]},
    )
    fleet.ec2.terminate_instances(InstanceIds=[instance["InstanceId"] for instance in fleet.instances()])
    advance(account, "10m")
    assert len(fleet.instances()) == 2
    assert not any("PublicIpAddress" in instance for instance in fleet.instances())


def test_a_group_describes_the_template_version_of_each_instance(account: Any) -> None:
    fleet = Fleet(account)
    fleet.ec2.create_launch_template_version(LaunchTemplateName="host", LaunchTemplateData=fleet.data)
    fleet.update(DesiredCapacity=3)
    versions = [instance["LaunchTemplate"]["Version"] for instance in fleet.describe()["Instances"]]
    assert sorted(versions) == ["1", "1", "2"]


@pytest.mark.parametrize(
    ("change", "desired", "per_subnet"),
    [
        ({}, 2, [1, 1]),
        ({"DesiredCapacity": 3}, 3, [2, 1]),
        ({"DesiredCapacity": 4}, 4, [2, 2]),
        ({"MinSize": 4}, 4, [2, 2]),
        ({"MinSize": 0, "MaxSize": 1}, 1, [0, 1]),
        ({"MinSize": 0}, 2, [1, 1]),
        ({"MinSize": 0, "MaxSize": 0}, 0, [0, 0]),
    ],
    ids=str,
)
def test_the_desired_capacity_follows_the_sizes_and_instances_follow_it(
    account: Any, change: dict[str, int], desired: int, per_subnet: list[int]
) -> None:
    fleet = Fleet(account)
    fleet.update(**change)
    assert fleet.describe()["DesiredCapacity"] == desired
    assert fleet.instances_per_subnet() == per_subnet


@pytest.mark.stock_moto
def test_stock_moto_launches_all_instances_in_one_subnet(stock: Any) -> None:
    assert Fleet(stock).instances_per_subnet() == [2, 0]


def test_a_group_moves_to_its_new_subnets(account: Any) -> None:
    fleet = Fleet(account, DesiredCapacity=4)
    fleet.update(VPCZoneIdentifier=fleet.subnets[0])
    assert fleet.instances_per_subnet() == [4, 0]
    fleet.update(VPCZoneIdentifier=",".join(fleet.subnets))
    advance(account, "30m")
    assert fleet.instances_per_subnet() == [2, 2]
    fleet.update(VPCZoneIdentifier=fleet.subnets[1], MinSize=1, MaxSize=1)
    assert fleet.instances_per_subnet() == [0, 1]


@pytest.mark.parametrize("action", ["terminate_instances", "stop_instances"])
def test_a_terminated_or_stopped_instance_is_replaced(account: Any, action: str) -> None:
    fleet = Fleet(account)
    before = {instance["InstanceId"] for instance in fleet.instances()}
    lost = sorted(before)[0]
    getattr(fleet.ec2, action)(InstanceIds=[lost])
    advance(account, "10m")
    after = {instance["InstanceId"] for instance in fleet.instances()}
    assert len(after) == 2 and lost not in after
    assert fleet.instances_per_subnet() == [1, 1]
    assert lost in {instance["InstanceId"] for instance in fleet.instances("terminated")}


@pytest.mark.stock_moto
def test_stock_moto_does_not_replace_a_stopped_instance(stock: Any) -> None:
    fleet = Fleet(stock)
    fleet.ec2.stop_instances(InstanceIds=[fleet.instances()[0]["InstanceId"]])
    assert len(fleet.instances()) == 1


def test_a_group_with_suspended_launches_launches_nothing(account: Any) -> None:
    fleet = Fleet(account)
    fleet.autoscaling.suspend_processes(AutoScalingGroupName="g", ScalingProcesses=["Launch"])
    fleet.ec2.terminate_instances(InstanceIds=[fleet.instances()[0]["InstanceId"]])
    advance(account, "1h")
    assert len(fleet.instances()) == 1
    fleet.autoscaling.resume_processes(AutoScalingGroupName="g", ScalingProcesses=["Launch"])
    assert len(fleet.instances()) == 2


def test_an_unhealthy_instance_is_replaced(account: Any) -> None:
    fleet = Fleet(account)
    unhealthy = fleet.instances()[0]["InstanceId"]
    fleet.autoscaling.set_instance_health(InstanceId=unhealthy, HealthStatus="Unhealthy")
    assert unhealthy not in {instance["InstanceId"] for instance in fleet.instances()}
    assert len(fleet.instances()) == 2


def test_protected_instances_survive_scaling_in_but_not_the_deletion_of_the_group(account: Any) -> None:
    fleet = Fleet(account, NewInstancesProtectedFromScaleIn=True)
    fleet.update(MinSize=0, DesiredCapacity=0)
    assert len(fleet.instances()) == 2
    fleet.autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
    advance(account, "5m")
    assert fleet.instances() == []
    assert fleet.ec2.describe_volumes()["Volumes"] == []
    assert fleet.ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_rebalancing_does_not_move_protected_instances(account: Any) -> None:
    fleet = Fleet(account, NewInstancesProtectedFromScaleIn=True, DesiredCapacity=4, MinSize=0)
    fleet.update(VPCZoneIdentifier=fleet.subnets[0])
    assert fleet.instances_per_subnet() == [4, 0]
    fleet.update(VPCZoneIdentifier=",".join(fleet.subnets))
    advance(account, "30m")
    assert fleet.instances_per_subnet() == [4, 0]


def test_a_problem_that_ends_before_the_health_check_does_not_count_later(account: Any) -> None:
    fleet = Fleet(account)
    failing = {"what": "instance", "id": fleet.instances()[0]["InstanceId"]}
    control(account, "POST", "fail", **failing)
    advance(account, "30s")
    control(account, "POST", "mend", **failing)
    advance(account, "1h")
    control(account, "POST", "fail", **failing)
    advance(account, "30s")
    assert failing["id"] in {instance["InstanceId"] for instance in fleet.instances()}
    advance(account, "5m")
    assert failing["id"] not in {instance["InstanceId"] for instance in fleet.instances()}


def test_each_launch_has_its_own_cause(account: Any) -> None:
    fleet = Fleet(account)
    fleet.update(DesiredCapacity=3)
    fleet.ec2.terminate_instances(InstanceIds=[fleet.instances()[0]["InstanceId"]])
    advance(account, "10m")
    activities = fleet.autoscaling.describe_scaling_activities(AutoScalingGroupName="g")["Activities"]
    causes = [activity["Cause"] for activity in activities if activity["Description"].startswith("Launching")]
    assert "a user request" not in causes[0] and "an unhealthy instance needing to be replaced" in causes[0]
    assert "a user request update of AutoScalingGroup constraints" in causes[1]


@pytest.mark.stock_moto
def test_stock_moto_leaks_protected_instances(stock: Any) -> None:
    fleet = Fleet(stock, NewInstancesProtectedFromScaleIn=True)
    fleet.autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
    assert len(fleet.instances()) == 2


@pytest.mark.parametrize("desired", [1, 5])
def test_a_desired_capacity_outside_the_sizes_is_refused(account: Any, desired: int) -> None:
    fleet = Fleet(account)
    for change in (
        lambda: fleet.update(DesiredCapacity=desired),
        lambda: fleet.autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=desired),
    ):
        with pytest.raises(ClientError, match="ValidationError"):
            change()
    assert fleet.describe()["DesiredCapacity"] == 2


@pytest.mark.stock_moto
def test_stock_moto_takes_any_desired_capacity(stock: Any) -> None:
    fleet = Fleet(stock)
    fleet.update(DesiredCapacity=5)
    assert fleet.describe()["DesiredCapacity"] == 5


def test_a_failed_launch_is_in_the_activities(account: Any) -> None:
    iam = account.client("iam")
    iam.create_instance_profile(InstanceProfileName="missing")
    fleet = Fleet(account, MinSize=0, data={"IamInstanceProfile": {"Name": "missing"}})
    iam.delete_instance_profile(InstanceProfileName="missing")
    fleet.update(DesiredCapacity=2)
    assert fleet.instances() == []
    activities = fleet.autoscaling.describe_scaling_activities(AutoScalingGroupName="g")["Activities"]
    assert [activity["StatusCode"] for activity in activities] == ["Failed"]
    assert "missing" in activities[0]["StatusMessage"]
    iam.create_instance_profile(InstanceProfileName="missing")
    advance(account, "5m")
    assert fleet.instances_per_subnet() == [1, 1]


def test_settings_of_a_group_are_stored_and_updated(account: Any) -> None:
    fleet = Fleet(account, DefaultInstanceWarmup=30, MaxInstanceLifetime=100_000)
    assert fleet.describe()["HealthCheckGracePeriod"] == 0
    change = {"DefaultCooldown": 7, "TerminationPolicies": ["OldestInstance"], "MaxInstanceLifetime": 200_000}
    fleet.update(**change)
    assert {**change, "DefaultInstanceWarmup": 30}.items() <= fleet.describe().items()


@pytest.mark.stock_moto
def test_stock_moto_drops_settings_of_a_group(stock: Any) -> None:
    fleet = Fleet(stock, DefaultInstanceWarmup=30)
    fleet.update(DefaultCooldown=7)
    described = fleet.describe()
    assert (described["DefaultCooldown"], described.get("DefaultInstanceWarmup")) == (300, None)


# --- container instances


@pytest.mark.parametrize("cluster_first", [True, False])
def test_instances_register_with_the_cluster_of_their_user_data(account: Any, cluster_first: bool) -> None:
    if cluster_first:
        account.client("ecs").create_cluster(clusterName="site-cluster")
    fleet = Fleet(account)
    if not cluster_first:
        fleet.ecs.create_cluster(clusterName="site-cluster")
    found = fleet.container_instances()
    assert {instance["ec2InstanceId"] for instance in found} == {
        instance["InstanceId"] for instance in fleet.instances()
    }
    assert all(instance["status"] == "ACTIVE" and instance["agentConnected"] for instance in found)
    resources = {resource["name"]: resource for resource in found[0]["registeredResources"]}
    assert resources["CPU"]["integerValue"] == 1024
    assert resources["MEMORY"]["integerValue"] == pytest.approx(950, abs=20)
    assert resources["PORTS"]["stringSetValue"] == ["22", "2375", "2376", "51678", "51679"]
    cluster = fleet.ecs.describe_clusters(clusters=["site-cluster"])["clusters"][0]
    assert cluster["registeredContainerInstancesCount"] == 2


def test_terminated_instances_are_deregistered_and_new_ones_registered(account: Any) -> None:
    fleet = Fleet(account)
    fleet.ecs.create_cluster(clusterName="site-cluster")
    fleet.ec2.terminate_instances(InstanceIds=[fleet.instances()[0]["InstanceId"]])
    advance(account, "10m")
    registered = [instance["ec2InstanceId"] for instance in fleet.container_instances()]
    assert sorted(registered) == sorted(instance["InstanceId"] for instance in fleet.instances())
    fleet.update(MinSize=0, DesiredCapacity=0)
    advance(account, "10m")
    assert fleet.container_instances() == []


@pytest.mark.stock_moto
def test_stock_moto_registers_no_instance(stock: Any) -> None:
    stock.client("ecs").create_cluster(clusterName="site-cluster")
    assert Fleet(stock).container_instances() == []


def test_a_stopped_instance_is_registered_but_not_connected(account: Any) -> None:
    fleet = Fleet(account, MinSize=0)
    fleet.ecs.create_cluster(clusterName="site-cluster")
    template = {"LaunchTemplateName": "host"}
    interface = {**fleet.data["NetworkInterfaces"][0], "SubnetId": fleet.subnets[0]}
    fleet.ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate=template, NetworkInterfaces=[interface])
    assert fleet.container_instances()[0]["agentConnected"]
    fleet.ec2.stop_instances(InstanceIds=[fleet.instances()[0]["InstanceId"]])
    assert not fleet.container_instances()[0]["agentConnected"]


def test_a_container_instance_has_its_capacity_provider(account: Any) -> None:
    fleet = Fleet(account)
    provider = {"autoScalingGroupArn": fleet.describe()["AutoScalingGroupARN"]}
    fleet.ecs.create_capacity_provider(name="provider", autoScalingGroupProvider=provider)
    fleet.ecs.create_cluster(clusterName="site-cluster", capacityProviders=["provider"])
    assert {each["capacityProviderName"] for each in fleet.container_instances()} == {"provider"}


def test_a_task_uses_a_port_and_memory_of_its_instance(account: Any) -> None:
    fleet = Fleet(account, MinSize=1, MaxSize=1)
    fleet.ecs.create_cluster(clusterName="site-cluster")
    mapping = {"containerPort": 8000, "hostPort": 8002}
    container = {"name": "site", "image": "nginx", "memory": 256, "portMappings": [mapping]}
    fleet.ecs.register_task_definition(family="site", containerDefinitions=[container])
    assert fleet.container_instances()
    task = fleet.ecs.run_task(cluster="site-cluster", taskDefinition="site", startedBy="esaws")["tasks"][0]
    left = {each["name"]: each for each in fleet.container_instances()[0]["remainingResources"]}
    assert "8002" in left["PORTS"]["stringSetValue"] and left["MEMORY"]["integerValue"] == 950 - 256
    assert task["containerInstanceArn"] == fleet.container_instances()[0]["containerInstanceArn"]
    fleet.ec2.terminate_instances(InstanceIds=[fleet.instances()[0]["InstanceId"]])
    advance(account, "10m")
    ended = fleet.ecs.describe_tasks(cluster="site-cluster", tasks=[task["taskArn"]])["tasks"][0]
    assert ended["lastStatus"] == "STOPPED" and "terminated" in ended["stoppedReason"]


# --- scheduled actions


def test_scheduled_actions_stop_a_group_at_night_and_start_it_in_the_morning(account: Any) -> None:
    fleet = Fleet(account)
    put = fleet.autoscaling.put_scheduled_update_group_action
    sizes = {"night": (0, "0 20 * * *"), "morning": (2, "0 6 * * *")}
    for name, (size, recurrence) in sizes.items():
        params = {"MinSize": size, "DesiredCapacity": size, "Recurrence": recurrence}
        put(AutoScalingGroupName="g", ScheduledActionName=name, **params)
    advance(account, "1d")
    seen = set()
    for _ in range(24):
        advance(account, "1h")
        hour = datetime.fromtimestamp(now(account), UTC).hour
        seen.add((6 <= hour < 20, len(fleet.instances()), fleet.describe()["MinSize"]))
    assert seen == {(True, 2, 2), (False, 0, 0)}


def test_an_action_without_recurrence_runs_once(account: Any) -> None:
    fleet = Fleet(account)
    start = datetime.fromtimestamp(now(account) + 1800, UTC)
    params = {"AutoScalingGroupName": "g", "ScheduledActionName": "more"}
    fleet.autoscaling.put_scheduled_update_group_action(**params, StartTime=start, DesiredCapacity=4)
    advance(account, "1h")
    assert fleet.describe()["DesiredCapacity"] == 4
    assert fleet.autoscaling.describe_scheduled_actions()["ScheduledUpdateGroupActions"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"Recurrence": "every day", "MinSize": 0},
        {"Recurrence": "0 20 * * *"},
        {"StartTime": "2020-01-01T00:00:00Z", "MinSize": 0},
        {"MinSize": 0},
    ],
    ids=str,
)
def test_an_invalid_scheduled_action_is_refused(account: Any, params: dict[str, Any]) -> None:
    fleet = Fleet(account, MinSize=0)
    with pytest.raises(ClientError, match="ValidationError"):
        fleet.autoscaling.put_scheduled_update_group_action(
            AutoScalingGroupName="g", ScheduledActionName="never", **params
        )
