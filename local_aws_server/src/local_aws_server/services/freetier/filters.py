"""The filter expressions of GetFreeTierUsage: And, Or, Not and Dimensions.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_Expression.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from local_aws_server.errors import AwsError

UsageFilter = Callable[[Mapping[str, Any]], bool]
"""Whether a usage, in boto3's shape, passes."""
Comparison = Callable[[Any, Any], bool]

_MEMBERS = {
    "SERVICE": "service",
    "OPERATION": "operation",
    "USAGE_TYPE": "usageType",
    "REGION": "region",
    "FREE_TIER_TYPE": "freeTierType",
    "DESCRIPTION": "description",
}
"""Dimension → the member of a usage that it compares."""
_PERCENTAGE = "USAGE_PERCENTAGE"
_TEXT_COMPARISONS: dict[str, Comparison] = {
    "EQUALS": str.__eq__,
    "STARTS_WITH": str.startswith,
    "ENDS_WITH": str.endswith,
    "CONTAINS": str.__contains__,
}
_NUMBER_COMPARISONS: dict[str, Comparison] = {
    "EQUALS": Decimal.__eq__,
    "GREATER_THAN_OR_EQUAL": Decimal.__ge__,
}
_ROOTS = ("And", "Or", "Not", "Dimensions")


def compile_filter(expression: Mapping[str, Any]) -> UsageFilter:
    """A function that says whether a usage matches an expression. Raises ValidationException."""
    roots = [root for root in _ROOTS if root in expression]
    if len(roots) != 1:
        raise _invalid("An Expression must have exactly one root operator: And, Or, Not or Dimensions.")
    operand = expression[roots[0]]
    if roots[0] == "Dimensions":
        return _compile_percentage(operand) if operand["Key"] == _PERCENTAGE else _compile_text(operand)
    parts = [compile_filter(part) for part in (operand if isinstance(operand, list) else [operand])]
    if roots[0] == "Not":
        return lambda usage: not parts[0](usage)
    combine = all if roots[0] == "And" else any
    return lambda usage: combine(part(usage) for part in parts)


def _compile_text(dimension: Mapping[str, Any]) -> UsageFilter:
    key, values, compare = dimension["Key"], dimension["Values"], _comparison(dimension, _TEXT_COMPARISONS)
    if key not in _MEMBERS:
        raise _invalid(f"There is no dimension {key}.")
    return lambda usage: any(compare(usage[_MEMBERS[key]], value) for value in values)


def _compile_percentage(dimension: Mapping[str, Any]) -> UsageFilter:
    values = [_parse_percentage(text) for text in dimension["Values"]]
    compare = _comparison(dimension, _NUMBER_COMPARISONS)
    return lambda usage: any(compare(_percentage(usage), value) for value in values)


def _percentage(usage: Mapping[str, Any]) -> Decimal:
    return Decimal(str(usage["actualUsageAmount"])) / Decimal(str(usage["limit"])) * 100


def _comparison(dimension: Mapping[str, Any], comparisons: Mapping[str, Comparison]) -> Comparison:
    options = dimension.get("MatchOptions", [])
    if len(options) != 1 or options[0] not in comparisons:
        names = ", ".join(comparisons)
        raise _invalid(f"The dimension {dimension['Key']} takes exactly one of the MatchOptions {names}.")
    return comparisons[options[0]]


def _parse_percentage(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _invalid(f"{text} is not a percentage.") from None


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message, 400)
