"""Remove the nulls of JSON responses: AWS leaves a member out that has no value."""

from __future__ import annotations

import json
from typing import Any

from flask import Response


def remove_nulls(response: Response) -> Response:
    """Remove the members of a JSON response that are null; entries of lists stay."""
    body = json.loads(response.get_data())
    response.set_data(json.dumps(_without_nulls(body)))
    return response


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(entry) for entry in value]
    return value
