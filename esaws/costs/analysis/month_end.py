"""What the running month will come to, with a band: what is still free is charged as soon as nothing of it is left."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import sqrt
from statistics import stdev
from typing import TYPE_CHECKING

from esaws.costs.analysis.selection import Chosen, Unknown, chosen, days_in, money, spans
from esaws.costs.analysis.usage_by_day import NOTHING, Key, Used, complete_days, total, used_by_day
from esaws.pricelist import Allowance, allowances, bundled, without_prefix

if TYPE_CHECKING:
    import pandas

    from esaws.costs.bill.bill import Bill

WINDOW = 7
"""The days that the rest of the month is told from: a whole week, as weekends are unlike."""
FEWEST = 3
"""Complete days below which nothing can be said of how days differ."""
_LAST_MINUTES = Decimal("0.02")
"""Of a day: what lasts until then lasts as long as the month, to what figures are rounded."""
_T = {2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476, 6: 1.440}
"""Student's t of 90 % by degrees of freedom: 80 % lie between it and its negative."""


@dataclass(frozen=True)
class Going:
    """Usage that goes on, and what the rest of the month will cost by it."""

    what: str
    so_far: Decimal
    rest: Decimal
    a_day: Decimal
    """How much of it a day, in its unit."""
    rate: Decimal
    """What one of it is charged where it is not free; 1 where only costs are known."""
    free_left: Decimal
    """How much of it will still be free."""


@dataclass(frozen=True)
class Outlook:
    """What a month will come to. Amounts are in the currency, before what AWS adds when it closes the month."""

    period: date
    currency: str
    days: int
    """The complete days that it is told from."""
    so_far: Decimal
    """What has been charged, one-off charges included."""
    one_off: Decimal
    """Tax, fees, credits, purchases: they are in all sums as they are, and nothing is expected to follow."""
    point: Decimal
    low: Decimal | None
    """The ends of the band in which the month ends with 80 %; None where there are fewer than three complete days."""
    high: Decimal | None
    at_least: bool
    """Whether more may come than `point`, as the notes say."""
    going: tuple[Going, ...]
    """Dearest first."""
    runs_out: tuple[tuple[str, Decimal], ...]
    """Allowances (of which payer, where there are several) that will be used up, and the day of the month, like 3.5."""
    charged: tuple[tuple[int, Decimal], ...]
    """(day of the month, what is charged by its end), for the complete days and what follows."""
    notes: tuple[str, ...]

    def to_frame(self) -> pandas.DataFrame:
        """One row for each usage, dearest first, then the one-off charges; they add up to `point`.

        Columns: so_far, rest (of the month), month, in the currency.
        """
        import pandas

        rows = [(each.what, each.so_far, each.rest) for each in self.going]
        rows.append(("one-off charges", self.one_off, NOTHING))
        told = [(float(done), float(rest), float(done + rest)) for _, done, rest in rows]
        index = pandas.Index([what for what, _, _ in rows], name="what")
        return pandas.DataFrame(told, columns=["so_far", "rest", "month"], index=index)

    def __repr__(self) -> str:
        band = "" if self.low is None or self.high is None else f", 80 % between {self.low:,.2f} and {self.high:,.2f}"
        least = "at least " if self.at_least else ""
        return f"{self.period:%Y-%m} will come to {least}{money(self.point, self.currency)}{band}"


def outlook(
    bill: Bill, *, period: date | None = None, metric: str | None = None, currency: str | None = None
) -> Outlook | Unknown:
    """What a month, by default the last in the bill, will come to if it goes on as in its last (at most seven) days.

    Each usage goes on with its mean a day, from the first of those days on which it was there. What falls under an
    allowance that was given in this month is free as long as something is left of it for the payer, and then charged
    as the bill has charged it before, else at list price. One-off charges stay as they are.

    The band: the days differ by chance, each from the others alike, so that 80 % of the sums of the days that are left
    lie within Student's t of the spread of the days that are known.

    Unknown where the bill tells months alone, or no complete day. Raises as `chosen` does.
    """
    question = "what the month will come to"
    if period is None and not bill.months:
        return Unknown(question, "the bill has no lines")
    month = (period or bill.months[-1]).replace(day=1)
    of = chosen(bill, metric, currency, month)
    if spans(of) == "months":
        return Unknown(question, f"{bill.format} tells months here; ask for days")
    days, length = complete_days(of, month), days_in(month)
    if not days:
        return Unknown(question, f"no day of {month:%Y-%m} is complete in the bill yet")
    known = [month.replace(day=day) for day in range(max(1, days - WINDOW + 1), days + 1)]
    notes: list[str] = []
    pools = _Pools(of, used_by_day(of), known, length - days, notes)
    one_off = _one_off(of)
    going = tuple(sorted(pools.going, key=lambda each: (-(each.so_far + each.rest), each.what)))
    done = total(each.so_far for each in going)
    point = one_off + done + total(each.rest for each in going)
    margin = _margin(pools.values_of_days(known), length - days)
    so_far = one_off + done
    low = high = None
    if margin is not None:
        low, high = point - margin, point + margin
        low = low if point < so_far else max(low, so_far)
    if one_off:
        notes.append("tax, fees, credits and what is charged by the month are in it as they are: no more is expected")
    return Outlook(
        month,
        of.currency,
        days,
        so_far,
        one_off,
        point,
        low,
        high,
        pools.at_least,
        going,
        tuple(sorted(pools.runs_out(days), key=lambda item: (item[1], item[0]))),
        tuple(pools.charged(month, days, length, one_off)),
        tuple(notes),
    )


class _Pools:
    """The rest of a month: each usage by itself, and what shares an allowance together.

    Cost Explorer does not tell what was free: there an allowance was given if something that it covers cost nothing.
    """

    def __init__(self, of: Chosen, used: list[Used], known: list[date], left: int, notes: list[str]):
        self.of, self.used, self.left, self.notes = of, used, left, notes
        self.at_least = False
        self.a_day = [_mean(each.quantity, known) for each in used]
        self.cost_a_day = [_mean(each.cost, known) for each in used]
        self.last = known[-1]
        self.pool: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.cap: dict[tuple[str, str], Allowance] = {}
        for at, each in enumerate(used):
            if allowance := self._covering(each.key):
                self.pool[each.key.payer, allowance.id].append(at)
                self.cap[each.key.payer, allowance.id] = allowance
        self.given = {pool: self._given(pool) for pool in self.pool}
        self.free_a_day: dict[int, tuple[Decimal, Decimal, bool]] = {}
        for pool, members in self.pool.items():
            self._share(pool, members)
        self.going = [self._going(at) for at in range(len(used))]
        self._say_what_is_unknown()

    def _covering(self, key: Key) -> Allowance | None:
        """The allowance of a usage; where there are no product codes, the only one that has its usage type."""
        if key.product_code:
            return key.allowance
        usage_type = without_prefix(key.usage_type, key.region) if key.region else key.usage_type.split("-", 1)[-1]
        types = {usage_type, key.usage_type}
        found = [each for each in allowances("legacy") if types & set(each.usage_types)]
        return found[0] if len(found) == 1 else None

    def _given(self, pool: tuple[str, str]) -> Decimal | None:
        """What was free so far of an allowance; None if the account does not have it."""
        members = [self.used[at] for at in self.pool[pool]]
        free = total(amount for each in members for amount in each.free.values())
        if free:
            return free
        if self.of.bill.format != "Cost Explorer":
            return None
        at_no_cost = any(
            each.quantity[day] > 0 and not each.cost[day] for each in members for day in list(each.quantity)
        )
        done = total(amount for each in members for amount in each.quantity.values())
        return min(done, self.cap[pool].amount) if at_no_cost else None

    def _share(self, pool: tuple[str, str], members: list[int]) -> None:
        """What is left of an allowance goes to those that share it, by how much of it they use."""
        given = self.given[pool]
        if given is None:
            return
        left = max(NOTHING, self.cap[pool].amount - given)
        a_day = total(self.a_day[at] for at in members)
        for at in members:
            share = self.a_day[at] / a_day if a_day else NOTHING
            self.free_a_day[at] = (left * share, self._rest(at), a_day * self.left > left)

    def _rest(self, at: int) -> Decimal:
        """How much will still be used, after what the bill tells."""
        beyond = total(amount for day, amount in self.used[at].quantity.items() if day > self.last)
        return max(NOTHING, self.a_day[at] * self.left - beyond)

    def _going(self, at: int) -> Going:
        used = self.used[at]
        so_far = total(used.cost.values())
        if at not in self.free_a_day:
            beyond = total(cost for day, cost in used.cost.items() if day > self.last)
            rest = self.cost_a_day[at] * self.left - beyond
            if beyond > 0 and self.cost_a_day[at] >= 0:
                rest = max(NOTHING, rest)
            return Going(str(used.key), so_far, rest, self.cost_a_day[at], Decimal(1), NOTHING)
        free, rest_quantity, _ = self.free_a_day[at]
        free = min(free, rest_quantity)
        rate = self._rate(at)
        if rate is None:
            if rest_quantity > free:
                self.at_least = True
                self.notes.append(f"no price is known for {used.key} when nothing of it is free any more")
            rate = NOTHING
        return Going(str(used.key), so_far, (rest_quantity - free) * rate, self.a_day[at], rate, free)

    def _rate(self, at: int) -> Decimal | None:
        """What is charged for one beyond what is free: as it was charged, else as it is listed."""
        used = self.used[at]
        paid = total(used.quantity.values()) - total(used.free.values())
        cost = total(used.cost.values())
        if self.of.bill.format == "Cost Explorer":
            days = [day for day in used.quantity if used.cost[day] > 0]
            rates = [used.cost[day] / used.quantity[day] for day in days if used.quantity[day] > 0]
            if rates:
                return max(rates)
        elif paid > 0 and cost > 0:
            return cost / paid
        free, listed = total(used.free.values()), total(used.listed.values())
        if free > 0 and listed > 0:
            return listed / free
        return self._price(used.key, self._cap_of(at))

    def _cap_of(self, at: int) -> Allowance:
        return next(self.cap[pool] for pool, members in self.pool.items() if at in members)

    def _price(self, key: Key, allowance: Allowance) -> Decimal | None:
        """The list price, of the region that the bill names."""
        if self.of.currency != "USD" or not key.region:
            return None
        usage_type = without_prefix(key.usage_type, key.region)
        service = key.product_code or allowance.service
        tiers = bundled().tiers(service, usage_type, key.operation or None, key.region, self.last)
        return next((tier.usd for tier in tiers if tier.usd), None)

    def _say_what_is_unknown(self) -> None:
        uncapped = [each for at, each in enumerate(self.used) if each.free and at not in self.free_a_day]
        named = sorted({str(each.key) for each in uncapped if total(each.free.values())})
        if named:
            self.at_least = True
            self.notes.append(f"how much is free is not known of {', '.join(named[:5])}: taken to stay free")
        if self.of.bill.format == "Cost Explorer" and not any(
            each.key.usage_type and any(each.quantity.values()) for each in self.used
        ):
            self.at_least = True
            self.notes.append(
                "Cost Explorer was not asked for quantities by usage type: what is free until now is taken to stay free"
            )

    def values_of_days(self, known: list[date]) -> list[float]:
        """What each day would have cost, had it been one of those that are left: by which the days differ."""
        found = []
        for day in known:
            value = NOTHING
            for at, each in enumerate(self.used):
                if at not in self.free_a_day:
                    value += each.cost.get(day, NOTHING)
                elif self.free_a_day[at][2]:
                    value += each.quantity.get(day, NOTHING) * self.going[at].rate
            found.append(float(value))
        return found

    def runs_out(self, days: int) -> list[tuple[str, Decimal]]:
        """Allowances of which nothing will be left, and when; those that are used up already are not among them."""
        payers = {payer for payer, _ in self.pool}
        found = []
        for (payer, name), members in self.pool.items():
            given, a_day = self.given[payer, name], total(self.a_day[at] for at in members)
            if given is None or not a_day:
                continue
            until = total(amount for at in members for day, amount in self.used[at].free.items() if day <= self.last)
            if self.of.bill.format == "Cost Explorer":
                until = given
            left = self.cap[payer, name].amount - until
            if NOTHING < left < a_day * (self.left - _LAST_MINUTES):
                found.append((f"{name} of {payer}" if len(payers) > 1 else name, days + left / a_day))
        return found

    def charged(self, month: date, days: int, length: int, one_off: Decimal) -> list[tuple[int, Decimal]]:
        """What is charged by the end of each day: as it was, and as it goes on."""
        found = []
        for day in range(1, days + 1):
            until = month.replace(day=day)
            found.append(
                (day, one_off + total(cost for each in self.used for at, cost in each.cost.items() if at <= until))
            )
        done = one_off + total(each.so_far for each in self.going)
        for day in range(days + 1, length + 1):
            passed = Decimal(day - days) / self.left
            rest = NOTHING
            for at, each in enumerate(self.going):
                if at in self.free_a_day:
                    rest += max(NOTHING, self._rest(at) * passed - each.free_left) * each.rate
                else:
                    rest += each.rest * passed
            found.append((day, done + rest))
        return found


def _mean(amounts: dict[date, Decimal], known: list[date]) -> Decimal:
    """A day's amount: over the days since the first of them on which there was any."""
    since = [day for day in known if any(amounts.get(each) for each in known if each <= day)]
    return total(amounts.get(day, NOTHING) for day in since) / len(since) if since else NOTHING


def _margin(values: list[float], left: int) -> Decimal | None:
    """Half of the band: the sum of the days that are left varies, and so does the mean that they are told from."""
    if not left:
        return NOTHING
    if len(values) < FEWEST:
        return None
    known = len(values)
    return Decimal(_T[known - 1] * stdev(values) * sqrt(left + left * left / known))


def _one_off(of: Chosen) -> Decimal:
    lines = of.lines.filter(~(of.lines.recurs & of.lines.start.notnull()).fill_null(False))
    (row,) = of.rows_of(lines.aggregate(cost=lines.amount.sum()))
    return row["cost"] or NOTHING
