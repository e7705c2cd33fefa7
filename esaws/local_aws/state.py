"""The state folder of the local AWS: which server runs, its saved state, its log, and the lock for starting it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from esaws.errors import UsageError
from esaws.files import make_private_folder, write_atomically
from esaws.process_identity import find_process

_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Server:
    """A server process as recorded in the state file."""

    pid: int
    start: float
    url: str
    port: int

    def process(self) -> psutil.Process | None:
        """The process, or None when it has ended or its pid now belongs to another program."""
        return find_process(self.pid, self.start)


def state_folder() -> Path:
    """The folder of all files below: ESAWS_STATE, or the user's state folder of the platform."""
    if override := os.environ.get("ESAWS_STATE"):
        return Path(override).absolute()
    from platformdirs import user_state_path

    return user_state_path("esaws", appauthor=False)


def server_file() -> Path:
    """The file that records the running server."""
    return state_folder() / "server.json"


def port_file() -> Path:
    """The file with the port of the last server that was started."""
    return state_folder() / "port"


def snapshot_file() -> Path:
    """The file with the state of the server while it does not run."""
    return state_folder() / "state.esaws"


def token_file() -> Path:
    """The file in which the running server keeps the token of control requests."""
    return state_folder() / "state.esaws.token"


def log_file() -> Path:
    """The log of the last server that was started."""
    return state_folder() / "server.log"


def write_server(server: Server) -> None:
    """Record the running server."""
    write_atomically(server_file(), json.dumps(asdict(server)), private=True)
    write_atomically(port_file(), str(server.port), private=True)


def read_server() -> Server | None:
    """The recorded server, or None if there is none or the record can't be read."""
    try:
        record = json.loads(server_file().read_text())
        return Server(int(record["pid"]), float(record["start"]), str(record["url"]), int(record["port"]))
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None


def read_snapshot_header(path: Path) -> dict[str, Any]:
    """Return the header of a saved state: `time`, `accounts`, `empty`, `left_out` and more.

    It is the second line of the file, a JSON object.

    Raises:
        OSError: the file can't be read.
        ValueError: the file has no header.
    """
    with path.open("rb") as file:
        file.readline(_LONGEST_LINE)
        header = json.loads(file.readline(_LONGEST_LINE))
    if not isinstance(header, dict):
        raise ValueError(f"{path} has no header")
    return header


@contextmanager
def start_lock() -> Iterator[None]:
    """Let only one process of this user start or stop the server at a time.

    Raises:
        UsageError: the state folder can't be used.
    """
    from filelock import FileLock

    folder = state_folder()
    lock = FileLock(folder / "server.lock", mode=0o600)
    try:
        make_private_folder(folder)
        lock.acquire()
    except OSError as error:
        raise UsageError(f"{folder}: can't be used ({error.strerror}). Choose another folder with ESAWS_STATE.") from (
            error
        )
    try:
        yield
    finally:
        lock.release()
