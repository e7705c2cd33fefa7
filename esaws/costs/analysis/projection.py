"""Project the usage of a running month to its end: what is still free is charged once its allowance is used up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from esaws.costs.analysis.month_end_weights import WEEK_DAYS, is_monthly_charge, rest_weights
from esaws.costs.analysis.usage_by_day import ZERO, UsageByDay, UsageKey, total
from esaws.pricelist import Allowance, PriceList, allowances, without_prefix

_END_TOLERANCE = Decimal("0.02")
"""Days: an allowance that lasts until this shortly before the end of the month counts as lasting all of it."""

_Pool = tuple[str, str]
"""(payer, id of an allowance)."""


@dataclass(frozen=True)
class ProjectedLine:
    """Usage of one kind, and its cost until the end of the month."""

    usage: str
    so_far: Decimal
    rest: Decimal
    daily: Decimal
    """The quantity a day, in its unit; the cost of a usual day where only costs are known."""
    rate: Decimal
    """The price of one unit beyond the free part; 1 where only costs are known."""
    free_left: Decimal
    """The quantity that will still be free."""


@dataclass(frozen=True)
class _FreeRest:
    """The rest of a usage under an allowance: the free part and the whole quantity until the end of the month."""

    free: Decimal
    quantity: Decimal
    is_exhausted: bool
    """Whether the allowance is used up within the month."""


class Projection:
    """The rest of a month: usages outside allowances by the weights of the days so far, others by their mean quantity.

    `known_days` are the complete days of the month, from the first on which anything was used. What is charged on the
    first day of the month alone is not projected. Cost Explorer does not show free usage. There an account counts as
    having an allowance if usage that it covers had no cost on some day.
    """

    def __init__(
        self,
        bill_format: str,
        currency: str,
        usages: Sequence[UsageByDay],
        known_days: Sequence[date],
        days_left: int,
        prices: PriceList,
    ):
        self.hides_free_usage = bill_format == "Cost Explorer"
        self.currency, self.usages, self.days_left, self.prices = currency, usages, days_left, prices
        self.notes: list[str] = []
        self.daily_costs = [_daily_costs(usage, known_days) for usage in usages]
        self.daily_quantity = [_daily_quantity(usage, known_days) for usage in usages]
        self.last_day = known_days[-1]
        self.pools: dict[_Pool, list[int]] = defaultdict(list)
        self.allowances: dict[_Pool, Allowance] = {}
        for at, usage in enumerate(usages):
            if allowance := self._allowance_of(usage.key):
                self.pools[usage.key.payer, allowance.id].append(at)
                self.allowances[usage.key.payer, allowance.id] = allowance
        self.used_free = {pool: self._used_free(pool) for pool in self.pools}
        self.free_rest: dict[int, _FreeRest] = {}
        for pool in self.pools:
            self._share_allowance(pool)
        totals = [float(self._cost_on(at)) for at in range(len(known_days))]
        self.weights = [Decimal(repr(weight)) for weight in rest_weights(totals, days_left)]
        self.lines = [self._project(at) for at in range(len(usages))]
        self._note_missing_data()

    def daily_values(self, known_days: Sequence[date]) -> list[float]:
        """The cost of each known day's usage if it occurred in the rest of the month, without monthly charges."""
        charged = [at for at, rest in self.free_rest.items() if rest.is_exhausted]
        return [
            float(
                self._cost_on(at)
                + total(self.usages[usage].quantity.get(day, ZERO) * self.lines[usage].rate for usage in charged)
            )
            for at, day in enumerate(known_days)
        ]

    def _cost_on(self, known_day: int) -> Decimal:
        """The cost of usage outside allowances on a known day; that of a monthly charge as if it were any day."""
        return total(costs[known_day] for at, costs in enumerate(self.daily_costs) if at not in self.free_rest)

    def exhausted(self, complete_days: int) -> list[tuple[str, Decimal]]:
        """The allowances that will be used up within the rest of the month, and the day (a fraction) of each."""
        payers = {payer for payer, _ in self.pools}
        exhausted = []
        for (payer, name), members in self.pools.items():
            used_free = self.used_free[payer, name]
            daily = total(self.daily_quantity[at] for at in members)
            if used_free is None or not daily:
                continue
            if not self.hides_free_usage:
                free = (self.usages[at].free.items() for at in members)
                used_free = total(amount for items in free for day, amount in items if day <= self.last_day)
            left = self.allowances[payer, name].amount - used_free
            if ZERO < left < daily * (self.days_left - _END_TOLERANCE):
                label = f"{name} of {payer}" if len(payers) > 1 else name
                exhausted.append((label, complete_days + left / daily))
        return exhausted

    def cumulative(
        self, month: date, complete_days: int, length: int, one_off: Decimal, tax_rate: Decimal
    ) -> list[tuple[int, Decimal]]:
        """(day of the month, amount charged by its end), as billed and then as projected with tax."""
        amounts = []
        for day in range(1, complete_days + 1):
            until = month.replace(day=day)
            costs = (cost for usage in self.usages for at, cost in usage.cost.items() if at <= until)
            amounts.append((day, one_off + total(costs)))
        so_far = one_off + total(line.so_far for line in self.lines)
        for day in range(complete_days + 1, length + 1):
            passed = Decimal(day - complete_days) / self.days_left
            rest = ZERO
            for at, line in enumerate(self.lines):
                if at in self.free_rest:
                    rest += max(ZERO, self._rest_quantity(at) * passed - line.free_left) * line.rate
                else:
                    rest += line.rest * passed
            amounts.append((day, so_far + rest * (1 + tax_rate)))
        return amounts

    # -- allowances ------------------------------------------------------------------------------------------------

    def _allowance_of(self, key: UsageKey) -> Allowance | None:
        """The allowance of a usage; without a product code, the only allowance with its usage type."""
        if key.product_code:
            return key.allowance
        usage_type = without_prefix(key.usage_type, key.region) if key.region else key.usage_type.split("-", 1)[-1]
        types = {usage_type, key.usage_type}
        matches = [allowance for allowance in allowances("legacy") if types & set(allowance.usage_types)]
        return matches[0] if len(matches) == 1 else None

    def _used_free(self, pool: _Pool) -> Decimal | None:
        """The free quantity so far under an allowance; None if the account does not have the allowance."""
        members = [self.usages[at] for at in self.pools[pool]]
        free = total(amount for usage in members for amount in usage.free.values())
        if free:
            return free
        if not self.hides_free_usage:
            return None
        had_no_cost = any(
            usage.quantity[day] > 0 and not usage.cost[day] for usage in members for day in list(usage.quantity)
        )
        quantity = total(amount for usage in members for amount in usage.quantity.values())
        return min(quantity, self.allowances[pool].amount) if had_no_cost else None

    def _share_allowance(self, pool: _Pool) -> None:
        """Divide what is left of an allowance among its usages, in proportion to their daily quantities."""
        used_free, members = self.used_free[pool], self.pools[pool]
        if used_free is None:
            return
        left = max(ZERO, self.allowances[pool].amount - used_free)
        daily = total(self.daily_quantity[at] for at in members)
        for at in members:
            share = self.daily_quantity[at] / daily if daily else ZERO
            self.free_rest[at] = _FreeRest(left * share, self._rest_quantity(at), daily * self.days_left > left)

    # -- usages ----------------------------------------------------------------------------------------------------

    def _rest_quantity(self, at: int) -> Decimal:
        """The quantity still to come after what the bill has."""
        billed = total(amount for day, amount in self.usages[at].quantity.items() if day > self.last_day)
        return max(ZERO, self.daily_quantity[at] * self.days_left - billed)

    def _project(self, at: int) -> ProjectedLine:
        usage = self.usages[at]
        so_far = total(usage.cost.values())
        if at not in self.free_rest:
            billed = total(cost for day, cost in usage.cost.items() if day > self.last_day)
            costs = self.daily_costs[at]
            rest = total(weight * cost for weight, cost in zip(self.weights, costs, strict=True) if cost)
            if min(costs) >= 0:
                rest = max(ZERO, rest)  # a line that falls to nothing does not fall below
            daily = rest / self.days_left if self.days_left else ZERO
            rest = max(ZERO, rest - billed) if billed > 0 and rest >= 0 else rest - billed
            return ProjectedLine(str(usage.key), so_far, rest, daily, Decimal(1), ZERO)
        quantity = self.free_rest[at].quantity
        free = min(self.free_rest[at].free, quantity)
        rate = self._rate(at)
        if rate is None:
            if quantity > free:
                self.notes.append(f"{usage.key} has no known price for usage beyond the free tier: counted as 0")
            rate = ZERO
        return ProjectedLine(str(usage.key), so_far, (quantity - free) * rate, self.daily_quantity[at], rate, free)

    def _rate(self, at: int) -> Decimal | None:
        """The price of one unit beyond the free part: as charged so far, else at list price."""
        usage = self.usages[at]
        charged = total(usage.quantity.values()) - total(usage.free.values())
        cost = total(usage.cost.values())
        if self.hides_free_usage:
            days = [day for day in usage.quantity if usage.cost[day] > 0]
            rates = [usage.cost[day] / usage.quantity[day] for day in days if usage.quantity[day] > 0]
            if rates:
                return max(rates)
        elif charged > 0 and cost > 0:
            return cost / charged
        free, list_cost = total(usage.free.values()), total(usage.free_at_list_price.values())
        if free > 0 and list_cost > 0:
            return list_cost / free
        allowance = next(self.allowances[pool] for pool, members in self.pools.items() if at in members)
        return self._list_price(usage.key, allowance)

    def _list_price(self, key: UsageKey, allowance: Allowance) -> Decimal | None:
        """The list price in the region that the bill names."""
        if self.currency != "USD" or not key.region:
            return None
        usage_type = without_prefix(key.usage_type, key.region)
        service = key.product_code or allowance.service
        tiers = self.prices.tiers(service, usage_type, key.operation or None, key.region, self.last_day)
        return next((tier.usd for tier in tiers if tier.usd), None)

    def _note_missing_data(self) -> None:
        free = [usage for at, usage in enumerate(self.usages) if usage.free and at not in self.free_rest]
        names = sorted({str(usage.key) for usage in free if total(usage.free.values())})
        if names:
            self.notes.append(f"{', '.join(names[:5])}: the size of the allowance is not known; projected as free")
        has_quantities = any(usage.key.usage_type and any(usage.quantity.values()) for usage in self.usages)
        if self.hides_free_usage and not has_quantities:
            self.notes.append("the Cost Explorer data has no quantities by usage type: free usage is projected as free")


def _daily_costs(usage: UsageByDay, known_days: Sequence[date]) -> list[Decimal]:
    """The cost on each known day; where the first of the month has a monthly charge, it counts as a usual day."""
    costs = [usage.cost.get(day, ZERO) for day in known_days]
    return [_weekly_mean(costs[1:]), *costs[1:]] if _has_monthly_charge(usage, known_days) else costs


def _daily_quantity(usage: UsageByDay, known_days: Sequence[date]) -> Decimal:
    """The mean quantity of the last seven days, without the first of the month if it has a monthly charge."""
    days = known_days[1:] if _has_monthly_charge(usage, known_days) else known_days
    return _weekly_mean([usage.quantity.get(day, ZERO) for day in days])


def _has_monthly_charge(usage: UsageByDay, known_days: Sequence[date]) -> bool:
    return known_days[0].day == 1 and is_monthly_charge([usage.cost.get(day, ZERO) for day in known_days])


def _weekly_mean(amounts: Sequence[Decimal]) -> Decimal:
    days = amounts[-WEEK_DAYS:]
    return total(days) / len(days)
