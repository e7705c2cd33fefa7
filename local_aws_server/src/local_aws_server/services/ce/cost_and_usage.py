"""GetCostAndUsage and GetCostAndUsageWithResources. Figures are up to date to the second and requests are free.

On AWS, figures arrive up to a day later, and each API request costs 0.01 USD.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsageWithResources.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.bill import get_bill
from local_aws_server.billing.calendar import month_start
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import replace
from local_aws_server.services.ce.aggregation import (
    PeriodResult,
    aggregate,
    group_key_function,
    merge_groups,
    metric_measure,
    parse_metric,
    result_to_dict,
    split_groups,
)
from local_aws_server.services.ce.dimensions import GROUPABLE_DIMENSIONS
from local_aws_server.services.ce.filters import (
    COST_EXPLORER_LIMITS,
    RESOURCE_LIMITS,
    ExpressionLimits,
    compile_expression,
    uses_dimension,
    validation_error,
)
from local_aws_server.services.ce.pagination import cut_page
from local_aws_server.services.ce.periods import check_recent, format_boundary, parse_history_period, split_period

BEHAVIOURS = (
    Behaviour(
        service="Cost Explorer",
        statement="Costs and usage are summed by period, group, filter and metric, up to date to the second.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html",
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsageWithResources.html",
        ),
    ),
)

_PAGE_SIZE = 5000
"""Groups on a page; AWS does not document its own number."""


@replace("ce", "GetCostAndUsage")
def get_cost_and_usage(call: Call) -> dict[str, Any]:
    return _response(call, COST_EXPLORER_LIMITS, GROUPABLE_DIMENSIONS)


@replace("ce", "GetCostAndUsageWithResources")
def get_cost_and_usage_with_resources(call: Call) -> dict[str, Any]:
    params = call.params
    definitions = params.get("GroupBy", ())
    is_by_resource = any(
        group.get("Key") == "RESOURCE_ID" and group.get("Type") == "DIMENSION" for group in definitions
    )
    if not is_by_resource and not uses_dimension(params["Filter"], "RESOURCE_ID"):
        raise validation_error("Either group by or filter by RESOURCE_ID.")
    check_recent(parse_history_period(params["TimePeriod"], params["Granularity"], CLOCK.now()), CLOCK.now())
    return _response(call, RESOURCE_LIMITS, (*GROUPABLE_DIMENSIONS, "RESOURCE_ID"))


def _response(call: Call, limits: ExpressionLimits, dimensions: Sequence[str]) -> dict[str, Any]:
    params, bill, now = call.params, get_bill(call.account), CLOCK.now()
    granularity = params["Granularity"]
    period = parse_history_period(params["TimePeriod"], granularity, now)
    metrics = _parse_metrics(params)
    definitions = params.get("GroupBy", [])
    results = aggregate(
        bill.charges(period.start, period.end),
        split_period(period, granularity),
        [metric_measure(name, bill) for name in metrics],
        compile_expression(params.get("Filter"), call.account, limits),
        group_key_function(definitions, call.account, dimensions) if definitions else None,
    )

    def position(result: PeriodResult) -> list[str]:
        return [format_boundary(result.period.start, granularity), *(part for key in result.groups for part in key)]

    page, token = cut_page(split_groups(results), position, params, _PAGE_SIZE)
    response = {
        "ResultsByTime": [
            result_to_dict(result, metrics, granularity, estimated_from=month_start(now))
            for result in merge_groups(page)
        ],
        "DimensionValueAttributes": _account_attributes(definitions, call.account),
        "NextPageToken": token,
    }
    return {**response, "GroupDefinitions": definitions} if definitions else response


def _parse_metrics(params: Mapping[str, Any]) -> list[str]:
    names = params.get("Metrics")
    if not names:
        raise validation_error("Metrics must not be empty.")
    return [parse_metric(name) for name in names]


def _account_attributes(definitions: Sequence[Mapping[str, str]], account: str) -> list[dict[str, Any]]:
    if all(group["Key"] != "LINKED_ACCOUNT" for group in definitions):
        return []
    return [{"Value": account, "Attributes": {"description": account}}]
