"""A lifecycle hook holds an instance at its launch or its end, until it is completed or its heartbeat runs out.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
"""

from typing import Any

from local_aws_server.backends import remembered
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, replace
from local_aws_server.services.autoscaling import fleet

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A lifecycle hook holds an instance at its launch or its end, until it is completed or its "
        "heartbeat runs out.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html",),
    ),
)

_HELD = ("Pending:Wait", "Terminating:Wait")


@replace("autoscaling", "CompleteLifecycleAction")
def complete(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html"""
    fleet.complete(_held(call)[0], call.params["LifecycleActionResult"])
    return {}


@replace("autoscaling", "RecordLifecycleActionHeartbeat")
def heartbeat(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html"""
    state, hook = _held(call)
    remembered(state)["held_until"] = CLOCK.now() + float(hook.heartbeat_timeout)
    return {}


def _held(call: Call) -> tuple[Any, Any]:
    """(the held instance of the group, the hook that holds it)."""
    name, asked = call.params["AutoScalingGroupName"], call.params.get("InstanceId")
    group = call.backends.group(name)
    hook = call.backends.backend("autoscaling").lifecycle_hooks.get(f"{name}_{call.params['LifecycleHookName']}")
    held = [s for s in (group.instance_states if group else ()) if s.lifecycle_state in _HELD]
    found = next((state for state in held if asked in (None, state.instance.id)), None)
    if found is None or hook is None:
        raise AwsError("ValidationError", f"No active Lifecycle Action found with instance ID {asked}")
    return found, hook
