"""The ResourceNotFoundException errors of Secrets Manager, and tokens of pages that it did not return."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="Secrets Manager",
        statement="Operations on a secret that does not exist return ResourceNotFoundException.",
        documentation=("https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html",),
    ),
)

NotFoundRule(
    "secretsmanager",
    "ResourceNotFoundException",
    "Secrets Manager can't find the specified secret.",
    store_keys("secretsmanager", "secrets"),
    by_parameter("SecretId", "ListSecretVersionIds", "TagResource", "UntagResource"),
    status=400,
).register()


@before("secretsmanager", "ListSecrets", "ListSecretVersionIds")
def check_token(call: Call) -> None:
    token = call.params.get("NextToken")
    if token is not None and not token.isdigit():
        raise AwsError("InvalidNextTokenException", "The NextToken value is invalid.", 400)


@before("secretsmanager", "CreateSecret", "ReplicateSecretToRegions")
def check_replica_regions(call: Call) -> None:
    if not all(each.get("Region") for each in call.params.get("AddReplicaRegions", [])):
        raise AwsError("InvalidParameterException", "You must specify the Region of each replica.", 400)


@before("secretsmanager", "BatchGetSecretValue", "ListSecrets")
def check_filters(call: Call) -> None:
    for each in call.params.get("Filters", []):
        if "Key" not in each:
            raise AwsError("InvalidParameterException", "Invalid filter key", 400)
        if not each.get("Values"):
            raise AwsError("InvalidParameterException", f"Invalid filter values for key: {each['Key']}", 400)
