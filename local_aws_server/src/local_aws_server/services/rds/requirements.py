"""Members that RDS requires together or of each entry, which its model does not say."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A replica and a restore name their source, and each parameter of a parameter group has a name.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBParameterGroup.html",
        ),
    ),
)

_SOURCES = {
    "CreateDBInstanceReadReplica": ("SourceDBInstanceIdentifier", ("SourceDBClusterIdentifier",)),
    "RestoreDBClusterToPointInTime": ("SourceDBClusterIdentifier", ("SourceDbClusterResourceId",)),
    "RestoreDBInstanceFromDBSnapshot": ("DBSnapshotIdentifier", ("DBClusterSnapshotIdentifier",)),
}
"""Operation → the member that names the source, and those that may be there in its place."""
_PARTS_OF_ARN = 7


@before("rds", *_SOURCES)
def check_source(call: Call) -> None:
    usual, others = _SOURCES[call.operation]
    if call.params.get(usual):
        return
    if given := [name for name in others if name in call.params]:
        raise AwsError("NotSimulated", f"the local AWS does not simulate {call.operation} by {given[0]}", 501)
    raise AwsError("InvalidParameterCombination", f"Specify {usual}, or {' or '.join(others)}.")


@before("rds", "ModifyDBParameterGroup", "ModifyDBClusterParameterGroup")
def check_parameter_names(call: Call) -> None:
    if not all(each.get("ParameterName") for each in call.params["Parameters"]):
        raise AwsError("InvalidParameterValue", "The parameter ParameterName must be provided and must not be blank.")


@before("rds", "CopyDBClusterSnapshot")
def check_arn(call: Call) -> None:
    source = call.params["SourceDBClusterSnapshotIdentifier"]
    if source.startswith("arn:") and source.count(":") < _PARTS_OF_ARN - 1:
        raise AwsError("InvalidParameterValue", f"Invalid snapshot identifier:  {source}")


@before("rds", "StartExportTask")
def check_exported(call: Call) -> None:
    """Refuse an ARN of anything but a snapshot: moto would fail with it."""
    parts = call.params["SourceArn"].split(":", _PARTS_OF_ARN - 1)
    if len(parts) < _PARTS_OF_ARN or parts[-2] not in ("snapshot", "cluster-snapshot"):
        raise AwsError("DBSnapshotNotFound", f"DBSnapshot {parts[-1]} not found.", 404)


@replace("rds", "DescribeDBLogFiles")
def describe_log_files(call: Call) -> dict[str, Any]:
    """The log files of an instance, all on one page; moto fails with the filters."""
    name, params = call.params["DBInstanceIdentifier"], call.params
    files = call.backends.backend("rds").describe_db_log_files(name)
    return {
        "DescribeDBLogFiles": [
            {"LogFileName": each.log_file_name, "LastWritten": int(each.last_written), "Size": each.size}
            for each in files
            if params.get("FilenameContains", "") in each.log_file_name
            and params.get("FileSize", 0) <= each.size
            and params.get("FileLastWritten", 0) <= each.last_written
        ]
    }


@replace("rds", "DescribeBlueGreenDeployments")
def describe_blue_green_deployments(call: Call) -> dict[str, Any]:
    """The deployments, all on one page; moto fails with the size of one."""
    filters = {each["Name"]: each["Values"] for each in call.params.get("Filters", [])}
    identifier = call.params.get("BlueGreenDeploymentIdentifier")
    found = call.backends.backend("rds").describe_blue_green_deployments(identifier, filters)
    return {"BlueGreenDeployments": found}
