"""Snapshots: the server, or one account, as the bytes of a file, and back, with the clock."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import moto
import time_machine
from moto.core.model_instances import reset_model_data

from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.locks import AccountLocks
from local_aws_server.snapshots import accounts, extras, file  # noqa: F401 (extras registers saved state)
from local_aws_server.snapshots.errors import Unreadable
from local_aws_server.snapshots.object_reader import as_unreadable
from local_aws_server.snapshots.registry import SETTINGS

_YEAR_3000 = 32503680000.0


@dataclass(frozen=True)
class Snapshot:
    """The bytes of a file, and its header."""

    content: bytes
    header: dict[str, Any]


def take(locks: AccountLocks, account: str | None = None, stopped: int | None = None) -> Snapshot:
    """Snapshot one account, or all. Each account is locked only while it is copied into memory.

    `stopped` is the process id of a server that stops now. Raises Unsaveable if the file would be too large.
    """
    parts: list[file.AccountPart] = []
    left_out: list[str] = []
    for name in accounts.known_accounts() if account is None else [account]:
        with locks.account(name), _without_garbage_collection():
            table, gaps = accounts.write(name)
        parts.append(file.pack_account(name, table))
        left_out += [f"{name}: {gap}" for gap in gaps]
    clock = _ClockState.current()
    header = {
        "esaws": version("esaws"),
        "moto": moto.__version__,
        "saved": format_timestamp(time_machine.escape_hatch.time.time()),
        "time": format_timestamp(clock.now),
        "clock": {"now": clock.now, "began": clock.start},
        "whole": account is None,
        "empty": not any(accounts.is_used(part.account) for part in parts),
        "settings": {name: setting.get() for name, setting in SETTINGS.items()},
        "stopped": stopped,
        "left_out": left_out,
    }
    return Snapshot(file.pack(header, parts), header)


def load(locks: AccountLocks, content: bytes, prepare: Callable[[], None]) -> dict[str, Any]:
    """Replace all accounts by those of a file, or only the one that it contains; returns the header.

    `prepare` runs after moto's modules are loaded for the file. Raises Unreadable, and changes nothing then.
    """
    with _without_garbage_collection():
        saved = as_unreadable(file.unpack, content, moto.__version__)
        header = as_unreadable(_Header.parse, saved.header)
        new = as_unreadable(accounts.read, saved.tables)
    prepare()
    with locks.all_accounts():
        _replace(header, new)
    return dict(saved.header)


@dataclass(frozen=True)
class _ClockState:
    """The time, and the start of the clock if a user set it."""

    now: float
    start: float | None

    @classmethod
    def current(cls) -> _ClockState:
        return cls(CLOCK.now(), CLOCK._start)

    @classmethod
    def parse(cls, clock: Mapping[str, Any]) -> _ClockState:
        now, start = float(clock["now"]), None if clock["began"] is None else float(clock["began"])
        if not all(0 <= timestamp < _YEAR_3000 for timestamp in (now, now if start is None else start)):
            raise Unreadable("the file has an invalid time")
        return cls(now, start)

    def restore(self) -> None:
        CLOCK.start(self.now)
        CLOCK._start = self.start


@dataclass(frozen=True)
class _Header:
    """The validated header of a file."""

    clock: _ClockState
    is_whole: bool
    """Whether the file contains all accounts of its server."""
    settings: dict[str, Any]

    @classmethod
    def parse(cls, header: Mapping[str, Any]) -> _Header:
        for name in ("time", "saved", "left_out", "stopped", "empty"):
            header[name]
        return cls(_ClockState.parse(header["clock"]), bool(header["whole"]), dict(header["settings"]))


def _replace(header: _Header, new: dict[str, accounts.Account]) -> None:
    """Put the accounts, the clock and the settings of a file in place, or restore everything if that fails."""
    known = accounts.known_accounts()
    others = [] if header.is_whole else [name for name in known if name not in new]
    clock, settings = _ClockState.current(), {name: setting.get() for name, setting in SETTINGS.items()}
    if others and header.clock.now < clock.now:
        raise Unreadable(
            f"the file is of {format_timestamp(header.clock.now)}, and the clock cannot go back from "
            f"{format_timestamp(clock.now)} because account {others[0]} exists. "
            "Run `esaws local reset` first, which empties every account"
        )
    previous = {name: accounts.current(name) for name in ({*new, *known} if header.is_whole else new)}
    try:
        accounts.replace(dict.fromkeys(previous) | new)
        header.clock.restore()
        if header.is_whole:
            SCHEDULER.clear()
            _set_settings(header.settings)
        accounts.run_reconcilers(new)
    except Exception as error:
        accounts.replace(previous)
        clock.restore()
        _set_settings(settings)
        accounts.run_reconcilers(previous)
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"the file has invalid content ({type(error).__name__}: {error!s:.120})") from error
    if others:
        clock.restore()
        SCHEDULER.run_until(header.clock.now)
    if header.is_whole:
        reset_model_data()
    for account in new.values():
        accounts.add_to_tracked_instances(iter(account.new_objects))


def _set_settings(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name in SETTINGS:
            SETTINGS[name].set(value)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disable garbage collection, which takes half the time while so many objects are created."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
