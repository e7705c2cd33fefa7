"""Client tokens of RunInstances, each a property of the reservation that its call made."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.services import client_tokens

_ERRORS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A second RunInstances with the same client token launches nothing, and returns the first's "
        "instances.",
        documentation=("https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html",),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="The client token of instances that were terminated in the last day is refused "
        "(IdempotentInstanceTerminated).",
        documentation=(_ERRORS, "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html"),
    ),
)

_KEPT_SECONDS = 24 * 3600.0
"""How long a token is known after its instances are removed, which is an hour after they were terminated."""


def earlier_reservation(call: Call) -> Any | None:
    """The reservation that a call with the same client token made; None without one.

    Raises AwsError if the parameters are others now, or if all of its instances are terminated.
    """
    token, ec2 = call.params.get("ClientToken"), call.backends.backend("ec2")
    if not token:
        return None
    for reservation in ec2.reservations.values():
        if reservation.instances and reservation.instances[0].client_token == token:
            client_tokens.check_same_parameters(call, sidecar(reservation).get("client_token_digest"))
            if all(instance.state == "terminated" for instance in reservation.instances):
                raise _terminated()
            return reservation
    digest, until = _terminated_tokens(call.backends).get(token, (None, 0.0))
    if until > CLOCK.now():
        client_tokens.check_same_parameters(call, digest)
        raise _terminated()
    return None


def remember_token(call: Call, reservation: Any) -> None:
    """Keep the parameters of the call that made a reservation, if it has a client token."""
    if call.params.get("ClientToken"):
        sidecar(reservation)["client_token_digest"] = client_tokens.parameters_digest(call)


def remember_terminated(backends: Backends, reservation: Any) -> None:
    """Keep the client token of a reservation that is about to be removed, for a day."""
    token, now = reservation.instances[0].client_token, CLOCK.now()
    tokens = _terminated_tokens(backends)
    for old in [name for name, (_, until) in tokens.items() if until <= now]:
        del tokens[old]
    if token:
        tokens[token] = sidecar(reservation).get("client_token_digest"), now + _KEPT_SECONDS


def _terminated_tokens(backends: Backends) -> dict[str, tuple[str | None, float]]:
    """Token → (digest of the parameters, the time until which it is known)."""
    tokens: dict[str, tuple[str | None, float]] = sidecar(backends.backend("ec2")).setdefault("terminated_tokens", {})
    return tokens


def _terminated() -> AwsError:
    message = (
        "The request to launch an instance uses the same client token as a previous request for which the instance has "
        "been terminated."
    )
    return AwsError("IdempotentInstanceTerminated", message)
