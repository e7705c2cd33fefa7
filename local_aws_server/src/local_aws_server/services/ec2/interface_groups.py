"""Replace the security groups of an instance: moto keeps one list at the instance, and one at its interface."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="The groups in a change of an instance or of its interface replace the groups that it had.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html",
        ),
    ),
)


@after("ec2", "ModifyInstanceAttribute")
def replace_groups_of_interface(call: Call) -> None:
    """Give the primary interface the new groups of its instance."""
    if call.params.get("Groups"):
        instance = call.backends.backend("ec2").get_instance(call.params["InstanceId"])
        instance.nics[0]._group_set = list(instance.security_groups)


@after("ec2", "ModifyNetworkInterfaceAttribute")
def replace_groups_of_instance(call: Call) -> None:
    """Give an instance the new groups of its primary interface."""
    if call.params.get("Groups"):
        interface = call.backends.backend("ec2").get_network_interface(call.params["NetworkInterfaceId"])
        instance = interface.instance
        if instance is not None and instance.nics[0] is interface:
            instance.security_groups = list(interface._group_set)
