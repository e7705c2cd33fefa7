"""Values without parts, such as moments and addresses, as texts: none of them has an identity that matters."""

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
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.tz import tzlocal, tzutc

_LONGEST_PATTERN = 1000
_LONGEST_KEY = 20_000


@dataclass(frozen=True)
class Leaf:
    """How values of one type become a text, and a text becomes one."""

    tag: str
    text: Callable[[Any], str]
    value: Callable[[str], Any]


def _zone(zone: tzinfo | None) -> str:
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
    raise TypeError(f"a time zone of the type {type(zone).__name__}")


_ZONES: dict[str, tzinfo | None] = {"-": None, "UTC": UTC, "tzutc": tzutc(), "tzlocal": tzlocal()}


def _zone_named(name: str) -> tzinfo | None:
    if name in _ZONES:
        return _ZONES[name]
    if name[:1] in "+-":
        return timezone(timedelta(seconds=float(name)))
    return ZoneInfo(name)


def _moment_text(value: datetime) -> str:
    return f"{value.replace(tzinfo=None).isoformat()} {_zone(value.tzinfo)}"


def _moment(text: str) -> datetime:
    moment, _, zone = text.partition(" ")
    return datetime.fromisoformat(moment).replace(tzinfo=_zone_named(zone))


def _pattern_text(value: re.Pattern[Any]) -> str:
    if not isinstance(value.pattern, str):
        raise TypeError("a pattern of bytes")
    return f"{value.flags} {value.pattern}"


def _pattern(text: str) -> re.Pattern[str]:
    flags, _, pattern = text.partition(" ")
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError("a pattern that is too long")
    return re.compile(pattern, int(flags))


def _span(text: str) -> timedelta:
    days, seconds, microseconds = text.split()
    return timedelta(int(days), int(seconds), int(microseconds))


def _binary(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _key_text(key: Any) -> str:
    """A private key of the cryptography package."""
    from cryptography.hazmat.primitives import serialization as as_

    text: bytes = key.private_bytes(as_.Encoding.PEM, as_.PrivateFormat.PKCS8, as_.NoEncryption())
    return text.decode()


def _key(text: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if len(text) > _LONGEST_KEY:
        raise ValueError("a private key that is too long")
    return load_pem_private_key(text.encode(), password=None)


def _web_key_text(key: Any) -> str:
    """A JSON Web Key, as Cognito's pools have one."""
    return json.dumps(key.as_dict(private=True))


def _web_key(text: str) -> Any:
    from joserfc.jwk import RSAKey

    if len(text) > _LONGEST_KEY:
        raise ValueError("a web key that is too long")
    return RSAKey.import_key(json.loads(text))


_BY_TYPE: dict[type, Leaf] = {
    bytes: Leaf("bytes", lambda value: base64.b64encode(value).decode(), _binary),
    datetime: Leaf("datetime", _moment_text, _moment),
    date: Leaf("date", date.isoformat, date.fromisoformat),
    time: Leaf("time", time.isoformat, time.fromisoformat),
    timedelta: Leaf("timedelta", lambda value: f"{value.days} {value.seconds} {value.microseconds}", _span),
    tzutc: Leaf("zone", _zone, _zone_named),
    timezone: Leaf("zone", _zone, _zone_named),
    Decimal: Leaf("decimal", str, Decimal),
    uuid.UUID: Leaf("uuid", str, uuid.UUID),
    ipaddress.IPv4Address: Leaf("ipv4", str, ipaddress.IPv4Address),
    ipaddress.IPv6Address: Leaf("ipv6", str, ipaddress.IPv6Address),
    ipaddress.IPv4Network: Leaf("ipv4 network", str, ipaddress.IPv4Network),
    ipaddress.IPv6Network: Leaf("ipv6 network", str, ipaddress.IPv6Network),
    re.Pattern: Leaf("pattern", _pattern_text, _pattern),
}
_PRIVATE_KEY = Leaf("private key", _key_text, _key)
_WEB_KEY = Leaf("web key", _web_key_text, _web_key)

BY_TAG: dict[str, Leaf] = {leaf.tag: leaf for leaf in (*_BY_TYPE.values(), _PRIVATE_KEY, _WEB_KEY)}


def leaf_for(cls: type) -> Leaf | None:
    """How to write values of a type; None if they have parts, or no text."""
    if cls.__module__.startswith("cryptography.") and cls.__name__.endswith("PrivateKey"):
        return _PRIVATE_KEY
    if cls.__module__.startswith("joserfc.") and cls.__name__ == "RSAKey":
        return _WEB_KEY
    return _BY_TYPE.get(cls)
