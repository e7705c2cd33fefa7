"""One request and its response: the rule that it takes, what answers it, and the record of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import HttpVersion11, web
from multidict import CIMultiDict
from yarl import URL

from esaws.data_plane.load_balancer import request_headers, responses, stickiness
from esaws.data_plane.load_balancer.client_connection import connection_of
from esaws.data_plane.load_balancer.configuration import Configuration, Listener, Target, TargetGroup
from esaws.data_plane.load_balancer.exchange_record import record_of
from esaws.data_plane.load_balancer.http2_targets import TargetResponse
from esaws.data_plane.load_balancer.incoming import forwarded_target, header_bytes, is_sendable, is_text
from esaws.data_plane.load_balancer.responses import PassedResponse
from esaws.data_plane.load_balancer.target_choice import Choice
from esaws.data_plane.load_balancer.tunnel import Tunnel
from esaws.inspect.routing.actions import UnsupportedAction, action_result
from esaws.inspect.routing.plain_reading import chosen_rule
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.rules import RoutingRule
from esaws.inspect.routing.trace import load_balancer_response

if TYPE_CHECKING:
    from esaws.data_plane.load_balancer.entrance import Entrance
    from esaws.data_plane.load_balancer.proxy import LoadBalancerProxy

CONNECT_SECONDS = 10.0
"""How long a load balancer waits for a connection to a target.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-504-issues
"""
CLIENT_CLOSED = 460
CLIENT_TOO_SLOW = 408


@dataclass(eq=False)
class Exchange:
    """One request on its way through the load balancer."""

    proxy: LoadBalancerProxy
    entrance: Entrance
    configuration: Configuration
    listener: Listener
    incoming: web.BaseRequest
    request: Request
    began: float = field(default_factory=time.perf_counter)
    rule: RoutingRule | None = None
    choice: Choice | None = None
    trace_id: str = ""
    status: int = 0
    target_status: int | None = None
    sent_to_target: float | None = None
    target_began: float | None = None
    passed_on: float = 0.0
    """When a part of the response was last passed on."""
    received_bytes: int = 0
    sent_bytes: int = 0
    redirect_url: str = "-"
    actions: tuple[str, ...] = ()
    deadline: asyncio.Timeout | None = None
    is_deregistered: bool = False
    is_client_slow: bool = False
    is_websocket: bool = False
    response: web.StreamResponse | None = None

    async def run(self) -> web.StreamResponse:
        """Answer the request; the response has been sent when it returns."""
        self.received_bytes = self.request.line_bytes + 2 + header_bytes(self.incoming.headers)
        self.trace_id = request_headers.trace_id(self.incoming.headers.get(request_headers.TRACE_HEADER))
        try:
            response = await self._answer()
            if response is not self.response:
                await self._send(response)
            return response
        except (asyncio.CancelledError, ConnectionError):
            if not self.is_websocket:
                self.status = CLIENT_CLOSED
            raise
        except Exception:
            self.status = 500
            raise
        finally:
            self.proxy.record(record_of(self))

    def deregister(self) -> None:
        """End the request, because its target no longer belongs to the group."""
        self.is_deregistered = True
        if self.deadline is not None:
            self.deadline.reschedule(0.0)

    # The decision

    async def _answer(self) -> web.StreamResponse:
        if response := self._refusal():
            return response
        self.rule = chosen_rule(self.listener.rules, self.request)
        if self.rule is None:
            return responses.error_response(503)
        try:
            action = action_result(self.rule, self.request)
        except UnsupportedAction as error:
            return responses.not_simulated(str(error))
        if response := self._authentication(action):
            return response
        self.actions = (action["action"],)
        match action["action"]:
            case "redirect":
                self.redirect_url = responses.location_url(action["location_components"])
                return responses.redirect_response(action["status"], action["location_components"])
            case "fixed-response":
                return responses.fixed_response(action["status"], action["content_type"], action["body"])
            case _:
                return await self._forward(action)

    def _refusal(self) -> web.Response | None:
        """Return the response where the load balancer refuses the request before any rule."""
        has_host = self.incoming.version < (1, 1) or "Host" in self.incoming.headers
        is_valid = self.request.path.startswith("/") and is_text(self.incoming) and is_sendable(self.incoming)
        if not has_host or not is_valid:
            return responses.error_response(400, close=True)
        if own := load_balancer_response(self.request):
            return responses.error_response(own[0], close=True)
        return None

    def _authentication(self, action: Mapping[str, Any]) -> web.Response | None:
        status = action.get("unauthenticated_response")
        if status is None:
            return None
        if status == 302:
            return responses.not_simulated("the load balancer does not redirect to an identity provider here")
        if "Authorization" in self.incoming.headers:
            return responses.not_simulated("the load balancer does not verify tokens here")
        return responses.error_response(int(status))

    # Forwarding

    async def _forward(self, action: Mapping[str, Any]) -> web.StreamResponse:
        assert self.rule is not None
        cookies = stickiness.parse_cookies(self.incoming.headers.getall("Cookie", ()))
        secure = self.listener.protocol == "HTTPS"
        node = self.entrance.node
        chooser = self.proxy.chooser
        self.choice = choice = chooser.choose(self.configuration, self.rule, node.zone, cookies, secure=secure)
        group, target = choice.group, choice.target
        if group is None or target is None:
            return responses.error_response(503)
        if group.type in ("lambda", "alb"):
            return responses.not_simulated(f"the load balancer does not call targets of type {group.type} here")
        if response := self._version_refusal(group):
            return response
        path_and_host = forwarded_target(action, self.request)
        if path_and_host is None:
            return responses.not_simulated("AWS does not document the result of this rule's transform")
        chooser.open[group.arn, target.key] += 1
        self.proxy.exchanges.add(self)
        try:
            async with asyncio.timeout(None) as self.deadline:
                return await self._ask(group, target, *path_and_host)
        except TimeoutError:
            return self._broken(502 if self.is_deregistered else 504)
        except aiohttp.ClientError:
            return self._broken(CLIENT_TOO_SLOW if self.is_client_slow else 502)
        finally:
            self.deadline = None
            self.proxy.exchanges.discard(self)
            chooser.open[group.arn, target.key] -= 1

    def _version_refusal(self, group: TargetGroup) -> web.Response | None:
        """Return the response where a client's protocol does not fit the target group.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version
        """
        if group.protocol_version == "HTTP1":
            return responses.error_response(464) if self.is_grpc else None
        if not self.is_http2 or (group.protocol_version == "GRPC" and self.incoming.method != "POST"):
            return responses.error_response(464)
        return None

    def _broken(self, status: int) -> web.StreamResponse:
        """Return an error, or close the connection of the client where the response has begun."""
        if self.response is None:
            return responses.error_response(status, close=self.is_client_slow)
        connection_of(self.incoming).break_off()
        return self.response

    async def _ask(self, group: TargetGroup, target: Target, host: str, path: str) -> web.StreamResponse:
        """Send the request to a target and its response to the client."""
        if not target.address or not self.configuration.reaches(group, target):
            await asyncio.sleep(CONNECT_SECONDS * self.proxy.seconds)  # packets are dropped
            raise TimeoutError
        assert target.port is not None
        where, local_port = self.proxy.addresses.place(target.address, target.port)
        headers = request_headers.target_headers(
            self.configuration,
            self.incoming.headers,
            host=host,
            client=self.client,
            protocol=self.listener.protocol,
            port=self.listener.port,
            trace_id=self.trace_id,
        )
        if self.incoming.headers.get("Expect", "").lower() == "100-continue":
            connection_of(self.incoming).send_continue()
        self.sent_to_target = time.perf_counter()
        url = URL(f"{group.protocol.lower()}://{where}:{local_port}{path}", encoded=True)
        async with self._sent(group, url, headers) as answer:
            self.target_began = time.perf_counter()
            self.target_status = answer.status
            return await self._pass_on(group, target, answer)

    def _sent(
        self, group: TargetGroup, url: URL, headers: CIMultiDict[str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse | TargetResponse]:
        """Return the response of a target, as a context in which it is read."""
        method, idle = self.incoming.method, self.configuration.idle_timeout
        data = self._body(idle) if self.incoming.body_exists else None
        if group.protocol_version != "HTTP1":
            return self.proxy.http2_targets.request(
                method, url, headers=headers, data=data, connect=CONNECT_SECONDS, idle=idle
            )
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=idle)
        return self.proxy.session.request(
            method, url, headers=headers, data=data, allow_redirects=False, timeout=timeout
        )

    async def _body(self, idle: float) -> AsyncIterator[bytes]:
        """Yield the body of the request as it arrives."""
        while True:
            try:
                async with asyncio.timeout(idle):
                    chunk = await self.incoming.content.readany()
            except TimeoutError:
                if time.perf_counter() < self.passed_on + idle:  # the target talks
                    continue
                self.is_client_slow = True
                raise aiohttp.ClientError("the client does not send its body") from None
            if not chunk:
                return
            self.received_bytes += len(chunk)
            yield chunk

    async def _pass_on(
        self, group: TargetGroup, target: Target, answer: aiohttp.ClientResponse | TargetResponse
    ) -> web.StreamResponse:
        headers = request_headers.passed_on(answer.headers)
        secure = self.listener.protocol == "HTTPS"
        assert self.choice is not None
        own = [value.partition("=")[0].strip() for value in answer.headers.getall("Set-Cookie", ())]
        sticky = stickiness.target_cookies(
            self.proxy.chooser.sealer, group, target, own, secure=secure, seconds=self.proxy.seconds
        )
        for cookie in (*self.choice.cookies, *sticky):
            headers.add("Set-Cookie", cookie)
        response = PassedResponse(status=answer.status, reason=answer.reason, headers=headers)
        if answer.status == 101:
            if isinstance(answer, TargetResponse) or not request_headers.is_upgrade(self.incoming.headers):
                raise aiohttp.ClientError("the target changes the protocol, and the client has not asked for that")
            self.response, self.status, self.is_websocket = response, 101, True
            await self._tunnel(response, answer)
            return response
        if self.entrance.is_old(self.incoming):
            response.force_close()
        self.response, self.status = response, answer.status
        if answer.content.is_eof():  # all of it has arrived: one packet has the headers and the body
            response.send_headers_with_body()
        await response.prepare(self.incoming)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
            self.passed_on = time.perf_counter()
        if isinstance(answer, TargetResponse):
            connection_of(self.incoming).end_with(answer.trailers)
        await self._finish(response)
        return response

    async def _tunnel(self, response: web.StreamResponse, answer: aiohttp.ClientResponse) -> None:
        """Pass the handshake of a WebSocket and what follows."""
        response.headers["Connection"], response.headers["Upgrade"] = "Upgrade", answer.headers["Upgrade"]
        tunnel = Tunnel(self.incoming, answer, self.configuration.idle_timeout)
        try:
            await tunnel.run(response)
        finally:
            self.received_bytes += tunnel.received
            self.sent_bytes += tunnel.sent

    async def _send(self, response: web.StreamResponse) -> None:
        self.status = response.status
        if self.entrance.is_old(self.incoming):
            response.force_close()
        await response.prepare(self.incoming)
        await self._finish(response)

    async def _finish(self, response: web.StreamResponse) -> None:
        await response.write_eof()
        self.sent_bytes = response.body_length

    # The client

    @property
    def is_http2(self) -> bool:
        return self.incoming.version > HttpVersion11

    @property
    def is_grpc(self) -> bool:
        return self.is_http2 and self.incoming.headers.get("Content-Type", "").startswith("application/grpc")

    @property
    def client(self) -> tuple[str, int]:
        """The client's address and port as AWS would see them."""
        return self.entrance.client(self.incoming)
