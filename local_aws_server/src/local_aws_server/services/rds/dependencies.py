"""Groups that RDS refuses to delete while a database uses them."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A DB subnet group or parameter group cannot be deleted while a database uses it.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBParameterGroup.html",
        ),
    ),
)


@before("rds", "DeleteDBSubnetGroup")
def check_subnet_group_unused(call: Call) -> None:
    rds, name = call.backends.backend("rds"), call.params["DBSubnetGroupName"].lower()
    for identifier, database in (*rds.databases.items(), *rds.clusters.items()):
        group = getattr(database, "db_subnet_group", None)
        if name in rds.subnet_groups and str(getattr(group, "name", group)).lower() == name:
            raise AwsError(
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{name}' because at least one database instance: "
                f"{identifier} is still using it.",
            )


@before("rds", "DeleteDBParameterGroup")
def check_parameter_group_unused(call: Call) -> None:
    rds, name = call.backends.backend("rds"), call.params["DBParameterGroupName"].lower()
    is_used = any((database.db_parameter_group_name or "").lower() == name for database in rds.databases.values())
    if is_used and name in rds.db_parameter_groups:
        raise AwsError(
            "InvalidDBParameterGroupState",
            f"One or more database instances are still members of this parameter group {name}, "
            "so the group cannot be deleted",
        )
