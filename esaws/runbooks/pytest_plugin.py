"""A pytest plug-in: the fixture `runbook` runs a runbook on a local AWS in any state.

    def test_a_second_run_changes_nothing(runbook):
        runbook.deploy("budget")
        assert runbook.run("scale_a_service", service="hdm", desired=2).status == "done"
        assert runbook.run("scale_a_service", service="hdm", desired=2).status == "nothing_to_do"

The cells run in this process, which takes a tenth of the time of a kernel and lets a debugger stop in them.
`runbook.run_process` runs the same notebook with `esaws run`.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from esaws.cloud import Cloud

_SYSTEMS: dict[str, bytes] = {}
"""The saved state of each system that `deploy` has deployed in this process."""
_accounts = count(600_000_000_000)


@dataclass(frozen=True)
class RunbookResult:
    """One run: its record, its exit code, what its cells printed, and the error of the cell that failed."""

    record: dict[str, Any]
    exit_code: int
    printed: str
    error: BaseException | None = None

    @property
    def status(self) -> str:
        """The status in the record."""
        return str(self.record["status"])


@dataclass
class RunbookTester:
    """Runs runbooks on one local AWS, in an account of its own."""

    endpoint: str
    folder: Path
    cloud: Cloud
    before_step: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Functions that `run` calls before the cell of a step: `before_step["act"] = …` changes the account meanwhile."""
    results: list[RunbookResult] = field(default_factory=list)
    """Every run so far."""

    def deploy(self, profile: str, *, services: tuple[str, ...] | None = None) -> Cloud:
        """Deploy a profile, or some services of it, in an emptied local AWS, and return its cloud."""
        from esaws.cloud import Cloud
        from esaws.deploy.plan import plan_deploy
        from esaws.local_aws import control
        from esaws.reference.seccom import seccom

        key = f"{profile} {services}"
        account = "123456789012"
        architecture = seccom(profile, services=services) if services else seccom(profile)
        if key not in _SYSTEMS:
            control.call(self.endpoint, "POST", "reset")
            plan_deploy(architecture, Cloud.at(self.endpoint, account=account)).apply()
            _SYSTEMS[key] = control.exchange(self.endpoint, "GET", "save")
        return self.load(_SYSTEMS[key], account)

    def load(self, state: bytes | Path, account: str) -> Cloud:
        """Load a saved state, such as a file of `esaws local save`, and return the cloud of an account in it."""
        from esaws.cloud import Cloud
        from esaws.local_aws import control

        control.exchange(self.endpoint, "POST", "load", state.read_bytes() if isinstance(state, Path) else state)
        self.cloud = Cloud.at(self.endpoint, account=account)
        return self.cloud

    def run(self, name: str | Path, **parameters: Any) -> RunbookResult:
        """Run the cells of a runbook in this process, with these parameters, until one fails."""
        from esaws.environment import environment_variables

        path = _find(name)
        record = self.folder / f"{path.stem}.json"
        record.unlink(missing_ok=True)
        with environment_variables(
            {**self.environment(), "ESAWS_RUN_RECORD": str(record), "ESAWS_NOTEBOOK": str(path)}
        ):
            printed, error = _run_cells(path, {**parameters}, self.before_step)
        self.results.append(_result(record, printed, error, 0 if error is None else getattr(error, "exit_code", 1)))
        return self.results[-1]

    def run_process(self, name: str | Path, *options: str, **parameters: Any) -> RunbookResult:
        """Run a runbook with `esaws run` in a process of its own. `options` are those of the command."""
        words = [word for key, value in parameters.items() for word in ("-p", key, str(value))]
        done = subprocess.run(
            [sys.executable, "-m", "esaws.cli", "run", str(_find(name)), *words, "--json", *options],
            env={**os.environ, **self.environment()},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        record = json.loads(done.stdout) if done.stdout.strip() else {"status": "failed"}
        self.results.append(RunbookResult(record, done.returncode, done.stdout + done.stderr))
        return self.results[-1]

    def environment(self) -> Mapping[str, str]:
        """The variables that make `esaws` and notebooks use this local AWS and folder."""
        return {
            "ESAWS_TARGET": self.endpoint,
            "ESAWS_ACCOUNT": self.cloud.account,
            "ESAWS_DEPLOYMENT": self.cloud.deployment,
            "ESAWS_REGION": self.cloud.region,
            "ESAWS_RUNS": str(self.folder / "runs"),
        }


@pytest.fixture(scope="session")
def runbook_endpoint() -> str:
    """The URL of the local AWS that runbooks of this process are tested on."""
    from esaws.local_aws import process

    return str(process.start()["url"])


@pytest.fixture
def runbook(runbook_endpoint: str, tmp_path: Path) -> RunbookTester:
    """Run runbooks on a local AWS, at first in an empty account of its own."""
    from esaws.cloud import Cloud

    return RunbookTester(runbook_endpoint, tmp_path, Cloud.at(runbook_endpoint, account=str(next(_accounts))))


def _find(name: str | Path) -> Path:
    from esaws.runbooks.catalogue import find_runbook

    return find_runbook(name).resolve()


def _run_cells(
    path: Path, parameters: Mapping[str, Any], before_step: Mapping[str, Callable[[], None]]
) -> tuple[str, BaseException | None]:
    """Run the code cells in a new IPython shell of this process. Returns what they printed, and the first error."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    InteractiveShell.clear_instance()
    without_history = Config(HistoryManager={"enabled": False})  # its thread would live until the process ends
    shell: Any = InteractiveShell.instance(config=without_history, user_ns={})
    printed = []
    folder = Path.cwd()
    try:
        for cell in cells:
            tags, source = cell["metadata"].get("tags", ()), "".join(cell["source"])
            for step in before_step.keys() & set(tags):
                before_step[step]()
            with capture_output() as captured:
                result = shell.run_cell(source, store_history=True)
                if "parameters" in tags and parameters and result.success:
                    injected = "".join(f"{name} = {value!r}\n" for name, value in parameters.items())
                    result = shell.run_cell(f"# Parameters\n{injected}", store_history=True)
            printed.append(captured.stdout + captured.stderr)
            if error := result.error_before_exec or result.error_in_exec:
                return "".join(printed), error
        return "".join(printed), None
    finally:
        os.chdir(folder)
        InteractiveShell.clear_instance()
        atexit.unregister(shell.atexit_operations)  # it collects garbage for a second, once for each shell


def _result(record: Path, printed: str, error: BaseException | None, exit_code: int) -> RunbookResult:
    data: dict[str, Any] = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {"status": "failed"}
    recorded = data.get("exit_code")
    return RunbookResult(data, exit_code if recorded is None else int(recorded), printed, error)
