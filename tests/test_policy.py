"""`esaws policy COMMAND` allows every call that the command makes."""

import json
from collections.abc import Callable

import pytest

from esaws.call_log import Call
from esaws.cli.policy import COMMANDS, policy_of
from esaws.cloud import Cloud
from tests.contract.actions import actions
from tests.shell import Shell

pytestmark = pytest.mark.slow

RUNS = {
    "plan": ["plan --profile ha", "plan --profile budget --prune"],
    "doctor": ["doctor"],
    "inventory": ["inventory --all-owned"],
    "routes": ["routes"],
    "trace": ["trace http://seccom/"],
    "reach": ["reach internet alb/alb 80"],
    "matrix": ["matrix"],
    "health": ["health"],
    "findings": ["findings"],
    "draw": ["draw --live -o live.svg"],
    "snapshot": ["snapshot -o snapshot"],
    "lease": ["lease --at-most-usd 5 --yes", "lease", "lease --enforce park --dry-run"],
    "lock": ["lock", "lock --break --yes"],
    "park": ["park --yes"],
    "resume": ["resume --yes"],
    "deploy": ["deploy --profile budget --prune --until 8h --yes", "deploy --profile ha --prune --yes"],
    "teardown": ["teardown --yes"],
    "cost": [],
}


def allowed(command: str) -> set[str]:
    return {action for statement in policy_of(command)["Statement"] for action in statement["Action"]}


def test_every_policy_is_tried() -> None:
    assert RUNS.keys() == set(COMMANDS)


@pytest.fixture(scope="module")
def calls(load_system: Callable[[str], Cloud], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Call]]:
    """Command → the calls of its runs, one command after the other on one deployment."""
    ha, made = load_system("ha"), {}
    shell = Shell(ha, tmp_path_factory.mktemp("policy"))
    with pytest.MonkeyPatch.context() as patch:
        for command, lines in RUNS.items():
            clouds: list[Cloud] = []

            def from_env(clouds: list[Cloud] = clouds, **settings: object) -> Cloud:
                clouds.append(Cloud.at(str(ha.endpoint), account=ha.account))
                return clouds[-1]

            patch.setattr(Cloud, "from_env", from_env)
            for line in lines:
                shell(*line.split())
            made[command] = [call for cloud in clouds for call in cloud.calls]
    return made


@pytest.mark.parametrize("command", [command for command, lines in RUNS.items() if lines])
def test_the_policy_allows_every_call_of(command: str, calls: dict[str, list[Call]]) -> None:
    assert calls[command]
    assert set(actions(calls[command])) - allowed(command) == set()


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
