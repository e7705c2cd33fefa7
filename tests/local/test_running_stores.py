"""The local AWS says which databases and caches should run, where, for whom, and with whose data."""

from typing import Any

import pytest

from tests.local.cases_databases import available
from tests.local.conftest import Account, Program
from tests.local.fidelity_probes import should_run
from tests.local.timing import advance, control


def placed(account: Any) -> dict[str, Any]:
    """The settings of a database or cache in a subnet, whose subnet groups are created."""
    _, subnets, group = account.network()
    account.client("rds").create_db_subnet_group(
        DBSubnetGroupName="group", DBSubnetGroupDescription="group", SubnetIds=subnets
    )
    account.client("elasticache").create_cache_subnet_group(
        CacheSubnetGroupName="group", CacheSubnetGroupDescription="group", SubnetIds=subnets
    )
    return {"security_group": group}


def address_of(account: Any, description: str) -> str:
    interfaces = account.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    return str(next(each["PrivateIpAddress"] for each in interfaces if each["Description"].startswith(description)))


def databases(account: Any) -> dict[str, dict[str, Any]]:
    """The databases and snapshots that should run, by name."""
    return {each["id"]: each for each in should_run(account, "db_instances")}


def test_a_database_should_run_as_it_was_created(account: Any) -> None:
    group = placed(account)["security_group"]
    available(
        account,
        DBSubnetGroupName="group",
        VpcSecurityGroupIds=[group],
        MasterUserPassword="a-long-secret",
        DBName="sites",
        Port=5433,
    )
    found = databases(account)["db"]
    place = {"address": address_of(account, "RDSNetworkInterface"), "port": 5433}
    endpoint = account.client("rds").describe_db_instances()["DBInstances"][0]["Endpoint"]
    assert place.items() <= found.items()
    assert found["dns_name"] == endpoint["Address"]
    assert (found["status"], found["password"], found["database"]) == ("available", "a-long-secret", "sites")
    account.client("rds").delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    account.client("rds").get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="db")
    assert databases(account) == {}


def test_a_changed_password_and_a_reboot_are_passed_on(account: Any) -> None:
    rds = available(account)
    rds.modify_db_instance(DBInstanceIdentifier="db", MasterUserPassword="another-secret")
    rds.reboot_db_instance(DBInstanceIdentifier="db")
    found = databases(account)["db"]
    assert (found["password"], found["restarts"], found["status"]) == ("another-secret", 1, "rebooting")


def test_a_password_that_rds_manages_is_that_of_its_secret(account: Any) -> None:
    rds = account.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="db",
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="someone",
        ManageMasterUserPassword=True,
    )
    secret = rds.describe_db_instances()["DBInstances"][0]["MasterUserSecret"]["SecretArn"]
    value = account.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    assert databases(account)["db"]["password"] in value


def test_snapshots_copies_and_restores_name_where_their_data_come_from(account: Any) -> None:
    rds = available(account, BackupRetentionPeriod=3)
    rds.create_db_snapshot(DBInstanceIdentifier="db", DBSnapshotIdentifier="first")
    rds.get_waiter("db_snapshot_available").wait(DBSnapshotIdentifier="first")
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier="first", TargetDBSnapshotIdentifier="copy")
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="restored", DBSnapshotIdentifier="first")
    rds.create_db_instance_read_replica(DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="db")
    advance(account, "10m")  # it is a multiple of five minutes, and no earlier than the first snapshot
    between = rds.describe_db_instances(DBInstanceIdentifier="db")["DBInstances"][0]["LatestRestorableTime"]
    advance(account, "2d")
    source = {"SourceDBInstanceIdentifier": "db"}
    rds.restore_db_instance_to_point_in_time(**source, TargetDBInstanceIdentifier="then", RestoreTime=between)
    rds.restore_db_instance_to_point_in_time(**source, TargetDBInstanceIdentifier="now", UseLatestRestorableTime=True)
    found = databases(account)
    assert found["first"]["source"] == found["db"]["key"]
    assert found["copy"]["copy_of"] == found["restored"]["restored_from"] == found["first"]["key"]
    of_db = [each for each in found.values() if each.get("source") == found["db"]["key"]]
    before = [each for each in of_db if each["created"] <= between.timestamp()]
    assert found["then"]["restored_from"] == max(before, key=lambda each: each["created"])["key"]
    assert found["now"]["restored_from"] == found["db"]["key"]
    assert (found["replica"]["replica_of"], found["replica"]["restored_from"]) == ("db", found["db"]["key"])


def test_a_snapshot_of_a_database_that_runs_is_available_once_its_data_are_copied(program: Program) -> None:
    account = Account(program.json("start")["url"], "123456789012")
    rds = available(account)

    def take(name: str) -> None:
        rds.create_db_snapshot(DBInstanceIdentifier="db", DBSnapshotIdentifier=name)

    def status(name: str) -> str:
        [found] = rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
        return str(found["Status"])

    def awaited() -> list[str]:
        return [name for name, entry in databases(account).items() if entry.get("is_awaited")]

    control(account, "GET", "running", session="a data plane")
    take("first")
    advance(account, "1h")
    assert (status("first"), awaited()) == ("creating", ["first"])
    control(
        account, "POST", "running", region=account.region, db_snapshots=[{"key": databases(account)["first"]["key"]}]
    )
    assert (status("first"), awaited()) == ("available", [])
    take("second")
    assert status("second") == "creating"
    control(account, "POST", "running", ended=True)
    assert (status("second"), awaited()) == ("available", [])


def test_a_name_that_is_used_again_is_another_database(account: Any) -> None:
    rds = available(account)
    first = databases(account)["db"]["key"]
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="db")
    available(account)
    assert databases(account)["db"]["key"] != first


@pytest.mark.parametrize("engine", ["redis", "memcached"])
def test_a_cache_should_run_at_the_address_of_its_interface_and_counts_reboots(account: Any, engine: str) -> None:
    group = placed(account)["security_group"]
    elasticache = account.client("elasticache")
    elasticache.create_cache_cluster(
        CacheClusterId="cache",
        Engine=engine,
        CacheNodeType="cache.t3.micro",
        NumCacheNodes=1,
        CacheSubnetGroupName="group",
        SecurityGroupIds=[group],
    )
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="cache")
    elasticache.reboot_cache_cluster(CacheClusterId="cache", CacheNodeIdsToReboot=["0001"])
    [found] = should_run(account, "cache_clusters")
    described = elasticache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"][0]
    [node] = described["CacheNodes"]
    assert found["address"] == address_of(account, "ElastiCache cache-0001")
    assert (found["dns_name"], found["port"]) == (node["Endpoint"]["Address"], node["Endpoint"]["Port"])
    assert (found["engine"], found["restarts"]) == (engine, 1)
