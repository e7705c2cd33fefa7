"""What the exchange of a request needs from the connection of its client, whatever the version of HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from aiohttp import web


class ClientConnection(Protocol):
    """An HTTP/1.1 connection, or a stream of an HTTP/2 connection."""

    source_ip: str
    """The client's address as AWS would see it."""

    def age(self) -> float:
        """Return how many seconds ago the client connected."""
        ...

    def send_continue(self) -> None:
        """Ask the client for the body that it holds back."""
        ...

    def end_with(self, trailers: Sequence[tuple[str, str]]) -> None:
        """Send trailers after the body of the response, where the version of HTTP has them."""
        ...

    def break_off(self) -> None:
        """End a response that has begun, so that the client sees that it is incomplete."""
        ...


def connection_of(incoming: web.BaseRequest) -> ClientConnection:
    """Return the connection on which a request arrived."""
    return cast(ClientConnection, incoming.protocol)
