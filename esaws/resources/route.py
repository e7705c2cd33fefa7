"""A route of a route table to an internet gateway."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import DESCRIBED, Call, Field, Network, Parameter
from esaws.resource import Index, Live, Lives, Ref, Resource
from esaws.resources.internet_gateway import InternetGateway
from esaws.resources.route_table import RouteTable

_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "EgressOnlyInternetGatewayId",
    "VpcPeeringConnectionId",
    "CoreNetworkArn",
    "InstanceId",
    "NetworkInterfaceId",
)
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


_ROUTE: dict[str, Parameter] = {
    "RouteTableId": Field("table"),
    "GatewayId": Field("gateway"),
    # AWS stores another form than the declared one if it has host bits, which would be a drift.
    "DestinationCidrBlock": Field("destination", Network(ipv6=True)),
    "DestinationIpv6CidrBlock": Field("destination", Network(ipv6=True)),
}


@dataclass(frozen=True, kw_only=True)
class Route(Resource):
    """Sends packets for `destination` to an internet gateway. The longest matching prefix wins."""

    table: RouteTable
    destination: str = "0.0.0.0/0"
    gateway: InternetGateway

    in_place = frozenset({"gateway"})
    icon = "aws.network.VPCRouter"
    free = "AWS does not charge for routes"
    permissions = (
        "ec2:CreateRoute",
        "ec2:DeleteRoute",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeRouteTables",
        "ec2:ReplaceRoute",
    )
    documented = (
        Call("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html", _ROUTE),
        Call("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html", _ROUTE),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRoute.html",
            {
                "RouteTableId": Field("table"),
                "DestinationCidrBlock": DESCRIBED,
                "DestinationIpv6CidrBlock": DESCRIBED,
                "DestinationPrefixListId": DESCRIBED,
            },
        ),
    )

    def default_name(self) -> str:
        return f"{self.table.name} {self.destination}"

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        gateways = {gateway.id for gateway in InternetGateway.listed(cloud)}
        return [
            cls._live(table, raw, gateways)
            for table in RouteTable.listed(cloud)
            for raw in table.raw["Routes"]
            if not _is_managed_by_aws(raw)
        ]

    @classmethod
    def _live(cls, table: Live, raw: dict[str, Any], gateways: set[str]) -> Live:
        destination = next(raw[key] for key in _DESTINATIONS if key in raw)
        target = next((raw[key] for key in _TARGETS if key in raw), None)
        return Live(
            cls.kind,
            f"{table.name} {destination}",
            f"{table.id}:{destination}",
            parents=frozenset({table.ref, Ref("InternetGateway", str(target))}),
            state=raw["State"],
            fields={"table": table.id, "destination": destination, "gateway": target},
            raw=raw,
            foreign=target not in gateways,
        )

    def find(self, index: Index) -> Live | None:
        # A table has one route per destination, so ours is found even if its target was changed by hand.
        table = self.table.find(index)
        return index.at(Ref(self.kind, f"{table.id}:{self.destination}")) if table else None

    def create(self, cloud: Cloud) -> None:
        self._set(cloud, cloud.client("ec2").create_route)

    def update(self, cloud: Cloud, live: Live) -> None:
        self._set(cloud, cloud.client("ec2").replace_route)

    def _set(self, cloud: Cloud, call: Any) -> None:
        table_id, gateway_id = self.table.id_in(cloud), self.gateway.id_in(cloud)
        route = {"RouteTableId": table_id, "GatewayId": gateway_id, **_destination(self.destination)}
        new = ("InvalidRouteTableID.NotFound", "InvalidGatewayID.NotFound", "InvalidInternetGatewayID.NotFound")
        cloud.retry(lambda: call(**route), *new, minutes=1)
        self.remember_id(cloud, f"{table_id}:{self.destination}")

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("InvalidRoute.NotFound", "InvalidRouteTableID.NotFound"):
            cloud.client("ec2").delete_route(
                RouteTableId=live.fields["table"], **_destination(live.fields["destination"])
            )

    @classmethod
    def example(cls) -> Self:
        return cls(table=RouteTable.example(), gateway=InternetGateway.example())


def _destination(text: str) -> dict[str, str]:
    """Return a destination under the parameter name for its type."""
    if text.startswith("pl-"):
        return {"DestinationPrefixListId": text}
    return {"DestinationIpv6CidrBlock" if ":" in text else "DestinationCidrBlock": text}


def _is_managed_by_aws(raw: dict[str, Any]) -> bool:
    """Whether AWS manages the route, so that it can't be deleted: local, propagated, or of a gateway endpoint."""
    gateway = raw.get("GatewayId", "")
    return gateway == "local" or gateway.startswith("vpce-") or raw.get("Origin") == "EnableVgwRoutePropagation"
