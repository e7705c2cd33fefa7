"""Evaluate a metric math expression over other metrics, for one period.

It may contain arithmetic, comparisons (1 or 0) and the functions below. A missing value makes the result missing.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from math import ceil, floor, log, log10
from typing import Any

Value = float | None

_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_SCALAR_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": ceil,
    "FLOOR": floor,
    "LOG": log,
    "LOG10": log10,
}
_ARRAY_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda values: sum(values) / len(values),
}


class UnknownExpression(Exception):
    """An unsupported expression; the message is the unsupported part."""


def evaluate(expression: str, metrics: Mapping[str, Value]) -> Value:
    """Return the value of an expression; `metrics` are the values of its variables. Raises UnknownExpression."""
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval").body
    except SyntaxError:
        raise UnknownExpression(expression) from None
    try:
        value = _evaluate_node(tree, metrics)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if value is None else float(value)


def _evaluate_node(node: ast.AST, metrics: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in metrics:
        return metrics[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _evaluate_node(node.operand, metrics)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _apply(_OPERATORS[type(node.op)], node.left, node.right, metrics)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _OPERATORS:
        return _apply(_OPERATORS[type(node.ops[0])], node.left, node.comparators[0], metrics)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call_function(node.func.id, node.args, metrics)
    raise UnknownExpression(ast.unparse(node))


def _apply(
    operation: Callable[[float, float], float], left: ast.AST, right: ast.AST, metrics: Mapping[str, Value]
) -> Value:
    first, second = _evaluate_node(left, metrics), _evaluate_node(right, metrics)
    return None if first is None or second is None else operation(first, second)


def _call_function(name: str, arguments: list[Any], metrics: Mapping[str, Value]) -> Value:
    if name in _ARRAY_FUNCTIONS and len(arguments) == 1:
        values = _evaluate_array(arguments[0], metrics)
        present = [value for value in values if value is not None]
        return _ARRAY_FUNCTIONS[name](present) if present else None
    if name in _SCALAR_FUNCTIONS and len(arguments) == 1:
        value = _evaluate_node(arguments[0], metrics)
        return None if value is None else _SCALAR_FUNCTIONS[name](value)
    if name == "IF" and len(arguments) in (2, 3):
        condition = _evaluate_node(arguments[0], metrics)
        branch = arguments[1] if condition else arguments[2] if len(arguments) == 3 else None
        return None if condition is None or branch is None else _evaluate_node(branch, metrics)
    if name == "FILL" and len(arguments) == 2:
        value = _evaluate_node(arguments[0], metrics)
        return _evaluate_node(arguments[1], metrics) if value is None else value
    raise UnknownExpression(name)


def _evaluate_array(node: ast.AST, metrics: Mapping[str, Value]) -> list[Value]:
    """Return the values of `[m1, m2]`, or of all metrics for `METRICS()`."""
    if isinstance(node, ast.List):
        return [_evaluate_node(element, metrics) for element in node.elts]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "METRICS":
        substring = str(node.args[0].value) if node.args and isinstance(node.args[0], ast.Constant) else ""
        return [value for name, value in metrics.items() if substring in name]
    raise UnknownExpression(ast.unparse(node))  # of one time series, the result is one number for the whole time
