"""A guard that keeps this process from connecting to other machines, whatever moto or a library attempts."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any


def install_loopback_guard() -> None:
    """Refuse connections and name look-ups beyond this machine, for the rest of the process's life."""
    sys.addaudithook(_check)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _refuse_unless_loopback(arguments[1][0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        _refuse_unless_loopback(arguments[0])


def _refuse_unless_loopback(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if host is None or name in ("", "localhost"):
        return
    try:
        if ipaddress.ip_address(name).is_loopback:
            return
    except ValueError:
        pass
    raise ConnectionRefusedError(f"{name}: the local AWS does not connect to other machines")
