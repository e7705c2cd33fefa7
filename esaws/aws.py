"""Helpers for boto3: pagination, tags and error codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

CALL_ERRORS = (ClientError, BotoCoreError, ResponseParserError)
"""What a call may raise. botocore can't parse the response of an endpoint that lacks the operation, and that error is
not among its others."""


class HasClients(Protocol):
    """Makes boto3 clients by service name, as `Cloud` does."""

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service."""


def pages(cloud: HasClients, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
    """Yield every item of a paginated list operation, from the member `result` of each page."""
    for page in cloud.client(service).get_paginator(operation).paginate(**parameters):
        yield from page.get(result, ())


def error_code(error: ClientError) -> str:
    """Return AWS's error code, such as `InvalidVpcID.NotFound`."""
    return str(error.response["Error"]["Code"])


@contextmanager
def ignore_codes(*codes: str) -> Iterator[None]:
    """Ignore errors with one of these AWS codes, typically "not found"; every other error propagates."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Convert tags to the list of pairs that most services take; ECS needs lower-case `key` and `value`."""
    return [{key: name, value: text} for name, text in tags.items()]


def tag_dict(tags: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Convert a list of tag pairs to a dictionary; None gives an empty one."""
    return {tag[key]: tag[value] for tag in tags or ()}
