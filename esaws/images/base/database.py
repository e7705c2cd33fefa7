"""A PostgreSQL database that may be stopped, rebooted or restored while its clients run."""

from __future__ import annotations

import os
import queue
import select
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from microservice import HTTPError

Result = TypeVar("Result")

_CONNECTIONS = 4


class Database:
    """The database of `DATABASE_URL` and `DATABASE_PASSWORD`. Each connection first makes the tables of `schema`."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(_CONNECTIONS):
            self._idle.put(None)

    def run(self, work: Callable[[Any], Result]) -> Result:
        """Return `work(connection)`. Each statement is a transaction, unless `connection.transaction()` has several.

        Rows are dictionaries.

        Raises:
            HTTPError: 503, no database answers.
        """
        url = os.environ.get("DATABASE_URL")
        if not url:
            raise HTTPError(503, "no database: DATABASE_URL is not set")
        import psycopg

        try:
            connection = self._idle.get(timeout=5)
        except queue.Empty:
            raise HTTPError(503, "the database is busy: all connections are in use") from None
        try:
            if connection is not None and _is_ended(connection):
                connection.close()
                connection = None
            connection = connection or self._connect(url)
            return work(connection)
        except psycopg.OperationalError as error:
            if connection is not None:
                connection.close()
                connection = None
            host, reason = urlsplit(url).netloc.rpartition("@")[2], str(error).partition("\n")[0]
            raise HTTPError(503, f"no database answers at {host}: {reason}") from None
        finally:
            self._idle.put(connection)

    def _connect(self, url: str) -> Any:
        import psycopg
        from psycopg.rows import dict_row

        connection = psycopg.connect(
            url,
            password=os.environ.get("DATABASE_PASSWORD"),
            autocommit=True,
            connect_timeout=5,
            tcp_user_timeout=3000,  # milliseconds
            options="-c statement_timeout=5000",
            row_factory=dict_row,
        )
        with connection.transaction():  # two tasks that start at once would both make the tables
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('schema'))")
            connection.execute(self.schema)
        return connection


def _is_ended(connection: Any) -> bool:
    """Whether the server has ended a connection since its last use: it has sent something, though nothing was asked."""
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    return bool(connection.closed or readable)
