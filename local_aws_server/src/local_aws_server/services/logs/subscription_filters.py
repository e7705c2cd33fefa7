"""Deliver log events to the destinations of subscription filters.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.event_log import record_event
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch
from local_aws_server.preserved_fields import PreservedFields
from local_aws_server.services.logs.filter_patterns import parse_pattern

_DOCUMENTATION = ("https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html",)

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="A subscription filter delivers the events that match its pattern to a Kinesis data stream, a "
        "Firehose stream or a logical destination; a failed delivery is in the event log, and fails no writer.",
        documentation=_DOCUMENTATION,
    ),
    Behaviour(
        service="CloudWatch Logs",
        fidelity=NOT_SIMULATED,
        statement="A subscription filter with a Lambda function as destination is kept, if the function lets "
        "CloudWatch Logs invoke it; the function does not run, and the event log says so.",
        documentation=_DOCUMENTATION,
    ),
)

_MAX_FILTERS = 2
_WITH_ROLE = ("kinesis", "firehose")


@before("logs", "PutSubscriptionFilter")
def validate_destination(call: Call) -> None:
    params = call.params
    destination = params["destinationArn"].split(":")
    service, account = destination[2:3], destination[4:5]
    if service == ["lambda"] and account != [call.account]:
        message = (
            "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross "
            "account lambda triggers."
        )
        raise AwsError("AccessDeniedException", message)
    if service and service[0] in _WITH_ROLE and not params.get("roleArn"):
        message = f"destinationArn for vendor {service[0]} cannot be used without roleArn"
        raise AwsError("InvalidParameterException", message)
    group = call.backends.backend("logs").groups.get(params["logGroupName"])
    if group is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    if params["filterName"] not in group.subscription_filters and len(group.subscription_filters) >= _MAX_FILTERS:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")
    if service == ["lambda"] and not _may_invoke(call.backends, params["destinationArn"]):
        message = (
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute "
            "your function."
        )
        raise AwsError("InvalidParameterException", message)


def _may_invoke(backends: Backends, function_arn: str) -> bool:
    """Whether a function exists, and its policy lets CloudWatch Logs invoke it."""
    function = backends.backend("lambda").get_function_by_arn(function_arn)
    statements = function.policy.statements if function else []
    callers = [(each.get("Effect"), each.get("Principal")) for each in statements]
    return any(
        effect == "Allow" and isinstance(caller, dict) and str(caller.get("Service", "")).startswith("logs.")
        for effect, caller in callers
    )


@patch("moto.logs.models", "LogsBackend.put_subscription_filter")
def put_filter(
    self: Any, log_group_name: str, filter_name: str, filter_pattern: str, destination_arn: str, role_arn: str
) -> None:
    """Add or update a filter; moto refuses to update the second one, and knows no logical destinations."""
    from moto.logs.exceptions import InvalidParameterException
    from moto.logs.models import SubscriptionFilter

    if not _exists(Backends(self.account_id, self.region_name), destination_arn):
        message = "Could not deliver test message to specified destination. Check if the destination is valid."
        raise InvalidParameterException(message)
    filters = self.groups[log_group_name].subscription_filters
    if existing := filters.get(filter_name):
        existing.update(filter_pattern, destination_arn, role_arn)
    else:
        filters[filter_name] = SubscriptionFilter(
            filter_name, log_group_name, filter_pattern, destination_arn, role_arn
        )


def _exists(backends: Backends, arn: str) -> bool:
    """Whether a destination exists: a stream of Kinesis or Firehose, or a logical destination."""
    from moto.core.exceptions import ServiceException

    service = [*arn.split(":"), "", "", ""][2]
    try:
        if service == "kinesis":
            backends.backend("kinesis").describe_stream(stream_arn=arn, stream_name=None)
            return True
        if service == "firehose":
            return bool(backends.backend("firehose").lookup_name_from_arn(arn))
    except ServiceException:
        return False
    if service == "lambda":
        return backends.backend("lambda").get_function_by_arn(arn) is not None
    return service == "logs" and arn in backends.backend("logs").destinations


@patch("moto.logs.models", "LogStream._send_log_events")
def send_log_events(
    self: Any, service: str, destination_arn: str, filter_name: str, log_events: list[dict[str, Any]]
) -> None:
    pattern = parse_pattern(self.log_group.subscription_filters[filter_name].filter_pattern)
    matching = [event for event in log_events if pattern.match(event["message"]) is not None]
    if not matching:
        return
    backends = Backends(self.account_id, self.region)
    try:
        _deliver(backends, self, destination_arn, filter_name, matching)
    except Exception as error:  # whatever moto raises for a stream that is gone
        record_event(backends, self.log_group.name, f"subscription filter {filter_name} failed", str(error))


def _deliver(
    backends: Backends, stream: Any, destination_arn: str, filter_name: str, events: list[dict[str, Any]]
) -> None:
    destination = destination_arn.split(":")
    service = destination[2]
    if service == "lambda":
        raise NotImplementedError("the local AWS runs no functions")
    if service == "logs" and "destination" in destination:
        logical = backends.backend("logs").destinations[destination_arn]
        _deliver(backends, stream, logical.target_arn, filter_name, events)
    elif service == "logs":
        target = Backends(destination[4], destination[3]).backend("logs").groups[destination[6]]
        target.put_log_events(stream.log_stream_name, events)
    else:
        receiver = backends.backend(service)
        receiver.send_log_event(destination_arn, filter_name, stream.log_group.name, stream.log_stream_name, events)


def _find_filter(call: Call, names: Mapping[str, Any]) -> Any | None:
    group = call.backends.backend("logs").groups.get(names.get("logGroupName"))
    return group.subscription_filters.get(names["filterName"]) if group else None


PreservedFields(
    "logs",
    set_by=("PutSubscriptionFilter",),
    shown_by={"DescribeSubscriptionFilters": "subscriptionFilters"},
    find=_find_filter,
    fields={"distribution": "ByLogStream", "applyOnTransformedLogs": False},
).register()
