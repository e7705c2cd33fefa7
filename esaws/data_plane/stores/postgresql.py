"""PostgreSQL servers: their data, initialised once and copied, their master user, and consistent copies of them."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from esaws.data_plane.stores import programs
from esaws.data_plane.stores.failures import StoreFailed
from esaws.data_plane.stores.server_process import ServerProcess, run, stop_working_in
from esaws.data_plane.stores.unprivileged import User, user_instead_of_root
from esaws.data_plane.watchdog import Watchdog

HOST = "127.0.0.1"
PARTIAL = ".partial-"
"""In the name of a folder that is not complete."""
_ADMIN = "rdsadmin"
"""The superuser, as on RDS: a master user is none."""
_ADMIN_PASSWORD = "esaws_admin_password"
"""The file in the data folder, so that it goes along with every copy."""
_READY = b"database system is ready to accept connections"
_VERSION = re.compile(r"starting PostgreSQL ([\d.]+)")
_NOT_COPIED = shutil.ignore_patterns("postmaster.pid", "postmaster.opts")
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
_SETTINGS = {
    "autovacuum_max_workers": "1",
    "cluster_name": "",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so that a killed server leaves no file elsewhere
    "fsync": "off",  # data survive the end of any process; only a crash of the machine itself can damage them
    "full_page_writes": "off",
    "io_method": "sync",
    "jit": "off",
    "log_timezone": "UTC",
    "maintenance_work_mem": "16MB",
    "max_connections": "80",
    "max_logical_replication_workers": "0",
    "max_parallel_workers": "0",
    "max_wal_size": "64MB",
    "max_worker_processes": "2",
    "min_wal_size": "2MB",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "16MB",
    "timezone": "UTC",
    "unix_socket_directories": "",
}
"""Small: a dozen servers have to fit a laptop."""


class Template:
    """The data of an empty database system: initialised once, then copied for each DB instance."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = asyncio.Lock()

    async def copy_to(self, data: Path) -> None:
        """Copy it to a data folder that does not exist yet."""
        async with self._lock:
            if not self._folder.exists():
                await self._initialise()
        await copy_data(self._folder, data)

    async def _initialise(self) -> None:
        partial = new_partial(self._folder)
        password = secrets.token_urlsafe(24)
        password_file = partial.with_name(f"{partial.name}.password")
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(password)
            _give_to_server(password_file)
            command: list[str | Path] = [
                programs.postgresql("initdb"),
                *("-D", partial, "-U", _ADMIN, f"--pwfile={password_file}", "--auth=scram-sha-256"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--wal-segsize=1", "--no-sync", "--no-instructions"),
            ]
            await run(command, user=_server_user(), environment=_ENVIRONMENT, folder=self._folder.parent)
            password_file.rename(partial / _ADMIN_PASSWORD)
        finally:
            password_file.unlink(missing_ok=True)
        complete(partial, self._folder)


class PostgresqlServer:
    """The server of one data folder."""

    def __init__(self, folder: Path, watchdog: Watchdog | None) -> None:
        self.data = folder / "data"
        self.version = ""
        self._process = ServerProcess(folder, "PostgreSQL", watchdog)
        self._port = 0

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def last_line(self) -> str:
        return self._process.last_line

    async def start(self, port: int) -> None:
        """Start the server on a port of HOST. Raises StoreFailed."""
        await asyncio.to_thread(stop_working_in, self.data)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        await asyncio.to_thread(_give_to_server, self.data)  # esaws may have been installed elsewhere before
        settings = {**_SETTINGS, "listen_addresses": HOST, "port": str(port)}
        command: list[str | Path] = [
            programs.postgresql("postgres"),
            *("-D", self.data),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ]
        await self._process.start(
            command,
            ready=_READY,
            death_signal=signal.SIGQUIT,
            user=_server_user(),
            environment=_ENVIRONMENT,
        )
        self._port = port
        found = _VERSION.search(self._process.output)
        self.version = found[1] if found else ""

    async def stop(self) -> None:
        """End its connections and stop it, with a checkpoint if it does so in time."""
        was_killed = not self.running
        await self._process.stop((signal.SIGINT, 10.0), (signal.SIGQUIT, 6.0))
        if was_killed:
            await asyncio.to_thread(stop_working_in, self.data)

    async def set_up(self, user: str, password: str, database: str | None) -> None:
        """Create the master user and the first database unless they exist, and set the user's password."""
        from psycopg import sql

        async with self._connection() as connection:
            name = sql.Identifier(user)
            verifier = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode()
            for role, options in (("rds_superuser", "NOLOGIN"), (user, "LOGIN CREATEDB CREATEROLE")):
                found = await connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
                if not found.rowcount:
                    await connection.execute(sql.SQL(f"CREATE ROLE {{}} {options}").format(sql.Identifier(role)))
            await connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier)))
            await connection.execute(
                "GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_maintain TO rds_superuser WITH ADMIN OPTION"
            )
            await connection.execute(sql.SQL("GRANT rds_superuser TO {} WITH ADMIN OPTION").format(name))
            await connection.execute(sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(name))
            if database and database != "postgres":
                found = await connection.execute("SELECT FROM pg_database WHERE datname = %s", (database,))
                if not found.rowcount:
                    create = sql.SQL("CREATE DATABASE {} OWNER {}")
                    await connection.execute(create.format(sql.Identifier(database), name))

    async def back_up(self, target: Path) -> None:
        """Copy the data, as of one moment, to a folder that does not exist yet. The server may run."""
        if not self.running:
            await asyncio.to_thread(stop_working_in, self.data)
            await copy_data(self.data, target)
            return
        partial = new_partial(target)
        command: list[str | Path] = [
            programs.postgresql("pg_basebackup"),
            *("-h", HOST, "-p", str(self._port), "-U", _ADMIN, "-D", partial),
            *("--checkpoint=fast", "--wal-method=fetch", "--no-manifest", "--no-sync", "--no-password"),
        ]
        environment = {**_ENVIRONMENT, "PGPASSWORD": self._admin_password()}
        try:
            await run(command, user=None, environment=environment, folder=target.parent)
            await asyncio.to_thread(_give_to_server, partial)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
            raise
        complete(partial, target)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        import psycopg

        try:
            connection = await psycopg.AsyncConnection.connect(
                host=HOST,
                port=self._port,
                user=_ADMIN,
                password=self._admin_password(),
                dbname="postgres",
                autocommit=True,
                connect_timeout=10,
            )
            async with connection:
                yield connection
        except psycopg.Error as error:
            raise StoreFailed(f"PostgreSQL refused its administrator: {str(error).strip()}") from error

    def _admin_password(self) -> str:
        return (self.data / _ADMIN_PASSWORD).read_text()


async def copy_data(source: Path, target: Path) -> None:
    """Copy the data folder of a server that does not run to one that does not exist yet, all or nothing."""
    partial = new_partial(target)

    def copy() -> None:
        shutil.copytree(source, partial, symlinks=True, ignore=_NOT_COPIED, dirs_exist_ok=True)
        _give_to_server(partial)
        partial.chmod(0o700)
        complete(partial, target)

    try:
        await asyncio.to_thread(copy)
    except OSError as error:
        await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
        first = error.args[0][0][2] if isinstance(error, shutil.Error) else error  # of (source, target, text) for each
        raise StoreFailed(f"the data could not be copied: {str(first).partition(': ')[0]}") from error


def new_partial(target: Path) -> Path:
    """Return a new empty folder beside `target`, which becomes it when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{target.name}{PARTIAL}", dir=target.parent))
    _give_to_server(partial)
    return partial


def complete(partial: Path, target: Path) -> None:
    """Make the folder the target, unless another process was first."""
    if target.exists():
        shutil.rmtree(partial)
    else:
        partial.rename(target)


def _give_to_server(path: Path) -> None:
    """Make the user that PostgreSQL runs as the owner of a file, or of a folder and what is in it."""
    if (user := _server_user()) is None:
        return
    user.own(path)
    for folder, names, files in os.walk(path):
        for name in (*names, *files):
            user.own(Path(folder, name))


@cache
def _server_user() -> User | None:
    """The user that PostgreSQL runs as; None: this process's."""
    return user_instead_of_root(programs.postgresql("postgres"))
