"""One lock for each account: simple, and safe with many clients."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock, RLock
from typing import Any


class AccountLocks:
    """Serialize the calls of an account; calls of different accounts run in parallel."""

    def __init__(self) -> None:
        self._registry = Lock()
        self._locks: dict[str, Any] = {}

    @contextmanager
    def account(self, account: str) -> Iterator[None]:
        """Hold the lock of one account."""
        with self._registry:
            lock = self._locks.setdefault(account, RLock())
        with lock:
            yield

    @contextmanager
    def released(self, account: str) -> Iterator[None]:
        """Let other calls of an account run, while a call of it waits for what they bring."""
        lock = self._locks.get(account)
        if lock is None or not lock._is_owned():
            yield
            return
        lock.release()
        try:
            yield
        finally:
            lock.acquire()

    @contextmanager
    def all_accounts(self) -> Iterator[None]:
        """Hold the locks of all accounts, so that no call is in progress."""
        with self._registry, ExitStack() as stack:
            for account in sorted(self._locks):
                stack.enter_context(self._locks[account])
            yield


LOCKS = AccountLocks()
"""The locks of this server."""
