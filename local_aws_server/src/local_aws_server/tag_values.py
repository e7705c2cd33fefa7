"""Give each tag without a value an empty one, in the request itself: the value is optional, and moto fails without it.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from werkzeug.datastructures import ImmutableMultiDict

_OPTIONAL_IN = frozenset({"ec2", "ecs", "rds", "elasticache", "elbv2", "autoscaling", "secretsmanager", "cloudtrail"})
"""Services whose models do not require the value of a tag."""
_FORM_KEY = re.compile(r"Tags?(?:\.member|\.Tag)?\.\d+\.Key$")


def add_tag_values(service: str, request: Any) -> None:
    """Change the request, unless it deletes tags: there, a tag without a value stands for all of its values."""
    if service not in _OPTIONAL_IN or request.method != "POST":
        return
    if request.form:
        if not request.form.get("Action", "").startswith("Delete"):
            _add_to_form(request)
    elif b'ags"' in request.data:
        _add_to_json(request)


def _add_to_form(request: Any) -> None:
    stems = [name.removesuffix("Key") for name in request.form if _FORM_KEY.search(name)]
    added = [(f"{stem}Value", "") for stem in stems if f"{stem}Value" not in request.form]
    if added:
        vars(request)["form"] = ImmutableMultiDict([*request.form.items(multi=True), *added])
        vars(request).pop("values", None)


def _add_to_json(request: Any) -> None:
    try:
        body = json.loads(request.data)
    except ValueError:  # refused when its parameters are parsed
        return
    tags = [
        tag for tag in _tags(body) if ("key" in tag and "value" not in tag) or ("Key" in tag and "Value" not in tag)
    ]
    for tag in tags:
        tag["value" if "key" in tag else "Value"] = ""
    if tags:
        vars(request)["data"] = json.dumps(body).encode()


def _tags(value: Any) -> Iterator[dict[str, Any]]:
    """The tags in a body, at any depth."""
    if isinstance(value, list):
        for each in value:
            yield from _tags(each)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name in ("tags", "Tags") and isinstance(member, list):
                yield from (tag for tag in member if isinstance(tag, dict))
            else:
                yield from _tags(member)
