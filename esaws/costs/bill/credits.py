"""Which lines of a bill are credits, and what a bill says before and after them.

Credits pay for usage; discounts, bundled prices and refunds change what it costs. So `Credit` alone is a credit: a line
item type of a CUR, a record type of Cost Explorer and a charge category of FOCUS. `EdpDiscount`, `SppDiscount`,
`PrivateRateDiscount`, `BundledDiscount`, `Discount` and `Refund` are part of the amount before credits, and so is tax.

https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html#Lineitem-details-L-LineItemType
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/useconsolidatedbilling-credits.html
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

CREDIT = "Credit"
_CENT = 0.01
NET_OF_CREDITS = (
    "the bill does not show which lines are credits: its amounts are what is left to pay after credits, and what was "
    "used before them is unknown. Read an export, or group Cost Explorer by RECORD_TYPE."
)


@dataclass(frozen=True)
class CreditSplit:
    """What was used before credits, what credits paid, and what is to pay, in one currency."""

    to_pay: Decimal
    credits: Decimal | None
    """What credits paid, positive; None where the bill does not show it."""

    @property
    def before_credits(self) -> Decimal | None:
        """What was used, with discounts, refunds and tax; None where the bill does not show it."""
        return None if self.credits is None else self.to_pay + self.credits

    def describe(self, currency: str) -> str:
        """The amount to pay; where credits paid a part, what was used and what they paid, too."""
        to_pay = format_money(self.to_pay, currency)
        if not self.credits:
            return to_pay
        used = format_money(self.to_pay + self.credits, currency)
        return f"{used} used, {self.credits:,.2f} paid by credits, {to_pay} to pay"

    def to_dict(self) -> dict[str, float | None]:
        """before_credits, credits (both null where the bill does not show them), to_pay."""
        before, credits = self.before_credits, self.credits
        return {
            "before_credits": None if before is None else round_amount(before),
            "credits": None if credits is None else round_amount(credits),
            "to_pay": round_amount(self.to_pay),
        }


def format_money(amount: Decimal | float, currency: str) -> str:
    """Format an amount to the cent; amounts below half a cent get two significant digits."""
    small = 0 < abs(float(amount)) < _CENT / 2
    return f"{amount:,.2g} {currency}" if small else f"{amount + 0:,.2f} {currency}"


def round_amount(amount: Decimal) -> float:
    """Round to ten decimals, the precision of AWS's bills; never to minus zero."""
    return float(round(amount, 10)) + 0.0


def is_credit(lines: ir.Table) -> ir.BooleanValue:
    """Whether a line is a credit."""
    return (lines.line_item_type == CREDIT).fill_null(False)


def has_no_type(lines: ir.Table) -> ir.BooleanValue:
    """Whether a line has no type, so that it may be the sum of usage and credits."""
    return lines.line_item_type.fill_null("") == ""
