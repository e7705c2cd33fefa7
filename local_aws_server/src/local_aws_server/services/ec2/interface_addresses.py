"""Secondary addresses of interfaces, and how many interfaces and addresses an instance type allows.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace
from local_aws_server.services.ec2.addresses import check_address, free_addresses
from local_aws_server.services.ec2.instance_types import describe_type

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="Secondary addresses are of the interface's subnet; an instance type limits the interfaces, and the "
        "addresses of each.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignPrivateIpAddresses.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html",
        ),
    ),
)


@before("ec2", "AssignPrivateIpAddresses")
def check_assignment(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    eni = ec2.get_network_interface(call.params["NetworkInterfaceId"])
    named, count = call.params.get("PrivateIpAddresses") or [], call.params.get("SecondaryPrivateIpAddressCount") or 0
    if named and count:
        message = "Only one of secondaryPrivateIpAddressCount and privateIpAddress may be specified."
        raise AwsError("InvalidParameterCombination", message)
    if not named and not count:
        message = "Either secondaryPrivateIpAddressCount or privateIpAddress must be specified."
        raise AwsError("MissingParameter", message)
    for address in named:
        check_address(ec2, eni.subnet, address)
    limit = _limit(eni.instance, "Ipv4AddressesPerInterface")
    if limit is not None and len(eni.private_ip_addresses) + len(named) + count > limit:
        raise AwsError("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
    call.notes["addresses"] = named or free_addresses(ec2, eni.subnet, count)


@replace("ec2", "AssignPrivateIpAddresses")
def assign(call: Call) -> dict[str, Any]:
    eni = call.backends.backend("ec2").get_network_interface(call.params["NetworkInterfaceId"])
    addresses = call.notes["addresses"]
    eni.private_ip_addresses += [{"Primary": False, "PrivateIpAddress": address} for address in addresses]
    assigned = [{"PrivateIpAddress": address} for address in addresses]
    return {"NetworkInterfaceId": eni.id, "AssignedPrivateIpAddresses": assigned}


@before("ec2", "UnassignPrivateIpAddresses")
def check_unassignment(call: Call) -> None:
    eni = call.backends.backend("ec2").get_network_interface(call.params["NetworkInterfaceId"])
    secondary = {each["PrivateIpAddress"] for each in eni.private_ip_addresses if not each.get("Primary")}
    if strange := [each for each in call.params.get("PrivateIpAddresses") or [] if each not in secondary]:
        message = f"Some of [{', '.join(strange)}] are not assigned to interface {eni.id} as secondary addresses"
        raise AwsError("InvalidParameterValue", message)


@before("ec2", "AttachNetworkInterface")
def check_attachment(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    eni = ec2.get_network_interface(call.params["NetworkInterfaceId"])
    instance = ec2.get_instance(call.params["InstanceId"])
    if eni.instance is not None:
        raise AwsError("InvalidNetworkInterface.InUse", f"Interface: [{eni.id}] in use.")
    if eni.subnet.availability_zone != instance.placement.zone:
        message = "The network interface and the instance are in different Availability Zones."
        raise AwsError("InvalidParameterCombination", message)
    if call.params["DeviceIndex"] in instance.nics:
        message = f"Instance '{instance.id}' already has an interface attached at device index "
        raise AwsError("InvalidParameterValue", f"{message}'{call.params['DeviceIndex']}'.")
    limit = _limit(instance, "MaximumNetworkInterfaces")
    if limit is not None and len(instance.nics) >= limit:
        message = f"Interface count {len(instance.nics) + 1} exceeds the limit for {instance.instance_type}"
        raise AwsError("AttachmentLimitExceeded", message)


def _limit(instance: Any | None, name: str) -> int | None:
    """A limit of an instance's type; None without an instance, or for a type without a description."""
    if instance is None:
        return None
    try:
        value = describe_type(instance.instance_type)["NetworkInfo"].get(name)
    except AwsError:
        return None
    return int(value) if value is not None else None
