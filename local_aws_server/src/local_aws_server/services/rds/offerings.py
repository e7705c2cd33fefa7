"""The versions of the engines that run without a cluster, and the classes that each can be ordered on."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import before, replace
from local_aws_server.services.rds.catalogue import ENGINES, class_exists, major_version, runs_on

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="Orderable options of PostgreSQL, MySQL and MariaDB list some versions of each major version, for "
        "every class of a current generation.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOrderableDBInstanceOptions.html",
        ),
    ),
    Behaviour(
        service="RDS",
        statement="Engine versions of PostgreSQL, MySQL and MariaDB are listed, one of each major version; those of "
        "other engines are not simulated.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBEngineVersions.html",),
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


_FILTERS = {
    "db-parameter-group-family": "DBParameterGroupFamily",
    "engine": "Engine",
    "engine-version": "EngineVersion",
    "status": "Status",
}
"""Filter → member that it compares."""


@replace("rds", "DescribeDBEngineVersions")
def describe_engine_versions(call: Call) -> dict[str, Any]:
    """The versions that a call selects, as one page. A major version selects its minor version."""
    params = call.params
    wanted: dict[str, list[Any]] = {
        name: [params[name]] for name in ("Engine", "DBParameterGroupFamily") if name in params
    }
    for each in params.get("Filters", ()):
        if each["Name"] not in _FILTERS:
            raise NotImplementedError
        wanted[_FILTERS[each["Name"]]] = each["Values"]
    if not ENGINES.keys() & wanted.get("Engine", ENGINES):
        raise NotImplementedError
    requested = params.get("EngineVersion")
    return {
        "DBEngineVersions": [
            version
            for engine in ENGINES
            for version in _versions(engine, only_default=bool(params.get("DefaultOnly")) and requested is None)
            if requested in (None, version["EngineVersion"], version["MajorEngineVersion"])
            and all(version[member] in values for member, values in wanted.items())
        ]
    }


def _versions(engine: str, *, only_default: bool) -> list[dict[str, Any]]:
    offered = ENGINES[engine]
    described = []
    for version in (offered.default_version,) if only_default else offered.versions:
        major = ".".join(map(str, major_version(engine, version)))
        described.append(
            {
                "Engine": engine,
                "MajorEngineVersion": major,
                "EngineVersion": version,
                "DBParameterGroupFamily": f"{engine}{major}",
                "DBEngineDescription": offered.description,
                "DBEngineVersionDescription": f"{offered.product} {version}",
                "Status": "available",
            }
        )
    return described
