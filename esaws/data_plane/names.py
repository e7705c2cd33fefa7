"""Names of AWS in the environment of a task: on this machine no DNS server knows them, so places stand for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_DEFAULT_PORTS = {"http": 80, "https": 443, "postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379}


@dataclass(frozen=True)
class NamedPlace:
    """What AWS has at a DNS name and a port listens on `host` and `local_port` of this machine."""

    name: str
    port: int
    host: str
    local_port: int


def with_places(environment: Mapping[str, str], places: Iterable[NamedPlace]) -> dict[str, str]:
    """Return an environment in which places stand for names: in URLs, in NAME:PORT, and for a name alone its host."""
    by_name: dict[str, dict[int, NamedPlace]] = {}
    for place in places:
        by_name.setdefault(place.name.lower(), {})[place.port] = place
    if not by_name:
        return dict(environment)
    names = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    head = r"(?:(?P<scheme>\w+)://(?P<user>[^@/\s]*@)?)?(?<![\w.-])"
    pattern = re.compile(rf"{head}(?P<name>{names})(?::(?P<port>\d+))?(?![\w-]|\.\w)", re.IGNORECASE)

    def replace(match: re.Match[str]) -> str:
        ports = by_name[match["name"].lower()]
        scheme = (match["scheme"] or "").lower()
        port = int(match["port"]) if match["port"] else _DEFAULT_PORTS.get(scheme)
        place = next(iter(ports.values())) if port is None else ports.get(port)
        if place is None:
            return match[0]
        head = f"{match['scheme']}://{match['user'] or ''}" if match["scheme"] else ""
        return head + (place.host if port is None else f"{place.host}:{place.local_port}")

    return {key: pattern.sub(replace, value) for key, value in environment.items()}
