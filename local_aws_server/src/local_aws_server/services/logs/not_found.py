"""Filters, tags and queries of a log group that does not exist are a ResourceNotFoundException.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteMetricFilter.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html
"""

from functools import partial

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="Filters, tags and queries of a log group that does not exist are a ResourceNotFoundException.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteMetricFilter.html",
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html",
        ),
    ),
)

_kind = partial(NotFoundRule, "logs", "ResourceNotFoundException")
_GROUP = "The specified log group does not exist."


def _arns(call: Call) -> set[str]:
    """Destinations and the like have tags too; of those moto knows."""
    arn = call.params["resourceArn"]
    groups = {group.arn.removesuffix(":*") for group in call.backends.backend("logs").groups.values()}
    return groups if ":log-group:" in arn else {arn}


def _filters(call: Call) -> set[str]:
    filters = call.backends.backend("logs").filters.metric_filters
    return {each["filterName"] for each in filters if each["logGroupName"] == call.params["logGroupName"]}


for _each in (
    _kind(
        _GROUP,
        store_keys("logs", "groups"),
        by_parameter(
            "logGroupName", "DeleteMetricFilter", "DescribeMetricFilters", "DescribeQueries", "PutMetricFilter"
        ),
    ),
    _kind(
        _GROUP,
        _arns,
        by_parameter("resourceArn", "ListTagsForResource", "TagResource", "UntagResource"),
        normalize=lambda arn: arn.removesuffix(":*"),
    ),
    _kind("The specified metric filter does not exist.", _filters, by_parameter("filterName", "DeleteMetricFilter")),
    _kind(
        "The specified query does not exist.", store_keys("logs", "queries"), by_parameter("queryId", "GetQueryResults")
    ),
):
    _each.register()
