"""Isolate tests and notebooks: loopback network only, no AWS settings of the user, a state folder of their own."""

import gc
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from esaws.course.clock import CLOCK_ENV
from esaws.course.worlds import stop_all
from esaws.errors import EsawsError
from esaws.local_aws import process
from esaws.notebooks import KERNEL_ENV, kernel_sockets

# A copy of this file, beside a notebook elsewhere, finds the guard by the PYTHONPATH of the test that made it.
sys.path.insert(0, str(Path(__file__).parent / "tests" / "loopback_only"))
import network_guard

NOW = "2026-11-10T08:00Z"
"""When the clock of a local AWS starts in tests: bills, forecasts and budgets depend on the day of the month.

`ESAWS_AT=2028-02-29T23:50Z make test` runs them on another day.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Set up each process, including xdist's workers, before tests are collected."""
    gc.set_threshold(100_000, 20, 100)  # the models of AWS's services and the tests live to the end of the process
    scratch = tempfile.TemporaryDirectory(prefix="esaws-tests-", ignore_cleanup_errors=True)
    now = os.environ.get("ESAWS_AT", NOW)
    for name in [name for name in os.environ if name.startswith(("AWS_", "ESAWS_"))]:
        del os.environ[name]
    root = Path(scratch.name)
    os.environ |= {
        "AWS_CONFIG_FILE": str(root / "no-aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(root / "no-aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "ESAWS_AT": now,
        "ESAWS_STATE": str(root / "state"),
        "ESAWS_RUNS": str(root / "runs"),
        "ESAWS_PORT": "0",
        "TMPDIR": str(root),  # killed subprocesses leave their files there
        network_guard.VARIABLE: str(root / "network.log"),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(network_guard.FOLDER), os.environ.get("PYTHONPATH")))),
        **KERNEL_ENV,
    }
    (root / "state").mkdir()
    network_guard.install()
    config.pluginmanager.register(NbvalPlugin())
    config.add_cleanup(lambda: clean_up(scratch))


def clean_up(scratch: tempfile.TemporaryDirectory[str]) -> None:
    """Stop the local AWS that tests or notebooks of this process started, and remove its folder."""
    if any(Path(scratch.name, "state").iterdir()):
        stop_local_aws()
    scratch.cleanup()


def stop_local_aws() -> None:
    with suppress(EsawsError):
        process.stop(discard=True)


class NbvalPlugin:
    """Make nbval ignore standard error, follow updated displays, and start each notebook on a fresh local AWS.

    It is a plugin because pytest calls the hooks of a conftest.py only for files below its folder.
    """

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        if hasattr(collector, "skip_compare") and hasattr(collector, "get_kernel_message"):
            collector.skip_compare += ("stderr",)
            collector.get_kernel_message = following_updates(collector.get_kernel_message)
            on_fresh_local_aws(collector)


def on_fresh_local_aws(notebook: Any) -> None:
    """Run a notebook on a local AWS without resources, with the clock of the course."""
    import nbval.kernel
    from jupyter_client.manager import KernelManager

    setup, teardown, before = notebook.setup, notebook.teardown, dict[str, str | None]()

    def begin() -> None:
        folder = tempfile.mkdtemp(dir=Path(os.environ["ESAWS_STATE"]).parent)
        nbval.kernel.KernelManager = partial(KernelManager, **kernel_sockets(folder))
        own = {"ESAWS_STATE": str(Path(folder, "state")), **CLOCK_ENV}
        before.update({name: os.environ.get(name) for name in own})
        os.environ.update(own)
        setup()

    def end() -> None:
        teardown()
        stop_all()
        stop_local_aws()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value

    notebook.setup, notebook.teardown = begin, end


def following_updates(get_message: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap nbval's `get_message`: an update of a display changes the display instead of being dropped."""
    from nbformat import NotebookNode

    shown: dict[str, list[NotebookNode]] = {}

    def get(timeout: float | None = None, stream: str = "iopub") -> Any:
        while True:
            message = get_message(timeout=timeout, stream=stream)
            content = message["content"]
            display = (content.get("transient") or {}).get("display_id")
            if display is None or "data" not in content:
                return message
            for data in shown.get(display, []):
                data.clear()
                data.update(content["data"])
            if message["msg_type"] != "update_display_data":
                content["data"] = NotebookNode(content["data"])
                shown.setdefault(display, []).append(content["data"])
                return message

    return get
