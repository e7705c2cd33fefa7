"""The bill of an account: its charges hour by hour, up to this second. Every view of a bill reads these.

Rating goes on from hour to hour, and an hour that has passed is rated once; the one that is passing is rated anew each
time. AWS's own figures come up to a day later and are estimates until the month is closed; these are there at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from math import floor

from local_aws_server.billing.account import Customer, customer, month_after, month_of
from local_aws_server.billing.charge import HOUR, Charge
from local_aws_server.billing.meter import Measured, hours
from local_aws_server.billing.rating import Counters, rate
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import on_reset


class Bill:
    """What an account has been charged, from when it was opened."""

    def __init__(self, account: str):
        self._account = account
        self._rated_until = customer(account).opened // HOUR * HOUR
        self._charges: list[Charge] = []
        """Of the hours that have passed, by hour."""
        self._counters = Counters()

    @property
    def customer(self) -> Customer:
        return customer(self._account)

    def charges(self, start: float, end: float) -> list[Charge]:
        """The charges of the hours that begin between two moments, up to now, by hour."""
        self._go_on()
        first = bisect_left(self._charges, start, key=lambda charge: charge.hour)
        last = bisect_left(self._charges, end, key=lambda charge: charge.hour)
        found = self._charges[first:last]
        if start <= self._rated_until < end:
            found += self._of_this_hour()[0]
        return found

    def of_month(self, moment: float) -> list[Charge]:
        """The charges of a moment's calendar month (UTC), up to now."""
        return self.charges(month_of(moment), month_after(moment))

    def rated_on(self, usage: Iterable[Measured]) -> list[Charge]:
        """What so much more usage would cost, from now on."""
        return rate(floor(CLOCK.now()) // HOUR * HOUR, usage, self.customer, self.counters())

    def counters(self) -> Counters:
        """What of the month's allowances and tiers, and of the credits, is used up by now; the caller's own."""
        self._go_on()
        return self._of_this_hour()[1]

    def credits_left(self) -> Decimal:
        """The USD of credits that are given and not used up."""
        return max(Decimal(0), self.customer.credit(CLOCK.now()) - self.counters().credits)

    def _go_on(self) -> None:
        """Rate the hours that have passed since the last time."""
        this_hour = floor(CLOCK.now()) // HOUR * HOUR
        for hour, usage in hours(self._account, self._rated_until, this_hour):
            self._charges += rate(hour, usage, self.customer, self._counters)
        self._rated_until = max(self._rated_until, this_hour)

    def _of_this_hour(self) -> tuple[list[Charge], Counters]:
        """What is charged for the hour that is passing, and what of allowances and credits is used up then."""
        counters, charges = self._counters.copy(), list[Charge]()
        for hour, usage in hours(self._account, self._rated_until, floor(CLOCK.now())):
            charges += rate(hour, usage, self.customer, counters)
        return charges, counters


_BILLS: dict[str, Bill] = {}


def bill(account: str) -> Bill:
    """The bill of an account; under its lock."""
    if account not in _BILLS:
        _BILLS[account] = Bill(account)
    return _BILLS[account]


def begin_anew(account: str) -> None:
    """Rate everything again: what the account is, or what it has used, is not as it was."""
    _BILLS.pop(account, None)


@on_reset
def forget_bills() -> None:
    _BILLS.clear()


def total(charges: Iterable[Charge]) -> Decimal:
    """USD, not rounded."""
    return sum((charge.cost for charge in charges), Decimal(0))


def blended_rates(charges: Iterable[Charge]) -> dict[tuple[str, str, str, str], Decimal]:
    """What a unit cost on average, by `blended_by`: AWS shows it for free rows too.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/con-bill-blended-rates.html
    """
    sums: defaultdict[tuple[str, str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for charge in charges:
        if charge.kind == "Usage":
            found = sums[blended_by(charge)]
            found[0] += charge.quantity
            found[1] += charge.cost
    return {key: cost / quantity for key, (quantity, cost) in sums.items() if quantity}


def blended_by(charge: Charge) -> tuple[str, str, str, str]:
    meter = charge.meter
    return meter.region, meter.service, meter.usage_type, meter.operation
