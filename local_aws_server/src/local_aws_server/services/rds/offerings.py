"""DescribeOrderableDBInstanceOptions: the classes and versions of the engines that run without a cluster."""

from __future__ import annotations

import re
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import before

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

_VERSIONS = {
    "postgres": ("13.20", "14.17", "15.12", "16.8", "17.4"),
    "mysql": ("8.0.41", "8.4.4"),
    "mariadb": ("10.6.21", "10.11.11", "11.4.5", "11.8.2"),
}
_LICENSES = {"postgres": "postgresql-license"}
_CLASSES = tuple(f"db.{family}.{size}" for family in ("t3", "t4g") for size in ("micro", "small", "medium", "large"))
_CLASS = re.compile(r"db\.([a-z]+)(\d+)[a-z]*\.[a-z0-9]+")
_OLDEST = {"t": 3, "m": 5, "r": 5, "x": 2}
"""Family → the oldest generation that runs the versions above."""
_STORAGE_TYPES = ("gp2", "gp3", "io1")


@before("rds", "DescribeOrderableDBInstanceOptions")
def describe_orderable_options(call: Call) -> None:
    """Answer for the engines that moto has no options of. All options are one page."""
    params = call.params
    engine, version = params["Engine"], params.get("EngineVersion")
    if engine not in _VERSIONS:
        return
    wanted = params.get("DBInstanceClass")
    classes = _CLASSES if wanted is None else (wanted,) if _is_current(wanted) else ()
    zones = [{"Name": zone.name} for zone in call.backends.backend("ec2").describe_availability_zones()]
    call.result = {
        "OrderableDBInstanceOptions": [
            _option(engine, each, instance_class, storage, zones)
            for each in _VERSIONS[engine]
            for instance_class in classes
            for storage in _STORAGE_TYPES
            if version in (None, each)
        ]
    }


def _is_current(instance_class: str) -> bool:
    match = _CLASS.fullmatch(instance_class)
    return match is not None and int(match[2]) >= _OLDEST.get(match[1], 1)


def _option(
    engine: str, version: str, instance_class: str, storage: str, zones: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "Engine": engine,
        "EngineVersion": version,
        "DBInstanceClass": instance_class,
        "LicenseModel": _LICENSES.get(engine, "general-public-license"),
        "AvailabilityZones": zones,
        "MultiAZCapable": True,
        "Vpc": True,
        "StorageType": storage,
    }
