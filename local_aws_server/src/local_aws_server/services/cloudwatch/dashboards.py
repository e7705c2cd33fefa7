"""Validate dashboards before they are put.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

_BODY = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="A dashboard needs a valid name, and widgets with a type, a place and the properties of the type.",
        documentation=(_BODY,),
    ),
)

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "alarm": ("alarms",),
    "custom": ("endpoint",),
    "explorer": (),
    "log": ("query", "region"),
    "metric": ("region",),
    "text": ("markdown",),
}
"""Type of a widget → the properties that it needs."""

_PLACES = {"x": (0, 23), "y": (0, None), "width": (1, 24), "height": (1, 1000)}

Problem = tuple[str, str]
"""(path in the body, message)."""


@before("cloudwatch", "PutDashboard")
def validate_dashboard(call: Call) -> None:
    if not _NAME.fullmatch(call.params["DashboardName"]):
        raise AwsError(
            "InvalidParameterValue",
            "The value for field DashboardName contains invalid characters. It can only contain alphanumerics, dash "
            "(-) and underscore (_).\n",
            400,
        )
    try:
        body = json.loads(call.params["DashboardBody"])
    except ValueError:
        return  # moto refuses it
    if problems := list(_problems(body)):
        texts = json.dumps([{"dataPath": path, "message": message} for path, message in problems], indent=2)
        message = f"The dashboard body is invalid, there are {len(problems)} validation errors:\n{texts}"
        raise AwsError("InvalidParameterInput", message, 400)


def _problems(body: Any) -> Iterator[Problem]:
    if not isinstance(body, dict):
        yield "/", "Should be object"
    elif not isinstance(body.get("widgets"), list):
        yield "/", "Should be array" if "widgets" in body else "Should have required property 'widgets'"
    else:
        for number, widget in enumerate(body["widgets"]):
            yield from _widget_problems(widget, f"/widgets/{number}")


def _widget_problems(widget: Any, path: str) -> Iterator[Problem]:
    if not isinstance(widget, dict):
        yield path, "Should be object"
        return
    for name in ("type", "properties"):
        if name not in widget:
            yield path, f"Should have required property '{name}'"
    if "type" in widget and widget["type"] not in _REQUIRED:
        yield f"{path}/type", "Should be equal to one of the allowed values"
    for name, (least, most) in _PLACES.items():
        value = widget.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{path}/{name}", "Should be integer"
        elif value < least:
            yield f"{path}/{name}", f"Should be >= {least}"
        elif most is not None and value > most:
            yield f"{path}/{name}", f"Should be <= {most}"
    properties = widget.get("properties", {})
    if not isinstance(properties, dict):
        yield f"{path}/properties", "Should be object"
        return
    for name in _REQUIRED.get(widget.get("type", ""), ()) if "properties" in widget else ():
        if name not in properties:
            yield f"{path}/properties", f"Should have required property '{name}'"
    metrics = properties.get("metrics", [])
    if widget.get("type") == "metric" and not (isinstance(metrics, list) and all(isinstance(m, list) for m in metrics)):
        yield f"{path}/properties/metrics", "Should be array"
