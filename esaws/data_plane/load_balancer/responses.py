"""What the load balancer answers itself: errors, redirects and fixed responses, with AWS's headers and bodies.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

SERVER = "awselb/2.0"

_REASONS = {
    302: "Found",
    405: "Method Not Allowed",
    408: "Request Time-out",
    414: "Request-URI Too Large",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


class PassedResponse(web.StreamResponse):
    """A response with the headers that it was given, and no other than Date and those that the connection needs."""

    def send_headers_with_body(self) -> None:
        """Send the headers with the first bytes of the body instead of before them."""
        self._send_headers_immediately = False

    async def _prepare_headers(self) -> None:
        given = {name for name in ("Server", "Content-Type") if name in self.headers}
        await super()._prepare_headers()
        for name in {"Server", "Content-Type"} - given:
            self.headers.pop(name, None)


def error_response(status: int, *, close: bool = False) -> web.Response:
    """Return the load balancer's own response with a status, such as 503 Service Temporarily Unavailable."""
    title = f"{status} {reason(status)}".strip()
    response = _page(status, title, {})
    if close:
        response.force_close()
    return response


def redirect_response(status: int, location: Mapping[str, Any]) -> web.Response:
    """Return a redirect to the components of a location: protocol, host, port, path, query."""
    url = location_url(location)
    return _page(status, f"{status} {reason(status)}", {"Location": url})


def location_url(location: Mapping[str, Any]) -> str:
    """Return the URL of a redirect; the port is always part of it."""
    query = f"?{location['query']}" if location["query"] else ""
    return f"{location['protocol']}://{location['host']}:{location['port']}{location['path']}{query}"


def fixed_response(status: int, content_type: str, body: str) -> web.Response:
    """Return a fixed response of a rule."""
    headers = {"Server": SERVER} | ({"Content-Type": f"{content_type}; charset=utf-8"} if body else {})
    return _Own(status=status, reason=reason(status), headers=headers, body=body.encode())


def not_simulated(what: str) -> web.Response:
    """Return 501 for what a real load balancer would do and this one can't; the body says what."""
    body = f"NotSimulated: {what}\n".encode()
    headers = {"Server": SERVER, "Content-Type": "text/plain; charset=utf-8"}
    return _Own(status=501, reason="Not Implemented", headers=headers, body=body)


class _Own(PassedResponse, web.Response):
    """A response with a body that has only the headers it was given."""


def _page(status: int, title: str, headers: Mapping[str, str]) -> web.Response:
    lines = (
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        "</body>",
        "</html>",
        "",
    )
    own = {"Server": SERVER, "Content-Type": "text/html"} | dict(headers)
    return _Own(status=status, reason=reason(status), headers=own, body="\r\n".join(lines).encode())


def reason(status: int) -> str:
    """Return the reason phrase of a status; empty where HTTP has none."""
    if status in _REASONS:
        return _REASONS[status]
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
