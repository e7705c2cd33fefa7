"""List log groups by prefix or pattern, with the members that AWS always returns, and protect them from deletion.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, replace

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="Log groups are listed by prefix, pattern, class or identifier, with their class, protection and "
        "number of metric filters; a protected one cannot be deleted.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html",
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html",
        ),
    ),
)

_DEFAULT_SIZE = 50


@after("logs", "CreateLogGroup")
def keep_class(call: Call) -> None:
    notes = sidecar(call.backends.backend("logs").groups[call.params["logGroupName"]])
    notes["class"] = call.params.get("logGroupClass", "STANDARD")
    notes["protected"] = bool(call.params.get("deletionProtectionEnabled"))


@replace("logs", "PutLogGroupDeletionProtection")
def put_protection(call: Call) -> dict[str, Any]:
    name = call.params["logGroupIdentifier"].split(":log-group:")[-1].removesuffix(":*")
    group = call.backends.backend("logs").groups.get(name)
    if group is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    sidecar(group)["protected"] = call.params["deletionProtectionEnabled"]
    return {}


@before("logs", "DeleteLogGroup")
def keep_protected_group(call: Call) -> None:
    group = call.backends.backend("logs").groups.get(call.params["logGroupName"])
    if group is not None and sidecar(group).get("protected"):
        message = "The specified log group has deletion protection enabled. Disable it before you delete the log group."
        raise AwsError("ValidationException", message)


@before("logs", "CreateLogStream")
def keep_existing_stream(call: Call) -> None:
    group = call.backends.backend("logs").groups.get(call.params["logGroupName"])
    if group is not None and call.params["logStreamName"] in group.streams:
        raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")


@replace("logs", "DescribeLogGroups")
def describe_log_groups(call: Call) -> dict[str, Any]:
    params = call.params
    prefix, pattern = params.get("logGroupNamePrefix"), params.get("logGroupNamePattern")
    if prefix is not None and pattern is not None:
        message = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        raise AwsError("InvalidParameterException", message)
    identifiers = params.get("logGroupIdentifiers")
    names = {each.split(":log-group:")[-1].removesuffix(":*") for each in identifiers or ()}
    page, token = _page(
        call,
        lambda group: (
            group.name.startswith(prefix or "")
            and (pattern or "") in group.name
            and (identifiers is None or group.name in names)
        ),
    )
    counts: dict[str, int] = {}
    for each in call.backends.backend("logs").filters.metric_filters:
        counts[each["logGroupName"]] = counts.get(each["logGroupName"], 0) + 1
    described = [
        {
            **group.to_describe_dict(),
            "metricFilterCount": counts.get(group.name, 0),
            "logGroupClass": _class(group),
            "deletionProtectionEnabled": sidecar(group).get("protected", False),
        }
        for group in page
    ]
    return {"logGroups": described, **token}


@replace("logs", "ListLogGroups")
def list_log_groups(call: Call) -> dict[str, Any]:
    if unknown := {"fieldIndexNames", "dataSources", "includeLinkedAccounts"} & set(call.params):
        message = f"the local AWS does not simulate {', '.join(sorted(unknown))} of ListLogGroups"
        raise AwsError("NotSimulated", message, 501)
    expression = re.compile(call.params.get("logGroupNamePattern", ""))
    tagger = call.backends.backend("logs").tagger

    def is_listed(group: Any) -> bool:
        tags = tagger.get_tag_dict_for_resource(group.arn)
        return expression.search(group.name) is not None and all(
            each["key"] in tags and (not each.get("values") or tags[each["key"]] in each["values"])
            for each in call.params.get("logGroupTags") or ()
        )

    page, token = _page(call, is_listed)
    summaries = [
        {"logGroupName": group.name, "logGroupArn": group.arn, "logGroupClass": _class(group)} for group in page
    ]
    return {"logGroups": summaries, **token}


@patch("moto.logs.models", "LogsBackend._find_log_group")
def find_log_group(self: Any, log_group_id: str | None = None, log_group_name: str | None = None) -> Any:
    """Return a group by its name or ARN; moto takes another one for an ARN."""
    from moto.logs.exceptions import ResourceNotFoundException, ValidationException

    if log_group_name and log_group_id:
        raise ValidationException("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    name = log_group_name or (log_group_id or "").split(":log-group:")[-1].removesuffix(":*")
    if name not in self.groups:
        raise ResourceNotFoundException()
    return self.groups[name]


def _page(call: Call, is_listed: Callable[[Any], bool]) -> tuple[Iterable[Any], dict[str, str]]:
    """The groups of a page, sorted by name, and the token of the next one: the name of its last group."""
    wanted, after_name = call.params.get("logGroupClass"), call.params.get("nextToken", "")
    groups = sorted(call.backends.backend("logs").groups.values(), key=lambda group: group.name)
    listed = [
        group for group in groups if group.name > after_name and is_listed(group) and wanted in (None, _class(group))
    ]
    size = int(call.params.get("limit") or _DEFAULT_SIZE)
    return listed[:size], {"nextToken": listed[size - 1].name} if len(listed) > size else {}


def _class(group: Any) -> str:
    return str(sidecar(group).get("class", "STANDARD"))
