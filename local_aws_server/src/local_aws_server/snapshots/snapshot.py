"""A moment of the local AWS as the bytes of a file, and back: all of it or one account, with the clock."""

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
from local_aws_server.snapshots import accounts, extras, file  # noqa: F401 (extras registers what is saved)
from local_aws_server.snapshots.errors import Unreadable
from local_aws_server.snapshots.object_graph import with_reasons
from local_aws_server.snapshots.registry import SETTINGS

_LATEST = 32503680000.0
"""The year 3000."""


@dataclass(frozen=True)
class Time:
    """What the clock shows, and when it began if it was told to begin at a moment."""

    now: float
    began: float | None

    @classmethod
    def here(cls) -> Time:
        return cls(CLOCK.now(), CLOCK._start)

    def set(self) -> None:
        CLOCK.start(self.now)
        CLOCK._start = self.began


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Look for no garbage: so many new objects make Python search for it again and again, which doubles the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@dataclass(frozen=True)
class Snapshot:
    """The bytes of a file, and what it says of itself."""

    content: bytes
    header: dict[str, Any]


def take(locks: AccountLocks, account: str | None = None, stopped: int | None = None) -> Snapshot:
    """One account, or everything, as it is. Each account is locked only while it is written into memory.

    `stopped` is the pid of a server that ends with this. Raises Unsaveable if it is too large.
    """
    parts: list[file.Part] = []
    left_out: list[str] = []
    for each in accounts.known() if account is None else [account]:
        with locks.account(each), _no_collecting():
            table, gaps = accounts.write(each)
        parts.append(file.part(each, table))
        left_out += [f"{each}: {gap}" for gap in gaps]
    now = Time.here()
    header = {
        "esaws": version("esaws"),
        "moto": moto.__version__,
        "saved": format_timestamp(time_machine.escape_hatch.time.time()),
        "time": format_timestamp(now.now),
        "clock": {"now": now.now, "began": now.began},
        "whole": account is None,
        "empty": not any(accounts.is_used(each.account) for each in parts),
        "settings": {name: setting.give() for name, setting in SETTINGS.items()},
        "stopped": stopped,
        "left_out": left_out,
    }
    return Snapshot(file.pack(header, parts), header)


def load(locks: AccountLocks, content: bytes, prepare: Callable[[], None]) -> dict[str, Any]:
    """Let it be as it is in a file: everything, or the one account that the file holds. Gives the file's header.

    `prepare` is called when all of moto's modules are loaded that the file needs. Raises Unreadable, and nothing has
    changed then.
    """
    found = with_reasons(file.unpack, content, moto.__version__)
    moment = with_reasons(_Moment.of, found.header)
    with _no_collecting():
        new = with_reasons(accounts.read, found.tables)
    prepare()
    with locks.all_accounts():
        _put(moment, new)
    return dict(found.header)


@dataclass(frozen=True)
class _Moment:
    """What a file's header says of the moment that it is of."""

    time: Time
    whole: bool
    """Whether there was nothing else than what is in the file."""
    settings: dict[str, Any]

    @classmethod
    def of(cls, header: Mapping[str, Any]) -> _Moment:
        for name in ("time", "saved", "left_out", "stopped", "empty"):
            header[name]
        return cls(_time(header["clock"]), bool(header["whole"]), dict(header["settings"]))


def _put(moment: _Moment, new: dict[str, accounts.Account]) -> None:
    then, whole = moment.time, moment.whole
    others = [] if whole else [each for each in accounts.known() if each not in new]
    before, settings = Time.here(), {name: setting.give() for name, setting in SETTINGS.items()}
    if others and then.now < before.now:
        raise Unreadable(
            f"it is of {format_timestamp(then.now)}, and the one clock can't go back for account {others[0]}, where it is "
            f"{format_timestamp(before.now)}; `esaws local reset` empties every account"
        )
    replaced = {each: accounts.current(each) for each in ({*new, *accounts.known()} if whole else new)}
    try:
        accounts.replace(dict.fromkeys(replaced) | new)
        then.set()
        if whole:
            SCHEDULER.clear()
            _take_settings(moment.settings)
        accounts.wake(new)
    except Exception as problem:
        accounts.replace(replaced)
        before.set()
        _take_settings(settings)
        accounts.wake(replaced)
        raise (
            problem
            if isinstance(problem, Unreadable)
            else Unreadable(f"what it says makes no sense ({type(problem).__name__}: {problem!s:.120})")
        ) from problem
    if others:
        before.set()
        SCHEDULER.run_until(then.now)
    if whole:
        reset_model_data()
    for each in new.values():
        accounts.track(iter(each.made))


def _take_settings(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name in SETTINGS:
            SETTINGS[name].take(value)


def _time(clock: Mapping[str, Any]) -> Time:
    now, began = float(clock["now"]), None if clock["began"] is None else float(clock["began"])
    if not all(0 <= each < _LATEST for each in (now, now if began is None else began)):
        raise Unreadable("its clock shows no time")
    return Time(now, began)
