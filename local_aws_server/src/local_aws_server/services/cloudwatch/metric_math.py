"""Metric math: what an expression over other metrics gives for one period.

Arithmetic, comparisons (1 or 0) and the functions below; what is missing in a metric is missing in the result.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from math import ceil, floor, log, log10
from typing import Any

Value = float | None

_ARITHMETIC: dict[type, Callable[[float, float], float]] = {
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
_OF_ONE: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": ceil, "FLOOR": floor, "LOG": log, "LOG10": log10}
_OF_MANY: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda values: sum(values) / len(values),
}


class UnknownExpression(Exception):
    """An expression that is not understood here; the message says what of it."""


def evaluate(expression: str, metrics: Mapping[str, Value]) -> Value:
    """An expression's value for one period, by what its metrics are in it. Raises UnknownExpression."""
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval").body
    except SyntaxError:
        raise UnknownExpression(expression) from None
    try:
        value = _value(tree, metrics)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if value is None else float(value)


def _value(node: ast.AST, metrics: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in metrics:
        return metrics[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(node.operand, metrics)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return _both(_ARITHMETIC[type(node.op)], node.left, node.right, metrics)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _ARITHMETIC:
        return _both(_ARITHMETIC[type(node.ops[0])], node.left, node.comparators[0], metrics)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _function(node.func.id, node.args, metrics)
    raise UnknownExpression(ast.unparse(node))


def _both(apply: Callable[[float, float], float], left: ast.AST, right: ast.AST, metrics: Mapping[str, Value]) -> Value:
    first, second = _value(left, metrics), _value(right, metrics)
    return None if first is None or second is None else apply(first, second)


def _function(name: str, arguments: list[Any], metrics: Mapping[str, Value]) -> Value:
    if name in _OF_MANY and len(arguments) == 1:
        values = _many(arguments[0], metrics)
        there = [value for value in values if value is not None]
        return _OF_MANY[name](there) if there else None
    if name in _OF_ONE and len(arguments) == 1:
        value = _value(arguments[0], metrics)
        return None if value is None else _OF_ONE[name](value)
    if name == "IF" and len(arguments) in (2, 3):
        condition = _value(arguments[0], metrics)
        chosen = arguments[1] if condition else arguments[2] if len(arguments) == 3 else None
        return None if condition is None or chosen is None else _value(chosen, metrics)
    if name == "FILL" and len(arguments) == 2:
        value = _value(arguments[0], metrics)
        return _value(arguments[1], metrics) if value is None else value
    raise UnknownExpression(name)


def _many(node: ast.AST, metrics: Mapping[str, Value]) -> list[Value]:
    """The members of `[m1, m2]`, or all of `METRICS()`."""
    if isinstance(node, ast.List):
        return [_value(each, metrics) for each in node.elts]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "METRICS":
        wanted = str(node.args[0].value) if node.args and isinstance(node.args[0], ast.Constant) else ""
        return [value for name, value in metrics.items() if wanted in name]
    return [_value(node, metrics)]
