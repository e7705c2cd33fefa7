"""The private addresses of a subnet: each interface has addresses of its own, within the subnet and not reserved.

https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html (the first four addresses and the last are AWS's)
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address
from itertools import islice
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.errors import AwsError
from local_aws_server.hooks import patch
from local_aws_server.services.ec2.dns_names import private_name

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="Every interface has an address of its own in its subnet, without the five that AWS reserves; a full "
        "subnet refuses more (InsufficientFreeAddressesInSubnet).",
        documentation=("https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html",),
    ),
)

_FIRST_FREE = 4


def used_addresses(ec2: Any, subnet: Any) -> set[str]:
    """The addresses of the interfaces in a subnet."""
    return {
        address["PrivateIpAddress"]
        for eni in ec2.enis.values()
        if eni.subnet.id == subnet.id and (eni.instance is None or eni.instance.state != "terminated")
        for address in eni.private_ip_addresses
    }


def count_free(ec2: Any, subnet: Any) -> int:
    """The number of free addresses of a subnet."""
    return int(subnet._available_ip_addresses) - len(used_addresses(ec2, subnet).union(subnet._subnet_ips))


def free_addresses(ec2: Any, subnet: Any, count: int, *, taken: Iterable[str] = ()) -> list[str]:
    """The lowest free addresses of a subnet, besides those `taken`.

    Raises:
        AwsError: the subnet does not have as many.
    """
    used = used_addresses(ec2, subnet).union(subnet._subnet_ips, taken)
    first = int(subnet.cidr.network_address)
    candidates = (str(IPv4Address(first + offset)) for offset in range(_FIRST_FREE, subnet.cidr.num_addresses - 1))
    reserved = subnet._reserved_ips
    free = [*islice((a for a in candidates if a not in used and not (reserved and ip_address(a) in reserved)), count)]
    if len(free) < count:
        message = f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number."
        raise AwsError("InsufficientFreeAddressesInSubnet", message)
    return free


def check_address(ec2: Any, subnet: Any, address: str) -> None:
    """Raise AWS's error if an interface in the subnet may not have the address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue", f"Value ({address}) for parameter privateIpAddress is invalid."
        ) from None
    if parsed not in subnet.cidr:
        raise AwsError("InvalidParameterValue", "Address does not fall within the subnet's address range")
    offset = int(parsed) - int(subnet.cidr.network_address)
    if offset < _FIRST_FREE or offset == subnet.cidr.num_addresses - 1:
        raise AwsError("InvalidParameterValue", f"Address {address} is in subnet's reserved address range")
    if address in used_addresses(ec2, subnet):
        raise AwsError("InvalidIPAddress.InUse", f"Address {address} is in use.")


@patch("moto.ec2.models.elastic_network_interfaces", "NetworkInterfaceBackend.create_network_interface")
def create_network_interface(
    self: Any,
    subnet: Any,
    private_ip_address: Any,
    private_ip_addresses: Any = None,
    group_ids: Any = None,
    description: str | None = None,
    tags: Any = None,
    delete_on_termination: bool | None = False,
    **more: Any,
) -> Any:
    """Create an interface with the wanted addresses, or with free ones of its subnet."""
    from moto.ec2.models import elastic_network_interfaces

    subnet = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
    addresses = []
    if subnet.cidr_block:
        wanted = private_ip_address[0] if isinstance(private_ip_address, list) else private_ip_address
        secondary = int(more.pop("secondary_ips_count", None) or 0)
        addresses = _addresses(self, subnet, wanted, private_ip_addresses or [], secondary)
    model: Any = elastic_network_interfaces.NetworkInterface
    eni = model(
        self,
        subnet,
        addresses[0]["PrivateIpAddress"] if addresses else "",
        addresses,
        group_ids=group_ids,
        description=description,
        tags=tags,
        delete_on_termination=delete_on_termination,
        **more,
    )
    if eni.private_ip_address and getattr(eni, "private_dns_name", None):
        eni.private_dns_name = private_name(self.region_name, eni.private_ip_address)
        for address in eni.private_ip_addresses:
            address["PrivateDnsName"] = private_name(self.region_name, address["PrivateIpAddress"])
    self.enis[eni.id] = eni
    return eni


def _addresses(ec2: Any, subnet: Any, primary: str | None, listed: list[Any], secondary: int) -> list[dict[str, Any]]:
    """The addresses of a new interface, the primary one first: the marked one, or else the first that is listed."""
    entries = [entry if isinstance(entry, dict) else {"PrivateIpAddress": entry} for entry in listed]
    entries.sort(key=lambda entry: not entry.get("Primary"))
    addresses = [*([primary] if primary else []), *(entry["PrivateIpAddress"] for entry in entries)]
    named = list(dict.fromkeys(addresses))
    for address in named:
        check_address(ec2, subnet, address)
    free = free_addresses(ec2, subnet, secondary + (not named), taken=named)
    return [{"Primary": number == 0, "PrivateIpAddress": each} for number, each in enumerate([*named, *free])]


def _no_address(*_: Any) -> None:
    """moto invents an address of 10.0.0.0/8, wherever the interface is."""


for _module in (
    "moto.ec2.models.instances",
    "moto.ec2.models.nat_gateways",
    "moto.ec2.models.vpcs",
    "moto.ecs.models",
):
    patch(_module, "random_private_ip")(_no_address)


@patch("moto.ec2.models.subnets", "Subnet.get_available_subnet_ip")
def get_available_subnet_ip(self: Any, instance: Any) -> str:
    """A free address; that of an instance belongs to its interface, which is created next."""
    from moto.ec2.models.instances import Instance

    address = free_addresses(self.ec2_backend, self, 1)[0]
    if not isinstance(instance, Instance):
        self._subnet_ips[address] = instance
    return address


@patch("moto.ec2.models.subnets", "Subnet.request_ip")
def request_ip(self: Any, ip: str, instance: Any) -> None:
    from moto.ec2.models.instances import Instance

    check_address(self.ec2_backend, self, ip)
    if not isinstance(instance, Instance):
        self._subnet_ips[ip] = instance


@patch("moto.ec2.models.subnets", "Subnet.available_ip_address_count", attribute=True)
def available_ip_address_count(self: Any) -> int:
    return count_free(self.ec2_backend, self)
