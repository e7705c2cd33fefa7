"""Changes of a DB instance wait for its maintenance window, unless they are applied immediately."""

from typing import Any

import pytest

from tests.local.timing import advance

WINDOW = "sun:05:00-sun:05:30"


@pytest.fixture
def rds(account: Any) -> Any:
    rds = account.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="d",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="u",
        MasterUserPassword="long-enough",
        PreferredMaintenanceWindow=WINDOW,
    )
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="d")
    return rds


def change(rds: Any, **settings: Any) -> dict[str, Any]:
    return dict(rds.modify_db_instance(DBInstanceIdentifier="d", **settings)["DBInstance"])


def described(rds: Any) -> tuple[str, bool, dict[str, Any]]:
    """Return class, Multi-AZ and what waits."""
    instance = rds.describe_db_instances(DBInstanceIdentifier="d")["DBInstances"][0]
    return instance["DBInstanceClass"], instance["MultiAZ"], instance.get("PendingModifiedValues", {})


def test_a_change_waits_until_the_maintenance_window(account: Any, rds: Any) -> None:
    answer = change(rds, DBInstanceClass="db.t3.small", MultiAZ=True)
    waiting = {"DBInstanceClass": "db.t3.small", "MultiAZ": True}
    assert (answer["DBInstanceClass"], answer["PendingModifiedValues"]) == ("db.t3.micro", waiting)
    advance(account, "1h")
    assert described(rds) in [("db.t3.micro", False, waiting), ("db.t3.small", True, {})]
    advance(account, "7d")
    assert described(rds) == ("db.t3.small", True, {})


def test_an_immediate_change_applies_what_waits(account: Any, rds: Any) -> None:
    change(rds, MultiAZ=True)
    change(rds, DBInstanceClass="db.t3.small", ApplyImmediately=True)
    assert described(rds) == ("db.t3.small", True, {})


def test_a_waiting_change_can_be_taken_back(account: Any, rds: Any) -> None:
    change(rds, MultiAZ=True)
    change(rds, MultiAZ=False)
    assert described(rds) == ("db.t3.micro", False, {})
    advance(account, "8d")
    assert described(rds) == ("db.t3.micro", False, {})


def test_other_settings_change_at_once(rds: Any) -> None:
    assert change(rds, BackupRetentionPeriod=3)["BackupRetentionPeriod"] == 3
