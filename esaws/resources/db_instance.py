"""An RDS database instance."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, ignore_repetition, pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.documented import (
    BOOLEAN,
    ITSELF,
    TAG,
    Always,
    Between,
    Call,
    Field,
    Name,
    OneOf,
    Parameter,
    Text,
    Unchecked,
    tags,
)
from esaws.pricelist import Usage
from esaws.resource import Live, Lives, Ref, Resource, Usages
from esaws.resources.db_subnet_group import DBSubnetGroup
from esaws.resources.password_parameter import PasswordParameter
from esaws.resources.security_group import SecurityGroup

_CREATE_DB_INSTANCE_PAGE = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"

# The engine on bills.
_OPERATIONS = {"mysql": "0002", "postgres": "0014", "mariadb": "0018", "aurora-postgresql": "0021"}
_MAGNETIC = "standard"
_USABLE = frozenset({"available", "storage-optimization"})
_STOPPED = frozenset({"stopped", "stopping"})


_ENGINES = """
    aurora-mysql aurora-postgresql db2-ae db2-ce db2-se mariadb mysql oracle-ee oracle-ee-cdb oracle-se2 oracle-se2-cdb
    postgres sqlserver-dev-ee sqlserver-ee sqlserver-ex sqlserver-se sqlserver-web
"""
_SIZES = {"gp2": (20, 65_536), "gp3": (20, 65_536), _MAGNETIC: (5, 3072)}
"""Storage type → its sizes in GiB for MariaDB, MySQL and PostgreSQL. io1 and io2 need IOPS, and no field has them.
The text asks for IOPS with gp3, too, but says that gp3 is the default without them.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

_RESERVED_WORDS = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    current_catalog current_date current_role current_time current_timestamp current_user default deferrable
    desc distinct do else end except false fetch for foreign from grant group having in initially intersect into
    lateral leading limit localtime localtimestamp not null offset on only or order placing primary references
    returning select session_user some symmetric system_user table then to trailing true union unique user using
    variadic when where window with
"""
"""The reserved words of PostgreSQL: https://www.postgresql.org/docs/current/sql-keywords-appendix.html."""

_PASSWORD_LENGTHS = {"mariadb": 41, "mysql": 41, "oracle": 30}
"""Engine → the length of the longest password, if it is not 128."""

_SETTINGS: dict[str, Parameter] = {
    "AllocatedStorage": Field("storage_gb", Between(5, 65_536, "GiB, by the type of storage")),
    "BackupRetentionPeriod": Field("backup_days", Between(0, 35, "days")),
    "DBInstanceClass": Field("instance_class", Unchecked("one that the region has for the engine")),
    "MultiAZ": Field("multi_az", BOOLEAN),
    "PubliclyAccessible": Field("public", BOOLEAN),
    "StorageType": Field("storage_type", OneOf(*_SIZES, besides="io1 and io2")),
    "VpcSecurityGroupIds[]": Field("security_groups"),
}


@dataclass(frozen=True, kw_only=True)
class DBInstance(Resource):
    """A database server with one database. `engine_version` is a major version; AWS chooses the minor one."""

    subnet_group: DBSubnetGroup
    security_groups: tuple[SecurityGroup, ...]
    password: PasswordParameter
    instance_class: str = "db.t3.micro"
    engine: str = "postgres"
    engine_version: str = "16"
    storage_gb: int = 20
    storage_type: str = "gp2"
    username: str = "esaws"
    database: str = "app"
    public: bool = False
    backup_days: int = 1
    multi_az: bool = False

    in_place = frozenset(
        {"instance_class", "storage_gb", "storage_type", "security_groups", "public", "backup_days", "multi_az"}
    )
    not_compared = frozenset({"password"})
    pending = frozenset(
        {"creating", "backing-up", "modifying", "rebooting", "starting", "upgrading", "maintenance"}
        | _STOPPED
        | {"failed", "incompatible-parameters", "incompatible-restore"}  # ready() raises an error for these
    )
    deleting = frozenset({"deleting"})
    seconds = 420
    icon = "aws.database.RDSPostgresqlInstance"
    permissions = (
        "iam:CreateServiceLinkedRole",
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:DeleteDBInstance",
        "rds:DescribeDBInstances",
        "rds:ModifyDBInstance",
        "rds:StartDBInstance",
        "ssm:GetParameter",
    )
    documented = (
        Call(
            _CREATE_DB_INSTANCE_PAGE,
            {
                "DBInstanceIdentifier": Name(
                    Text(
                        1, 63, r"[a-z](-?[a-z0-9])*", "lower-case letters and digits, with single hyphens between them"
                    )
                ),
                "DBSubnetGroupName": Field("subnet_group"),
                "Engine": Field("engine", OneOf(*_ENGINES.split())),
                "EngineVersion": Field("engine_version", Unchecked("one that DescribeDBEngineVersions lists")),
                "MasterUsername": Field(
                    "username", Text(1, 16, r"[A-Za-z]\w*", "letters, digits and underscores, a letter first")
                ),
                "MasterUserPassword": Field(
                    "password",
                    Unchecked('8 to 128 printable ASCII characters except / " and @; 41 at most for MySQL and MariaDB'),
                ),
                "DBName": Field(
                    "database", Text(1, 63, r"[A-Za-z]\w*", "letters, digits and underscores, a letter first")
                ),
                **_SETTINGS,
                "DeletionProtection": Always(False, BOOLEAN),
                "CopyTagsToSnapshot": Always(True, BOOLEAN),
                **tags("Tags", TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html",
            {"DBInstanceIdentifier": ITSELF, "ApplyImmediately": Always(True, BOOLEAN), **_SETTINGS},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartDBInstance.html",
            {"DBInstanceIdentifier": ITSELF},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html",
            {
                "DBInstanceIdentifier": ITSELF,
                "SkipFinalSnapshot": Always(True, BOOLEAN),
                "DeleteAutomatedBackups": Always(True, BOOLEAN),
            },
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = _SIZES[self.storage_type]
        if not low <= self.storage_gb <= high:
            raise self.refusal(
                f"storage_gb {self.storage_gb} is not valid. Use {low:,} to {high:,} GiB with the storage_type "
                f"{self.storage_type}.",
                _CREATE_DB_INSTANCE_PAGE,
            )
        for name in (self.username, self.database):
            if "postgres" in self.engine and name.lower() in _RESERVED_WORDS.split():
                raise self.refusal(
                    f"{name!r} is a reserved word of PostgreSQL. Use another name.",
                    _CREATE_DB_INSTANCE_PAGE,
                )
        longest = _PASSWORD_LENGTHS.get(self.engine.partition("-")[0], 128)
        if self.password.length > longest:
            raise self.refusal(
                f"{self.password} has {self.password.length} characters, and {self.engine} takes at most "
                f"{longest}. Set its length.",
                _CREATE_DB_INSTANCE_PAGE,
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        return [
            cls._live(name, raw)
            for raw in pages(cloud, "rds", "describe_db_instances", "DBInstances")
            if (name := cloud.owned_name(tag_dict(raw.get("TagList"))))
        ]

    @classmethod
    def _live(cls, name: str, raw: dict[str, Any]) -> Live:
        # Pending changes count as applied: a new instance has some of its settings only as pending.
        settings = raw | raw.get("PendingModifiedValues", {})
        group = raw["DBSubnetGroup"]["DBSubnetGroupName"]
        security_groups = _security_groups(raw)
        return Live(
            cls.kind,
            name,
            raw["DBInstanceIdentifier"],
            parents=frozenset(
                {Ref("DBSubnetGroup", group), *(Ref("SecurityGroup", group_id) for group_id in security_groups)}
            ),
            state=raw["DBInstanceStatus"],
            fields={
                "subnet_group": group,
                "security_groups": security_groups,
                "instance_class": settings["DBInstanceClass"],
                "engine": raw["Engine"],
                "engine_version": major_version(raw["Engine"], raw["EngineVersion"]),
                "storage_gb": settings["AllocatedStorage"],
                "storage_type": settings["StorageType"],
                "username": raw["MasterUsername"],
                "database": raw.get("DBName"),
                "public": raw["PubliclyAccessible"],
                "backup_days": settings["BackupRetentionPeriod"],
                "multi_az": settings["MultiAZ"],
            },
            raw=raw,
            address=raw.get("Endpoint", {}).get("Address", ""),
        )

    def desired(self) -> dict[str, Any]:
        return super().desired() | {
            "security_groups": frozenset(self.security_groups),
            "engine_version": major_version(self.engine, self.engine_version),
        }

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("rds").create_db_instance(
            DBInstanceIdentifier=cloud.aws_name(self.name),
            DBSubnetGroupName=self.subnet_group.id_in(cloud),
            Engine=self.engine,
            EngineVersion=self.engine_version,
            MasterUsername=self.username,
            MasterUserPassword=self.password.value(cloud),
            DBName=self.database,
            **self._settings(cloud),
            DeletionProtection=False,
            CopyTagsToSnapshot=True,  # so that snapshots are owned as well
            Tags=tag_list(cloud.tags(self.name)),
        )["DBInstance"]
        self.remember_id(cloud, created["DBInstanceIdentifier"])
        self.ready(cloud)

    def ready(self, cloud: Cloud) -> None:
        start_and_wait(cloud, self.id_in(cloud))

    def update(self, cloud: Cloud, live: Live) -> None:
        if live.state in _STOPPED:
            start_and_wait(cloud, live.id)
        # Only differences: AWS rejects the storage, even unchanged, for hours after its last change.
        settings = self._settings(cloud)
        declared = settings | {"VpcSecurityGroupIds": frozenset(settings["VpcSecurityGroupIds"])}
        differing = {
            parameter: settings[parameter]
            for name, parameter in _PARAMETERS.items()
            if declared[parameter] != live.fields[name]
        }
        rds = cloud.client("rds")

        def is_modified() -> bool:
            fields = self._live(self.name, _describe(cloud, live.id)).fields
            return all(declared[parameter] == fields[name] for name, parameter in _PARAMETERS.items())

        def modify() -> None:
            with ignore_repetition("InvalidDBInstanceState", is_modified):
                rds.modify_db_instance(DBInstanceIdentifier=live.id, ApplyImmediately=True, **differing)

        cloud.retry(modify, "InvalidDBInstanceState", minutes=30)

        def settled() -> bool:
            # The state stays `available` while the change is pending, so botocore's waiter would return too early.
            raw = _describe(cloud, live.id)
            changed = all(group["Status"] == "active" for group in raw["VpcSecurityGroups"])
            return raw["DBInstanceStatus"] in _USABLE and not raw.get("PendingModifiedValues") and changed

        cloud.wait_until(f"{self} is changed", settled, minutes=60)

    def _settings(self, cloud: Cloud) -> dict[str, Any]:
        return {
            "AllocatedStorage": self.storage_gb,
            "BackupRetentionPeriod": self.backup_days,
            "DBInstanceClass": self.instance_class,
            "MultiAZ": self.multi_az,
            "PubliclyAccessible": self.public,
            "StorageType": self.storage_type,
            "VpcSecurityGroupIds": [group.id_in(cloud) for group in self.security_groups],
        }

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        rds = cloud.client("rds")

        def delete() -> None:
            with ignore_repetition("InvalidDBInstanceState", lambda: state_of(cloud, live.id) in cls.deleting):
                rds.delete_db_instance(
                    DBInstanceIdentifier=live.id, SkipFinalSnapshot=True, DeleteAutomatedBackups=True
                )

        with ignore_codes("DBInstanceNotFound"):
            if live.state not in cls.deleting:
                cloud.retry(delete, "InvalidDBInstanceState", minutes=30)
        cloud.wait("rds", "db_instance_deleted", DBInstanceIdentifier=live.id)

    @staticmethod
    def start(cloud: Cloud, id: str) -> None:
        """Let a stopped database start. One that stops is started when it has stopped."""
        cloud.wait_until(f"database {id} has stopped", lambda: state_of(cloud, id) != "stopping", minutes=30)
        if state_of(cloud, id) == "stopped":
            with ignore_repetition("InvalidDBInstanceState", lambda: state_of(cloud, id) != "stopped"):
                cloud.client("rds").start_db_instance(DBInstanceIdentifier=id)

    @staticmethod
    def stop(cloud: Cloud, id: str) -> None:
        """Let an available database stop."""
        with ignore_repetition("InvalidDBInstanceState", lambda: state_of(cloud, id) in {"stopping", "stopped"}):
            cloud.client("rds").stop_db_instance(DBInstanceIdentifier=id)

    def usage(self) -> Usages:
        operation = f"CreateDBInstance:{_OPERATIONS.get(self.engine, '')}"
        zones, storage = ("Multi-AZUsage", "RDS:Multi-AZ-") if self.multi_az else ("InstanceUsage", "RDS:")
        kind = "StorageUsage" if self.storage_type == _MAGNETIC else f"{self.storage_type.upper()}-Storage"
        usages = [
            Usage.hours("AmazonRDS", f"{zones}:{self.instance_class}", operation),
            Usage.gb_month("AmazonRDS", f"{storage}{kind}", self.storage_gb, operation),
        ]
        if self.public:
            usages.append(Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "CreateDBInstance"))
        return usages

    @classmethod
    def example(cls) -> Self:
        subnet_group = DBSubnetGroup.example()
        return cls(
            name="database",
            subnet_group=subnet_group,
            security_groups=(SecurityGroup.example(),),
            password=PasswordParameter.example(),
            storage_gb=30,
        )


_PARAMETERS = {
    "backup_days": "BackupRetentionPeriod",
    "instance_class": "DBInstanceClass",
    "multi_az": "MultiAZ",
    "public": "PubliclyAccessible",
    "security_groups": "VpcSecurityGroupIds",
    "storage_gb": "AllocatedStorage",
    "storage_type": "StorageType",
}


def start_and_wait(cloud: Cloud, id: str) -> None:
    """Wait until the database of this id is available; start it if it is stopped.

    Raises:
        botocore.exceptions.WaiterError: it failed, is being deleted, or the waiter timed out.
    """
    DBInstance.start(cloud, id)
    cloud.wait("rds", "db_instance_available", DBInstanceIdentifier=id)


def state_of(cloud: Cloud, id: str) -> str:
    """Return AWS's word for the state of the database of this id."""
    return str(_describe(cloud, id)["DBInstanceStatus"])


def _describe(cloud: Cloud, id: str) -> dict[str, Any]:
    (raw,) = cloud.client("rds").describe_db_instances(DBInstanceIdentifier=id)["DBInstances"]
    return dict(raw)


def major_version(engine: str, version: str) -> str:
    """Return the major version: `16` of PostgreSQL's `16.3`, `8.0` of MySQL's `8.0.36`."""
    return ".".join(version.split(".")[: 1 if "postgres" in engine else 2])


def _security_groups(raw: dict[str, Any]) -> frozenset[str]:
    return frozenset(group["VpcSecurityGroupId"] for group in raw["VpcSecurityGroups"] if group["Status"] != "removing")
