"""Who holds the lock of a deployment, and whether that process still runs."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import platform
import secrets
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psutil

from esaws.durations import humanize
from esaws.process_identity import find_process, start_of
from esaws.timestamps import format_iso, format_utc, parse_timestamp

LIFETIME = timedelta(minutes=10)
"""How long a lock holds without being renewed. AWS rejects calls of computers whose clocks differ by more than five."""

State = Literal["held", "ended", "expired"]


@dataclass(frozen=True)
class LockRecord:
    """What the lock says: who took it, where, for what, and until when.

    `process_start` tells the process from a later one with the same number. `machine` identifies the computer since its
    last start, and the container. `follows` is the record that this one replaces, as `VERSION:ID`; empty where there
    was none.
    """

    id: str
    user: str
    host: str
    machine: str
    pid: int
    process_start: float
    purpose: str
    since: datetime
    expires: datetime
    follows: str = ""

    @classmethod
    def of_this_process(cls, purpose: str) -> LockRecord:
        """Return a new record of this process, which begins now."""
        begun = now()
        return cls(
            id=secrets.token_hex(8),
            user=_user(),
            host=platform.node(),
            machine=machine(),
            pid=os.getpid(),
            process_start=start_of(),
            purpose=purpose,
            since=begun,
            expires=begun + LIFETIME,
        )

    def following(self, version: int, id: str) -> LockRecord:
        """Return this record, renewed now, as the one that replaces another."""
        return replace(self, expires=now() + LIFETIME, follows=f"{version}:{id}")

    @property
    def is_of_this_process(self) -> bool:
        return self.machine == machine() and self.pid == os.getpid() and self._is_running()

    @property
    def state(self) -> State:
        """`held`, or why another process may take the lock over: its process has `ended`, or it has `expired`.

        Of a process on another computer or in another container only the expiry is known.
        """
        if self.machine == machine() and not self._is_running():
            return "ended"
        return "expired" if now() > self.expires else "held"

    def _is_running(self) -> bool:
        try:
            return find_process(self.pid, self.process_start) is not None
        except psutil.Error:  # it runs, but can't be looked at
            return True

    def __str__(self) -> str:
        who = f"{self.user} on {self.host} (process {self.pid})"
        return f"{who}: {self.purpose}, since {format_utc(self.since)}, {humanize(self.age)} ago"

    @property
    def age(self) -> timedelta:
        """How long ago the lock was taken, to the second."""
        return max(now() - self.since, timedelta())

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"since": format_iso(self.since), "expires": format_iso(self.expires)})

    @classmethod
    def parse(cls, text: str) -> LockRecord:
        """Parse the value of the parameter.

        Raises:
            ValueError: it is not the record of a lock.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            times = {name: parse_timestamp(fields[name]) for name in ("since", "expires")}
            numbers = {"pid": int(fields["pid"]), "process_start": float(fields["process_start"])}
            texts = {name: str(fields[name]) for name in ("id", "user", "host", "machine", "purpose", "follows")}
        except (KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(f"{text!r} is not a lock") from error
        return cls(**texts, **numbers, **times)  # type: ignore[arg-type]


@cache
def machine() -> str:
    """Return what identifies this computer since its last start and, on Linux, the container: 16 hex digits.

    Processes that see each other's process numbers have the same one, and no others.
    """
    parts = [platform.node(), f"{uuid.getnode():x}"]
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        parts = [boot, str(Path("/proc/self/ns/pid").readlink())]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def now() -> datetime:
    """Return the time of this computer in UTC, to the second: the clock of the local AWS can jump."""
    return datetime.now(UTC).replace(microsecond=0)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a container whose user has no name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
