"""The Price List API answers from the bundled prices, of which a few are not verified; On-Demand terms alone.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Price_List_Service.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, replace
from local_aws_server.services.pricing.price_list import attribute_names, attribute_values, find_products, service_codes

BEHAVIOURS = (
    Behaviour(
        service="Price List",
        statement="The Price List API answers from the bundled prices, of which a few are not verified; On-Demand "
        "terms alone.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Price_List_Service.html",
        ),
    ),
)

_PAGE = 100
_PAGE_OF_VALUES = 10_000
_FORMAT = "aws_v1"

Listed = TypeVar("Listed")


@replace("pricing", "DescribeServices")
def describe_services(call: Call) -> dict[str, Any]:
    asked = call.params
    wanted = asked.get("ServiceCode") or ""
    codes = [_known(wanted)] if wanted else service_codes()
    services = [{"ServiceCode": code, "AttributeNames": attribute_names(code)} for code in codes]
    return {"FormatVersion": _format(call), **_page(call, "Services", services, _PAGE)}


@replace("pricing", "GetAttributeValues")
def get_attribute_values(call: Call) -> dict[str, Any]:
    service, name = _known(call.params.get("ServiceCode") or ""), call.params.get("AttributeName") or ""
    values = attribute_values(service, name)
    if not values:
        raise AwsError("NotFoundException", f"Attribute '{name}' of service '{service}' was not found.", 400)
    return _page(call, "AttributeValues", [{"Value": value} for value in values], _PAGE_OF_VALUES)


@replace("pricing", "GetProducts")
def get_products(call: Call) -> dict[str, Any]:
    service = _known(call.params.get("ServiceCode") or "")
    found = find_products(service, call.params.get("Filters") or [], CLOCK.now())
    return {"FormatVersion": _format(call), **_page(call, "PriceList", found, _PAGE)}


def _known(service: str) -> str:
    if not service:
        raise AwsError(
            "InvalidParameterException", "Input Parameters are invalid. serviceCode cannot be null or empty", 400
        )
    if not (service.isascii() and service.isalnum()):
        raise AwsError("InvalidParameterException", "ServiceCode can only contain a-z, A-Z, 0-9", 400)
    if service not in service_codes():
        raise AwsError("NotFoundException", f"The bundled price list has no service '{service}'.", 400)
    return service


def _format(call: Call) -> str:
    version = call.params.get("FormatVersion") or _FORMAT
    if version != _FORMAT:
        raise AwsError(
            "InvalidParameterException", f"FormatVersion '{version}' is not supported; use '{_FORMAT}'.", 400
        )
    return _FORMAT


def _page(call: Call, name: str, listed: Sequence[Listed], most: int) -> dict[str, Any]:
    """One page, and a token for the next, which is good for the same question alone."""
    size = call.params.get("MaxResults") or most
    if not 1 <= size <= most:
        raise AwsError("InvalidParameterException", f"MaxResults must be between 1 and {most}.", 400)
    question = json.dumps(
        {name: call.params[name] for name in sorted(call.params) if name not in ("NextToken", "MaxResults")}
    )
    begin = _begin(call.params.get("NextToken") or "", question)
    end = begin + size
    more = {"NextToken": _token(end, question)} if end < len(listed) else {}
    return {name: listed[begin:end], **more}


def _token(begin: int, question: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([begin, question]).encode()).decode()


def _begin(token: str, question: str) -> int:
    if not token:
        return 0
    try:
        begin, asked = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        begin, asked = None, None
    if not isinstance(begin, int) or asked != question:
        raise AwsError("InvalidNextTokenException", "The pagination token is invalid.", 400)
    return begin
