"""Filter expressions of Cost Explorer and Budgets: And, Or, Not, Dimensions and Tags.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Expression.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local_aws_server.billing.charge import ChargeFilter, match_all
from local_aws_server.errors import AwsError
from local_aws_server.services.ce.dimensions import DIMENSIONS, cached_by_kind, dimension_value, tag_value

_ROOTS = ("And", "Or", "Not", "Dimensions", "Tags", "CostCategories")
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": str.__eq__,
    "STARTS_WITH": str.startswith,
    "ENDS_WITH": str.endswith,
    "CONTAINS": str.__contains__,
}
MATCH_OPTIONS = frozenset({*_COMPARISONS, "ABSENT", "CASE_SENSITIVE", "CASE_INSENSITIVE"})


@dataclass(frozen=True)
class ExpressionLimits:
    """The dimensions and match options that an operation accepts."""

    dimensions: frozenset[str] = DIMENSIONS - {"RESOURCE_ID"}
    dimension_options: frozenset[str] = MATCH_OPTIONS
    tag_options: frozenset[str] = MATCH_OPTIONS


BUDGETS_LIMITS = ExpressionLimits()
COST_EXPLORER_LIMITS = ExpressionLimits(
    dimension_options=frozenset({"EQUALS", "CASE_SENSITIVE"}),
    tag_options=frozenset({"EQUALS", "ABSENT", "CASE_SENSITIVE"}),
)
"""https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html"""
RESOURCE_LIMITS = replace(COST_EXPLORER_LIMITS, dimensions=DIMENSIONS)
"""The limits of GetCostAndUsageWithResources."""


def compile_expression(
    expression: Mapping[str, Any] | None, account: str, limits: ExpressionLimits = BUDGETS_LIMITS
) -> ChargeFilter:
    """The function that says whether a charge of an account matches an expression; None matches every charge.

    Raises ValidationException for what AWS refuses: an expression with no operator or several, And or Or of less than
    two operands, a dimension or match option outside the limits. Raises NotSimulated for cost categories.
    """
    if expression is None:
        return match_all
    return cached_by_kind(_compile(expression, account, limits))


def build_comparison(values: Collection[str], options: Collection[str] = ()) -> Callable[[str], bool]:
    """The function that compares a text with `values` by match options; the default is EQUALS and CASE_SENSITIVE."""
    compare = next((function for name, function in _COMPARISONS.items() if name in options), str.__eq__)
    if "CASE_INSENSITIVE" in options:
        lower = [value.lower() for value in values]
        return lambda text: any(compare(text.lower(), value) for value in lower)
    return lambda text: any(compare(text, value) for value in values)


def validation_error(message: str) -> AwsError:
    """Cost Explorer's response to an invalid request."""
    return AwsError("ValidationException", message)


def uses_dimension(expression: Mapping[str, Any], dimension: str) -> bool:
    """Whether an expression filters by a dimension anywhere in it."""
    parts = [
        *expression.get("And", ()),
        *expression.get("Or", ()),
        *([expression["Not"]] if "Not" in expression else ()),
    ]
    is_dimension = expression.get("Dimensions", {}).get("Key") == dimension
    return is_dimension or any(uses_dimension(part, dimension) for part in parts)


def _compile(expression: Mapping[str, Any], account: str, limits: ExpressionLimits) -> ChargeFilter:
    if "ProductAttributes" in expression or "CostCategories" in expression:
        raise AwsError("NotSimulated", "the local AWS has no cost categories and no product attributes", 501)
    roots = [root for root in _ROOTS if root in expression]
    if len(roots) != 1:
        count = "more than one roots" if roots else "no root"
        raise validation_error(
            f"Expression has {count}. Only one root operator is allowed for each expression: {', '.join(_ROOTS)}"
        )
    root, operand = roots[0], expression[roots[0]]
    if root == "Dimensions":
        return _compile_dimension(operand, account, limits)
    if root == "Tags":
        return _compile_tag(operand, limits)
    if root == "Not":
        matches = _compile(operand, account, limits)
        return lambda charge: not matches(charge)
    if len(operand) < 2:
        raise validation_error(f"{root} expression must have at least 2 operands")
    parts = [_compile(part, account, limits) for part in operand]
    combine = all if root == "And" else any
    return lambda charge: combine(part(charge) for part in parts)


def _compile_dimension(operand: Mapping[str, Any], account: str, limits: ExpressionLimits) -> ChargeFilter:
    dimension, options = operand.get("Key", ""), operand.get("MatchOptions", ())
    if dimension not in limits.dimensions:
        raise validation_error(f"Dimension {dimension} is not allowed.")
    if not operand.get("Values"):
        raise validation_error(f"Dimension {dimension} must have at least one value.")
    _check_options(options, limits.dimension_options)
    compare = build_comparison(operand["Values"], options)
    return lambda charge: compare(dimension_value(dimension, charge, account))


def _compile_tag(operand: Mapping[str, Any], limits: ExpressionLimits) -> ChargeFilter:
    """A tag without values, or with ABSENT, matches charges without that tag; without a key, charges without tags."""
    key, values, options = operand.get("Key"), operand.get("Values", ()), operand.get("MatchOptions", ())
    _check_options(options, limits.tag_options)
    if key is None:
        return lambda charge: not charge.tags
    if not values or "ABSENT" in options:
        return lambda charge: all(name != key for name, _ in charge.tags)
    compare = build_comparison(values, options)
    return lambda charge: compare(tag_value(key, charge))


def _check_options(options: Iterable[str], valid: Collection[str]) -> None:
    for option in options:
        if option not in valid:
            raise validation_error(f"Match option {option} is not valid. Valid values are {', '.join(sorted(valid))}")
