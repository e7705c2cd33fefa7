"""RunInstances takes all of a launch template, and the interface that AWS makes with an instance goes with it.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html
"""

from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before
from local_aws_server.services.ec2.launch import launch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="RunInstances takes all of a launch template, and the interface that AWS makes with an instance "
        "goes with it.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html",),
    ),
)

_SAME_WORDS = (
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


@before("ec2", "RunInstances")
def run_from_a_template(call: Call) -> None:
    asked = call.params
    wanted = asked.get("LaunchTemplate")
    if not wanted:
        return
    ec2 = call.backends.backend("ec2")
    by_id, by_name = wanted.get("LaunchTemplateId"), wanted.get("LaunchTemplateName")
    template = ec2.get_launch_template(by_id) if by_id else ec2.get_launch_template_by_name(by_name)
    version = template.get_version(wanted.get("Version") or "$Default")
    over = {name: asked[name] for name in _SAME_WORDS if name in asked}
    subnet = asked.get("SubnetId") or _subnet_of(version.data, over) or _default_subnet(call)
    if subnet is None:
        return
    instances = [launch(call.backends, version, subnet, {}, over) for _ in range(asked.get("MaxCount", 1))]
    reservation = next(r for r in reversed(ec2.reservations.values()) if instances[-1] in r.instances)
    call.result = {"ReservationId": reservation.id, "OwnerId": call.account, "Groups": [], "Instances": instances}


@after("ec2", "RunInstances")
def its_own_interface_goes_with_it(call: Call) -> None:
    if any("DeleteOnTermination" in interface for interface in call.params.get("NetworkInterfaces", [])):
        return
    for instance in call.backends.instances:
        for interface in list(instance.nics.values()):
            if interface.description == "Primary network interface":
                interface.delete_on_termination = True


def _subnet_of(data: dict[str, Any], over: dict[str, Any]) -> str | None:
    for interface in [*(over.get("NetworkInterfaces") or []), *(data.get("NetworkInterfaces") or [])]:
        if subnet := interface.get("SubnetId"):
            return str(subnet)
    return None


def _default_subnet(call: Call) -> str | None:
    subnets = call.backends.backend("ec2").get_default_subnets()
    zone = call.params.get("Placement", {}).get("AvailabilityZone")
    return next((subnet.id for name, subnet in sorted(subnets.items()) if zone in (None, name)), None)
