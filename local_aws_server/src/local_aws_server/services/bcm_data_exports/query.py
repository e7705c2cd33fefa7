"""The queries of Data Exports: named columns of one table, with a condition on its rows and a limit to them.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-data-query.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local_aws_server.services.bcm_data_exports.cur import TABLE, all_columns, build_report

if TYPE_CHECKING:
    import pyarrow as pa

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(-?\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(<=|>=|<>|!=|[=<>.,()*]))")
_COMPARED = {"=": "equal", "!=": "not_equal", "<>": "not_equal", "<": "less", "<=": "less_equal"} | {
    ">": "greater",
    ">=": "greater_equal",
}
_KEYWORDS = {"SELECT", "FROM", "WHERE", "LIMIT", "AS", "AND", "OR", "NOT", "IN", "LIKE", "IS", "NULL"}
_OTHER_TABLES = {
    "FOCUS_1_0_AWS",
    "FOCUS_1_0_AWS_PREVIEW",
    "FOCUS_1_2_AWS",
    "COST_OPTIMIZATION_RECOMMENDATIONS",
    "CARBON_EMISSIONS",
    "COST_AND_USAGE_DASHBOARD",
}


class InvalidQuery(ValueError):
    """A statement that Data Exports would not take; the text says why."""


@dataclass(frozen=True)
class SelectedColumn:
    """A column, or an entry of a map, and its name in the export."""

    column: str
    key: str | None
    name: str

    def values(self, table: pa.Table) -> pa.ChunkedArray:
        """Its values."""
        import pyarrow.compute as pc

        values = table[self.column]
        return values if self.key is None else pc.map_lookup(values, self.key, "first")


@dataclass(frozen=True)
class Condition:
    """`column OPERATOR value`; or `AND`, `OR` and `NOT` over others."""

    operator: str
    what: SelectedColumn | None = None
    value: Any = None
    of: tuple[Condition, ...] = ()

    def columns(self) -> Iterator[SelectedColumn]:
        """What has to be there to decide it."""
        if self.what is not None:
            yield self.what
        for each in self.of:
            yield from each.columns()

    def holds(self, table: pa.Table) -> Any:
        """For each row whether it holds; NULL where a value is."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.operator == "NOT":
            return pc.invert(self.of[0].holds(table))
        if self.of:
            both = pc.and_kleene if self.operator == "AND" else pc.or_kleene
            return both(self.of[0].holds(table), self.of[1].holds(table))
        assert self.what is not None
        values = self.what.values(table)
        if self.operator == "IS NULL":
            return pc.is_null(values)
        if self.operator == "LIKE":
            return pc.match_like(values, self.value)
        if self.operator == "IN":
            return pc.is_in(values, pa.array([_as(values.type, each) for each in self.value], values.type))
        return pc.call_function(
            _COMPARED[self.operator], [values, pa.scalar(_as(values.type, self.value), values.type)]
        )


@dataclass(frozen=True)
class Query:
    """A statement that has been understood."""

    selected: tuple[SelectedColumn, ...]
    condition: Condition | None
    limit: int | None

    def referenced_columns(self) -> list[SelectedColumn]:
        """What it selects, and what it looks at to decide on rows."""
        return [*self.selected, *(self.condition.columns() if self.condition else ())]

    def required_columns(self) -> list[str]:
        """The columns of the table that it needs."""
        return list(dict.fromkeys(each.column for each in self.referenced_columns()))

    def apply(self, table: pa.Table) -> pa.Table:
        """The rows and columns that it asks of a table."""
        import pyarrow as pa

        if self.condition:
            table = table.filter(self.condition.holds(table))
        if self.limit is not None:
            table = table.slice(0, self.limit)
        return pa.table({each.name: each.values(table) for each in self.selected})


def parse_query(statement: str, properties: Mapping[str, str]) -> Query:
    """The query of a statement, for the table as it is configured.

    Raises BadQuery with AWS's words for columns that the table does not have, and NotImplementedError for a table that
    AWS has and the local AWS has not.
    """
    parser = _Parser(statement)
    query = parser.query()
    known = {name for name, column in all_columns().items() if column.is_included(properties)}
    if not set(query.required_columns()) <= known:
        raise InvalidQuery(f"The columns in the query provided are not a subset of the table {TABLE}")
    if any(each.key and not all_columns()[each.column].type.startswith("map") for each in query.referenced_columns()):
        raise InvalidQuery("Only the entries of a MAP column can be selected with the dot operator")
    names = [each.name for each in query.selected]
    if len(set(names)) < len(names):
        raise InvalidQuery("Two columns of the query have the same name")
    _try(query, properties)
    return query


def _try(query: Query, properties: Mapping[str, str]) -> None:
    """Ask an empty table: what can't be compared is refused before anything is exported."""
    import pyarrow as pa

    try:
        query.apply(build_report("", [], properties, query.required_columns()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
        raise InvalidQuery(f"A column of the query cannot be compared like that: {problem}") from problem


class _Parser:
    """Reads a statement from left to right."""

    def __init__(self, statement: str):
        self._tokens = list(_tokens(statement))
        self._at = 0

    def query(self) -> Query:
        self._expect("SELECT")
        selected = [self._selected()]
        while self._has(","):
            selected.append(self._selected())
        self._expect("FROM")
        table = self._name()
        if table in _OTHER_TABLES:
            raise NotImplementedError
        if table != TABLE:
            raise InvalidQuery(f"The table {table} does not exist")
        condition = self._either() if self._has("WHERE") else None
        limit = self._limit() if self._has("LIMIT") else None
        if self._at < len(self._tokens):
            raise InvalidQuery(f"'{self._tokens[self._at]}' is not expected in the query")
        return Query(tuple(selected), condition, limit)

    def _selected(self) -> SelectedColumn:
        column = self._column()
        return SelectedColumn(column.column, column.key, self._name()) if self._has("AS") else column

    def _column(self) -> SelectedColumn:
        if self._has("*"):
            raise InvalidQuery("SELECT * is not supported; name the columns")
        column = self._name()
        key = self._name() if self._has(".") else None
        return SelectedColumn(column, key, key or column)

    def _either(self) -> Condition:
        found = self._both()
        while self._has("OR"):
            found = Condition("OR", of=(found, self._both()))
        return found

    def _both(self) -> Condition:
        found = self._one()
        while self._has("AND"):
            found = Condition("AND", of=(found, self._one()))
        return found

    def _one(self) -> Condition:
        if self._has("NOT"):
            return Condition("NOT", of=(self._one(),))
        if self._has("("):
            found = self._either()
            self._expect(")")
            return found
        what = self._column()
        if self._has("IS"):
            negated = self._has("NOT")
            self._expect("NULL")
            found = Condition("IS NULL", what)
        else:
            negated = self._has("NOT")
            found = self._compared(what, negated)
        return Condition("NOT", of=(found,)) if negated else found

    def _compared(self, what: SelectedColumn, negated: bool) -> Condition:
        if self._has("IN"):
            self._expect("(")
            values = [self._value()]
            while self._has(","):
                values.append(self._value())
            self._expect(")")
            return Condition("IN", what, tuple(values))
        if self._has("LIKE"):
            return Condition("LIKE", what, str(self._value()))
        operator = self._next()
        if operator not in _COMPARED or negated:
            raise InvalidQuery(f"'{operator}' is no operator")
        return Condition(operator, what, self._value())

    def _value(self) -> str:
        token = self._next()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if re.fullmatch(r"-?\d+(\.\d+)?", token):
            return token
        raise InvalidQuery(f"'{token}' is no value: a text stands in single quotes")

    def _limit(self) -> int:
        token = self._next()
        if not token.isdigit():
            raise InvalidQuery(f"'{token}' is no limit")
        return int(token)

    def _name(self) -> str:
        token = self._next()
        if not re.fullmatch(r"[A-Za-z_]\w*", token) or token.upper() in _KEYWORDS:
            raise InvalidQuery(f"'{token}' is not the name of a column or a table")
        return token

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise InvalidQuery("The query ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _has(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].upper() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._has(word):
            found = f", not '{self._tokens[self._at]}'" if self._at < len(self._tokens) else ""
            raise InvalidQuery(f"The query needs {word}{found}")


def _tokens(statement: str) -> Iterator[str]:
    at, end = 0, len(statement.rstrip().removesuffix(";").rstrip())
    while at < end:
        match = _TOKEN.match(statement, at, end)
        if match is None:
            raise InvalidQuery(f"The query cannot be read at '{statement[at : at + 20].strip()}'")
        yield match[0].strip()
        at = match.end()


def _as(type_of_column: pa.DataType, text: str) -> Any:
    """A value of a statement in the type of a column."""
    import pyarrow as pa

    try:
        if pa.types.is_floating(type_of_column):
            return float(text)
        if pa.types.is_timestamp(type_of_column):
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except ValueError as problem:
        raise InvalidQuery(f"'{text}' cannot be compared with the column") from problem
    return text
