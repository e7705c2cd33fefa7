"""What a runbook of an operation does beside its one change; test_matrix runs each dry, once and again."""

from collections.abc import Callable

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.leases.lease import grant
from esaws.operations.port_openings import list_openings
from esaws.operations.replace_instance import list_members
from esaws.runbooks.pytest_plugin import RunbookTester

ONE = ("client-web-ui",)
PORT = {"group": "ClientWeb-sg", "source": "203.0.113.9/32", "duration": "2h", "ticket": "INC-9"}


@pytest.mark.runbooks
def test_what_is_parked_is_resumed(runbook: RunbookTester) -> None:
    cloud = runbook.deploy("budget", services=ONE)
    dry = runbook.run("park_and_resume", dry_run=True)
    assert (dry.status, dry.record["changing_calls"]) == ("planned", 0), dry.error
    assert list_members(cloud)
    parked = runbook.run("park_and_resume")
    assert parked.status == "done", parked.error
    assert not list_members(cloud), "no instance runs"
    resumed = runbook.run("park_and_resume", action="resume")
    assert resumed.status == "done", resumed.error
    assert list_members(cloud)


@pytest.mark.runbooks
def test_a_port_is_opened_for_longer_closed_when_it_is_over_and_never_opened_to_everyone(
    runbook: RunbookTester,
) -> None:
    cloud = runbook.deploy("budget", services=ONE)
    assert runbook.run("open_a_port", **PORT).record["counts"]["done"] == 1
    again = runbook.run("open_a_port", **PORT)
    assert (again.status, again.record["changing_calls"]) == ("nothing_to_do", 0), again.error
    assert runbook.run("open_a_port", **{**PORT, "duration": "3h"}).record["counts"]["done"] == 1
    simulation.advance(cloud, "4h")
    closed = runbook.run("open_a_port", action="close_expired")
    assert closed.status == "done" and not list_openings(cloud)
    refused = runbook.run("open_a_port", source="0.0.0.0/0", group="ClientWeb-sg")
    assert (refused.status, refused.exit_code, refused.record["changing_calls"]) == ("refused", 3, 0)


def test_a_guard_of_what_is_not_known_fails_and_changes_nothing(
    runbook: RunbookTester, load_system: Callable[[str], Cloud]
) -> None:
    cloud = runbook.cloud = load_system("one-task")
    nothing_agreed = runbook.run("budget_guard")
    assert (nothing_agreed.exit_code, nothing_agreed.record["changing_calls"]) == (2, 0)
    grant(cloud, until="8h")
    cloud.client("ssm").put_parameter(Name="/seccom/lease", Type="String", Value="hello", Overwrite=True)
    unknown = runbook.run("budget_guard")
    assert (unknown.status, unknown.exit_code, unknown.record["changing_calls"]) == ("failed", 1, 0)
    assert "the lease is unknown" in str(unknown.error)
