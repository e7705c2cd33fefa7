"""Lose the answers of calls that AWS has made: botocore sends each of them again."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ReadTimeoutError
from botocore.model import OperationModel

from esaws.call_log import Call

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""What differs each time: idempotency tokens, and the ids of uploads to ECR."""


@contextmanager
def losing_each_answer_once() -> Iterator[list[str]]:
    """Send each changing call, and lose its first answer; yields the operations of the lost answers."""
    get_response, lost, operations = Endpoint._get_response, set[tuple[str, str, str]](), list[str]()

    def get_response_and_lose(self: Endpoint, request: Any, operation: OperationModel, context: Any) -> Any:
        response = get_response(self, request, operation, context)
        call = (operation.name, request.url, _UUID.sub("", str(request.body)))
        if call in lost or not Call("", operation.name, {}, 0, "OK").changes:
            return response
        lost.add(call)
        operations.append(operation.name)
        return None, ReadTimeoutError(endpoint_url=request.url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Endpoint, "_get_response", get_response_and_lose)
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
        yield operations
