"""The root volume of an instance is deleted with it, unless its mapping says otherwise; volumes added to it stay.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="The root volume of an instance is deleted with it, unless its mapping says otherwise; volumes "
        "added to it stay.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html",),
    ),
)

_ROOT = "/dev/xvda"
"""Of Amazon's own images; moto's have other ones."""


@after("ec2", "RunInstances")
def the_root_volume_goes(call: Call) -> None:
    mappings = call.params.get("BlockDeviceMappings", [])
    silent = {each["DeviceName"] for each in mappings if "DeleteOnTermination" not in each.get("Ebs", {})}
    launched = {each["InstanceId"] for each in call.result.get("Instances", [])}
    for instance in call.backends.instances:
        if instance.id in launched:
            for name in silent & {_ROOT, instance.root_device_name}:
                instance.block_device_mapping[name].delete_on_termination = True
