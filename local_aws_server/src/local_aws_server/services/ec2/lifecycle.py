"""StopInstances, StartInstances and TerminateInstances, whose changes of state take time."""

from collections.abc import Callable
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.transitions import current_transition, wait_for_transitions
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler, replace
from local_aws_server.services.ec2 import instances

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="An instance takes a minute each to start, stop and terminate, and keeps its resources until then.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html",),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="An instance with stop or termination protection, also from its launch, is not stopped or terminated "
        "by a call.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_ChangingDisableAPITermination.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-stop-protection.html",
        ),
    ),
)


@reconciler("ec2", "autoscaling", order=1)
def finish_instance_transitions(backends: Backends) -> float | None:
    return instances.finish_due_transitions(backends)


@before("ec2", "StopInstances")
def check_stop(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html"""
    requested = _requested(call)
    if ended := [instance for instance in requested if instance.state in ("shutting-down", "terminated")]:
        raise _wrong_state(ended[0], "stopped")
    for instance in requested:
        if instance.disable_api_stop:
            raise _protected(instance, "stopped", "disableApiStop")


@before("ec2", "StartInstances")
def check_start(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html"""
    if wrong := [each for each in _requested(call) if each.state not in ("stopped", "pending", "running")]:
        raise _wrong_state(wrong[0], "started")


@before("ec2", "TerminateInstances")
def check_termination(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html"""
    for instance in _requested(call):
        if instance.disable_api_termination:
            raise _protected(instance, "terminated", "disableApiTermination")


@replace("ec2", "StopInstances")
def stop(call: Call) -> dict[str, Any]:
    return {"StoppingInstances": _changed(call, instances.stop)}


@replace("ec2", "StartInstances")
def start(call: Call) -> dict[str, Any]:
    return {"StartingInstances": _changed(call, instances.start)}


@replace("ec2", "TerminateInstances")
def terminate(call: Call) -> dict[str, Any]:
    return {"TerminatingInstances": _changed(call, instances.terminate)}


@after("ec2", "DescribeInstances")
def wait_for_shown_instances(call: Call) -> None:
    # To read what the call shows takes as long as the call itself, and mostly nothing changes.
    if changing := _changing(call):
        shown = {i["InstanceId"] for r in call.result.get("Reservations", []) for i in r["Instances"]}
        wait_for_transitions(call, [instance for instance in changing if instance.id in shown])


@after("ec2", "DescribeInstanceStatus")
def wait_for_requested_instances(call: Call) -> None:
    """Wait for the requested instances as well: a pending one has no status yet."""
    if changing := _changing(call):
        requested = set(call.params.get("InstanceIds", []))
        shown = {status["InstanceId"] for status in call.result.get("InstanceStatuses", [])}
        wait_for_transitions(call, [instance for instance in changing if instance.id in requested | shown])


def _changing(call: Call) -> list[Any]:
    return [instance for instance in call.backends.instances if current_transition(instance)]


def _requested(call: Call) -> list[Any]:
    ids = call.params.get("InstanceIds")
    if not ids:
        raise AwsError("InvalidParameterCombination", "No instances specified")
    requested: list[Any] = call.backends.backend("ec2").get_multi_instances_by_id(ids)
    return requested


def _changed(call: Call, change: Callable[..., None]) -> list[dict[str, Any]]:
    requested = _requested(call)
    before = {instance.id: {"Name": instance.state, "Code": instance.state_code} for instance in requested}
    change(call.backends, requested)
    return [
        {
            "InstanceId": instance.id,
            "CurrentState": {"Name": instance.state, "Code": instance.state_code},
            "PreviousState": before[instance.id],
        }
        for instance in requested
    ]


def _protected(instance: Any, action: str, attribute: str) -> AwsError:
    message = (
        f"The instance '{instance.id}' may not be {action}. Modify its '{attribute}' instance attribute and try again."
    )
    return AwsError("OperationNotPermitted", message)


def _wrong_state(instance: Any, action: str) -> AwsError:
    message = f"The instance '{instance.id}' is not in a state from which it can be {action}."
    return AwsError("IncorrectInstanceState", message)
