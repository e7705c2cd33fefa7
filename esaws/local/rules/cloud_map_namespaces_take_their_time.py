"""The operation that creates or deletes a Cloud Map namespace is pending for a minute.

https://docs.aws.amazon.com/cloud-map/latest/api/API_GetOperation.html
"""

from typing import Any

from esaws.local.call import Call
from esaws.local.clockwork.lifecycle import arrived, begin, next_arrival, wait_for
from esaws.local.seam import after, follows
from esaws.local.world import World

_SECONDS = 60.0


def _operations(world: World) -> dict[str, Any]:
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
    operation = _operations(call.world)[call.result["OperationId"]]
    operation.status = "PENDING"
    begin(operation, "SUCCESS", _SECONDS)


@after("servicediscovery", "GetOperation")
def its_end_is_awaited(call: Call) -> None:
    wait_for(call, [_operations(call.world)[call.params["OperationId"]]])


@follows("servicediscovery", order=1)
def operations_succeed(world: World) -> float | None:
    for operation in _operations(world).values():
        operation.status = arrived(operation) or operation.status
    return next_arrival(_operations(world).values())
