"""Pages of Cost Explorer's responses, and their tokens."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from local_aws_server.errors import AwsError

Item = TypeVar("Item")

_PAGING_PARAMS = ("NextPageToken", "NextToken", "MaxResults")


def cut_page(
    items: Sequence[Item], position: Callable[[Item], Sequence[str]], params: Mapping[str, Any], size: int
) -> tuple[list[Item], str | None]:
    """(items of the requested page, token of the next page or None); items are sorted by `position`.

    A token holds the position of the last item, so that new charges between two requests move nothing. Raises
    InvalidNextTokenException, or RequestChangedException if the token belongs to another request.
    """
    request = {name: value for name, value in params.items() if name not in _PAGING_PARAMS}
    token = params.get("NextPageToken") or params.get("NextToken")
    last = _parse_token(token, request) if token else None
    rest = [item for item in items if last is None or list(position(item)) > last]
    has_more = len(rest) > size
    return rest[:size], _create_token(request, position(rest[size - 1])) if has_more else None


def _create_token(request: Mapping[str, Any], position: Sequence[str]) -> str:
    return urlsafe_b64encode(json.dumps([_fingerprint(request), list(position)]).encode()).decode()


def _parse_token(token: str, request: Mapping[str, Any]) -> list[str]:
    try:
        fingerprint, position = json.loads(urlsafe_b64decode(token))
    except (Base64Error, ValueError, TypeError) as error:
        raise AwsError("InvalidNextTokenException", "The pagination token is invalid.") from error
    if fingerprint != _fingerprint(request):
        raise AwsError("RequestChangedException", "The request parameters changed between pages.")
    return [str(part) for part in position]


def _fingerprint(request: Mapping[str, Any]) -> str:
    return sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
