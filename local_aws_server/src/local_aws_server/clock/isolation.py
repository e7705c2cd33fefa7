"""Keep a behaviour that fails from failing anything else, and say what is not simulated any more because of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.clock.event_log import EVENT_LOG
from local_aws_server.reset import on_reset

_KEY = "not_simulated"


@dataclass(frozen=True)
class Defect:
    """A thing, or a whole behaviour, that is not simulated any more."""

    account: str
    region: str
    kind: str
    """Such as `service` or `database`; `behaviour` for a function that fails as a whole, `call` for one call."""
    name: str
    reason: str
    time: str
    """ISO 8601, on the server's clock."""

    def to_dict(self) -> dict[str, str]:
        """{account, region, kind, name, reason, time}."""
        return asdict(self)


_DEFECTS: dict[tuple[str, str, str, str], Defect] = {}


@on_reset
def clear_defects() -> None:
    _DEFECTS.clear()


def defects() -> list[Defect]:
    """What is not simulated any more, in the order in which it was noticed."""
    return list(_DEFECTS.values())


def note_defect(account: str, region: str, kind: str, name: str, reason: str) -> None:
    """Note a defect, with an event of the account; a known one with the same reason is noted once."""
    key = account, region, kind, name
    if key not in _DEFECTS or _DEFECTS[key].reason != reason:
        _DEFECTS[key] = Defect(account, region, kind, name, reason, format_timestamp(CLOCK.now()))
        EVENT_LOG.add(account, region, name, f"{kind} is not simulated any more", reason)


def note_failure(account: str, region: str, kind: str, name: str, error: Exception) -> str:
    """Log the exception that is being handled, and note the defect; returns the reason."""
    traceback.print_exc()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    reason = f"{type(error).__name__}: {error} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})"
    note_defect(account, region, kind, name, reason)
    return reason


def forget_defect(account: str, region: str, kind: str, name: str) -> None:
    """The behaviour works again."""
    _DEFECTS.pop((account, region, kind, name), None)


def each(
    backends: Backends,
    kind: str,
    things: Iterable[Any],
    name: Callable[[Any], object],
    act: Callable[[Any], float | None],
) -> float | None:
    """Act on each of moto's objects; returns the earliest time that an action returned, or None.

    A thing whose action raises is marked and left alone from then on; the others go on.
    """
    times = []
    for thing in list(things):
        if reason := sidecar(thing).get(_KEY):
            note_defect(backends.account, backends.region, kind, str(name(thing)), reason)  # after a restart
            continue
        try:
            times.append(act(thing))
        except Exception as error:
            sidecar(thing)[_KEY] = note_failure(backends.account, backends.region, kind, str(name(thing)), error)
    return min((time for time in times if time is not None), default=None)
