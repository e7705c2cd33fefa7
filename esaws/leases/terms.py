"""The terms of a lease, and whether they hold at a time with a given spending."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from esaws.durations import humanize, is_duration, parse_duration
from esaws.errors import UsageError
from esaws.timestamps import format_iso, format_utc, parse_timestamp

State = Literal["within", "ending", "past", "unknown", "none"]

ENDING = timedelta(hours=1)
"""A lease is ending when this much time or less is left,"""
ENDING_SHARE = 0.1
"""or this share of its limit or less."""

_CENTURY_HOURS = 24 * 365 * 100


@dataclass(frozen=True)
class LeaseTerms:
    """The end of a lease and its limit in USD, counted from `since` on.

    `errors` are the parts of the stored terms that can't be read.
    """

    until: datetime | None = None
    at_most_usd: float | None = None
    since: datetime | None = None
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spend:
    """USD spent so far, and USD an hour from now on; None where not known.

    `source` says how the amounts were determined, or why they are not known.
    """

    usd: float | None
    usd_per_hour: float | None
    source: str


@dataclass(frozen=True)
class LeaseStatus:
    """Whether the lease of a deployment holds, and why.

    `state` is within, ending (an hour or a tenth of the limit is left, or less), past, unknown, or none where there is
    no lease. `left_hours` and `left_usd` are negative when the lease is past, and None where the lease has no such term
    or the amount is not known.
    """

    deployment: str
    state: State
    reason: str
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    spent: Spend = field(default_factory=lambda: Spend(None, None, ""))
    left_hours: float | None = None
    left_usd: float | None = None

    def __repr__(self) -> str:
        return f"lease of {self.deployment}: {self.state}; {self.reason}" if self.reason else f"lease: {self.state}"

    def to_dict(self) -> dict[str, Any]:
        """until, at_most_usd, since, spent_usd, usd_per_hour, left_hours, left_usd, state, reason, source."""
        until, since = self.terms.until, self.terms.since
        return {
            "until": format_iso(until) if until else None,
            "at_most_usd": self.terms.at_most_usd,
            "since": format_iso(since) if since else None,
            "spent_usd": self.spent.usd,
            "usd_per_hour": self.spent.usd_per_hour,
            "left_hours": self.left_hours,
            "left_usd": self.left_usd,
            "state": self.state,
            "reason": self.reason,
            "source": self.spent.source,
        }


def evaluate_lease(deployment: str, terms: LeaseTerms, now: datetime, spent: Spend) -> LeaseStatus:
    """Decide whether terms hold.

    A term that is over makes the lease past, whatever else can't be read. A term that can't be read, or whose spending
    is not known, never counts as held.
    """
    left_hours: float | None = None
    left_usd: float | None = None
    over: list[str] = []
    ending: list[str] = []
    held: list[str] = []
    unknown = [f"in its parameter {error}" for error in terms.errors]
    if terms.until is not None:
        left = terms.until - now
        left_hours = left / timedelta(hours=1)
        if left <= timedelta(0):
            over.append(f"it ended {format_utc(terms.until)}, {humanize(-left)} ago")
        else:
            (ending if left <= ENDING else held).append(f"it ends {format_utc(terms.until)}, in {humanize(left)}")
    if terms.at_most_usd is not None:
        limit = f"{terms.at_most_usd:.2f} USD"
        if spent.usd is None:
            unknown.append(f"spending against its limit of {limit} is not known: {spent.source}")
        else:
            left_usd = terms.at_most_usd - spent.usd
            if left_usd <= 0:
                over.append(f"about {spent.usd:.2f} USD of at most {limit} are spent")
            else:
                text = f"about {spent.usd:.2f} of {limit} are spent"
                if spent.usd_per_hour:
                    text += f", the rest lasts {_humanize_hours(left_usd / spent.usd_per_hour)}"
                is_ending = left_usd <= ENDING_SHARE * terms.at_most_usd or (spent.usd_per_hour or 0) >= left_usd
                (ending if is_ending else held).append(text)
    if not (over or ending or unknown or held):
        unknown.append("it has neither an end nor a limit")
    state: State = "past" if over else "unknown" if unknown else "ending" if ending else "within"
    reason = "; ".join([*over, *unknown, *ending, *held])
    return LeaseStatus(deployment, state, reason, terms, spent, left_hours, left_usd)


def parse_until(text: str, now: datetime) -> datetime:
    """Parse the value of `--until`: a timestamp (UTC without an offset), a date, to its end, or a duration from now.

    Raises:
        UsageError: it has none of these forms, or is not in the future.
    """
    text = text.strip()
    try:
        if is_duration(text):
            until = now + parse_duration(text)
        elif re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            next_day = date.fromisoformat(text) + timedelta(days=1)
            until = datetime(next_day.year, next_day.month, next_day.day, tzinfo=UTC)
        else:
            until = parse_timestamp(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"until {text!r} is not a date (2026-03-01), a timestamp (2026-03-01T18:00Z) or a duration (8h, 3d)"
        ) from None
    if until <= now:
        raise UsageError(f"until {format_utc(until)} has passed: it is {format_utc(now)} there; nothing was granted")
    return until


def _humanize_hours(hours: float) -> str:
    return humanize(timedelta(hours=min(hours, _CENTURY_HOURS)))
