"""The registry of state that modules keep beside moto's backends: of an account, or of the whole server."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

ACCOUNT_DATA: dict[str, MutableMapping[str, Any]] = {}
"""Name → (account → data)."""

ACCOUNT_DATA_CLASSES: dict[str, type] = {}
"""Name → the class of an account's data."""

UPGRADES: dict[tuple[str, type], Callable[[Any], Any]] = {}
"""(name, class of an account's data in older files) → the function that converts such data."""

DERIVED: list[MutableMapping[str, Any]] = []
"""Account → data that is derived from the rest, and is dropped when the account is loaded."""


@dataclass(frozen=True)
class Setting:
    """A setting of the whole server: `get` returns it as JSON, and `set` restores it.

    `set` raises ValueError, TypeError or KeyError for an invalid value, and changes nothing then.
    """

    get: Callable[[], Any]
    set: Callable[[Any], None]


SETTINGS: dict[str, Setting] = {}


def register_account_data(name: str, by_account: MutableMapping[str, Any], cls: type = object) -> None:
    """Save a dict, account → data, with the accounts, and restore it when they are loaded.

    The data may consist of plain values, dataclasses of `local_aws_server` and moto's objects; `cls` is the exact class
    of an account's data. Loading replaces or removes an account's entry, and keeps the dict. The name is in the files,
    so it must not change.
    """
    if name in ACCOUNT_DATA:
        raise ValueError(f"two registrations of {name!r}")
    ACCOUNT_DATA[name], ACCOUNT_DATA_CLASSES[name] = by_account, cls


def register_upgrade(name: str, old: type, convert: Callable[[Any], Any]) -> None:
    """Convert the data of older files, in which it is of another class."""
    UPGRADES[name, old] = convert


def register_derived(by_account: MutableMapping[str, Any]) -> None:
    """Drop an account's entry in a dict when the account is loaded; it is not saved."""
    DERIVED.append(by_account)


def register_setting(name: str, get: Callable[[], Any], set: Callable[[Any], None]) -> None:
    """Save a setting of the whole server, as JSON, in files of all accounts."""
    if name in SETTINGS:
        raise ValueError(f"two registrations of {name!r}")
    SETTINGS[name] = Setting(get, set)
