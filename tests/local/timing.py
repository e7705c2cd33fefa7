"""Control routes of a local AWS: the clock and the event log."""

from datetime import datetime
from typing import Any

from esaws.local_aws.control import call


def control(account: Any, method: str, name: str, **parameters: Any) -> dict[str, Any]:
    """The response of `/_esaws/<name>` for an account."""
    return call(account.url, method, name, {"account": account.id, **parameters}, timeout=60)


def advance(account: Any, by: str) -> None:
    """Advance the clock by a duration."""
    control(account, "POST", "advance", by=by)


def now(account: Any) -> float:
    """The time on the clock, in seconds since 1970."""
    return datetime.fromisoformat(control(account, "GET", "clock")["time"]).timestamp()


def events(account: Any) -> list[dict[str, Any]]:
    """The events of an account."""
    log: list[dict[str, Any]] = control(account, "GET", "events")["events"]
    return log
