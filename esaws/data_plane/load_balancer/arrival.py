"""Who a client of this machine is to a load balancer, and whether its packets arrive."""

from __future__ import annotations

from dataclasses import dataclass

from esaws.inspect.account import Account
from esaws.inspect.load_balancers import LiveLoadBalancer
from esaws.inspect.network.reach import reach
from esaws.inspect.network.seen_source import has_interface, seen_source
from esaws.inspect.request_path import arrival

INTERNET_CLIENT = "203.0.113.80"
"""The address on the internet of every client that does not belong to a task.

https://www.rfc-editor.org/rfc/rfc5737
"""


@dataclass(frozen=True)
class Arrival:
    """A client as a node of the load balancer sees it, and whether its packets arrive; true where that is unknown."""

    source_ip: str
    is_admitted: bool


def arrival_at(account: Account, load_balancer: LiveLoadBalancer, client: str | None, node: str, port: int) -> Arrival:
    """Return how a client arrives at a listener.

    The DNS name of an internet-facing load balancer has public addresses alone, so a task arrives as its public address
    or its NAT gateway's; at an internal one as its private address.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html

    Args:
        client: the private address of the task that it is; None for another program: a client of the internet.
        node: the public address of the load balancer's node; empty where it has none.
    """
    if client is None or not load_balancer.is_public or not has_interface(account, client):
        source = client or INTERNET_CLIENT
        return Arrival(source, arrival(account, load_balancer, source, port).decision != "deny")
    if not node:
        return Arrival(INTERNET_CLIENT, True)
    seen = seen_source(account, client, node)
    return Arrival(seen or INTERNET_CLIENT, reach(account, client, node, port).decision != "deny")
