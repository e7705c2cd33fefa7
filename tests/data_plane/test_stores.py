"""Databases and caches run: clients use them as on AWS, and their data outlive restarts and crashes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.stores import Stores, server_process
from esaws.data_plane.watchdog import Watchdog
from tests.data_plane.running_stores import PASSWORD, RunningStores, cache, client, database, query, snapshot

MAIN = database("main", address="10.0.1.7")
REBOOTED = {**MAIN, "restarts": 1}
REDIS = cache("redis", address="10.0.1.8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def stores(folder: Path, template: Path) -> Iterator[RunningStores]:
    running = RunningStores(folder, template)
    running.show(MAIN, REDIS)
    yield running
    running.close()
    assert servers_of(folder) == []


def servers_of(folder: Path) -> list[psutil.Process]:
    """The servers of a folder: the processes that work in it."""
    return [process for process in psutil.process_iter() if works_in(process, folder)]


def works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd().startswith(str(folder)) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def test_a_database_answers_its_master_user_at_its_address(stores: RunningStores) -> None:
    [place] = stores.show(MAIN)
    assert (place["host"], place["declared"]) == ("127.0.1.7", "postgres 16.9")
    assert place["runs"].startswith("PostgreSQL 18")
    query(place, "CREATE TABLE sites AS SELECT 'depot' AS name")
    assert query(place, "SELECT * FROM sites") == [("depot",)]
    [(is_superuser, may_create)] = query(place, "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = user")
    assert (is_superuser, may_create) == (False, True)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(place, "SELECT 1", password="wrong")


def test_a_restored_snapshot_has_the_rows_of_its_time(stores: RunningStores, folder: Path) -> None:
    [place] = stores.show(MAIN)
    query(place, "CREATE TABLE clips AS SELECT generate_series(1, 1000) AS clip")
    taken = snapshot("before", MAIN)
    copied = snapshot("copied", MAIN, copy_of=taken["key"])
    assert [each["state"] for each in stores.show(taken, copied)] == ["available"] * 2
    query(place, "DELETE FROM clips")
    restored = database("restored", restored_from=copied["key"])
    [other] = stores.show(restored)
    assert query(other, "SELECT count(*) FROM clips") == [(1000,)]
    assert query(place, "SELECT count(*) FROM clips") == [(0,)]
    stores.show(gone=(restored, taken, copied))
    wait_until(lambda: not list(folder.glob("snapshots/*")) and len(list(folder.glob("db_instance/*"))) == 1)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        query(other, "SELECT 1")


def test_what_is_restored_without_its_snapshot_is_empty_and_says_so(stores: RunningStores) -> None:
    lost = database("lost", restored_from="123456789012/eu-west-3/elsewhere@1")
    [place] = stores.show(lost)
    assert place["note"] == "it started as an empty database: what it was restored from is not on this machine"
    assert query(place, "SELECT 1") == [(1,)]
    stores.show(gone=(lost,))


def test_a_changed_password_applies_while_the_database_runs(stores: RunningStores) -> None:
    [place] = stores.show(MAIN)
    stores.show({**MAIN, "password": "another-secret"})
    wait_until(lambda: answers(place, "another-secret"))
    assert not answers(place, PASSWORD)
    stores.show(MAIN)
    wait_until(lambda: answers(place, PASSWORD))


def test_a_stopped_database_refuses_connections_and_keeps_its_rows(stores: RunningStores) -> None:
    [place] = stores.show(MAIN)
    query(place, "CREATE TABLE kept AS SELECT 7 AS number")
    [stopped] = stores.show({**MAIN, "status": "stopped"})
    assert (stopped["state"], stopped["port"]) == ("stopped", None)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        query(place, "SELECT 1")
    [place] = stores.show(MAIN)
    assert query(place, "SELECT * FROM kept") == [(7,)]


def test_a_reboot_ends_connections(stores: RunningStores) -> None:
    [place] = stores.show(MAIN)
    with psycopg.connect(
        host=place["host"], port=place["port"], user="seccom", password=PASSWORD, dbname="sites"
    ) as connection:
        [place] = stores.show(REBOOTED)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert query(place, "SELECT 1") == [(1,)]


def test_a_killed_database_runs_again_with_what_was_committed(stores: RunningStores, folder: Path) -> None:
    [place] = stores.show(REBOOTED)
    query(place, "CREATE TABLE committed AS SELECT 1 AS number")
    record = json.loads(next(folder.glob("db_instance/*_db-MAIN/process.json")).read_text())
    os.kill(record["pid"], signal.SIGKILL)
    place = stores.until(REBOOTED["key"], lambda observed: "started again" in observed["note"])
    place = stores.until(REBOOTED["key"], lambda observed: observed["state"] == "running")
    assert query(place, "SELECT * FROM committed") == [(1,)]


def test_a_cache_keeps_values_until_it_is_rebooted(stores: RunningStores) -> None:
    [place] = stores.show(REDIS)
    assert (place["host"], place["runs"][:7]) == ("127.0.1.8", "Valkey ")
    client(place).set("event", "door opened")
    assert client(place).get("event") == "door opened"
    with pytest.raises(redis.ResponseError, match="unknown command"):
        client(place).config_get("save")
    [place] = stores.show({**REDIS, "restarts": 1})
    assert client(place).get("event") is None


NOT_RUN = {
    "mysql": (database("orders", engine="mysql"), "mysql is simulated; only PostgreSQL runs"),
    "aurora": (database("aurora", engine="aurora-postgresql", password=None), "aurora-postgresql is simulated"),
    "replica": (database("replica", replica_of="main"), "read replicas are simulated"),
    "memcached": (cache("pages", engine="memcached"), "memcached is simulated; only Redis and Valkey run"),
    "tls": (cache("private", encrypted_in_transit=True), "encryption in transit is simulated"),
    "group": (cache("group", kind="replication_group"), "replication groups are simulated"),
}


@pytest.mark.parametrize("name", NOT_RUN)
def test_what_does_not_run_says_why(stores: RunningStores, name: str) -> None:
    entry, reason = NOT_RUN[name]
    [observed] = stores.show(entry)
    assert observed["state"] == "failed"
    assert observed["reason"].startswith(reason)
    stores.show(gone=(entry,))


class Watched(Watchdog):
    """A watchdog that only notes what it is asked to watch."""

    def __init__(self) -> None:
        self.groups: list[int] = []

    def watch(self, group: int) -> None:
        self.groups.append(group)

    def forget(self, group: int) -> None:
        self.groups.remove(group)


def test_the_watchdog_has_the_servers_where_the_platform_does_not_end_them(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_process, "DIES_WITH_PARENT", False)
    watched = Watched()
    running = RunningStores(tmp_path, template, watchdog=watched)
    running.show(cache("watched"))
    assert watched.groups == [process.pid for process in servers_of(tmp_path)]
    running.close()
    assert watched.groups == []


def test_a_forbidden_client_waits_and_an_allowed_one_is_answered(tmp_path: Path, template: Path) -> None:
    asked: list[tuple[str, str | None]] = []

    def may_reach(entry: Mapping[str, Any], source: str | None) -> bool:
        asked.append((entry["id"], source))
        return source != "10.0.9.9"

    sources = iter(["10.0.9.9", "10.0.1.5"])
    running = RunningStores(tmp_path, template, may_reach=may_reach, find_source=lambda client, here: next(sources))
    [place] = running.show(cache("guarded"))
    with pytest.raises(TimeoutError):
        ping(place, patience=0.5)
    assert ping(place, patience=5) == b"+PONG\r\n"
    assert asked == [("guarded", "10.0.9.9"), ("guarded", "10.0.1.5")]
    running.close()


def test_stores_without_an_interface_have_ports_of_their_own(tmp_path: Path, template: Path) -> None:
    running = RunningStores(tmp_path, template)
    first, second = running.show(cache("first"), cache("second"))
    assert first["port"] != second["port"]
    client(first).set("name", "first")
    assert client(second).get("name") is None
    running.close()


def test_a_store_whose_port_is_taken_says_so(tmp_path: Path, template: Path) -> None:
    running = RunningStores(tmp_path, template)
    taken = cache("taken", address="10.0.1.77", port=6399)
    place = running.stores._addresses.place("10.0.1.77", 6399)
    with socket.create_server(place):
        [observed] = running.show(taken)
        assert observed["state"] == "failed"
        assert "address already in use" in observed["reason"]
        assert servers_of(tmp_path) == []
    running.close()


SUPERVISOR = """
import asyncio, json, sys
from pathlib import Path
from esaws.data_plane.addresses import Addresses
from esaws.data_plane.stores import Stores, server_process

async def main():
    stores = Stores(Path(sys.argv[1]), Addresses(), template=Path(sys.argv[2]))
    while True:
        observed = await stores.reconcile(json.loads(sys.argv[3]))
        if all(each["state"] == "running" for each in observed):
            print(json.dumps(observed), flush=True)
        await asyncio.sleep(0.05)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends the children of a killed process")
def test_nothing_is_left_of_a_killed_supervisor_and_the_next_one_has_the_data(tmp_path: Path, template: Path) -> None:
    entries = [database("one"), cache("two")]
    arguments = [sys.executable, "-c", SUPERVISOR, str(tmp_path), str(template), json.dumps(entries)]
    supervisor = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    first: list[dict[str, Any]] = json.loads(supervisor.stdout.readline())
    query(first[0], "CREATE TABLE kept AS SELECT 1 AS number")
    client(first[1]).set("kept", "yes")
    assert len(servers_of(tmp_path)) >= 3
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    supervisor.stdout.close()
    wait_until(lambda: servers_of(tmp_path) == [])
    running = RunningStores(tmp_path, template)
    try:
        places = running.show(*entries)
        assert query(places[0], "SELECT * FROM kept") == [(1,)]
        assert client(places[1]).get("kept") == "yes"
    finally:
        running.close()
    assert servers_of(tmp_path) == []


def ping(place: dict[str, Any], patience: float) -> bytes:
    with socket.create_connection((place["host"], place["port"]), patience) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(100)


def answers(place: dict[str, Any], password: str) -> bool:
    try:
        return query(place, "SELECT 1", password=password) == [(1,)]
    except psycopg.OperationalError:
        return False


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_place_of_a_store_is_known_before_it_runs(tmp_path: Path) -> None:
    addresses = Addresses()
    stores = Stores(tmp_path, addresses)
    entry = {"key": "a", "address": "10.0.3.7", "port": 5432}
    assert stores.place_of(entry) == stores.place_of(entry)
    assert stores.place_of(entry)[0] in ("127.0.3.7", "127.0.0.1")
    addresses.close()
