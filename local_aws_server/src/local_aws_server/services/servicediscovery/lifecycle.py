"""The operation that creates or deletes a Cloud Map namespace is pending for a minute.

https://docs.aws.amazon.com/cloud-map/latest/api/API_GetOperation.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.clock.transitions import (
    next_transition_end,
    pop_reached_state,
    start_transition,
    wait_for_transitions,
)
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, reconciler

BEHAVIOURS = (
    Behaviour(
        service="Cloud Map",
        statement="The operation that creates or deletes a Cloud Map namespace is pending for a minute.",
        documentation=("https://docs.aws.amazon.com/cloud-map/latest/api/API_GetOperation.html",),
    ),
)

_SECONDS = 60.0


def _operations(world: Backends) -> dict[str, Any]:
    found: dict[str, Any] = world.backend("servicediscovery").operations
    return found


@after(
    "servicediscovery",
    "CreateHttpNamespace",
    "CreatePrivateDnsNamespace",
    "CreatePublicDnsNamespace",
    "DeleteNamespace",
)
def it_is_pending_at_first(call: Call) -> None:
    operation = _operations(call.backends)[call.result["OperationId"]]
    operation.status = "PENDING"
    start_transition(operation, "SUCCESS", _SECONDS)


@after("servicediscovery", "GetOperation")
def its_end_is_awaited(call: Call) -> None:
    wait_for_transitions(call, [_operations(call.backends)[call.params["OperationId"]]])


@reconciler("servicediscovery", order=1)
def operations_succeed(world: Backends) -> float | None:
    for operation in _operations(world).values():
        operation.status = pop_reached_state(operation) or operation.status
    return next_transition_end(_operations(world).values())
