"""A health check has an interval, a timeout, thresholds, a port and codes within AWS's bounds.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
"""

import re
from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A health check has an interval, a timeout, thresholds, a port and codes within AWS's bounds.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html",
        ),
    ),
)

_BOUNDS = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}
_CODES = re.compile(r"\d{3}(-\d{3})?(,\s*\d{3}(-\d{3})?)*")
_FIRST_CODE = 200
_LAST_CODE = {"HTTP": 499, "HTTPS": 499}
"""Of an Application Load Balancer's target groups; all others take more."""
_LAST_CODE_ELSEWHERE = 599


@before("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def numbers(call: Call) -> None:
    for name, (least, most) in _BOUNDS.items():
        value = call.params.get(name)
        if value is not None and not least <= value <= most:
            bound = f"greater than or equal to {least}" if value < least else f"less than or equal to {most}"
            where = name[0].lower() + name[1:]
            message = f"Value '{value}' at '{where}' failed to satisfy constraint: Member must have value {bound}"
            raise _invalid(f"1 validation error detected: {message}")


@before("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def ports(call: Call) -> None:
    port = call.params.get("HealthCheckPort")
    if port is not None and port != "traffic-port" and not (port.isdecimal() and 1 <= int(port) <= 65535):
        raise _invalid(f"Health check port '{port}' must be 'traffic-port' or a number from 1 to 65535")


@before("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def codes(call: Call) -> None:
    asked = (call.params.get("Matcher") or {}).get("HttpCode")
    if asked is None:
        return
    group = _group(call)
    protocol = str(call.params.get("Protocol") or (group.protocol if group is not None else ""))
    last = _LAST_CODE.get(protocol, _LAST_CODE_ELSEWHERE)
    named = [int(code) for code in re.findall(r"\d+", asked)] if _CODES.fullmatch(asked) else []
    if not named or not all(_FIRST_CODE <= code <= last for code in named):
        message = f"Health check matcher HTTP code '{asked}' must be within '{_FIRST_CODE}-{last}' inclusive"
        raise _invalid(message)


@before("elbv2", "ModifyTargetGroup")
def an_answer_before_the_next_check(call: Call) -> None:
    group = _group(call)
    if group is None or group.protocol not in ("HTTP", "HTTPS"):
        return
    timeout = call.params.get("HealthCheckTimeoutSeconds", int(group.health_check_timeout_seconds))
    interval = call.params.get("HealthCheckIntervalSeconds", int(group.health_check_interval_seconds))
    if timeout >= interval:
        raise _invalid(f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'")


def _group(call: Call) -> Any | None:
    """The target group that is changed."""
    return call.backends.backend("elbv2").target_groups.get(call.params.get("TargetGroupArn"))


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
