"""Start, find and stop the local AWS: one detached server process per user, recorded in the state folder."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from esaws.errors import EsawsError, LocalNotRunning, UsageError
from esaws.files import open_private, write_atomically
from esaws.local_aws import control, control_token, supervision
from esaws.local_aws.state import (
    Server,
    log_file,
    port_file,
    read_server,
    read_snapshot_header,
    server_file,
    snapshot_file,
    start_lock,
    state_folder,
    token_file,
    write_server,
)
from esaws.process_identity import start_of
from esaws.timestamps import parse_timestamp

HOST = "127.0.0.1"
DEFAULT_PORT = 4747
DEFAULT_REGION = "eu-west-3"
DEFAULT_ACCOUNT = "123456789012"

STATUS_TIMEOUT = 3.0
"""Seconds after which a server that does not answer counts as hung."""
START_TIMEOUT = 60.0
STOP_TIMEOUT = 3.0
SAVE_TIMEOUT = 60.0
PORT_TIMEOUT = 1.0

INHERITS_SOCKETS = os.name != "nt"
"""Whether a new process can inherit a listening socket. On Windows the server opens its port itself."""


def start(
    port: int | None = None,
    at: str | None = None,
    provisioning: float | None = None,
    regime: str | None = None,
    plan: str | None = None,
    fresh: bool = False,
    owner: int | None = None,
    run: bool = False,
    intervals: float | None = None,
) -> dict[str, Any]:
    """Start the server unless it runs, with the state it had when it stopped.

    Args:
        port: 0 for any free port, which is that of the last start if it can be; default ESAWS_PORT, or 4747.
        at: where a new clock starts, as an ISO 8601 timestamp (UTC without a zone); default ESAWS_AT, or now.
        provisioning: the fraction of AWS's time that provisioning takes in real time. By default a describe call on a
            resource in transition advances the clock instead.
        regime: the free tier of its accounts: legacy, credits or none.
        plan: free or paid; with credits, free closes the account when they are spent.
        fresh: delete the saved state first.
        owner: the id of a process; a server that is started saves its state and stops when that process has ended.
        run: also start the supervisor, which runs tasks, load balancers and stores as processes.
        intervals: with `run`, the fraction of AWS's time that health checks and deregistration delays take.

    With ESAWS_STILL=1 the clock does not follow real time, so that a run is the same on a slow machine.

    Returns the server's `status()` with `started`, `restored` (the time on the clock of the restored state, or None)
    and `warning` (what was lost, in one line, or None).

    Raises:
        UsageError: the port is taken, a server with other settings runs, the saved state would be ignored, or the
            local AWS is not installed.
        EsawsError: the server did not start; the message holds the end of its log.
    """
    factor = _run_factor(run, intervals)
    options = _server_options(at or os.environ.get("ESAWS_AT") or None, provisioning, regime, plan)
    if owner is not None:
        options += ["--owner", str(owner)]
    with start_lock():
        server = read_server()
        if server and (answer := _query_status(server)):
            settings = {"port": port if port != server.port else None, "at": at, "provisioning": provisioning}
            settings |= {"regime": regime, "plan": plan}
            changed = [f"--{name} {value}" for name, value in settings.items() if value] + ["--fresh"] * fresh
            if changed:
                raise UsageError(
                    f"the local AWS already runs at {server.url}. Stop it with `esaws local stop`, "
                    f"then start it with {' '.join(changed)}."
                )
            if run:
                supervision.start_supervisor(server, factor)
            return {**_status(server, answer), "started": False, "restored": None, "warning": None}
        _discard_snapshot(fresh, {"at": at, "regime": regime, "plan": plan})
        if server:
            _terminate(server, gracefully=False)
        crashed = None if fresh else server
        supervision.stop_supervisor()  # that of a server that has ended
        server, answer = _launch(_default_port() if port is None else port, options)
        if run:
            supervision.start_supervisor(server, factor)
        restored = answer["restored"]
        outcome = {"restored": restored.get("time"), "warning": _loss_warning(crashed, restored)}
        return {**_status(server, answer), "started": True, **outcome}


def stop(discard: bool = False) -> dict[str, Any]:
    """Save the state of the server and stop it. With `discard`, delete its state and the saved one instead.

    Returns `stopped` (whether a server ran), `saved` (the time on its clock, or None if it was not saved) and
    `left_out` (what was not saved, and why). A server that does not answer is stopped without saving.

    Raises:
        EsawsError: the server answers but can't save its state; it keeps running.
    """
    with start_lock():
        server = read_server()
        running = server is not None and server.process() is not None
        supervision.stop_supervisor()
        saved = _save_snapshot(server) if server and running and not discard else None
        if server:
            _terminate(server, gracefully=not discard)
        if discard:
            snapshot_file().unlink(missing_ok=True)
            port_file().unlink(missing_ok=True)
            supervision.delete_data()
        server_file().unlink(missing_ok=True)
        token_file().unlink(missing_ok=True)  # of a server that was killed
        saved = saved or {"time": None, "left_out": []}
        return {"stopped": running, "saved": saved["time"], "left_out": saved["left_out"]}


def save(path: Path, account: str | None = None) -> dict[str, Any]:
    """Write the state of the server, or of one account, to a file.

    Returns {file, bytes, time, accounts, left_out}; `time` is on the server's clock, `left_out` lists what could not be
    saved and why.

    Raises:
        LocalNotRunning: no server runs.
        EsawsError: the state can't be saved.
        UsageError: the file can't be written.
    """
    query = f"?account={quote(account)}" if account else ""
    content = control.exchange(_running_server().url, "GET", f"save{query}")
    try:
        write_atomically(path, content, private=True)
        header = read_snapshot_header(path)
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror}).") from error
    accounts = [account["account"] for account in header["accounts"]]
    about = {name: header[name] for name in ("time", "left_out")}
    return {"file": str(path), "bytes": len(content), **about, "accounts": accounts}


def load(path: Path) -> dict[str, Any]:
    """Replace the state of the server by the one in a file of `save`.

    Returns {time, accounts, left_out}.

    Raises:
        LocalNotRunning: no server runs.
        EsawsError: the server rejects the file; nothing has changed.
        UsageError: the file can't be read.
    """
    url = _running_server().url
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror}).") from error
    try:
        return dict(json.loads(control.exchange(url, "POST", "load", content)))
    except EsawsError as error:
        raise EsawsError(f"{path}: not loaded: {error}") from error


def status() -> dict[str, Any]:
    """Return {running, url, pid, time, accounts, not_simulated, runs, port, stale}.

    url, pid, time, accounts, not_simulated and runs are None while no server answers. `not_simulated` lists what failed
    and is left alone since: {account, region, kind, name, reason, time} each. `runs` says what runs as processes; it is
    None without a supervisor. `port` is the server's port, or the one that it would get. `stale`: a server process
    exists but does not answer.
    """
    server = read_server()
    answer = _query_status(server) if server else None
    if server and answer:
        return _status(server, answer)
    stale = server is not None and server.process() is not None
    nothing = dict.fromkeys(("url", "pid", "time", "accounts", "not_simulated", "runs"))
    return {"running": False, **nothing, "port": _default_port(), "stale": stale}


def call(method: str, name: str, **params: Any) -> dict[str, Any]:
    """Call a control route of the running server. Raises LocalNotRunning, UsageError and EsawsError."""
    return control.call(_running_server().url, method, name, params)


def environment() -> dict[str, str]:
    """The variables that point boto3 and the AWS CLI at the server. Raises LocalNotRunning.

    AWS_SDK_UA_APP_ID names the server, so that another one on the same port refuses the calls.
    """
    region = os.environ.get("ESAWS_REGION") or DEFAULT_REGION
    url = _running_server().url
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_SDK_UA_APP_ID": control.call(url, "GET", "status")["app_id"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": DEFAULT_ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def require_installed() -> None:
    """Raise UsageError if the server's package is not installed."""
    if importlib.util.find_spec("local_aws_server") is None:
        raise UsageError('the local AWS is not installed; pip install "esaws[local]"')


# --- settings of a start


def _server_options(at: str | None, provisioning: float | None, regime: str | None, plan: str | None) -> list[str]:
    """The command-line options of the server. Raises UsageError."""
    options = []
    if at is not None:
        try:
            start = parse_timestamp(at.strip())
        except ValueError:
            raise UsageError(f"{at!r} is not a timestamp; write it like 2026-01-01T00:00Z") from None
        options += ["--at", str(start.timestamp())]
    if os.environ.get("ESAWS_STILL") == "1":
        options.append("--still")
    if provisioning is not None:
        if not 0 <= provisioning <= 1:
            raise UsageError(f"--provisioning is a fraction of AWS's time between 0 and 1, not {provisioning:g}")
        options += ["--provisioning", str(provisioning)]
    if regime is not None or plan is not None:
        from esaws.pricelist import PLANS, REGIMES

        for name, value, choices in (("--regime", regime, REGIMES), ("--plan", plan, PLANS)):
            if value is not None:
                if value not in choices:
                    raise UsageError(f"{name} is one of {', '.join(choices)}, not {value}")
                options += [name, value]
    return options


def _run_factor(run: bool, intervals: float | None) -> float:
    """The factor of what runs. Raises UsageError."""
    if intervals is not None and not (run and 0 < intervals <= 1):
        raise UsageError(f"--intervals needs --run and a fraction above 0 and at most 1, not {intervals:g}")
    if run:
        supervision.require_packages()
    return 1.0 if intervals is None else intervals


def _default_port() -> int:
    text = os.environ.get("ESAWS_PORT", "")
    if text and not text.isdigit():
        raise UsageError(f"ESAWS_PORT is {text!r}, which is not a port number")
    return int(text) if text else DEFAULT_PORT


def _discard_snapshot(fresh: bool, settings: Mapping[str, str | None]) -> None:
    """Delete the saved state if a new one was asked for. Raises UsageError where that would lose resources unasked."""
    given = [f"--{name} {value}" for name, value in settings.items() if value is not None]
    if not fresh and not given:
        return
    header: dict[str, Any] = {"empty": True}
    with suppress(OSError, ValueError):
        header = read_snapshot_header(snapshot_file())
    if not fresh and not header.get("empty"):
        raise UsageError(
            f"the local AWS has a saved state of {header.get('time')}, which `esaws local start` restores. "
            f"Add --fresh to delete it and start with {' '.join(given)}."
        )
    snapshot_file().unlink(missing_ok=True)
    supervision.stop_supervisor()
    supervision.delete_data()


def _loss_warning(crashed: Server | None, restored: Mapping[str, Any]) -> str | None:
    """What was lost, from what a new server reports about the state it `restored`."""
    if "unreadable" in restored:
        return (
            f"the saved state can't be read ({restored['unreadable']}); "
            f"it was moved to {restored['aside']}, and the local AWS is empty"
        )
    if crashed and not restored:
        return "the local AWS did not stop properly before its state was saved; everything in it is lost"
    if crashed and restored["stopped"] != crashed.pid:
        return (
            f"the local AWS did not stop properly; its state of {restored['time']} is restored "
            f"(saved {_time_ago(restored['saved'])}), later changes are lost"
        )
    return f"not saved, and lost: {'; '.join(restored['left_out'])}" if restored.get("left_out") else None


def _time_ago(timestamp: str) -> str:
    minutes = round((time.time() - datetime.fromisoformat(timestamp).timestamp()) / 60)
    if minutes < 1:
        return "less than a minute ago"
    if minutes < 120:
        return f"{minutes} minute{'s' * (minutes > 1)} ago"
    return f"{round(minutes / 60)} hours ago"


# --- the process


def _launch(port: int, options: list[str]) -> tuple[Server, dict[str, Any]]:
    """Start the server and return it with its first status."""
    require_installed()
    listener = _open_port(port) if port else _open_last_port()
    port = listener.getsockname()[1]
    program = [sys.executable, "-m", "local_aws_server", "--state", str(snapshot_file()), *options]
    detached: dict[str, Any]
    if INHERITS_SOCKETS:
        program += ["--fd", str(listener.fileno())]
        detached = {"pass_fds": [listener.fileno()], "start_new_session": True}
    else:
        listener.close()
        program += ["--port", str(port)]
        flags = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        detached = {"creationflags": flags}
    with listener, open_private(log_file()) as log:
        process = subprocess.Popen(
            program,
            cwd=state_folder(),
            env=_server_environment(os.environ, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **detached,
        )
    server = Server(process.pid, start_of(process.pid), f"http://{HOST}:{port}", port)
    write_server(server)
    try:
        answer = _wait_until_ready(server, process)
    except BaseException:
        _terminate(server, gracefully=False)
        process.wait()
        server_file().unlink(missing_ok=True)
        raise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the server outlives its starter on purpose
        del process
    return server, answer


def _open_port(port: int) -> socket.socket:
    """Listen on the port, so that a taken one is reported before anything is started. The server inherits the socket.

    Raises:
        UsageError: the port can't be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # on Windows the option would let two programs share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"port {port} can't be used ({getattr(error, 'strerror', None) or error}). Choose another one with "
            "`--port N` or ESAWS_PORT, or `--port 0` for any free one."
        ) from error
    return listener


def _open_last_port() -> socket.socket:
    """Listen where the last server did, so that clients that were made before reach the new one; else on any port."""
    with suppress(OSError, ValueError, UsageError):
        return _open_port(int(port_file().read_text()))
    return _open_port(0)


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        # With an inherited socket the request waits in its queue until the server accepts it, or dies.
        with suppress(OSError, http.client.HTTPException):
            return control.call(server.url, "GET", "status", timeout=START_TIMEOUT)
        time.sleep(0.02)
    lines = log_file().read_text(errors="replace").splitlines()
    tail = "\n  ".join(lines[-15:]) or "(the log is empty)"
    raise EsawsError(f"the local AWS did not start. The end of its log {log_file()}:\n  {tail}")


def _server_environment(ours: Mapping[str, str], port: int) -> dict[str, str]:
    """Our environment without credentials, profiles or settings of moto that could reach the server."""
    # Byte code makes the next start faster; each server has a token of its own.
    removed = ("AWS_", "MOTO_", "TEST_", "PYTHONDONTWRITEBYTECODE", control_token.VARIABLE)
    inherited = {name: value for name, value in ours.items() if not name.startswith(removed)}
    return {
        **inherited,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": DEFAULT_REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_PORT": str(port),
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "PYTHONUNBUFFERED": "1",
        # moto reads times without a zone as local time
        "TZ": "UTC",
    }


def _save_snapshot(server: Server) -> dict[str, Any] | None:
    """Make the server write its state file; None if it does not answer."""
    if _query_status(server) is None:
        return None
    try:
        return control.call(server.url, "POST", "keep", timeout=SAVE_TIMEOUT)
    except (EsawsError, OSError, http.client.HTTPException) as error:
        raise EsawsError(
            f"the local AWS can't save its state ({error}) and keeps running. "
            "`esaws local stop --discard` stops it without saving."
        ) from error


def _terminate(server: Server, *, gracefully: bool) -> None:
    """Return when the process has ended, and its port is free. One that hangs is killed."""
    process = server.process()
    if process is None:
        return
    has_ended = False
    with suppress(psutil.NoSuchProcess):
        if gracefully:
            process.terminate()
            has_ended = _wait_for_exit(server, STOP_TIMEOUT)
        if not has_ended:
            process.kill()
    if not _wait_for_exit(server, STOP_TIMEOUT):
        raise EsawsError(f"process {server.pid} of the local AWS can't be ended. End it by hand, then try again.")
    _wait_for_port(server.port)


def _wait_for_exit(server: Server, timeout: float) -> bool:
    """Poll until the process has ended: it is usually the child of a program that has exited long ago."""
    deadline = time.monotonic() + timeout
    while server.process() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _wait_for_port(port: int) -> None:
    """Return when the port is free: Linux calls a process ended while some of its threads still hold its sockets."""
    deadline = time.monotonic() + PORT_TIMEOUT
    while time.monotonic() < deadline:
        with suppress(UsageError):
            return _open_port(port).close()
        time.sleep(0.005)


# --- status


def _status(server: Server, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "running": True,
        "url": server.url,
        "pid": server.pid,
        "time": answer["time"],
        "accounts": answer["accounts"],
        "not_simulated": answer.get("not_simulated", []),
        "runs": supervision.running(),
        "port": server.port,
        "stale": False,
    }


def _query_status(server: Server) -> dict[str, Any] | None:
    """What the server answers on `status`, or None if it has ended or hangs."""
    if server.process() is None:
        return None
    try:
        answer = control.call(server.url, "GET", "status", timeout=STATUS_TIMEOUT)
    except (EsawsError, OSError, http.client.HTTPException):
        return None
    return answer if answer.get("pid") == server.pid else None


def _running_server() -> Server:
    server = read_server()
    if server is None or _query_status(server) is None:
        raise LocalNotRunning("the local AWS is not running; start it with `esaws local start`")
    return server
