"""The columns of each version of FOCUS, from `esaws/data/focus_columns.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from esaws.errors import UsageError
from esaws.pricelist.data import load_json


@dataclass(frozen=True)
class FocusColumn:
    """A column of the specification."""

    name: str
    type: Literal["text", "number", "timestamp", "json"]
    nullable: bool
    values: tuple[str, ...] = ()
    """The allowed values; empty if any value is allowed."""


DRAFT_NAMES: Mapping[str, Mapping[str, str]] = {
    "1.0": {
        "Provider": "ProviderName",
        "Publisher": "PublisherName",
        "InvoiceIssuer": "InvoiceIssuerName",
        "ResourceID": "ResourceId",
        "ChargeType": "ChargeCategory",
    }
}
"""Version → the name by which focus-validator 1.0.0 looks for a column → the column.

Its rules for 1.0 require five columns by their names in drafts, and reject a file that has only the names of the
specification. These columns come after the others, with the same values.
"""


@cache
def columns_of(version: str) -> Mapping[str, FocusColumn]:
    """The columns of a version by name, in the order of the specification.

    Raises:
        UsageError: the version does not exist, or can't be written.
    """
    versions = load_json("focus_columns.json")["versions"]
    if version not in versions:
        *others, last = versions
        raise UsageError(f"FOCUS {version} can't be written. Choose {', '.join(others)} or {last}.")
    columns = (FocusColumn(**{**row, "values": tuple(row.get("values", ()))}) for row in versions[version])
    return {column.name: column for column in columns}
