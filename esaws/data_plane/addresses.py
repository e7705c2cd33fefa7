"""Where on this machine something listens that has a private address and a port on AWS.

`a.b.c.d` stands for 127.b.c.d, so that the addresses of the VPC can be recognised. A port that can't be bound there
(below 1024 without root, or taken) gets another one, and so does every port where only 127.0.0.1 exists, as on macOS.
"""

from __future__ import annotations

import socket
from dataclasses import asdict, dataclass
from typing import Any

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """What AWS has at `address` and `port` listens on `host` and `local_port` of this machine."""

    address: str
    port: int
    host: str
    local_port: int


class Addresses:
    """The places of this run; one that was given stays the same."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int], Place] = {}

    def place(self, address: str, port: int) -> tuple[str, int]:
        """Return the host and port of this machine for a private address and a port."""
        if (address, port) not in self._places:
            host = _loopback_of(address)
            self._places[address, port] = Place(address, port, host, port if _is_free(host, port) else _free_port(host))
        place = self._places[address, port]
        return place.host, place.local_port

    def forget(self, address: str) -> None:
        """Give up the places of an address that AWS has released."""
        for key in [key for key in self._places if key[0] == address]:
            del self._places[key]

    def table(self) -> list[dict[str, Any]]:
        """Return {address, port, host, local_port} of each place, sorted."""
        return [asdict(self._places[key]) for key in sorted(self._places)]


def _loopback_of(address: str) -> str:
    host = "127." + address.partition(".")[2]
    return host if _is_free(host, 0) else _LOOPBACK


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
