"""A process that ends all others when the supervisor has ended, however it did.

The supervisor writes `+PID` for each process group that it starts and `-PID` for each that has ended. At the end of the
file, which comes when the supervisor has exited or was killed, all groups that are left are killed, and the processes
of containers that have left their groups.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from uuid import uuid4

from esaws.data_plane.container_members import kill_members


class Watchdog:
    """The watchdog of this process."""

    def __init__(self) -> None:
        self.session = uuid4().hex
        """The beginning of the marks of all containers of this process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "esaws.data_plane.watchdog", self.session],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """Kill a process group when this process ends."""
        self._write(f"+{group}")

    def forget(self, group: int) -> None:
        """A process group has ended."""
        self._write(f"-{group}")

    def close(self) -> None:
        """End the watchdog; it kills what is still watched."""
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def _write(self, line: str) -> None:
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()


def kill_group(group: int) -> None:
    """Kill every process of a group, if any is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def main(lines: Iterable[str], session: str) -> None:
    groups: set[int] = set()
    for line in lines:
        change, group = line[0], int(line[1:])
        (groups.add if change == "+" else groups.discard)(group)
    for group in groups:
        kill_group(group)
    kill_members(session)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    main(sys.stdin, sys.argv[1])
