"""A request as a load balancer sees it, and the ways in which it may read what its documentation leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from esaws.errors import UsageError

_PORTS = {"HTTP": 80, "HTTPS": 443}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: `path` without the query, `query` without its `?`, `source_ip` of the peer, headers in their order.

    `all_headers` is false where only some headers are known, as in an access log; of `known_headers`, in lower case, it
    is known then whether they are there.
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

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Request:
        """A request from {protocol, port, method, host, path, query, headers: [[name, value]], source_ip}."""
        known = {key: given[key] for key in cls.__dataclass_fields__ if given.get(key) is not None}
        headers = tuple((str(name), str(value)) for name, value in known.get("headers", ()))
        return cls(**(known | {"headers": headers}))

    @classmethod
    def for_url(cls, url: str, **more: Any) -> Request:
        """A request for a URL; `more` are further fields.

        Raises:
            UsageError: it is no http:// or https:// URL.
        """
        split = urlsplit(url)
        protocol = split.scheme.upper()
        if protocol not in _PORTS or not split.hostname:
            raise UsageError(f"{url} is no URL of a load balancer: it begins with http:// or https:// and names a host")
        try:
            port = split.port or _PORTS[protocol]
        except ValueError:
            raise UsageError(f"{url} has a port that is no number from 1 to 65535") from None
        host = split.netloc.rpartition("@")[2].lower()
        path = split.path or "/"
        asked: dict[str, Any] = {"protocol": protocol, "port": port, "host": host, "path": path, "query": split.query}
        return cls(**asked | more)

    @property
    def host_name(self) -> str:
        """What the first Host header names, without a port."""
        return re.sub(r":\d*$", "", self.host)

    def values(self, header: str) -> tuple[str, ...]:
        """All values of a header, in their order; its name in any case."""
        return tuple(value for name, value in self.headers if name.lower() == header.lower())

    def knows(self, header: str) -> bool:
        """Is it known whether the header is there?"""
        return self.all_headers or header.lower() in self.known_headers

    def cookies(self) -> set[str]:
        """The names of all cookies."""
        pairs = ";".join(self.values("Cookie")).split(";")
        return {pair.partition("=")[0].strip() for pair in pairs}


@dataclass(frozen=True)
class Reading:
    """One way to read a text; `open` where anything may follow what is certain of it."""

    text: str
    open: bool = False


def host_readings(host: str) -> tuple[str, ...]:
    """With its port or its last dot, and without: AWS documents neither."""
    without_port = re.sub(r":\d*$", "", host)
    return tuple(dict.fromkeys([host, without_port, without_port.removesuffix(".")]))


def path_readings(path: str) -> tuple[Reading, ...]:
    """A path as it stands, and as URI normalisation could leave it, which AWS does not document.

    What follows a percent sign or a doubled slash may become anything; dot segments may stay or be resolved.
    """
    readings = {_up_to_doubt(path): None}
    for decoded in (path, unquote(path)):
        for merged in (decoded, re.sub("/{2,}", "/", decoded)):
            if (resolved := _resolved(merged)) != merged:
                readings[_up_to_doubt(resolved)] = None
    return tuple(readings)


def is_doubtful(path: str) -> bool:
    """Would normalisation change it?"""
    return "%" in path or "//" in path or ("/." in path and _resolved(path) != path)


def _up_to_doubt(path: str) -> Reading:
    doubt = re.search(r"%|(?<=/)/", path)
    return Reading(path[: doubt.start()], open=True) if doubt else Reading(path)


def _resolved(path: str) -> str:
    """Without its dot segments.

    https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4
    """
    done: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == ".." and len(done) > 1:
            done.pop()
        elif segment not in (".", ".."):
            done.append(segment)
    if segments[-1] in (".", ".."):
        done.append("")
    return "/".join(done) or "/"


def query_readings(query: str) -> Iterator[tuple[tuple[str, str] | None, ...]]:
    """For each parameter its key and value in every way to read them; None is the way in which it is not there.

    AWS documents neither percent-decoding nor what a parameter without `=` is.
    """
    for parameter in filter(None, query.split("&")):
        key, equals, value = parameter.partition("=")
        if equals:
            pairs = [(key, value), (unquote(key), unquote(value)), (unquote_plus(key), unquote_plus(value))]
            yield tuple(dict.fromkeys(pairs))
        else:
            yield (None, (key, ""), ("", key), (unquote_plus(key), ""), ("", unquote_plus(key)))
