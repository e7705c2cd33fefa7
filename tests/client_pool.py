"""boto3 clients that one test hands on to the next: making them would take a fifth of the time of the tests.

Only clients of the process's own local AWS are handed on, with the account and the call log of the next cloud.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from esaws.call_log import CallLog
from esaws.cloud import LOCAL_ACCOUNT, Cloud

SERVERS: set[str] = set()
"""The URLs of the servers whose clients are handed on."""

_idle: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
_lent: list[tuple[tuple[str, str, str], Cloud, Any]] = []
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
    if cloud.is_aws or cloud.endpoint not in SERVERS:
        return _make_client(cloud, service)
    key = (str(cloud.endpoint), cloud.region, service)
    if _idle[key]:
        client = _idle[key].pop()
        client._request_signer._credentials.access_key = cloud._expected_account or LOCAL_ACCOUNT
        cloud.calls.attach(client.meta.events)
    else:
        client = _make_client(cloud, service)
        client.meta.events.register = _Registering(client.meta.events)
    client.meta.events.register.others = False
    _lent.append((key, cloud, client))
    return client


def _take_back(key: tuple[str, str, str], cloud: Cloud, client: Any) -> None:
    if cloud._clients.get(key[2]) is client:
        del cloud._clients[key[2]]
    if not client.meta.events.register.others:
        for event, handler in _HANDLERS.items():
            client.meta.events.unregister(event, getattr(cloud.calls, handler))
        _idle[key].append(client)


class _Registering:
    """Register handlers of one client, and remember whether any other than a call log did."""

    def __init__(self, events: Any) -> None:
        self._register = events.register
        self.others = False

    def __call__(self, event: str, handler: Any, *args: Any, **kwargs: Any) -> None:
        self.others |= not isinstance(getattr(handler, "__self__", None), CallLog)
        self._register(event, handler, *args, **kwargs)


Cloud._make_client = _lend  # type: ignore[method-assign]
