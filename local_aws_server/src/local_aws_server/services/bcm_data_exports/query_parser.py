"""Parse the SQL of Data Exports with sqlglot, and refuse what Data Exports does not accept.

A statement selects named columns, or keys of map columns, of one table. It may have AS, WHERE and LIMIT; a condition
compares columns with literals.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-data-query.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from local_aws_server.services.bcm_data_exports.columns import TABLE, all_columns
from local_aws_server.services.bcm_data_exports.cur import build_report
from local_aws_server.services.bcm_data_exports.query import Condition, InvalidQuery, Query, SelectedColumn

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokens import Token

_DIALECT = "trino"
_COMPARISONS = {
    "EQ": "equal",
    "NEQ": "not_equal",
    "LT": "less",
    "LTE": "less_equal",
    "GT": "greater",
    "GTE": "greater_equal",
}
"""sqlglot's name of an operator → pyarrow's."""
_SIGNS = {"=", "!=", "<>", "<", "<=", ">", ">=", ".", ",", "(", ")", "-"}
_KEYWORDS = {"SELECT", "FROM", "WHERE", "LIMIT", "AS", "AND", "OR", "NOT", "IN", "LIKE", "IS", "NULL"}
_WORD = re.compile(r"[A-Za-z_]\w*")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_OTHER_TABLES = {
    "FOCUS_1_0_AWS",
    "FOCUS_1_0_AWS_PREVIEW",
    "FOCUS_1_2_AWS",
    "COST_OPTIMIZATION_RECOMMENDATIONS",
    "CARBON_EMISSIONS",
    "COST_AND_USAGE_DASHBOARD",
}


def parse_query(statement: str, properties: Mapping[str, str]) -> Query:
    """The query of a statement, checked against the table with its properties.

    Raises InvalidQuery, with AWS's words for unknown columns, and NotImplementedError for a table that AWS has and the
    local AWS does not.
    """
    query = _parse(statement.rstrip().removesuffix(";"))
    known = {name for name, column in all_columns().items() if column.is_included(properties)}
    if not set(query.required_columns()) <= known:
        raise InvalidQuery(f"The columns in the query provided are not a subset of the table {TABLE}")
    if any(column.key and not all_columns()[column.column].is_map for column in query.referenced_columns()):
        raise InvalidQuery("Only the entries of a MAP column can be selected with the dot operator")
    names = [column.name for column in query.selected]
    if len(set(names)) < len(names):
        raise InvalidQuery("Two columns of the query have the same name")
    _check_types(query, properties)
    return query


def _check_types(query: Query, properties: Mapping[str, str]) -> None:
    """Apply the query to an empty table, so that impossible comparisons are refused before anything is exported."""
    import pyarrow as pa

    try:
        query.apply(build_report("", [], properties, query.required_columns()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise InvalidQuery(f"A column of the query cannot be compared like that: {error}") from error


def _parse(statement: str) -> Query:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, SqlglotError

    try:
        tokens = sqlglot.tokenize(statement, dialect=_DIALECT)
        expressions = sqlglot.parse(statement, dialect=_DIALECT)
    except ParseError as error:
        raise InvalidQuery(
            f"The query cannot be parsed: {error.errors[0]['description'].partition(' but got')[0]}"
        ) from None
    except (SqlglotError, RecursionError) as error:
        raise InvalidQuery(f"The query cannot be parsed: {error}") from None
    select = expressions[0] if len(expressions) == 1 else None
    if not isinstance(select, exp.Select):
        raise InvalidQuery("The query must be one SELECT statement")
    _check_members(select, "expressions", "from", "from_", "where", "limit")
    selected = tuple(_selected_column(node) for node in select.expressions)
    _check_tokens(statement, tokens, select)
    _check_table(select.args.get("from_") or select.args.get("from"))
    where, limit = select.args.get("where"), select.args.get("limit")
    return Query(selected, _condition(where.this) if where else None, _limit(limit) if limit else None)


def _check_table(clause: exp.From | None) -> None:
    from sqlglot import exp

    if clause is None or not isinstance(clause.this, exp.Table):
        raise InvalidQuery("The query needs FROM and a table")
    name = clause.this.name
    if name in _OTHER_TABLES:
        raise NotImplementedError
    if name != TABLE:
        raise InvalidQuery(f"The table {name} does not exist")
    _check_members(clause.this, "this")


def _selected_column(node: exp.Expression) -> SelectedColumn:
    from sqlglot import exp

    if isinstance(node, exp.Alias):
        _check_members(node, "this", "alias")
        column = _column(node.this)
        return SelectedColumn(column.column, column.key, node.alias)
    return _column(node)


def _column(node: exp.Expression) -> SelectedColumn:
    from sqlglot import exp

    if isinstance(node, exp.Star):
        raise InvalidQuery("SELECT * is not supported; name the columns")
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
        raise InvalidQuery(f"'{node.sql()}' is not the name of a column")
    _check_members(node, "this", "table")
    name = node.this.name
    return SelectedColumn(node.table, name, name) if node.table else SelectedColumn(name, None, name)


def _condition(node: exp.Expression) -> Condition:
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _condition(node.this)
    if isinstance(node, exp.Not):
        return Condition("NOT", operands=(_condition(node.this),))
    if isinstance(node, exp.And | exp.Or):
        operator = "AND" if isinstance(node, exp.And) else "OR"
        return Condition(operator, operands=(_condition(node.this), _condition(node.expression)))
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        condition = Condition("IS NULL", _column(node.this))
    elif isinstance(node, exp.In) and node.expressions:
        condition = Condition("IN", _column(node.this), tuple(map(_literal, node.expressions)))
    elif isinstance(node, exp.Like):
        condition = Condition("LIKE", _column(node.this), _literal(node.expression))
    elif type(node).__name__ in _COMPARISONS:
        condition = Condition(_COMPARISONS[type(node).__name__], _column(node.this), _literal(node.expression))
    else:
        raise InvalidQuery(f"'{node.sql()}' is not a condition that Data Exports accepts")
    _check_members(node, "this", "expression", "expressions", "negate")
    return Condition("NOT", operands=(condition,)) if node.args.get("negate") else condition


def _literal(node: exp.Expression) -> str:
    """The text of a string or a number."""
    from sqlglot import exp

    sign, value = ("-", node.this) if isinstance(node, exp.Neg) else ("", node)
    if isinstance(value, exp.Literal) and (_NUMBER.fullmatch(value.name) if not value.is_string else not sign):
        return f"{sign}{value.name}"
    raise InvalidQuery(f"'{node.sql()}' is not a value; put text in single quotes")


def _limit(node: exp.Expression) -> int:
    from sqlglot import exp

    limit = node.args.get("expression")
    if isinstance(node, exp.Limit) and isinstance(limit, exp.Literal) and limit.name.isdigit() and not limit.is_string:
        _check_members(node, "expression")
        return int(limit.name)
    raise InvalidQuery(f"'{node.sql()}' is not a limit")


def _check_members(node: exp.Expression, *allowed: str) -> None:
    """Refuse SQL that sqlglot knows and Data Exports does not, such as ORDER BY."""
    for name, value in node.args.items():
        if value and name not in allowed:
            raise InvalidQuery(f"'{name.strip('_').upper()}' is not accepted in '{node.sql()}'")


def _check_tokens(statement: str, tokens: list[Token], select: exp.Select) -> None:
    """Refuse what sqlglot accepts and does not keep: comments, quoted names, optional words, trailing commas."""
    from sqlglot import exp
    from sqlglot.tokens import TokenType

    words, commas, previous = list[str](), 0, None
    for token in tokens:
        is_literal = token.token_type in (TokenType.STRING, TokenType.NUMBER)
        is_word = not is_literal and token.token_type != TokenType.IDENTIFIER and bool(_WORD.fullmatch(token.text))
        is_detached_minus = previous == TokenType.DASH and statement[token.start - 1] != "-"
        is_fraction = previous == TokenType.DOT and token.token_type == TokenType.NUMBER
        is_allowed = is_literal or is_word or token.text in _SIGNS
        if token.comments or is_detached_minus or is_fraction or not is_allowed:
            raise InvalidQuery(f"'{token.text}' is not expected in the query")
        previous = token.token_type
        words += [token.text] if is_word else []
        commas += token.token_type == TokenType.COMMA
    keywords = [word.upper() for word in words if word.upper() in _KEYWORDS]
    names = sorted(word for word in words if word.upper() not in _KEYWORDS)
    lists = [select.expressions, *(node.expressions for node in select.find_all(exp.In))]
    if names != sorted(node.name for node in select.find_all(exp.Identifier)):
        raise InvalidQuery("The query has words that are not expected")
    if keywords.count("AS") != len(list(select.find_all(exp.Alias))):
        raise InvalidQuery("The query needs AS between a column and its new name")
    if commas != sum(len(items) - 1 for items in lists):
        raise InvalidQuery("The query has a comma that is not expected")
