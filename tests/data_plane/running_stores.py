"""Stores that really run, for tests: an event loop in a thread, and clients of the servers."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import redis

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.stores import Stores

PLACE = {"account": "123456789012", "region": "eu-west-3"}
PASSWORD = "it's-a-secret"


def database(name: str, **changes: Any) -> dict[str, Any]:
    """Return what the local AWS describes for a DB instance that is available."""
    return {
        **PLACE,
        "kind": "db_instance",
        "key": f"123456789012/eu-west-3/db-{name.upper()}",
        "id": name,
        "status": "available",
        "engine": "postgres",
        "engine_version": "16.9",
        "user": "seccom",
        "password": PASSWORD,
        "database": "sites",
        "address": None,
        "port": 5432,
        "restored_from": None,
        **changes,
    }


def snapshot(name: str, source: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        **PLACE,
        "kind": "db_snapshot",
        "key": f"123456789012/eu-west-3/{name}@1",
        "id": name,
        "status": "available",
        "engine": source["engine"],
        "source": source["key"],
        **changes,
    }


def cache(name: str, **changes: Any) -> dict[str, Any]:
    return {
        **PLACE,
        "kind": "cache_cluster",
        "key": f"123456789012/eu-west-3/{name}@1",
        "id": name,
        "status": "available",
        "engine": "redis",
        "address": None,
        "port": 6379,
        **changes,
    }


def query(place: dict[str, Any], sql: str, *, user: str = "seccom", password: str = PASSWORD) -> list[Any]:
    """Return the rows of a statement in the database `sites`; none for a statement without rows."""
    connection = psycopg.connect(
        host=place["host"],
        port=place["port"],
        user=user,
        password=password,
        dbname="sites",
        autocommit=True,
        connect_timeout=30,
    )
    with closing(connection):
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def client(place: dict[str, Any]) -> "redis.Redis[str]":
    return redis.Redis(place["host"], place["port"], decode_responses=True, socket_timeout=30)


class RunningStores:
    """`Stores` in a thread of its own; `show` brings them in line and waits until they are."""

    def __init__(self, folder: Path, template: Path, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._addresses = Addresses()
        self.stores = Stores(folder, self._addresses, template=template, **options)
        self.desired: dict[str, dict[str, Any]] = {}

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def show(self, *entries: dict[str, Any], gone: tuple[dict[str, Any], ...] = ()) -> list[dict[str, Any]]:
        """Return the observations of some entries, which are added to what should run, when they are final."""
        for entry in gone:
            del self.desired[entry["key"]]
        self.desired |= {entry["key"]: entry for entry in entries}
        keys = [entry["key"] for entry in entries]
        self.call(self.stores.reconcile(list(self.desired.values())))
        passing = ("starting", "stopping", "copying")
        return [self.until(key, lambda observed: observed["state"] not in passing) for key in keys]

    def until(self, key: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Reconcile until the observation of a key is so."""
        deadline = time.monotonic() + 180
        while True:
            found = {each["key"]: each for each in self.call(self.stores.reconcile(list(self.desired.values())))}
            if is_so(found[key]):
                return dict(found[key])
            assert time.monotonic() < deadline, found[key]
            time.sleep(0.05)

    def close(self) -> None:
        self.call(self.stores.close())
        self._addresses.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
