"""Where the answers of describe calls come from: AWS, or a folder of saved answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from esaws.aws import pages
from esaws.cloud import Cloud, observing

Raw = dict[str, Any]


class NotFetched(Exception):
    """Data could not be fetched; the message is the reason."""


class Calls(Protocol):
    """Answers calls by boto3's names of services, operations and parameters."""

    @property
    def region(self) -> str:
        """The region of the account."""

    def pages(self, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        """Yield every item of a paginated call, from the member `result` of its responses.

        Raises:
            ClientError: AWS refused the call.
            NotFetched: the answer is not available; the message is the reason.
        """

    def call(self, service: str, operation: str, **parameters: Any) -> Raw:
        """Return the response of a call. Raises as `pages` does."""


class CloudCalls:
    """Calls AWS, or the local AWS without a change of its clock: all answers are of one moment."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    @property
    def region(self) -> str:
        return self.cloud.region

    def pages(self, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        with observing():
            return iter([*pages(self.cloud, service, operation, result, **parameters)])

    def call(self, service: str, operation: str, **parameters: Any) -> Raw:
        with observing():
            response: Raw = getattr(self.cloud.client(service), operation)(**parameters)
        return response
