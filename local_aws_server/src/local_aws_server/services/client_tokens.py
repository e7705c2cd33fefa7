"""Idempotency tokens: a call that is sent again with the same token gets the answer of the first one.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
"""

from __future__ import annotations

from collections import OrderedDict

from flask import Response

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.reset import on_reset

BEHAVIOURS = (
    Behaviour(
        service="anything else",
        statement="A call with the idempotency token of an earlier one makes nothing, and returns the same answer; "
        "a restart of the local AWS forgets the tokens of all operations but RunInstances and CreateService.",
        documentation=("https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html",),
    ),
)

_MOST = 1000
"""How many answers are kept, those of the latest calls. Clients send a call again within seconds."""

_KEPT_WITH_THE_RESOURCE = frozenset({"RunInstances", "CreateService"})
"""Operations whose token is a property of what they make, so that it outlives a restart."""

_Key = tuple[str, str, str, str, str]

_answers: OrderedDict[_Key, tuple[bytes, int, list[tuple[str, str]]]] = OrderedDict()
"""(account, region, service, operation, token) → body, status and headers."""


@on_reset
def forget() -> None:
    """Forget all answers."""
    _answers.clear()


def earlier_response(call: Call) -> Response | None:
    """The answer to the first call with the token of this one; None if there was none."""
    key = _key(call)
    if key is None or key not in _answers:
        return None
    body, status, headers = _answers[key]
    return Response(body, status, headers)


def remember(call: Call, response: Response) -> Response:
    """Keep a successful answer under the token of its call, and return it."""
    key = _key(call)
    if key is not None:
        _answers[key] = response.get_data(), response.status_code, list(response.headers)
        if len(_answers) > _MOST:
            _answers.popitem(last=False)
    return response


def _key(call: Call) -> _Key | None:
    members = call.idempotent_members
    if call.operation in _KEPT_WITH_THE_RESOURCE or not members:
        return None
    token = call.params.get(members[0])
    return (call.account, call.region, call.service, call.operation, token) if token else None
