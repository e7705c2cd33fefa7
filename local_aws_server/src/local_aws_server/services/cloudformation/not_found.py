"""Refuse calls that name a change set, or a page, that does not exist."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="CloudFormation",
        statement="Executing a change set that does not exist fails with ChangeSetNotFound, deleting it does nothing.",
        documentation=(
            "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html",
            "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html",
        ),
    ),
)


@before("cloudformation", "ExecuteChangeSet")
def require_change_set(call: Call) -> None:
    if not _exists(call):
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{call.params['ChangeSetName']}] does not exist", 404)


@before("cloudformation", "DeleteChangeSet")
def ignore_missing_change_set(call: Call) -> None:
    if not _exists(call):
        call.result = {}


@before("cloudformation", "DescribeStacks", "ListExports")
def check_token(call: Call) -> None:
    """moto returns the id of a stack, or a number, as the token."""
    token = call.params.get("NextToken")
    known = call.backends.backend("cloudformation").stacks if call.operation == "DescribeStacks" else ()
    if token and token not in known and not (call.operation == "ListExports" and token.isdecimal()):
        raise AwsError("ValidationError", "The token is not valid.")


def _exists(call: Call) -> bool:
    name = call.params["ChangeSetName"]
    change_sets = call.backends.backend("cloudformation").change_sets
    return name in change_sets or any(name == change_set.change_set_name for change_set in change_sets.values())
