"""What is metered, and the line of a bill that comes of an hour of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from esaws.pricelist import Price, billed_as

HOUR = 3600

Tags = tuple[tuple[str, str], ...]
"""(key, value), by key."""


def as_tags(tags: Mapping[str, str]) -> Tags:
    return tuple(sorted(tags.items()))


@dataclass(frozen=True, order=True)
class Meter:
    """One thing that is charged for, in one account: an instance's hours, a volume's gigabytes."""

    region: str
    service: str
    """The product code, as `AmazonEC2`."""
    usage_type: str
    """Without the region's prefix."""
    operation: str
    unit: str
    """`Hrs`, `LCU-Hrs`, `GB`, `Requests`; what lasts is charged in `GB-Mo` and `Alarms` of a month."""
    resource: str
    """The id or ARN that bills show."""
    zone: str = ""
    priced_by: str = ""
    """The service in whose price list it stands, where that is another one: `AWSDataTransfer`."""

    @property
    def price_service(self) -> str:
        return self.priced_by or self.service

    @property
    def billed_as(self) -> str:
        """Its usage type as bills show it, with the region's prefix."""
        return billed_as(self.usage_type, self.region)


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of a bill: one hour, or a part of it that is rated alike, of one meter."""

    meter: Meter
    hour: int
    """Its beginning, in seconds since 1970."""
    kind: Literal["Usage", "Credit"]
    quantity: Decimal
    """In the unit of the meter, ten decimals."""
    rate: Decimal
    """USD for a unit, as charged: 0 under the free tier."""
    cost: Decimal
    """USD, not rounded; negative for a credit."""
    price: Price | None
    """Its list price; None where the bundled list has none, and the cost is 0."""
    allowance: str = ""
    """The free-tier allowance, by its id, under which it is free."""
    tags: Tags = ()

    @property
    def list_cost(self) -> Decimal:
        """USD at the list price, whatever is free."""
        return self.price.usd * self.quantity if self.price else Decimal(0)

    @property
    def usage_type(self) -> str:
        """As bills show it, with the region's prefix."""
        return self.meter.billed_as
