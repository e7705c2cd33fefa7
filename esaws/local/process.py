"""The one server process of this user: started detached, found again through a state file, stopped for sure."""

import fcntl
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

import esaws
from esaws.errors import EsawsError, LocalNotRunning, UsageError
from esaws.local.clockwork.clock import moment

HOST = "127.0.0.1"
DEFAULT_PORT = 4747
DEFAULT_REGION = "eu-west-3"
DEFAULT_ACCOUNT = "123456789012"

ANSWER_WITHIN = 3.0
"""Seconds after which a server that does not answer counts as half-dead."""
START_WITHIN = 60.0
STOP_WITHIN = 3.0
ADVANCE_WITHIN = 3600.0


@dataclass(frozen=True)
class Server:
    """A server process as the state file remembers it."""

    pid: int
    create_time: float
    url: str
    port: int

    def process(self) -> psutil.Process | None:
        """The process, or None when it is gone or its pid now belongs to a stranger."""
        try:
            process = psutil.Process(self.pid)
            # /proc counts in hundredths of a second, and the same process always reads the same.
            ours = abs(process.create_time() - self.create_time) < 0.05
            return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def state_dir() -> Path:
    """The directory of the state file, the log and the lock."""
    if own := os.environ.get("ESAWS_STATE"):
        return Path(own)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "esaws"


def start(port: int | None = None, at: str | None = None, provisioning: float | None = None) -> dict[str, Any]:
    """Start the server unless it runs; returns its status with `started`.

    `at` is the moment at which its clock starts, else it is the real time. `provisioning` is the fraction of AWS's time
    that provisioning really takes; without it, whoever looks makes that time pass.
    Raises UsageError if the port is taken, or if a server runs already that was started otherwise.
    """
    options = _options(at, provisioning)
    with _locked():
        server = _remembered()
        if server and (answer := _ask(server)):
            wanted = {"port": port if port != server.port else None, "at": at, "provisioning": provisioning}
            if other := [f"--{name} {value}" for name, value in wanted.items() if value]:
                raise UsageError(
                    f"the local AWS already runs at {server.url}; stop it first with `esaws local stop` "
                    f"to have it with {' '.join(other)}"
                )
            return {**_status(server, answer), "started": False}
        if server:
            _end(server, politely=False)
        server, answer = _launch(_wanted_port() if port is None else port, options)
        return {**_status(server, answer), "started": True}


def _options(at: str | None, provisioning: float | None) -> list[str]:
    """What the server is started with. Raises UsageError."""
    options = []
    if at is not None:
        try:
            options += ["--at", str(moment(at))]
        except ValueError as problem:
            raise UsageError(str(problem)) from None
    if provisioning is not None:
        if not 0 <= provisioning <= 1:
            raise UsageError(f"--provisioning is a fraction of AWS's time between 0 and 1, not {provisioning:g}")
        options += ["--provisioning", str(provisioning)]
    return options


def stop() -> bool:
    """Stop the server and forget it; returns whether one was running."""
    with _locked():
        server = _remembered()
        was_running = server is not None and server.process() is not None
        if server:
            _end(server, politely=True)
        _state_file().unlink(missing_ok=True)
        return was_running


def status() -> dict[str, Any]:
    """{running, url, pid, time, accounts, port, stale}; url, pid, time and accounts are None while no server answers.

    `port` is the one that it has, or would be given. `stale`: a process is there that was started and does not answer.
    """
    server = _remembered()
    answer = _ask(server) if server else None
    if server and answer:
        return _status(server, answer)
    stale = server is not None and server.process() is not None
    nothing = dict.fromkeys(("url", "pid", "time", "accounts"))
    return {"running": False, **nothing, "port": _wanted_port(), "stale": stale}


def ask(method: str, name: str, **asked: Any) -> dict[str, Any]:
    """What the server answers on `/_esaws/<name>`; it may take as long as it needs to let a long time pass.

    Raises LocalNotRunning, and UsageError where what is asked makes no sense.
    """
    return _request(_running().port, method, f"/_esaws/{name}", timeout=ADVANCE_WITHIN, asked=asked)


def environment() -> dict[str, str]:
    """The variables that point boto3 and the AWS CLI at the server. Raises LocalNotRunning."""
    region = os.environ.get("ESAWS_REGION") or DEFAULT_REGION
    return {
        "AWS_ENDPOINT_URL": _running().url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": DEFAULT_ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def _running() -> Server:
    server = _remembered()
    if server is None or _ask(server) is None:
        raise LocalNotRunning("the local AWS is not running; start it with `esaws local start`")
    return server


def _wanted_port() -> int:
    text = os.environ.get("ESAWS_PORT", "")
    if text and not text.isdigit():
        raise UsageError(f"ESAWS_PORT is {text!r}, which is not a port number")
    return int(text) if text else DEFAULT_PORT


def _launch(port: int, options: list[str]) -> tuple[Server, dict[str, Any]]:
    listener = _listen(port)
    port = listener.getsockname()[1]
    log_file = state_dir() / "server.log"
    with listener, log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "esaws.local.server", "--fd", str(listener.fileno()), *options],
            cwd=Path(esaws.__file__).parent.parent,
            env=_server_environment(os.environ, port),
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = Server(process.pid, psutil.Process(process.pid).create_time(), f"http://{HOST}:{port}", port)
    _remember(server)
    try:
        return server, _first_answer(server, process)
    except BaseException:
        _end(server, politely=False)
        process.wait()
        _state_file().unlink(missing_ok=True)
        raise


def _listen(port: int) -> socket.socket:
    """A listening socket, which the server inherits: whether the port is free is known before anything is started."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"port {port} can't be had ({getattr(error, 'strerror', None) or error}); choose another one with "
            f"`--port N` or ESAWS_PORT, or `--port 0` for any that is free"
        ) from error
    return listener


def _first_answer(server: Server, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    deadline = time.monotonic() + START_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        # The listener exists already: the request waits in its queue until the server accepts it, or dies.
        with suppress(OSError, http.client.HTTPException, ValueError):
            return _request(server.port, "GET", "/_esaws/status", timeout=START_WITHIN)
        time.sleep(0.02)
    lines = (state_dir() / "server.log").read_text(errors="replace").splitlines()
    tail = "\n  ".join(lines[-15:]) or "(its log is empty)"
    raise EsawsError(f"the local AWS did not start; the end of its log:\n  {tail}")


def _server_environment(ours: Mapping[str, str], port: int) -> dict[str, str]:
    """Ours, without any credentials, profile or moto setting that could reach the server; it starts from byte code."""
    unwanted = ("AWS_", "MOTO_", "TEST_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in ours.items() if not name.startswith(unwanted)}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": DEFAULT_REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_PORT": str(port),
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "PYTHONUNBUFFERED": "1",
        # moto takes times without a zone for UTC
        "TZ": "UTC",
    }


def _end(server: Server, *, politely: bool) -> None:
    """Return when the process is gone; a stopped or hung one is killed."""
    process = server.process()
    if process is None:
        return
    with suppress(psutil.NoSuchProcess):
        if politely:
            process.terminate()
            if _gone(server, STOP_WITHIN):
                return
        process.kill()
    if not _gone(server, STOP_WITHIN):
        raise EsawsError(f"process {server.pid} of the local AWS can't be ended")


def _gone(server: Server, within: float) -> bool:
    """Poll, because the process is no child of ours: its starter has left long ago."""
    deadline = time.monotonic() + within
    while server.process() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _status(server: Server, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "running": True,
        "url": server.url,
        "pid": server.pid,
        "time": answer["time"],
        "accounts": answer["accounts"],
        "port": server.port,
        "stale": False,
    }


def _ask(server: Server) -> dict[str, Any] | None:
    """The server's own status, or None if it is gone or half-dead."""
    if server.process() is None:
        return None
    try:
        answer = _request(server.port, "GET", "/_esaws/status", timeout=ANSWER_WITHIN)
    except (OSError, http.client.HTTPException, ValueError):
        return None
    return answer if answer.get("pid") == server.pid else None


def _request(
    port: int, method: str, path: str, *, timeout: float, asked: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path, body=json.dumps(asked) if asked else None)
        response = connection.getresponse()
        body = response.read()
        if response.status == 400:
            raise UsageError(str(json.loads(body)["error"]))
        if response.status != 200:
            raise EsawsError(f"{method} {path} answered {response.status}: {body[:200].decode(errors='replace')}")
        answer = json.loads(body)
        if not isinstance(answer, dict):
            raise ValueError(f"{path} gave no object")
        return answer
    finally:
        connection.close()


def _state_file() -> Path:
    return state_dir() / "server.json"


def _remember(server: Server) -> None:
    new = _state_file().with_suffix(".new")
    new.write_text(json.dumps(asdict(server)))
    new.replace(_state_file())


def _remembered() -> Server | None:
    try:
        found = json.loads(_state_file().read_text())
        return Server(int(found["pid"]), float(found["create_time"]), str(found["url"]), int(found["port"]))
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None


@contextmanager
def _locked() -> Iterator[None]:
    """Only one process of this user starts or stops the server at a time."""
    try:
        state_dir().mkdir(parents=True, exist_ok=True)
        lock = (state_dir() / "server.lock").open("w")
    except OSError as error:
        raise UsageError(f"{state_dir()} can't be used ({error.strerror}); choose another with ESAWS_STATE") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
