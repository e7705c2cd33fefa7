"""Identifiers and names that RDS refuses, before it looks whether the resource exists."""

from __future__ import annotations

import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="Identifiers and names of DB subnet groups are checked before RDS looks for the resource.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",),
    ),
)

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
_GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,254}")
_RESERVED_GROUP = "default"

_LONGEST = {
    **dict.fromkeys(("DBInstanceIdentifier", "NewDBInstanceIdentifier", "TargetDBInstanceIdentifier"), 63),
    **dict.fromkeys(("DBSnapshotIdentifier", "FinalDBSnapshotIdentifier", "TargetDBSnapshotIdentifier"), 255),
}
"""Parameter → the length of the longest identifier."""
_RESTORE = "RestoreDBInstanceFromDBSnapshot"
CHECKED = (
    "CopyDBSnapshot",
    "CreateDBInstance",
    "CreateDBInstanceReadReplica",
    "CreateDBSnapshot",
    "DeleteDBInstance",
    "ModifyDBInstance",
    "PromoteReadReplica",
    "RebootDBInstance",
    _RESTORE,
    "RestoreDBInstanceToPointInTime",
    "StartDBInstance",
    "StopDBInstance",
)
"""The operations that take an identifier, and no ARN in its place."""


def check_identifiers(call: Call) -> None:
    """Raise InvalidParameterValue for an identifier that can't be one.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html (DBInstanceIdentifier)
    """
    for name in _LONGEST.keys() & call.params.keys():
        if (call.operation, name) != (_RESTORE, "DBSnapshotIdentifier"):  # the source: an ARN, or `rds:` and a name
            _check(name, call.params[name])


def check_group_name(call: Call) -> None:
    """Raise InvalidParameterValue for a name that no DB subnet group can have."""
    name = call.params["DBSubnetGroupName"]
    if not _GROUP_NAME.fullmatch(name) or name.lower() == _RESERVED_GROUP:
        raise AwsError("InvalidParameterValue", f"The parameter DBSubnetGroupName is not a valid identifier: {name}.")


def _check(parameter: str, value: str) -> None:
    if _IDENTIFIER.fullmatch(value) and len(value) <= _LONGEST[parameter]:
        return
    if not value:
        message = f"The parameter {parameter} must be provided and must not be blank."
    elif "Snapshot" in parameter and not value[0].isalpha():
        message = f"Invalid snapshot identifier:  {value}"
    else:
        message = (
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain "
            "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive "
            "hyphens."
        )
    raise AwsError("InvalidParameterValue", message)
