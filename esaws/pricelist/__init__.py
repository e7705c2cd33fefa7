"""Unit prices and free-tier allowances, bundled in `esaws/data/`, each with its source.

`bundled()` is the list that comes with esaws, `current()` overlays it with prices retrieved from AWS. Callers that have
a cloud use `cloud.prices`: the current list on AWS, the bundled one elsewhere, because the local AWS bills by that.
"""

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
)
from esaws.pricelist.regions import region_of, with_prefix, without_prefix
from esaws.pricelist.usage import (
    FARGATE_OPERATION,
    HOURS_PER_MONTH,
    Usage,
    fargate_address,
    fargate_usages,
    hours_in_month,
    utc_day,
)

__all__ = [
    "FARGATE_OPERATION",
    "FREE",
    "HOURS_PER_MONTH",
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
    "bundled",
    "credit_plans",
    "current",
    "fargate_address",
    "fargate_usages",
    "hours_in_month",
    "region_of",
    "save_prices",
    "utc_day",
    "with_prefix",
    "without_prefix",
]
