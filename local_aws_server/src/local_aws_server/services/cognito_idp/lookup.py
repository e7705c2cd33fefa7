"""Find the user pool of an app client: calls of users are not signed, so they name no account."""

from __future__ import annotations

from typing import Any, NamedTuple

from local_aws_server.backends import Backends
from local_aws_server.call import Call


class AppClient(NamedTuple):
    """An app client, with the pool and the account and region that it is in."""

    backends: Backends
    pool: Any
    client: Any


def app_client(call: Call) -> AppClient | None:
    """The app client that a call names; None if there is none."""
    from moto.cognitoidp.models import cognitoidp_backends

    client_id = call.params.get("ClientId")
    for account, regions in list(cognitoidp_backends.items()):
        for region, backend in list(regions.items()):
            for pool in backend.user_pools.values():
                if client_id in pool.clients:
                    return AppClient(Backends(account, region), pool, pool.clients[client_id])
    return None


def user_of(found: AppClient, call: Call) -> Any | None:
    """The user that a call names, by name or by alias."""
    return found.pool._get_user(call.params.get("Username", ""))
