"""Which category of FOCUS a service belongs to, out of `esaws/data/focus_services.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from esaws.costs.bill.format import squash
from esaws.pricelist.data import data


@dataclass(frozen=True)
class Service:
    """A service, in the words of FOCUS."""

    name: str
    category: str = "Other"
    subcategory: str = "Other (Other)"

    @property
    def is_known(self) -> bool:
        return self.category != "Other"


def service_of(code: str, name: str = "") -> Service:
    """The service with a product code or a name; what the table does not know is called as it is, of category Other."""
    known = _services()
    found = known.get(squash(name)) or known.get(squash(code))
    if found is None:
        return Service(name or code)
    return Service(name or found.name, found.category, found.subcategory)


@cache
def _services() -> Mapping[str, Service]:
    found: dict[str, Service] = {}
    for category, subcategory, code, name, *others in data("focus_services.json")["services"]:
        for known_as in (code, name, *others):
            if known_as:
                found[squash(known_as)] = Service(name, category, subcategory)
    return found
