"""A DB instance has AWS's defaults where nothing was asked for, and changing a DB subnet group does not lose it.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, patch

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A DB instance has AWS's defaults where nothing was asked for, and changing a DB subnet group "
        "does not lose it.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",),
    ),
)

_VERSIONS = {"postgres": "17.4", "mysql": "8.0.41", "mariadb": "11.4.5"}


def _instance(call: Call, name: str) -> Any | None:
    return call.backends.backend("rds").databases.get(name)


@after("rds", "CreateDBInstance")
def defaults(call: Call) -> None:
    instance, shown = _instance(call, call.params["DBInstanceIdentifier"]), call.result["DBInstance"]
    if instance is None:
        return
    if "PubliclyAccessible" not in call.params:
        instance.publicly_accessible = shown["PubliclyAccessible"] = False
    if "EngineVersion" not in call.params and instance.engine in _VERSIONS:
        instance.engine_version = shown["EngineVersion"] = _VERSIONS[instance.engine]


@patch("moto.rds.models", "RDSBackend.modify_db_subnet_group")
def modify_db_subnet_group(self: Any, subnet_name: str, description: str | None, subnets: list[Any]) -> Any:
    """moto takes the group out and does not put it back."""
    from moto.rds.exceptions import DBSubnetGroupNotFoundError

    group = self.subnet_groups.get(subnet_name)
    if group is None:
        raise DBSubnetGroupNotFoundError(subnet_name)
    group.subnets = subnets
    if description is not None:
        group.description = description
    return group
