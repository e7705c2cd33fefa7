"""What RDS offers for PostgreSQL, MySQL and MariaDB: versions, instance classes, storage and reserved words."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Engine:
    """An engine that runs without a cluster."""

    description: str
    product: str
    """Its name in the description of a version."""
    versions: tuple[str, ...]
    """A minor version of each major version: the one that a request for the major version gets."""
    default_version: str
    license_model: str
    username_length: int
    password_length: int
    reserved_usernames: frozenset[str]
    reserved_names: frozenset[str]
    """Names that a database can't have."""


_COMMON_USERS = frozenset({"rdsadmin"})
_SQL_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        all analyze and any as asc both case check column constraint create cross default desc distinct else
        end except false for foreign from full grant group having in inner intersect into is join left like
        limit natural not null offset on or order outer primary references right select table then to true
        union unique user using when where with
        """,
    )
)

ENGINES = {
    "postgres": Engine(
        description="PostgreSQL",
        product="PostgreSQL",
        versions=("11.22", "12.22", "13.20", "14.17", "15.12", "16.8", "17.4", "18.1"),
        default_version="17.4",
        license_model="postgresql-license",
        username_length=63,
        password_length=128,
        reserved_usernames=_COMMON_USERS | _SQL_WORDS | {"admin", "postgres_admin", "public", "rds_superuser"},
        reserved_names=_SQL_WORDS | {"db", "rdsadmin", "template0", "template1"},
    ),
    "mysql": Engine(
        description="MySQL Community Edition",
        product="MySQL",
        versions=("5.7.44", "8.0.41", "8.4.4"),
        default_version="8.0.41",
        license_model="general-public-license",
        username_length=16,
        password_length=41,
        reserved_usernames=_COMMON_USERS | {"rdsrepladmin", "mysql.sys", "mysql.session", "mysql.infoschema"},
        reserved_names=_SQL_WORDS | {"information_schema", "innodb", "mysql", "performance_schema", "sys", "tmp"},
    ),
    "mariadb": Engine(
        description="MariaDB Community Edition",
        product="MariaDB",
        versions=("10.4.34", "10.5.28", "10.6.21", "10.11.11", "11.4.5", "11.8.2"),
        default_version="11.4.5",
        license_model="general-public-license",
        username_length=16,
        password_length=41,
        reserved_usernames=_COMMON_USERS | {"rdsrepladmin", "mariadb.sys"},
        reserved_names=_SQL_WORDS | {"information_schema", "innodb", "mysql", "performance_schema", "sys", "tmp"},
    ),
}

_LAST_MINOR = 60
"""Minor versions appear and disappear every few months: any up to this one is taken for an existing version."""

_TO_16 = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_TO_24, _TO_32 = (*_TO_16, "24xlarge"), (*_TO_16, "24xlarge", "32xlarge")
_TO_48 = (*_TO_16, "24xlarge", "48xlarge")
_BURSTABLE = ("micro", "small", "medium", "large", "xlarge", "2xlarge")

_SIZES = {
    **dict.fromkeys(("t2", "t3", "t4g"), _BURSTABLE),
    "m4": ("large", "xlarge", "2xlarge", "4xlarge", "10xlarge", "16xlarge"),
    "r4": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"),
    **dict.fromkeys(("m5", "m5d", "r5", "r5b", "r5d"), _TO_24),
    **dict.fromkeys(("m6g", "m6gd", "m7g", "r6g", "r6gd", "r7g"), _TO_16),
    **dict.fromkeys(("m6i", "m6id", "m6idn", "m6in", "r6i", "r6id", "r6idn", "r6in"), _TO_32),
    **dict.fromkeys(("m7i", "m8g", "m8gd", "m8i", "r7i", "r8g", "r8gd", "r8i"), _TO_48),
    "c6gd": ("medium", *_TO_16),
    "x1": ("16xlarge", "32xlarge"),
    "x1e": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "32xlarge"),
    "x2g": _TO_16,
    "x2idn": ("16xlarge", "24xlarge", "32xlarge"),
    "x2iedn": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "24xlarge", "32xlarge"),
    "x2iezn": ("2xlarge", "4xlarge", "6xlarge", "8xlarge", "12xlarge"),
    "z1d": ("large", "xlarge", "2xlarge", "3xlarge", "6xlarge", "12xlarge"),
}
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Types.html"""
_OLD_FAMILIES = frozenset({"t2", "m4", "r4", "x1", "x1e"})
"""Families that the versions after `_LAST_FOR_OLD` do not run on."""
_LAST_FOR_OLD = {"postgres": (12,), "mysql": (8, 0), "mariadb": (10, 11)}
_CLASS = re.compile(r"db\.([a-z0-9]+)\.([a-z0-9]+)(?:\.tpc\d\.mem\d+x)?")

_SSD = {"gp2": (20, 65536), "gp3": (20, 65536), "io1": (100, 65536), "io2": (100, 65536), "standard": (5, 3072)}
"""Storage type → the smallest and largest size in GiB.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html (AllocatedStorage)"""
STORAGE_TYPES = tuple(_SSD)
GP3_CHOICE_FROM = 400
"""The size in GiB from which IOPS and throughput of gp3 storage can be chosen.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage"""


def class_exists(instance_class: str) -> bool:
    """Whether RDS has an instance class."""
    match = _CLASS.fullmatch(instance_class)
    return instance_class == "db.serverless" or (match is not None and match[2] in _SIZES.get(match[1], ()))


def runs_on(engine: str, version: str, instance_class: str) -> bool:
    """Whether a version runs on a class that exists."""
    family = instance_class.split(".")[1]
    return family not in _OLD_FAMILIES or major_version(engine, version) <= _LAST_FOR_OLD[engine]


def resolve_version(engine: str, version: str) -> str | None:
    """The minor version that a request gets, which may name the major version only; None if there is none."""
    parts = version.split(".")
    for offered in ENGINES[engine].versions:
        major = offered.split(".")[:-1]
        if parts == major or version == offered:
            return offered
        if parts[:-1] == major and parts[-1].isdigit() and int(parts[-1]) <= _LAST_MINOR:
            return version
    return None


def major_version(engine: str, version: str) -> tuple[int, ...]:
    """`(17,)` of PostgreSQL 17.4, `(8, 0)` of MySQL 8.0.41."""
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    return numbers[: 1 if engine == "postgres" else 2]


def storage_fits(storage_type: str, gigabytes: int) -> bool:
    """Whether a storage type has a size in GiB."""
    least, most = _SSD[storage_type]
    return least <= gigabytes <= most
