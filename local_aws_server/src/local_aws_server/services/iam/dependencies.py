"""Managed policies that IAM refuses to delete."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="IAM",
        statement="A managed policy can be deleted when it is attached to nothing and only its default version is "
        "left.",
        documentation=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html",),
    ),
)


@before("iam", "DeletePolicy")
def check_policy_unused(call: Call) -> None:
    policy = call.backends.backend("iam").managed_policies.get(call.params["PolicyArn"])
    if policy is None:
        return
    if policy.attachment_count:
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
    if len(policy.versions) > 1:
        raise AwsError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy.",
            409,
        )
