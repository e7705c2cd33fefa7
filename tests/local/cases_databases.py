"""Settings and changes of DB instances that AWS refuses, and the members of their descriptions."""

from collections.abc import Callable
from typing import Any

from tests.local.cases import CASES, Case, case, outcome
from tests.local.cases_errors_stores import SETTINGS, refused
from tests.local.timing import advance

VALUE, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"
NO_GROUP = "DBSubnetGroupNotFoundFault"

REFUSED_AT_CREATION = (
    # what is wrong, the settings, AWS's code, stock moto's
    ("an engine that does not exist", {"Engine": "cassandra"}, VALUE, VALUE),
    ("a class that does not exist", {"DBInstanceClass": "db.t9.micro"}, VALUE, "accepted"),
    ("a class of EC2 that RDS does not have", {"DBInstanceClass": "db.t3a.micro"}, VALUE, "accepted"),
    ("a class that the version does not run on", {"DBInstanceClass": "db.t2.micro"}, COMBINATION, "accepted"),
    ("a version that does not exist", {"EngineVersion": "99.1"}, COMBINATION, "accepted"),
    ("less storage than its type has", {"AllocatedStorage": 10}, VALUE, "accepted"),
    ("magnetic storage above 3 TiB", {"AllocatedStorage": 4000, "StorageType": "standard"}, VALUE, "accepted"),
    ("provisioned IOPS without a number", {"AllocatedStorage": 100, "StorageType": "io1"}, COMBINATION, "accepted"),
    ("IOPS of a small gp3 volume", {"StorageType": "gp3", "Iops": 3000}, COMBINATION, "accepted"),
    ("a limit of storage below the storage", {"MaxAllocatedStorage": 10}, COMBINATION, COMBINATION),
    ("a short password", {"MasterUserPassword": "hunter2"}, VALUE, "accepted"),
    ("a password with a space", {"MasterUserPassword": "not a secret"}, VALUE, "accepted"),
    ("a reserved user name", {"MasterUsername": "admin"}, VALUE, "accepted"),
    ("a user name with a hyphen", {"MasterUsername": "some-one"}, VALUE, "accepted"),
    ("a database name with a hyphen", {"DBName": "staging-db"}, VALUE, "accepted"),
    ("a port below 1150", {"Port": 80}, VALUE, "accepted"),
    ("a retention of 36 days", {"BackupRetentionPeriod": 36}, VALUE, "accepted"),
    ("a backup window of ten minutes", {"PreferredBackupWindow": "03:00-03:10"}, VALUE, "accepted"),
    (
        "windows that overlap",
        {"PreferredBackupWindow": "04:50-05:20", "PreferredMaintenanceWindow": "sun:05:00-sun:05:30"},
        VALUE,
        VALUE,
    ),
    ("a maintenance window of more than a day", {"PreferredMaintenanceWindow": "sun:05:00-mon:05:30"}, VALUE, VALUE),
    ("a zone for Multi-AZ", {"MultiAZ": True, "AvailabilityZone": "eu-west-3a"}, COMBINATION, "accepted"),
    (
        "an absent subnet group",
        {"DBSubnetGroupName": "absent"},
        "DBSubnetGroupNotFoundFault",
        "DBSubnetGroupNotFoundFault",
    ),
    ("an absent security group", {"VpcSecurityGroupIds": ["sg-0123456789abcdef0"]}, VALUE, "accepted"),
    ("an identifier that ends with a hyphen", {"DBInstanceIdentifier": "db-"}, VALUE, VALUE),
)


def _creation(settings: dict[str, Any]) -> Callable[[Any], Any]:
    def run(account: Any) -> Any:
        rds = account.client("rds")
        code = refused(rds.create_db_instance, **{"DBInstanceIdentifier": "db"} | SETTINGS | settings)
        kept = [each["DBInstanceIdentifier"] for each in rds.describe_db_instances()["DBInstances"]]
        return code, kept

    return run


for what, settings, code, stock_code in REFUSED_AT_CREATION:
    kept = ["db"] if stock_code == "accepted" else []
    CASES.append(Case(f"a database with {what} is refused", _creation(settings), (code, []), (stock_code, kept)))


def available(account: Any, **settings: Any) -> Any:
    rds = account.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="db", **SETTINGS | settings)
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="db")
    return rds


def described(rds: Any) -> dict[str, Any]:
    return dict(rds.describe_db_instances(DBInstanceIdentifier="db")["DBInstances"][0])


@case(
    "storage of a database grows by a tenth at least, never shrinks, and then rests for hours",
    aws=(COMBINATION, "accepted", 22, COMBINATION),
    stock=("accepted", "accepted", 21, "accepted"),
)
def case_storage(account: Any) -> Any:
    rds = available(account)
    change = {"DBInstanceIdentifier": "db", "ApplyImmediately": True}
    smaller = refused(rds.modify_db_instance, **change, AllocatedStorage=19)
    larger = refused(rds.modify_db_instance, **change, AllocatedStorage=21)
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="db")
    size = described(rds)["AllocatedStorage"]
    return smaller, larger, size, refused(rds.modify_db_instance, **change, AllocatedStorage=50)


@case(
    "an engine is not downgraded, and upgraded to a new major version if the call allows it",
    aws=(COMBINATION, COMBINATION, "accepted"),
    stock=("accepted", "accepted", "accepted"),
)
def case_versions(account: Any) -> Any:
    rds = available(account, EngineVersion="16")
    change = {"DBInstanceIdentifier": "db"}
    return (
        refused(rds.modify_db_instance, **change, EngineVersion="15.12"),
        refused(rds.modify_db_instance, **change, EngineVersion="17.4"),
        refused(rds.modify_db_instance, **change, EngineVersion="17.4", AllowMajorVersionUpgrade=True),
    )


@case("a stopped database refuses changes", aws="InvalidDBInstanceState", stock="accepted")
def case_change_while_stopped(account: Any) -> Any:
    rds = available(account)
    rds.stop_db_instance(DBInstanceIdentifier="db")
    if account.wrapped:
        advance(account, "20m")
    return refused(rds.modify_db_instance, DBInstanceIdentifier="db", BackupRetentionPeriod=3)


@case(
    "an identifier is checked before the database is looked for",
    aws=[VALUE] * 4,
    stock=[VALUE, VALUE, VALUE, "DBInstanceNotFound"],
)
def case_identifiers_first(account: Any) -> Any:
    rds, arn = account.client("rds"), f"arn:aws:rds:{account.region}:{account.id}:db:mydb"
    calls = (rds.start_db_instance, rds.stop_db_instance, rds.delete_db_instance, rds.reboot_db_instance)
    return [refused(call, DBInstanceIdentifier=arn) for call in calls]


@case(
    "the values of a change are checked before the state of the database",
    aws=(VALUE, "InvalidDBInstanceState"),
    stock=("accepted", "accepted"),
)
def case_values_first(account: Any) -> Any:
    rds = account.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="db", **SETTINGS)
    days = (36, 7)
    return tuple(refused(rds.modify_db_instance, DBInstanceIdentifier="db", BackupRetentionPeriod=n) for n in days)


ALWAYS = [
    "ActivityStreamStatus",
    "AllocatedStorage",
    "AssociatedRoles",
    "AutoMinorVersionUpgrade",
    "AvailabilityZone",
    "BackupRetentionPeriod",
    "BackupTarget",
    "CACertificateIdentifier",
    "CertificateDetails",
    "CopyTagsToSnapshot",
    "CustomerOwnedIpEnabled",
    "DBInstanceArn",
    "DBParameterGroups",
    "DBSecurityGroups",
    "DBSubnetGroup",
    "DatabaseInsightsMode",
    "DbInstancePort",
    "DbiResourceId",
    "DedicatedLogVolume",
    "DeletionProtection",
    "DomainMemberships",
    "Endpoint",
    "EngineLifecycleSupport",
    "EngineVersion",
    "IAMDatabaseAuthenticationEnabled",
    "InstanceCreateTime",
    "IsStorageConfigUpgradeAvailable",
    "LatestRestorableTime",
    "LicenseModel",
    "MonitoringInterval",
    "MultiAZ",
    "MultiTenant",
    "NetworkType",
    "OptionGroupMemberships",
    "PendingModifiedValues",
    "PerformanceInsightsEnabled",
    "PubliclyAccessible",
    "ReadReplicaDBInstanceIdentifiers",
    "StorageEncrypted",
    "StorageThroughput",
    "StorageType",
    "TagList",
    "VpcSecurityGroups",
]
ALWAYS_OF_SNAPSHOT = [
    "AvailabilityZone",
    "DBSnapshotArn",
    "DbiResourceId",
    "DedicatedLogVolume",
    "Encrypted",
    "EngineVersion",
    "InstanceCreateTime",
    "LicenseModel",
    "MultiTenant",
    "OptionGroupName",
    "OriginalSnapshotCreateTime",
    "PercentProgress",
    "Port",
    "SnapshotCreateTime",
    "SnapshotTarget",
    "SnapshotType",
    "StorageType",
    "VpcId",
]


@case("descriptions of databases and snapshots have the members that AWS always returns", aws=([], []), stock="some")
def case_members(account: Any) -> Any:
    rds = available(account)
    rds.create_db_snapshot(DBInstanceIdentifier="db", DBSnapshotIdentifier="s")
    snapshot = rds.describe_db_snapshots(DBSnapshotIdentifier="s")["DBSnapshots"][0]
    missing = [each for each in ALWAYS if each not in described(rds)]
    missing_of_snapshot = [each for each in ALWAYS_OF_SNAPSHOT if each not in snapshot]
    return (missing, missing_of_snapshot) if account.wrapped else missing and missing_of_snapshot and "some"


@case(
    "a subnet group with an absent subnet is refused and not kept",
    aws=("InvalidSubnet", 0, "InvalidSubnet", 0),
    stock=("InvalidSubnetID.NotFound", 0, "accepted", 1),
)
def case_absent_subnets(account: Any) -> Any:
    rds, elasticache = account.client("rds"), account.client("elasticache")
    subnets = ["subnet-0123456789abcdef0"]
    return (
        refused(rds.create_db_subnet_group, DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=subnets),
        len(rds.describe_db_subnet_groups()["DBSubnetGroups"]),
        refused(
            elasticache.create_cache_subnet_group,
            CacheSubnetGroupName="g",
            CacheSubnetGroupDescription="d",
            SubnetIds=subnets,
        ),
        outcome(lambda: len(elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"])),
    )
