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
from urllib.parse import quote

import psutil

import esaws
from esaws.errors import EsawsError, LocalNotRunning, UsageError
from esaws.pricelist import PLANS, REGIMES
from local_aws_server.clock.clock import moment
from local_aws_server.snapshots import file
from local_aws_server.snapshots.errors import Unreadable

HOST = "127.0.0.1"
DEFAULT_PORT = 4747
DEFAULT_REGION = "eu-west-3"
DEFAULT_ACCOUNT = "123456789012"

ANSWER_WITHIN = 3.0
"""Seconds after which a server that does not answer counts as half-dead."""
START_WITHIN = 60.0
STOP_WITHIN = 3.0
KEEP_WITHIN = 60.0
ADVANCE_WITHIN = 3600.0
_REFUSED = 409


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


def start(
    port: int | None = None,
    at: str | None = None,
    provisioning: float | None = None,
    regime: str | None = None,
    plan: str | None = None,
    fresh: bool = False,
) -> dict[str, Any]:
    """Start the server unless it runs, as it was when it stopped.

    Returns its status with `started`, `restored` (the time on its clock at which it goes on, or None) and `warning`
    (what was lost, in one line, or None).

    `at` is the moment at which its clock starts; else that is ESAWS_AT, or the real time. `provisioning` is the
    fraction of AWS's time that provisioning really takes; without it, whoever looks makes that time pass. With
    ESAWS_STILL=1 the clock moves in no other way, so that a run is the same on a slow machine. `regime` and `plan` are
    what its accounts have, unless told otherwise: legacy, credits or none; free or paid. `fresh` forgets what was
    saved.
    Raises UsageError if the port is taken, if a server runs already that was started otherwise, or if it would go on
    and is told how to begin.
    """
    options = _options(at or os.environ.get("ESAWS_AT") or None, provisioning, regime, plan)
    with _locked():
        server = _remembered()
        if server and (answer := _ask(server)):
            wanted = {"port": port if port != server.port else None, "at": at, "provisioning": provisioning}
            wanted |= {"regime": regime, "plan": plan}
            other = [f"--{name} {value}" for name, value in wanted.items() if value] + ["--fresh"] * fresh
            if other:
                raise UsageError(
                    f"the local AWS already runs at {server.url}; stop it first with `esaws local stop` "
                    f"to have it with {' '.join(other)}"
                )
            return {**_status(server, answer), "started": False, "restored": None, "warning": None}
        _choose_beginning(fresh, {"at": at, "regime": regime, "plan": plan})
        if server:
            _end(server, politely=False)
        crashed = None if fresh else server
        server, answer = _launch(_wanted_port() if port is None else port, options)
        told = answer["restored"]
        restored = {"restored": told.get("time"), "warning": _warning(crashed, told)}
        return {**_status(server, answer), "started": True, **restored}


def _choose_beginning(fresh: bool, beginning: Mapping[str, str | None]) -> None:
    """Forget what was saved where it is to begin anew. Raises UsageError where that would lose something unasked."""
    asked = [f"--{name} {value}" for name, value in beginning.items() if value is not None]
    if not fresh and not asked:
        return
    header: dict[str, Any] = {"empty": True}
    with suppress(OSError, Unreadable):
        header = file.header_of(_kept_file())
    if not fresh and not header.get("empty"):
        raise UsageError(
            f"the local AWS was saved at {header.get('time')} on its clock: `esaws local start` goes on from there; "
            f"add --fresh to forget that and begin with {' '.join(asked)}"
        )
    _kept_file().unlink(missing_ok=True)


def _warning(crashed: Server | None, told: Mapping[str, Any]) -> str | None:
    """What was lost on the way to a server that says of its beginning what is `told`."""
    if "unreadable" in told:
        return f"what was saved can't be read: {told['unreadable']}; it is now {told['aside']}, and nothing is here"
    if crashed and not told:
        return "the local AWS did not stop properly, before anything was saved: whatever was in it is lost"
    if crashed and told["stopped"] != crashed.pid:
        return (
            f"the local AWS did not stop properly; it is back as it was at {told['time']} on its clock "
            f"(saved {_ago(told['saved'])}); what was done after that is lost"
        )
    return f"not saved, and so lost: {'; '.join(told['left_out'])}" if told.get("left_out") else None


def _ago(when: str) -> str:
    minutes = round((time.time() - moment(when)) / 60)
    if minutes < 1:
        return "less than a minute ago"
    if minutes < 120:
        return f"{minutes} minute{'s' * (minutes > 1)} ago"
    return f"{round(minutes / 60)} hours ago"


def _options(at: str | None, provisioning: float | None, regime: str | None, plan: str | None) -> list[str]:
    """What the server is started with. Raises UsageError."""
    options = []
    if at is not None:
        try:
            options += ["--at", str(moment(at))]
        except ValueError as problem:
            raise UsageError(str(problem)) from None
    if os.environ.get("ESAWS_STILL") == "1":
        options.append("--still")
    if provisioning is not None:
        if not 0 <= provisioning <= 1:
            raise UsageError(f"--provisioning is a fraction of AWS's time between 0 and 1, not {provisioning:g}")
        options += ["--provisioning", str(provisioning)]
    for name, value, known in (("--regime", regime, REGIMES), ("--plan", plan, PLANS)):
        if value is not None:
            if value not in known:
                raise UsageError(f"{name} is one of {', '.join(known)}, not {value}")
            options += [name, value]
    return options


def stop(discard: bool = False) -> dict[str, Any]:
    """Save the state of the server and stop it; with `discard`, forget its state and any that was saved.

    Returns `stopped` (whether one was running), `saved` (the time on its clock, or None if it is not saved as it is)
    and `left_out` (what of it is not saved, and why). One that does not answer is stopped all the same.
    Raises EsawsError, and the server goes on, if it answers and can't be saved.
    """
    with _locked():
        server = _remembered()
        running = server is not None and server.process() is not None
        kept = _keep(server) if server and running and not discard else None
        if server:
            _end(server, politely=not discard)
        if discard:
            _kept_file().unlink(missing_ok=True)
        _state_file().unlink(missing_ok=True)
        told = kept or {"time": None, "left_out": []}
        return {"stopped": running, "saved": told["time"], "left_out": told["left_out"]}


def _keep(server: Server) -> dict[str, Any] | None:
    """Let a server write its file; None if it does not answer."""
    if _ask(server) is None:
        return None
    try:
        return _request(server.port, "POST", "/_esaws/keep", timeout=KEEP_WITHIN)
    except (EsawsError, OSError, http.client.HTTPException) as problem:
        raise EsawsError(
            f"the local AWS could not be saved ({problem}), and goes on; "
            "`esaws local stop --discard` stops it without saving"
        ) from problem


def save(path: Path, account: str | None = None) -> dict[str, Any]:
    """Write the state of the server, or of one account, into a file.

    Returns {file, bytes, time, accounts, left_out}: the time on its clock, and what could not be saved, with the
    reason. Raises LocalNotRunning, EsawsError if it can't be saved, and UsageError if the file can't be written.
    """
    query = f"?account={quote(account)}" if account else ""
    content = _exchange(_running().port, "GET", f"/_esaws/save{query}", timeout=ADVANCE_WITHIN)
    try:
        file.write(path, content)
        header = file.header_of(path)
    except OSError as problem:
        raise UsageError(f"{path} can't be written ({problem.strerror})") from problem
    names = [each["account"] for each in header["accounts"]]
    about = {name: header[name] for name in ("time", "left_out")}
    return {"file": str(path), "bytes": len(content), **about, "accounts": names}


def load(path: Path) -> dict[str, Any]:
    """Let the server be as in a file of `save`; what it was is gone.

    Returns {time, accounts, left_out}. Raises LocalNotRunning; EsawsError, and then nothing has changed, if the file is
    refused; UsageError if it can't be read.
    """
    server = _running()
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise UsageError(f"{path} can't be read ({problem.strerror})") from problem
    try:
        answer = json.loads(_exchange(server.port, "POST", "/_esaws/load", timeout=ADVANCE_WITHIN, body=content))
    except EsawsError as problem:
        raise EsawsError(f"{path} is not loaded: {problem}") from problem
    return dict(answer)


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
    program = [sys.executable, "-m", "local_aws_server.server"]
    with listener, log_file.open("wb") as log:
        process = subprocess.Popen(
            [*program, "--fd", str(listener.fileno()), "--kept", str(_kept_file()), *options],
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
    body = json.dumps(asked).encode() if asked else None
    answer = json.loads(_exchange(port, method, path, timeout=timeout, body=body))
    if not isinstance(answer, dict):
        raise ValueError(f"{path} gave no object")
    return answer


def _exchange(port: int, method: str, path: str, *, timeout: float, body: bytes | None = None) -> bytes:
    """The body of an answer. Raises UsageError and EsawsError where the answer is one."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path, body=body)
        response = connection.getresponse()
        answer = response.read()
        if response.status == 400:
            raise UsageError(str(json.loads(answer)["error"]))
        if response.status == _REFUSED:
            raise EsawsError(str(json.loads(answer)["error"]))
        if response.status != 200:
            raise EsawsError(f"{method} {path} answered {response.status}: {answer[:200].decode(errors='replace')}")
        return answer
    finally:
        connection.close()


def _state_file() -> Path:
    return state_dir() / "server.json"


def _kept_file() -> Path:
    """Where the state of the server is kept while it does not run."""
    return state_dir() / "state.esaws"


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
