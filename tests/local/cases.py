"""Cases: calls, and their result on AWS and on stock moto. The modules `cases_*.py` contain them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError


@dataclass(frozen=True)
class Case:
    """Calls in an empty account, and what they return on AWS and on stock moto."""

    name: str
    """A sentence about AWS."""
    run: Callable[[Any], Any]
    """Takes an account and returns the result."""
    aws: Any
    stock: Any


CASES: list[Case] = []

TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, '
    '"Action": "sts:AssumeRole"}]}'
)
"""A trust policy, for roles whose trust does not matter."""

REGIONS = ("eu-west-3", "us-east-1", "ap-southeast-2", "ca-central-1")


def region_of(name: str) -> str:
    """The region of a case, which depends on its name only; the environment variable REGION overrides it."""
    return os.environ.get("REGION") or REGIONS[crc32(name.encode()) % len(REGIONS)]


def located(account: Any, **configuration: Any) -> dict[str, Any]:
    """The configuration for CreateBucket, with the region, except for us-east-1, which must not be named.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    if account.region != "us-east-1":
        configuration["LocationConstraint"] = account.region
    return {"CreateBucketConfiguration": configuration} if configuration else {}


def case(name: str, *, aws: Any, stock: Any) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Register a function as a case."""

    def register(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
        CASES.append(Case(name, run, aws, stock))
        return run

    return register


def outcome(call: Callable[[], Any]) -> Any:
    """The result of a call, or the code of its error."""
    try:
        return call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except ResponseParserError as error:
        return type(error).__name__
