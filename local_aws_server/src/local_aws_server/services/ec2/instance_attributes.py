"""ModifyInstanceAttribute in both of its spellings: a parameter for each attribute, or `Attribute` with `Value`.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace
from local_aws_server.services.ec2.instance_types import check_offered, describe_type

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="ModifyInstanceAttribute changes one attribute; type, user data and EBS optimization only of a "
        "stopped instance.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html",),
    ),
)

_FLAGS = {
    "DisableApiStop": "disable_api_stop",
    "DisableApiTermination": "disable_api_termination",
    "EbsOptimized": "ebs_optimized",
    "EnaSupport": "ena_support",
    "SourceDestCheck": "source_dest_check",
}
_TEXTS = {
    "InstanceInitiatedShutdownBehavior": "instance_initiated_shutdown_behavior",
    "InstanceType": "instance_type",
    "Kernel": "kernel",
    "Ramdisk": "ramdisk",
    "SriovNetSupport": "sriov_net_support",
    "UserData": "user_data",
}
"""Parameter → attribute of moto's instance."""
_OF_STOPPED_INSTANCES = ("EbsOptimized", "InstanceType", "Kernel", "Ramdisk", "UserData")
_BEHAVIOURS_AT_SHUTDOWN = ("stop", "terminate")


@before("ec2", "ModifyInstanceAttribute")
def check_attribute(call: Call) -> None:
    """Note the change for `modify_attribute`: (parameter, value)."""
    params = call.params
    instance = call.backends.backend("ec2").get_instance(params["InstanceId"])
    changes = [(name, params[name]) for name in (*_FLAGS, *_TEXTS, "Groups", "BlockDeviceMappings") if name in params]
    changes = [(name, value.get("Value") if isinstance(value, dict) else value) for name, value in changes]
    if attribute := params.get("Attribute"):
        changes.append(_by_name(attribute, params))
    if not changes:
        raise AwsError("InvalidParameterCombination", "No attributes specified.")
    if len(changes) > 1:
        message = "Fields for multiple attribute types specified: " + ", ".join(name for name, _ in changes)
        raise AwsError("InvalidParameterCombination", message)
    name, value = changes[0]
    if name in _OF_STOPPED_INSTANCES and instance.state != "stopped":
        raise AwsError("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    if name == "InstanceType":
        _check_type(call, instance, value)
    if name == "InstanceInitiatedShutdownBehavior" and value not in _BEHAVIOURS_AT_SHUTDOWN:
        message = f"Invalid value '{value}' for instanceInitiatedShutdownBehavior."
        raise AwsError("InvalidParameterValue", message)
    for mapping in value if name == "BlockDeviceMappings" else ():
        if mapping.get("DeviceName") not in instance.block_device_mapping:
            message = f"No device is currently mapped at {mapping.get('DeviceName')}"
            raise AwsError("InvalidInstanceAttributeValue", message)
    call.notes["attribute"] = name, value


@replace("ec2", "ModifyInstanceAttribute")
def modify_attribute(call: Call) -> dict[str, Any]:
    from moto.ec2.utils import parse_user_data

    ec2, (name, value) = call.backends.backend("ec2"), call.notes["attribute"]
    instance = ec2.get_instance(call.params["InstanceId"])
    if name == "Groups":
        ec2.modify_instance_security_groups(instance.id, value)
    elif name == "BlockDeviceMappings":
        for mapping in value:
            delete = (mapping.get("Ebs") or {}).get("DeleteOnTermination")
            if delete is not None:
                instance.block_device_mapping[mapping["DeviceName"]].delete_on_termination = delete
    elif name == "EnaSupport":
        sidecar(instance)["ena_support"] = value
    else:
        value = parse_user_data(value) if name == "UserData" else value
        setattr(instance, {**_FLAGS, **_TEXTS}[name], value)
        if name == "SourceDestCheck":
            instance.nics[0].source_dest_check = value
    return {}


def _by_name(attribute: str, params: dict[str, Any]) -> tuple[str, Any]:
    name, value = attribute[:1].upper() + attribute[1:], params.get("Value")
    if name not in (*_FLAGS, *_TEXTS):
        raise AwsError("InvalidParameterValue", f"Value ({attribute}) for parameter attribute is invalid.")
    if value is None:
        raise AwsError("MissingParameter", "The request must contain the parameter value")
    if name in _FLAGS:
        if value.lower() not in ("true", "false"):
            raise AwsError("InvalidParameterValue", f"Value ({value}) for parameter value is invalid.")
        return name, value.lower() == "true"
    return name, value


def _check_type(call: Call, instance: Any, value: str) -> None:
    try:
        describe_type(value)
    except AwsError as error:
        if error.code == "InvalidParameterValue":
            raise AwsError("InvalidInstanceAttributeValue", error.message) from None
        raise
    check_offered(value, call.region, instance.placement.zone)
