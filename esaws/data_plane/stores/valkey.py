"""Valkey servers, which speak the protocol of Redis."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from esaws.data_plane.stores import programs
from esaws.data_plane.stores.server_process import ServerProcess
from esaws.data_plane.watchdog import Watchdog

HOST = "127.0.0.1"
_READY = b"Ready to accept connections"
_VERSION = re.compile(r"Valkey version=([\d.]+)")
_DUMP = "dump.rdb"
_MEMORY = "64mb"
_RESTRICTED = [
    "acl",
    "bgrewriteaof",
    "bgsave",
    "config",
    "debug",
    "migrate",
    "module",
    "psync",
    "replicaof",
    "save",
    "shutdown",
    "slaveof",
    "sync",
]
"""https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RestrictedCommands.html"""


class ValkeyServer:
    """The server of one folder. It saves its data there when it stops, and each minute in which they changed."""

    def __init__(self, folder: Path, watchdog: Watchdog | None) -> None:
        self._folder = folder
        self._process = ServerProcess(folder, "Valkey", watchdog)
        self.version = ""

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def last_line(self) -> str:
        return self._process.last_line

    async def start(self, port: int) -> None:
        """Start the server on a port of HOST. Raises StoreFailed."""
        settings = {
            "bind": HOST,
            "port": str(port),
            "dir": str(self._folder),
            "dbfilename": _DUMP,
            "save": "60 1",
            "appendonly": "no",
            "maxmemory": _MEMORY,
            "maxmemory-policy": "volatile-lru",
            "protected-mode": "no",
            "crash-log-enabled": "no",
        }
        command: list[str | Path] = [programs.valkey()]
        for name, value in settings.items():
            command += [f"--{name}", value]
        for name in _RESTRICTED:
            command += ["--rename-command", name, ""]
        await self._process.start(command, ready=_READY, death_signal=signal.SIGTERM)
        found = _VERSION.search(self._process.output)
        self.version = found[1] if found else ""

    async def stop(self) -> None:
        """Save the data and stop."""
        await self._process.stop((signal.SIGTERM, 10.0))

    def forget_data(self) -> None:
        """Delete the data, as a reboot of a cache does."""
        (self._folder / _DUMP).unlink(missing_ok=True)
