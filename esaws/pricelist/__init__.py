"""Unit prices and free-tier allowances, as bundled in `esaws/data/`; every one names its source."""

from esaws.pricelist.allowances import (
    PLANS,
    REGIMES,
    Allowance,
    Plan,
    Regime,
    allowances,
    credit_plans,
)
from esaws.pricelist.price_cache import current, save_prices
from esaws.pricelist.prices import (
    FREE,
    MonthlyCost,
    Price,
    PriceList,
    bundled,
    is_charged,
    monthly_cost,
    prices,
    tiers,
    unit_price,
)
from esaws.pricelist.regions import billed_as, without_prefix
from esaws.pricelist.usage import HOURS_A_MONTH, Usage, day_of, hours_in_month

__all__ = [
    "FREE",
    "HOURS_A_MONTH",
    "PLANS",
    "REGIMES",
    "Allowance",
    "MonthlyCost",
    "Plan",
    "Price",
    "PriceList",
    "Regime",
    "Usage",
    "allowances",
    "billed_as",
    "bundled",
    "credit_plans",
    "current",
    "day_of",
    "hours_in_month",
    "is_charged",
    "monthly_cost",
    "prices",
    "save_prices",
    "tiers",
    "unit_price",
    "without_prefix",
]
