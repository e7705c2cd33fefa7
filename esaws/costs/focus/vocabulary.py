"""Translate the terms of a bill to those of FOCUS: services, line item types, units, regions and pricing terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from esaws.costs.focus.charges import Charge, charge_of
from esaws.costs.focus.services import FocusService, service_of

if TYPE_CHECKING:
    from esaws.costs.bill.bill import Bill

NOT_PROVIDED = "Not provided"
"""The text where FOCUS requires one and the bill has none."""

TAX = "Tax"
PRICING_CATEGORIES = ("Standard", "Dynamic", "Committed", "Other")
_UNITS = {"Hrs": "Hours", "Hr": "Hours", "Hour": "Hours", "hours": "Hours"}
_UNITS |= {"Mo": "Months", "Month": "Months", "Request": "Requests"}
_NO_REGION = ("", "NoRegion", "noregion")


@dataclass(frozen=True)
class Vocabulary:
    """The terms of a bill → their terms in FOCUS. The key for missing text is empty text."""

    names: Mapping[str, str]
    """The bill's service → the service name for rows that have no name."""
    services: Mapping[str, FocusService]
    """By service name."""
    charges: Mapping[str, Charge]
    """By line item type."""
    units: Mapping[str, str]
    regions: Mapping[str, str]
    """Region → its name, without the values that mean no region."""
    pricing: Mapping[str, str]
    """Term → the pricing category, without terms that have none."""


def read_vocabulary(bill: Bill) -> Vocabulary:
    """Collect the terms of a bill in one query."""
    columns = ("service", "service_name", "line_item_type", "unit", "region", "term")
    terms = bill.fetch_rows(bill.lines.select(*columns).distinct())
    rows = [{name: row[name] or "" for name in columns} for row in terms]
    rows.sort(key=lambda row: tuple(row.values()))
    bill_names = {row["service"]: row["service_name"] for row in rows if row["service"] and row["service_name"]}
    names = {
        row["service"]: bill_names.get(row["service"]) or service_of(row["service"]).name or NOT_PROVIDED
        for row in rows
    }
    services = {name: service_of(service, name) for service, name in names.items()}
    for row in rows:
        if row["service_name"]:
            services.setdefault(row["service_name"], service_of(row["service"], row["service_name"]))
    region_names = _region_names()
    return Vocabulary(
        names,
        services,
        {name: charge_of(name) for name in (TAX, *(row["line_item_type"] for row in rows))},
        {row["unit"]: unit_of(row["unit"]) for row in rows},
        {
            row["region"]: region_names.get(row["region"], row["region"])
            for row in rows
            if row["region"] not in _NO_REGION
        },
        {row["term"]: category for row in rows if (category := pricing_category_of(row["term"]))},
    )


def unit_of(unit: str) -> str:
    """A unit in FOCUS's spelling: `Hrs` is Hours, `GB-Mo` is GB-Months.

    https://focus.finops.org/focus-specification/v1-0/#unitformat
    """
    return "-".join(_UNITS.get(word, word) for word in unit.split("-"))


def pricing_category_of(term: str) -> str:
    """The pricing category of a CUR's term or Cost Explorer's purchase type; empty if it has none."""
    if term in PRICING_CATEGORIES:
        return term
    lower = term.lower()
    if "spot" in lower:
        return "Dynamic"
    return "Committed" if "reserved" in lower or "savings" in lower else ""


@cache
def _region_names() -> Mapping[str, str]:
    """The names of all regions in botocore, by code."""
    from botocore.loaders import Loader

    partitions = Loader().load_data("endpoints")["partitions"]
    return {code: region["description"] for partition in partitions for code, region in partition["regions"].items()}
