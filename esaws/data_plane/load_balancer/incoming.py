"""A request as it arrives: as the rules see it, and as the target gets it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import HttpVersion11, web

from esaws.data_plane.load_balancer.configuration import Listener
from esaws.inspect.routing.request import Request

_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"[^\x00-\x20\x7f]+")


def read_request(incoming: web.BaseRequest, listener: Listener, source_ip: str, local_port: int) -> Request:
    """Return a request as the rules see it; a port of this machine in `Host` stands for the listener's."""
    target = incoming.raw_path
    if not target.startswith(("/", "*")):
        target = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?]*", "", target)
    path, _, query = target.partition("?")
    headers = tuple((name, value) for name, value in incoming.headers.items() if name.lower() != "host")
    host = incoming.headers.get("Host", "")
    if local_port != listener.port:
        host = host.removesuffix(f":{local_port}")
    return Request(
        protocol=listener.protocol,
        port=listener.port,
        method=incoming.method,
        host=host,
        path=path,
        query=query,
        headers=headers,
        source_ip=source_ip,
    )


def forwarded_target(action: Mapping[str, Any], request: Request) -> tuple[str, str] | None:
    """Return the host and the path with query for the target; None where a transform leaves them open."""
    host, path, query = (action[key] for key in ("forwarded_host", "forwarded_path", "forwarded_query"))
    if "unknown" in (host, path, query) and (host, path, query) != (request.host, request.path, request.query):
        return None
    return host, path + (f"?{query}" if query else "")


def is_text(incoming: web.BaseRequest) -> bool:
    """Return whether a request is UTF-8, the only encoding in which it can be passed on."""
    texts = (incoming.raw_path, *(text for pair in incoming.headers.items() for text in pair))
    try:
        return all(text.isascii() or bool(text.encode()) for text in texts)
    except UnicodeEncodeError:
        return False


def is_sendable(incoming: web.BaseRequest) -> bool:
    """Return whether a request can be sent as HTTP/1.1, which a parser of HTTP/1.1 has made sure of.

    https://www.rfc-editor.org/rfc/rfc9113#section-10.3
    """
    if incoming.version <= HttpVersion11:
        return True
    tokens = (incoming.method, *incoming.headers)
    return all(map(_TOKEN.fullmatch, tokens)) and bool(_TARGET.fullmatch(incoming.raw_path))


def header_bytes(headers: Mapping[str, str]) -> int:
    """Return the size of headers with the empty line after them."""
    return sum(len(name) + len(value) + len(": \r\n") for name, value in headers.items()) + len("\r\n")
