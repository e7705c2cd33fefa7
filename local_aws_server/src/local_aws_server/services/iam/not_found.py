"""The NoSuchEntity errors of IAM, and names and markers that no service or page has."""

from functools import partial

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="IAM",
        statement="Operations on IAM roles, users, groups and policies that do not exist return NoSuchEntity.",
        documentation=(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html",
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html",
        ),
    ),
)

_DOTS_OF_SERVICE = 2

_rule = partial(NotFoundRule, "iam", "NoSuchEntity", status=404)


def _roles(call: Call) -> set[str]:
    return {role.name for role in call.backends.backend("iam").roles.values()}


def _roles_of_profile(call: Call) -> set[str]:
    profile = call.backends.instance_profile(call.params["InstanceProfileName"])
    # moto raises for a missing profile
    return {role.name for role in profile.roles} if profile else {call.params["RoleName"]}


for rule in (
    _rule("The role with name {} cannot be found.", _roles, by_parameter("RoleName", "ListInstanceProfilesForRole")),
    _rule(
        "Role with name {} cannot be found in instance profile.",
        _roles_of_profile,
        by_parameter("RoleName", "RemoveRoleFromInstanceProfile"),
    ),
    _rule(
        "Policy {} does not exist.",
        store_keys("iam", "managed_policies"),
        by_parameter("PolicyArn", "ListEntitiesForPolicy"),
    ),
    _rule(
        "The user with name {} cannot be found.",
        store_keys("iam", "users"),
        by_parameter("UserName", "UploadSSHPublicKey"),
    ),
    _rule(
        "The group with name {} cannot be found.", store_keys("iam", "groups"), by_parameter("GroupName", "UpdateGroup")
    ),
    _rule(
        "The Account Alias {} cannot be found.",
        lambda call: call.backends.backend("iam").account_aliases,
        by_parameter("AccountAlias", "DeleteAccountAlias"),
    ),
):
    rule.register()


@before("iam", "CreateServiceLinkedRole")
def check_service_name(call: Call) -> None:
    name = call.params["AWSServiceName"]
    if not name.endswith(".amazonaws.com") or name.count(".") < _DOTS_OF_SERVICE:
        raise AwsError("InvalidInput", f"Service name {name} is not valid.", 400)


@before("iam", "ListGroups", "ListPolicies", "ListRoles", "ListUsers", "ListVirtualMFADevices")
def check_marker(call: Call) -> None:
    if not call.params.get("Marker", "0").isdigit():
        raise AwsError("ValidationError", "Invalid Marker.", 400)
