"""Members of roles that IAM shows only when one role is read."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="IAM",
        statement="The creation of a role shows neither its session duration nor its last use, and a list of roles "
        "leaves out tags, boundaries and the last use.",
        documentation=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html",),
    ),
)

_READ_ALONE = ("PermissionsBoundary", "RoleLastUsed", "Tags")


@after("iam", "CreateRole")
def hide_defaults(call: Call) -> None:
    role = call.result["Role"]
    role.pop("RoleLastUsed", None)
    if "MaxSessionDuration" not in call.params:
        role.pop("MaxSessionDuration", None)


@after("iam", "ListRoles")
def hide_what_lists_leave_out(call: Call) -> None:
    for role in call.result.get("Roles", ()):
        for member in _READ_ALONE:
            role.pop(member, None)
