"""Cost Explorer sums the bill up by periods, groups, filters and metrics, up to the present second.

AWS's figures come up to a day later, and each request to its API costs 0.01 USD; here it costs nothing.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsageWithResources.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws_server.billing.account import month_of
from local_aws_server.billing.bill import bill
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import replace
from local_aws_server.services.ce.aggregation import apart, grouping, measure, metric, summed, together, told
from local_aws_server.services.ce.dimensions import GROUPED_BY
from local_aws_server.services.ce.filters import COST_EXPLORER, WITH_RESOURCES, Allowed, invalid, matcher, mentions
from local_aws_server.services.ce.pagination import page
from local_aws_server.services.ce.periods import check_recent, cut, past, shown

_PAGE = 5000
"""The groups on a page; AWS does not tell how many it gives."""


@replace("ce", "GetCostAndUsage")
def cost_and_usage(call: Call) -> dict[str, Any]:
    return _answer(call, COST_EXPLORER, GROUPED_BY)


@replace("ce", "GetCostAndUsageWithResources")
def cost_and_usage_with_resources(call: Call) -> dict[str, Any]:
    groups = call.params.get("GroupBy", ())
    by_resource = any(group.get("Key") == "RESOURCE_ID" and group.get("Type") == "DIMENSION" for group in groups)
    if not by_resource and not mentions(call.params["Filter"], "RESOURCE_ID"):
        raise invalid("Either group by or filter by RESOURCE_ID.")
    check_recent(past(call.params["TimePeriod"], call.params["Granularity"], CLOCK.now()), CLOCK.now())
    return _answer(call, WITH_RESOURCES, (*GROUPED_BY, "RESOURCE_ID"))


def _answer(call: Call, allowed: Allowed, dimensions: Sequence[str]) -> dict[str, Any]:
    asked, its, now = call.params, bill(call.account), CLOCK.now()
    granularity = asked["Granularity"]
    period = past(asked["TimePeriod"], granularity, now)
    metrics = _metrics(asked)
    by = asked.get("GroupBy", [])
    results = summed(
        its.charges(period.start, period.end),
        cut(period, granularity),
        [measure(name, its) for name in metrics],
        matcher(asked.get("Filter"), call.account, allowed),
        grouping(by, call.account, dimensions) if by else None,
    )
    shown_here, token = page(
        apart(results),
        lambda result: [shown(result.period.start, granularity), *(part for keys in result.groups for part in keys)],
        asked,
        _PAGE,
    )
    answer = {
        "ResultsByTime": [told(result, metrics, granularity, month_of(now)) for result in together(shown_here)],
        "DimensionValueAttributes": _attributes(by, call.account),
        "NextPageToken": token,
    }
    return {**answer, "GroupDefinitions": by} if by else answer


def _metrics(asked: Mapping[str, Any]) -> list[str]:
    names = asked.get("Metrics")
    if not names:
        raise invalid("Metrics must not be empty.")
    return [metric(name) for name in names]


def _attributes(by: Sequence[Mapping[str, str]], account: str) -> list[dict[str, Any]]:
    if all(group["Key"] != "LINKED_ACCOUNT" for group in by):
        return []
    return [{"Value": account, "Attributes": {"description": account}}]
