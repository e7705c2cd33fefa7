"""The record of an exchange: what an access log and the metrics have of it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from esaws.data_plane.load_balancer.request_record import RequestRecord

if TYPE_CHECKING:
    from esaws.data_plane.load_balancer.exchange import Exchange


def record_of(exchange: Exchange) -> RequestRecord:
    """Return what is known about a request after its response."""
    ended = time.perf_counter()
    now = exchange.proxy.now()
    tls = exchange.entrance.tls_of(exchange.incoming)
    target = exchange.choice.target if exchange.choice else None
    sent, answered = exchange.sent_to_target, exchange.target_began
    address, port = exchange.client
    rule = exchange.rule
    return RequestRecord(
        type=_type(exchange),
        received=now - timedelta(seconds=ended - exchange.began),
        time=now,
        load_balancer=exchange.configuration.id,
        zone=exchange.entrance.node.zone,
        node=exchange.entrance.node.address,
        client=f"[{address}]:{port}" if ":" in address else f"{address}:{port}",
        elb_status=exchange.status,
        target_status=exchange.target_status,
        target_group_arn=exchange.choice.group.arn if exchange.choice and exchange.choice.group else "",
        target_id=target.id if target else "",
        target=f"{target.address}:{target.port}" if target else "",
        request_seconds=None if sent is None else sent - exchange.began,
        target_seconds=None if sent is None or answered is None else answered - sent,
        response_seconds=None if answered is None else ended - answered,
        received_bytes=exchange.received_bytes,
        sent_bytes=exchange.sent_bytes,
        request=_logged_request(exchange),
        user_agent=exchange.incoming.headers.get("User-Agent", "-"),
        trace_id=exchange.trace_id,
        host=exchange.request.host_name or "-",
        ssl_cipher=tls[0],
        ssl_protocol=tls[1],
        certificate_arn=exchange.listener.certificate or "-",
        priority=None if rule is None else 0 if rule.is_default else int(rule.priority),
        actions=exchange.actions,
        redirect_url=exchange.redirect_url,
    )


def _type(exchange: Exchange) -> str:
    if exchange.is_http2:
        return "grpcs" if exchange.is_grpc else "h2"
    scheme = exchange.listener.protocol.lower()
    return {"http": "ws", "https": "wss"}[scheme] if exchange.is_websocket else scheme


def _logged_request(exchange: Exchange) -> str:
    request, version = exchange.request, exchange.incoming.version
    query = f"?{request.query}" if request.query else ""
    host = request.host_name or exchange.configuration.dns_name
    url = f"{request.protocol.lower()}://{host}:{request.port}{request.path}{query}"
    return f"{request.method} {url} HTTP/{version.major}.{version.minor}"
