"""A run killed in any of its steps, with its kernel: the same line again completes it, with no twin and no orphan.

Run with `make test-runbooks`.
"""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.lock import read_lock
from esaws.deploy.plan import plan_deploy
from esaws.inspect.account import snapshot
from esaws.reference.seccom import seccom
from esaws.runbooks.pytest_plugin import RunbookTester
from tests.runbooks.cases import RUNBOOKS, SERVICES, prepare
from tests.runbooks.proxy import Proxy, Request, proxy
from tests.runbooks.test_matrix import System, system
from tests.runbooks.values import as_text

__all__ = ["system"]

pytestmark = [
    pytest.mark.runbooks,
    pytest.mark.skipif(os.name != "posix", reason="it is SIGKILL"),
]

PROFILE = "budget"
each_changing_runbook = pytest.mark.parametrize("name", [name for name in RUNBOOKS if RUNBOOKS[name].changes])


@pytest.fixture
def hooks(runbook: RunbookTester) -> Iterator[Proxy]:
    with proxy(runbook.endpoint) as hooks:
        yield hooks


def running_step(record: Path) -> str:
    """The step that runs now, as the record says; empty between two steps."""
    try:
        steps = json.loads(record.read_text(encoding="utf-8"))["steps"]
    except (OSError, ValueError):
        return ""
    return str(steps[-1]["step"]) if steps and steps[-1]["status"] == "running" else ""


class Line:
    """One command line of a run, started as often as needed, through a proxy."""

    def __init__(self, runbook: RunbookTester, hooks: Proxy, name: str, parameters: dict[str, Any]) -> None:
        self.words = [word for key, value in parameters.items() for word in ("-p", key, as_text(value))]
        self.runbook, self.hooks, self.name = runbook, hooks, name

    def run(self, stop: Callable[[str, Request], bool] = lambda step, request: False) -> tuple[int, dict[str, Any]]:
        """Run it. Once AWS has answered a request for which `stop(step, request)` holds, runner and kernel are killed.

        Returns the exit code and the record as the run left it.
        """
        out = Path(os.fspath(self.runbook.folder)) / f"out-{len(list(self.runbook.folder.glob('out-*')))}"
        out.mkdir()
        started, lock, killed = threading.Event(), threading.Lock(), False

        def after(request: Request) -> None:
            nonlocal killed
            record = next(out.glob("*.json"), None)
            step = running_step(record) if record else ""
            with lock:
                if step and not killed and stop(step, request):
                    killed = True
                    started.wait()
                    kill(process.pid)

        self.hooks.after = after
        process = subprocess.Popen(
            [sys.executable, "-m", "esaws.cli", "run", self.name, *self.words, "-o", f"{out}/"],
            env={**os.environ, **self.runbook.environment(), "ESAWS_TARGET": self.hooks.url},
            cwd=self.runbook.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.set()
        printed, _ = process.communicate(timeout=600)
        self.hooks.after = lambda request: None
        [file] = out.glob("*.json")
        record = json.loads(file.read_text(encoding="utf-8"))
        assert killed or process.returncode == 0, printed
        return process.returncode, record


def kill(pid: int) -> None:
    """Kill a process and all that it started, as the end of a computer does."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    assert any("ipykernel" in " ".join(each.cmdline()) for each in processes)
    for each in processes:
        each.kill()
    psutil.wait_procs(processes[1:], timeout=10)


def in_step(wanted: str) -> Callable[[str, Request], bool]:
    """Whether a request is made in a step."""
    return lambda step, request: step == wanted


def at_change(number: int) -> Callable[[str, Request], bool]:
    """Whether a request is the changing one of this number in the step `act`, counted from 1."""
    made = 0

    def stop(step: str, request: Request) -> bool:
        nonlocal made
        made += step == "act" and request.changes
        return step == "act" and request.changes and made == number

    return stop


def counts(cloud: Cloud) -> dict[str, Any]:
    """What exists: how many of everything that AWS describes, and the names of the deployment's resources."""
    account = snapshot(cloud)
    described: dict[str, Any] = {key: len(account[key]) for key in account.descriptions}
    described["Instances"] = Counter(raw["State"]["Name"] for raw in account["Instances"])
    return described | {"names": Counter((live.kind, live.name) for live in inventory(cloud))}


def check_taken_over(cloud: Cloud) -> None:
    """The lock is that of a process that is dead, or dies now: a killed kernel needs a moment to end."""
    lock = read_lock(cloud)
    assert lock is not None
    with suppress(psutil.NoSuchProcess):
        psutil.Process(lock.pid).wait(timeout=20)
    assert lock.state == "ended"


@each_changing_runbook
def test_a_run_killed_in_any_step_is_completed_by_the_same_line(
    runbook: RunbookTester, system: System, hooks: Proxy, name: str
) -> None:
    cloud = system(PROFILE)
    parameters = prepare(name, cloud, PROFILE)
    runbook.run(name, dry_run=True, **parameters)  # imports what the next one is measured with
    seen: list[Request] = []
    record = runbook.folder / f"{name}.json"
    hooks.after = lambda request: seen.append(request) if running_step(record) == "act" and request.changes else None
    direct, runbook.endpoint = runbook.endpoint, hooks.url
    whole = runbook.run(name, **parameters)
    runbook.endpoint = direct
    assert whole.status == "done", whole.error
    complete, changes = counts(cloud), len(seen)
    assert changes

    cloud = system(PROFILE)
    assert prepare(name, cloud, PROFILE) == parameters
    line = Line(runbook, hooks, name, parameters)
    for stop in (in_step("look"), in_step("plan"), at_change(1)):
        code, left = line.run(stop)
        assert (code, left["status"], left["exit_code"]) == (-9, "running", None)
    check_taken_over(cloud)
    for step in ("verify", "left"):
        code, left = line.run(in_step(step))
        assert code == -9 and left["steps"][-1]["step"] == step
    code, done = line.run()
    assert (code, done["status"], done["changed"]) == (0, "nothing_to_do", [])
    check_complete(cloud, name, complete)

    for number in sorted({(changes + 1) // 2, changes} - {1}):
        cloud = system(PROFILE)
        prepare(name, cloud, PROFILE)
        code, left = line.run(at_change(number))
        assert (code, left["steps"][-1]["step"]) == (-9, "act")
        check_taken_over(cloud)
        again = runbook.run(name, **parameters)
        assert again.status in ("done", "nothing_to_do"), (number, again.error)
        assert all(check["ok"] for check in again.record["checks"])
        check_complete(cloud, name, complete)


def check_complete(cloud: Cloud, name: str, complete: dict[str, Any]) -> None:
    """The account has what it has after a run that was not killed: nothing twice, nothing left over, no lock."""
    found = counts(cloud)
    assert {key: (found[key], complete[key]) for key in complete if found[key] != complete[key]} == {}
    assert read_lock(cloud) is None
    if name == "deploy":
        plan = plan_deploy(seccom(PROFILE, services=SERVICES), cloud)
        assert {change.action for change in plan} == {"keep"}
