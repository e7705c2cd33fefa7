"""Helpers for boto3: pagination, tags and error codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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


_NO_SUCH_OPERATION = frozenset(
    ("InvalidAction", "NotImplemented", "NotImplementedException", "UnknownOperation", "UnknownOperationException")
)
_SERVER_ERROR, _NOT_IMPLEMENTED = 500, 501


def is_missing_operation(error: BaseException) -> bool:
    """Whether an endpoint that is not AWS answered that it lacks an operation, or answered in no protocol of AWS."""
    if isinstance(error, ResponseParserError):
        return True
    if not isinstance(error, ClientError):
        return False
    code = error_code(error)
    # botocore takes the status for a code where the answer has none, and its standard text for a HEAD request.
    is_not_of_aws = code.isdigit() and not error.response["Error"].get("Message")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return code in _NO_SUCH_OPERATION or is_not_of_aws or status == _NOT_IMPLEMENTED


_REFUSALS = re.compile("BadRequest|Invalid|Malformed|MissingParameter|NotSupported|Unsupported|Validation")
_STATES = re.compile("Duplicate|Exists|InUse|Limit|NotFound|State|Token")
"""What the codes contain that speak of resources and credentials instead of parameters: InvalidVpcID.NotFound."""


def is_refused_request(error: BaseException) -> bool:
    """Whether an endpoint took the parameters of a call for wrong, or failed on them."""
    if not isinstance(error, ClientError):
        return False
    code, status = error_code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return bool(_REFUSALS.search(code) and not _STATES.search(code)) or status >= _SERVER_ERROR


@contextmanager
def ignore_codes(*codes: str) -> Iterator[None]:
    """Ignore errors with one of these AWS codes, typically "not found"; every other error propagates."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise


@contextmanager
def ignore_repetition(code: str, is_done: Callable[[], bool]) -> Iterator[None]:
    """Ignore the error of a call that AWS has made before; every other error propagates.

    botocore sends a call again whose answer was lost. `code` is AWS's answer to the second one, and `is_done` says
    whether the first one did what was wanted: the same code may have another reason.
    """
    try:
        yield
    except ClientError as error:
        if error_code(error) != code or not is_done():
            raise


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Convert tags to the list of pairs that most services take; ECS needs lower-case `key` and `value`."""
    return [{key: name, value: text} for name, text in tags.items()]


def tag_dict(tags: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Convert a list of tag pairs to a dictionary; None gives an empty one."""
    return {tag[key]: tag[value] for tag in tags or ()}
