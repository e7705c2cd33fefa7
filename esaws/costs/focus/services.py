"""The FOCUS category of each service, from `esaws/data/focus_services.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from esaws.costs.bill.formats.format import squash
from esaws.pricelist.data import load_json


@dataclass(frozen=True)
class FocusService:
    """A service with its FOCUS category."""

    name: str
    category: str = "Other"
    subcategory: str = "Other (Other)"
    code: str = ""
    """The product code, as in a Cost and Usage Report."""

    @property
    def is_known(self) -> bool:
        return self.category != "Other"


def service_of(code: str, name: str = "") -> FocusService:
    """Find a service by its product code or name. Services that are not in the table are of category Other."""
    services = _services()
    service = services.get(squash(name)) or services.get(squash(code))
    if service is None:
        return FocusService(name or code)
    return FocusService(name or service.name, service.category, service.subcategory, service.code)


@cache
def _services() -> Mapping[str, FocusService]:
    services: dict[str, FocusService] = {}
    for category, subcategory, code, name, *others in load_json("focus_services.json")["services"]:
        for alias in (code, name, *others):
            if alias:
                services[squash(alias)] = FocusService(name, category, subcategory, code or "")
    return services
