"""Cost Explorer sums the bill up by periods, groups, filters and metrics, up to the present second.

AWS's figures come up to a day later, and each request to its API costs 0.01 USD; here it costs nothing.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsageWithResources.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws_server.billing.account import month_of
from local_aws_server.billing.bill import get_bill
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import replace
from local_aws_server.services.ce.aggregation import split_groups, group_key_function, metric_measure, parse_metric, aggregate, merge_groups, result_to_dict
from local_aws_server.services.ce.dimensions import GROUPABLE_DIMENSIONS
from local_aws_server.services.ce.filters import COST_EXPLORER, WITH_RESOURCES, ExpressionLimits, validation_error, compile_expression, uses_dimension
from local_aws_server.services.ce.pagination import cut_page
from local_aws_server.services.ce.periods import check_recent, split_period, parse_history_period, format_timestamp

BEHAVIOURS = (
    Behaviour(
        service="Cost Explorer",
        statement="Cost Explorer sums the bill up by periods, groups, filters and metrics, up to the present second.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html",
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsageWithResources.html",
        ),
    ),
)

_PAGE = 5000
"""The groups on a page; AWS does not tell how many it gives."""


@replace("ce", "GetCostAndUsage")
def cost_and_usage(call: Call) -> dict[str, Any]:
    return _answer(call, COST_EXPLORER, GROUPABLE_DIMENSIONS)


@replace("ce", "GetCostAndUsageWithResources")
def cost_and_usage_with_resources(call: Call) -> dict[str, Any]:
    groups = call.params.get("GroupBy", ())
    by_resource = any(group.get("Key") == "RESOURCE_ID" and group.get("Type") == "DIMENSION" for group in groups)
    if not by_resource and not uses_dimension(call.params["Filter"], "RESOURCE_ID"):
        raise validation_error("Either group by or filter by RESOURCE_ID.")
    check_recent(parse_history_period(call.params["TimePeriod"], call.params["Granularity"], CLOCK.now()), CLOCK.now())
    return _answer(call, WITH_RESOURCES, (*GROUPABLE_DIMENSIONS, "RESOURCE_ID"))


def _answer(call: Call, allowed: ExpressionLimits, dimensions: Sequence[str]) -> dict[str, Any]:
    asked, its, now = call.params, get_bill(call.account), CLOCK.now()
    granularity = asked["Granularity"]
    period = parse_history_period(asked["TimePeriod"], granularity, now)
    metrics = _metrics(asked)
    by = asked.get("GroupBy", [])
    results = aggregate(
        its.charges(period.start, period.end),
        split_period(period, granularity),
        [metric_measure(name, its) for name in metrics],
        compile_expression(asked.get("Filter"), call.account, allowed),
        group_key_function(by, call.account, dimensions) if by else None,
    )
    shown_here, token = cut_page(
        split_groups(results),
        lambda result: [format_timestamp(result.period.start, granularity), *(part for keys in result.groups for part in keys)],
        asked,
        _PAGE,
    )
    answer = {
        "ResultsByTime": [result_to_dict(result, metrics, granularity, month_of(now)) for result in merge_groups(shown_here)],
        "DimensionValueAttributes": _attributes(by, call.account),
        "NextPageToken": token,
    }
    return {**answer, "GroupDefinitions": by} if by else answer


def _metrics(asked: Mapping[str, Any]) -> list[str]:
    names = asked.get("Metrics")
    if not names:
        raise validation_error("Metrics must not be empty.")
    return [parse_metric(name) for name in names]


def _attributes(by: Sequence[Mapping[str, str]], account: str) -> list[dict[str, Any]]:
    if all(group["Key"] != "LINKED_ACCOUNT" for group in by):
        return []
    return [{"Value": account, "Attributes": {"description": account}}]
