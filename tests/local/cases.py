"""A case is a question, AWS's answer to it, and stock moto's; the modules `cases_*.py` hold them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
