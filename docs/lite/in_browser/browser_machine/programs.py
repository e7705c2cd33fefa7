"""Programs: `python -m local_aws_server` is started like a process, and runs inside this interpreter.

Several can be started, each with a state of its own. moto keeps its state in modules, of which there is one, so one of
them has it at a time; that of the others is kept as saved states.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from browser_machine.clock import shown_to_programs

_FIRST_PID, _FIRST_PORT = 100, 40000
_own_pid = os.getpid()

_programs: dict[int, LocalAwsProgram] = {}
"""Process id → program that runs."""
_ports: dict[int, int] = {}
"""Descriptor of a listening socket → its port."""
_pids, _descriptors, _free_ports = itertools.count(_FIRST_PID), itertools.count(1000), itertools.count(_FIRST_PORT)


class LocalAwsProgram:
    """One local AWS: its application, and its settings."""

    active: LocalAwsProgram | None = None
    """The one whose state moto has now."""

    def __init__(self, arguments: Sequence[str], port: int, log: TextIO) -> None:
        """Start it. What it prints goes to `log`."""
        from local_aws_server import server
        from local_aws_server.__main__ import parse_arguments, settings_of

        self.pid, self.port, self._log = next(_pids), port, log
        self.settings = settings_of(parse_arguments(arguments))
        self._parked: bytes | None = None
        self._make_room()
        with self._as_process():
            self.settings.apply()
            self.application = server.LocalAws()
            self.application.prepare()
            server.reset({})
            self.application.autosave.restore(self.settings.state)
            self.application.token = server.ControlToken.publish(port, self.settings.state)
        LocalAwsProgram.active = self
        _programs[self.pid] = self

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let this program have moto's state, its process id and its clock inside the block."""
        if LocalAwsProgram.active is not self:
            self._make_room()
            self._resume()
        with self._as_process():
            yield

    def end(self, saves: bool) -> None:
        """End it, and save its state in its own file first if it `saves`."""
        if saves:
            with self.running():
                self.application.autosave.close()
        if LocalAwsProgram.active is self:
            LocalAwsProgram.active = None
        self.application.token.delete()
        self._log.close()
        _programs.pop(self.pid, None)

    @contextmanager
    def _as_process(self) -> Iterator[None]:
        """Have the process id, the clock and the log of this program inside the block."""
        with shown_to_programs(), _process_id(self.pid), redirect_stdout(self._log), redirect_stderr(self._log):
            yield

    def _make_room(self) -> None:
        """Park the program that has moto's state, if there is one."""
        other, LocalAwsProgram.active = LocalAwsProgram.active, None
        if other is not None:
            from local_aws_server.snapshots import snapshot

            with other._as_process():
                other._parked = snapshot.take(other.application.locks).content

    def _resume(self) -> None:
        from local_aws_server import hooks
        from local_aws_server.snapshots import snapshot

        parked, self._parked = self._parked, None
        assert parked is not None, "a program that does not run is parked"
        with self._as_process():
            self.settings.apply()
            snapshot.load(self.application.locks, parked, hooks.apply_patches)
        LocalAwsProgram.active = self


@contextmanager
def _process_id(pid: int) -> Iterator[None]:
    """Let `os.getpid()` be that of a program inside the block."""
    before = os.getpid
    os.getpid = lambda: pid  # type: ignore[assignment]
    try:
        yield
    finally:
        os.getpid = before  # type: ignore[assignment]


def own_pid() -> int:
    """The process id of this interpreter."""
    return _own_pid


def program(pid: int) -> LocalAwsProgram | None:
    """The program with a process id; None if it has ended."""
    return _programs.get(pid)


def listening_at(host: str | None, port: int | None) -> LocalAwsProgram:
    """The program that listens at a port. Raises ConnectionRefusedError."""
    if host not in ("127.0.0.1", "localhost"):
        raise ConnectionRefusedError(f"{host}: a page reaches only the local AWS in it")
    for each in _programs.values():
        if each.port == port:
            return each
    raise ConnectionRefusedError(f"nothing listens on port {port}")


class Popen:
    """`subprocess.Popen` for the one program that there is."""

    def __init__(self, args: Sequence[Any], **options: Any) -> None:
        words = [str(word) for word in ([args] if isinstance(args, str) else args)]
        if words[:3] != [sys.executable, "-m", "local_aws_server"]:
            raise FileNotFoundError(f"{' '.join(words[:3])}: a page can't run other programs")
        self.args, self.returncode = words, None
        descriptor = int(words[words.index("--fd") + 1])
        with _environment(options.get("env") or dict(os.environ)):
            log = os.fdopen(os.dup(options["stdout"].fileno()), "w", buffering=1)
            self.pid = LocalAwsProgram(words[3:], _ports[descriptor], log).pid

    def poll(self) -> int | None:
        """None while it runs."""
        return None if self.pid in _programs else 0

    def wait(self, timeout: float | None = None) -> int:
        return 0


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """The environment of a program while it starts. moto reads its settings when it is imported."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class ListeningSocket:
    """A socket that a program can listen on."""

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        self._descriptor = next(_descriptors)
        self._port = 0

    def bind(self, address: tuple[str, int]) -> None:
        """Take a port, or any free one. Raises OSError if a program listens there."""
        if any(each.port == address[1] for each in _programs.values()):
            raise OSError(98, "Address already in use")
        self._port = address[1] or next(_free_ports)
        _ports[self._descriptor] = self._port

    def fileno(self) -> int:
        return self._descriptor

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    def setsockopt(self, *option: Any) -> None:
        """All options are those of a network, which there is not."""

    def listen(self, backlog: int = 0) -> None:
        """The program that gets it listens."""

    def close(self) -> None:
        """The program keeps its port."""

    def __enter__(self) -> ListeningSocket:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def install() -> None:
    """Let `subprocess` start programs of this machine, and `socket` give them ports."""
    subprocess.Popen = Popen  # type: ignore[assignment,misc]
    socket.socket = ListeningSocket  # type: ignore[assignment,misc]
    if not hasattr(socket, "SO_REUSEADDR"):
        socket.SO_REUSEADDR = 2
    warnings.filterwarnings("ignore", "only soft file lock is available")  # no other process shares these files
