"""What runs for a database or cache, by its engine: the same four verbs for both servers, or a reason why not."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from esaws.data_plane.stores.postgresql import PostgresqlServer
from esaws.data_plane.stores.valkey import ValkeyServer
from esaws.data_plane.watchdog import Watchdog

Entry = Mapping[str, Any]
"""What should run, as the local AWS describes it: `Stores.reconcile`."""

GiveData = Callable[[Path], Awaitable[str]]
"""Fills the data folder of a new database; returns what users should know about where the data came from."""


class Engine(Protocol):
    """A server with its data."""

    program: str
    version: str
    note: str
    """What users should know about its data; empty if there is nothing to say."""

    @property
    def running(self) -> bool: ...

    @property
    def last_line(self) -> str: ...

    async def start(self, port: int, entry: Entry) -> None:
        """Start it on a port of 127.0.0.1, with its data. Raises StoreFailed."""

    async def apply(self, entry: Entry) -> None:
        """Apply the settings of an entry that have changed. Raises StoreFailed."""

    async def stop(self, *, reboots: bool) -> None:
        """Stop it; it keeps its data, unless its engine loses them in a reboot."""


class Postgresql:
    """The engine of a DB instance."""

    program = "PostgreSQL"

    def __init__(self, folder: Path, give_data: GiveData, watchdog: Watchdog | None) -> None:
        self.server = PostgresqlServer(folder, watchdog)
        self.note = ""
        self.version = ""
        self._give_data = give_data
        self._applied = ""

    @property
    def running(self) -> bool:
        return self.server.running

    @property
    def last_line(self) -> str:
        return self.server.last_line

    async def ensure_data(self) -> None:
        """Fill the data folder unless it has been."""
        if not self.server.data.exists():
            self.note = await self._give_data(self.server.data)

    async def start(self, port: int, entry: Entry) -> None:
        await self.ensure_data()
        await self.server.start(port)
        self._applied = ""
        await self.apply(entry)
        self.version = self.server.version

    async def apply(self, entry: Entry) -> None:
        settings = (entry["user"], entry["password"], entry.get("database"))
        fingerprint = hashlib.sha256(repr(settings).encode()).hexdigest()
        if fingerprint != self._applied:
            await self.server.set_up(*settings)
            self._applied = fingerprint

    async def stop(self, *, reboots: bool) -> None:
        await self.server.stop()


class Valkey:
    """The engine of a cache."""

    program = "Valkey"

    def __init__(self, folder: Path, watchdog: Watchdog | None) -> None:
        self._server = ValkeyServer(folder, watchdog)
        self.note = ""
        self.version = ""

    @property
    def running(self) -> bool:
        return self._server.running

    @property
    def last_line(self) -> str:
        return self._server.last_line

    async def start(self, port: int, entry: Entry) -> None:
        await self._server.start(port)
        self.version = self._server.version

    async def apply(self, entry: Entry) -> None:
        """A cache has no settings that are applied while it runs."""

    async def stop(self, *, reboots: bool) -> None:
        await self._server.stop()
        if reboots:
            self._server.forget_data()


def reason_not_to_run(entry: Entry) -> str | None:
    """Why nothing runs for an entry; None if something does."""
    engine = str(entry["engine"])
    if entry["kind"] == "replication_group":
        return "replication groups are simulated; only cache clusters without replicas run"
    if entry["kind"] == "cache_cluster":
        if engine not in ("redis", "valkey"):
            return f"{engine} is simulated; only Redis and Valkey run"
        if entry.get("encrypted_in_transit"):
            return "encryption in transit is simulated: the cache would not answer its TLS clients"
        return None
    if engine != "postgres":
        return f"{engine} is simulated; only PostgreSQL runs"
    if entry.get("replica_of"):
        return "read replicas are simulated; only their source runs"
    if not entry.get("password"):
        return "the password of its master user is not known"
    return None
