"""An Auto Scaling group: keeps a number of instances running and replaces failed ones."""

import re
import time
from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import ClientError

from esaws.aws import error_code, ignore_repetition, pages, tag_dict, tag_list
from esaws.cloud import EXPIRY_TAG, Cloud
from esaws.documented import (
    ANY_TAG,
    BOOLEAN,
    ITSELF,
    OF_ESAWS,
    Always,
    Between,
    Call,
    Each,
    Field,
    Made,
    Name,
    OneOf,
    Parameter,
    Text,
    Unchecked,
    tags,
)
from esaws.errors import EsawsError
from esaws.pricelist import Usage
from esaws.resource import Live, Lives, Ref, Resource, Usages
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.subnet import Subnet

_CREATE_AUTO_SCALING_GROUP_PAGE = (
    "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html"
)

REPLACED_TAG = "esaws:replaced-in"
"""A tag of an instance that is being replaced, and no longer in its group: the name of the group on AWS."""

_NEW_PROFILE = "Invalid IAM Instance Profile"
_RETRIES = "mend it; the group tries again by itself"
# Activities have EC2's message without its code.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-capacity.html
_NO_CAPACITY = re.compile("insufficient .*capacity|not have sufficient .*capacity", re.IGNORECASE)
_CAPACITY_SECONDS, _LOCAL_CAPACITY_SECONDS = 300.0, 0.0
# Volume type → usage type and operation on bills, if they do not follow from the type.
_VOLUMES = {"standard": ("EBS:VolumeUsage", "CreateVolume")}
_ALIVE = ["pending", "running", "stopping", "stopped", "shutting-down"]


_SETTINGS: dict[str, Parameter] = {
    "LaunchTemplate.LaunchTemplateId": Field("template"),
    "LaunchTemplate.Version": Always("$Default", Unchecked("a number, $Latest or $Default")),
    "VPCZoneIdentifier": Field("subnets", Each(Unchecked("ids of subnets, 5,000 characters together"), 1)),
    "MinSize": Field("minimum", Between(0), OF_ESAWS),
    "MaxSize": Field("maximum", Between(0), OF_ESAWS),
}


@dataclass(frozen=True, kw_only=True)
class AutoScalingGroup(Resource):
    """Keeps `minimum` to `maximum` instances over the zones of `subnets`, and replaces stopped ones.

    It starts with `desired_capacity` of them; later that is for a scaler to say.
    """

    template: LaunchTemplate
    subnets: tuple[Subnet, ...]
    minimum: int
    maximum: int
    desired_capacity: int

    in_place = frozenset({"template", "subnets", "minimum", "maximum"})
    not_compared = frozenset({"desired_capacity"})
    deleting = frozenset({"Delete in progress"})
    # ECS waits for tasks whose instances are terminated under them, so tasks are stopped first.
    delete_after = frozenset({"Service", "Task"})
    seconds = 60
    icon = "aws.compute.EC2AutoScaling"
    permissions = (
        "autoscaling:CreateAutoScalingGroup",
        "autoscaling:CreateOrUpdateTags",
        "autoscaling:DeleteAutoScalingGroup",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:UpdateAutoScalingGroup",
        "ec2:CreateTags",
        "ec2:DescribeInstances",
        "ec2:RunInstances",
        "ec2:TerminateInstances",
        "iam:CreateServiceLinkedRole",
        "iam:PassRole",
        "ssm:GetParameters",
    )
    documented = (
        Call(
            _CREATE_AUTO_SCALING_GROUP_PAGE,
            {
                "AutoScalingGroupName": Name(
                    Text(1, 255, r"[!-9;-~]*", "printable ASCII characters without spaces and colons")
                ),
                "DesiredCapacity": Field("desired_capacity", Between(0), OF_ESAWS),
                **_SETTINGS,
                "Tags[].ResourceId": ITSELF,
                "Tags[].ResourceType": Always("auto-scaling-group", OneOf("auto-scaling-group")),
                "Tags[].PropagateAtLaunch": Made(BOOLEAN),
                **tags("Tags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html",
            {"AutoScalingGroupName": ITSELF, **_SETTINGS},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html",
            {"InstanceIds[]": Made(Unchecked("the ids of the instances that left the group"))},
        ),
        Call(
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html",
            {"AutoScalingGroupName": ITSELF, "ForceDelete": Always(True, BOOLEAN)},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.minimum <= self.desired_capacity <= self.maximum:
            sizes = f"minimum {self.minimum}, desired_capacity {self.desired_capacity}, maximum {self.maximum}"
            raise self.refusal(
                f"{sizes}: these must not descend. Change one of them.",
                _CREATE_AUTO_SCALING_GROUP_PAGE,
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        filters = [{"Name": "tag:esaws:deployment", "Values": [cloud.deployment]}]
        lives = []
        for raw in pages(cloud, "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", Filters=filters):
            if name := cloud.owned_name(tag_dict(raw["Tags"])):
                lives.append(cls._live(name, raw))
        return lives

    @classmethod
    def _live(cls, name: str, raw: dict[str, Any]) -> Live:
        template = raw.get("LaunchTemplate", {})
        template_id, version = template.get("LaunchTemplateId"), template.get("Version")
        subnets = frozenset(raw["VPCZoneIdentifier"].split(","))
        return Live(
            cls.kind,
            name,
            raw["AutoScalingGroupARN"],
            parents=frozenset(
                {Ref("LaunchTemplate", str(template_id))} | {Ref("Subnet", subnet) for subnet in subnets}
            ),
            state=raw.get("Status", ""),
            fields={
                "template": template_id if version == "$Default" else (template_id, f"version {version}"),
                "subnets": subnets,
                "minimum": raw["MinSize"],
                "maximum": raw["MaxSize"],
            },
            raw=raw,
        )

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"subnets": frozenset(self.subnets)}

    def usage(self) -> Usages:
        template, count, kind = self.template, self.desired_capacity, self.template.root_type
        volume, operation = _VOLUMES.get(kind, (f"EBS:VolumeUsage.{kind}", f"CreateVolume-{kind.capitalize()}"))
        addresses = [Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "RunInstances", count=count)]
        return [
            Usage.hours("AmazonEC2", f"BoxUsage:{template.instance_type}", "RunInstances", count=count),
            Usage.gb_month("AmazonEC2", volume, template.root_gb * count, operation),
            *(addresses if template.public_address else []),
        ]

    def create(self, cloud: Cloud) -> None:
        autoscaling, name = cloud.client("autoscaling"), cloud.aws_name(self.name)
        settings = self._settings(cloud) | {
            "DesiredCapacity": self.desired_capacity,
            "Tags": group_tags(name, cloud.tags(self.name)),
        }
        _retry_until_profile_exists(
            cloud, lambda: autoscaling.create_auto_scaling_group(AutoScalingGroupName=name, **settings)
        )
        cloud.wait_until(f"{name} exists", lambda: describe_group(cloud, name), minutes=1)
        raw = describe_group(cloud, name)
        assert raw
        self.remember_id(cloud, raw["AutoScalingGroupARN"])
        wait_for_instances(cloud, name, self.desired_capacity)

    def update(self, cloud: Cloud, live: Live) -> None:
        update, settings = cloud.client("autoscaling").update_auto_scaling_group, self._settings(cloud)
        name = live.raw["AutoScalingGroupName"]
        _retry_until_profile_exists(cloud, lambda: update(AutoScalingGroupName=name, **settings))

    def _settings(self, cloud: Cloud) -> dict[str, Any]:
        return {
            "LaunchTemplate": {"LaunchTemplateId": self.template.id_in(cloud), "Version": "$Default"},
            "VPCZoneIdentifier": ",".join(subnet.id_in(cloud) for subnet in self.subnets),
            "MinSize": self.minimum,
            "MaxSize": self.maximum,
        }

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        name = live.raw["AutoScalingGroupName"]
        # Deleting a missing group has no error code of its own, so it is described first.
        raw = describe_group(cloud, name)
        if raw and raw.get("Status") not in cls.deleting:
            delete = cloud.client("autoscaling").delete_auto_scaling_group
            busy = ("ScalingActivityInProgress", "ResourceInUse")
            with ignore_repetition("ValidationError", lambda: not describe_group(cloud, name)):
                cloud.retry(lambda: delete(AutoScalingGroupName=name, ForceDelete=True), *busy)
        cloud.wait_until(f"{name} is gone", lambda: not describe_group(cloud, name), minutes=20)
        _terminate_detached(cloud, name)
        # Instances that left the group before they are terminated still use their subnet and security groups.
        wait_for_termination(cloud, name)

    @classmethod
    def example(cls) -> Self:
        return cls(
            name="web-asg",
            template=LaunchTemplate.example(),
            subnets=(Subnet.example(),),
            minimum=1,
            maximum=1,
            desired_capacity=1,
        )


def group_tags(name: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    """Return the tags of a group, by its name on AWS, for its calls.

    Its instances get the expiry from the group, where it can be changed; all other tags from the launch template.
    """
    group = {"ResourceId": name, "ResourceType": "auto-scaling-group"}
    return [group | tag | {"PropagateAtLaunch": tag["Key"] == EXPIRY_TAG} for tag in tag_list(tags)]


def instances_in_service(cloud: Cloud, name: str) -> list[str]:
    """Return the ids of the instances in service of a group, by its name on AWS."""
    raw = describe_group(cloud, name) or {"Instances": []}
    return [instance["InstanceId"] for instance in raw["Instances"] if instance["LifecycleState"] == "InService"]


def wait_for_instances(cloud: Cloud, name: str, count: int) -> None:
    """Wait until `count` instances of the group of this name on AWS are in service.

    Raises:
        EsawsError: a launch failed, there was no capacity for five minutes, or it took more than ten.
    """
    # The group tries again by itself, in other zones too. The clock of the local AWS does not move to that time.
    deadline = time.monotonic() + (_CAPACITY_SECONDS if cloud.is_aws else _LOCAL_CAPACITY_SECONDS)

    def in_service() -> bool:
        if len(instances_in_service(cloud, name)) >= count:
            return True
        reason = _failed_launch(cloud, name)
        if not reason or (_NO_CAPACITY.search(reason) and time.monotonic() < deadline):
            return False
        code = "InsufficientInstanceCapacity: " if _NO_CAPACITY.search(reason) else ""
        raise EsawsError(
            f"{name} can't launch an instance: {code}{reason} → "
            + ("wait, or choose another instance type or zones; the group tries again by itself" if code else _RETRIES)
        )

    cloud.wait_until(f"{count} instances of {name} are in service", in_service)


def _terminate_detached(cloud: Cloud, name: str) -> None:
    """Terminate the instances that an interrupted replacement has detached from a group."""
    filters = [{"Name": f"tag:{REPLACED_TAG}", "Values": [name]}, {"Name": "instance-state-name", "Values": _ALIVE}]
    reservations = pages(cloud, "ec2", "describe_instances", "Reservations", Filters=filters)
    if ids := [raw["InstanceId"] for reservation in reservations for raw in reservation["Instances"]]:
        cloud.client("ec2").terminate_instances(InstanceIds=ids)
        cloud.wait("ec2", "instance_terminated", InstanceIds=ids)


def wait_for_termination(cloud: Cloud, name: str) -> None:
    """Wait until all instances of the group of this name on AWS are terminated, including those that left it."""
    filters = [
        {"Name": "tag:aws:autoscaling:groupName", "Values": [name]},
        {"Name": "instance-state-name", "Values": _ALIVE},
    ]
    cloud.wait_until(
        f"the instances of {name} are terminated",
        lambda: not any(pages(cloud, "ec2", "describe_instances", "Reservations", Filters=filters)),
        minutes=20,
    )


def describe_group(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """Return the description of the group of this name on AWS, or None if it does not exist."""
    response = cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return next(iter(response["AutoScalingGroups"]), None)


def _retry_until_profile_exists(cloud: Cloud, call: Any) -> None:
    """Repeat `call` until EC2 knows a new instance profile. AWS answers with a general validation code until then."""

    def accepted() -> bool:
        try:
            call()
        except ClientError as error:
            if error_code(error) != "ValidationError" or _NEW_PROFILE not in str(error):
                raise
            return False
        return True

    cloud.wait_until("EC2 knows the instance profile", accepted, minutes=2)


def _failed_launch(cloud: Cloud, name: str) -> str:
    """Return why the group's last launch failed; empty if it did not, or if its new profile was only unknown."""
    activities = cloud.client("autoscaling").describe_scaling_activities(AutoScalingGroupName=name, MaxRecords=1)
    for activity in activities["Activities"]:
        reason = str(activity.get("StatusMessage", ""))
        if activity["StatusCode"] == "Failed" and _NEW_PROFILE not in reason:
            return reason
    return ""
