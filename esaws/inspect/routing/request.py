"""A request as a load balancer receives it, and its possible readings where AWS's documentation is unclear."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from esaws.errors import UsageError

_PORTS = {"HTTP": 80, "HTTPS": 443}

MAX_LINE = 16 * 1024
"""How many bytes a request line may have.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
"""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: `path` without the query, `query` without its `?`, `source_ip` of the peer, headers in their order.

    An empty path is `/`: a client sends it so (https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1).
    `all_headers` is false where only some headers are known, as in an access log; `known_headers` (lower case) are then
    the ones whose presence is known.
    """

    protocol: str = "HTTP"
    port: int = 80
    method: str = "GET"
    host: str = ""
    path: str = "/"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    source_ip: str = ""
    all_headers: bool = True
    known_headers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.path:
            object.__setattr__(self, "path", "/")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Request:
        """Build a request from {protocol, port, method, host, path, query, headers: [[name, value]], source_ip}."""
        known = {key: values[key] for key in cls.__dataclass_fields__ if values.get(key) is not None}
        headers = tuple((str(name), str(value)) for name, value in known.get("headers", ()))
        return cls(**(known | {"headers": headers}))

    @classmethod
    def for_url(cls, url: str, **fields: Any) -> Request:
        """Build a request for a URL; `fields` sets further fields.

        Raises:
            UsageError: it is not an http:// or https:// URL.
        """
        split = urlsplit(url)
        protocol = split.scheme.upper()
        if protocol not in _PORTS or not split.hostname:
            raise UsageError(f"{url}: not a URL of a load balancer. Use http:// or https:// and a host")
        try:
            port = split.port or _PORTS[protocol]
        except ValueError:
            raise UsageError(f"{url}: the port must be a number from 1 to 65535") from None
        host = split.netloc.rpartition("@")[2].lower()
        parsed: dict[str, Any] = {"protocol": protocol, "port": port, "host": host, "query": split.query}
        parsed["path"] = split.path
        return cls(**parsed | fields)

    @property
    def host_name(self) -> str:
        """The host of the first Host header, without its port."""
        return re.sub(r":\d*$", "", self.host)

    @property
    def line_bytes(self) -> int:
        """The size of its request line, such as `GET /path?query HTTP/1.1`."""
        return int(line_bytes(*(len(text.encode()) for text in (self.method, self.path, self.query))))

    def values(self, header: str) -> tuple[str, ...]:
        """Return all values of a header in order; the name is case-insensitive."""
        return tuple(value for name, value in self.headers if name.lower() == header.lower())

    def is_header_known(self, header: str) -> bool:
        """Return whether the presence of a header is known."""
        return self.all_headers or header.lower() in self.known_headers

    def cookies(self) -> set[str]:
        """Return the names of all cookies."""
        pairs = ";".join(self.values("Cookie")).split(";")
        return {pair.partition("=")[0].strip() for pair in pairs}


def parse_header(text: str) -> tuple[str, str]:
    """Return the name and the value of a header such as `User-Agent: curl`. Raises UsageError."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is not a header; write it like 'User-Agent: curl'")
    return name.strip(), value.strip()


def line_bytes(method: Any, path: Any, query: Any) -> Any:
    """Return the size of a request line from the sizes of its parts, numbers or numpy arrays."""
    return method + path + query + (query > 0) + len("  HTTP/1.1")


@dataclass(frozen=True)
class Reading:
    """One possible reading of a text; with `open` it is only the certain beginning."""

    text: str
    open: bool = False


def host_readings(host: str) -> tuple[str, ...]:
    """Return a host with and without its port or trailing dot: AWS does not document which it compares."""
    without_port = re.sub(r":\d*$", "", host)
    return tuple(dict.fromkeys([host, without_port, without_port.removesuffix(".")]))


def path_readings(path: str) -> tuple[Reading, ...]:
    """Return a path as it is, and after the URI normalisations that AWS may apply but does not document.

    Text after a percent sign or a double slash is uncertain; dot segments may stay or be resolved.
    """
    readings = {_certain_part(path): None}
    for decoded in (path, unquote(path)):
        for merged in (decoded, re.sub("/{2,}", "/", decoded)):
            if (resolved := _resolved(merged)) != merged:
                readings[_certain_part(resolved)] = None
    return tuple(readings)


def is_ambiguous(path: str) -> bool:
    """Return whether normalisation would change a path."""
    return "%" in path or "//" in path or ("/." in path and _resolved(path) != path)


def _certain_part(path: str) -> Reading:
    uncertain = re.search(r"%|(?<=/)/", path)
    return Reading(path[: uncertain.start()], open=True) if uncertain else Reading(path)


def _resolved(path: str) -> str:
    """Return a path without its dot segments.

    https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4
    """
    resolved: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == ".." and len(resolved) > 1:
            resolved.pop()
        elif segment not in (".", ".."):
            resolved.append(segment)
    if segments[-1] in (".", ".."):
        resolved.append("")
    return "/".join(resolved) or "/"


def query_readings(query: str) -> Iterator[tuple[tuple[str, str] | None, ...]]:
    """Yield the possible readings of each parameter as (key, value); None is the reading in which it is absent.

    AWS documents neither percent-decoding nor what a parameter without `=` is.
    """
    for parameter in filter(None, query.split("&")):
        key, equals, value = parameter.partition("=")
        if equals:
            pairs = [(key, value), (unquote(key), unquote(value)), (unquote_plus(key), unquote_plus(value))]
            yield tuple(dict.fromkeys(pairs))
        else:
            yield (None, (key, ""), ("", key), (unquote_plus(key), ""), ("", unquote_plus(key)))
