"""A run: parameters are validated first, steps need the steps before them, and the record says what happened."""

import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from esaws.deploy.lock import break_lock
from esaws.deploy.lock_record import LockRecord
from esaws.deploy.plan import Plan
from esaws.leases.park import plan_park, plan_resume
from esaws.runbooks import approval
from esaws.runbooks.pytest_plugin import RunbookTester

PARAMETERS = """operator: "Text" = ""  # who
reason: "Text" = ""  # why
secret: "Secret" = ""  # its name
hours: "Between[1, 48]" = 8  # how long
notify: "Notification" = ""  # where
dry_run: "DryRun" = "auto"  # change nothing
approve: "Fingerprint" = ""  # of the plan
"""
PARK = [
    ("parameters", PARAMETERS),
    ("", "from esaws import runbooks\nfrom esaws.leases.park import plan_park\n"
         "from tests.runbooks.test_run import account_of, is_parked\nrun = runbooks.begin()"),
    ("account", "run.account()"),
    ("look", "run.look(account_of)"),
    ("plan", "run.plan(plan_park)"),
    ("act", "run.act()"),
    ("verify", "run.verify(is_parked)"),
    ("left", "run.left(account_of)"),
    ("result", "run.result()"),
]  # fmt: skip


def account_of(cloud):
    return {"account": cloud.account}


def is_parked(cloud):
    from esaws.runbooks import Check

    steps = plan_park(cloud).steps
    return [Check("everything is parked", not steps, f"{len(steps)} resources run", "run it again")]


@pytest.fixture
def write(tmp_path):
    def to_file(cells, name="park.ipynb") -> Path:
        nb = new_notebook(metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python"}})
        nb.cells = [new_code_cell(source, metadata={"tags": [tag] if tag else []}) for tag, source in cells]
        nbformat.write(nb, tmp_path / name)
        return tmp_path / name

    return to_file


@pytest.fixture
def small(runbook: RunbookTester) -> RunbookTester:
    """A runbook tester with a small deployed system."""
    runbook.deploy("ha", services=("client-web-ui",))
    return runbook


def test_a_run_changes_what_it_planned_and_the_next_one_has_nothing_to_do(small, write):
    park = write(PARK)
    first = small.run(park, reason="night", operator="eve")
    assert (first.status, first.exit_code) == ("done", 0)
    assert first.record["counts"] == {"planned": 2, "done": 2, "checks_passed": 1, "checks_failed": 0}
    assert [step["step"] for step in first.record["steps"]] == ["account", "look", "plan", "act", "verify", "left"]
    assert (first.record["operator"], first.record["reason"]) == ("eve", "night")
    assert first.record["usd"]["month_after"] < first.record["usd"]["month_before"]
    changed = {(row["kind"], row["field"]): row["after"] for row in first.record["changed"]}
    assert changed["AutoScalingGroup", "minimum"] == 0
    second = small.run(park)
    assert (second.status, second.record["changing_calls"], second.record["changed"]) == ("nothing_to_do", 0, [])


def test_a_dry_run_changes_nothing_and_says_what_it_planned(small, write):
    result = small.run(write(PARK), dry_run="true")
    assert (result.status, result.exit_code, result.record["changing_calls"]) == ("planned", 0, 0)
    assert len(result.record["plans"][0]["changes"]) == 2 and "Dry run" in result.printed


BAD = [
    ({"hours": 99}, "hours=99: it takes a whole number from 1 to 48"),
    ({"hours": "soon"}, "hours='soon': it takes a whole number from 1 to 48"),
    ({"dry_run": "maybe"}, "dry_run='maybe': it takes"),
    ({"reason": 7}, "-r reason TEXT"),
    ({"secret": "hunter2!"}, "never its value"),
    ({"reasn": "x"}, "unknown parameter reasn; choose from operator, reason"),
    ({"approve": "yes"}, "approve='yes': it takes the fingerprint of a plan"),
]


@pytest.mark.parametrize(
    ("given", "message"), BAD, ids=[next(iter(given)) + str(n) for n, (given, _) in enumerate(BAD)]
)
def test_a_bad_parameter_ends_the_run_before_any_call(runbook, write, given, message):
    result = runbook.run(write(PARK), **given)
    assert result.exit_code == 2 and result.record["calls"] == 0
    assert message in str(result.error)
    assert "hunter2!" not in json.dumps(result.record) + result.printed


GATES = [
    ("look", "account"),
    ("plan", "look"),
    ("act", "plan"),
]


@pytest.mark.parametrize(("step", "needed"), GATES, ids=[step for step, _ in GATES])
def test_a_step_is_refused_until_the_step_before_has_succeeded(runbook, write, step, needed):
    result = runbook.run(write([cell for cell in PARK if cell[0] != needed]))
    assert (result.status, result.exit_code, result.record["changing_calls"]) == ("refused", 3, 0)
    assert f"{step}: nothing was changed: the step '{needed}' has not succeeded" in str(result.error)


def test_the_next_plan_needs_the_verification_of_the_last_act(small, write):
    again = [("plan", "run.plan(plan_resume)"), ("act", "run.act()")]
    cells = [cell for cell in PARK if cell[0] not in ("verify", "left", "result")]
    cells[1] = ("", cells[1][1].replace("plan_park", "plan_park, plan_resume"))
    result = small.run(write(cells + again))
    assert result.status == "refused" and "the last act is not verified" in str(result.error)
    assert plan_resume(small.cloud).steps, "it stays parked"


def test_a_check_that_fails_or_is_unknown_fails_the_run_and_names_the_next_step(small, write):
    check = "runbooks.Check('tasks run', None, 'access denied', 'allow ecs:ListTasks')"
    cells = [("verify", f"run.verify(lambda cloud: [{check}])")
             if cell[0] == "verify" else cell for cell in PARK]  # fmt: skip
    result = small.run(write(cells))
    assert (result.status, result.exit_code) == ("failed", 1)
    error = result.record["error"]
    assert (error["step"], error["resource"], error["next_step"]) == ("verify", "tasks run", "allow ecs:ListTasks")
    assert "unknown (access denied)" in error["cause"]


def test_a_plan_that_changes_before_it_acts_is_refused(small, write):
    small.before_step["act"] = lambda: stop_service(small.cloud)
    result = small.run(write(PARK))
    assert (result.status, result.record["error"]["code"]) == ("failed", "StalePlan")
    assert "Service client-web-ui: 1 tasks, scaled from 2 to 4 → 0" in str(result.error)
    assert not result.record["plans"][0]["done"]


def stop_service(cloud):
    cluster = cloud.aws_name("client-web-ui-cluster")
    cloud.client("ecs").update_service(cluster=cluster, service=cloud.aws_name("client-web-ui"), desiredCount=1)


def test_parameters_are_checked_where_the_client_keeps_no_history(runbook):
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(user_ns={})
    try:
        shell.run_cell('port: "Port" = 0')
        result = shell.run_cell("from esaws import runbooks; runbooks.check_parameters()")
    finally:
        InteractiveShell.clear_instance()
    assert "port=0: it takes a port" in str(result.error_in_exec)


def test_an_error_of_any_cell_is_recorded(runbook, write):
    result = runbook.run(write([*PARK[:4], ("", "1 / 0")]))
    assert (result.status, result.record["error"]["code"]) == ("failed", "ZeroDivisionError")


# -- approval --------------------------------------------------------------------------------------------------------


@pytest.fixture
def on_aws(small, monkeypatch):
    """The same local AWS, in the role of AWS: changes need approval there."""
    from esaws.cloud import Cloud

    monkeypatch.setattr(Cloud, "is_aws", property(lambda cloud: True))
    monkeypatch.setattr(Plan, "apply", lambda plan, yes: pytest.fail("it must not reach AWS"))
    monkeypatch.setattr(Cloud, "_make_client", _client_of_local(Cloud._make_client))
    return small


def _client_of_local(make):
    def make_client(cloud, service):
        cloud.__class__ = type("LocalCloud", (cloud.__class__,), {"is_aws": False})
        try:
            return make(cloud, service)
        finally:
            cloud.__class__ = cloud.__class__.__mro__[1]

    return make_client


def fingerprint_of(result):
    return result.record["plans"][0]["fingerprint"]


def test_on_aws_a_run_is_dry_until_its_plan_is_approved_and_then_acts(on_aws, write):
    park = write(PARK)
    shown = on_aws.run(park)
    assert (shown.status, shown.record["changing_calls"]) == ("planned", 0)
    assert f"-p approve {fingerprint_of(shown)}" in shown.printed
    done = on_aws.run(park, approve=fingerprint_of(shown))
    assert (done.status, done.record["plans"][0]["approved"]) == ("done", fingerprint_of(shown))


def test_without_approval_an_act_on_aws_is_refused_with_the_fingerprint(on_aws, write):
    result = on_aws.run(write(PARK), dry_run="false")
    assert (result.status, result.exit_code, result.record["changing_calls"]) == ("awaiting_approval", 3, 0)
    assert fingerprint_of(result) in str(result.error)


@pytest.mark.runbooks
def test_a_scheduler_approves_any_plan_by_its_environment(on_aws, write, monkeypatch):
    monkeypatch.setenv("ESAWS_YES", "1")
    assert on_aws.run(write(PARK)).status == "planned", "auto stays a dry run"
    result = on_aws.run(write(PARK), dry_run=False)
    assert (result.status, result.record["plans"][0]["approved"]) == ("done", "ESAWS_YES")


@pytest.mark.parametrize("what", ["plan", "parameters", "notebook", "time"])
def test_an_approval_is_of_one_plan_with_its_parameters_and_notebook_for_an_hour(on_aws, write, monkeypatch, what):
    approved = fingerprint_of(on_aws.run(write(PARK)))
    parameters, cells = {}, list(PARK)
    if what == "plan":
        stop_service(on_aws.cloud)
    elif what == "parameters":
        parameters["hours"] = 9
    elif what == "notebook":
        cells[3] = ("look", "run.look(account_of)  # changed")
    else:
        monkeypatch.setattr(approval, "datetime", FarFuture)
        monkeypatch.setattr("esaws.runbooks.run.datetime", FarFuture)
    result = on_aws.run(write(cells), approve=approved, **parameters)
    assert (result.status, result.exit_code, result.record["changing_calls"]) == ("refused", 3, 0)
    assert ("expired" if what == "time" else "of another plan") in str(result.error)


class FarFuture(approval.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + 2 * approval.VALID_FOR


@pytest.mark.runbooks
def test_the_rest_of_an_approved_plan_may_act_after_an_interruption(on_aws, write):
    park = write(PARK)
    shown = on_aws.run(park)
    (on_aws.folder / "shown.json").write_text(json.dumps(shown.record), encoding="utf-8")
    plan_park(on_aws.cloud).steps[0].act()
    result = on_aws.run(park, approve=fingerprint_of(shown))
    assert (result.status, result.record["counts"]["done"]) == ("done", 1)


@pytest.mark.runbooks
def test_a_deployment_that_another_process_changes_is_not_changed(small, write):
    other = LockRecord.of_this_process("deploy")
    other = replace(other, user="ann", host="web1", machine="another", pid=77)
    name = f"/{small.cloud.deployment}/lock"
    put = small.cloud.client("ssm").put_parameter
    small.before_step = {"act": lambda: put(Name=name, Type="String", Value=other.to_json())}
    result = small.run(write(PARK))
    assert (result.status, result.exit_code, result.record["changed"]) == ("refused", 3, [])
    error = result.record["error"]
    assert (error["step"], error["code"]) == ("act", "Locked")
    assert "is locked by ann on web1 (process 77): deploy, since " in error["cause"]
    assert error["next_step"].startswith("run it again when that is done. ")
    assert "`esaws lock --break` removes it" in error["next_step"]
    break_lock(small.cloud)
    small.before_step = {}
    assert small.run(write(PARK)).status == "done"
