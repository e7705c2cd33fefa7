"""Timestamps in UTC, to the second: parse and format them."""

from datetime import UTC, datetime


def parse_timestamp(text: str) -> datetime:
    """Parse an ISO 8601 timestamp; without an offset it is in UTC.

    Raises:
        ValueError: it is not a timestamp, or out of the range of `datetime`.
    """
    timestamp = datetime.fromisoformat(text)
    if timestamp.tzinfo is None:
        timestamp = timestamp.replace(tzinfo=UTC)
    try:
        return timestamp.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError(f"{text} is out of range") from None


def format_iso(timestamp: datetime) -> str:
    """Format a timestamp as `2026-03-01T18:00:00Z`."""
    return timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_utc(timestamp: datetime) -> str:
    """Format a timestamp as `2026-03-01 18:00 UTC`."""
    return timestamp.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
