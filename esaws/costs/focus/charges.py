"""Map line item types to the charge categories of FOCUS.

https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html
https://focus.finops.org/focus-specification/v1-0/#chargecategory
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from esaws.costs.bill.formats.format import squash


@dataclass(frozen=True)
class Charge:
    """How FOCUS classifies a line item type."""

    category: str
    frequency: str = "One-Time"
    """Usage-Based, Recurring or One-Time."""
    is_correction: bool = False
    """Whether it corrects an earlier invoice."""
    is_covered: bool = False
    """Whether a reservation or a Savings Plan pays for it."""
    is_known: bool = True


_USAGE = Charge("Usage", "Usage-Based")
_COVERED = Charge("Usage", "Usage-Based", is_covered=True)
_FEE, _RECURRING = Charge("Purchase"), Charge("Purchase", "Recurring")
_TAX, _CREDIT, _ADJUSTMENT = Charge("Tax"), Charge("Credit"), Charge("Adjustment")
_REFUND = Charge("Adjustment", is_correction=True)


def _by_squashed_name(charges: Iterable[tuple[Charge, tuple[str, ...]]]) -> Mapping[str, Charge]:
    return {squash(name): charge for charge, names in charges for name in names}


_CHARGES = _by_squashed_name(
    (
        (_USAGE, ("Usage", "AnniversaryUsage")),
        (_COVERED, ("DiscountedUsage", "SavingsPlanCoveredUsage")),
        (_FEE, ("Fee", "Purchase", "SavingsPlanUpfrontFee", "Upfront reservation fee", "Other out-of-cycle charges")),
        (
            _RECURRING,
            ("RIFee", "SavingsPlanRecurringFee", "Recurring reservation fee", "Support", "Support fee", "Subscription"),
        ),
        (_TAX, ("Tax",)),
        (_CREDIT, ("Credit",)),
        (
            _ADJUSTMENT,
            (
                "Adjustment",
                "SavingsPlanNegation",
                "Discount",
                "BundledDiscount",
                "EdpDiscount",
                "Enterprise Discount Program Discount",
                "PrivateRateDiscount",
                "Private Rate Card Discount",
                "RiVolumeDiscount",
                "SppDiscount",
                "Solution Provider Program Discount",
                "DistributorDiscount",
            ),
        ),
        (_REFUND, ("Refund",)),
    )
)
"""Line item types of a CUR, record types of Cost Explorer and categories of FOCUS, squashed."""


def charge_of(line_item_type: str) -> Charge:
    """Classify a line item type, record type or category; an empty one is usage.

    Rows that negate the usage of a Savings Plan become adjustments, so that the sum of the rows is the bill's. So do
    discounts: FOCUS's credits are what a provider grants, such as promotional credits.
    """
    if not line_item_type:
        return _USAGE
    return _CHARGES.get(squash(line_item_type)) or Charge("Adjustment", is_known=False)
