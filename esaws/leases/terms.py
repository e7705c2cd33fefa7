"""Whether a lease holds: its terms, the moment and what was spent, and the answer with its reason. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from esaws.errors import UsageError

State = Literal["within", "ending", "past", "unknown", "none"]

ENDING = timedelta(hours=1)
"""A lease is ending soon when no more time than this is left,"""
ENDING_SHARE = 0.1
"""or no more than this share of its limit."""

_SPAN = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class LeaseTerms:
    """Until when, for how many USD in all, and since when those are counted; `wrong` is what of them can't be read."""

    until: datetime | None = None
    at_most_usd: float | None = None
    since: datetime | None = None
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spend:
    """USD so far and in an hour from now, None where that is not known; `how` says where it is from, or why not."""

    usd: float | None
    usd_per_hour: float | None
    source: str


@dataclass(frozen=True)
class LeaseStatus:
    """Whether the lease of a deployment holds at a moment, and why.

    `state` is within, ending (an hour or a tenth of the limit is left, or less), past, unknown, or none where there is
    no lease; `reason` says so in words. `left_hours` and `left_usd` are below 0 when it is past, None where nothing
    of the kind was agreed or it is not known.
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
        return {
            "until": format_iso(self.terms.until),
            "at_most_usd": self.terms.at_most_usd,
            "since": format_iso(self.terms.since),
            "spent_usd": self.spent.usd,
            "usd_per_hour": self.spent.usd_per_hour,
            "left_hours": self.left_hours,
            "left_usd": self.left_usd,
            "state": self.state,
            "reason": self.reason,
            "source": self.spent.source,
        }


def evaluate_lease(deployment: str, terms: LeaseTerms, now: datetime, spent: Spend) -> LeaseStatus:
    """Whether terms hold at a moment, with so much spent.

    What is over is over, whatever else can't be read; and what can't be read or is not known is never within.
    """
    hours = None if terms.until is None else (terms.until - now) / timedelta(hours=1)
    usd = None if terms.at_most_usd is None or spent.usd is None else terms.at_most_usd - spent.usd
    over, soon, unknown, holds = [], [], [*(f"in its parameter {each}" for each in terms.errors)], []
    if terms.until is not None and hours is not None:
        if hours <= 0:
            over.append(f"it ended {format_utc(terms.until)}, {humanize(now - terms.until)} ago")
        elif terms.until - now <= ENDING:
            soon.append(f"it ends {format_utc(terms.until)}, in {humanize(terms.until - now)}")
        else:
            holds.append(f"it ends {format_utc(terms.until)}, in {humanize(terms.until - now)}")
    if terms.at_most_usd is not None:
        limit = f"{terms.at_most_usd:.2f} USD"
        if usd is None or spent.usd is None:
            unknown.append(f"what was spent of its {limit} is not known: {spent.source}")
        elif usd <= 0:
            over.append(f"about {spent.usd:.2f} USD of at most {limit} are spent")
        else:
            words = f"about {spent.usd:.2f} of {limit} are spent"
            if spent.usd_per_hour:
                lasts = usd / spent.usd_per_hour
                words += f", the rest lasts {humanize_hours(lasts)}"
            close = usd <= ENDING_SHARE * terms.at_most_usd
            (soon if close or (spent.usd_per_hour or 0) >= usd else holds).append(words)
    if not (over or soon or unknown or holds):
        unknown.append("it has neither an end nor a limit")
    state: State = "past" if over else "unknown" if unknown else "ending" if soon else "within"
    reason = "; ".join([*over, *unknown, *soon, *holds])
    return LeaseStatus(deployment, state, reason, terms, spent, hours, usd)


# -- moments and words ---------------------------------------------------------------------------------------------


def parse_until(text: str, now: datetime) -> datetime:
    """What `--until` says: a moment (UTC unless it says otherwise), a date, to its last second, or a span from now.

    Raises:
        UsageError: it is none of these, or it has passed.
    """
    text = text.strip()
    try:
        if _SPAN.fullmatch(text):
            parts = re.findall(r"([\d.]+)([smhd])", text)
            found = now + timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
        elif re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            following = date.fromisoformat(text) + timedelta(days=1)
            found = datetime(following.year, following.month, following.day, tzinfo=UTC)
        else:
            found = parse_timestamp(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"until {text!r} is no end: say a date (2026-03-01), a moment (2026-03-01T18:00Z) or a span (8h, 3d)"
        ) from None
    if found <= now:
        raise UsageError(f"until {format_utc(found)} has passed: it is {format_utc(now)} there; nothing was granted")
    return found


def parse_timestamp(text: str) -> datetime:
    """A moment in UTC, to the second. Raises ValueError."""
    found = datetime.fromisoformat(text)
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError(f"{text} is out of all time") from None


def format_iso(when: datetime | None) -> str | None:
    """As `2026-03-01T18:00:00Z`."""
    return None if when is None else when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_utc(when: datetime) -> str:
    """As `2026-03-01 18:00 UTC`."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def humanize(of: timedelta) -> str:
    """How long that is, in its largest whole unit: `3 days`, `1 hour`."""
    seconds = of.total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := int(seconds // size)) >= (2 if unit == "day" else 1):
            return f"{count} {unit}{'s' * (count != 1)}"
    return "less than a minute"


def humanize_hours(hours: float) -> str:
    """The same of hours, however many."""
    return humanize(timedelta(hours=min(hours, 24 * 365 * 100)))
