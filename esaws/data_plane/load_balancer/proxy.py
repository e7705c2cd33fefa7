"""The Application Load Balancer as a proxy on this machine, for HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.client_source import FindSource
from esaws.data_plane.load_balancer.certificate import server_context
from esaws.data_plane.load_balancer.configuration import Configuration, Listener, Node
from esaws.data_plane.load_balancer.entrance import Entrance
from esaws.data_plane.load_balancer.exchange import Exchange
from esaws.data_plane.load_balancer.http2_targets import Http2Targets
from esaws.data_plane.load_balancer.request_record import RequestRecord
from esaws.data_plane.load_balancer.stickiness import Sealer
from esaws.data_plane.load_balancer.target_choice import TargetChooser
from esaws.inspect.account import Account

_SEALER_KEY_BYTES = 64
_logger = logging.getLogger(__name__)


class LoadBalancerProxy:
    """Carries the requests of one load balancer; `update` makes it follow the account."""

    def __init__(
        self,
        load_balancer_arn: str,
        addresses: Addresses,
        on_request: Callable[[RequestRecord], None] = lambda record: None,
        *,
        find_source: FindSource = lambda client, here: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = 1.0,
    ) -> None:
        """Make a proxy that does not listen yet.

        Args:
            load_balancer_arn: its ARN.
            addresses: where private addresses listen on this machine.
            on_request: called with the record of each request after its response.
            find_source: the private address of the task that a client is; it is called in a thread.
            now: the time in records, in UTC.
            seconds: how long a second of AWS's slow starts, cookies, intervals of logs, and connections that packets
                do not reach lasts here. What a process takes is real, and so are the time-outs for it.
        """
        self.arn = load_balancer_arn
        self.addresses = addresses
        self.find_source = find_source
        self.now = now
        self.seconds = seconds
        self.configuration: Configuration | None = None
        self.chooser = TargetChooser(Sealer(load_balancer_arn.encode()[-_SEALER_KEY_BYTES:]), seconds)
        self.exchanges: set[Exchange] = set()
        """The requests that wait for a target."""
        self.on_request = on_request
        self.http2_targets = Http2Targets()
        self._entrances: dict[tuple[Node, int, str], Entrance] = {}
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The client of the targets, with their open connections."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=False, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                max_line_size=1 << 16,
                max_field_size=1 << 16,
                max_headers=1000,
            )
        return self._session

    async def update(self, account: Account) -> None:
        """Follow a snapshot of the account: listen where it has listeners, and route by its rules and targets.

        Open requests go on; those of a target that the group no longer has end with 502.

        Raises:
            OSError: a port is taken; everything else follows all the same, and another update tries it again.
        """
        configuration = Configuration.of(account, self.arn, self.configuration)
        self.configuration = configuration
        wanted: dict[tuple[Node, int, str], tuple[Node, Listener]] = {}
        if configuration is not None:
            self.chooser.follow(configuration)
            for listener in configuration.listeners.values():
                for node in configuration.nodes:
                    wanted[node, listener.port, listener.protocol] = node, listener
        for key in self._entrances.keys() - wanted.keys():
            await self._entrances.pop(key).close()
        failures: list[OSError] = []
        for key in wanted.keys() - self._entrances.keys():
            try:
                entrance = await self._entrance(*wanted[key])
                await entrance.open()
                self._entrances[key] = entrance
            except OSError as error:
                failures.append(error)
        self._end_deregistered()
        if failures:
            raise failures[0]

    async def close(self) -> None:
        """Stop listening and close every connection."""
        entrances, self._entrances = list(self._entrances.values()), {}
        await asyncio.gather(*(entrance.close() for entrance in entrances))
        await self.http2_targets.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def listeners(self) -> list[dict[str, Any]]:
        """Return {name, port, host, local_port, tls, zone} of each socket, by port and zone.

        `name` is the DNS name, `port` the listener's port on AWS, `host` and `local_port` where to connect.
        """
        found = (entrance.to_dict() for entrance in self._entrances.values())
        return sorted(found, key=lambda entrance: (entrance["port"], entrance["zone"], entrance["host"]))

    def record(self, record: RequestRecord) -> None:
        """Report a request; a failure of the callback never reaches the client."""
        try:
            self.on_request(record)
        except Exception:
            _logger.exception("a request of %s could not be recorded", record.load_balancer)

    def record_malformed(self, entrance: Entrance, incoming: web.BaseRequest, status: int) -> None:
        """Report what a client sent that could not be parsed."""
        if (configuration := self.configuration) is None:
            return
        host, port = entrance.client(incoming)
        scheme, now = entrance.protocol.lower(), self.now()
        self.record(
            RequestRecord(
                type=scheme,
                received=now,
                time=now,
                load_balancer=configuration.id,
                zone=entrance.node.zone,
                node=entrance.node.address,
                client=f"{host or '-'}:{port}",
                elb_status=status,
                received_bytes=0,
                sent_bytes=0,
                request=f"- {scheme}://{configuration.dns_name}:{entrance.port}- -",
            )
        )

    async def _entrance(self, node: Node, listener: Listener) -> Entrance:
        tls = None
        if listener.protocol == "HTTPS":
            assert self.configuration is not None
            host, _ = self.addresses.place(node.address, listener.port)
            tls = await asyncio.to_thread(server_context, [self.configuration.dns_name, "localhost", host])
        return Entrance(self, node, listener, tls)

    def _end_deregistered(self) -> None:
        groups = self.configuration.groups if self.configuration else {}
        for exchange in list(self.exchanges):
            choice = exchange.choice
            if choice is None or choice.group is None or choice.target is None:
                continue
            group = groups.get(choice.group.arn)
            if group is None or choice.target.key not in group.targets:
                exchange.deregister()
