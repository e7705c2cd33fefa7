"""What people ask of a load balancer: requests a second by path, a step function of the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import floor
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.clock.clock import CLOCK, iso
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.control import BadRequest, control

_DAY = 86400.0
_BY_THE_HOUR = (4, 3, 2, 2, 2, 3, 6, 12, 22, 32, 40, 46, 52, 54, 52, 50, 52, 60, 76, 92, 100, 80, 44, 16)
"""Percent of the rate at 20:00, the busiest hour."""

SHAPES = ("steady", "daily", "spike")

Row = tuple[float, float]


@dataclass(frozen=True)
class Trace:
    """For each path (seconds since the beginning, requests a second from then on), in that order."""

    began: float
    paths: dict[str, tuple[Row, ...]]
    repeats: float | None = None
    """After so many seconds all begins anew."""

    def rates(self, moment: float) -> dict[str, float]:
        """The requests a second of each path at a moment, those that get none left out."""
        passed, _ = self._passed(moment)
        rates = {path: _last(rows, passed) for path, rows in self.paths.items()}
        return {path: rate for path, rate in rates.items() if rate > 0}

    def changes(self, moment: float) -> float | None:
        """The next moment at which a rate changes."""
        passed, round_began = self._passed(moment)
        later = [at for rows in self.paths.values() for at, _ in rows if at > passed]
        if self.repeats is not None:
            later.append(self.repeats)
        return round_began + min(later) if later else None

    def _passed(self, moment: float) -> tuple[float, float]:
        """(to the millisecond the seconds since this round of the trace began, when it did)."""
        passed = round(moment - self.began, 3)
        rounds = passed // self.repeats * self.repeats if self.repeats else 0.0
        return passed - rounds, self.began + rounds


def _last(rows: Iterable[Row], passed: float) -> float:
    return next((rate for at, rate in reversed(tuple(rows)) if at <= passed), 0.0)


def trace(asked: Mapping[str, Any], now: float) -> Trace:
    """The trace that is asked for, beginning with this second. Raises BadRequest.

    `{"rows": [{"at": 0, "path": "/", "requests_per_second": 20}, …]}`, or a `shape`:

    | shape | requests a second |
    |---|---|
    | `steady` | `requests_per_second` for ever |
    | `daily` | 24 steps a day in UTC for ever, few at night, `requests_per_second` at 20:00 |
    | `spike` | `requests_per_second`; `after` minutes (10) `peak` (5) times that for `minutes` (30), then as before |

    with a `path` (`/`), or `paths`: each with its own requests a second.
    """
    now = float(floor(now))
    if not isinstance(asked, Mapping):
        raise BadRequest(f"a trace has a shape, or rows; {asked!r} has neither")
    if "rows" in asked:
        return _of_rows(asked["rows"], now)
    shape = asked.get("shape", "steady")
    if shape not in SHAPES:
        raise BadRequest(f"no shape {shape!r}; there are {', '.join(SHAPES)}, or give rows of your own")
    paths = asked.get("paths") or {asked.get("path", "/"): asked.get("requests_per_second")}
    rates = {_path(path): _number(rate, "requests_per_second") for path, rate in paths.items()}
    if shape == "steady":
        return Trace(now, {path: ((0.0, rate),) for path, rate in rates.items()})
    if shape == "daily":
        hours = [(hour * 3600.0, percent / 100) for hour, percent in enumerate(_BY_THE_HOUR)]
        steps = {path: tuple((at, rate * part) for at, part in hours) for path, rate in rates.items()}
        return Trace(now - now % _DAY, steps, _DAY)
    peak = _number(asked.get("peak", 5), "peak")
    begins = 60 * _number(asked.get("after", 10), "after")
    ends = begins + 60 * _number(asked.get("minutes", 30), "minutes")
    return Trace(now, {path: ((0.0, rate), (begins, rate * peak), (ends, rate)) for path, rate in rates.items()})


def _of_rows(rows: Any, now: float) -> Trace:
    paths: dict[str, dict[float, float]] = {}
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise BadRequest("a trace has rows, each with at, path and requests_per_second")
    for row in rows:
        rate = _number(row.get("requests_per_second"), "requests_per_second")
        paths.setdefault(_path(row.get("path")), {})[round(_number(row.get("at"), "at"), 3)] = rate
    return Trace(now, {path: tuple(sorted(steps.items())) for path, steps in paths.items()})


def _path(given: Any) -> str:
    if not isinstance(given, str) or not given.startswith("/"):
        raise BadRequest(f"{given!r} is no path; it begins with a /")
    return given


def _number(given: Any, what: str) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadRequest(f"{what} is a number that is not negative, not {given!r}")
    return number


def current(balancer: Any) -> Trace | None:
    """The traffic that a load balancer gets."""
    found: Trace | None = remembered(balancer).get("traffic")
    return found


@control("POST", "traffic")
def begin(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A load balancer gets traffic from now on; a trace of null ends it."""
    world, balancer = _asked_about(asked)
    if asked.get("trace") is None:
        return end(asked)
    begun = trace(asked["trace"], CLOCK.now())
    remembered(balancer)["traffic"] = begun
    shape = asked["trace"].get("shape", "rows" if "rows" in asked["trace"] else "steady")
    happened(world, balancer.name, "traffic began", f"somebody sends it a trace: {shape}")
    TIMELINE.settle(world, "elbv2")
    return _shown(balancer)


@control("DELETE", "traffic")
def end(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A load balancer gets no more traffic."""
    world, balancer = _asked_about(asked)
    if remembered(balancer).pop("traffic", None):
        happened(world, balancer.name, "traffic ended", "somebody ended its trace")
        TIMELINE.settle(world, "elbv2")
    return _shown(balancer)


@control("GET", "traffic")
def show(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The traffic that a load balancer gets."""
    return _shown(_asked_about(asked)[1])


def _shown(balancer: Any) -> dict[str, Any]:
    found, now = current(balancer), CLOCK.now()
    changes = found.changes(now) if found else None
    return {
        "load_balancer": balancer.name,
        "trace": asdict(found) if found else None,
        "requests_per_second": found.rates(now) if found else {},
        "changes": None if changes is None else iso(changes),
    }


def _asked_about(asked: Mapping[str, Any]) -> tuple[Backends, Any]:
    world = Backends(asked.get("account", DEFAULT_ACCOUNT), asked.get("region", "eu-west-3"))
    known = world.backend("elbv2").load_balancers.values()
    balancers = {balancer.name: balancer for balancer in known if balancer.type == "application"}
    name = asked.get("load_balancer") or (next(iter(balancers)) if len(balancers) == 1 else None)
    if name not in balancers:
        there = ", ".join(balancers) or "none"
        raise BadRequest(f"no application load balancer {name or 'was named'}; in {world.region} there are: {there}")
    return world, balancers[name]
