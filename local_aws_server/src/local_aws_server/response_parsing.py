"""botocore's parsers of responses, which read the timestamps of this server without guessing their format."""

from datetime import datetime
from functools import cache
from typing import Any

from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp


@cache
def response_parser(protocol: str) -> Any:
    """The parser of a protocol, such as `ec2` or `json`."""
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=_read_timestamp)
    return factory.create_parser(protocol)


def _read_timestamp(value: Any) -> datetime:
    """What botocore reads. It tries all formats that dateutil knows, which takes a tenth of a response."""
    if isinstance(value, str) and value[4:5] == "-" and value.endswith("Z"):
        return datetime.fromisoformat(value)
    found: datetime = parse_timestamp(value)
    return found
