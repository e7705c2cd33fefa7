"""Copies of the data of DB instances, for snapshots and for what is restored from them."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from esaws.data_plane.stores.failures import StoreFailed
from esaws.data_plane.stores.postgresql import complete, copy_data, new_partial

Copy = Callable[[Path], Awaitable[None]]
"""Copies data to a folder that does not exist yet. Raises StoreFailed."""

_PAUSES = (0.0, 1.0, 3.0)
"""Seconds before each attempt: a database that was killed starts again meanwhile."""


@dataclass
class _Snapshot:
    state: str
    reason: str = ""
    task: asyncio.Task[None] | None = None


class SnapshotStore:
    """The copies, by the keys of their snapshots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._snapshots: dict[str, _Snapshot] = {}

    def take(self, key: str, copy: Copy | None, reason: str) -> None:
        """Start to copy the data of a new snapshot, or of one that is copied from another.

        Args:
            key: the snapshot's.
            copy: copies the data; None if there are none, for the `reason`.
            reason: why there are none.
        """
        if key in self._snapshots:
            return
        if self._data(key).exists():
            self._snapshots[key] = _Snapshot("available")
        elif copy is None:
            self._snapshots[key] = _Snapshot("failed", reason)
        else:
            snapshot = self._snapshots[key] = _Snapshot("copying")
            snapshot.task = asyncio.create_task(self._take(snapshot, copy, self._data(key)))

    def copy_of(self, key: str) -> Copy | None:
        """Return what copies the data of a snapshot to a database; None if there is no such snapshot."""
        if key not in self._snapshots:
            return None

        async def copy(target: Path) -> None:
            await self._finished(key)
            await copy_data(self._data(key), target)

        return copy

    def link_of(self, key: str) -> Copy:
        """Return what copies a snapshot to another one, which shares the files with it: neither ever changes."""

        async def link(target: Path) -> None:
            await self._finished(key)
            partial = new_partial(target)
            linked = functools.partial(shutil.copytree, copy_function=os.link, dirs_exist_ok=True)
            await asyncio.to_thread(linked, self._data(key), partial)
            complete(partial, target)

        return link

    def state(self, key: str) -> tuple[str, str]:
        """Return (copying, available or failed; the reason)."""
        snapshot = self._snapshots[key]
        return snapshot.state, snapshot.reason

    def keep_only(self, keys: set[str]) -> None:
        """Delete the copies of snapshots that this object has seen and that no longer exist."""
        for key in self._snapshots.keys() - keys:
            snapshot = self._snapshots[key]
            if snapshot.state != "copying":
                del self._snapshots[key]
                shutil.rmtree(self._data(key), ignore_errors=True)

    async def close(self) -> None:
        """Give up what is being copied."""
        tasks = [snapshot.task for snapshot in self._snapshots.values() if snapshot.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, snapshot: _Snapshot, copy: Copy, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        for pause in _PAUSES:
            if pause:  # the first attempt is made before anything else happens to the data
                await asyncio.sleep(pause)
            try:
                await copy(target)
            except (StoreFailed, OSError) as error:
                snapshot.reason = str(error)
            else:
                snapshot.state, snapshot.reason = "available", ""
                return
        snapshot.state = "failed"

    async def _finished(self, key: str) -> None:
        """Wait until a snapshot is complete. Raises StoreFailed if it has no data."""
        snapshot = self._snapshots.get(key)
        if snapshot is not None and snapshot.task is not None:
            await asyncio.wait([snapshot.task])
        if not self._data(key).exists():
            raise StoreFailed((snapshot.reason if snapshot else "") or "the snapshot has no data")

    def _data(self, key: str) -> Path:
        return self._folder / folder_name(key)


def folder_name(key: str) -> str:
    """The name of a folder for a key such as "123456789012/eu-west-3/db-ABC"."""
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in key)
