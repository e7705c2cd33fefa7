"""The fixed monthly cost of an account, with what it leaves out: an unknown price is never counted as 0."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from esaws.inspect.account import Account
from esaws.inspect.recurring_costs import ALL_KEYS, UNPRICED, cost_items
from esaws.pricelist import PriceList


@dataclass(frozen=True)
class MonthlyTotal:
    """The list price of a month of what has a fixed price. `usd` is None if no price is known."""

    usd: Decimal | None
    verified: bool
    unpriced: tuple[tuple[str, str], ...]
    """Kind and id of each resource without a known price."""
    unpriced_parts: tuple[str, ...]
    """The usage type that has no price, for each of `unpriced`."""
    unknown: tuple[str, ...]
    """Kinds of resources that could not be described."""

    @property
    def is_complete(self) -> bool:
        return not self.unpriced and not self.unknown

    @property
    def text(self) -> str:
        """The total in one line, with what it leaves out."""
        names = Counter(f"{kind} ({part})" for (kind, _), part in zip(self.unpriced, self.unpriced_parts, strict=True))
        left_out = [f"{count} × {name}" for name, count in sorted(names.items())]
        rest = f"; without {', '.join(left_out)}: no known price" if left_out else ""
        rest += f"; without {', '.join(self.unknown)}, which are unknown" if self.unknown else ""
        if self.usd is None:
            return f"no price is known{rest}"
        unverified = "" if self.verified else ", some prices unverified"
        return (
            f"{'about' if self.is_complete else 'at least'} {self.usd:.2f} USD a month at list price{unverified}{rest}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return usd_month (None if no price is known), complete, unpriced (a list of {kind, id}) and unknown."""
        return {
            "usd_month": None if self.usd is None else float(round(self.usd, 4)),
            "complete": self.is_complete,
            "unpriced": [{"kind": kind, "id": id} for kind, id in self.unpriced],
            "unknown": list(self.unknown),
        }


def monthly_total(account: Account, prices: PriceList) -> MonthlyTotal:
    """Add up what an account costs in a month, without traffic, requests and the free tier. Pure.

    Of a resource with several prices, such as an instance and its disks, those that are known count.
    """
    usd, verified, priced = Decimal(0), True, False
    unpriced: list[tuple[str, str]] = []
    parts: list[str] = []
    for item in cost_items(account):
        missing = ""
        for usage in item.usages:
            cost = prices.monthly_cost((usage,), account.region)
            if cost.usd is None:
                missing = missing or usage.usage_type.removeprefix(UNPRICED)
            else:
                usd, verified, priced = usd + cost.usd, verified and cost.verified, True
        if missing:
            unpriced.append((item.kind, item.id))
            parts.append(missing)
    unknown = tuple(key for key in ALL_KEYS if account.get(key) is None)
    is_nothing_known = not priced and bool(unpriced or unknown)
    return MonthlyTotal(None if is_nothing_known else usd, verified, tuple(unpriced), tuple(parts), unknown)
