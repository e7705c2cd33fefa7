"""Cost Explorer lists the values of dimensions and tags that the bill has; every tag is a cost allocation tag at once.

AWS shows a tag only a day after it has been activated, and only in charges from then on.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetDimensionValues.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetTags.html
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from local_aws_server.billing.account import month_of
from local_aws_server.billing.bill import get_bill
from local_aws_server.billing.charge import Charge
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK, iso
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, replace
from local_aws_server.services.ce.aggregation import metric_measure, parse_metric
from local_aws_server.services.ce.dimensions import DIMENSIONS, dimension_value, tag_value
from local_aws_server.services.ce.filters import COST_EXPLORER, validation_error, compile_expression
from local_aws_server.services.ce.pagination import cut_page
from local_aws_server.services.ce.periods import check_recent, parse_history_period

BEHAVIOURS = (
    Behaviour(
        service="Cost Explorer",
        statement="Cost Explorer lists the values of dimensions and tags that the bill has; every tag is a cost "
        "allocation tag at once.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetDimensionValues.html",
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetTags.html",
            "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html",
        ),
    ),
)

_PAGE = 1000
_TAGS_ON_A_PAGE = 100

Values = Callable[[Charge], Iterable[str]]


@replace("ce", "GetDimensionValues")
def dimension_values(call: Call) -> dict[str, Any]:
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

    found = _listed(call, values)
    attributes = {value: {"unit": unit} for value, unit in units.items()}
    if dimension == "LINKED_ACCOUNT":
        attributes = {call.account: {"description": call.account}}
    told = [{"Value": value, "Attributes": attributes.get(value, {})} for value in found.pop("Values")]
    return {"DimensionValues": told, **found}


@replace("ce", "GetTags")
def tags(call: Call) -> dict[str, Any]:
    """The keys of tags, or the values of one."""
    key = call.params.get("TagKey")
    found = _listed(call, lambda charge: [tag_value(key, charge)] if key else [name for name, _ in charge.tags])
    return {"Tags": found.pop("Values"), **found}


@replace("ce", "ListCostAllocationTags")
def cost_allocation_tags(call: Call) -> dict[str, Any]:
    """Every tag of anything that has been charged for, and the month in which it was last seen."""
    asked, its = call.params, get_bill(call.account)
    used = {key: charge.hour for charge in its.charges(0, CLOCK.now()) for key, _ in charge.tags}
    found = [
        {"TagKey": key, "Type": _type(key), "Status": "Active", "LastUsedDate": iso(month_of(hour))}
        for key, hour in sorted(used.items())
        if key in asked.get("TagKeys", used)
    ]
    wanted = [each for each in found if all(each[name] == asked.get(name, each[name]) for name in ("Type", "Status"))]
    shown, token = cut_page(wanted, lambda each: [each["TagKey"]], asked, asked.get("MaxResults", _TAGS_ON_A_PAGE))
    return {"CostAllocationTags": shown, "NextToken": token}


def _type(key: str) -> str:
    return "AWSGenerated" if key.startswith("aws:") else "UserDefined"


def _listed(call: Call, values: Values) -> dict[str, Any]:
    """The values that the charges of the period have, in their order or in that of a metric, on pages."""
    asked, its = call.params, get_bill(call.account)
    period = parse_history_period(asked["TimePeriod"], "DAILY", CLOCK.now())
    keep, sort = compile_expression(asked.get("Filter"), call.account, COST_EXPLORER), asked.get("SortBy")
    if sort and (asked.get("NextPageToken") or asked.get("SearchString")):
        raise validation_error("NextPageToken and SearchString are not supported with SortBy.")
    amount = metric_measure(parse_metric(sort[0]["Key"]), its) if sort else lambda _: Decimal(0)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for charge in its.charges(period.start, period.end):
        if keep(charge):
            for value in values(charge):
                sums[value] += amount(charge)
    found = sorted(value for value in sums if asked.get("SearchString", "").lower() in value.lower())
    if sort:
        found.sort(key=lambda value: sums[value], reverse=sort[0].get("SortOrder") == "DESCENDING")
        shown, token = found[: asked.get("MaxResults", _PAGE)], None
    else:
        shown, token = cut_page(found, lambda value: [value], asked, _PAGE)
    return {"Values": shown, "ReturnSize": len(shown), "TotalSize": len(found), "NextPageToken": token}
