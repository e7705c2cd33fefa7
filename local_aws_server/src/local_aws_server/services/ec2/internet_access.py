"""Decide whether a network interface reaches AWS's public endpoints: by its route, its address, and its groups.

https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.services.elbv2.network_path import NetworkPaths

_ENDPOINT_ADDRESS = IPv4Address("52.94.0.10")
"""An address among those that AWS publishes for its endpoints; routes and rules see only addresses."""
_HTTPS = 443


def find_internet_obstacle(backends: Backends, interface: Any, services: Collection[str]) -> str:
    """Describe what keeps an interface from AWS's endpoints of some services, such as `ecs-agent`; "" if nothing does.

    VPC endpoints of all these services replace a way to the internet.
    """
    ec2 = backends.backend("ec2")
    subnet = interface.subnet
    if _has_vpc_endpoints(ec2, subnet.vpc_id, [f"com.amazonaws.{backends.region}.{name}" for name in services]):
        return ""
    if obstacle := find_route_obstacle(ec2, subnet, has_address=bool(interface.public_ip)):
        return obstacle
    paths = NetworkPaths(backends)
    return paths.find_egress_obstacle(paths.endpoint(interface), str(_ENDPOINT_ADDRESS), _HTTPS)


def find_route_obstacle(ec2: Any, subnet: Any, *, has_address: bool, address: IPv4Address = _ENDPOINT_ADDRESS) -> str:
    """Describe why packets of a subnet don't reach an address of the internet, by default one of AWS's endpoints.

    Of a route's target that is not simulated, say nothing.
    """
    route = _route_to(ec2, subnet, address)
    if route is None:
        return "its subnet has no route to the internet"
    if route.state != "active":
        return f"its subnet's route to the internet is a {route.state}"
    if route.nat_gateway is not None:
        if route.nat_gateway.state != "available":
            return f"the NAT gateway of its subnet is {route.nat_gateway.state}"
        of_gateway = ec2.get_subnet(route.nat_gateway.subnet_id)
        return find_route_obstacle(ec2, of_gateway, has_address=True, address=address)
    if route.gateway is not None and route.gateway.id.startswith("igw-") and not has_address:
        return "it has no public address for the route to the internet gateway"
    return ""


def _route_to(ec2: Any, subnet: Any, address: IPv4Address) -> Any | None:
    """Return the most specific route to an address in the subnet's route table; None if there is none."""
    tables = [table for table in ec2.route_tables.values() if table.vpc_id == subnet.vpc_id]
    own = [table for table in tables if subnet.id in table._associations.values()]
    table = next(iter(own or [table for table in tables if table.main_association_id is not None]), None)
    matching = [
        (IPv4Network(route.destination_cidr_block).prefixlen, route)
        for route in (table.routes if table is not None else ())
        if route.destination_cidr_block and address in IPv4Network(route.destination_cidr_block)
    ]
    return max(matching, key=lambda pair: pair[0], default=(0, None))[1]


def _has_vpc_endpoints(ec2: Any, vpc: str, names: Collection[str]) -> bool:
    available = {
        endpoint.service_name
        for endpoint in ec2.vpc_end_points.values()
        if endpoint.vpc_id == vpc and endpoint.state == "available"
    }
    return available.issuperset(names)
