"""A meter, which says what is charged for, and a charge, which is one line of a bill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from esaws.pricelist import Price, with_prefix

BYTES_PER_GB = Decimal(2**30)
"""Bills count in binary gigabytes."""
TEN_DECIMALS = Decimal("1.0000000000")
"""The precision of quantities on a bill, for `Decimal.quantize`."""

Tags = tuple[tuple[str, str], ...]
"""(key, value) pairs, sorted by key."""


def sorted_tags(tags: Mapping[str, str]) -> Tags:
    """The tags of a resource in a hashable form."""
    return tuple(sorted(tags.items()))


@dataclass(frozen=True, order=True)
class Meter:
    """One usage type of one resource: an instance's hours, a volume's gigabytes."""

    region: str
    service: str
    """The product code, such as `AmazonEC2`."""
    usage_type: str
    """Without the region's prefix."""
    operation: str
    unit: str
    """`Hrs`, `LCU-Hrs`, `GB` or `Requests`; usage priced by the month has `GB-Mo`, `Alarms` or `Metrics`."""
    resource: str
    """The id or ARN that bills show."""
    zone: str = ""
    price_list_service: str = ""
    """The service whose price list has the price, where it is another one: `AWSDataTransfer`."""

    @property
    def price_service(self) -> str:
        """The service in whose price list the price is."""
        return self.price_list_service or self.service

    @property
    def regional_usage_type(self) -> str:
        """The usage type as bills show it, with the region's prefix: `EUW3-BoxUsage:t2.micro`."""
        return with_prefix(self.usage_type, self.region)


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of a bill: one hour of one meter, or the part of it that has one rate."""

    meter: Meter
    hour: int
    """The beginning of the hour, in seconds since 1970."""
    kind: Literal["Usage", "Credit"]
    quantity: Decimal
    """In the unit of the meter, with ten decimals."""
    rate: Decimal
    """USD for a unit, as charged: 0 under the free tier."""
    cost: Decimal
    """USD, not rounded; negative for a credit."""
    price: Price | None
    """The list price; None where the bundled price list has none, and the cost is 0."""
    allowance: str = ""
    """The id of the free-tier allowance that covers it; "" if none does."""
    tags: Tags = ()

    @property
    def list_cost(self) -> Decimal:
        """USD at the list price, as if nothing were free."""
        return self.price.usd * self.quantity if self.price else Decimal(0)


ChargeFilter = Callable[[Charge], bool]
"""Whether a charge counts."""
ChargeMeasure = Callable[[Charge], Decimal]
"""The amount that a charge contributes to a sum."""


def match_all(_: Charge) -> bool:
    """A filter that every charge passes."""
    return True


def charge_cost(charge: Charge) -> Decimal:
    """USD, as charged."""
    return charge.cost


def charge_quantity(charge: Charge) -> Decimal:
    """The quantity, in the unit of the meter."""
    return charge.quantity
