"""RDS refuses what is in use, what covers too few zones, and a deletion that leaves the last snapshot undecided.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html
"""

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="RDS refuses what is in use, what covers too few zones, and a deletion that leaves the last "
        "snapshot undecided.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html",
        ),
    ),
)

_ZONES = 2


@before("rds", "DeleteDBInstance")
def last_snapshot_is_decided(call: Call) -> None:
    instance = call.backends.backend("rds").databases.get(call.params["DBInstanceIdentifier"])
    if instance is None or instance.deletion_protection:
        return  # moto refuses these
    skip, final = call.params.get("SkipFinalSnapshot"), call.params.get("FinalDBSnapshotIdentifier")
    if skip and final:
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is specified.",
        )
    in_cluster = getattr(instance, "db_cluster_identifier", None) is not None
    if not (skip or final or in_cluster or instance.is_replica):
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )


@before("rds", "CreateDBSubnetGroup")
def subnet_group_is_new(call: Call) -> None:
    name = call.params["DBSubnetGroupName"].lower()
    if name in call.backends.backend("rds").subnet_groups:
        raise AwsError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")


@before("rds", "CreateDBSubnetGroup", "ModifyDBSubnetGroup")
def subnet_group_covers_two_zones(call: Call) -> None:
    zones = sorted({call.backends.zone_of_subnet(subnet) for subnet in call.params["SubnetIds"]})
    if len(zones) < _ZONES:
        raise AwsError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least {_ZONES} AZs.",
        )


@before("rds", "DeleteDBSubnetGroup")
def subnet_group_is_unused(call: Call) -> None:
    rds, name = call.backends.backend("rds"), call.params["DBSubnetGroupName"].lower()
    for identifier, each in (*rds.databases.items(), *rds.clusters.items()):
        group = getattr(each, "db_subnet_group", None)
        if name in rds.subnet_groups and str(getattr(group, "name", group)).lower() == name:
            raise AwsError(
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{name}' because at least one database instance: "
                f"{identifier} is still using it.",
            )


@before("rds", "DeleteDBParameterGroup")
def parameter_group_is_unused(call: Call) -> None:
    rds, name = call.backends.backend("rds"), call.params["DBParameterGroupName"].lower()
    users = [each for each in rds.databases.values() if (each.db_parameter_group_name or "").lower() == name]
    if users and name in rds.db_parameter_groups:
        raise AwsError(
            "InvalidDBParameterGroupState",
            f"One or more database instances are still members of this parameter group {name}, "
            "so the group cannot be deleted",
        )
