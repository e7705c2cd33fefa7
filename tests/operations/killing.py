"""Stop a program after one of its changing calls, as a lost response or a killed process does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from esaws.cloud import Cloud


class KilledError(BaseException):
    """The program ends here; nothing but the account is left of it."""


@contextmanager
def killed_after(cloud: Cloud, number: int) -> Iterator[None]:
    """Raise KilledError once AWS has made the changing call of this number, counted from 1; the lock is not counted."""
    record, made = cloud.calls._record, 0

    def recording(context: dict[str, Any], code: str) -> None:
        nonlocal made
        record(context, code)
        (call,) = cloud.calls[-1:]
        if call.changes and not str(call.parameters.get("Name", "")).endswith("/lock"):
            made += 1
            if made == number:
                raise KilledError

    cloud.calls._record = recording  # type: ignore[method-assign]
    try:
        yield
    finally:
        del cloud.calls._record


def changing_calls(cloud: Cloud, act: Callable[[], Any]) -> list[str]:
    """Run a function and return the operations that it called and that change something, without those of the lock."""
    before = len(cloud.calls)
    act()
    return [
        call.operation
        for call in cloud.calls[before:]
        if call.changes and not str(call.parameters.get("Name", "")).endswith("/lock")
    ]
