"""The guard before everything else: web pages can neither read nor change the local AWS.

A page can send requests to any address of the machine that shows it. A browser names the page's origin in them, or says
that a page sent them; and a page that has pointed its own name at this machine ("DNS rebinding") sends that name as the
host. SDKs, the AWS CLI and other programs send none of these.

https://fetch.spec.whatwg.org/#origin-header
https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import ipaddress
import json
import re
import sys
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

Environ = dict[str, Any]

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_NAMES = frozenset({"localhost", "host.docker.internal", "host.containers.internal"})
"""Names of this machine; the latter two in containers of Docker and Podman."""
_PARENTS = (".localhost", ".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
"""Hosts of buckets, and of AWS's services; outsiders cannot point names below these at this machine."""

_MAX_LOGGED = 100
_logged: set[str] = set()
_log_lock = Lock()


def refusal(environ: Environ) -> Response | None:
    """The response to a request that a web page may have sent, or that is for another host; None for any other."""
    reason = _reason(environ)
    if reason is None:
        return None
    _log_once(reason)
    return error_response(environ, 403, "Forbidden", reason)


def error_response(environ: Environ, status: int, code: str, message: str) -> Response:
    """An error before the service is known: JSON if the request is JSON or for a control route, else XML."""
    headers = {"X-Content-Type-Options": "nosniff"}
    is_control = environ.get("PATH_INFO", "").startswith("/_esaws/")
    if is_control or "json" in environ.get("CONTENT_TYPE", "") or "HTTP_X_AMZ_TARGET" in environ:
        headers["x-amzn-errortype"] = code
        body = json.dumps({"__type": code, "message": message, "error": message})
        return Response(body, status, headers, content_type="application/json")
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        "<RequestId>local</RequestId></ErrorResponse>"
    )
    return Response(body, status, headers, content_type="text/xml")


def in_sandbox(environ: Environ, start_response: Callable[..., Any]) -> Callable[..., Any]:
    """`start_response` which keeps a document that a browser opens, such as an HTML object of S3, from running scripts.

    They would have the origin of the local AWS.
    """
    if "HTTP_SEC_FETCH_SITE" not in environ:
        return start_response

    def start(status: str, headers: Iterable[tuple[str, str]], *rest: Any) -> Any:
        safe = [("Content-Security-Policy", "sandbox"), ("X-Content-Type-Options", "nosniff")]
        return start_response(status, [*headers, *safe], *rest)

    return start


def is_of_this_machine(host: str) -> bool:
    """Whether a Host header names this machine, a bucket on it, or AWS."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match[1].lower().removesuffix(".")
    if name in _NAMES or name.endswith(_PARENTS):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _reason(environ: Environ) -> str | None:
    host = environ.get("HTTP_HOST")
    if host is not None and not is_of_this_machine(host):  # HTTP/1.0 has none; each browser sends one
        here = f"http://127.0.0.1:{environ.get('SERVER_PORT', '')}"
        return f"Refused: the request is for the host {_shown(host)}, which is not this machine. Use {here} instead."
    if "HTTP_ORIGIN" in environ:
        return (
            f"Refused: a web page of the origin {_shown(environ['HTTP_ORIGIN'])} sent the request, and web pages can "
            "neither read nor change the local AWS. Call it from a program, such as the AWS CLI or esaws."
        )
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is None:
        if environ.get("HTTP_USER_AGENT", "").startswith("Mozilla/"):
            return (
                "Refused: the browser does not say whether a web page sent the request (Sec-Fetch-Site). "
                "Use a newer browser, or a program such as curl."
            )
        return None
    if site != "none":
        return (
            f"Refused: a web page made the browser send the request (Sec-Fetch-Site: {_shown(site)}). "
            "To open an object of S3, copy its address into the address bar."
        )
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or "Action" in parse_qs(environ.get("QUERY_STRING", "")):
        return "Refused: a browser can only open objects of S3. Call the local AWS from a program, such as the AWS CLI."
    return None


def _shown(value: str) -> str:
    """A value of a header for a message: short, and without control characters."""
    return ascii(value[:80])[1:-1]


def _log_once(reason: str) -> None:
    with _log_lock:
        if reason in _logged or len(_logged) >= _MAX_LOGGED:
            return
        _logged.add(reason)
    print(reason, file=sys.stderr, flush=True)
