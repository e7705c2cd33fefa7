"""DescribeOrderableDBInstanceOptions: the classes and versions of the engines that run without a cluster."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import before
from local_aws_server.services.rds.catalogue import ENGINES, class_exists, runs_on

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="Orderable options of PostgreSQL, MySQL and MariaDB list some versions of each major version, for "
        "every class of a current generation.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOrderableDBInstanceOptions.html",
        ),
    ),
)

_CLASSES = tuple(f"db.{family}.{size}" for family in ("t3", "t4g") for size in ("micro", "small", "medium", "large"))
_STORAGE_TYPES = ("gp2", "gp3", "io1")


@before("rds", "DescribeOrderableDBInstanceOptions")
def describe_orderable_options(call: Call) -> None:
    """Answer for the engines that moto has no options of. All options are one page."""
    params = call.params
    engine, version = params["Engine"], params.get("EngineVersion")
    if engine not in ENGINES:
        return
    wanted = params.get("DBInstanceClass")
    classes = _CLASSES if wanted is None else (wanted,) if class_exists(wanted) else ()
    zones = [{"Name": zone.name} for zone in call.backends.backend("ec2").describe_availability_zones()]
    call.result = {
        "OrderableDBInstanceOptions": [
            _option(engine, each, instance_class, storage, zones)
            for each in ENGINES[engine].versions
            for instance_class in classes
            for storage in _STORAGE_TYPES
            if version in (None, each) and runs_on(engine, each, instance_class)
        ]
    }


def _option(
    engine: str, version: str, instance_class: str, storage: str, zones: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "Engine": engine,
        "EngineVersion": version,
        "DBInstanceClass": instance_class,
        "LicenseModel": ENGINES[engine].license_model,
        "AvailabilityZones": zones,
        "MultiAZCapable": True,
        "Vpc": True,
        "StorageType": storage,
    }
