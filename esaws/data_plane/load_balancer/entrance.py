"""Where clients connect: one socket for each listener on each node of a load balancer."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web

from esaws.data_plane.load_balancer import responses
from esaws.data_plane.load_balancer.certificate import HTTP2, offer
from esaws.data_plane.load_balancer.client_connection import connection_of
from esaws.data_plane.load_balancer.configuration import Configuration, Listener, Node
from esaws.data_plane.load_balancer.exchange import Exchange
from esaws.data_plane.load_balancer.http1_connection import Http1Connection
from esaws.data_plane.load_balancer.http2_connection import Http2Connection
from esaws.data_plane.load_balancer.incoming import read_request

if TYPE_CHECKING:
    from esaws.data_plane.load_balancer.proxy import LoadBalancerProxy

_BACKLOG = 512
_GRACE = 0.05
"""Seconds for open requests when the listener is deleted; aiohttp reads 0 as any number."""


class Entrance:
    """A listening socket, and the connections that it accepted."""

    def __init__(self, proxy: LoadBalancerProxy, node: Node, listener: Listener, tls: ssl.SSLContext | None) -> None:
        self.proxy = proxy
        self.node = node
        self.port = listener.port
        self.protocol = listener.protocol
        self.host, self.local_port = proxy.addresses.free_place(node.address, listener.port)
        self.tls = tls
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._arrivals: set[asyncio.Task[Any]] = set()
        self._silent: set[_Silent] = set()
        self._http2_connections: set[Http2Connection] = set()
        self._server = web.Server(self._handle, handler_cancellation=True)

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        self._socket = socket.create_server((self.host, self.local_port), backlog=_BACKLOG)
        self._socket.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(self._socket))

    async def close(self) -> None:
        """Stop listening and close every connection."""
        for task in (self._accepting, *self._arrivals):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._socket is not None:
            self._socket.close()
        for silent in list(self._silent):
            silent.close()
        http2 = [connection.shutdown(_GRACE) for connection in self._http2_connections]
        await asyncio.gather(self._server.shutdown(_GRACE), *http2)

    def _connection(self, configuration: Configuration, source_ip: str) -> asyncio.Protocol:
        idle = configuration.idle_timeout

        def http1() -> asyncio.Protocol:
            return Http1Connection(self, self._server, idle, source_ip)

        def http2() -> asyncio.Protocol:
            return Http2Connection(
                self._handle, self.is_old, idle=idle, source_ip=source_ip, connections=self._http2_connections
            )

        if self.tls is None:
            return http1()
        offer(self.tls, http2=configuration.is_http2)
        return _Negotiation(http1, http2)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, peer = await loop.sock_accept(listening)
            except OSError:  # the client is gone already, or no file descriptor is left
                await asyncio.sleep(0.01)
                continue
            arrival = asyncio.create_task(self._arrive(client, peer))
            self._arrivals.add(arrival)
            arrival.add_done_callback(self._arrivals.discard)

    async def _arrive(self, client: socket.socket, peer: tuple[str, int]) -> None:
        """Serve a client, or never answer it where the network drops its packets."""
        loop = asyncio.get_running_loop()
        with suppress(OSError, ssl.SSLError):
            client.setblocking(False)
            source = await asyncio.to_thread(self.proxy.find_source, peer[:2], (self.host, self.local_port))
            configuration = self.proxy.configuration
            arrival = configuration.arrival(source, self.node, self.port) if configuration else None
            if configuration and arrival and arrival.is_admitted:
                protocol = self._connection(configuration, arrival.source_ip)
                await loop.connect_accepted_socket(lambda: protocol, client, ssl=self.tls)
            else:
                await loop.connect_accepted_socket(lambda: _Silent(self._silent), client)

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        configuration = self.proxy.configuration
        listener = configuration.listeners.get(self.port) if configuration else None
        if configuration is None or listener is None:
            return responses.error_response(503, close=True)
        source_ip, _ = self.client(incoming)
        request = read_request(incoming, listener, source_ip, self.local_port)
        return await Exchange(self.proxy, self, configuration, listener, incoming, request).run()

    def client(self, incoming: web.BaseRequest) -> tuple[str, int]:
        """Return the address of a client as AWS would see it, and its port; 0 once it is gone."""
        peer = incoming.protocol.peername
        return connection_of(incoming).source_ip, int(peer[1]) if isinstance(peer, tuple) else 0

    def is_old(self, incoming: web.BaseRequest) -> bool:
        """Return whether the connection has lasted longer than a client's may."""
        configuration = self.proxy.configuration
        seconds = float(configuration.setting("client_keep_alive.seconds", "3600")) if configuration else 0.0
        return connection_of(incoming).age() > seconds

    def tls_of(self, incoming: web.BaseRequest) -> tuple[str, str]:
        """Return cipher and protocol version of a connection; dashes without TLS or after its end."""
        transport = incoming.transport
        if self.tls is None or transport is None or (cipher := transport.get_extra_info("cipher")) is None:
            return "-", "-"
        return cipher[0], cipher[1]

    def to_dict(self) -> dict[str, Any]:
        """Return {name, port, host, local_port, tls, zone}."""
        configuration = self.proxy.configuration
        return {
            "name": configuration.dns_name if configuration else "",
            "port": self.port,
            "host": self.host,
            "local_port": self.local_port,
            "tls": self.tls is not None,
            "zone": self.node.zone,
        }


class _Negotiation(asyncio.Protocol):
    """A new TLS connection, which becomes what its client and the load balancer have agreed on."""

    def __init__(self, http1: Callable[[], asyncio.Protocol], http2: Callable[[], asyncio.Protocol]) -> None:
        self._http1 = http1
        self._http2 = http2

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        is_http2 = transport.get_extra_info("ssl_object").selected_alpn_protocol() == HTTP2
        protocol = self._http2() if is_http2 else self._http1()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class _Silent(asyncio.Protocol):
    """A connection that is never answered, as where a security group drops the packets."""

    def __init__(self, all_: set[_Silent]) -> None:
        self._all = all_
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
