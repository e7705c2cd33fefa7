"""Validate the conditions of listener rules: fields, values, regular expressions, and their number in a rule."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch
from local_aws_server.services.elbv2.rule_regexes import check_regex

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="The conditions of a rule are validated: their fields, characters, lengths, wildcards, regular "
        "expressions and number.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
        ),
    ),
)

CONFIG_OF_FIELD = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_IN_BOTH_NOTATIONS = ("path-pattern", "host-header")
_WITH_REGEXES = ("path-pattern", "host-header", "http-header")
_ONCE = ("host-header", "http-request-method", "path-pattern", "source-ip")

_MAX_VALUES = 5
_MAX_WILDCARDS = 6
_MAX_LENGTH = 128
_MAX_NAME_LENGTH = 40
_CHARACTERS = {
    "path-pattern": re.compile(r"""[A-Za-z0-9_.$/~"'@:+&*?-]+"""),
    "host-header": re.compile(r"[A-Za-z0-9.*?-]+"),
}
_METHOD = re.compile(r"[A-Z_-]+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token of RFC 7230."""


@before("elbv2", "CreateRule", "ModifyRule")
def validate_conditions(call: Call) -> None:
    conditions = call.params.get("Conditions") or []
    if not conditions and call.operation == "CreateRule":
        raise _invalid("A condition must be specified")
    for condition in conditions:
        _validate_condition(condition)
    for field, count in Counter(condition["Field"] for condition in conditions).items():
        if field in _ONCE and count > 1:
            raise _invalid(f"A rule can only have one '{field}' condition")
    values = [value for condition in conditions for value in _all_values(condition)]
    if len(values) > _MAX_VALUES:
        raise _invalid(f"A rule can only have '{_MAX_VALUES}' condition values")
    wildcards = [value for condition in conditions for value in _values(condition)]
    if sum(map(_count_wildcards, wildcards)) > _MAX_WILDCARDS:
        raise _invalid(f"A rule can only have '{_MAX_WILDCARDS}' condition wildcards")


@patch("moto.elbv2.models", "ELBv2Backend._validate_conditions")
def skip_moto_s_validation(self: Any, conditions: list[Any]) -> None:
    """Do nothing: moto's validation fails on regular expressions."""


def _validate_condition(condition: Mapping[str, Any]) -> None:
    field = condition.get("Field")
    if field not in CONFIG_OF_FIELD:
        raise _invalid(f"Condition field '{field}' must be one of '[{','.join(CONFIG_OF_FIELD)}]'")
    for name in (*CONFIG_OF_FIELD.values(), "Values", "RegexValues"):
        if condition.get(name) is not None and not _is_compatible(name, field):
            raise _invalid(f"The '{name}' field is not compatible with '{field}'")
    config_name = CONFIG_OF_FIELD[field]
    config = condition.get(config_name)
    if field not in _IN_BOTH_NOTATIONS and config is None:
        raise _invalid(f"A '{config_name}' must be specified with '{field}'")
    if config is not None and condition.get("Values"):
        message = f"You cannot provide both Values and '{config_name}' for a condition of type '{field}'"
        raise _invalid(message)
    if config is None and len(condition.get("Values") or []) > 1:
        raise _invalid(f"The '{field}' field contains too many values; the limit is '1'")
    if field == "http-header":
        _validate_header_name((config or {}).get("HttpHeaderName"))
    if field == "source-ip" and "IpAddressType" in (config or {}):
        raise _invalid("The source IP address type can only be specified for rules of Network Load Balancers")
    if not _all_values(condition):
        noun = "'source-ip'" if field == "source-ip" else "condition"
        raise _invalid(f"A {noun} value must be specified")
    for value in _values(condition):
        _validate_value(field, value)
    for regex in _regexes(condition):
        check_regex(regex, _MAX_LENGTH)


def _is_compatible(name: str, field: str) -> bool:
    if name == "Values":
        return field in _IN_BOTH_NOTATIONS
    return field in _WITH_REGEXES if name == "RegexValues" else name == CONFIG_OF_FIELD[field]


def _validate_header_name(name: str | None) -> None:
    if not name:
        raise _invalid("A 'HttpHeaderName' must be specified with 'http-header'")
    if len(name) > _MAX_NAME_LENGTH:
        raise _invalid(f"The 'HttpHeaderName' value is too long; the limit is '{_MAX_NAME_LENGTH}'")
    if not _HEADER_NAME.fullmatch(name):
        raise _invalid(f"Condition value '{name}' contains a character that is not valid")
    if name.lower() == "host":
        raise _invalid("The 'host' header is not supported in an 'http-header' condition; use 'host-header'")


def _validate_value(field: str, value: str | Mapping[str, str]) -> None:
    if isinstance(value, Mapping):
        if "Value" not in value:
            raise _invalid("A 'Value' must be specified in 'QueryStringKeyValuePair'")
        for part, text in value.items():
            _check_length(part, text, _MAX_LENGTH)
        return
    _check_length(field, value, _MAX_NAME_LENGTH if field == "http-request-method" else _MAX_LENGTH)
    if field == "http-request-method" and not _METHOD.fullmatch(value):
        allowed = "the allowed characters are A-Z, hyphen and underscore"
        raise _invalid(f"The 'http-request-method' value is invalid; {allowed}")
    if field in _CHARACTERS and not _CHARACTERS[field].fullmatch(value):
        raise _invalid(f"Condition value '{value}' contains a character that is not valid")
    if field == "host-header" and "." not in value:
        raise _invalid(f"Condition value '{value}' must contain at least one '.'")
    if field == "source-ip" and not _is_network(value):
        raise _invalid(f"Condition value '{value}' is not a valid CIDR block")


def _check_length(field: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise _invalid(f"The '{field}' value is too long; the limit is '{limit}'")


def _is_network(value: str) -> bool:
    if "/" not in value or value == "255.255.255.255/32":
        return False
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _config(condition: Mapping[str, Any]) -> Mapping[str, Any]:
    return condition.get(CONFIG_OF_FIELD[condition["Field"]]) or {}


def _values(condition: Mapping[str, Any]) -> list[Any]:
    return _config(condition).get("Values") or condition.get("Values") or []


def _regexes(condition: Mapping[str, Any]) -> list[str]:
    return _config(condition).get("RegexValues") or condition.get("RegexValues") or []


def _all_values(condition: Mapping[str, Any]) -> list[Any]:
    return [*_values(condition), *_regexes(condition)]


def _count_wildcards(value: str | Mapping[str, str]) -> int:
    """Count the unescaped wildcards of a condition value, or of the key and the value of a query string."""
    texts = value.values() if isinstance(value, Mapping) else [value]
    return sum(len(re.findall(r"(?<!\\)[*?]", text)) for text in texts)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
