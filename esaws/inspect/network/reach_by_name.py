"""Who reaches whom on an account, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from esaws.inspect.account import Account, MissingData
from esaws.inspect.network.endpoint_catalog import NETWORK_KEYS, EndpointCatalog
from esaws.inspect.network.reach import ReachResult, reach_interfaces
from esaws.inspect.network.resolve import (
    ResolvedEndpoint,
    caveats,
    format_ports,
    is_listening,
    parse_endpoint,
    prechecks,
    resolve_endpoints,
)
from esaws.inspect.network.traffic import ICMP, ICMPV6, Traffic, protocol_number

_ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}


def reach(
    account: Account, source: str, destination: str, port: int | None = None, protocol: str = "tcp"
) -> ReachResult:
    """Whether a connection comes about between two ends of an account, each by its name.

    An end is `internet`, a CIDR, an address, `eni-…`, `i-…` (by its primary interface), `service/NAME`, `alb/NAME`,
    `db/NAME`, `cache/NAME` or `broker/NAME`; the prefix of a deployment may be left out. For icmp `port` is the type,
    -1 for any, by default an echo request. Besides what `reach` looks at, an instance that does not run denies, and a
    load balancer without a listener or in other zones. Whether a service or a store listens is only remarked.

    Raises:
        UsageError: an end is not there, with the names that are; or the protocol and port make no sense.
    """
    traffic = _traffic(protocol, port)
    places = EndpointCatalog.of(account)
    try:
        _ = account["NetworkInterfaces"]
        network, (here, there) = resolve_endpoints(
            places, [parse_endpoint(places, source), parse_endpoint(places, destination)]
        )
    except MissingData as error:
        return ReachResult("unknown", (str(error),))
    if first := next(prechecks(places, here, there, traffic), None):
        return ReachResult(first.decision, (first.reason,))
    said = reach_interfaces(network, here.spec, there.spec, protocol, traffic.port, icmp=traffic.icmp)
    if said.decision == "allow" and (unsure := tuple(caveats(places, here, there))):
        said = ReachResult("unknown", (*unsure, *said.because))
    because = dict.fromkeys([*said.because, *_remarks(places, here, there, traffic, said)])
    return replace(said, because=tuple(because))


def _traffic(protocol: str, port: int | None) -> Traffic:
    echo = _ECHO_REQUEST.get(protocol_number(protocol) or 0)
    if echo is None:
        return Traffic.of(protocol, port)
    type_ = echo if port is None else port
    return Traffic.of(protocol, icmp=None if type_ == -1 else (type_, 0))


def _remarks(
    places: EndpointCatalog, here: ResolvedEndpoint, there: ResolvedEndpoint, traffic: Traffic, said: ReachResult
) -> Iterator[str]:
    """What one should know with the answer."""
    for end in (here, there):
        if end.named and end.named.note:
            yield f"{end.name}: {end.named.note}"
    if said.decision == "unknown":
        missing = places.account.missing
        yield from (f"{key} are not known: {missing[key]}" for key in NETWORK_KEYS if key in missing)
    elif said.decision == "allow" and there.named and not is_listening(there.named, traffic):
        yield f"nothing of {there.name} listens on {traffic}, as far as is known: it listens on {format_ports(there.named)}"
