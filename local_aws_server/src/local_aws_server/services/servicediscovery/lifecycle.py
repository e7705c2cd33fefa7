"""Operations on Cloud Map namespaces, which take time."""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.transitions import (
    next_transition_end,
    pop_reached_state,
    start_transition,
    wait_for_transitions,
)
from local_aws_server.hooks import after, reconciler

BEHAVIOURS = (
    Behaviour(
        service="Cloud Map",
        statement="The creation and deletion of a Cloud Map namespace are pending for a minute.",
        documentation=("https://docs.aws.amazon.com/cloud-map/latest/api/API_GetOperation.html",),
    ),
)

_SECONDS = 60.0


def _operations(backends: Backends) -> dict[str, Any]:
    operations: dict[str, Any] = backends.backend("servicediscovery").operations
    return operations


@after(
    "servicediscovery",
    "CreateHttpNamespace",
    "CreatePrivateDnsNamespace",
    "CreatePublicDnsNamespace",
    "DeleteNamespace",
)
def set_pending(call: Call) -> None:
    operation = _operations(call.backends)[call.result["OperationId"]]
    operation.status = "PENDING"
    start_transition(operation, "SUCCESS", _SECONDS)


@after("servicediscovery", "GetOperation")
def wait_for_operation(call: Call) -> None:
    wait_for_transitions(call, [_operations(call.backends)[call.params["OperationId"]]])


@reconciler("servicediscovery", order=1)
def finish_operations(backends: Backends) -> float | None:
    for operation in _operations(backends).values():
        operation.status = pop_reached_state(operation) or operation.status
    return next_transition_end(_operations(backends).values())
