"""The source address that the other side sees: a private one, or that of an internet or NAT gateway."""

from __future__ import annotations

from esaws.inspect.account import Account
from esaws.inspect.network.addresses import parse_address
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.endpoints import endpoints_of
from esaws.inspect.network.path import PacketPath
from esaws.inspect.network.traffic import Traffic


def has_interface(account: Account, address: str) -> bool:
    """Return whether an interface that AWS described has an address."""
    if account.get("NetworkInterfaces") is None:
        return False
    return EndpointCatalog.of(account).network.interface_at(parse_address(address), "") is not None


def seen_source(account: Account, source: str, destination: str) -> str | None:
    """Return the address that `destination` sees on TCP packets of the interface with the private address `source`.

    None: nothing leaves, or the address is unknown, as behind a NAT gateway with several.
    """
    network = EndpointCatalog.of(account).network
    (here,) = endpoints_of(network, source, destination, 4)
    (there,) = endpoints_of(network, destination, source, 4)
    seen = PacketPath(network, here, there, Traffic.of("tcp", 443)).seen_source()
    return None if seen is None else str(seen)
