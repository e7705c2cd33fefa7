"""Defaults of DB instances, and changes of DB subnet groups."""

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, patch

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A new DB instance has AWS's defaults, and a changed DB subnet group keeps its other fields.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",),
    ),
)

_VERSIONS = {"postgres": "17.4", "mysql": "8.0.41", "mariadb": "11.4.5"}


def _instance(call: Call, name: str) -> Any | None:
    return call.backends.backend("rds").databases.get(name)


@after("rds", "CreateDBInstance")
def set_defaults(call: Call) -> None:
    instance, description = _instance(call, call.params["DBInstanceIdentifier"]), call.result["DBInstance"]
    if instance is None:
        return
    if "PubliclyAccessible" not in call.params:
        instance.publicly_accessible = description["PubliclyAccessible"] = False
    if "EngineVersion" not in call.params and instance.engine in _VERSIONS:
        instance.engine_version = description["EngineVersion"] = _VERSIONS[instance.engine]


@patch("moto.rds.models", "RDSBackend.modify_db_subnet_group")
def modify_db_subnet_group(self: Any, subnet_name: str, description: str | None, subnets: list[Any]) -> Any:
    """Replaces moto's function, which removes the group."""
    from moto.rds.exceptions import DBSubnetGroupNotFoundError

    group = self.subnet_groups.get(subnet_name)
    if group is None:
        raise DBSubnetGroupNotFoundError(subnet_name)
    group.subnets = subnets
    if description is not None:
        group.description = description
    return group
