"""Pages of the Free Tier API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local_aws_server.billing.pagination import offset_page
from local_aws_server.call import Call
from local_aws_server.errors import AwsError

_PAGE_SIZE = 1000


def page(call: Call, name: str, items: Sequence[Any]) -> dict[str, Any]:
    """The requested page as member `name`, and `nextToken` if there are more. Raises ValidationException."""
    token, size = call.params.get("nextToken", "0"), call.params.get("maxResults", _PAGE_SIZE)
    try:
        items, next_token = offset_page(items, token, size)
    except ValueError as error:
        raise AwsError("ValidationException", str(error), 400) from None
    return {name: items, **({"nextToken": next_token} if next_token else {})}
