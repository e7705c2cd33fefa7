"""Remove secrets from answers before they are saved, and what may hold one and no inspector reads."""

from __future__ import annotations

import re
from typing import Any

REMOVED = "(removed)"

_SECRET_NAME = re.compile(r"password|secret|credential|userdata|privatekey|auth_?token|accesskey|clienttoken", re.I)
_LISTS = {"environment", "secrets", "environmentFiles"}
"""Lists of {name, value} in task definitions and in the overrides of tasks."""
_FREE_TEXTS = {"command", "entryPoint", "options", "dockerLabels", "Variables"}
"""Members whose texts users choose freely: commands and settings of containers, variables of functions."""
_LOOKS_SECRET = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_KEPT_TAGS = re.compile(r"Name|esaws:.*|aws:.*", re.DOTALL)
_KEPT_VARIABLES = {"ALB_PREFIX": re.compile(r"[/\w.-]*")}
"""Environment variables that inspectors read, and what their value may be."""
_KEPT_TEXTS = {"AuthenticateOidcConfig"}


def without_secrets(value: Any, name: str = "") -> Any:
    """Return an answer with `(removed)` in place of each secret. Pure.

    Removed are: the values of environment variables, secrets, commands, log options and labels of containers and
    functions; user data of instances; every text under a name that speaks of a password, secret, credential or token;
    whatever looks like an access key, a private key, or a password in a URL; and the values of tags, except Name and
    those of esaws and AWS. Names, addresses, ARNs and account numbers stay.
    """
    if isinstance(value, dict):
        if _is_variable(value, name):
            return _without_value(value)
        if tags := _tag_of(value, name):
            return tags
        return {key: _without_member(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item, name) for item in value]
    return _LOOKS_SECRET.sub(REMOVED, value) if isinstance(value, str) else value


def _without_member(name: str, value: Any) -> Any:
    if name in _FREE_TEXTS:
        return _without_texts(value)
    if _SECRET_NAME.search(name) and name not in _LISTS and not isinstance(value, bool | int | float):
        return _without_texts(value)
    if name in ("tags", "TagList", "Tags") and isinstance(value, dict):
        return {key: text if _KEPT_TAGS.fullmatch(key) else REMOVED for key, text in value.items()}
    return without_secrets(value, name)


def _without_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_texts(item) for item in value]
    return REMOVED if isinstance(value, str) else value


def _is_variable(value: dict[str, Any], name: str) -> bool:
    return name in _LISTS and bool({"value", "valueFrom"} & value.keys())


def _without_value(variable: dict[str, Any]) -> dict[str, Any]:
    allowed = _KEPT_VARIABLES.get(str(variable.get("name")))
    return {
        key: text if key in ("name", "type") or (allowed and allowed.fullmatch(str(text))) else REMOVED
        for key, text in variable.items()
    }


def _tag_of(value: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A tag without its value; None for any other object."""
    if name not in ("Tags", "tags", "TagList", "TagSet"):
        return None
    key, member = ("Key", "Value") if "Key" in value else ("key", "value")
    if key not in value or member not in value:
        return None
    return value if _KEPT_TAGS.fullmatch(str(value[key])) else {**value, member: REMOVED}
