"""Operations of the Price List API. Prices are the bundled ones, On-Demand terms only; a few are not verified.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Price_List_Service.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace
from local_aws_server.services.pricing.price_list import (
    attribute_names,
    attribute_values,
    find_products,
    service_codes,
)

BEHAVIOURS = (
    Behaviour(
        service="Price List",
        statement="Products and prices come from the bundled price list, with On-Demand terms only; a few prices are "
        "not verified.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Price_List_Service.html",
        ),
    ),
)

_PAGE_SIZE = 100
_VALUES_PAGE_SIZE = 10_000
_FORMAT = "aws_v1"


@replace("pricing", "DescribeServices")
def describe_services(call: Call) -> dict[str, Any]:
    code = call.params.get("ServiceCode") or ""
    codes = [_validate_service_code(code)] if code else service_codes()
    services = [{"ServiceCode": code, "AttributeNames": attribute_names(code)} for code in codes]
    return {"FormatVersion": _validate_format(call), **_page(call, "Services", services, _PAGE_SIZE)}


@replace("pricing", "GetAttributeValues")
def get_attribute_values(call: Call) -> dict[str, Any]:
    service = _validate_service_code(call.params.get("ServiceCode") or "")
    name = call.params.get("AttributeName") or ""
    values = attribute_values(service, name)
    if not values:
        raise AwsError("NotFoundException", f"Attribute '{name}' of service '{service}' was not found.", 400)
    return _page(call, "AttributeValues", [{"Value": value} for value in values], _VALUES_PAGE_SIZE)


@replace("pricing", "GetProducts")
def get_products(call: Call) -> dict[str, Any]:
    service = _validate_service_code(call.params.get("ServiceCode") or "")
    products = find_products(service, call.params.get("Filters") or [], CLOCK.now())
    return {"FormatVersion": _validate_format(call), **_page(call, "PriceList", products, _PAGE_SIZE)}


def _validate_service_code(code: str) -> str:
    if not code:
        raise _invalid_parameter("Input Parameters are invalid. serviceCode cannot be null or empty")
    if not (code.isascii() and code.isalnum()):
        raise _invalid_parameter("ServiceCode can only contain a-z, A-Z, 0-9")
    if code not in service_codes():
        raise AwsError("NotFoundException", f"The bundled price list has no service '{code}'.", 400)
    return code


def _validate_format(call: Call) -> str:
    version = call.params.get("FormatVersion") or _FORMAT
    if version != _FORMAT:
        raise _invalid_parameter(f"FormatVersion '{version}' is not supported; use '{_FORMAT}'.")
    return _FORMAT


def _page(call: Call, name: str, items: Sequence[Any], max_size: int) -> dict[str, Any]:
    """The requested page, and a token for the next one, which is valid for the same request only."""
    size = call.params.get("MaxResults") or max_size
    if not 1 <= size <= max_size:
        raise _invalid_parameter(f"MaxResults must be between 1 and {max_size}.")
    request = json.dumps(
        {name: call.params[name] for name in sorted(call.params) if name not in ("NextToken", "MaxResults")}
    )
    start = _parse_token(call.params.get("NextToken") or "", request)
    end = start + size
    next_token = {"NextToken": _create_token(end, request)} if end < len(items) else {}
    return {name: items[start:end], **next_token}


def _create_token(offset: int, request: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset, request]).encode()).decode()


def _parse_token(token: str, request: str) -> int:
    if not token:
        return 0
    try:
        offset, token_request = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        offset, token_request = None, None
    if not isinstance(offset, int) or token_request != request:
        raise AwsError("InvalidNextTokenException", "The pagination token is invalid.", 400)
    return offset


def _invalid_parameter(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message, 400)
