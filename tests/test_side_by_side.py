"""Commands side by side in real processes: on one deployment they exclude each other or end well; others do not notice.

`test_lock.py` has two deploys of one profile at once.
"""

from pathlib import Path
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.lock import read_lock
from tests.resilience.account import describe_account, left
from tests.shell import Shell

SMALL = ("--services", "client-web-ui")
DEPLOY = ("deploy", "--profile", "budget", *SMALL, "--no-wait", "--yes")
REFUSALS = ("is locked by ", "the account has changed since the plan", "nothing was changed", "are left in ")
"""What a command says that came second: it was refused, or found what the other one had just made."""


def at_once(*started: Any) -> list[tuple[int, str]]:
    """Wait for processes, and return exit code and standard error of each."""
    ended = [process.communicate()[1] for process in started]
    return [(process.returncode, error) for process, error in zip(started, ended, strict=True)]


def assert_ended_well(ended: list[tuple[int, str]]) -> None:
    """Each is done, or was refused for a reason that it gives, and one of them is done."""
    assert any(code == 0 for code, _ in ended), ended
    for code, error in ended:
        assert "Traceback" not in error
        assert code in (0, 1, 3) and (code == 0 or any(text in error for text in REFUSALS)), (code, error)


def is_complete(esaws: Shell, profile: str) -> bool:
    with esaws.start("plan", "--profile", profile, *SMALL, "--detailed-exitcode") as plan:
        plan.communicate()
    return plan.returncode == 0


@pytest.mark.slow
def test_a_deploy_and_a_teardown_at_once_end_well_and_either_can_be_run_again(cloud: Cloud, esaws: Shell) -> None:
    before = describe_account(cloud)
    esaws(*DEPLOY)
    grown = ("deploy", "--profile", "budget", "--services", "client-web-ui,cameras-api", "--no-wait", "--yes")
    assert_ended_well(at_once(esaws.start("teardown", "--yes"), esaws.start(*grown)))
    assert read_lock(cloud) is None
    esaws("teardown", "--yes")
    assert leftovers(cloud) == [] and left(before, describe_account(cloud)) == []


@pytest.mark.soak
def test_of_two_profiles_at_once_one_is_deployed(cloud: Cloud, esaws: Shell) -> None:
    other = ("deploy", "--profile", "ha", *SMALL, "--no-wait", "--yes")
    assert_ended_well(at_once(esaws.start(*DEPLOY), esaws.start(*other)))
    assert sorted([is_complete(esaws, "budget"), is_complete(esaws, "ha")]) == [False, True]
    assert len([live for live in inventory(cloud) if live.kind == "VPC"]) == 1
    esaws("teardown", "--yes")


@pytest.mark.soak
def test_two_deployments_at_once_do_not_notice_each_other(cloud: Cloud, esaws: Shell, tmp_path: Path) -> None:
    before = describe_account(cloud)
    second = Shell(Cloud.at(str(cloud.endpoint), account=cloud.account, deployment="other"), tmp_path / "other")
    second.folder.mkdir()
    ended = at_once(esaws.start(*DEPLOY), second.start(*DEPLOY))
    assert [code for code, _ in ended] == [0, 0], ended
    assert is_complete(esaws, "budget") and is_complete(second, "budget")

    ended = at_once(esaws.start("teardown", "--yes"), second.start(*DEPLOY))
    assert [code for code, _ in ended] == [0, 0], ended
    assert is_complete(second, "budget")
    second("teardown", "--yes")
    assert left(before, describe_account(cloud)) == []
