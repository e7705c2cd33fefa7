"""Control routes of a local AWS: the clock and the event log."""

import json
import urllib.request
from datetime import datetime
from typing import Any


def control(account: Any, method: str, name: str, **parameters: Any) -> dict[str, Any]:
    """The response of `/_esaws/<name>` for an account."""
    body = json.dumps({"account": account.id, **parameters}).encode()
    request = urllib.request.Request(f"{account.url}/_esaws/{name}", body, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        result: dict[str, Any] = json.load(response)
        return result


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
