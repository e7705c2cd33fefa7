"""Every runbook on the profiles ha and budget: once and again, dry, throttled, failing, and in real processes.

Run with `make test-runbooks`.
"""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.clock import CLOCK_ENV
from esaws.deploy.serving import wait_until_serving
from esaws.local_aws import control
from esaws.notebooks.steps import STEPS
from esaws.runbooks.declaration import read_declaration
from esaws.runbooks.difference import compare_runs
from esaws.runbooks.history import PastRun
from esaws.runbooks.pytest_plugin import RunbookResult, RunbookTester
from tests.runbooks.cases import PROFILES, RUNBOOKS, SERVICES, described, prepare
from tests.runbooks.values import as_text

pytestmark = pytest.mark.runbooks

NAMES = list(RUNBOOKS)
COMMON = ("operator", "ticket", "reason", "account", "region", "deployment", "notify")
ACCOUNT = "123456789012"
each_runbook = pytest.mark.parametrize("name", NAMES)
each_profile = pytest.mark.parametrize("profile", PROFILES)

System = Callable[[str], Cloud]


@pytest.fixture
def system(runbook: RunbookTester, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> System:
    """Return `load(profile) -> Cloud`: two services of the profile that have served for a day. Workers share it."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent

    def load(profile: str) -> Cloud:
        file = folder / f"aged-{profile}.esaws"
        with FileLock(f"{file}.lock"):
            if not file.exists():
                cloud = runbook.deploy(profile, services=SERVICES)
                assert wait_until_serving(cloud) == []
                simulation.advance(cloud, "25h")
                file.write_bytes(control.exchange(runbook.endpoint, "GET", "save"))
        return runbook.load(file, ACCOUNT)

    return load


# -- once and again, and dry ---------------------------------------------------------------------------------------


@each_profile
@each_runbook
def test_a_run_does_its_work_a_dry_one_nothing_and_a_second_one_nothing_more(
    runbook: RunbookTester, system: System, name: str, profile: str
) -> None:
    cloud = system(profile)
    parameters = prepare(name, cloud, profile)
    before = described(cloud)
    if not RUNBOOKS[name].changes:
        for _ in range(2):
            run = runbook.run(name, **parameters)
            assert (run.status, run.exit_code, run.record["changing_calls"]) == ("done", 0, 0), run.error
        assert described(cloud) == before
        return
    dry = runbook.run(name, dry_run=True, **parameters)
    assert (dry.status, dry.exit_code, dry.record["changing_calls"]) == ("planned", 0, 0), dry.error
    assert described(cloud) == before
    done = runbook.run(name, **parameters)
    assert (done.status, done.exit_code) == ("done", 0), done.error
    assert done.record["changing_calls"] and done.record["changed"]
    before = described(cloud)
    again = runbook.run(name, **parameters)
    assert (again.status, again.exit_code, again.record["changing_calls"]) == ("nothing_to_do", 0, 0), again.error
    assert described(cloud) == before


# -- every documented value ----------------------------------------------------------------------------------------

TO_BEGIN_WITH: dict[str, dict[str, Any]] = {
    "who_can_reach": {"start": "internet", "destination": "alb/alb", "port": 80}
}
"""Parameters beside a documented value that asks for them."""

REFUSED: dict[tuple[str, str, Any], str] = {
    ("cost_report", "currency", "EUR"): "the bill has no costs in EUR",
    ("cost_report", "currency", "GBP"): "the bill has no costs in GBP",
    ("cost_report", "currency", "CNY"): "the bill has no costs in CNY",
    ("cost_report", "bills", "bills/2026-10.csv"): "bills/2026-10.csv not found",
    ("deploy", "profile", "budget"): "is not in this architecture",
    ("deploy", "profile", "fargate"): "launch_type",
    ("deploy", "services", "cameras-api,client-web-ui"): "is not in this architecture",
    ("find_leftovers", "fail_on", "deployment"): "left: autoscaling:autoScalingGroup",
    ("is_it_answering", "fail_on", "bad"): "nothing runs",
    ("is_it_answering", "fail_on", "unknown"): "nothing runs",
    ("replace_an_instance", "instance", "i-0123456789abcdef0"): "is not an instance of seccom",
    ("security_audit", "fail_on", "high"): "OPEN_ADMIN_PORT",
    ("security_audit", "fail_on", "medium"): "OPEN_ADMIN_PORT",
    ("security_audit", "fail_on", "low"): "OPEN_ADMIN_PORT",
    ("what_changed_since", "fail_on", "change"): "changed",
    ("tear_down", "expected", 0): "resources, not 0",
    ("tear_down", "expected", 3): "resources, not 3",
    ("trace_a_request", "expect", "response"): "the load balancer answers by itself",
    ("who_can_reach", "destination", "internet"): "neither is an interface of this network",
    ("who_can_reach", "expect", "deny"): "allow",
}
"""What a run says of a documented value that this account does not have, or for which it fails as it should."""


@each_runbook
def test_every_documented_value_of_every_parameter_is_run(
    runbook: RunbookTester, system: System, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WEBHOOK", "http://127.0.0.1:9/")  # a notification that fails does not fail the run
    cloud = system("ha")
    base = {**prepare(name, cloud, "ha"), **TO_BEGIN_WITH.get(name, {})}
    dry = {"dry_run": True} if RUNBOOKS[name].changes else {}
    parameters = RUNBOOKS[name].declaration.parameters
    common = {each.name: each.examples[0] for each in parameters[: len(COMMON)]}
    assert tuple(common) == COMMON
    assert runbook.run(name, **base, **dry, **common).exit_code == 0
    for parameter in sorted(parameters[len(COMMON) :], key=lambda each: each.name == "dry_run"):  # it may act
        for value in parameter.examples:
            result = runbook.run(name, **{**base, **dry, parameter.name: value})
            reason = REFUSED.get((name, parameter.name, as_text(value) if isinstance(value, list) else value), "")
            assert (result.exit_code == 0) is (reason == ""), (parameter.name, value, result.error)
            assert reason in str(result.error), (parameter.name, value)


# -- where AWS throttles and fails ---------------------------------------------------------------------------------


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore try again at once."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)


def check_explained(result: RunbookResult) -> None:
    """A run is done, or it failed and says where, with which cause, and what to do next."""
    if result.exit_code == 0:
        assert result.status in ("done", "nothing_to_do")
        return
    error = result.record["error"]
    assert (result.status, result.exit_code) == ("failed", 1), result.error
    assert error["step"] in STEPS and error["resource"] and error["cause"] and error["next_step"], error
    assert result.record["steps"][-1]["status"] == "failed"


@each_runbook
def test_a_throttled_run_is_done_or_says_why_not_and_the_next_one_completes_it(
    runbook: RunbookTester, system: System, no_backoff: None, name: str
) -> None:
    profile = PROFILES[NAMES.index(name) % 2]
    cloud = system(profile)
    parameters = prepare(name, cloud, profile)
    simulation.fault(cloud, "throttle", probability=0.2, seed=3)
    check_explained(runbook.run(name, **parameters))
    simulation.no_faults(cloud)
    completed = runbook.run(name, **parameters)
    assert completed.status in ("done", "nothing_to_do"), completed.error


@each_runbook
def test_a_step_in_which_aws_fails_says_so_and_the_next_run_completes_it(
    runbook: RunbookTester, system: System, no_backoff: None, name: str
) -> None:
    profile = PROFILES[(NAMES.index(name) + 1) % 2]
    cloud = system(profile)
    parameters = prepare(name, cloud, profile)
    for step in ("account", "look", "plan", "act", "verify", "left"):
        runbook.before_step = {
            step: lambda: simulation.fault(cloud, "internal-error", count=60, probability=0.9, seed=1)
        }
        result = runbook.run(name, **parameters)
        simulation.no_faults(cloud)
        check_explained(result)
    runbook.before_step = {}
    completed = runbook.run(name, **parameters)
    assert completed.status in ("done", "nothing_to_do"), completed.error


# -- in real processes ---------------------------------------------------------------------------------------------


def run_papermill(runbook: RunbookTester, name: str, parameters: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
    """Run papermill's command line alone. Returns its exit code, the record, and what it printed."""
    folder = runbook.folder / "papermill"
    words = [word for key, value in parameters.items() for word in ("-p", key, as_text(value))]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", str(RUNBOOKS[name].path), str(runbook.folder / "out.ipynb"), *words],
        env={**os.environ, **runbook.environment(), "ESAWS_RUNS": str(folder)},
        cwd=runbook.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    records = [json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")]
    return done.returncode, records[0] if len(records) == 1 else {}, done.stdout + done.stderr


_OF_A_RUN = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)?"  # a time
    r"|\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    r"|\bi-[0-9a-f]{17}\b|\b10\.\d+\.\d+\.\d+\b|\b[0-9a-f]{32}\b"  # an instance, its address, a task
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)


def is_of_time(first: Any, second: Any) -> bool:
    """Whether two values differ only by times, by what follows the clock, and by ids that AWS makes up."""
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.isclose(first, second, rel_tol=0.02, abs_tol=0.02)
    texts = [_OF_A_RUN.sub("…", json.dumps(value, default=str)) for value in (first, second)]
    return texts[0] == texts[1]


@pytest.mark.parametrize(("name", "profile"), [(name, PROFILES[index % 2]) for index, name in enumerate(NAMES)])
def test_papermill_alone_and_esaws_run_have_the_same_result(
    runbook: RunbookTester, system: System, name: str, profile: str
) -> None:
    parameters = prepare(name, system(profile), profile)
    code, record, printed = run_papermill(runbook, name, parameters)
    assert code == 0, printed
    assert prepare(name, system(profile), profile) == parameters
    result = runbook.run_process(name, **{key: as_text(value) for key, value in parameters.items()})
    assert result.exit_code == 0, result.printed
    difference = compare_runs(PastRun("papermill", record), PastRun("esaws", result.record))
    assert [row for row in difference.rows if not is_of_time(*row[2:])] == []
    assert Path(record["notebook"]) == Path(result.record["notebook"]) == RUNBOOKS[name].path
    assert Path(record["output"]).is_file() and Path(result.record["output"]).is_file()


# -- the documented values of the other notebooks ------------------------------------------------------------------

ANSWERS = {("source", "bills/2026-10.csv"): "not found", ("currency", "EUR"): "EUR"}
"""What papermill prints of documented values that the bill of the notebook does not have; it exits with 1."""


def other_values() -> list[Any]:
    """The documented values that are not the default, with which `make test` runs each notebook."""
    return [
        pytest.param(path, parameter.name, value, id=f"{path.stem}-{parameter.name}-{value}")
        for folder in ("course", "costs")
        for path in sorted((RUNBOOKS["status"].path.parents[1] / folder).glob("*.ipynb"))
        for parameter in read_declaration(path).parameters
        for value in parameter.examples
        if value != parameter.default
    ]


@pytest.mark.parametrize(("path", "parameter", "value"), other_values())
def test_every_documented_value_of_a_course_notebook_is_run_by_papermill(
    tmp_path: Path, path: Path, parameter: str, value: Any
) -> None:
    own = {"ESAWS_STATE": str(tmp_path / "state"), "ESAWS_RUNS": str(tmp_path / "runs"), "ESAWS_PORT": "0"}
    env = {**os.environ, **CLOCK_ENV, **own}
    words = ["--cwd", str(path.parent), str(path), str(tmp_path / "out.ipynb"), "-p", parameter, str(value)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "papermill", *words], env=env, capture_output=True, text=True, check=False
        )
    finally:
        stop = [sys.executable, "-m", "esaws.cli", "local", "stop", "--discard"]
        subprocess.run(stop, env=env, capture_output=True, check=False)
    answer = ANSWERS.get((parameter, value), "")
    assert done.returncode == bool(answer), done.stderr[-3000:]
    assert answer in done.stderr
