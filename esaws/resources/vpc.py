"""A virtual private cloud."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import BOOLEAN, ITSELF, Call, Field, Network
from esaws.resource import Live, Lives, Resource
from esaws.resources._ec2 import delete_after_users, documented_tags, list_owned, tag_specifications, users_of_vpc


@dataclass(frozen=True, kw_only=True)
class VPC(Resource):
    """A network with its own address range. With `dns_hostnames`, AWS gives its hosts DNS names."""

    cidr: str
    dns_hostnames: bool = True

    in_place = frozenset({"dns_hostnames"})
    seconds = 2
    icon = "aws.network.VPC"
    free = "AWS charges for resources in a VPC, not for the VPC"
    permissions = (
        "ec2:CreateTags",
        "ec2:CreateVpc",
        "ec2:DeleteVpc",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcs",
        "ec2:ModifyVpcAttribute",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html",
            {
                "CidrBlock": Field(
                    "cidr", Network(16, 28), "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"
                ),
                **documented_tags("vpc"),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html",
            {"VpcId": ITSELF, "EnableDnsHostnames.Value": Field("dns_hostnames", BOOLEAN)},
        ),
        Call("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html", {"VpcId": ITSELF}),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        ec2 = cloud.client("ec2")
        lives = []
        for name, raw in list_owned(cloud, "describe_vpcs", "Vpcs"):
            names = ec2.describe_vpc_attribute(VpcId=raw["VpcId"], Attribute="enableDnsHostnames")
            observed = {"cidr": raw["CidrBlock"], "dns_hostnames": names["EnableDnsHostnames"]["Value"]}
            lives.append(Live(cls.kind, name, raw["VpcId"], state=raw["State"], fields=observed, raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        tags = tag_specifications(cloud, "vpc", self.name)
        created = cloud.client("ec2").create_vpc(CidrBlock=self.cidr, TagSpecifications=tags)["Vpc"]
        vpc_id = self.remember_id(cloud, created["VpcId"])
        cloud.wait("ec2", "vpc_available", VpcIds=[vpc_id])
        self._set_dns_hostnames(cloud, vpc_id)

    def update(self, cloud: Cloud, live: Live) -> None:
        self._set_dns_hostnames(cloud, live.id)

    def _set_dns_hostnames(self, cloud: Cloud, vpc_id: str) -> None:
        cloud.client("ec2").modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": self.dns_hostnames})

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("InvalidVpcID.NotFound"):
            delete = partial(cloud.client("ec2").delete_vpc, VpcId=live.id)
            delete_after_users(cloud, delete, lambda: users_of_vpc(cloud, live.id))

    @classmethod
    def example(cls) -> Self:
        return cls(name="vpc", cidr="172.31.0.0/16")
