"""The clock of a local AWS, as a test moves it."""

import json
import urllib.request
from datetime import datetime
from typing import Any


def control(account: Any, method: str, name: str, **asked: Any) -> dict[str, Any]:
    """What `/_esaws/<name>` answers for an account."""
    body = json.dumps({"account": account.id, **asked}).encode()
    request = urllib.request.Request(f"{account.url}/_esaws/{name}", body, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def advance(account: Any, by: str) -> None:
    """Let time pass."""
    control(account, "POST", "advance", by=by)


def now(account: Any) -> float:
    """The time on the clock, in seconds since 1970."""
    return datetime.fromisoformat(control(account, "GET", "clock")["time"]).timestamp()


def events(account: Any) -> list[dict[str, Any]]:
    """What has happened in an account."""
    found: list[dict[str, Any]] = control(account, "GET", "events")["events"]
    return found
