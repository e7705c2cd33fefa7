"""The ResourceNotFoundException errors of CloudWatch Logs."""

from functools import partial

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="Filters, tags and queries of a log group that does not exist return ResourceNotFoundException.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteMetricFilter.html",
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html",
        ),
    ),
)

_rule = partial(NotFoundRule, "logs", "ResourceNotFoundException")
_GROUP_NOT_FOUND = "The specified log group does not exist."


def _arns(call: Call) -> set[str]:
    """The ARNs of log groups; moto checks resources of other kinds."""
    arn = call.params["resourceArn"]
    groups = {group.arn.removesuffix(":*") for group in call.backends.backend("logs").groups.values()}
    return groups if ":log-group:" in arn else {arn}


def _filters(call: Call) -> set[str]:
    filters = call.backends.backend("logs").filters.metric_filters
    return {f["filterName"] for f in filters if f["logGroupName"] == call.params["logGroupName"]}


for rule in (
    _rule(
        _GROUP_NOT_FOUND,
        store_keys("logs", "groups"),
        by_parameter(
            "logGroupName", "DeleteMetricFilter", "DescribeMetricFilters", "DescribeQueries", "PutMetricFilter"
        ),
    ),
    _rule(
        _GROUP_NOT_FOUND,
        _arns,
        by_parameter("resourceArn", "ListTagsForResource", "TagResource", "UntagResource"),
        normalize=lambda arn: arn.removesuffix(":*"),
    ),
    _rule("The specified metric filter does not exist.", _filters, by_parameter("filterName", "DeleteMetricFilter")),
    _rule(
        "The specified query does not exist.", store_keys("logs", "queries"), by_parameter("queryId", "GetQueryResults")
    ),
):
    rule.register()
