"""`esaws policy COMMAND` allows every call that the command makes."""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from esaws.cli.policy import COMMANDS, policy_of
from tests.contract.actions import actions_of
from tests.test_json_keys import run_every_command

pytestmark = pytest.mark.slow

TRIED = {*COMMANDS} - {"cost"}


def allowed(command: str) -> set[str]:
    return {action for statement in policy_of(command)["Statement"] for action in statement["Action"]}


@pytest.fixture(scope="module")
def called(shared_folder: Path) -> dict[str, set[str]]:
    """Command → the operations that its runs called; those of `findings --fix` are not in its policy."""
    called = defaultdict(set)
    for line, operations in run_every_command(shared_folder).operations.items():
        if "--fix" not in line:
            called[line.partition(" ")[0]] |= {*operations}
    return called


@pytest.mark.parametrize("command", sorted(TRIED))
def test_the_policy_allows_every_call_of(command: str, called: dict[str, set[str]]) -> None:
    assert called[command]
    assert set(actions_of(called[command])) - allowed(command) == set()


def test_reading_commands_change_nothing() -> None:
    for command in ("plan", "inventory", "findings", "draw", "cost"):
        verbs = {action.partition(":")[2] for action in allowed(command)}
        assert all(
            verb.startswith(("Describe", "Get", "List", "Lookup", "View", "Head", "BatchGet", "Simulate"))
            for verb in verbs
        ), command


def test_a_teardown_creates_nothing() -> None:
    assert not [action for action in allowed("teardown") if "Create" in action or "Run" in action]


def test_a_profile_needs_less_than_all_kinds() -> None:
    (small,), (large,) = policy_of("deploy", "budget")["Statement"], policy_of("deploy")["Statement"]
    assert set(small["Action"]) < set(large["Action"])


def test_the_policy_is_printed_as_a_document(esaws) -> None:
    document = json.loads(esaws("policy", "teardown"))
    assert document["Version"] == "2012-10-17" and document["Statement"][0]["Effect"] == "Allow"


def test_a_command_without_calls_has_no_policy(esaws) -> None:
    assert "'local' has no policy" in esaws("policy", "local", code=2)
