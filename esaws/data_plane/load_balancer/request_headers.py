"""The headers that a target receives.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
"""

from __future__ import annotations

import re
import secrets
import time

from multidict import CIMultiDict, CIMultiDictProxy

from esaws.data_plane.load_balancer.configuration import Configuration

HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""They belong to one connection, and are not passed on.

https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
"""

TRACE_HEADER = "X-Amzn-Trace-Id"
_VALID_NAME = re.compile(r"[-A-Za-z0-9]+")
_DEFAULT_PORTS = {"HTTP": 80, "HTTPS": 443}


def passed_on(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Return headers without those of the connection, and without those that `Connection` names.

    A value of a target that is not UTF-8 is read as Latin-1, and passed on as UTF-8.
    """
    named = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    dropped = HOP_BY_HOP | named
    return CIMultiDict((name, _text(value)) for name, value in headers.items() if name.lower() not in dropped)


def _text(value: str) -> str:
    if value.isascii():
        return value
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def is_upgrade(headers: CIMultiDictProxy[str]) -> bool:
    """Return whether a request asks for a WebSocket, the only upgrade that a load balancer passes on."""
    return headers.get("Upgrade", "").lower() == "websocket" and "upgrade" in headers.get("Connection", "").lower()


def target_headers(
    configuration: Configuration,
    headers: CIMultiDictProxy[str],
    *,
    host: str,
    client: tuple[str, int],
    protocol: str,
    port: int,
    trace_id: str,
) -> CIMultiDict[str]:
    """Return the headers for the target.

    Args:
        configuration: of the load balancer; its attributes decide about X-Forwarded-For and the host.
        headers: of the client.
        host: what the client, or a transform of the rule, put into `Host`.
        client: the client's address and port as AWS would see them.
        protocol: HTTP or HTTPS, of the listener.
        port: the port of the listener.
        trace_id: the value of X-Amzn-Trace-Id.
    """
    passed = passed_on(headers)
    if is_upgrade(headers):
        passed["Connection"], passed["Upgrade"] = "Upgrade", headers["Upgrade"]
    if configuration.is_on("routing.http.drop_invalid_header_fields.enabled"):
        for name in [name for name in passed if not _VALID_NAME.fullmatch(name)]:
            del passed[name]
    passed.pop("Expect", None)
    if not configuration.is_on("routing.http.preserve_host_header.enabled"):
        host = _with_listener_port(host, protocol, port)
    passed["Host"] = host
    _forwarded_for(configuration, passed, client)
    passed["X-Forwarded-Proto"] = protocol.lower()
    passed["X-Forwarded-Port"] = str(port)
    passed[TRACE_HEADER] = trace_id
    return passed


def trace_id(received: str | None) -> str:
    """Return the trace id of a request: a new one, or the received one with a `Self` field of its own."""
    own = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    if not received:
        return f"Root={own}"
    kept = [field for field in received.split(";") if field and not field.startswith("Self=")]
    return ";".join([f"Self={own}", *kept])


def _forwarded_for(configuration: Configuration, passed: CIMultiDict[str], client: tuple[str, int]) -> None:
    name = "X-Forwarded-For"
    match configuration.setting("routing.http.xff_header_processing.mode", "append"):
        case "preserve":
            return
        case "remove":
            passed.popall(name, None)
        case _:
            address, port = client
            if configuration.is_on("routing.http.xff_client_port.enabled"):
                address = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            received = [value for value in passed.popall(name, ()) if value]
            passed[name] = ", ".join([*received, address])


def _with_listener_port(host: str, protocol: str, port: int) -> str:
    """Return a host with the listener's port, and without any port where it is the default one."""
    name = re.sub(r":\d*$", "", host)
    return name if port == _DEFAULT_PORTS.get(protocol) else f"{name}:{port}"
