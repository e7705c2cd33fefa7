"""Record every changing call as a management event of CloudTrail: who, when, what, and which resources.

Data events, such as S3's objects and Lambda's invocations, are no management events, and calls that only read are not
recorded. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any
from uuid import uuid4

from flask import Response
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model

from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.billing.calendar import DAY
from local_aws_server.call import Call, access_key_of
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.clock.history import History, Record
from local_aws_server.hooks import is_mutating
from local_aws_server.reset import on_reset
from local_aws_server.response_parsing import response_parser
from local_aws_server.services.cloudtrail.resources import named_resources
from local_aws_server.snapshots.registry import register_account_data, register_upgrade

_CONCEPTS = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html"
BEHAVIOURS = (
    Behaviour(
        service="CloudTrail",
        statement="Every changing management call is an event at once, with its caller, parameters and error; secrets "
        "are left out.",
        documentation=(_CONCEPTS,),
    ),
    Behaviour(
        service="CloudTrail",
        fidelity=NOT_SIMULATED,
        statement="Events of calls that only read, data events, and the calls that AWS services make themselves.",
        documentation=(_CONCEPTS,),
    ),
)

_KEPT_SECONDS = 90 * DAY
_GLOBAL = {"iam", "sts", "budgets", "route53", "cloudfront"}
"""Services whose events are in us-east-1."""
_NO_CHANGE = re.compile(r"Lookup|Simulate|Filter|Query|Scan|Search|Select|Test|Verify|Assume|Estimate|Check|Decode")
_DATA = {
    "cloudwatch": re.compile(r"PutMetricData"),
    "cognito-idp": re.compile(r"(Admin)?(InitiateAuth|RespondToAuth.*)"),
    "dynamodb": re.compile(r".*(Item|Statement|Items)"),
    "kinesis": re.compile(r"PutRecords?"),
    "firehose": re.compile(r"PutRecord(Batch)?"),
    "lambda": re.compile(r"Invoke.*"),
    "logs": re.compile(r"PutLogEvents|StartQuery"),
    "s3": re.compile(r"(?!.*Bucket|.*PublicAccessBlock).*"),
    "sns": re.compile(r"Publish(Batch)?"),
    "sqs": re.compile(r"(Send|Receive|Delete|ChangeMessageVisibility).*Message.*|ChangeMessageVisibility.*"),
}
"""Service → the operations that are data events."""
_WITH_RESPONSE = re.compile(r"Create|Run|Allocate|Register|Restore|Copy|Authorize|Request|Import|Put|Start")
_SECRET = re.compile(r"password|secret|credential|token|userdata|privatekey|environment|^value$|accesskey", re.I)
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_LIMIT = 20_000
"""Characters of parameters above which they are left out; AWS leaves out those of more than 100 KB."""


@dataclass(frozen=True)
class TrailEvent:
    """One recorded call. `record` is the JSON text that CloudTrail returns as CloudTrailEvent."""

    id: str
    time: float
    region: str
    name: str
    source: str
    username: str
    access_key: str
    resources: tuple[tuple[str, str], ...]
    """(type, name) of each resource that the call names or made."""
    record: str


TRAIL: dict[str, History] = {}
"""Account → its events: `to_record` of each."""


def to_record(event: TrailEvent) -> Record:
    """An event as the history has it."""
    return event.time, event.id, *(getattr(event, name) for name in _OTHER_FIELDS)


def to_event(record: Record) -> TrailEvent:
    time, id, *others = record
    values = dict(zip(_OTHER_FIELDS, others, strict=True))
    return TrailEvent(id, time, **values | {"resources": tuple((kind, name) for kind, name in values["resources"])})


_OTHER_FIELDS = tuple(each.name for each in fields(TrailEvent) if each.name not in ("id", "time"))


def history_of(events: Iterable[TrailEvent]) -> History:
    """Pack the events of a file in which each is an object."""
    history = History(_KEPT_SECONDS)
    for event in events:
        history.append(to_record(event))
    return history


register_account_data("trail", TRAIL, History)
register_upgrade("trail", deque, history_of)
on_reset(TRAIL.clear)


def record_call(call: Call, response: Response) -> None:
    """Record a call that has its response, unless it only reads or works on data."""
    if not is_recorded(call):
        return
    parameters, result = _parameters(call), _result(call, response)
    error = _error(call, response)
    user, key = identity(call), access_key_of(call.request)
    model = get_service_model(call.service)
    source = f"{model.metadata.get('signingName') or model.endpoint_prefix}.amazonaws.com"
    now, id = CLOCK.now(), str(uuid4())
    record = {
        "eventVersion": "1.11",
        "userIdentity": user,
        "eventTime": format_timestamp(now),
        "eventSource": source,
        "eventName": call.operation,
        "awsRegion": _region(call),
        "sourceIPAddress": call.request.remote_addr or "127.0.0.1",
        "userAgent": call.request.headers.get("User-Agent", ""),
        **error,
        "requestParameters": _shown(parameters),
        "responseElements": _shown(result),
        "eventID": id,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account,
        "eventCategory": "Management",
    }
    event = TrailEvent(
        id=id,
        time=now,
        region=_region(call),
        name=call.operation,
        source=source,
        username=user["userName"],
        access_key=key,
        resources=tuple(named_resources(call.service, parameters, result)),
        record=json.dumps(record, default=str),
    )
    TRAIL.setdefault(call.account, History(_KEPT_SECONDS)).append(to_record(event))


def is_recorded(call: Call) -> bool:
    """Whether a call is a management event that changes something."""
    name = call.operation
    if not name or not is_mutating(name) or _NO_CHANGE.match(name):
        return False
    data = _DATA.get(call.service)
    return name in get_service_model(call.service).operation_names and not (data and data.fullmatch(name))


def _region(call: Call) -> str:
    return "us-east-1" if call.service in _GLOBAL else call.region


def identity(call: Call) -> dict[str, Any]:
    """The caller as CloudTrail writes it: an assumed role, an IAM user, or the user that STS names without either."""
    backends, key = call.backends, access_key_of(call.request)
    account = {"accountId": call.account, "accessKeyId": key}
    if role := backends.backend("sts").get_assumed_role_from_access_key(key):
        arn = role.arn
        return {
            "type": "AssumedRole",
            "principalId": role.user_id,
            "arn": arn,
            **account,
            "userName": arn.rsplit("/", 1)[-1],
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role.role_arn}},
        }
    if user := backends.backend("iam").get_user_from_access_key_id(key):
        return {"type": "IAMUser", "principalId": user.id, "arn": user.arn, **account, "userName": user.name}
    arn = f"arn:aws:iam::{call.account}:user/moto"
    return {"type": "IAMUser", "principalId": "AKIAIOSFODNN7EXAMPLE", "arn": arn, **account, "userName": "moto"}


def _parameters(call: Call) -> Any:
    try:
        return call.params
    except Exception:  # of a request that can't be parsed, and was refused; CloudTrail has no parameters either
        return None


def _result(call: Call, response: Response) -> Any:
    """The result of a call that makes something, in boto3's shape; None for others, as their answer says little."""
    if response.status_code >= 400 or not _WITH_RESPONSE.match(call.operation):
        return None
    return _parsed(call, response)


def _error(call: Call, response: Response) -> dict[str, str]:
    if response.status_code < 400:
        return {}
    error = _parsed(call, response).get("Error", {})
    return {"errorCode": error.get("Code", str(response.status_code)), "errorMessage": error.get("Message", "")}


def _parsed(call: Call, response: Response) -> dict[str, Any]:
    model = get_service_model(call.service)
    protocol = determine_request_protocol(model, call.request.content_type)
    if model.operation_model(call.operation).has_event_stream_output and response.status_code < 400:
        return {}
    answer = {
        "status_code": response.status_code,
        "headers": dict(response.headers),
        "body": response.get_data(),
    }
    parsed: dict[str, Any] = response_parser(protocol).parse(answer, model.operation_model(call.operation).output_shape)
    parsed.pop("ResponseMetadata", None)
    return parsed


def _shown(value: Any) -> Any:
    """Parameters or a result without secrets; None where there are none, or too many characters of them."""
    shown = dict(_without_secrets(value)) if value else None
    return shown if shown and len(json.dumps(shown, default=str)) <= _LIMIT else None


def _without_secrets(members: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in members.items():
        if _SECRET.search(name) and not (name.lower() == "value" and members.keys() & {"Key", "key"}):
            yield name, _HIDDEN
        else:
            yield name, _item(value)


def _item(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(_without_secrets(value))
    return [_item(item) for item in value] if isinstance(value, list) else value
