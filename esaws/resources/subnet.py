"""A subnet of a VPC, in one Availability Zone."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import BOOLEAN, ITSELF, Call, Field, Network, Unchecked
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._ec2 import delete_after_users, documented_tags, interfaces_in, list_owned, tag_specifications
from esaws.resources.vpc import VPC


@dataclass(frozen=True, kw_only=True)
class Subnet(Resource):
    """A range of the VPC's addresses in zone `a`, `b` or `c`. `public_addresses` gives each instance one."""

    vpc: VPC
    cidr: str
    zone: str
    public_addresses: bool = False

    in_place = frozenset({"public_addresses"})
    seconds = 2
    icon = "aws.network.PublicSubnet"
    free = "AWS charges for resources in a subnet, not for the subnet"
    permissions = (
        "ec2:CreateSubnet",
        "ec2:CreateTags",
        "ec2:DeleteSubnet",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:ModifySubnetAttribute",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html",
            {
                "VpcId": Field("vpc"),
                "CidrBlock": Field("cidr", Network(16, 28)),
                "AvailabilityZone": Field("zone", Unchecked("the letter of a zone that the region has")),
                **documented_tags("subnet"),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html",
            {"SubnetId": ITSELF, "MapPublicIpOnLaunch.Value": Field("public_addresses", BOOLEAN)},
        ),
        Call("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html", {"SubnetId": ITSELF}),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        return [
            Live(
                cls.kind,
                name,
                raw["SubnetId"],
                parents=frozenset({Ref("VPC", raw["VpcId"])}),
                state=raw["State"],
                fields={
                    "vpc": raw["VpcId"],
                    "cidr": raw["CidrBlock"],
                    "zone": raw["AvailabilityZone"].removeprefix(cloud.region),
                    "public_addresses": raw["MapPublicIpOnLaunch"],
                },
                raw=raw,
            )
            for name, raw in list_owned(cloud, "describe_subnets", "Subnets")
        ]

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("ec2").create_subnet(
            VpcId=self.vpc.id_in(cloud),
            CidrBlock=self.cidr,
            AvailabilityZone=cloud.region + self.zone,
            TagSpecifications=tag_specifications(cloud, "subnet", self.name),
        )["Subnet"]
        subnet_id = self.remember_id(cloud, created["SubnetId"])
        cloud.wait("ec2", "subnet_available", SubnetIds=[subnet_id])
        self._set_public_addresses(cloud, subnet_id)

    def update(self, cloud: Cloud, live: Live) -> None:
        self._set_public_addresses(cloud, live.id)

    def _set_public_addresses(self, cloud: Cloud, subnet_id: str) -> None:
        value = {"Value": self.public_addresses}
        cloud.client("ec2").modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch=value)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        delete = partial(cloud.client("ec2").delete_subnet, SubnetId=live.id)
        with ignore_codes("InvalidSubnetID.NotFound"):
            delete_after_users(cloud, delete, lambda: interfaces_in(cloud, "subnet-id", live.id))

    @classmethod
    def example(cls) -> Self:
        return cls(name="public-a", vpc=VPC.example(), cidr="172.31.0.0/20", zone="a", public_addresses=True)
