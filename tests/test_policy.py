"""`esaws policy COMMAND` allows every call that the command makes."""

import json

import pytest

from esaws.cli.policy import COMMANDS, policy_of
from esaws.cloud import Cloud
from tests.contract.actions import actions
from tests.shell import Shell

RUNS = {
    "plan": ["plan --profile ha", "plan --profile budget --prune"],
    "deploy": ["deploy --profile ha --yes", "deploy --profile budget --prune --until 8h --yes"],
    "doctor": ["doctor"],
    "inventory": ["inventory --all-owned"],
    "routes": ["routes"],
    "trace": ["trace http://seccom/"],
    "reach": ["reach internet alb/alb 80"],
    "matrix": ["matrix"],
    "health": ["health"],
    "findings": ["findings"],
    "draw": ["draw --live -o live.svg"],
    "lease": ["lease --at-most-usd 5 --yes", "lease", "lease --enforce park --yes"],
    "park": ["park --yes"],
    "resume": ["resume --yes"],
    "teardown": ["teardown --yes"],
    "snapshot": ["snapshot -o snapshot"],
    "cost": [],
}


def allowed(command: str) -> set[str]:
    return {action for statement in policy_of(command)["Statement"] for action in statement["Action"]}


def test_every_policy_is_tried() -> None:
    assert RUNS.keys() == set(COMMANDS)


@pytest.mark.parametrize("command", [command for command, lines in RUNS.items() if lines])
def test_the_policy_allows_every_call_of(command: str, ha: Cloud, tmp_path, monkeypatch) -> None:
    shell, clouds = Shell(ha, tmp_path), []
    monkeypatch.setattr(
        Cloud, "from_env", lambda **settings: clouds.append(Cloud.at(ha.endpoint, account=ha.account)) or clouds[-1]
    )
    for line in RUNS[command]:
        shell(*line.split())
    calls = [call for cloud in clouds for call in cloud.calls]
    assert calls
    assert set(actions(calls)) - allowed(command) == set()


def test_reading_commands_change_nothing() -> None:
    for command in ("plan", "inventory", "findings", "draw", "cost"):
        verbs = {action.partition(":")[2] for action in allowed(command)}
        assert all(
            verb.startswith(("Describe", "Get", "List", "View", "Head", "BatchGet", "Simulate")) for verb in verbs
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
