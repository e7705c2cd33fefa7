"""Refuse parameters of CloudWatch Logs that the model allows: queries without groups, tokens, destinations.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:\d*:.")

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="A query needs log groups and a time range, and pages of events and destinations a valid token.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html",
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html",
        ),
    ),
)


@before("logs", "StartQuery")
def validate_query(call: Call) -> None:
    params = call.params
    chosen = [name for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if params.get(name)]
    if len(chosen) != 1:
        message = "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified."
        raise AwsError("InvalidParameterException", message)
    if chosen == ["logGroupIdentifiers"]:
        raise AwsError("NotSimulated", "the local AWS does not simulate logGroupIdentifiers of StartQuery", 501)
    if params["startTime"] > params["endTime"]:
        raise AwsError("InvalidParameterException", "End time should not be less than start time")


@before("logs", "FilterLogEvents")
def validate_token(call: Call) -> None:
    """Refuse a token that is not moto's: the group, the stream and the id of an event."""
    params = call.params
    group = call.backends.backend("logs").groups.get(params.get("logGroupName", ""))
    if (token := params.get("nextToken")) is None or group is None:
        return
    name, _, rest = token.partition("@")
    stream, _, event_id = rest.rpartition("@")
    known = group.streams.get(stream)
    if name != group.name or known is None or all(str(event.event_id) != event_id for event in known.events):
        raise AwsError("InvalidParameterException", "The specified nextToken is invalid.")


@before("logs", "DescribeDestinations")
def validate_page(call: Call) -> None:
    if not call.params.get("nextToken", "0").isdigit():
        raise AwsError("InvalidParameterException", "The specified nextToken is invalid.")


@before("logs", "PutDeliveryDestination")
def validate_delivery_destination(call: Call) -> None:
    configuration = call.params.get("deliveryDestinationConfiguration") or {}
    arn = configuration.get("destinationResourceArn", "")
    if not arn.startswith("arn:") or arn.split(":")[2] not in ("s3", "logs", "firehose"):
        message = "The destination must be an S3 bucket, a log group or a Firehose delivery stream."
        raise AwsError("ValidationException", message)


@before("logs", "PutDeliverySource")
def validate_delivery_source(call: Call) -> None:
    if not _ARN.match(call.params.get("resourceArn", "")):
        raise AwsError("ValidationException", "The resourceArn must be the ARN of a resource that delivers logs.")
