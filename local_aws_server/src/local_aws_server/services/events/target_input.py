"""The text that a target of a rule receives: the event, a part of it, a constant, or a filled-in template.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from local_aws_server.clock.clock import CLOCK, format_timestamp

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule: Any) -> str:
    """Return the text for a target."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if path := target.get("InputPath"):
        return json.dumps(value_at(event, path))
    if transformer := target.get("InputTransformer"):
        paths = transformer.get("InputPathsMap") or {}
        values = {name: value_at(event, path) for name, path in paths.items()}
        return fill(transformer["InputTemplate"], {**values, **_reserved(event, rule)})
    return json.dumps(event)


def value_at(event: Any, path: str) -> Any:
    """Return the value at a JSON path such as `$.detail.items[0]`; None if there is none."""
    value = event
    for name, index in _STEP.findall(path):
        if name and isinstance(value, Mapping):
            value = value.get(name)
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return None
    return value


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Replace `<name>` by its value: as JSON, or as the text in it between quotes."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        quotes = len(re.findall(r'(?<!\\)"', template[: match.start()]))
        if quotes % 2 == 0:
            return json.dumps(value)
        text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
        return json.dumps(text)[1:-1]

    return _PLACEHOLDER.sub(replaced, template)


def _reserved(event: Mapping[str, Any], rule: Any) -> dict[str, Any]:
    return {
        "aws.events.rule-arn": rule.arn,
        "aws.events.rule-name": rule.name,
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": dict(event),
        "aws.events.event.ingestion-time": format_timestamp(CLOCK.now()),
    }
