"""What modules keep beside moto's stores and want saved: by account, or for the whole server."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

OF_ACCOUNTS: dict[str, MutableMapping[str, Any]] = {}
"""Name → what is kept, by account."""

KINDS: dict[str, type] = {}
"""Name → the class of what is kept of one account."""


WORKED_OUT: list[MutableMapping[str, Any]] = []
"""What is worked out from the rest, by account, and must be again once that account has been loaded."""


@dataclass(frozen=True)
class Setting:
    """Something that is one for all accounts: how to get it as JSON, and how to put it back.

    `take` raises ValueError, TypeError or KeyError for what it can't be, and changes nothing then.
    """

    give: Callable[[], Any]
    take: Callable[[Any], None]


SETTINGS: dict[str, Setting] = {}


def saved(name: str, by_account: MutableMapping[str, Any], kind: type = object) -> None:
    """Let a dict, account → anything, be saved with the accounts, and be put back when they are loaded.

    It may hold plain data, dataclasses of `local_aws_server` and moto's objects, for each account of this very class if one
    is given. On loading, an account's entry is replaced or goes away, the dict stays the same object. The name is in
    the files: it must not change.
    """
    if name in OF_ACCOUNTS:
        raise ValueError(f"two things are saved as {name!r}")
    OF_ACCOUNTS[name], KINDS[name] = by_account, kind


def worked_out(by_account: MutableMapping[str, Any]) -> None:
    """Let a dict, account → anything, lose the entry of an account that is loaded; nothing of it is in the files."""
    WORKED_OUT.append(by_account)


def saved_setting(name: str, give: Callable[[], Any], take: Callable[[Any], None]) -> None:
    """Let something that is one for all accounts be saved, as JSON, with a file of all of them."""
    if name in SETTINGS:
        raise ValueError(f"two things are saved as {name!r}")
    SETTINGS[name] = Setting(give, take)
