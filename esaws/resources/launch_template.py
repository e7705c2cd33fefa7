"""A launch template: the settings of the instances of an Auto Scaling group."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, tag_list
from esaws.cloud import Cloud
from esaws.documented import (
    ANY_TAG,
    BOOLEAN,
    ITSELF,
    NOT_DOCUMENTED,
    Always,
    Between,
    Call,
    Field,
    Made,
    Name,
    OneOf,
    Parameter,
    Text,
    Unchecked,
    tags,
)
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._ec2 import documented_tags, list_owned, tag_specifications
from esaws.resources.cluster import Cluster
from esaws.resources.instance_profile import InstanceProfile
from esaws.resources.security_group import SecurityGroup

ROOT_DEVICE = "/dev/xvda"

_GONE = ("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateName.NotFoundException")
_USER_DATA = '#!/bin/bash\necho "ECS_CLUSTER={}" >> /etc/ecs/ecs.config\n'


_VOLUME_GB = {"gp2": (1, 16_384), "gp3": (1, 65_536), "st1": (125, 16_384), "sc1": (125, 16_384), "standard": (1, 1024)}
"""Volume type → the sizes in GiB that EBS has. io1 and io2 need IOPS, and no field has them.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LaunchTemplateEbsBlockDeviceRequest.html
"""

_DATA: dict[str, Parameter] = {
    f"LaunchTemplateData.{path}": parameter
    for path, parameter in {
        "ImageId": Field("image_parameter", Unchecked("a parameter of Systems Manager that holds the id of an image")),
        "InstanceType": Field("instance_type", Unchecked("a type that the region has")),
        "IamInstanceProfile.Name": Field("instance_profile"),
        "BlockDeviceMappings[].DeviceName": Always(ROOT_DEVICE, NOT_DOCUMENTED),
        "BlockDeviceMappings[].Ebs.VolumeSize": Field("root_gb", Between(1, 65_536, "GiB, by the type of the volume")),
        "BlockDeviceMappings[].Ebs.VolumeType": Field("root_type", OneOf(*_VOLUME_GB, besides="io1 and io2")),
        "BlockDeviceMappings[].Ebs.DeleteOnTermination": Always(True, BOOLEAN),
        "NetworkInterfaces[].DeviceIndex": Always(0, Unchecked("0 for the primary network interface")),
        "NetworkInterfaces[].AssociatePublicIpAddress": Field("public_address", BOOLEAN),
        "NetworkInterfaces[].DeleteOnTermination": Always(True, BOOLEAN),
        "NetworkInterfaces[].Groups[]": Field("security_groups"),
        "UserData": Field("cluster", Unchecked("up to 16 KB in base64; esaws sends two lines that name the cluster")),
        "TagSpecifications[].ResourceType": Made(Unchecked("instance and volume")),
        **tags("TagSpecifications[].Tags", ANY_TAG),
    }.items()
}


@dataclass(frozen=True, kw_only=True)
class LaunchTemplate(Resource):
    """Describes an ECS instance: its image, as the SSM parameter names it when it starts, and its cluster.

    A change is a new version that becomes the default; instances that run already stay as they are.
    """

    cluster: Cluster
    instance_type: str = "t2.micro"
    image_parameter: str = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    root_gb: int = 30
    root_type: str = "gp2"
    security_groups: tuple[SecurityGroup, ...]
    instance_profile: InstanceProfile
    public_address: bool = True

    in_place = frozenset(
        {
            "cluster",
            "instance_type",
            "image_parameter",
            "root_gb",
            "root_type",
            "security_groups",
            "instance_profile",
            "public_address",
        }
    )
    icon = "aws.compute.EC2Ami"
    free = "AWS charges for the instances, not for their template"
    permissions = (
        "ec2:CreateLaunchTemplate",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:CreateTags",
        "ec2:DeleteLaunchTemplate",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeLaunchTemplates",
        "ec2:ModifyLaunchTemplate",
        "ecs:DescribeClusters",
        "ecs:ListClusters",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html",
            {
                "LaunchTemplateName": Name(Text(3, 128, r"[a-zA-Z0-9()./_-]*", "letters, digits and any of ()./_-")),
                **_DATA,
                **documented_tags("launch-template"),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html",
            {"LaunchTemplateId": ITSELF, **_DATA},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyLaunchTemplate.html",
            {"LaunchTemplateId": ITSELF, "DefaultVersion": Made(Unchecked("the number that AWS gave the version"))},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplate.html",
            {"LaunchTemplateId": ITSELF},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = _VOLUME_GB[self.root_type]
        if not low <= self.root_gb <= high:
            raise self.refusal(
                f"root_gb {self.root_gb} is not valid. Use {low:,} to {high:,} GiB with {self.root_type}.",
                "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LaunchTemplateEbsBlockDeviceRequest.html",
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        clusters = {cluster.raw["clusterName"]: cluster.id for cluster in Cluster.listed(cloud)}
        lives = []
        for name, raw in list_owned(cloud, "describe_launch_templates", "LaunchTemplates"):
            with ignore_codes(*_GONE):
                described = cloud.client("ec2").describe_launch_template_versions(
                    LaunchTemplateId=raw["LaunchTemplateId"], Versions=["$Default"]
                )
                data = described["LaunchTemplateVersions"][0]["LaunchTemplateData"]
                observed = _observed(data, clusters)
                parents = frozenset(
                    {Ref("Cluster", observed["cluster"]), Ref("InstanceProfile", str(observed["instance_profile"]))}
                    | {Ref("SecurityGroup", group) for group in observed["security_groups"]}
                )
                lives.append(
                    Live(cls.kind, name, raw["LaunchTemplateId"], parents=parents, fields=observed, raw=raw | data)
                )
        return lives

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"security_groups": frozenset(self.security_groups)}

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("ec2").create_launch_template(
            LaunchTemplateName=cloud.aws_name(self.name),
            LaunchTemplateData=self._data(cloud),
            TagSpecifications=tag_specifications(cloud, "launch-template", self.name),
        )
        self.remember_id(cloud, created["LaunchTemplate"]["LaunchTemplateId"])

    def update(self, cloud: Cloud, live: Live) -> None:
        ec2 = cloud.client("ec2")
        created = ec2.create_launch_template_version(LaunchTemplateId=live.id, LaunchTemplateData=self._data(cloud))
        version = created["LaunchTemplateVersion"]["VersionNumber"]
        ec2.modify_launch_template(LaunchTemplateId=live.id, DefaultVersion=str(version))

    def _data(self, cloud: Cloud) -> dict[str, Any]:
        volume = {"VolumeSize": self.root_gb, "VolumeType": self.root_type, "DeleteOnTermination": True}
        interface = {
            "DeviceIndex": 0,
            "AssociatePublicIpAddress": self.public_address,
            "DeleteOnTermination": True,
            "Groups": [group.id_in(cloud) for group in self.security_groups],
        }
        tags = tag_list(cloud.tags(self.name, expiry=False))
        return {
            "ImageId": f"resolve:ssm:{self.image_parameter}",
            "InstanceType": self.instance_type,
            "IamInstanceProfile": {"Name": self.instance_profile.id_in(cloud)},
            "BlockDeviceMappings": [{"DeviceName": ROOT_DEVICE, "Ebs": volume}],
            "NetworkInterfaces": [interface],
            "UserData": b64encode(_USER_DATA.format(cloud.aws_name(self.cluster.name)).encode()).decode(),
            # The instances and volumes made from the template get the ownership tags as well.
            "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
        }

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes(*_GONE):
            cloud.client("ec2").delete_launch_template(LaunchTemplateId=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(
            name="web-lt",
            cluster=Cluster.example(),
            security_groups=(SecurityGroup.example(),),
            instance_profile=InstanceProfile.example(),
        )


def _observed(data: dict[str, Any], clusters: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a template's data. Pure. `clusters` maps names on AWS to ids."""
    interface: dict[str, Any] = next(iter(data.get("NetworkInterfaces", ())), {})
    volumes = {mapping["DeviceName"]: mapping.get("Ebs", {}) for mapping in data.get("BlockDeviceMappings", ())}
    profile = data.get("IamInstanceProfile", {})
    return {
        "cluster": _cluster(data.get("UserData", ""), clusters),
        "instance_type": data.get("InstanceType"),
        "image_parameter": data.get("ImageId", "").removeprefix("resolve:ssm:"),
        "root_gb": volumes.get(ROOT_DEVICE, {}).get("VolumeSize"),
        "root_type": volumes.get(ROOT_DEVICE, {}).get("VolumeType"),
        "security_groups": frozenset(interface.get("Groups", ())) | frozenset(data.get("SecurityGroupIds", ())),
        "instance_profile": profile.get("Name") or profile.get("Arn", "").rpartition("/")[2] or None,
        "public_address": interface.get("AssociatePublicIpAddress"),
    }


def _cluster(user_data: str, clusters: dict[str, str]) -> str:
    """Return the id of the cluster that the user data joins. Other user data is hidden: it may contain secrets."""
    script = b64decode(user_data).decode(errors="replace")
    for name, cluster_id in clusters.items():
        if script == _USER_DATA.format(name):
            return cluster_id
    return "(none of ours: the user data is another)"
