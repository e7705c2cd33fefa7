"""One lock for each account: simple, and safe under many clients."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock, RLock
from typing import Any


class AccountLocks:
    """Calls of one account wait for each other; those of different accounts don't."""

    def __init__(self) -> None:
        self._registry = Lock()
        self._locks: dict[str, Any] = {}

    @contextmanager
    def account(self, account: str) -> Iterator[None]:
        with self._registry:
            lock = self._locks.setdefault(account, RLock())
        with lock:
            yield

    @contextmanager
    def everything(self) -> Iterator[None]:
        """No call of any account is under way inside this block."""
        with self._registry, ExitStack() as held:
            for account in sorted(self._locks):
                held.enter_context(self._locks[account])
            yield
