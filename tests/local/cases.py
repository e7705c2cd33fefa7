"""A case is a question, AWS's answer to it, and stock moto's; the modules `cases_*.py` hold them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError


@dataclass(frozen=True)
class Case:
    """A question, AWS's answer to it, and stock moto's."""

    name: str
    ask: Callable[[Any], Any]
    aws: Any
    stock: Any


CASES: list[Case] = []

REGIONS = ("eu-west-3", "us-east-1", "ap-southeast-2", "ca-central-1")


def region_of(name: str) -> str:
    """The region in which a case is asked: always the same for its name, unless the environment names another."""
    return os.environ.get("REGION") or REGIONS[crc32(name.encode()) % len(REGIONS)]


def located(account: Any, **more: Any) -> dict[str, Any]:
    """What CreateBucket is told besides the name: more, and the region, but for us-east-1, which is never named.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    place = {} if account.region == "us-east-1" else {"LocationConstraint": account.region}
    return {"CreateBucketConfiguration": {**place, **more}} if place or more else {}


def case(name: str, *, aws: Any, stock: Any) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    def register(ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
        CASES.append(Case(name, ask, aws, stock))
        return ask

    return register


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, or the code of the error it ends in."""
    try:
        return call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except ResponseParserError as error:
        return type(error).__name__
