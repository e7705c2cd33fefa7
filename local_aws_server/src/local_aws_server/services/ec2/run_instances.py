"""RunInstances: parameters of the call and its launch template, checked before anything is launched."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace
from local_aws_server.services.ec2 import launch_tokens
from local_aws_server.services.ec2.addresses import check_address, count_free
from local_aws_server.services.ec2.instance_types import check_offered, offered_types
from local_aws_server.services.ec2.launch import launch_all
from local_aws_server.services.ec2.launch_parameters import check_groups, check_launch_parameters

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="RunInstances uses all fields of a launch template, and the primary interface is deleted with its "
        "instance.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html",),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="An instance is launched only with a type that its zone offers, an AMI of the same architecture, a "
        "key pair, groups and volumes that exist and fit.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
        ),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="The root volume of an instance is deleted with it, unless its mapping says otherwise; other volumes "
        "stay.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html",),
    ),
)

_NOT_OF_THE_LAUNCH = ("DryRun", "LaunchTemplate", "MaxCount", "MinCount")
_BESIDE_INTERFACES = {
    "SubnetId": "an instance-level subnet ID",
    "SecurityGroupIds": "instance-level security groups",
    "SecurityGroups": "instance-level security groups",
    "PrivateIpAddress": "an instance-level private address",
}


@before("ec2", "RunInstances")
def check_launch(call: Call) -> None:
    """Refuse what AWS refuses, and note the launch's parameters, version and subnet for `run_instances`."""
    least, most = call.params["MinCount"], call.params["MaxCount"]
    if least < 1:
        message = f"Value ({least}) for parameter minCount is invalid. Minimum value is 1."
        raise AwsError("InvalidParameterValue", message)
    if most < least:
        message = f"Value ({most}) for parameter maxCount is invalid. It must be at least minCount ({least})."
        raise AwsError("InvalidParameterValue", message)
    version = _template_version(call)
    data = {name: value for name, value in call.params.items() if name not in _NOT_OF_THE_LAUNCH}
    if version is not None:
        data = {**version.data, **data}
    if not data.get("ImageId"):
        raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
    interfaces = data.get("NetworkInterfaces") or []
    for name, words in _BESIDE_INTERFACES.items() if interfaces else ():
        if data.get(name):
            message = f"Network interfaces and {words} may not be specified on the same request"
            raise AwsError("InvalidParameterCombination", message)
    check_launch_parameters(call.backends, data)
    subnet = _find_subnet(call, data)
    if data.get("InstanceType"):
        check_offered(data["InstanceType"], call.region, subnet.availability_zone)
    named = data.get("SubnetId") or (interfaces[0].get("SubnetId") if interfaces else None)
    groups = [*(data.get("SecurityGroupIds") or []), *(g for each in interfaces for g in each.get("Groups") or [])]
    check_groups(call.backends, groups, subnet.vpc_id, named)
    if address := data.get("PrivateIpAddress"):
        check_address(call.backends.backend("ec2"), subnet, address)
    call.notes["launch"] = data, version, subnet, _launchable(call, data, subnet)


@replace("ec2", "RunInstances")
def run_instances(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html"""
    data, version, subnet, count = call.notes["launch"]
    reservation = launch_tokens.earlier_reservation(call)
    if reservation is None:
        reservation = launch_all(call.backends, data, subnet.id, count, version=version)
        launch_tokens.remember_token(call, reservation)
    return {
        "ReservationId": reservation.id,
        "OwnerId": call.account,
        "Groups": [],
        "Instances": reservation.instances,
    }


def _template_version(call: Call) -> Any | None:
    reference = call.params.get("LaunchTemplate")
    if not reference:
        return None
    ec2 = call.backends.backend("ec2")
    id, name = reference.get("LaunchTemplateId"), reference.get("LaunchTemplateName")
    if bool(id) == bool(name):
        message = "Either provide launch template ID or launch template name."
        raise AwsError("InvalidParameterCombination" if id else "MissingParameter", message)
    template = ec2.get_launch_template(id) if id else ec2.get_launch_template_by_name(name)
    return template.get_version(reference.get("Version") or "$Default")


def _find_subnet(call: Call, data: dict[str, Any]) -> Any:
    """The subnet of a launch; without one, the default subnet of the zone, or of the first zone with the type."""
    ec2 = call.backends.backend("ec2")
    for interface in [*(data.get("NetworkInterfaces") or []), data]:
        if id := interface.get("NetworkInterfaceId"):
            return ec2.get_network_interface(id).subnet
        if id := interface.get("SubnetId"):
            return ec2.get_subnet(id)
    if ec2.get_default_vpc() is None:
        raise AwsError("VPCIdNotSpecified", "No default VPC for this user")
    subnets = dict(sorted(ec2.get_default_subnets().items()))
    if zone := (data.get("Placement") or {}).get("AvailabilityZone"):
        if zone not in {each.name for each in ec2.describe_availability_zones()}:
            raise AwsError("InvalidParameterValue", f"Invalid Availability Zone ({zone})")
        if zone not in subnets:
            raise AwsError("MissingInput", f"No default subnet for availability zone: '{zone}'.")
        return subnets[zone]
    if not subnets:
        message = f"No subnets found for the default VPC '{ec2.get_default_vpc().id}'. Please specify a subnet."
        raise AwsError("MissingInput", message)
    offered = offered_types(call.region)
    fitting = [subnets[zone] for zone in subnets if data.get("InstanceType") in offered.get(zone, ())]
    return next(iter(fitting), None) or next(iter(subnets.values()))


def _launchable(call: Call, data: dict[str, Any], subnet: Any) -> int:
    """As many instances as there are free addresses for, at most MaxCount."""
    least, most = call.params["MinCount"], call.params["MaxCount"]
    if any(interface.get("NetworkInterfaceId") for interface in data.get("NetworkInterfaces") or []):
        if most > 1:
            message = "Network interfaces cannot be attached to more than one instance; specify a count of 1."
            raise AwsError("InvalidParameterCombination", message)
        return 1
    free = count_free(call.backends.backend("ec2"), subnet)
    if free < least:
        message = (
            f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number of instances."
        )
        raise AwsError("InsufficientFreeAddressesInSubnet", message)
    return min(most, free)
