"""The bill of an account: its charges hour by hour, up to this second. Every view of a bill reads these.

An hour that is over is rated once. The current hour is rated again on each read. AWS's own figures arrive up to a day
later and are estimates until the month is closed; these are available at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from math import floor

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.account import Customer, get_customer
from local_aws_server.billing.calendar import hour_start, month_start, next_month_start
from local_aws_server.billing.charge import Charge
from local_aws_server.billing.meter import MeteredUsage, hourly_usage
from local_aws_server.billing.rating import Counters, rate_usage
from local_aws_server.clock.clock import CLOCK
from local_aws_server.reset import on_reset

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Costs are up to date to the second, under the free-tier regime of the account; AWS's "
        "figures arrive up to a day later.",
        documentation=("https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html",),
    ),
)

BlendedRateKey = tuple[str, str, str, str]
"""(region, service, usage type, operation): usage that has one blended rate."""


class AccountBill:
    """The charges of an account since it was opened."""

    def __init__(self, account: str):
        self._account = account
        self._rated_until = hour_start(get_customer(account).opened_at)
        self._charges: list[Charge] = []
        """The charges of the hours that are over, by hour."""
        self._counters = Counters()

    @property
    def customer(self) -> Customer:
        """The account's billing settings."""
        return get_customer(self._account)

    def charges(self, start: float, end: float) -> list[Charge]:
        """The charges of the hours that begin in [start, end), up to now, by hour."""
        self._rate_past_hours()
        first = bisect_left(self._charges, start, key=lambda charge: charge.hour)
        last = bisect_left(self._charges, end, key=lambda charge: charge.hour)
        charges = self._charges[first:last]
        if start <= self._rated_until < end:
            charges += self._rate_current_hour()[0]
        return charges

    def month_charges(self, timestamp: float) -> list[Charge]:
        """The charges of a timestamp's calendar month (UTC), up to now."""
        return self.charges(month_start(timestamp), next_month_start(timestamp))

    def estimate(self, usage: Iterable[MeteredUsage]) -> list[Charge]:
        """The charges for additional usage in the current hour; the bill itself does not change."""
        return rate_usage(hour_start(CLOCK.now()), usage, self.customer, self.counters())

    def counters(self) -> Counters:
        """A copy of the allowances, tiers and credits used so far."""
        self._rate_past_hours()
        return self._rate_current_hour()[1]

    def credits_left(self) -> Decimal:
        """The USD of credits that are granted and not spent."""
        return max(Decimal(0), self.customer.credits_granted(CLOCK.now()) - self.counters().credits_spent)

    def _rate_past_hours(self) -> None:
        """Rate the hours that have ended since the last call."""
        current_hour = hour_start(CLOCK.now())
        for hour, usage in hourly_usage(self._account, self._rated_until, current_hour):
            self._charges += rate_usage(hour, usage, self.customer, self._counters)
        self._rated_until = max(self._rated_until, current_hour)

    def _rate_current_hour(self) -> tuple[list[Charge], Counters]:
        """(charges of the current hour, counters after it)."""
        counters, charges = self._counters.copy(), list[Charge]()
        for hour, usage in hourly_usage(self._account, self._rated_until, floor(CLOCK.now())):
            charges += rate_usage(hour, usage, self.customer, counters)
        return charges, counters


_BILLS: dict[str, AccountBill] = {}


def get_bill(account: str) -> AccountBill:
    """The bill of an account. The caller holds the account's lock."""
    if account not in _BILLS:
        _BILLS[account] = AccountBill(account)
    return _BILLS[account]


def discard_bill(account: str) -> None:
    """Rate all hours of an account again on the next read, because its settings or its usage have changed."""
    _BILLS.pop(account, None)


@on_reset
def clear_bills() -> None:
    _BILLS.clear()


def total_cost(charges: Iterable[Charge]) -> Decimal:
    """USD, not rounded."""
    return sum((charge.cost for charge in charges), Decimal(0))


def blended_rates(charges: Iterable[Charge]) -> dict[BlendedRateKey, Decimal]:
    """The average price of a unit, by `blended_rate_key`; AWS shows it on free rows too.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/con-bill-blended-rates.html
    """
    quantities: defaultdict[BlendedRateKey, Decimal] = defaultdict(Decimal)
    costs: defaultdict[BlendedRateKey, Decimal] = defaultdict(Decimal)
    for charge in charges:
        if charge.kind == "Usage":
            key = blended_rate_key(charge)
            quantities[key] += charge.quantity
            costs[key] += charge.cost
    return {key: costs[key] / quantity for key, quantity in quantities.items() if quantity}


def blended_rate_key(charge: Charge) -> BlendedRateKey:
    """The key of a charge in `blended_rates`."""
    meter = charge.meter
    return meter.region, meter.service, meter.usage_type, meter.operation
