"""Refuse names of topics that are no ARNs, and tokens that SNS has not returned."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="SNS",
        statement="A topic is named by an ARN of six elements, and a page by a token; others are invalid parameters.",
        documentation=("https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html",),
    ),
)

_ARN_ELEMENTS, _REGION = 6, 3


@before(
    "sns",
    "AddPermission",
    "ConfirmSubscription",
    "DeleteTopic",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "Publish",
    "PublishBatch",
    "RemovePermission",
    "SetTopicAttributes",
    "Subscribe",
)
def check_topic_arn(call: Call) -> None:
    if "TopicArn" in call.params:
        _check_arn(call, "TopicArn")
        if call.params["TopicArn"].split(":")[_REGION] != call.region:
            raise _invalid("TopicArn")


@before(
    "sns",
    "DeletePlatformApplication",
    "GetPlatformApplicationAttributes",
    "SetPlatformApplicationAttributes",
)
def check_application_arn(call: Call) -> None:
    _check_arn(call, "PlatformApplicationArn")


def _check_arn(call: Call, name: str) -> None:
    elements = len((call.params.get(name) or "").split(":"))
    if elements < _ARN_ELEMENTS:
        raise _invalid(f"{name} Reason: An ARN must have at least {_ARN_ELEMENTS} elements, not {elements}")


@before("sns", "ListSubscriptions", "ListSubscriptionsByTopic", "ListTopics")
def check_token(call: Call) -> None:
    token = call.params.get("NextToken")
    if token and not token.isdecimal():
        raise _invalid("NextToken")


@before("sns", "DeletePlatformApplication")
def ignore_missing_application(call: Call) -> None:
    """Deleting an application that does not exist does nothing."""
    if call.params["PlatformApplicationArn"] not in call.backends.backend("sns").applications:
        call.result = {}


def _invalid(reason: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {reason}", 400)
