"""Parameters that RDS refuses: final snapshots and DB subnet groups."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.subnet_groups import zones_of

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="The deletion of a DB instance must say whether to take a final snapshot.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html",),
    ),
    Behaviour(
        service="RDS",
        statement="A DB subnet group has a unique name and subnets in at least two Availability Zones.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html",),
    ),
    Behaviour(
        service="RDS",
        statement="The subnet group and the security groups of a DB instance exist, in one VPC.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html",
        ),
    ),
)

_MIN_ZONES = 2


@before("rds", "DeleteDBInstance")
def validate_final_snapshot(call: Call) -> None:
    instance = call.backends.backend("rds").databases.get(call.params["DBInstanceIdentifier"])
    if instance is None or instance.deletion_protection:
        return  # refused by `lifecycle`
    skip, final = call.params.get("SkipFinalSnapshot"), call.params.get("FinalDBSnapshotIdentifier")
    if skip and final:
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is specified.",
        )
    is_in_cluster = getattr(instance, "db_cluster_identifier", None) is not None
    if not (skip or final or is_in_cluster or instance.is_replica):
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )


@before("rds", "CreateDBSubnetGroup")
def check_subnet_group_name_unused(call: Call) -> None:
    name = call.params["DBSubnetGroupName"].lower()
    if name in call.backends.backend("rds").subnet_groups:
        raise AwsError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")


@before("rds", "CreateDBSubnetGroup", "ModifyDBSubnetGroup")
def validate_subnet_group_zones(call: Call) -> None:
    zones = zones_of(call, call.params["SubnetIds"])
    if len(zones) < _MIN_ZONES:
        raise AwsError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least {_MIN_ZONES} AZs.",
        )


@before("rds", "CreateDBInstance", "ModifyDBInstance")
def validate_network(call: Call) -> None:
    """The subnet group and the security groups exist, in one VPC."""
    ec2, rds = call.backends.backend("ec2"), call.backends.backend("rds")
    name = call.params.get("DBSubnetGroupName")
    group = rds.subnet_groups.get(name.lower()) if name else None
    if name and group is None and name.lower() != "default":
        raise AwsError("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.", 404)
    if group is None:
        instance = rds.databases.get(call.params["DBInstanceIdentifier"])
        group = getattr(instance, "db_subnet_group", None)
    vpc = group.vpc_id if group else ec2.default_vpc.id if ec2.default_vpc else None
    for security_group_id in call.params.get("VpcSecurityGroupIds", []):
        security_group = ec2.get_security_group_from_id(security_group_id)
        if security_group is None:
            raise AwsError(
                "InvalidParameterValue", f"Invalid security group , groupId= {security_group_id}, groupName=."
            )
        if security_group.vpc_id != vpc:
            raise AwsError(
                "InvalidParameterCombination",
                "The DB instance and EC2 security group are in different VPCs. "
                f"The DB instance is in {vpc} and the EC2 security group is in {security_group.vpc_id}",
            )
