"""The runbooks of operations on both profiles: a dry run changes nothing, a run does its work, a second one nothing."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.inspect.account import snapshot
from esaws.leases.lease import grant
from esaws.operations.port_openings import list_openings
from esaws.operations.replace_instance import list_members
from esaws.resources.password_parameter import PasswordParameter
from esaws.runbooks.pytest_plugin import RunbookTester
from tests.runbooks.policies import LEDGER

BOTH = os.environ.get("SOAK") == "1" or LEDGER in os.environ
"""Run each runbook on both profiles, instead of one each; their policies need the calls of both."""

ONE = ("client-web-ui",)
WITH_DATABASE = (*ONE, "sites-management-api")
KEYS = ("AutoScalingGroups", "Instances", "SecurityGroups", "DBInstances", "services", "tasks", "TargetHealth")


@dataclass(frozen=True)
class Case:
    """A runbook, the profile it is tried on, its parameters, and what is done to the account before and after."""

    name: str
    profile: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    before: Callable[[Cloud], Mapping[str, Any]] = lambda cloud: {}
    services: tuple[str, ...] = ONE
    after: Callable[[RunbookTester], None] = lambda runbook: None


def of_first_instance(cloud: Cloud) -> Mapping[str, Any]:
    return {"instance": list_members(cloud)[0].id}


def past_its_lease(cloud: Cloud) -> Mapping[str, Any]:
    grant(cloud, until="1h")
    simulation.advance(cloud, "2h")
    return {}


def resume(runbook: RunbookTester) -> None:
    assert not list_members(runbook.cloud), "no instance runs"
    resumed = runbook.run("park_and_resume", action="resume")
    assert resumed.status == "done", resumed.error
    assert list_members(runbook.cloud)


def close_when_it_is_over(runbook: RunbookTester) -> None:
    longer = {"group": "ClientWeb-sg", "source": "203.0.113.9/32", "duration": "3h"}
    assert runbook.run("open_a_port", **longer).record["counts"]["done"] == 1
    simulation.advance(runbook.cloud, "4h")
    closed = runbook.run("open_a_port", action="close_expired")
    assert closed.status == "done" and not list_openings(runbook.cloud)
    refused = runbook.run("open_a_port", source="0.0.0.0/0", group="ClientWeb-sg")
    assert (refused.status, refused.exit_code, refused.record["changing_calls"]) == ("refused", 3, 0)


CASES = (
    Case("replace_an_instance", "ha", before=of_first_instance),
    Case(
        "open_a_port",
        "budget",
        {"group": "ClientWeb-sg", "source": "203.0.113.9/32", "duration": "2h", "ticket": "INC-9"},
    ),
    Case("rotate_the_database_password", "ha", services=WITH_DATABASE),
    Case("park_and_resume", "budget", after=resume),
    Case("budget_guard", "budget", before=past_its_lease),
)


def described(cloud: Cloud) -> dict[str, Any]:
    """What AWS describes of everything that these runbooks change, as text."""
    account = snapshot(cloud, *KEYS)
    described = {key: [{**raw} for raw in account[key]] for key in KEYS}
    for database in described["DBInstances"]:
        database.pop("LatestRestorableTime", None)  # it follows the clock
    return {key: json.dumps(raws, default=str, sort_keys=True) for key, raws in described.items()}


def cases() -> Iterator[Any]:
    for case in CASES:
        for profile in ("ha", "budget") if BOTH else (case.profile,):
            yield pytest.param(case, profile, id=f"{case.name}-{profile}")


@pytest.mark.parametrize(("case", "profile"), list(cases()))
def test_a_dry_run_changes_nothing_and_a_second_run_nothing_more(
    runbook: RunbookTester, case: Case, profile: str
) -> None:
    cloud = runbook.deploy(profile, services=case.services)
    simulation.advance(cloud, "20m")
    parameters = {**case.parameters, **case.before(cloud)}
    before = described(cloud)
    dry = runbook.run(case.name, dry_run=True, **parameters)
    assert (dry.status, dry.record["changing_calls"]) == ("planned", 0), dry.error
    assert described(cloud) == before
    done = runbook.run(case.name, **parameters)
    assert done.status == "done", done.error
    again = runbook.run(case.name, **parameters)
    assert (again.status, again.record["changing_calls"]) == ("nothing_to_do", 0), again.error
    case.after(runbook)


def test_the_rotated_password_is_in_no_file_and_no_output(runbook: RunbookTester, tmp_path: Path) -> None:
    cloud = runbook.deploy("budget", services=WITH_DATABASE)
    passwords = [PasswordParameter(name="database-password").value(cloud)]
    process = runbook.run_process("rotate_the_database_password", "-o", str(tmp_path / "out"))
    assert process.status == "done", process.printed
    passwords.append(PasswordParameter(name="database-password").value(cloud))
    texts = {str(path): path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()}
    assert {Path(name).suffix for name in texts} >= {".ipynb", ".json"}
    texts["printed"] = process.printed
    assert not [name for name, text in texts.items() for password in passwords if password in text]


def test_a_guard_of_what_is_not_known_fails_and_changes_nothing(runbook: RunbookTester) -> None:
    cloud = runbook.deploy("budget", services=ONE)
    nothing_agreed = runbook.run("budget_guard")
    assert (nothing_agreed.exit_code, nothing_agreed.record["changing_calls"]) == (2, 0)
    grant(cloud, until="8h")
    cloud.client("ssm").put_parameter(Name="/seccom/lease", Type="String", Value="hello", Overwrite=True)
    unknown = runbook.run("budget_guard")
    assert (unknown.status, unknown.exit_code, unknown.record["changing_calls"]) == ("failed", 1, 0)
    assert "the lease is unknown" in str(unknown.error)
