"""The password of a database: rotated, completed after any interruption, and written nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import EsawsError, NotDeployed
from esaws.operations.password_readers import Reader
from esaws.operations.rotate_password import (
    PASSWORD_TAG,
    _give,
    password_leaves,
    password_status,
    plan_rotate_password,
    verify_rotated_password,
)
from esaws.reference.seccom import seccom
from esaws.resources.password_parameter import PasswordParameter
from tests.operations.killing import KilledError, changing_calls, killed_after

MONTH = timedelta(days=30)
SERVICES = ("client-web-ui", "sites-management-api")
RENEW_AND_GIVE = ["PutParameter", "ModifyDBInstance", "AddTagsToResource"]
CALLS = {
    "ha": [*RENEW_AND_GIVE, "UpdateService"],
    "budget": [*RENEW_AND_GIVE, "TagResource", "StopTask", "RunTask", "UntagResource"],
}


in_budget = pytest.mark.parametrize("system", ["budget"], indirect=True)


@pytest.fixture(scope="module", params=["budget", pytest.param("ha", marks=pytest.mark.runbooks)])
def system(request: pytest.FixtureRequest, new_cloud: Callable[..., Cloud]) -> tuple[str, Cloud]:
    """(profile, cloud) of two services, of which one uses the database."""
    cloud = new_cloud()
    plan_deploy(seccom(request.param, services=SERVICES), cloud).apply()
    return request.param, cloud


def stored_password(cloud: Cloud) -> str:
    return PasswordParameter(name="database-password").value(cloud)


def holds(cloud: Cloud) -> bool:
    return all(check.ok for check in verify_rotated_password(cloud))


def given_passwords(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that the database is given from now on."""
    given: list[str] = []
    modify = cloud.client("rds").modify_db_instance

    def noting(**parameters: object) -> object:
        given.append(str(parameters["MasterUserPassword"]))
        return modify(**parameters)

    monkeypatch.setattr(cloud.client("rds"), "modify_db_instance", noting)
    return given


def test_only_what_reaches_the_database_reads_its_password(system: tuple[str, Cloud]) -> None:
    profile, cloud = system
    frame = password_status(cloud).to_frame()
    kind, tasks = {"ha": ("Service", 2), "budget": ("Task", 1)}[profile]
    assert frame[["kind", "name", "tasks"]].values.tolist() == [[kind, "sites-management-api", tasks]]
    assert frame["because"].tolist() == ["its security groups let it reach the database on port 5432"]


def test_a_rotation_changes_the_password_and_a_second_one_nothing(
    system: tuple[str, Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, cloud = system
    old, given = stored_password(cloud), given_passwords(cloud, monkeypatch)
    plan = plan_rotate_password(cloud, every=MONTH)
    assert stored_password(cloud) == old, "a plan changes nothing"
    assert changing_calls(cloud, plan.apply) == CALLS[profile]
    assert given == [stored_password(cloud)] != [old]
    assert holds(cloud)
    assert not plan_rotate_password(cloud, every=MONTH).steps
    simulation.advance(cloud, "31d")
    assert len(plan_rotate_password(cloud, every=MONTH).steps) == 3, "it is due again"
    assert "keeps earlier versions" in password_leaves(cloud)[1]


@pytest.mark.runbooks
def test_a_rotation_that_is_stopped_after_any_call_is_completed(
    system: tuple[str, Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, cloud = system
    for number, operation in enumerate(CALLS[profile], start=1):
        if profile == "ha" and operation in RENEW_AND_GIVE:
            continue  # the same as in `budget`
        with killed_after(cloud, number), pytest.raises(KilledError):
            plan_rotate_password(cloud).apply()
        stored, given = stored_password(cloud), given_passwords(cloud, monkeypatch)
        completed = changing_calls(cloud, plan_rotate_password(cloud, every=MONTH).apply)
        assert "PutParameter" not in completed and stored_password(cloud) == stored, "the new password is kept"
        # The database is given it again unless its tag proves that it has it.
        assert given == [stored] * ("ModifyDBInstance" in completed), operation
        assert holds(cloud), operation
    assert not plan_rotate_password(cloud, every=MONTH).steps


@in_budget
def test_the_password_is_in_the_parameter_and_the_database_alone(
    system: tuple[str, Cloud],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    _, cloud = system
    monkeypatch.setenv("ESAWS_RUNS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    old = stored_password(cloud)
    with caplog.at_level("INFO"):
        plan = plan_rotate_password(cloud)
        plan.apply()
    output = capfd.readouterr()
    new = stored_password(cloud)
    shown = [repr(plan), str(plan.to_dict()), plan._repr_html_(), repr(password_status(cloud)), *cloud.calls.cli()]
    shown += [str(password_status(cloud).to_dict()), *map(str, verify_rotated_password(cloud)), caplog.text, *output]
    shown += [file.read_text("utf-8", errors="replace") for file in tmp_path.rglob("*") if file.is_file()]
    shown.append(cloud.calls.to_frame().to_string())
    assert not [text for text in shown if new in text or old in text]


@in_budget
def test_a_refusal_of_rds_does_not_contain_the_password(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    status = password_status(cloud)
    status = replace(status, database=replace(status.database, id="no-such-database"))
    with pytest.raises(Exception, match="DBInstanceNotFound") as caught:
        _give(cloud, status)
    assert stored_password(cloud) not in repr(caught.value)


@in_budget
def test_a_tag_that_was_changed_by_hand_makes_the_password_unknown(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    arn = password_status(cloud).database.raw["DBInstanceArn"]
    for value in ("yesterday", "2 yesterday"):
        cloud.client("rds").add_tags_to_resource(ResourceName=arn, Tags=[{"Key": PASSWORD_TAG, "Value": value}])
        assert "an unknown version" in repr(password_status(cloud))
    assert not holds(cloud)
    plan = plan_rotate_password(cloud, every=MONTH)
    assert plan.steps[0].kind == "DBInstance", "the stored password is given again"
    assert "changed by hand" in plan.remarks[0]
    plan.apply()
    assert holds(cloud)


@in_budget
def test_a_database_or_parameter_that_does_not_exist_is_named(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    with pytest.raises(
        NotDeployed, match="database sites of seccom is not in eu-west-3; choose one that it has: database"
    ):
        plan_rotate_password(cloud, "sites")
    with pytest.raises(NotDeployed, match="password other of seccom is not in eu-west-3; choose one that it has: "):
        plan_rotate_password(cloud, "database", "other")


@in_budget
def test_a_reader_without_a_known_time_is_outdated(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    (reader,) = password_status(cloud).readers
    assert isinstance(reader, Reader)
    assert reader.outdated(None) == len(reader.started) > 0
    assert reader.outdated(min(reader.started)) == 0


@in_budget
def test_the_password_of_a_stopped_database_is_not_rotated(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    cloud.client("rds").stop_db_instance(DBInstanceIdentifier="seccom-database")
    with pytest.raises(EsawsError, match="nothing was changed: database database is stop"):
        plan_rotate_password(cloud)
