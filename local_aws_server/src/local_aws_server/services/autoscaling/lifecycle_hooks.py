"""Hold instances at launch or termination for lifecycle hooks, until completed or timed out."""

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A lifecycle hook holds an instance at its launch or termination until the action is completed or "
        "its heartbeat times out.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html",
        ),
    ),
)

_HELD_STATES = ("Pending:Wait", "Terminating:Wait")
_DEFAULT_HEARTBEAT_TIMEOUT = 3600


def find_hook(backends: Backends, group: Any, transition: str) -> Any | None:
    """Return a group's hook on `LAUNCHING` or `TERMINATING`."""
    hooks = backends.backend("autoscaling").lifecycle_hooks.values()
    name = f"autoscaling:EC2_INSTANCE_{transition}"
    return next(
        (hook for hook in hooks if hook.auto_scaling_group_name == group.name and hook.lifecycle_transition == name),
        None,
    )


def heartbeat_timeout(hook: Any) -> float:
    """Return for how many seconds a hook holds an instance."""
    return float(hook.heartbeat_timeout or _DEFAULT_HEARTBEAT_TIMEOUT)


def hold(state: Any, lifecycle_state: str, seconds: float) -> None:
    """Hold an instance in a lifecycle state."""
    state.lifecycle_state = lifecycle_state
    sidecar(state).pop("token", None)
    sidecar(state)["held_until"] = CLOCK.now() + seconds


def held_until(state: Any) -> float:
    return float(sidecar(state)["held_until"])


def is_released(state: Any) -> bool:
    return CLOCK.now() >= held_until(state)


def result(state: Any, hook: Any | None) -> str:
    """Return CONTINUE or ABANDON: the result of the completed action, or the hook's default."""
    return str(sidecar(state).get("result", hook.default_result if hook else "CONTINUE"))


@replace("autoscaling", "CompleteLifecycleAction")
def complete_lifecycle_action(call: Call) -> dict[str, Any]:
    state, _ = _held_instance(call)
    sidecar(state).update(held_until=CLOCK.now(), result=call.params["LifecycleActionResult"])
    return {}


@replace("autoscaling", "RecordLifecycleActionHeartbeat")
def record_heartbeat(call: Call) -> dict[str, Any]:
    state, hook = _held_instance(call)
    sidecar(state)["held_until"] = CLOCK.now() + heartbeat_timeout(hook)
    return {}


def _held_instance(call: Call) -> tuple[Any, Any]:
    """Return the state of the held instance and the hook that holds it. Raises AwsError if there is none."""
    name, instance_id = call.params["AutoScalingGroupName"], call.params.get("InstanceId")
    token = call.params.get("LifecycleActionToken")
    group = call.backends.auto_scaling_group(name)
    hook = call.backends.backend("autoscaling").lifecycle_hooks.get(f"{name}_{call.params['LifecycleHookName']}")
    held = [s for s in (group.instance_states if group else ()) if s.lifecycle_state in _HELD_STATES]
    if instance_id is not None:
        chosen = [state for state in held if state.instance.id == instance_id]
    else:
        chosen = [state for state in held if token in (None, sidecar(state).get("token"))]
    if not chosen or hook is None:
        named = f"instance ID {instance_id}" if instance_id is not None else f"token {token}"
        raise AwsError("ValidationError", f"No active Lifecycle Action found with {named}")
    return chosen[0], hook
