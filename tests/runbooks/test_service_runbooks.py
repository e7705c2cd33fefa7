"""The runbooks scale_a_service, roll_out_an_image, drain_a_zone, deploy and tear_down: twice, dry, and with errors."""

from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.serving import wait_until_serving
from esaws.runbooks.pytest_plugin import RunbookResult, RunbookTester

SERVICE = "client-web-ui"
SMALL = {"services": [SERVICE]}
ZONE = {"zone": "eu-west-3a"}

CHANGES: dict[str, dict[str, Any]] = {
    "scale_a_service": {"desired": 3},
    "roll_out_an_image": {"image": "nginx:2"},
    "drain_a_zone": ZONE,
}


def deploy(runbook: RunbookTester, profile: str = "ha") -> Cloud:
    """Deploy one service of a profile, and wait until it serves."""
    cloud = runbook.deploy(profile, services=(SERVICE,))
    assert wait_until_serving(cloud) == []
    return cloud


def changed(result: RunbookResult) -> bool:
    return bool(result.record["changing_calls"] or result.record["changed"])


@pytest.mark.parametrize("profile", ["ha", "budget"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_dry_run_changes_nothing_and_a_second_run_has_nothing_to_do(
    runbook: RunbookTester, name: str, profile: str
) -> None:
    deploy(runbook, profile)
    dry = runbook.run(name, dry_run=True, **CHANGES[name])
    assert (dry.status, dry.exit_code, dry.error, changed(dry)) == ("planned", 0, None, False)
    done = runbook.run(name, **CHANGES[name])
    assert (done.status, done.exit_code, done.error) == ("done", 0, None)
    again = runbook.run(name, **CHANGES[name])
    assert (again.status, again.exit_code, changed(again)) == ("nothing_to_do", 0, False), again.error


def test_a_zone_is_drained_and_used_again(runbook: RunbookTester) -> None:
    cloud = deploy(runbook)
    before = inventory(cloud).to_dict()
    simulation.traffic(cloud, "steady", requests_per_second=3)
    assert runbook.run("drain_a_zone", **ZONE).status == "done"
    back = runbook.run("drain_a_zone", **ZONE, back=True)
    assert back.status == "done", back.error
    assert back.record["checks"][-1]["found"].endswith(" requests, 0 failed")
    assert inventory(cloud).to_dict() == before


def test_a_failed_roll_out_names_the_cause_and_the_next_step(runbook: RunbookTester) -> None:
    cloud = deploy(runbook)
    simulation.fail(cloud, image="nginx:bad")
    result = runbook.run("roll_out_an_image", image="nginx:bad")
    error = result.record["error"]
    assert (result.status, result.exit_code, error["step"]) == ("failed", 1, "act")
    assert "Health checks failed with these codes: [500]" in error["cause"]
    assert "never fewer than 1 healthy" in error["cause"]
    assert error["next_step"] == "mend the image, push it, and run the roll-out again"


def test_a_deployment_is_made_and_torn_down_twice(runbook: RunbookTester) -> None:
    dry = runbook.run("deploy", dry_run=True, **SMALL)
    assert (dry.status, changed(dry), dry.error) == ("planned", False, None)
    done = runbook.run("deploy", **SMALL)
    assert (done.status, done.error) == ("done", None)
    assert runbook.run("deploy", **SMALL).status == "nothing_to_do"
    count = len(inventory(runbook.cloud))
    refused = runbook.run("tear_down", expected=count + 1)
    assert (refused.status, refused.exit_code, changed(refused)) == ("refused", 3, False)
    assert f"has {count} resources, not {count + 1}" in refused.record["error"]["cause"]
    dry = runbook.run("tear_down", dry_run=True)
    assert (dry.status, changed(dry), dry.error) == ("planned", False, None)
    gone = runbook.run("tear_down", expected=count)
    assert (gone.status, gone.error, gone.record["counts"]["done"]) == ("done", None, count)
    assert not len(inventory(runbook.cloud))
    assert runbook.run("tear_down").status == "nothing_to_do"


def test_a_deploy_that_would_delete_something_ends_before_its_plan(runbook: RunbookTester) -> None:
    runbook.deploy("ha", services=(SERVICE,))
    result = runbook.run("deploy", profile="budget", **SMALL)
    assert (result.status, result.exit_code, result.record["error"]["step"]) == ("failed", 1, "look")
    assert "Service client-web-ui" in str(result.error) and not changed(result)


WRONG = [
    ("scale_a_service", {"desired": -1}),
    ("scale_a_service", {"desired": "many"}),
    ("scale_a_service", {"minutes": 0}),
    ("roll_out_an_image", {"image": ""}),
    ("roll_out_an_image", {"image": "nginx latest"}),
    ("roll_out_an_image", {"failures": 0}),
    ("drain_a_zone", {"zone": "a"}),
    ("drain_a_zone", {"back": "perhaps"}),
    ("deploy", {"profile": "huge"}),
    ("deploy", {"services": ["frontend"]}),
    ("deploy", {"images": "private"}),
    ("tear_down", {"expected": "all"}),
    ("tear_down", {"approve": "yes"}),
]


@pytest.mark.parametrize(("name", "parameters"), WRONG)
def test_a_wrong_parameter_ends_the_run_before_any_call(
    runbook: RunbookTester, name: str, parameters: dict[str, Any]
) -> None:
    result = runbook.run(name, **parameters)
    assert (result.exit_code, result.record["calls"]) == (2, 0)
    assert next(iter(parameters)) in str(result.error)


def test_a_roll_out_in_a_process_keeps_its_picture_where_it_fails(runbook: RunbookTester) -> None:
    cloud = deploy(runbook)
    simulation.fail(cloud, image="nginx:bad")
    output = runbook.folder / "failed.ipynb"
    result = runbook.run_process("roll_out_an_image", "-o", str(output), image="nginx:bad")
    assert (result.exit_code, result.status) == (1, "failed")
    assert "image/svg+xml" in output.read_text(encoding="utf-8")
