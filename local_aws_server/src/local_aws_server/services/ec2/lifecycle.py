"""An instance is pending for about a minute, and as long stopping or shutting down; until then it holds what it uses.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from collections.abc import Callable
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.clock.transitions import wait_for_transitions
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, reconciler, replace
from local_aws_server.services.ec2 import instances

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="An instance is pending for about a minute, and as long stopping or shutting down; until then "
        "it holds what it uses.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html",),
    ),
)


@reconciler("ec2", "autoscaling", order=1)
def instances_arrive(world: Backends) -> float | None:
    return instances.arrive(world)


@after("ec2", "RunInstances")
def it_is_pending_at_first(call: Call) -> None:
    made = {described["InstanceId"] for described in call.result["Instances"]}
    for instance in call.backends.instances:
        if instance.id in made:
            instances.launched(instance)
    for described in call.result["Instances"]:
        described["State"] = {"Name": "pending", "Code": instances.CODES["pending"]}


@replace("ec2", "StopInstances")
def stop(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html"""
    asked = _asked(call)
    if gone := [instance for instance in asked if instance.state in ("shutting-down", "terminated")]:
        raise _wrong_state(gone[0], "stopped")
    return {"StoppingInstances": _changed(call, asked, instances.stop)}


@replace("ec2", "StartInstances")
def start(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html"""
    asked = _asked(call)
    if wrong := [instance for instance in asked if instance.state not in ("stopped", "pending", "running")]:
        raise _wrong_state(wrong[0], "started")
    return {"StartingInstances": _changed(call, asked, instances.start)}


@replace("ec2", "TerminateInstances")
def terminate(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html"""
    asked = _asked(call)
    for instance in asked:
        if instance.disable_api_termination:
            raise AwsError(
                "OperationNotPermitted",
                f"The instance '{instance.id}' may not be terminated. "
                "Modify its 'disableApiTermination' instance attribute and try again.",
            )
    return {"TerminatingInstances": _changed(call, asked, instances.terminate)}


@after("ec2", "DescribeInstances")
def its_end_is_awaited(call: Call) -> None:
    shown = {i["InstanceId"] for r in call.result.get("Reservations", []) for i in r["Instances"]}
    wait_for_transitions(call, [instance for instance in call.backends.instances if instance.id in shown])


@after("ec2", "DescribeInstanceStatus")
def its_status_is_awaited(call: Call) -> None:
    """A pending instance has no status yet, unless all are asked for."""
    asked = set(call.params.get("InstanceIds", []))
    shown = {status["InstanceId"] for status in call.result.get("InstanceStatuses", [])}
    wait_for_transitions(call, [instance for instance in call.backends.instances if instance.id in asked | shown])


def _asked(call: Call) -> list[Any]:
    found: list[Any] = call.backends.backend("ec2").get_multi_instances_by_id(call.params["InstanceIds"])
    return found


def _changed(call: Call, asked: list[Any], change: Callable[..., None]) -> list[dict[str, Any]]:
    before = {instance.id: {"Name": instance.state, "Code": instance.state_code} for instance in asked}
    change(call.backends, asked)
    return [
        {
            "InstanceId": instance.id,
            "CurrentState": {"Name": instance.state, "Code": instance.state_code},
            "PreviousState": before[instance.id],
        }
        for instance in asked
    ]


def _wrong_state(instance: Any, wanted: str) -> AwsError:
    message = f"The instance '{instance.id}' is not in a state from which it can be {wanted}."
    return AwsError("IncorrectInstanceState", message)
