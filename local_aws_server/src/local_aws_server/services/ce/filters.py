"""Filter expressions, as Cost Explorer and Budgets take them: And, Or, Not, Dimensions and Tags.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Expression.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local_aws_server.billing.charge import Charge
from local_aws_server.hooks import AwsError
from local_aws_server.services.ce.dimensions import DIMENSIONS, dimension_value, cached_by_kind, tag_value

Keep = Callable[[Charge], bool]

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
    """What an operation takes in its expressions."""

    dimensions: frozenset[str] = DIMENSIONS - {"RESOURCE_ID"}
    dimension_options: frozenset[str] = MATCH_OPTIONS
    tag_options: frozenset[str] = MATCH_OPTIONS


ANYTHING = ExpressionLimits()
COST_EXPLORER = ExpressionLimits(
    dimension_options=frozenset({"EQUALS", "CASE_SENSITIVE"}),
    tag_options=frozenset({"EQUALS", "ABSENT", "CASE_SENSITIVE"}),
)
"""https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html"""
WITH_RESOURCES = replace(COST_EXPLORER, dimensions=DIMENSIONS)


def compile_expression(expression: Mapping[str, Any] | None, account: str, allowed: ExpressionLimits = ANYTHING) -> Keep:
    """Whether a charge of an account matches an expression, in boto3's shape; None matches every charge.

    Raises AwsError, with the code ValidationException, for what AWS refuses: an expression with no operator or several,
    And or Or of less than two, a dimension or match option that is not allowed; NotSimulated for cost categories.
    """
    if expression is None:
        return lambda _: True
    return cached_by_kind(_compiled(expression, account, allowed))


def build_comparison(values: Collection[str], options: Collection[str] = ()) -> Callable[[str], bool]:
    """Whether a text is one of `values`, compared as the match options say: EQUALS and CASE_SENSITIVE by default."""
    compare = next((found for name, found in _COMPARISONS.items() if name in options), str.__eq__)
    if "CASE_INSENSITIVE" in options:
        lower = [value.lower() for value in values]
        return lambda text: any(compare(text.lower(), value) for value in lower)
    return lambda text: any(compare(text, value) for value in values)


def validation_error(message: str) -> AwsError:
    """What Cost Explorer answers to a request that makes no sense."""
    return AwsError("ValidationException", message)


def uses_dimension(expression: Mapping[str, Any], dimension: str) -> bool:
    """Whether an expression filters by a dimension anywhere in it."""
    parts = [
        *expression.get("And", ()),
        *expression.get("Or", ()),
        *([expression["Not"]] if "Not" in expression else ()),
    ]
    named = expression.get("Dimensions", {}).get("Key") == dimension
    return named or any(uses_dimension(part, dimension) for part in parts)


def _compiled(expression: Mapping[str, Any], account: str, allowed: ExpressionLimits) -> Keep:
    if "ProductAttributes" in expression or "CostCategories" in expression:
        raise AwsError("NotSimulated", "the local AWS has no cost categories and no product attributes", 501)
    roots = [root for root in _ROOTS if root in expression]
    if len(roots) != 1:
        many = "more than one roots" if roots else "no root"
        raise validation_error(
            f"Expression has {many}. Only one root operator is allowed for each expression: {', '.join(_ROOTS)}"
        )
    root, operand = roots[0], expression[roots[0]]
    if root == "Dimensions":
        return _by_dimension(operand, account, allowed)
    if root == "Tags":
        return _by_tag(operand, allowed)
    if root == "Not":
        keep = _compiled(operand, account, allowed)
        return lambda charge: not keep(charge)
    if len(operand) < 2:
        raise validation_error(f"{root} expression must have at least 2 operands")
    parts = [_compiled(part, account, allowed) for part in operand]
    enough = all if root == "And" else any
    return lambda charge: enough(part(charge) for part in parts)


def _by_dimension(asked: Mapping[str, Any], account: str, allowed: ExpressionLimits) -> Keep:
    dimension, options = asked.get("Key", ""), asked.get("MatchOptions", ())
    if dimension not in allowed.dimensions:
        raise validation_error(f"Dimension {dimension} is not allowed.")
    if not asked.get("Values"):
        raise validation_error(f"Dimension {dimension} must have at least one value.")
    _check(options, allowed.dimension_options)
    matches = build_comparison(asked["Values"], options)
    return lambda charge: matches(dimension_value(dimension, charge, account))


def _by_tag(asked: Mapping[str, Any], allowed: ExpressionLimits) -> Keep:
    """A tag without values, or the option ABSENT, is for what has no such tag; without a key, for what has no tags."""
    key, values, options = asked.get("Key"), asked.get("Values", ()), asked.get("MatchOptions", ())
    _check(options, allowed.tag_options)
    if key is None:
        return lambda charge: not charge.tags
    if not values or "ABSENT" in options:
        return lambda charge: all(name != key for name, _ in charge.tags)
    matches = build_comparison(values, options)
    return lambda charge: matches(tag_value(key, charge))


def _check(options: Iterable[str], valid: Collection[str]) -> None:
    for option in options:
        if option not in valid:
            raise validation_error(f"Match option {option} is not valid. Valid values are {', '.join(sorted(valid))}")
