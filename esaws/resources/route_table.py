"""A route table of a VPC."""

from dataclasses import dataclass
from typing import Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import ITSELF, Call, Field
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._ec2 import documented_tags, list_owned, tag_specifications
from esaws.resources.vpc import VPC


@dataclass(frozen=True, kw_only=True)
class RouteTable(Resource):
    """A set of routes. Its routes and its subnet associations are resources of their own."""

    vpc: VPC

    icon = "aws.network.RouteTable"
    free = "AWS does not charge for route tables"
    permissions = (
        "ec2:CreateRouteTable",
        "ec2:CreateTags",
        "ec2:DeleteRouteTable",
        "ec2:DescribeRouteTables",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html",
            {"VpcId": Field("vpc"), **documented_tags("route-table")},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRouteTable.html", {"RouteTableId": ITSELF}
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        return [
            Live(
                cls.kind,
                name,
                raw["RouteTableId"],
                parents=frozenset({Ref("VPC", raw["VpcId"])}),
                fields={"vpc": raw["VpcId"]},
                raw=raw,
            )
            for name, raw in list_owned(cloud, "describe_route_tables", "RouteTables")
        ]

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("ec2").create_route_table(
            VpcId=self.vpc.id_in(cloud), TagSpecifications=tag_specifications(cloud, "route-table", self.name)
        )
        self.remember_id(cloud, created["RouteTable"]["RouteTableId"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("InvalidRouteTableID.NotFound"):
            delete = cloud.client("ec2").delete_route_table
            cloud.retry(lambda: delete(RouteTableId=live.id), "DependencyViolation")

    @classmethod
    def example(cls) -> Self:
        return cls(name="public", vpc=VPC.example())
