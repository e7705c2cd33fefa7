"""What a bill's own words mean in FOCUS: the few services, kinds of charge, units and regions in it, looked up once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from esaws.costs.focus.charges import Charge, charge_of
from esaws.costs.focus.services import Service, service_of

if TYPE_CHECKING:
    from esaws.costs.bill.bill import Bill

NOT_TOLD = "Not told"
"""Where FOCUS demands a text and the bill has none."""

TAX = "Tax"
PRICING = ("Standard", "Dynamic", "Committed", "Other")
_UNITS = {"Hrs": "Hours", "Hr": "Hours", "Hour": "Hours", "Mo": "Months", "Month": "Months", "Request": "Requests"}
_NOWHERE = ("", "NoRegion", "noregion")


@dataclass(frozen=True)
class Words:
    """The words of a bill → what they are in FOCUS. Text that is not there is empty."""

    names: Mapping[str, str]
    """The bill's service → the name that FOCUS shows where a row tells none."""
    services: Mapping[str, Service]
    """The name of a service → the service."""
    charges: Mapping[str, Charge]
    units: Mapping[str, str]
    regions: Mapping[str, str]
    """Region → its name; without those that are none."""
    pricing: Mapping[str, str]
    """Term → the category of pricing; without those that tell none."""


def words_of(bill: Bill) -> Words:
    """The words of a bill: one pass over it."""
    columns = ("service", "service_name", "line_item_type", "unit", "region", "term")
    found = bill.lines.select(*columns).distinct()
    rows = [{name: row[name] or "" for name in columns} for row in bill.rows_of(found)]
    rows.sort(key=lambda row: tuple(row.values()))
    told = {row["service"]: row["service_name"] for row in rows if row["service"] and row["service_name"]}
    named = {row["service"]: told.get(row["service"]) or service_of(row["service"]).name for row in rows}
    names = {service: name or NOT_TOLD for service, name in named.items()}
    services = {name: service_of(service, name) for service, name in names.items()}
    for row in rows:
        if row["service_name"]:
            services.setdefault(row["service_name"], service_of(row["service"], row["service_name"]))
    return Words(
        names,
        services,
        {kind: charge_of(kind) for kind in (TAX, *(row["line_item_type"] for row in rows))},
        {row["unit"]: unit_of(row["unit"]) for row in rows},
        {row["region"]: _regions().get(row["region"], row["region"]) for row in rows if row["region"] not in _NOWHERE},
        {row["term"]: pricing for row in rows if (pricing := pricing_of(row["term"]))},
    )


def unit_of(unit: str) -> str:
    """A unit as FOCUS spells it: `Hrs` is Hours, `GB-Mo` GB-Months.

    https://focus.finops.org/focus-specification/v1-0/#unitformat
    """
    return "-".join(_UNITS.get(word, word) for word in re.split(r"-", unit))


def pricing_of(term: str) -> str:
    """The category of pricing that a term, or what Cost Explorer calls a purchase type, names; empty for none."""
    if term in PRICING:
        return term
    lower = term.lower()
    if "spot" in lower:
        return "Dynamic"
    return "Committed" if "reserved" in lower or "savings" in lower else ""


@cache
def _regions() -> Mapping[str, str]:
    """The regions that AWS's client knows, by code."""
    from botocore.loaders import Loader

    partitions = Loader().load_data("endpoints")["partitions"]
    return {code: region["description"] for each in partitions for code, region in each["regions"].items()}
