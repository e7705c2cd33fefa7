"""`esaws lab …`: a lab from its start to its end, the levels, and where a lab does not start."""

from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.course.labs.families import all_labs, find_lab
from esaws.course.labs.lab import FAMILIES
from esaws.course.labs.session import choose_lab, start_lab
from esaws.errors import Refused, UsageError
from tests.shell import Shell
from tests.test_json_keys import documented, keys_of, matches

pytestmark = [pytest.mark.slow, pytest.mark.server]

NAME = "flapping-targets"
SEED = "ada"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell.local(tmp_path_factory.mktemp("lab"))


def documented_result(shell: Shell, *words: str) -> Any:
    """Run a command, and check that docs/json.md has its keys."""
    result = shell.json(*words)
    keys = documented()[" ".join(words[:2])]
    assert all(any(matches(path, key) for key in keys) for path in keys_of(result)), result
    return result


def test_a_lab_from_its_start_to_its_end(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = find_lab(NAME)
    mine = lab.values_of(SEED)
    for name, value in {**shell.environment, "ESAWS_STILL": "1", "ESAWS_LEARNER": SEED}.items():
        monkeypatch.setenv(name, value)
    shell.json("local", "start", "--at", "2022-02-28T00:00Z")
    try:
        started = documented_result(shell, "lab", "start", NAME, "--level", "2", "--seed", SEED)
        assert started["level"] == 2 and mine.url in started["report"]
        assert "runs here" in shell("lab", "start", NAME, code=3), "a lab does not replace another one unasked"
        for tool in ("findings", "health"):
            assert f"{tool} is not available: lab {NAME} runs at level 2" in shell(tool, code=3)
        assert shell("trace", f"http://seccom{mine.url}")
        documented_result(shell, "lab", "hint")
        shell("lab", "check", code=1)
        shell("lab", "diagnose", "network-acl-in", "the ACL", code=1)
        cloud = Cloud.from_env()
        fact = next(iter(lab.evidence(cloud, mine)))
        diagnosed = documented_result(shell, "lab", "diagnose", lab.cause, f"{fact.resource[0]} {fact.value[0]}")
        assert diagnosed["points"] == diagnosed["of"] == 4
        assert "modify_target_group" in documented_result(shell, "lab", "solution")["solution"]
        lab.repair(cloud, mine)
        checked = documented_result(shell, "lab", "check")
        assert checked["ok"] and checked["points"] == checked["of"] and checked["diagnosis"]["handed_in"] == 2
        assert documented_result(shell, "lab", "end") == {"ended": True}
        assert shell.json("inventory") == [] and shell.json("findings") == []
    finally:
        shell.json("local", "stop", "--discard")


def test_a_lab_does_not_start_where_something_of_value_exists(cloud: Cloud) -> None:
    cloud.client("ecs").create_cluster(clusterName="of-value")
    with pytest.raises(Refused, match=r"1 clusters exist in account \d+"):
        start_lab(cloud, find_lab(NAME))
    assert cloud.client("ecs").list_services(cluster="of-value")["serviceArns"] == []


def test_a_lab_does_not_start_on_aws() -> None:
    with pytest.raises(Refused, match="local AWS alone"):
        start_lab(Cloud.aws(account="123456789012"), find_lab(NAME))


def test_a_seed_always_draws_the_same_lab_and_another_seed_may_draw_another() -> None:
    assert choose_lab("random", "7") is choose_lab("random", "7")
    drawn = {choose_lab("random", str(seed)).name for seed in range(300)}
    assert drawn == {lab.name for lab in all_labs()}
    family = FAMILIES[0]
    assert {choose_lab("random", str(seed), family).family for seed in range(30)} == {family}
    with pytest.raises(UsageError, match="no family 'walls'"):
        choose_lab("random", "7", "walls")
    with pytest.raises(UsageError, match=r"no lab 'walls'\. Choose one of"):
        choose_lab("walls", "7")
