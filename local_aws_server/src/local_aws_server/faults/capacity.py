"""Launches that EC2 refuses because a zone has failed or an injected fault removes its capacity."""

from __future__ import annotations

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.clock.event_log import record_event
from local_aws_server.errors import AwsError
from local_aws_server.faults.api_faults import CAPACITY, FAULTS
from local_aws_server.faults.outages import has_zone_failed
from local_aws_server.hooks import before

LAUNCH_OPERATIONS = ("RunInstances", "StartInstances")


@before("ec2", *LAUNCH_OPERATIONS)
def check_capacity(call: Call) -> None:
    """Refuse a call that launches where there is no capacity."""
    for zone in () if call.is_retry else _zones(call):
        if error := _capacity_error(call.backends, zone, call.operation):
            call.notes["fault"] = CAPACITY, 0.0
            reason = f"no room in {zone or 'any zone'}"
            record_event(call.backends, f"ec2 {call.operation}", f"answered {error.code}", reason)
            raise error


def refuse_launch(backends: Backends, zone: str) -> None:
    """Raise InsufficientInstanceCapacity for a launch without a call, if the zone has no capacity.

    Each refused launch counts as a strike of the fault.
    """
    if error := _capacity_error(backends, zone, "RunInstances"):
        raise error


def _capacity_error(backends: Backends, zone: str, operation: str) -> AwsError | None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html"""
    if not has_zone_failed(backends, zone) and not any(
        fault.kind == CAPACITY
        and fault.zone in (None, zone)
        and fault.matches("ec2", backends.region, operation)
        and fault.strike()
        for fault in FAULTS.get(backends.account, ())
    ):
        return None
    message = "Insufficient capacity."
    if zone:
        names = [each.name for each in backends.backend("ec2").describe_availability_zones()]
        others = [name for name in names if name != zone and not has_zone_failed(backends, name)]
        message = (
            f"We currently do not have sufficient capacity in the Availability Zone you requested ({zone}). "
            "Our system will be working on provisioning additional capacity. You can currently get capacity by not "
            f"specifying an Availability Zone in your request or choosing {', '.join(others)}."
        )
    return AwsError("InsufficientInstanceCapacity", message, 500)


def _zones(call: Call) -> list[str]:
    """The zones in which a call launches instances; "" if it names none."""
    if call.operation == "StartInstances":
        ids = call.params["InstanceIds"]
        return sorted({str(instance.placement.zone) for instance in call.backends.instances if instance.id in ids})
    interfaces = call.params.get("NetworkInterfaces") or [{}]
    if subnet := call.params.get("SubnetId") or interfaces[0].get("SubnetId"):
        return [call.backends.zone_of_subnet(subnet)]
    return [call.params.get("Placement", {}).get("AvailabilityZone", "")]
