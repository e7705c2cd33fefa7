"""What only the local AWS can do: let time pass, make traffic, break things, and tell what happened and why."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from esaws.cloud import Cloud
from esaws.errors import EsawsError, UsageError

if TYPE_CHECKING:
    import pandas

_HOUR = 3600.0


def now(cloud: Cloud) -> datetime:
    """The time on the clock of the local AWS, in UTC."""
    return datetime.fromisoformat(_ask(cloud, "GET", "clock")["time"])


def advance(cloud: Cloud, by: str | None = None, *, to: datetime | None = None) -> datetime:
    """Let time pass, `90s`, `20m`, `6h` or `3d`, or up to a moment, with all that happens in it; gives the time then.

    A moment without a time zone is UTC.

    Raises:
        UsageError: the cloud is AWS, where nobody moves the clock; `by` is no duration; the moment has passed.
    """
    asked = {"by": by} if to is None else {"to": to.isoformat()}
    return datetime.fromisoformat(_ask(cloud, "POST", "advance", **asked)["time"])


def next_month(cloud: Cloud, hours: float = 0) -> datetime:
    """The first of the next month, 00:00 UTC, that is so many hours away: bills and allowances begin anew then."""
    then = now(cloud) + timedelta(hours=hours)
    return datetime(then.year + then.month // 12, then.month % 12 + 1, 1, tzinfo=UTC)


def costs(cloud: Cloud) -> pandas.DataFrame:
    """What the account uses in this region and all others, and what it costs, up to this second; the dearest first.

    One row for each service and usage type. Columns: service, usage_type, now (how much there is of it), usd_per_hour
    (what an hour from now costs if all goes on as it is), quantity (of this month) and free (what of it an allowance
    covers), in the unit of the usage, usd.
    """
    import pandas

    lines = _ask(cloud, "GET", "cost")["lines"]
    names = {"running": "now", "per_hour": "usd_per_hour", "quantity": "quantity", "free": "free", "usd": "usd"}
    frame = pandas.DataFrame(lines, columns=["service", "usage_type", *names]).rename(columns=names)
    return frame.astype(dict.fromkeys(names.values(), float))


def events(cloud: Cloud, since: datetime | None = None) -> pandas.DataFrame:
    """What happened by itself in the account, one row each, the oldest first.

    Columns: time (UTC), subject (the name of a service, a group, a database), what, because.
    """
    import pandas

    asked = {"since": since.isoformat()} if since else {}
    found = [
        event for event in _ask(cloud, "GET", "events", **asked)["events"] if event["region"] in ("", cloud.region)
    ]
    frame = pandas.DataFrame(found, columns=["time", "subject", "what", "because"])
    return frame.assign(time=pandas.to_datetime(frame["time"], utc=True))


def traffic(cloud: Cloud, shape: str = "steady", **trace: Any) -> None:
    """Send traffic to the load balancer from now on, in place of what it got before.

    `shape` is steady, daily or spike; further words are `path` and `requests_per_second`, and for a spike `peak` (how
    many times as many), `after` and `minutes`. `rows` instead of a shape are dicts of at (seconds from now), path and
    requests_per_second. `load_balancer` names it where there are several.

    Raises:
        UsageError: there is no such load balancer, or no such traffic.
    """
    where = {name: trace.pop(name) for name in ("load_balancer",) if name in trace}
    asked = trace if "rows" in trace else {"shape": shape, **trace}
    _ask(cloud, "POST", "traffic", trace=asked, **where)


def no_traffic(cloud: Cloud) -> None:
    """Nobody asks for anything any more."""
    _ask(cloud, "DELETE", "traffic")


def fail(cloud: Cloud, *, lasts: str | None = None, **what: str) -> None:
    """Let an `instance=` (its id), a `zone=` or a `task=` (its ARN) fail; `lasts="2h"` mends it by itself.

    Raises:
        UsageError: there is no such thing, or it can't fail.
    """
    [(kind, name)] = what.items()
    _ask(cloud, "POST", "fail", what=kind, id=name, **({"for": lasts} if lasts else {}))


def mend(cloud: Cloud, **what: str) -> None:
    """Let a failed `instance=` or `zone=` work again."""
    [(kind, name)] = what.items()
    _ask(cloud, "POST", "mend", what=kind, id=name)


def fault(cloud: Cloud, kind: str, **which: Any) -> int:
    """Let API calls fail; gives the fault's id.

    `kind` is throttle, internal-error, unavailable, expired-token, insufficient-capacity, not-found-after-create,
    lost-response or slow. Further words: service, operation, count (1), probability with seed, seconds, zone.
    """
    return int(_ask(cloud, "POST", "faults", kind=kind, **which)["id"])


def no_faults(cloud: Cloud) -> None:
    """No API call fails on purpose any more."""
    _ask(cloud, "DELETE", "faults")


def _ask(cloud: Cloud, method: str, name: str, **asked: Any) -> dict[str, Any]:
    if cloud.is_aws:
        raise UsageError(f"AWS has no `{name}`: only the local AWS can do that; its clock and its faults are simulated")
    url = f"{cloud.endpoint}/_esaws/{name}"
    body = json.dumps({"account": cloud.account, "region": cloud.region, **asked}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_HOUR) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        if error.code == 400:
            raise UsageError(str(json.loads(text)["error"])) from None
        raise EsawsError(f"{url} answered {error.code}, is that a local AWS of this version? {text[:300]}") from error
    except OSError as error:
        raise UsageError(f"nothing answers at {cloud.endpoint}: {error}") from error
