"""Hygiene for tests and notebooks: no network but loopback, no AWS settings of the user's, state in its own folder."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from esaws.course.run import CLOCK
from esaws.notebooks import KERNEL_ENV, kernel_sockets


class NetworkRefused(RuntimeError):
    """A test tried to leave this machine."""


def is_loopback(host: object) -> bool:
    """Whether a host, as given to a socket call, is this machine itself; None and "" stand for any local address."""
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in {"", "localhost"} or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback or ip_address(name).is_unspecified
    except ValueError:
        return False


def refuse_the_network(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: nothing in this process, and no library, gets past it; Unix sockets and ZeroMQ don't come by."""
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if not is_loopback(host):
        raise NetworkRefused(f"a test tried to reach {host}: tests may talk to this machine alone")


def pytest_configure(config: pytest.Config) -> None:
    """Once in each process, xdist's workers included, before anything is collected."""
    scratch = tempfile.TemporaryDirectory(prefix="esaws-tests-", ignore_cleanup_errors=True)
    for name in [name for name in os.environ if name.startswith(("AWS_", "ESAWS_"))]:
        del os.environ[name]
    root = Path(scratch.name)
    os.environ |= {
        "AWS_CONFIG_FILE": str(root / "no-aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(root / "no-aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "ESAWS_STATE": str(root / "state"),
        "ESAWS_RUNS": str(root / "runs"),
        "ESAWS_PORT": "0",
        "TMPDIR": str(root),  # of processes begun here: those that are killed leave theirs
        **KERNEL_ENV,
    }
    (root / "state").mkdir()
    sys.addaudithook(refuse_the_network)
    config.pluginmanager.register(NbvalManners())
    config.add_cleanup(lambda: leave_nothing(scratch))


def leave_nothing(scratch: tempfile.TemporaryDirectory[str]) -> None:
    """Stop the local AWS that a test or a notebook of this process started, then remove its folder."""
    if any(Path(scratch.name, "state").iterdir()):
        stop_the_local_aws()
    scratch.cleanup()


def stop_the_local_aws() -> None:
    stop = [sys.executable, "-m", "esaws.local_aws", "stop", "--discard"]
    subprocess.run(stop, check=False, capture_output=True, timeout=30)


class NbvalManners:
    """Teaches nbval what is no part of a notebook's committed outputs, displays that are updated, and a clean start.

    A plugin of its own because pytest asks a conftest.py only about files beside it, and the notebooks are elsewhere.
    """

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        if hasattr(collector, "skip_compare") and hasattr(collector, "get_kernel_message"):
            collector.skip_compare += ("stderr",)
            collector.get_kernel_message = with_updates(collector.get_kernel_message)
            with_a_local_aws_of_its_own(collector)


def with_a_local_aws_of_its_own(notebook: Any) -> None:
    """Let a notebook find no other's resources, and the time of day at which the course begins."""
    import nbval.kernel
    from jupyter_client.manager import KernelManager

    setup, teardown, before = notebook.setup, notebook.teardown, dict[str, str | None]()

    def begin() -> None:
        folder = tempfile.mkdtemp(dir=Path(os.environ["ESAWS_STATE"]).parent)
        nbval.kernel.KernelManager = partial(KernelManager, **kernel_sockets(folder))
        own = {"ESAWS_STATE": str(Path(folder, "state")), **CLOCK}
        before.update({name: os.environ.get(name) for name in own})
        os.environ.update(own)
        setup()

    def end() -> None:
        teardown()
        stop_the_local_aws()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value

    notebook.setup, notebook.teardown = begin, end


def with_updates(get_message: Callable[..., Any]) -> Callable[..., Any]:
    """nbval's way to get a kernel's message, where an update changes what was displayed instead of being lost."""
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
