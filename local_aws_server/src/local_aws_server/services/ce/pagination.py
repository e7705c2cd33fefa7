"""The pages of an answer of Cost Explorer, and the tokens that lead from one to the next."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from local_aws_server.hooks import AwsError

Entry = TypeVar("Entry")

_ABOUT_THE_PAGE = ("NextPageToken", "NextToken", "MaxResults")


def cut_page(
    entries: Sequence[Entry], place: Callable[[Entry], Sequence[str]], request: Mapping[str, Any], size: int
) -> tuple[list[Entry], str | None]:
    """(as many entries as a page has, the token of the next page or None); entries are ordered by their places.

    A token says after which place its page begins, so that what is charged in the meantime moves nothing. Raises
    AwsError: InvalidNextTokenException, or RequestChangedException if the token is one of another request.
    """
    asked = {name: value for name, value in request.items() if name not in _ABOUT_THE_PAGE}
    token = request.get("NextPageToken") or request.get("NextToken")
    after = _after(token, asked) if token else None
    rest = [entry for entry in entries if after is None or list(place(entry)) > after]
    more = len(rest) > size
    return rest[:size], _token(asked, place(rest[size - 1])) if more else None


def _token(asked: Mapping[str, Any], place: Sequence[str]) -> str:
    return urlsafe_b64encode(json.dumps([_print_of(asked), list(place)]).encode()).decode()


def _after(token: str, asked: Mapping[str, Any]) -> list[str]:
    try:
        of, after = json.loads(urlsafe_b64decode(token))
    except (NotBase64, ValueError, TypeError) as error:
        raise AwsError("InvalidNextTokenException", "The pagination token is invalid.") from error
    if of != _print_of(asked):
        raise AwsError("RequestChangedException", "The request parameters changed between pages.")
    return [str(part) for part in after]


def _print_of(asked: Mapping[str, Any]) -> str:
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
