"""Send a request to one address of a load balancer, and return what answers."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from esaws.inspect.probing.nodes import Node
from esaws.inspect.routing.request import Request

_LONGEST_BODY = 64 * 1024
_CHUNK = 8 * 1024


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back from one node.

    stage `answered`: `status`, `headers` (lower-case names) and the first 64 KiB of the `body`; `not connected`: the
    connection failed; `no answer`: it is there, and nothing or nothing complete came back. Then `error` says what
    happened.
    """

    node: Node
    stage: Literal["answered", "not connected", "no answer"]
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""


def send(node: Node, request: Request, seconds: float) -> Reply:
    """Send a request once, without following redirects, and wait for its answer for so many seconds.

    Certificates are not verified: they are for the names of the users, and those of a local AWS are self-signed.
    """
    deadline = time.monotonic() + seconds
    try:
        connection = _connect(node, request, seconds)
    except TimeoutError:
        return Reply(node=node, stage="not connected", error=f"no connection in {seconds:g} s")
    except ConnectionRefusedError:
        return Reply(node=node, stage="not connected", error="connection refused")
    except ssl.SSLError as error:
        return Reply(node=node, stage="not connected", error=f"TLS handshake failed: {error.reason or error}")
    except OSError as error:
        return Reply(node=node, stage="not connected", error=(error.strerror or str(error)).lower())
    try:
        return _exchange(connection, node, request, deadline)
    except TimeoutError:
        return Reply(node=node, stage="no answer", error=f"no answer in {seconds:g} s")
    except (OSError, http.client.HTTPException) as error:
        text = "connection closed without an answer" if _is_closed(error) else f"no HTTP answer: {error}"
        return Reply(node=node, stage="no answer", error=text)
    finally:
        connection.close()


def _connect(node: Node, request: Request, seconds: float) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(node.address, node.port, timeout=seconds)
    opened = socket.create_connection((node.address, node.port), timeout=seconds)
    if request.protocol != "HTTPS":
        connection.sock = opened
        return connection
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        connection.sock = context.wrap_socket(opened, server_hostname=request.host_name)
    except BaseException:
        opened.close()
        raise
    return connection


def _exchange(connection: http.client.HTTPConnection, node: Node, request: Request, deadline: float) -> Reply:
    target = request.path + (f"?{request.query}" if request.query else "")
    opened = connection.sock
    connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in (("Host", request.host), *request.headers):
        connection.putheader(name, value)
    connection.endheaders()
    opened.settimeout(_left(deadline))
    response = connection.getresponse()
    body = b""
    while len(body) < _LONGEST_BODY:
        opened.settimeout(_left(deadline))
        chunk = response.read1(_CHUNK)
        if not chunk:
            break
        body += chunk
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(node=node, stage="answered", status=response.status, headers=headers, body=body)


def _left(deadline: float) -> float:
    """The seconds until a deadline.

    Raises:
        TimeoutError: it has passed.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _is_closed(error: Exception) -> bool:
    return isinstance(error, ConnectionError | http.client.IncompleteRead)
