"""The columns of the table COST_AND_USAGE_REPORT, and the properties that select them.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

TABLE = "COST_AND_USAGE_REPORT"

PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "TIME_GRANULARITY": ("HOURLY", "DAILY", "MONTHLY"),
    "INCLUDE_RESOURCES": ("FALSE", "TRUE"),
    "INCLUDE_SPLIT_COST_ALLOCATION_DATA": ("FALSE", "TRUE"),
    "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": ("FALSE", "TRUE"),
    "INCLUDE_CAPACITY_RESERVATION_DATA": ("FALSE", "TRUE"),
    "INCLUDE_IAM_PRINCIPAL_DATA": ("FALSE", "TRUE"),
}
"""Property of the table → its values; the first is AWS's default."""


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    type: str
    """`string`, `double`, `timestamp`, `map<string,string>` or `map<string,double>`."""
    observed: bool
    """Whether a real export had values in it."""
    added_by: str | None
    removed_by: str | None
    """The properties whose value TRUE adds or removes the column."""
    is_alias: bool = False
    """Whether it is another spelling of a column of the table."""

    @property
    def is_map(self) -> bool:
        return self.type.startswith("map")

    def is_included(self, properties: Mapping[str, str]) -> bool:
        """Whether the table has the column with these properties."""
        is_added = self.added_by is None or properties[self.added_by] == "TRUE"
        return is_added and (self.removed_by is None or properties[self.removed_by] == "FALSE")

    @property
    def empty_value(self) -> Any:
        """The value where the column does not apply: as in a real export if it had the column, else None."""
        if self.is_map:
            return {}
        return {"string": "", "double": 0.0}.get(self.type) if self.observed else None


@cache
def all_columns() -> dict[str, Column]:
    """Every column that the table can have, by name; one column has two spellings."""
    columns = {}
    for row in json.loads((files("esaws") / "data" / "cur2_columns.json").read_text("utf-8"))["columns"]:
        column = Column(row["name"], row["type"], row["observed"], row.get("with"), row.get("without"))
        columns[column.name] = column
        if alias := row.get("also"):
            columns[alias] = replace(column, name=alias, is_alias=True)
    return columns


def table_columns(properties: Mapping[str, str]) -> list[Column]:
    """The columns of the table with these properties, in order."""
    return [column for column in all_columns().values() if column.is_included(properties) and not column.is_alias]


def default_properties() -> dict[str, str]:
    """AWS's default properties of the table."""
    return {name: values[0] for name, values in PROPERTIES.items()}
