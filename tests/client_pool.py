"""boto3 clients that one test hands on to the next: making them would take a fifth of the time of the tests.

Only clients of a local AWS are handed on, with the account and the call log of the next cloud.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from esaws.call_log import CallLog
from esaws.cloud import LOCAL_ACCOUNT, Cloud

SERVERS = 4
"""The number of servers whose clients are kept, those that were used last."""

_idle: dict[str, dict[tuple[str, str], list[Any]]] = {}
"""URL of a server → region and service → clients."""
_lent: list[tuple[Cloud, str, Any]] = []
_make_client = Cloud._make_client
_HANDLERS = {"before-parameter-build": "_before_call", "after-call": "_after_call", "after-call-error": "_after_error"}


@contextmanager
def clients_are_handed_on() -> Iterator[None]:
    """Take back the clients that clouds made in this block. A cloud that lives on makes others when it needs them."""
    before = len(_lent)
    try:
        yield
    finally:
        while len(_lent) > before:
            _take_back(*_lent.pop())


def _lend(cloud: Cloud, service: str) -> Any:
    """Replace `Cloud._make_client`."""
    if cloud.is_aws:
        return _make_client(cloud, service)
    if idle := _clients_of(cloud)[cloud.region, service]:
        client = idle.pop()
        client._request_signer._credentials.access_key = cloud._expected_account or LOCAL_ACCOUNT
        cloud.calls.attach(client.meta.events)
    else:
        client = _make_client(cloud, service)
        client.meta.events.register = _Registering(client.meta.events)
    _lent.append((cloud, service, client))
    return client


def _take_back(cloud: Cloud, service: str, client: Any) -> None:
    if cloud._clients.get(service) is client:
        del cloud._clients[service]
    if not client.meta.events.register.others:
        for event, handler in _HANDLERS.items():
            client.meta.events.unregister(event, getattr(cloud.calls, handler))
        _clients_of(cloud)[cloud.region, service].append(client)


def _clients_of(cloud: Cloud) -> dict[tuple[str, str], list[Any]]:
    """The idle clients of a cloud's server. Those of the server that was used longest ago may go for it."""
    url = str(cloud.endpoint)
    _idle[url] = _idle.pop(url, None) or defaultdict(list)
    if len(_idle) > SERVERS:
        for client in chain.from_iterable(_idle.pop(next(iter(_idle))).values()):
            client.close()
    return _idle[url]


class _Registering:
    """Register handlers of one client, and remember whether any other than a call log did."""

    def __init__(self, events: Any) -> None:
        self._register = events.register
        self.others = False

    def __call__(self, event: str, handler: Any, *args: Any, **kwargs: Any) -> None:
        self.others |= not isinstance(getattr(handler, "__self__", None), CallLog)
        self._register(event, handler, *args, **kwargs)


Cloud._make_client = _lend  # type: ignore[method-assign]
