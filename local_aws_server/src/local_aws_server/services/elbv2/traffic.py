"""Send simulated traffic to a load balancer: requests per second for each path, as a step function of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import floor
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.control import BadRequest, control_route

_DAY_SECONDS = 86400.0
_PERCENT_BY_HOUR = (4, 3, 2, 2, 2, 3, 6, 12, 22, 32, 40, 46, 52, 54, 52, 50, 52, 60, 76, 92, 100, 80, 44, 16)
"""Percent of the rate at 20:00, the busiest hour."""

SHAPES = ("steady", "daily", "spike")

Step = tuple[float, float]
"""Seconds since the start of the trace, and the requests per second from then on."""


@dataclass(frozen=True)
class Trace:
    """A traffic trace: the steps of each path, in the order of time."""

    began: float
    paths: dict[str, tuple[Step, ...]]
    repeats: float | None = None
    """The trace starts again after so many seconds."""

    def rates(self, time: float) -> dict[str, float]:
        """Return the requests per second of each path with traffic."""
        elapsed, _ = self._position(time)
        rates = {path: _rate_at(steps, elapsed) for path, steps in self.paths.items()}
        return {path: rate for path, rate in rates.items() if rate > 0}

    def next_change(self, time: float) -> float | None:
        """Return the next time at which a rate changes; None if none does."""
        elapsed, round_start = self._position(time)
        later = [at for steps in self.paths.values() for at, _ in steps if at > elapsed]
        if self.repeats is not None:
            later.append(self.repeats)
        return round_start + min(later) if later else None

    def _position(self, time: float) -> tuple[float, float]:
        """Return the seconds since the current repetition started, to the millisecond, and when it started."""
        elapsed = round(time - self.began, 3)
        completed = elapsed // self.repeats * self.repeats if self.repeats else 0.0
        return elapsed - completed, self.began + completed


def _rate_at(steps: Iterable[Step], elapsed: float) -> float:
    return next((rate for at, rate in reversed(tuple(steps)) if at <= elapsed), 0.0)


# --- parsing


def parse_trace(body: Mapping[str, Any], now: float) -> Trace:
    """Return the requested trace, starting with the current second. Raises BadRequest.

    The body is `{"rows": [{"at": 0, "path": "/", "requests_per_second": 20}, …]}`, or a `shape`:

    | shape | requests per second |
    |---|---|
    | `steady` | always `requests_per_second` |
    | `daily` | 24 steps a day in UTC, every day; few at night, `requests_per_second` at 20:00 |
    | `spike` | `requests_per_second`; after `after` minutes (10), `peak` (5) times that for `minutes` (30) |

    with a `path` (default `/`), or `paths`: each path with its own requests per second.
    """
    now = float(floor(now))
    if not isinstance(body, Mapping):
        raise BadRequest(f"a trace needs a shape or rows; {body!r} has neither")
    if "rows" in body:
        return _parse_rows(body["rows"], now)
    shape = body.get("shape", "steady")
    if shape not in SHAPES:
        raise BadRequest(f"unknown shape {shape!r}; choose from {', '.join(SHAPES)}, or send rows")
    paths = body.get("paths") or {body.get("path", "/"): body.get("requests_per_second")}
    rates = {_parse_path(path): _parse_number(rate, "requests_per_second") for path, rate in paths.items()}
    if shape == "steady":
        return Trace(now, {path: ((0.0, rate),) for path, rate in rates.items()})
    if shape == "daily":
        hours = [(hour * 3600.0, percent / 100) for hour, percent in enumerate(_PERCENT_BY_HOUR)]
        steps = {path: tuple((at, rate * part) for at, part in hours) for path, rate in rates.items()}
        return Trace(now - now % _DAY_SECONDS, steps, _DAY_SECONDS)
    peak = _parse_number(body.get("peak", 5), "peak")
    start = 60 * _parse_number(body.get("after", 10), "after")
    end = start + 60 * _parse_number(body.get("minutes", 30), "minutes")
    return Trace(now, {path: ((0.0, rate), (start, rate * peak), (end, rate)) for path, rate in rates.items()})


def _parse_rows(rows: Any, now: float) -> Trace:
    paths: dict[str, dict[float, float]] = {}
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise BadRequest("a trace needs rows, each with at, path and requests_per_second")
    for row in rows:
        rate = _parse_number(row.get("requests_per_second"), "requests_per_second")
        paths.setdefault(_parse_path(row.get("path")), {})[round(_parse_number(row.get("at"), "at"), 3)] = rate
    return Trace(now, {path: tuple(sorted(steps.items())) for path, steps in paths.items()})


def _parse_path(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise BadRequest(f"{value!r} is not a path; a path starts with /")
    return value


def _parse_number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadRequest(f"{name} must be a number of at least 0, not {value!r}")
    return number


# --- control


def current_trace(load_balancer: Any) -> Trace | None:
    trace: Trace | None = sidecar(load_balancer).get("traffic")
    return trace


@control_route("POST", "traffic")
def start_traffic(body: Mapping[str, Any]) -> dict[str, Any]:
    """Send a trace to a load balancer from now on, in place of an earlier one; a null trace ends it."""
    backends, load_balancer = _find_load_balancer(body)
    if body.get("trace") is None:
        return end_traffic(body)
    trace = parse_trace(body["trace"], CLOCK.now())
    sidecar(load_balancer)["traffic"] = trace
    shape = body["trace"].get("shape", "rows" if "rows" in body["trace"] else "steady")
    record_event(backends, load_balancer.name, "traffic began", f"a user started a trace: {shape}")
    SCHEDULER.reconcile(backends, "elbv2")
    return _describe(load_balancer)


@control_route("DELETE", "traffic")
def end_traffic(body: Mapping[str, Any]) -> dict[str, Any]:
    """End the traffic of a load balancer."""
    backends, load_balancer = _find_load_balancer(body)
    if sidecar(load_balancer).pop("traffic", None):
        record_event(backends, load_balancer.name, "traffic ended", "a user ended its trace")
        SCHEDULER.reconcile(backends, "elbv2")
    return _describe(load_balancer)


@control_route("GET", "traffic")
def get_traffic(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the current traffic of a load balancer."""
    return _describe(_find_load_balancer(body)[1])


def _describe(load_balancer: Any) -> dict[str, Any]:
    trace, now = current_trace(load_balancer), CLOCK.now()
    next_change = trace.next_change(now) if trace else None
    return {
        "load_balancer": load_balancer.name,
        "trace": asdict(trace) if trace else None,
        "requests_per_second": trace.rates(now) if trace else {},
        "changes": None if next_change is None else format_timestamp(next_change),
    }


def _find_load_balancer(body: Mapping[str, Any]) -> tuple[Backends, Any]:
    """Return the Application Load Balancer that a request names, or the region's only one. Raises BadRequest."""
    backends = Backends(body.get("account", DEFAULT_ACCOUNT), body.get("region", "eu-west-3"))
    load_balancers = {
        load_balancer.name: load_balancer
        for load_balancer in backends.backend("elbv2").load_balancers.values()
        if load_balancer.type == "application"
    }
    name = body.get("load_balancer") or (next(iter(load_balancers)) if len(load_balancers) == 1 else None)
    if name not in load_balancers:
        names = ", ".join(load_balancers) or "none"
        problem = f"no application load balancer {f'named {name}' if name else 'was named'}"
        raise BadRequest(f"{problem}; {backends.region} has: {names}")
    return backends, load_balancers[name]
