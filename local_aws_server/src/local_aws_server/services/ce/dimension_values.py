"""GetDimensionValues, GetTags and ListCostAllocationTags; every tag is a cost allocation tag at once.

On AWS, a tag appears a day after its activation, and only in charges from then on.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetDimensionValues.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetTags.html
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.bill import get_bill
from local_aws_server.billing.calendar import month_start
from local_aws_server.billing.charge import Charge
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace
from local_aws_server.services.ce.aggregation import metric_measure, parse_metric
from local_aws_server.services.ce.dimensions import DIMENSIONS, dimension_value, tag_value
from local_aws_server.services.ce.filters import COST_EXPLORER_LIMITS, compile_expression, validation_error
from local_aws_server.services.ce.pagination import cut_page
from local_aws_server.services.ce.periods import check_recent, parse_history_period

BEHAVIOURS = (
    Behaviour(
        service="Cost Explorer",
        statement="Dimension values and tags are listed from the bill; every tag is a cost allocation tag at once, "
        "without activation.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetDimensionValues.html",
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetTags.html",
            "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html",
        ),
    ),
)

_PAGE_SIZE = 1000
_ALLOCATION_TAGS_PAGE_SIZE = 100

ValuesFunction = Callable[[Charge], Iterable[str]]


@replace("ce", "GetDimensionValues")
def get_dimension_values(call: Call) -> dict[str, Any]:
    dimension = call.params["Dimension"]
    if call.params.get("Context", "COST_AND_USAGE") != "COST_AND_USAGE":
        raise AwsError("NotSimulated", "the local AWS has no reservations and no savings plans", 501)
    if dimension not in DIMENSIONS:
        raise validation_error(f"Dimension {dimension} is not allowed.")
    if dimension == "RESOURCE_ID":
        check_recent(parse_history_period(call.params["TimePeriod"], "DAILY", CLOCK.now()), CLOCK.now())
    units: dict[str, str] = {}

    def values(charge: Charge) -> list[str]:
        value = dimension_value(dimension, charge, call.account)
        if dimension in ("USAGE_TYPE", "USAGE_TYPE_GROUP"):
            units[value] = charge.meter.unit
        return [value]

    response = _list_values(call, values)
    attributes = {value: {"unit": unit} for value, unit in units.items()}
    if dimension == "LINKED_ACCOUNT":
        attributes = {call.account: {"description": call.account}}
    rows = [{"Value": value, "Attributes": attributes.get(value, {})} for value in response.pop("Values")]
    return {"DimensionValues": rows, **response}


@replace("ce", "GetTags")
def get_tags(call: Call) -> dict[str, Any]:
    """The keys of tags, or the values of one key."""
    key = call.params.get("TagKey")
    response = _list_values(call, lambda charge: [tag_value(key, charge)] if key else [name for name, _ in charge.tags])
    return {"Tags": response.pop("Values"), **response}


@replace("ce", "ListCostAllocationTags")
def list_cost_allocation_tags(call: Call) -> dict[str, Any]:
    """Every tag of a charged resource, and the month of its last charge."""
    params, bill = call.params, get_bill(call.account)
    last_used = {key: charge.hour for charge in bill.charges(0, CLOCK.now()) for key, _ in charge.tags}
    tags = [
        {
            "TagKey": key,
            "Type": _tag_type(key),
            "Status": "Active",
            "LastUsedDate": format_timestamp(month_start(hour)),
        }
        for key, hour in sorted(last_used.items())
        if key in params.get("TagKeys", last_used)
    ]
    matching = [tag for tag in tags if all(tag[name] == params.get(name, tag[name]) for name in ("Type", "Status"))]
    size = params.get("MaxResults", _ALLOCATION_TAGS_PAGE_SIZE)
    page, token = cut_page(matching, lambda tag: [tag["TagKey"]], params, size)
    return {"CostAllocationTags": page, "NextToken": token}


def _tag_type(key: str) -> str:
    return "AWSGenerated" if key.startswith("aws:") else "UserDefined"


def _list_values(call: Call, values: ValuesFunction) -> dict[str, Any]:
    """A page of the values that the charges of the period have, sorted by value or by a metric."""
    params, bill = call.params, get_bill(call.account)
    period = parse_history_period(params["TimePeriod"], "DAILY", CLOCK.now())
    matches, sort = compile_expression(params.get("Filter"), call.account, COST_EXPLORER_LIMITS), params.get("SortBy")
    if sort and (params.get("NextPageToken") or params.get("SearchString")):
        raise validation_error("NextPageToken and SearchString are not supported with SortBy.")
    measure = metric_measure(parse_metric(sort[0]["Key"]), bill) if sort else lambda _: Decimal(0)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for charge in bill.charges(period.start, period.end):
        if matches(charge):
            for value in values(charge):
                sums[value] += measure(charge)
    listed = sorted(value for value in sums if params.get("SearchString", "").lower() in value.lower())
    if sort:
        listed.sort(key=lambda value: sums[value], reverse=sort[0].get("SortOrder") == "DESCENDING")
        page, token = listed[: params.get("MaxResults", _PAGE_SIZE)], None
    else:
        page, token = cut_page(listed, lambda value: [value], params, _PAGE_SIZE)
    return {"Values": page, "ReturnSize": len(page), "TotalSize": len(listed), "NextPageToken": token}
