"""The association of a subnet with a route table."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import ITSELF, Call, Field
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources.route_table import RouteTable
from esaws.resources.subnet import Subnet

_FILTER_VALUES = 200  # the maximum of one filter
_NEW = ("InvalidRouteTableID.NotFound", "InvalidSubnetID.NotFound")


@dataclass(frozen=True, kw_only=True)
class RouteTableAssociation(Resource):
    """Makes a subnet use a route table instead of the VPC's main table, which has no route out of the VPC."""

    table: RouteTable
    subnet: Subnet

    in_place = frozenset({"table"})
    deleting = frozenset({"disassociating"})
    icon = "aws.network.RouteTable"
    free = "AWS does not charge for associations"
    permissions = (
        "ec2:AssociateRouteTable",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSubnets",
        "ec2:DisassociateRouteTable",
        "ec2:ReplaceRouteTableAssociation",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html",
            {"RouteTableId": Field("table"), "SubnetId": Field("subnet")},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRouteTableAssociation.html",
            {"AssociationId": ITSELF, "RouteTableId": Field("table")},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateRouteTable.html",
            {"AssociationId": ITSELF},
        ),
    )

    def default_name(self) -> str:
        return self.subnet.name

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        subnets = {subnet.id: subnet.name for subnet in Subnet.listed(cloud)}
        ids = sorted(subnets)
        own = {table.id: table.raw for table in RouteTable.listed(cloud)}
        tables = dict(own)
        for start in range(0, len(ids), _FILTER_VALUES):
            filters = [{"Name": "association.subnet-id", "Values": ids[start : start + _FILTER_VALUES]}]
            for table in pages(cloud, "ec2", "describe_route_tables", "RouteTables", Filters=filters):
                tables[table["RouteTableId"]] = table
        return [
            cls._live(raw, subnets)
            for table_id, table in tables.items()
            for raw in table["Associations"]
            if raw.get("SubnetId") in subnets or (table_id in own and not raw["Main"])
            if raw.get("AssociationState", {}).get("State") != "disassociated"
        ]

    @classmethod
    def _live(cls, raw: dict[str, Any], subnets: dict[str, str]) -> Live:
        associated = raw.get("SubnetId") or raw.get("GatewayId")
        return Live(
            cls.kind,
            subnets.get(associated or "", f"{associated}"),
            raw["RouteTableAssociationId"],
            parents=frozenset({Ref("RouteTable", raw["RouteTableId"]), Ref("Subnet", f"{associated}")}),
            state=raw.get("AssociationState", {}).get("State", ""),
            fields={"table": raw["RouteTableId"], "subnet": associated},
            raw=raw,
            foreign=associated not in subnets,
        )

    def create(self, cloud: Cloud) -> None:
        table_id, subnet_id = self.table.id_in(cloud), self.subnet.id_in(cloud)
        associate = cloud.client("ec2").associate_route_table
        created = cloud.retry(lambda: associate(RouteTableId=table_id, SubnetId=subnet_id), *_NEW, minutes=1)
        self.remember_id(cloud, created["AssociationId"])

    def update(self, cloud: Cloud, live: Live) -> None:
        table_id = self.table.id_in(cloud)
        replace = cloud.client("ec2").replace_route_table_association
        replaced = cloud.retry(lambda: replace(AssociationId=live.id, RouteTableId=table_id), *_NEW, minutes=1)
        self.remember_id(cloud, replaced["NewAssociationId"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("InvalidAssociationID.NotFound"):
            cloud.client("ec2").disassociate_route_table(AssociationId=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(table=RouteTable.example(), subnet=Subnet.example())
