"""RunInstances: all fields of a launch template, and what AWS deletes with an instance by default."""

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.quotas import check_vcpus
from local_aws_server.call import Call
from local_aws_server.hooks import after, before
from local_aws_server.services.ec2.launch import launch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="RunInstances uses all fields of a launch template, and the primary interface is deleted with its "
        "instance.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html",),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="The root volume of an instance is deleted with it, unless its mapping says otherwise; other volumes "
        "stay.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html",),
    ),
)

_SHARED_PARAMETERS = (
    "ImageId",
    "InstanceType",
    "KeyName",
    "UserData",
    "SecurityGroupIds",
    "SecurityGroups",
    "NetworkInterfaces",
    "IamInstanceProfile",
    "BlockDeviceMappings",
    "MetadataOptions",
    "Monitoring",
    "EbsOptimized",
    "TagSpecifications",
)
"""Parameters that RunInstances and launch templates have in common."""

_ROOT_DEVICE = "/dev/xvda"
"""The root device of Amazon's images; moto's images have others."""


@before("ec2", "RunInstances")
def launch_from_template(call: Call) -> None:
    reference = call.params.get("LaunchTemplate")
    if not reference:
        return
    ec2 = call.backends.backend("ec2")
    id, name = reference.get("LaunchTemplateId"), reference.get("LaunchTemplateName")
    template = ec2.get_launch_template(id) if id else ec2.get_launch_template_by_name(name)
    version = template.get_version(reference.get("Version") or "$Default")
    overrides = {name: call.params[name] for name in _SHARED_PARAMETERS if name in call.params}
    subnet = call.params.get("SubnetId") or _interface_subnet(version.data, overrides) or _default_subnet(call)
    if subnet is None:
        return
    count = call.params.get("MaxCount", 1)
    check_vcpus(call.backends, overrides.get("InstanceType") or version.data.get("InstanceType", "m1.small"), count)
    instances = [launch(call.backends, version, subnet, {}, overrides) for _ in range(count)]
    reservation = next(r for r in reversed(ec2.reservations.values()) if instances[-1] in r.instances)
    call.result = {"ReservationId": reservation.id, "OwnerId": call.account, "Groups": [], "Instances": instances}


@after("ec2", "RunInstances")
def delete_primary_interface_on_termination(call: Call) -> None:
    if any("DeleteOnTermination" in interface for interface in call.params.get("NetworkInterfaces", [])):
        return
    for instance in call.backends.instances:
        for interface in list(instance.nics.values()):
            if interface.description == "Primary network interface":
                interface.delete_on_termination = True


@after("ec2", "RunInstances")
def delete_root_volume_on_termination(call: Call) -> None:
    mappings = call.params.get("BlockDeviceMappings", [])
    unset = {mapping["DeviceName"] for mapping in mappings if "DeleteOnTermination" not in mapping.get("Ebs", {})}
    launched = {description["InstanceId"] for description in call.result.get("Instances", [])}
    for instance in call.backends.instances:
        if instance.id in launched:
            for name in unset & {_ROOT_DEVICE, instance.root_device_name}:
                instance.block_device_mapping[name].delete_on_termination = True


def _interface_subnet(data: dict[str, Any], overrides: dict[str, Any]) -> str | None:
    for interface in [*(overrides.get("NetworkInterfaces") or []), *(data.get("NetworkInterfaces") or [])]:
        if subnet := interface.get("SubnetId"):
            return str(subnet)
    return None


def _default_subnet(call: Call) -> str | None:
    subnets = call.backends.backend("ec2").get_default_subnets()
    zone = call.params.get("Placement", {}).get("AvailabilityZone")
    return next((subnet.id for name, subnet in sorted(subnets.items()) if zone in (None, name)), None)
