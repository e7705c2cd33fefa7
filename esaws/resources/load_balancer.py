"""An Application Load Balancer."""

from dataclasses import dataclass, replace
from typing import Any, Self

from esaws.aws import ignore_codes, pages, tag_list
from esaws.cloud import Cloud
from esaws.documented import ITSELF, TAG, Always, Call, Each, Field, Flag, Name, OneOf, Unchecked, tags
from esaws.pricelist import Usage
from esaws.resource import Live, Lives, Ref, Resource, Usages
from esaws.resources._elbv2 import NAME, NO_BALANCER, list_owned
from esaws.resources.internet_gateway import InternetGateway
from esaws.resources.security_group import SecurityGroup
from esaws.resources.subnet import Subnet

# A diagram may show one zone, which AWS refuses.
_SUBNETS = Each(Unchecked("ids of subnets in at least two Availability Zones, one in each"), 1)


@dataclass(frozen=True, kw_only=True)
class LoadBalancer(Resource):
    """Forwards requests to healthy targets. It needs two zones, and an internet gateway if internet-facing."""

    subnets: tuple[Subnet, ...]
    security_groups: tuple[SecurityGroup, ...]
    internet_facing: bool = True

    in_place = frozenset({"subnets", "security_groups"})
    pending = frozenset({"provisioning"})
    seconds = 150
    icon = "aws.network.ElbApplicationLoadBalancer"
    permissions = (
        "ec2:DescribeNetworkInterfaces",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
        "iam:CreateServiceLinkedRole",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
            {
                "Name": Name(NAME),
                "Type": Always("application", OneOf("application", "network", "gateway")),
                "Scheme": Field("internet_facing", Flag("internet-facing", "internal")),
                "Subnets[]": Field("subnets", _SUBNETS),
                "SecurityGroups[]": Field("security_groups"),
                **tags("Tags", TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html",
            {
                "LoadBalancerArn": ITSELF,
                "Subnets[]": Field("subnets", _SUBNETS),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSecurityGroups.html",
            {"LoadBalancerArn": ITSELF, "SecurityGroups[]": Field("security_groups")},
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html",
            {"LoadBalancerArn": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for name, raw in list_owned(cloud, "describe_load_balancers", "LoadBalancers", "LoadBalancer"):
            observed = {
                "subnets": frozenset(zone["SubnetId"] for zone in raw["AvailabilityZones"]),
                "security_groups": frozenset(raw.get("SecurityGroups", ())),
                "internet_facing": raw["Scheme"] == "internet-facing",
            }
            lives.append(
                Live(
                    cls.kind,
                    name,
                    raw["LoadBalancerArn"],
                    parents=frozenset(
                        {Ref("VPC", raw["VpcId"])}
                        | {Ref("Subnet", subnet) for subnet in observed["subnets"]}
                        | {Ref("SecurityGroup", group) for group in observed["security_groups"]}
                    ),
                    state=raw["State"]["Code"],
                    fields=observed,
                    raw=raw,
                    address=raw["DNSName"],
                )
            )
        return lives

    def desired(self) -> dict[str, Any]:
        return super().desired() | {
            "subnets": frozenset(self.subnets),
            "security_groups": frozenset(self.security_groups),
        }

    def usage(self) -> Usages:
        hours = Usage.hours("AWSELB", "LoadBalancerUsage", "LoadBalancing:Application")
        addresses = Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer", count=len(self.subnets))
        return [hours, addresses] if self.internet_facing else [hours]

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("elbv2").create_load_balancer(
            Name=cloud.aws_name(self.name),
            Type="application",
            Scheme="internet-facing" if self.internet_facing else "internal",
            Subnets=[subnet.id_in(cloud) for subnet in self.subnets],
            SecurityGroups=[group.id_in(cloud) for group in self.security_groups],
            Tags=tag_list(cloud.tags(self.name)),
        )
        self.remember_id(cloud, created["LoadBalancers"][0]["LoadBalancerArn"])
        self.ready(cloud)

    def ready(self, cloud: Cloud) -> None:
        cloud.wait("elbv2", "load_balancer_available", LoadBalancerArns=[self.id_in(cloud)])

    def update(self, cloud: Cloud, live: Live) -> None:
        elbv2 = cloud.client("elbv2")
        subnets = [subnet.id_in(cloud) for subnet in self.subnets]
        groups = [group.id_in(cloud) for group in self.security_groups]
        if live.fields["subnets"] != frozenset(subnets):
            elbv2.set_subnets(LoadBalancerArn=live.id, Subnets=subnets)
        if live.fields["security_groups"] != frozenset(groups):
            elbv2.set_security_groups(LoadBalancerArn=live.id, SecurityGroups=groups)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes(NO_BALANCER):
            cloud.client("elbv2").delete_load_balancer(LoadBalancerArn=live.id)
        cloud.wait("elbv2", "load_balancers_deleted", LoadBalancerArns=[live.id])
        # Its interfaces, with their addresses and security groups, stay for minutes after it.
        description = "ELB " + live.id.split(":loadbalancer/")[1]
        filters = [{"Name": "description", "Values": [description]}]
        cloud.wait_until(
            f"the interfaces of {live.name} are gone",
            lambda: not any(pages(cloud, "ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)),
            minutes=20,
        )

    @classmethod
    def example(cls) -> Self:
        subnet = Subnet.example()
        other = replace(subnet, name="public-b", cidr="172.31.16.0/20", zone="b")
        return cls(
            name="alb",
            subnets=(subnet, other),
            security_groups=(SecurityGroup.example(),),
            after=(InternetGateway.example(),),
        )
