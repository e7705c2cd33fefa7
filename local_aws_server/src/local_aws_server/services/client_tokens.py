"""Idempotency tokens: a call that is sent again with the same token gets the answer of the first one.

A token that comes back with other parameters is refused, in the words of the service.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
"""

from __future__ import annotations

import json
from collections import OrderedDict
from hashlib import blake2b

from flask import Response

from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.reset import on_reset

_ECS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html"
BEHAVIOURS = (
    Behaviour(
        service="anything else",
        statement="A call with the idempotency token of an earlier one makes nothing, and returns the same answer; "
        "a restart of the local AWS forgets the tokens of all operations but RunInstances, RunTask and CreateService.",
        documentation=("https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html",),
    ),
    Behaviour(
        service="anything else",
        statement="An idempotency token is refused with parameters other than those of its first call.",
        documentation=(
            "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html",
            _ECS,
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html",
            "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreatePatchBaseline.html",
            "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html",
        ),
    ),
    Behaviour(
        service="anything else",
        fidelity=NOT_SIMULATED,
        statement="The answer to an idempotency token with other parameters, where AWS documents none.",
        documentation=("https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers.html",),
    ),
)

_MOST = 1000
"""How many answers are kept, those of the latest calls. Clients send a call again within seconds."""

_KEPT_WITH_THE_RESOURCE = frozenset({("ec2", "RunInstances"), ("ecs", "CreateService"), ("ecs", "RunTask")})
"""Operations whose token is a property of what they make, so that it outlives a restart."""

_OTHER_PARAMETERS: dict[str, tuple[str, str]] = {
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    "ec2": (
        "IdempotentParameterMismatch",
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
    ),
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreatePatchBaseline.html
    "ssm": (
        "IdempotentParameterMismatch",
        "The parameters don't match the original call to the API with the same idempotency token.",
    ),
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    "dynamodb": (
        "IdempotentParameterMismatchException",
        "The request was retried with a different payload but with an idempotent token that was already used.",
    ),
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
    "secretsmanager": (
        "ResourceExistsException",
        "You can't modify an existing version of a secret; you can only create a new one.",
    ),
    "ecs RunTask": (
        "ConflictException",
        "The RunTask request could not be processed due to conflicts. "
        "The provided clientToken is already in use with a different RunTask request.",
    ),
    "ecs CreateService": ("InvalidParameterException", "Creation of service was not idempotent."),
}
"""Service, or service and operation → the error of a token that comes back with other parameters."""

_SCOPES = {"secretsmanager": ("Name", "SecretId")}
"""Service → the parameters within which its tokens are unique: those of Secrets Manager name versions of a secret."""

_Key = tuple[str, ...]

_answers: OrderedDict[_Key, tuple[str, bytes, int, list[tuple[str, str]]]] = OrderedDict()
"""(account, region, service, operation, token, scope) → digest of the parameters, body, status and headers."""


@on_reset
def forget() -> None:
    """Forget all answers."""
    _answers.clear()


def earlier_response(call: Call) -> Response | None:
    """The answer to the first call with the token of this one; None if there was none.

    Raises AwsError if the parameters are others now.
    """
    key = _key(call)
    if key is None or key not in _answers:
        return None
    digest, body, status, headers = _answers[key]
    check_same_parameters(call, digest)
    return Response(body, status, headers)


def remember(call: Call, response: Response) -> Response:
    """Keep a successful answer under the token of its call, and return it."""
    key = _key(call)
    if key is not None:
        _answers[key] = parameters_digest(call), response.get_data(), response.status_code, list(response.headers)
        if len(_answers) > _MOST:
            _answers.popitem(last=False)
    return response


def parameters_digest(call: Call) -> str:
    """A digest of the parameters of a call, without its token."""
    ignored = {*call.idempotent_members, "clientToken", "DryRun"}
    params = {name: value for name, value in call.params.items() if name not in ignored}
    return blake2b(json.dumps(params, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def check_same_parameters(call: Call, digest: str | None) -> None:
    """Raise the service's error if a call has other parameters than the first one with its token.

    `digest` is that of the first call; None, in a file of an older version, matches every call.
    """
    if digest is None or digest == parameters_digest(call):
        return
    name = f"{call.service} {call.operation}"
    code, message = _OTHER_PARAMETERS.get(name) or _OTHER_PARAMETERS.get(call.service) or ("", "")
    if not code:
        message = f"the local AWS does not simulate {name} with the idempotency token of a call with other parameters"
        raise AwsError("NotSimulated", message, 501)
    raise AwsError(code, message, 400)


def _key(call: Call) -> _Key | None:
    members = call.idempotent_members
    if (call.service, call.operation) in _KEPT_WITH_THE_RESOURCE or not members:
        return None
    token = call.params.get(members[0])
    if not token or call.params.get("DryRun"):
        return None
    scope = (str(call.params[name]) for name in _SCOPES.get(call.service, ()) if name in call.params)
    return call.account, call.region, call.service, call.operation, token, *scope
