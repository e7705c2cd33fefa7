"""Where on this machine something listens that has a private address and a port on AWS.

`a.b.c.d` stands for 127.b.c.d, so that the addresses of the VPC can be recognised. A port that can't be bound there
(below 1024 without root, or taken) gets another one, and so does every port where only 127.0.0.1 exists, as on macOS.

A place is reserved before anything listens there, so that two local AWSs with the same addresses don't take the same.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import asdict, dataclass
from typing import Any, Literal

from esaws.errors import EsawsError

_ATTEMPTS = 20
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """What AWS has at `address` and `port` listens on `host` and `local_port` of this machine."""

    address: str
    port: int
    host: str
    local_port: int


class Addresses:
    """The places of one account and region; one that was given stays the same."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int], Place] = {}
        self._reservations: dict[tuple[str, int], socket.socket | None] = {}

    def place(self, address: str, port: int) -> tuple[str, int]:
        """Return the host and port of this machine for a private address and a port."""
        key = address, port
        if key not in self._places:
            host = _loopback_of(address)
            for local_port in (port, *(_free_port(host) for _ in range(_ATTEMPTS))):
                if _is_free(host, local_port) and (reservation := _reserve(host, local_port)) is not False:
                    self._places[key] = Place(address, port, host, local_port)
                    self._reservations[key] = reservation
                    break
            else:
                raise EsawsError(f"no port of {host} is free for {address}:{port}")
        place = self._places[key]
        return place.host, place.local_port

    def free_place(self, address: str, port: int) -> tuple[str, int]:
        """Return the place for what is about to listen: another one where a foreign program has taken the port."""
        if not _is_free(*self.place(address, port)):
            self._forget((address, port))
        return self.place(address, port)

    def forget(self, address: str) -> None:
        """Give up the places of an address that AWS has released."""
        for key in [key for key in self._places if key[0] == address]:
            self._forget(key)

    def close(self) -> None:
        """Give up all places."""
        for address in {address for address, _ in self._places}:
            self.forget(address)

    def _forget(self, key: tuple[str, int]) -> None:
        del self._places[key]
        if reservation := self._reservations.pop(key):
            reservation.close()

    def table(self) -> list[dict[str, Any]]:
        """Return {address, port, host, local_port} of each place, sorted."""
        return [asdict(self._places[key]) for key in sorted(self._places)]


def _reserve(host: str, port: int) -> socket.socket | Literal[False] | None:
    """Return what reserves a place until it is closed, or this process ends; False if another process has it.

    None where the platform has no sockets with abstract names.
    """
    if sys.platform != "linux":
        return None
    reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        reservation.bind(f"\0esaws {host}:{port}")
    except OSError:
        reservation.close()
        return False
    return reservation


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
