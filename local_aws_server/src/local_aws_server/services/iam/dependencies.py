"""Managed policies, users and groups that IAM refuses to delete."""

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
    Behaviour(
        service="IAM",
        statement="A user can be deleted without groups, keys, certificates, devices and a password, and a group "
        "without users and policies.",
        documentation=(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html",
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html",
        ),
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


@before("iam", "DeleteUser")
def check_user_unused(call: Call) -> None:
    iam = call.backends.backend("iam")
    user = iam.users.get(call.params["UserName"])
    if user is None:
        return
    _refuse_if(user.password is not None, "must delete login profile first")
    _refuse_if(any(user in group.users for group in iam.groups.values()), "must remove users from group first")
    _refuse_if(user.access_keys, "must delete access keys first")
    _refuse_if(user.signing_certificates, "must delete signing certificate first")
    _refuse_if(user.mfa_devices, "must delete MFA device first")
    _refuse_if(user.ssh_public_keys, "must remove referenced objects first")


@before("iam", "DeleteGroup")
def check_group_unused(call: Call) -> None:
    group = call.backends.backend("iam").groups.get(call.params["GroupName"])
    if group is None:
        return
    _refuse_if(group.users, "must remove users from group first")
    _refuse_if(group.managed_policies, "must detach all policies first")
    _refuse_if(group.policies, "must delete policies first")


def _refuse_if(refused: object, what: str) -> None:
    if refused:
        raise AwsError("DeleteConflict", f"Cannot delete entity, {what}.", 409)
