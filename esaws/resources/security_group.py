"""A security group."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import ITSELF, Always, Call, Field, Name, Network, Parameter, Text, Unchecked
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._ec2 import delete_after_users, documented_tags, list_owned, tag_specifications, users_of_group
from esaws.resources.vpc import VPC

ALL_OUTBOUND = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


GROUP_TEXT = Text(
    1, 255, r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]*", "letters, digits, spaces and any of ._-:/()#,@[]+=&;{}!$*"
)
"""What the name and the description of a group take."""

_OUTBOUND: dict[str, Parameter] = {
    "GroupId": ITSELF,
    "IpPermissions[].IpProtocol": Always("-1", Unchecked("tcp, udp, icmp, icmpv6, a number, or -1 for all")),
    "IpPermissions[].IpRanges[].CidrIp": Always("0.0.0.0/0", Network()),
}


@dataclass(frozen=True, kw_only=True)
class SecurityGroup(Resource):
    """A named set of rules in a VPC. The rules are resources of their own, except one.

    AWS adds a rule to each new group that allows all outbound traffic. `all_outbound` keeps it.
    """

    vpc: VPC
    description: str
    all_outbound: bool = True

    in_place = frozenset({"all_outbound"})
    icon = "aws.network.VPCElasticNetworkInterface"
    free = "AWS does not charge for security groups"
    permissions = (
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
        "ec2:DeleteSecurityGroup",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupEgress",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",
            {
                "GroupName": Name(GROUP_TEXT),
                "Description": Field("description", GROUP_TEXT),
                "VpcId": Field("vpc"),
                **documented_tags("security-group"),
            },
        ),
        Call("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html", _OUTBOUND),
        Call("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupEgress.html", _OUTBOUND),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html", {"GroupId": ITSELF}
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        return [
            Live(
                cls.kind,
                name,
                raw["GroupId"],
                parents=frozenset({Ref("VPC", raw["VpcId"])}),
                fields={
                    "vpc": raw["VpcId"],
                    "description": raw["Description"],
                    "all_outbound": any(
                        permission["IpProtocol"] == "-1"
                        and any(source["CidrIp"] == "0.0.0.0/0" for source in permission.get("IpRanges", ()))
                        for permission in raw["IpPermissionsEgress"]
                    ),
                },
                raw=raw,
            )
            for name, raw in list_owned(cloud, "describe_security_groups", "SecurityGroups")
        ]

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("ec2").create_security_group(
            GroupName=cloud.aws_name(self.name),
            Description=self.description,
            VpcId=self.vpc.id_in(cloud),
            TagSpecifications=tag_specifications(cloud, "security-group", self.name),
        )
        group_id = self.remember_id(cloud, created["GroupId"])
        cloud.wait("ec2", "security_group_exists", GroupIds=[group_id])
        if not self.all_outbound:
            self._set_all_outbound(cloud, group_id)

    def update(self, cloud: Cloud, live: Live) -> None:
        self._set_all_outbound(cloud, live.id)

    def _set_all_outbound(self, cloud: Cloud, group_id: str) -> None:
        ec2 = cloud.client("ec2")
        change = ec2.authorize_security_group_egress if self.all_outbound else ec2.revoke_security_group_egress
        change(GroupId=group_id, IpPermissions=[ALL_OUTBOUND])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        # AWS rejects this while an interface has the group, or a rule of another group refers to it.
        delete = partial(cloud.client("ec2").delete_security_group, GroupId=live.id)
        with ignore_codes("InvalidGroup.NotFound"):
            delete_after_users(cloud, delete, lambda: users_of_group(cloud, live.id))

    @classmethod
    def example(cls) -> Self:
        return cls(name="web-sg", vpc=VPC.example(), description="Web traffic")
