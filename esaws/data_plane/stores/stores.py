"""Bring the databases and caches that run in line with those that the local AWS has."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.client_source import FindSource, Place
from esaws.data_plane.forwarder import Forwarder
from esaws.data_plane.stores.engines import Engine, Entry, Postgresql, Valkey
from esaws.data_plane.stores.failures import StoreFailed
from esaws.data_plane.stores.postgresql import PARTIAL, Template
from esaws.data_plane.stores.server_process import stop_recorded
from esaws.data_plane.stores.snapshots import Copy, SnapshotStore, folder_name
from esaws.data_plane.stores.store import HOST, Store, free_port
from esaws.data_plane.watchdog import Watchdog

_DATABASE, _SNAPSHOT = "db_instance", "db_snapshot"
_MOST_STORES = 20
_MOST_UNUSED = 5

MayReach = Callable[[Entry, str | None], bool | None]
"""Whether a source (a private address, or None for the operator) may connect to the store of an entry."""


class Stores:
    """The stores of a folder. One object at a time may use the folder.

    Args:
        folder: where the data are kept; it is created.
        addresses: where private addresses listen on this machine.
        may_reach: decides who may connect; by default, everybody.
        find_source: the private address that a client's socket has on AWS; by default, all are the operator's.
        template: the folder with an initialised, empty database system; it is created if it does not exist.
        watchdog: ends the servers when this process has ended, where the platform does not.
    """

    def __init__(
        self,
        folder: Path,
        addresses: Addresses,
        *,
        may_reach: MayReach = lambda entry, source: True,
        find_source: FindSource = lambda client, here: None,
        template: Path | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._folder = folder
        self._addresses = addresses
        self._may_reach = may_reach
        self._find_source = find_source
        self._watchdog = watchdog
        self._template = Template(template or folder / "template")
        self._stores: dict[str, Store] = {}
        self._entries: dict[str, Entry] = {}
        self._removals: dict[str, asyncio.Task[None]] = {}
        self._places: dict[str, Place] = {}
        self._snapshots = SnapshotStore(folder / "snapshots")
        self._is_clean = False

    async def reconcile(self, desired: Iterable[Entry]) -> list[dict[str, Any]]:
        """Bring the stores in line, and return what is so far; work that takes time goes on in the background.

        Args:
            desired: what should run, from `desired_stores` of the local AWS: {kind: db_instance | db_snapshot |
                cache_cluster | replication_group, key, account, region, id, status, engine, …}.

        Returns:
            {kind, key, account, region, id, declared, runs, state, reason, note, host, port} for each, but for
            snapshots of other engines than PostgreSQL. `state` is starting, running, stopping, stopped or failed, for
            the `reason`; of a snapshot copying, available or failed. `declared` is what AWS has, such as "postgres
            16.9", and `runs` what does, such as "PostgreSQL 18.6"; `note` is what else users should know, and `host`
            and `port` where it listens on this machine.
        """
        if not self._is_clean:
            self._folder.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(self._stop_leftovers)
            self._is_clean = True
        desired = [entry for entry in desired if entry["kind"] != _SNAPSHOT or entry["engine"] == "postgres"]
        stores = {str(entry["key"]): entry for entry in desired if entry["kind"] != _SNAPSHOT}
        snapshots = {str(entry["key"]): entry for entry in desired if entry["kind"] == _SNAPSHOT}
        for key, entry in stores.items():
            self._want(key, entry)
        for entry in snapshots.values():
            self._take(entry)
        for key in self._stores.keys() - stores.keys():  # a final snapshot has been started before
            self._remove(key)
        self._snapshots.keep_only(set(snapshots))
        return [self._observe(entry) for entry in desired]

    async def close(self) -> None:
        """Stop all servers. Their data stay in the folder."""
        await self._snapshots.close()
        await asyncio.gather(*self._removals.values(), return_exceptions=True)
        await asyncio.gather(*(store.close() for store in self._stores.values()), return_exceptions=True)
        await asyncio.to_thread(self._delete_unused)

    def _want(self, key: str, entry: Entry) -> None:
        if key in self._removals and not self._removals[key].done():
            return
        if key not in self._stores:
            if len(self._stores) >= _MOST_STORES:
                return
            folder = self._folder / entry["kind"] / folder_name(key)
            self._stores[key] = Store(folder, self._engine(folder, key), self._forwarder)
        self._entries[key] = entry
        self._stores[key].want(entry)

    def _engine(self, folder: Path, key: str) -> Engine:
        if folder.parent.name != _DATABASE:
            return Valkey(folder, self._watchdog)

        async def give_data(data: Path) -> str:
            return await self._give_data(key, data)

        return Postgresql(folder, give_data, self._watchdog)

    async def _give_data(self, key: str, data: Path) -> str:
        """Fill the data folder of a new database, from its snapshot or empty."""
        entry = self._entries[key]
        source = entry.get("restored_from")
        if source is not None:
            copy = self._snapshots.copy_of(source) or self._copy_of_instance(source)
            if copy is None:
                await self._template.copy_to(data)
                return "it started as an empty database: what it was restored from is not on this machine"
            await copy(data)
            return ""
        await self._template.copy_to(data)
        return "it started as an empty database"

    def _take(self, entry: Entry) -> None:
        """Copy the data of a new snapshot, from its instance or from the snapshot that it is a copy of."""
        source = entry.get("copy_of")
        copy = self._snapshots.link_of(source) if source else self._copy_of_instance(entry["source"])
        self._snapshots.take(entry["key"], copy, "its DB instance has no data on this machine")

    def _copy_of_instance(self, key: str) -> Copy | None:
        store = self._stores.get(key)
        if store is None or not isinstance(engine := store.engine, Postgresql):
            return None

        async def copy(target: Path) -> None:
            async with store.lock:
                if self._stores.get(key) is store:
                    await engine.ensure_data()  # it may have been stopped before it ran
                if not engine.server.data.exists():
                    raise StoreFailed(store.reason or "its DB instance has no data on this machine")
                await engine.server.back_up(target)

        return copy

    def _remove(self, key: str) -> None:
        self._removals[key] = asyncio.create_task(self._stop_and_delete(self._stores.pop(key), self._entries.pop(key)))

    async def _stop_and_delete(self, store: Store, entry: Entry) -> None:
        await store.remove()
        self._places.pop(str(entry["key"]), None)
        if entry.get("address"):
            self._addresses.forget(entry["address"])

    def _forwarder(self, entry: Entry, to: Place) -> Forwarder:
        return Forwarder(self.place_of(entry), to, lambda source: self._may_reach(entry, source), self._find_source)

    def place_of(self, entry: Entry) -> Place:
        """Return where a store listens once it runs. One without an interface in a subnet has a port of its own."""
        key = str(entry["key"])
        if entry.get("address"):
            return self._addresses.place(entry["address"], entry["port"])
        if key not in self._places:
            taken = {port for _, port in self._places.values()}
            self._places[key] = HOST, free_port(0 if entry["port"] in taken else entry["port"])
        return self._places[key]

    def _observe(self, entry: Entry) -> dict[str, Any]:
        key = str(entry["key"])
        observed = {name: entry[name] for name in ("kind", "key", "account", "region", "id")}
        observed |= {"declared": f"{entry['engine']} {entry.get('engine_version') or ''}".strip(), "runs": ""}
        observed |= {"state": "starting", "reason": "", "note": "", "host": None, "port": None}
        if entry["kind"] == _SNAPSHOT:
            observed["state"], observed["reason"] = self._snapshots.state(key)
        elif (store := self._stores.get(key)) is not None:
            observed |= {"state": store.state, "reason": store.reason, "note": store.note}
            if store.state == "running":
                observed["runs"] = f"{store.engine.program} {store.engine.version}"
                observed["host"], observed["port"] = self.place_of(entry)
        elif key not in self._removals:
            observed |= {"state": "failed", "reason": f"{_MOST_STORES} stores run already, the most that do"}
        return observed

    def _stop_leftovers(self) -> None:
        """Stop what an earlier object, which was killed, has left running, and delete what it has left incomplete."""
        for record in self._folder.glob("*/*/process.json"):
            stop_recorded(record.parent)
        for pattern in (f"*{PARTIAL}*", f"*/*{PARTIAL}*", f"*/*/*{PARTIAL}*"):
            for folder in self._folder.glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)

    def _delete_unused(self) -> None:
        """Delete the data of instances that no longer existed when this object was used, but for the newest few."""
        known = {store.folder for store in self._stores.values()}
        for kind in (_DATABASE, "cache_cluster"):
            unused = [folder for folder in (self._folder / kind).glob("*") if folder not in known]
            for folder in sorted(unused, key=lambda folder: folder.stat().st_mtime)[:-_MOST_UNUSED]:
                shutil.rmtree(folder, ignore_errors=True)
