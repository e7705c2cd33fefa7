"""The NotFound error of KMS keys, where moto fails."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.not_found import NotFoundRule, by_parameter, last_part

BEHAVIOURS = (
    Behaviour(
        service="KMS",
        statement="Grants of a key that does not exist are refused, and random bytes without their number.",
        documentation=("https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html",),
    ),
)


def _keys(call: Call) -> set[str]:
    return set(call.backends.backend("kms").keys)


KEYS = NotFoundRule(
    "kms",
    "NotFoundException",
    "Key '{}' does not exist",
    _keys,
    by_parameter("KeyId", "CreateGrant", "ListGrants", "RevokeGrant", "RetireGrant"),
    normalize=last_part,
)
KEYS.register()


@before("kms", "GenerateRandom")
def require_a_number_of_bytes(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html"""
    if call.params.get("NumberOfBytes") is None:
        raise AwsError("ValidationException", "NumberOfBytes is required.")
