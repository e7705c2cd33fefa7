"""IAM's roles, users, groups and policies that do not exist are a NoSuchEntity wherever they are named.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html
"""

from functools import partial

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="IAM",
        statement="IAM's roles, users, groups and policies that do not exist are a NoSuchEntity wherever they are "
        "named.",
        documentation=(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html",
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html",
        ),
    ),
)

_kind = partial(NotFoundRule, "iam", "NoSuchEntity", status=404)


def _roles(call: Call) -> set[str]:
    return {role.name for role in call.backends.backend("iam").roles.values()}


def _roles_of_the_profile(call: Call) -> set[str]:
    profile = call.backends.instance_profile(call.params["InstanceProfileName"])
    # of a profile that does not exist, moto says so
    return {role.name for role in profile.roles} if profile else {call.params["RoleName"]}


for _each in (
    _kind("The role with name {} cannot be found.", _roles, by_parameter("RoleName", "ListInstanceProfilesForRole")),
    _kind(
        "Role with name {} cannot be found in instance profile.",
        _roles_of_the_profile,
        by_parameter("RoleName", "RemoveRoleFromInstanceProfile"),
    ),
    _kind(
        "Policy {} does not exist.",
        store_keys("iam", "managed_policies"),
        by_parameter("PolicyArn", "ListEntitiesForPolicy"),
    ),
    _kind(
        "The user with name {} cannot be found.",
        store_keys("iam", "users"),
        by_parameter("UserName", "UploadSSHPublicKey"),
    ),
    _kind(
        "The group with name {} cannot be found.", store_keys("iam", "groups"), by_parameter("GroupName", "UpdateGroup")
    ),
    _kind(
        "The Account Alias {} cannot be found.",
        lambda call: call.backends.backend("iam").account_aliases,
        by_parameter("AccountAlias", "DeleteAccountAlias"),
    ),
):
    _each.register()
