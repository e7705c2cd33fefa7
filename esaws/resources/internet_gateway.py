"""An internet gateway."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from esaws.aws import ignore_codes, ignore_repetition
from esaws.cloud import Cloud
from esaws.documented import ID, ITSELF, Call, Field, Made
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._ec2 import delete_after_users, documented_tags, interfaces_in, list_owned, tag_specifications
from esaws.resources.vpc import VPC

_GONE = "InvalidInternetGatewayID.NotFound"


@dataclass(frozen=True, kw_only=True)
class InternetGateway(Resource):
    """Attached to one VPC. A route to it makes a subnet public."""

    vpc: VPC

    in_place = frozenset({"vpc"})
    # AWS can't detach a gateway while resources in the VPC have public addresses.
    delete_after = frozenset({"LoadBalancer", "AutoScalingGroup", "DBInstance", "Broker", "Service", "Task"})
    icon = "aws.network.InternetGateway"
    free = "AWS charges for the traffic and for public addresses, not for the gateway"
    permissions = (
        "ec2:AttachInternetGateway",
        "ec2:CreateInternetGateway",
        "ec2:CreateTags",
        "ec2:DeleteInternetGateway",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DetachInternetGateway",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInternetGateway.html",
            documented_tags("internet-gateway"),
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html",
            {"InternetGatewayId": ITSELF, "VpcId": Field("vpc")},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html",
            {"InternetGatewayId": ITSELF, "VpcId": Made(ID)},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteInternetGateway.html",
            {"InternetGatewayId": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for name, raw in list_owned(cloud, "describe_internet_gateways", "InternetGateways"):
            attachment: dict[str, str] = next(iter(raw["Attachments"]), {})
            vpc = attachment.get("VpcId")
            lives.append(
                Live(
                    cls.kind,
                    name,
                    raw["InternetGatewayId"],
                    parents=frozenset({Ref("VPC", vpc)} if vpc else ()),
                    state=attachment.get("State", "detached"),
                    fields={"vpc": vpc},
                    raw=raw,
                )
            )
        return lives

    def create(self, cloud: Cloud) -> None:
        tags = tag_specifications(cloud, "internet-gateway", self.name)
        created = cloud.client("ec2").create_internet_gateway(TagSpecifications=tags)["InternetGateway"]
        self._attach(cloud, self.remember_id(cloud, created["InternetGatewayId"]))

    def update(self, cloud: Cloud, live: Live) -> None:
        _detach(cloud, live)
        self._attach(cloud, live.id)

    def _attach(self, cloud: Cloud, gateway_id: str) -> None:
        vpc_id = self.vpc.id_in(cloud)
        attach = cloud.client("ec2").attach_internet_gateway
        with ignore_repetition("Resource.AlreadyAssociated", lambda: _is_attached(cloud, gateway_id, vpc_id)):
            cloud.retry(lambda: attach(InternetGatewayId=gateway_id, VpcId=vpc_id), _GONE, minutes=1)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        _detach(cloud, live)
        with ignore_codes(_GONE):
            delete = cloud.client("ec2").delete_internet_gateway
            cloud.retry(lambda: delete(InternetGatewayId=live.id), "DependencyViolation")

    @classmethod
    def example(cls) -> Self:
        return cls(name="igw", vpc=VPC.example())


def _is_attached(cloud: Cloud, gateway_id: str, vpc_id: str) -> bool:
    (gateway,) = cloud.client("ec2").describe_internet_gateways(InternetGatewayIds=[gateway_id])["InternetGateways"]
    return any(attachment["VpcId"] == vpc_id for attachment in gateway["Attachments"])


def _detach(cloud: Cloud, live: Live) -> None:
    for attachment in live.raw["Attachments"]:
        pair = {"InternetGatewayId": live.id, "VpcId": attachment["VpcId"]}
        detach = partial(cloud.client("ec2").detach_internet_gateway, **pair)
        # "Network … has some mapped public address(es)": those of a load balancer stay for minutes after it.
        with ignore_codes("Gateway.NotAttached", _GONE, "InvalidVpcID.NotFound"):
            delete_after_users(cloud, detach, partial(interfaces_in, cloud, "vpc-id", attachment["VpcId"]))
