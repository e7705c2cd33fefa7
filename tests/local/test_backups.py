"""Time passes for databases: automated backups, restores to a point in time, and the restart after seven days."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.local.cases import outcome
from tests.local.cases_databases import available, described
from tests.local.test_metering import running
from tests.local.timing import advance


def automated(rds: Any) -> list[datetime]:
    """When the automated snapshots were taken."""
    snapshots = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"]
    return sorted(each["SnapshotCreateTime"] for each in snapshots)


def backups(rds: Any) -> list[tuple[str, str]]:
    found = rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    return [(each["DBInstanceIdentifier"], each["Status"]) for each in found]


@pytest.fixture
def rds(account: Any) -> Any:
    return available(account, BackupRetentionPeriod=3, PreferredBackupWindow="03:00-03:30")


def test_a_backup_is_taken_at_first_and_daily_in_its_window_and_kept_for_the_retention_period(
    account: Any, rds: Any
) -> None:
    assert len(automated(rds)) == 1
    advance(account, "10d")
    taken = automated(rds)
    assert {(each.hour, each.minute) for each in taken} == {(3, 0)}
    assert [later - earlier for earlier, later in pairwise(taken)] == [timedelta(days=1)] * 2


def test_without_a_retention_period_nothing_is_backed_up(account: Any) -> None:
    rds = available(account, BackupRetentionPeriod=0)
    advance(account, "3d")
    assert (automated(rds), backups(rds), "LatestRestorableTime" in described(rds)) == ([], [], False)


def test_switching_backups_off_deletes_them(rds: Any) -> None:
    rds.modify_db_instance(DBInstanceIdentifier="db", BackupRetentionPeriod=0, ApplyImmediately=True)
    assert automated(rds) == []


def test_a_stopped_database_keeps_its_backups_and_starts_after_seven_days(account: Any, rds: Any) -> None:
    rds.stop_db_instance(DBInstanceIdentifier="db")
    advance(account, "6d")
    database = described(rds)
    assert (database["DBInstanceStatus"], len(automated(rds))) == ("stopped", 1)
    restart = database["AutomaticRestartTime"]
    advance(account, "25h")
    assert described(rds)["DBInstanceStatus"] == "available"
    assert restart - database["InstanceCreateTime"] > timedelta(days=7)
    assert len(automated(rds)) >= 1


def test_backups_of_a_deleted_database_are_kept_if_the_deletion_says_so(account: Any, rds: Any) -> None:
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="db")
    assert backups(rds) == [("db", "retained")]
    advance(account, "4d")
    assert (backups(rds), automated(rds)) == ([], [])


def test_backups_are_free_up_to_the_size_of_the_database_and_charged_without_it(account: Any, rds: Any) -> None:
    assert running(account, "RDS:ChargedBackupUsage") == 0
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="db")
    assert running(account, "RDS:ChargedBackupUsage") == 2, "a database without work fills a tenth of its 20 GB"


def test_automated_backups_go_with_their_database(rds: Any) -> None:
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="db")
    assert (backups(rds), automated(rds)) == ([], [])


def test_a_database_is_restored_to_a_time_between_the_earliest_and_the_latest(account: Any, rds: Any) -> None:
    advance(account, "2d")

    def restore(**when: Any) -> Any:
        target = {"SourceDBInstanceIdentifier": "db", "TargetDBInstanceIdentifier": "other"}
        return outcome(lambda: rds.restore_db_instance_to_point_in_time(**target, **when)["DBInstance"]["Engine"])

    window = rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"][0]["RestoreWindow"]
    assert window["LatestTime"] == described(rds)["LatestRestorableTime"]
    assert restore() == "InvalidParameterCombination"
    assert restore(RestoreTime=window["EarliestTime"] - timedelta(minutes=1)) == "InvalidParameterValue"
    assert restore(RestoreTime=window["LatestTime"] + timedelta(minutes=1)) == "InvalidParameterValue"
    assert restore(RestoreTime=window["LatestTime"] - timedelta(hours=1)) == "postgres"


@pytest.mark.parametrize("seconds", range(0, 300, 60))
def test_a_new_database_is_restored_to_its_latest_restorable_time_whenever_it_was_created(
    account: Any, seconds: int
) -> None:
    advance(account, f"{seconds + 1}s")
    rds = available(account, BackupRetentionPeriod=3)
    source = {"SourceDBInstanceIdentifier": "db", "TargetDBInstanceIdentifier": "other"}
    restored = rds.restore_db_instance_to_point_in_time(**source, RestoreTime=described(rds)["LatestRestorableTime"])
    assert restored["DBInstance"]["DBInstanceIdentifier"] == "other"


def test_only_manual_snapshots_are_deleted_by_hand(rds: Any) -> None:
    name = rds.describe_db_snapshots()["DBSnapshots"][0]["DBSnapshotIdentifier"]
    assert outcome(lambda: rds.delete_db_snapshot(DBSnapshotIdentifier=name)) == "InvalidDBSnapshotState"
