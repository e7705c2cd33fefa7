"""Values without parts, such as timestamps and addresses, as texts. Their identity does not matter."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.tz import tzlocal, tzutc

_MAX_PATTERN_LENGTH = 1000
_MAX_KEY_LENGTH = 20_000


@dataclass(frozen=True)
class Scalar:
    """The conversion of one type to and from text."""

    tag: str
    to_text: Callable[[Any], str]
    from_text: Callable[[str], Any]


def _zone_text(zone: tzinfo | None) -> str:
    if zone is None:
        return "-"
    if zone is UTC:
        return "UTC"
    if isinstance(zone, tzutc):
        return "tzutc"
    if isinstance(zone, tzlocal):
        return "tzlocal"
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if isinstance(zone, timezone):
        return f"{zone.utcoffset(None).total_seconds():+}"
    raise TypeError(f"time zones of the type {type(zone).__name__} cannot be saved")


_ZONES: dict[str, tzinfo | None] = {"-": None, "UTC": UTC, "tzutc": tzutc(), "tzlocal": tzlocal()}


def _zone(name: str) -> tzinfo | None:
    if name in _ZONES:
        return _ZONES[name]
    if name[:1] in "+-":
        return timezone(timedelta(seconds=float(name)))
    return ZoneInfo(name)


def _datetime_text(value: datetime) -> str:
    return f"{value.replace(tzinfo=None).isoformat()} {_zone_text(value.tzinfo)}"


def _datetime(text: str) -> datetime:
    timestamp, _, zone = text.partition(" ")
    return datetime.fromisoformat(timestamp).replace(tzinfo=_zone(zone))


def _pattern_text(value: re.Pattern[Any]) -> str:
    if not isinstance(value.pattern, str):
        raise TypeError("bytes patterns cannot be saved")
    return f"{value.flags} {value.pattern}"


def _pattern(text: str) -> re.Pattern[str]:
    flags, _, pattern = text.partition(" ")
    if len(pattern) > _MAX_PATTERN_LENGTH:
        raise ValueError("pattern too long")
    return re.compile(pattern, int(flags))


def _timedelta(text: str) -> timedelta:
    days, seconds, microseconds = text.split()
    return timedelta(int(days), int(seconds), int(microseconds))


def _bytes_text(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _private_key_text(key: Any) -> str:
    """The PEM text of a private key of the cryptography package."""
    from cryptography.hazmat.primitives import serialization

    text: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return text.decode()


def _private_key(text: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if len(text) > _MAX_KEY_LENGTH:
        raise ValueError("private key too long")
    return load_pem_private_key(text.encode(), password=None)


def _web_key_text(key: Any) -> str:
    """The JSON of a web key, such as those of Cognito's user pools."""
    return json.dumps(key.as_dict(private=True))


@lru_cache(maxsize=8)
def _web_key(text: str) -> Any:
    """The key of a JSON text. It is immutable, and the same for all user pools; parsing takes a tenth of a second."""
    from joserfc.jwk import RSAKey

    if len(text) > _MAX_KEY_LENGTH:
        raise ValueError("web key too long")
    return RSAKey.import_key(json.loads(text))


_BY_TYPE: dict[type, Scalar] = {
    bytes: Scalar("bytes", _bytes_text, _bytes),
    bytearray: Scalar(
        "bytearray", lambda value: base64.b64encode(value).decode(), lambda text: bytearray(_bytes(text))
    ),
    datetime: Scalar("datetime", _datetime_text, _datetime),
    date: Scalar("date", date.isoformat, date.fromisoformat),
    time: Scalar("time", time.isoformat, time.fromisoformat),
    timedelta: Scalar("timedelta", lambda value: f"{value.days} {value.seconds} {value.microseconds}", _timedelta),
    tzutc: Scalar("zone", _zone_text, _zone),
    timezone: Scalar("zone", _zone_text, _zone),
    Decimal: Scalar("decimal", str, Decimal),
    uuid.UUID: Scalar("uuid", str, uuid.UUID),
    ipaddress.IPv4Address: Scalar("ipv4", str, ipaddress.IPv4Address),
    ipaddress.IPv6Address: Scalar("ipv6", str, ipaddress.IPv6Address),
    ipaddress.IPv4Network: Scalar("ipv4 network", str, ipaddress.IPv4Network),
    ipaddress.IPv6Network: Scalar("ipv6 network", str, ipaddress.IPv6Network),
    re.Pattern: Scalar("pattern", _pattern_text, _pattern),
}
_PRIVATE_KEY = Scalar("private key", _private_key_text, _private_key)
_WEB_KEY = Scalar("web key", _web_key_text, _web_key)

BY_TAG: dict[str, Scalar] = {scalar.tag: scalar for scalar in (*_BY_TYPE.values(), _PRIVATE_KEY, _WEB_KEY)}


def scalar_for(cls: type) -> Scalar | None:
    """The conversion of a type; None if its values are not scalars."""
    if cls.__module__.startswith("cryptography.") and cls.__name__.endswith("PrivateKey"):
        return _PRIVATE_KEY
    if cls.__module__.startswith("joserfc.") and cls.__name__ == "RSAKey":
        return _WEB_KEY
    return _BY_TYPE.get(cls)
