"""One database or cache: what should run for it, what does, and the steps from one to the other."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

from esaws.data_plane.client_source import Place
from esaws.data_plane.forwarder import Forwarder
from esaws.data_plane.stores.engines import Engine, Entry, reason_not_to_run
from esaws.data_plane.stores.failures import StoreFailed

_RUNNING = frozenset({"available", "modifying", "rebooting", "rebooting cluster nodes", "backing-up", "snapshotting"})
"""The states of AWS in which the server answers."""
_LONGEST_PAUSE = 30.0
"""Seconds between attempts to start a server that fails; the first pause is two seconds."""
HOST = "127.0.0.1"
"""Where the servers listen, behind their forwarders."""

MakeForwarder = Callable[[Entry, Place], Forwarder]
"""Makes the forwarder of an entry to its server."""


class Store:
    """What runs for one entry. `want` sets the goal; a task of its own works towards it."""

    def __init__(self, folder: Path, engine: Engine, make_forwarder: MakeForwarder) -> None:
        self.folder = folder
        self.lock = asyncio.Lock()
        """Held while the server starts or stops, or its data are copied."""
        self.engine = engine
        self.state, self.reason, self._end = "starting", "", ""
        self._make_forwarder = make_forwarder
        self._forwarder: Forwarder | None = None
        self._wanted: Entry = {}
        self._reached: Entry | None = None
        self._task: asyncio.Task[None] | None = None
        self._retry_at = 0.0
        self._failures = 0
        self._restarts = 0

    @property
    def note(self) -> str:
        """What users should know about it, if it runs."""
        return "; ".join(filter(None, (self.engine.note, self._end)))

    def want(self, entry: Entry) -> None:
        """Set what should run. It is brought in line in the background."""
        if entry != self._wanted:
            self._wanted, self._retry_at = entry, 0.0
        if self._task is not None and not self._task.done():
            return
        if self._is_in_line() or time.monotonic() < self._retry_at:
            return
        if not self._should_run():
            self.state = "stopping" if self.engine.running else "stopped"
        elif self._reboots() or self.state == "stopped":
            self.state = "starting"
        self._task = asyncio.create_task(self._bring_in_line())

    async def remove(self) -> None:
        """Stop the server and delete its data."""
        async with self.lock:
            await self._stop()
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def close(self) -> None:
        """Stop the server; its data stay."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._stop()

    def _is_in_line(self) -> bool:
        if self._reached is None or self._reached != self._wanted:
            return False
        return self.engine.running == (self._should_run() and reason_not_to_run(self._wanted) is None)

    def _should_run(self) -> bool:
        return self._wanted["status"] in _RUNNING

    def _reboots(self) -> bool:
        return self.engine.running and bool(self._restarts != self._wanted.get("restarts", 0))

    async def _bring_in_line(self) -> None:
        async with self.lock:
            while not self._is_in_line():
                entry = self._wanted
                try:
                    await self._step(entry)
                except (StoreFailed, OSError) as error:
                    await self._stop()
                    self.state, self.reason = "failed", str(error)
                    self._failures += 1
                    self._retry_at = time.monotonic() + min(2.0**self._failures, _LONGEST_PAUSE)
                    return
                self._reached, self._failures = entry, 0
            self.reason = reason_not_to_run(self._wanted) or ""
            self.state = "failed" if self.reason else "running" if self.engine.running else "stopped"

    async def _step(self, entry: Entry) -> None:
        if reason_not_to_run(entry) is not None:
            return
        if not self._should_run():
            await self._stop()
            return
        if self._reboots():
            self.state = "starting"
            await self._stop(reboots=True)
        if not self.engine.running:
            await self._start(entry)
        else:
            await self.engine.apply(entry)

    async def _start(self, entry: Entry) -> None:
        if self.state == "running":
            self._end = f"its server had ended and was started again; its last line: {self.engine.last_line}"
        self.state, self.reason = "starting", ""
        await self._stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        await self.engine.start(port, entry)
        self._forwarder = self._make_forwarder(entry, (HOST, port))
        await self._forwarder.start()
        self._restarts = entry.get("restarts", 0)

    async def _stop(self, *, reboots: bool = False) -> None:
        if self._forwarder is not None:
            await self._forwarder.close()
            self._forwarder = None
        if self.folder.exists():
            await self.engine.stop(reboots=reboots)


def free_port(preferred: int = 0) -> int:
    """Return a port of HOST that is free: the preferred one if it is, or any."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, preferred))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])
