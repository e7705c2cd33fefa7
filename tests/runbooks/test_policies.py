"""The IAM policy of each runbook: up to date, and without writes where the runbook only looks."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from esaws.cli.policy import policy_of
from esaws.errors import UsageError
from esaws.runbooks.catalogue import Runbook, find_runbook, read_runbook
from esaws.runbooks.policies import (
    allowed_actions,
    changing_actions,
    policy_document,
    policy_file,
    runbook_policy,
)
from tests.contract.actions import actions_of
from tests.runbooks.policies import (
    CATALOGUE,
    COMMANDS,
    LEDGER,
    SOMETIMES,
    calls_in,
    check_run,
    head_of,
    names,
    needed_actions,
    operations_of,
    read_ledger,
    sentence,
    with_sentence,
)
from tests.shell import Shell

RUN_AGAIN = "run python -m esaws.dev policies"


@pytest.fixture(params=names())
def runbook_of_catalogue(request: pytest.FixtureRequest) -> Runbook:
    return read_runbook(CATALOGUE / f"{request.param}.ipynb")


def test_each_runbook_has_a_policy_that_its_head_describes(runbook_of_catalogue: Runbook) -> None:
    assert policy_file(runbook_of_catalogue.path).exists(), RUN_AGAIN
    document = runbook_policy(runbook_of_catalogue.path)
    actions = allowed_actions(document)
    assert [action for action in actions if not re.fullmatch(r"[a-z][a-z0-9-]+:[A-Z]\w+", action)] == []
    assert document == policy_document(actions), RUN_AGAIN
    operations = operations_of(runbook_of_catalogue.path)
    assert set(changing_actions(actions_of(operations))) - actions == set(), RUN_AGAIN
    assert sentence(runbook_of_catalogue.name, document) in head_of(runbook_of_catalogue.path), RUN_AGAIN


def test_a_looking_runbook_may_change_nothing_and_a_changing_one_something(runbook_of_catalogue: Runbook) -> None:
    changing = changing_actions(allowed_actions(runbook_policy(runbook_of_catalogue.path)))
    assert bool(changing) is runbook_of_catalogue.changes, changing
    assert runbook_of_catalogue.changes is ("ssm:PutParameter" in changing), "what changes something takes the lock"


def test_every_policy_is_of_a_runbook() -> None:
    assert [file.name for file in (CATALOGUE / "policies").iterdir() if file.stem not in names()] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_runbook_that_does_what_a_command_does_may_do_no_less(name: str) -> None:
    assert allowed_actions(policy_of(COMMANDS[name])) <= allowed_actions(runbook_policy(CATALOGUE / f"{name}.ipynb"))


def test_the_deploy_runbook_needs_what_the_command_of_its_name_needs() -> None:
    missing = allowed_actions(runbook_policy(CATALOGUE / "deploy.ipynb")) - allowed_actions(policy_of("deploy"))
    assert missing == set(), "`esaws policy deploy` prints the policy of the command"


# -- how they are made ---------------------------------------------------------------------------------------------


def record(*actions: str, runbook: str = "cost_report") -> dict[str, Any]:
    return {"runbook": runbook, "notebook": str(CATALOGUE / f"{runbook}.ipynb"), "actions": list(actions)}


def test_a_call_that_the_policy_does_not_allow_fails_the_test_of_a_runbook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LEDGER, raising=False)
    check_run(record("ce:GetCostAndUsage", "sts:GetCallerIdentity"))
    with pytest.raises(AssertionError, match=r"cost_report: its policy lacks \['elasticloadbalancing:DescribeRules'\]"):
        check_run(record("elbv2:DescribeRules"))
    check_run(record("elbv2:DescribeRules", runbook="of_a_test"))


def test_the_ledger_has_the_actions_of_all_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(LEDGER, str(tmp_path / "ledger"))
    check_run(record("elbv2:DescribeRules"))
    check_run(record("s3:HeadBucket", "sts:GetCallerIdentity"))
    ledger = read_ledger(tmp_path / "ledger")
    assert ledger == {"cost_report": {"elasticloadbalancing:DescribeRules", "s3:ListBucket"}}


def test_what_depends_on_what_exists_is_added() -> None:
    runway = needed_actions("credit_runway", ["ec2:DescribeVpcs"], changes=False)
    assert runway == {"ec2:DescribeVpcs"} | SOMETIMES["credit_runway"]
    scale = needed_actions("scale_a_service", ["ecs:RunTask"], changes=True)
    assert scale >= {"ecs:RunTask", "ecs:TagResource"} | allowed_actions(policy_of("inventory"))
    assert "rds:CreateDBInstance" in needed_actions("deploy", [], changes=True)


def test_a_branch_that_no_test_takes_needs_its_permission_too(tmp_path: Path) -> None:
    assert "elbv2:SetSubnets" in operations_of(CATALOGUE / "drain_a_zone.ipynb")
    assert "rds:StopDBInstance" in operations_of(CATALOGUE / "park_and_resume.ipynb")
    assert operations_of(CATALOGUE / "status.ipynb") == set()
    tree = ast.parse(
        "def change(cloud):\n"
        "    ecs, name = cloud.client('ecs'), 'x'\n"
        "    ecs.update_service(); ecs.describe_services; cloud.client('elbv2').add_tags()\n"
        "    rds = cloud.client('rds'); call(rds.stop_db_instance)\n"
        "    VPC.delete(cloud, live); other.delete_tags()\n"
        "    return Fix('x', (('ec2', 'RevokeSecurityGroupIngress', {}), ('a', 'b')))\n"
    )
    assert {f"{service}:{operation}" for service, operation in calls_in(tree)} == {
        "ecs:UpdateService",
        "ecs:DescribeServices",
        "elbv2:AddTags",
        "rds:StopDBInstance",
        "ec2:DeleteVpc",
        "ec2:RevokeSecurityGroupIngress",
    }


def test_a_policy_separates_reads_from_changes() -> None:
    document = policy_document(["ssm:PutParameter", "ec2:DescribeVpcs", "cloudtrail:LookupEvents"])
    assert [(part["Sid"], part["Action"]) for part in document["Statement"]] == [
        ("Read", ["cloudtrail:LookupEvents", "ec2:DescribeVpcs"]),
        ("Change", ["ssm:PutParameter"]),
    ]
    assert [part["Sid"] for part in policy_document(["ec2:DescribeVpcs"])["Statement"]] == ["Read"]


def test_the_sentence_in_a_head_is_replaced_or_added() -> None:
    text = sentence("status", policy_document(["ec2:DescribeVpcs"]))
    assert text == "Its IAM policy: `esaws policy status`, 1 action, all of which read."
    assert with_sentence("# Status\n\nShows.", text) == f"# Status\n\nShows.\n\n{text}"
    old = "It leaves nothing. Its IAM policy: `esaws policy status`,\n9 actions.\n\nMore."
    assert with_sentence(old, text) == f"It leaves nothing. {text}\n\nMore."
    assert sentence("park", policy_document(["ecs:UpdateService", "ssm:PutParameter"])).endswith(
        "2 actions. These change something: `ecs:UpdateService`, `ssm:PutParameter`."
    )
    many = policy_document(f"ec2:Create{letter}" for letter in "ABCDEFGHIJKLM")
    assert sentence("deploy", many).endswith("13 actions, of which 13 change something.")


# -- esaws policy --------------------------------------------------------------------------------------------------


def test_the_policy_of_a_runbook_is_printed_by_name_and_by_path(esaws: Shell) -> None:
    by_name = json.loads(esaws("policy", "cost_report"))
    assert by_name == json.loads(esaws("policy", str(CATALOGUE / "cost_report.ipynb"), "--json"))
    assert "ce:GetCostAndUsage" in allowed_actions(by_name)


def test_a_command_goes_before_a_runbook_of_its_name(esaws: Shell) -> None:
    assert json.loads(esaws("policy", "deploy")) == policy_of("deploy")


def test_what_has_no_policy_is_refused(esaws: Shell, tmp_path: Path) -> None:
    assert "'no-such' has no policy. Choose a command (cost, " in esaws("policy", "no-such", code=2)
    assert "--profile applies to plan and deploy" in esaws("policy", "cost_report", "--profile", "ha", code=2)
    own = tmp_path / "own.ipynb"
    own.write_bytes(find_runbook("cost_report").read_bytes())
    with pytest.raises(UsageError, match="the runbook has no policy"):
        runbook_policy(own)
