"""The columns of each version of FOCUS, out of `esaws/data/focus_columns.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from esaws.errors import UsageError
from esaws.pricelist.data import data


@dataclass(frozen=True)
class FocusColumn:
    """A column as the specification has it."""

    name: str
    type: Literal["text", "number", "moment", "json"]
    nullable: bool
    values: tuple[str, ...] = ()
    """What alone may be in it; empty where anything may."""


VALIDATED_AS: Mapping[str, Mapping[str, str]] = {
    "1.0": {
        "Provider": "ProviderName",
        "Publisher": "PublisherName",
        "InvoiceIssuer": "InvoiceIssuerName",
        "ResourceID": "ResourceId",
        "ChargeType": "ChargeCategory",
    }
}
"""Version → the name under which focus-validator 1.0.0 looks for a column → the column.

Its rules for 1.0 ask for five columns by the names of drafts, and refuse a file that has only those of the
specification: they stand behind the others, with the same values.
"""


@cache
def columns_of(version: str) -> Mapping[str, FocusColumn]:
    """The columns of a version by name, in its order.

    Raises:
        UsageError: no such version, or one that is not written.
    """
    known = data("focus_columns.json")["versions"]
    if version not in known:
        raise UsageError(f"FOCUS {version} is not written; take {' or '.join(known)}")
    found = (FocusColumn(**{**row, "values": tuple(row.get("values", ()))}) for row in known[version])
    return {column.name: column for column in found}
