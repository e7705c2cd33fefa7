"""Change requests that AWS takes and moto fails on: tags without a value, and ids that EC2 is given twice.

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
_ID = re.compile(r"(\w+(?:Id|Name))\.\d+")
_TAKE_IDS_TWICE = ("Describe", "Start", "Stop", "Reboot", "Terminate")


def rewrite(service: str, request: Any) -> None:
    """Change the request of a call before its parameters are read."""
    if service not in _OPTIONAL_IN or request.method != "POST":
        return
    if request.form:
        action = request.form.get("Action", "")
        if not action.startswith("Delete"):  # there, a tag without a value stands for all of its values
            _add_to_form(request)
        if service == "ec2" and action.startswith(_TAKE_IDS_TWICE):
            _name_ids_once(request)
    elif b'ags"' in request.data:
        _add_to_json(request)


def _name_ids_once(request: Any) -> None:
    lists: dict[str, list[str]] = {}
    for name, value in request.form.items():
        if match := _ID.fullmatch(name):
            lists.setdefault(match[1], []).append(value)
    repeated = {stem for stem, values in lists.items() if len(set(values)) < len(values)}
    if repeated:
        others = [(name, value) for name, value in request.form.items() if name.rpartition(".")[0] not in repeated]
        once = [(f"{stem}.{n}", id) for stem in repeated for n, id in enumerate(dict.fromkeys(lists[stem]), start=1)]
        _replace_form(request, [*others, *once])


def _replace_form(request: Any, items: list[tuple[str, str]]) -> None:
    vars(request)["form"] = ImmutableMultiDict(items)
    vars(request).pop("values", None)


def _add_to_form(request: Any) -> None:
    stems = [name.removesuffix("Key") for name in request.form if _FORM_KEY.search(name)]
    added = [(f"{stem}Value", "") for stem in stems if f"{stem}Value" not in request.form]
    if added:
        _replace_form(request, [*request.form.items(multi=True), *added])


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
