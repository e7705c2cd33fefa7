"""Calls whose answer is lost after AWS may have made them: they are not repeated where that would make a twin.

botocore repeats a call after any failure of the connection. A second CreateVpc makes a second VPC, and a second
CreateSubnet fails because the first one is there. The next run finds what was made by its tags, and completes it.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, HTTPClientError, ProxyConnectionError
from botocore.model import OperationModel
from botocore.session import Session

from esaws.errors import EsawsError

_MAKES = ("Allocate", "Authorize", "Create", "RegisterTaskDefinition")
"""How the operations begin that make something."""

_REPEATABLE = frozenset(
    ("CreateCluster", "CreateLoadBalancer", "CreateOrUpdateTags", "CreateTags", "CreateTargetGroup")
)
"""Those that return what exists if it has the same settings, as AWS documents for each."""

_NOT_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


class AnswerLost(EsawsError):
    """AWS may have made the call, and its answer did not arrive."""


def do_not_repeat(session: Session) -> None:
    """Let a lost answer of a call that must not be repeated raise AnswerLost, in all clients of a session."""
    session.register("needs-retry", _raise_if_lost)


def _raise_if_lost(operation: OperationModel, caught_exception: Exception | None, **_: Any) -> None:
    is_lost = isinstance(caught_exception, HTTPClientError) and not isinstance(caught_exception, _NOT_SENT)
    if is_lost and not is_repeatable(operation):
        assert caught_exception
        reason = type(caught_exception).__name__
        raise AnswerLost(
            f"{operation.name} was not answered ({reason}), so AWS may have made it; "
            "run the same command again: what was made is found by its tags, and completed"
        ) from caught_exception


def is_repeatable(operation: OperationModel) -> bool:
    """Whether a call may be sent again after AWS may have made it.

    botocore sends the same idempotency token again where the operation takes one.
    """
    return not operation.name.startswith(_MAKES) or operation.name in _REPEATABLE or bool(operation.idempotent_members)
