"""psutil in a browser: the processes are this interpreter and the programs that run in it."""

from __future__ import annotations

from browser_machine import programs

STATUS_RUNNING, STATUS_ZOMBIE = "running", "zombie"


class Error(Exception):
    """Any error of psutil."""


class NoSuchProcess(Error):
    """The process has ended."""


class AccessDenied(Error):
    """The process belongs to another user, of whom there is none here."""


class Process:
    """This interpreter, or a program."""

    def __init__(self, pid: int | None = None) -> None:
        self.pid = programs.own_pid() if pid is None else pid
        if self.pid != programs.own_pid() and programs.program(self.pid) is None:
            raise NoSuchProcess(self.pid)

    def create_time(self) -> float:
        """The same for all: process ids are not used again."""
        return 0.0

    def status(self) -> str:
        return STATUS_RUNNING

    def terminate(self) -> None:
        """Let a program save its state and end."""
        self._end(saves=True)

    def kill(self) -> None:
        """End a program as it is."""
        self._end(saves=False)

    def _end(self, saves: bool) -> None:
        program = programs.program(self.pid)
        if program is None:
            raise NoSuchProcess(self.pid)
        program.end(saves)
