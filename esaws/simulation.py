"""Control the local AWS: advance its clock, send traffic, inject failures, and read what happened.

    from esaws import Cloud, simulation

    cloud = Cloud.local()
    simulation.start(cloud, at="2022-02-28T00:00Z")
    simulation.traffic(cloud, "daily", requests_per_second=5)
    simulation.advance(cloud, "6h")
    simulation.events(cloud)

AWS itself has no such functions: on AWS each of them raises UsageError.
"""

from __future__ import annotations

import http.client
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from esaws.errors import LocalNotRunning, UsageError
from esaws.local_aws import control, process
from esaws.local_aws.scratch import reused_server
from esaws.running_services import answers, can_run, endpoint, require_own, run, send
from esaws.timestamps import parse_timestamp

if TYPE_CHECKING:
    import pandas

    from esaws.cloud import Cloud
    from esaws.service_history import Timeline

__all__ = [
    "advance",
    "answers",
    "can_run",
    "copy",
    "costs",
    "endpoint",
    "events",
    "fail",
    "fault",
    "mend",
    "next_month",
    "no_faults",
    "no_traffic",
    "now",
    "requests",
    "run",
    "send",
    "start",
    "timeline",
    "traffic",
    "wait_until",
]


# --- the clock


def start(
    cloud: Cloud,
    *,
    at: str | None = None,
    regime: str | None = None,
    plan: str | None = None,
    provisioning: float | None = None,
    fresh: bool = False,
) -> datetime:
    """Start the local AWS unless it runs, with the state it had when it stopped. Returns the time on its clock.

    Args:
        cloud: must target the local AWS.
        at: where a new clock starts, as an ISO 8601 timestamp; default now.
        regime: the free tier of its accounts: legacy (the default), credits or none.
        plan: with credits, free closes the account when they are spent; default paid.
        provisioning: the fraction of AWS's time that provisioning takes in real time; by default a describe call on a
            resource in transition advances the clock instead.
        fresh: delete the saved state first.

    Raises:
        UsageError: the cloud targets AWS or another endpoint, or a server with other settings runs.
        EsawsError: the server did not start.
    """
    require_own(cloud)
    status = process.start(at=at, regime=regime, plan=plan, provisioning=provisioning, fresh=fresh)
    cloud.start()
    return datetime.fromisoformat(status["time"])


def now(cloud: Cloud) -> datetime:
    """The time on the clock of the local AWS, in UTC."""
    return datetime.fromisoformat(_call(cloud, "GET", "clock")["time"])


def cloud_time(cloud: Cloud) -> datetime:
    """Return the time of any cloud, in UTC, to the second: of the local AWS that of its clock, else real time."""
    time = datetime.now(UTC) if cloud.is_aws or cloud.is_other_emulator else now(cloud)
    return time.astimezone(UTC).replace(microsecond=0)


# --- time and traffic


def advance(cloud: Cloud, by: str | None = None, *, to: datetime | None = None) -> datetime:
    """Advance the clock by a duration (`90s`, `20m`, `6h`, `3d`), or to a time, and play all events until then.

    A time without a zone is UTC. Returns the new time.

    Raises:
        UsageError: the cloud is AWS, `by` is not a duration, or `to` is in the past.
    """
    params = {"by": by} if to is None else {"to": to.isoformat()}
    return datetime.fromisoformat(_call(cloud, "POST", "advance", **params)["time"])


def wait_until(cloud: Cloud, moment: datetime | str) -> datetime:
    """Advance the clock to a moment, unless it has passed already, and play all events until then.

    `moment` is a time or an ISO 8601 timestamp; without a zone it is UTC. Returns the time on the clock.

    Raises:
        UsageError: the cloud is AWS, or `moment` is not a timestamp.
    """
    if isinstance(moment, str):
        try:
            moment = parse_timestamp(moment)
        except ValueError as error:
            raise UsageError(
                f"{moment!r} is not a timestamp such as 2022-03-01 or 2022-03-01T18:00 ({error})"
            ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    time = now(cloud)
    return time if moment <= time else advance(cloud, to=moment)


def next_month(cloud: Cloud, hours: float = 0) -> datetime:
    """The first day of a month, 00:00 UTC, that is at least `hours` away: bills and allowances start anew then."""
    earliest = now(cloud) + timedelta(hours=hours)
    return datetime(earliest.year + earliest.month // 12, earliest.month % 12 + 1, 1, tzinfo=UTC)


# --- copies


@contextmanager
def copy(cloud: Cloud) -> Iterator[Cloud]:
    """Yield a cloud on a copy of the account, in a local AWS of its own, which is deleted at the end of the block.

        with simulation.copy(cloud) as copy:
            simulation.fail(copy, zone="eu-west-3a")
            simulation.advance(copy, "10m")

    Nothing that happens to the copy changes `cloud`. The copy has the account's regions, events, bill, traffic and
    failures. Its clock starts at the time of `cloud` and stands still: `advance` moves it.
    The first copy of a process starts a server, which takes seconds; later ones take less than a second.

    Warns:
        UserWarning: a service can't be copied, such as one that runs code; the message names it.

    Raises:
        UsageError: the cloud is AWS, or no local AWS answers there.
        EsawsError: the copy can't be made.
    """
    url = _local_url(cloud, "copy")
    with _reachable(cloud):
        account = control.exchange(url, "GET", f"save?account={cloud.account}")
    with reused_server() as copied:
        answer = json.loads(control.exchange(copied, "POST", "load", account))
        for gap in answer["left_out"]:
            warnings.warn(f"not copied: {gap}", stacklevel=3)
        yield _clients_of_copy(copied, cloud.account, cloud.region, cloud.deployment).anew()


@cache
def _clients_of_copy(url: str, account: str, region: str, deployment: str) -> Cloud:
    """The clients for the copies on one server: they take longer to make than a copy."""
    from esaws.cloud import Cloud

    return Cloud.at(url, account=account, region=region, deployment=deployment)


# --- what happened


def events(cloud: Cloud, since: datetime | None = None) -> pandas.DataFrame:
    """The events of the account, oldest first: state changes, health checks, scaling.

    Columns: time (UTC), subject (the name of a service, a group, a database), what, because.
    """
    import pandas

    params = {"since": since.isoformat()} if since else {}
    account_events = _call(cloud, "GET", "events", **params)["events"]
    in_region = [event for event in account_events if event["region"] in ("", cloud.region)]
    frame = pandas.DataFrame(in_region, columns=["time", "subject", "what", "because"])
    return frame.assign(time=pandas.to_datetime(frame["time"], utc=True))


def costs(cloud: Cloud) -> pandas.DataFrame:
    """The metered usage of the account in all regions and its cost up to now, highest cost first.

    One row per service and usage type. Columns: service, usage_type, now (running units), usd_per_hour (of the next
    hour if nothing changes), quantity (this month), free (the part that an allowance covers), in the unit of the
    usage, and usd (this month).
    """
    import pandas

    lines = _call(cloud, "GET", "cost")["lines"]
    names = {"running": "now", "per_hour": "usd_per_hour", "quantity": "quantity", "free": "free", "usd": "usd"}
    frame = pandas.DataFrame(lines, columns=["service", "usage_type", *names]).rename(columns=names)
    return frame.astype(dict.fromkeys(names.values(), float))


def timeline(cloud: Cloud, service: str, start: datetime, end: datetime) -> Timeline:
    """The history of a service of this deployment between two times, minute by minute; works on AWS too.

    The result has `.draw()` and `.to_frame()` with the columns requests_per_second, cpu_percent, healthy_targets and
    instances.

    Raises:
        NotDeployed: the deployment has no such service.
    """
    from esaws.service_history import service_timeline

    return service_timeline(cloud, service, start, end)


def requests(cloud: Cloud, start: datetime, end: datetime) -> pandas.DataFrame:
    """The requests to the load balancers of this deployment, minute by minute between two times; works on AWS too.

    Columns: requests, and failed: those that got a 5xx of a load balancer or of a target.

    Raises:
        NotDeployed: the deployment has no load balancer.
    """
    from esaws.service_history import request_history

    return request_history(cloud, start, end)


# --- traffic


def traffic(cloud: Cloud, shape: str = "steady", **trace: Any) -> None:
    """Send traffic to the load balancer from now on; it replaces earlier traffic.

    Args:
        cloud: the account.
        shape: steady, daily or spike.
        trace: `path`, `requests_per_second`; of a spike also `peak` (multiple of the rate), `after` and `minutes`.
            Instead of a shape, `rows`: dicts of `at` (seconds from now), `path` and `requests_per_second`.
            `load_balancer` names the load balancer if there are several.

    Raises:
        UsageError: there is no such load balancer or shape.
    """
    target = {name: trace.pop(name) for name in ("load_balancer",) if name in trace}
    _call(cloud, "POST", "traffic", trace=trace if "rows" in trace else {"shape": shape, **trace}, **target)


def no_traffic(cloud: Cloud) -> None:
    """Stop all traffic."""
    _call(cloud, "DELETE", "traffic")


# --- failures


def fail(cloud: Cloud, *, lasts: str | None = None, **target: str) -> None:
    """Make an `instance=` (its id), a `zone=`, a `task=` (its ARN) or an `image=` fail.

    With `lasts="2h"` an instance or a zone recovers by itself. Containers of a failed image respond 500.

    Raises:
        UsageError: it does not exist, or it can't fail.
    """
    [(kind, name)] = target.items()
    _call(cloud, "POST", "fail", what=kind, id=name, **({"for": lasts} if lasts else {}))


def mend(cloud: Cloud, **target: str) -> None:
    """Make a failed `instance=`, `zone=` or `image=` work again."""
    [(kind, name)] = target.items()
    _call(cloud, "POST", "mend", what=kind, id=name)


def fault(cloud: Cloud, kind: str, **settings: Any) -> int:
    """Make API calls fail. Returns the id of the fault.

    Args:
        cloud: the account.
        kind: throttle, internal-error, unavailable, expired-token, access-denied, quota-exceeded,
            insufficient-capacity, not-found-after-create, lost-response or slow.
        settings: `service`, `operation`, `count` (default 1), `probability` with `seed`, `seconds`, `zone`.
    """
    return int(_call(cloud, "POST", "faults", kind=kind, **settings)["id"])


def no_faults(cloud: Cloud) -> None:
    """End all faults of API calls."""
    _call(cloud, "DELETE", "faults")


def _call(cloud: Cloud, method: str, name: str, **params: Any) -> dict[str, Any]:
    url = _local_url(cloud, name)
    with _reachable(cloud):
        return control.call(url, method, name, {"account": cloud.local_account, "region": cloud.region, **params})


def _local_url(cloud: Cloud, name: str) -> str:
    """The URL of a local AWS. Raises UsageError for AWS, naming the function that was called."""
    if cloud.is_aws:
        raise UsageError(f"AWS has no `{name}`: only the local AWS can do that, its clock and its faults are simulated")
    if cloud.is_other_emulator:
        raise UsageError(f"{cloud.target} has no `{name}`: it is another emulator, and only the local AWS can do that")
    return str(cloud.endpoint)


@contextmanager
def _reachable(cloud: Cloud) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if cloud.target == "local" and not process.status()["running"]:
            raise LocalNotRunning("the local AWS is not running; start it with `esaws local start`") from error
        raise UsageError(f"nothing answers at {cloud.endpoint}: {error}") from error
