"""Days out of the ordinary: on which a service cost unusually much, by how much, and what of it did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Literal

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, GREY, OTHERS, canvas, dated, draw_unknown, plain
from esaws.costs.analysis.selection import Chosen, Unknown, chosen, money, spans
from esaws.costs.analysis.usage_by_day import NOTHING, Used, total, used_by_day

if TYPE_CHECKING:
    import pandas

    from esaws.costs.bill.bill import Bill

MOST_DAYS, FEWEST_DAYS = 14, 5
"""How many days before are looked at, and below how many nothing is called unusual."""
SPREADS = Decimal(5)
"""How many times as far from the median as days usually are."""
A_QUARTER = Decimal("0.25")
MINIMUM = Decimal(1)
"""Below this, in the currency, nothing is worth a look."""

_TO_DEVIATION = Decimal("1.4826")
"""From the median absolute deviation to the standard deviation, where days differ by chance."""
_QUESTION = "what was out of the ordinary?"

Kind = Literal["unusual", "nothing free is left", "one-off charge"]
Series = dict[date, Decimal]


@dataclass(frozen=True)
class Anomaly:
    """Days in a row on which a service cost more than it had before."""

    kind: Kind
    service: str
    first: date
    last: date
    cost: Decimal
    """Of these days."""
    usual: Decimal
    """What so many days cost before."""
    usage_type: str
    """What of it grew most; empty where the bill does not tell."""
    resource: str
    """The same of resources."""

    @property
    def above(self) -> Decimal:
        """By how much it cost more."""
        return self.cost - self.usual


@dataclass(frozen=True)
class Anomalies:
    """What was out of the ordinary, the dearest first."""

    found: tuple[Anomaly, ...]
    by_day: tuple[tuple[date, Decimal], ...]
    """What each day cost, one-off charges left out."""
    currency: str

    @property
    def unusual(self) -> tuple[Anomaly, ...]:
        """Those that nothing known explains."""
        return tuple(each for each in self.found if each.kind == "unusual")

    def to_frame(self) -> pandas.DataFrame:
        """One row each: kind, service, first and last day, cost, usual, above, usage_type, resource."""
        import pandas

        columns = ["kind", "service", "first", "last", "cost", "usual", "above", "usage_type", "resource"]
        rows = [[getattr(each, name) for name in columns] for each in self.found]
        frame = pandas.DataFrame(rows, columns=columns)
        return frame.astype({"cost": float, "usual": float, "above": float})

    def __repr__(self) -> str:
        if not self.unusual:
            return "no day was out of the ordinary"
        worst = self.unusual[0]
        more = f", and {len(self.unusual) - 1} more" if len(self.unusual) > 1 else ""
        when = f"{worst.first.day} {worst.first:%B}" + (
            f" to {worst.last.day} {worst.last:%B}" * (worst.last > worst.first)
        )
        return f"{when}: {worst.service} cost {money(worst.above, self.currency)} more than usual{more}"


def anomalies(
    bill: Bill,
    metric: str | None = None,
    currency: str | None = None,
    *,
    minimum: Decimal | float = MINIMUM,
) -> Anomalies | Unknown:
    """The days on which a service cost unusually much, days in a row as one.

    A day (UTC) is unusual that is above the median of the days before it, 14 at most and 5 at least, by more than 5
    standard deviations (by their median absolute deviation), by more than a quarter, and by more than `minimum`. Usage
    that was free is counted at its list price: where that is as always, and only the charge is not, nothing free was
    left. Charges that come once, as taxes, fees and credits do, are named as such from `minimum` on.

    Unknown where the bill tells months, or fewer than six days.

    Raises:
        UsageError: the bill does not have the metric or the currency.
    """
    of, least = chosen(bill, metric, currency), Decimal(str(minimum))
    if spans(of) == "months":
        return Unknown(_QUESTION, f"{bill.format} tells months here; ask for days")
    services: defaultdict[str, list[Used]] = defaultdict(list)
    for used in used_by_day(of):
        services[used.key.service].append(used)
    days = _days(services)
    if len(days) <= FEWEST_DAYS:
        return Unknown(_QUESTION, f"the bill is of {len(days)} days, and {FEWEST_DAYS + 1} are the least to compare")
    found = [*_one_off(of, least)]
    for service, parts in services.items():
        for each in in_a_row(unusual(service, parts, days, least)):
            found.append(_with_resource(of, each, days))
    costs = {day: total(used.cost.get(day, NOTHING) for parts in services.values() for used in parts) for day in days}
    found.sort(key=lambda each: (each.kind != "unusual", -each.above, each.first, each.service))
    return Anomalies(tuple(found), tuple(costs.items()), of.currency)


def draw_anomalies(found: Anomalies | Unknown) -> Chart:
    """Each day as a bar, the unusual ones in colour and with what they are of."""
    if isinstance(found, Unknown):
        return draw_unknown(found)
    figure, axes = canvas(repr(found), beneath=f"{found.currency} a day, one-off charges left out")
    days, costs = [day for day, _ in found.by_day], [float(cost) for _, cost in found.by_day]
    colours = [COLOURS[0] if any(each.first <= day <= each.last for each in found.unusual) else OTHERS for day in days]
    axes.bar(days, costs, color=colours, width=0.8)  # type: ignore[arg-type]
    top = max((*costs, 0.01))
    known = dict(zip(days, costs, strict=True))
    shown = found.unusual[:3]
    lowest = 0.0
    for each in sorted(shown, key=lambda each: known[each.first]):
        end = lowest = max(known[each.first], lowest + top * 0.1)
        what = each.usage_type or each.service
        right = days.index(each.first) > len(days) / 2
        axes.annotate(
            plain(f"{what}: {money(each.above, found.currency)} above"),
            (each.first, end),
            (-8 if right else 8, 6),
            textcoords="offset points",
            ha="right" if right else "left",
            color=GREY,
            fontsize=9,
        )
    axes.set_ylim(min((*costs, 0.0)), top * 1.2)
    dated(axes)
    return Chart(figure, repr(found))


def _days(services: dict[str, list[Used]]) -> list[date]:
    """Every day from the first to the last."""
    told = {day for parts in services.values() for used in parts for day in used.cost}
    if not told:
        return []
    first = min(told)
    return [first + timedelta(days=number) for number in range((max(told) - first).days + 1)]


def unusual(service: str, parts: Sequence[Used], days: Sequence[date], least: Decimal) -> Iterator[Anomaly]:
    """The single days of a service that are."""
    charged = {day: total(used.cost.get(day, NOTHING) for used in parts) for day in days}
    worth = {day: charged[day] + total(used.listed.get(day, NOTHING) for used in parts) for day in days}
    for at, day in enumerate(days):
        before = days[max(0, at - MOST_DAYS) : at]
        if len(before) < FEWEST_DAYS:
            continue
        grown = _is_above(worth, day, before, least)
        if not grown and not _is_above(charged, day, before, least):
            continue
        usage_type = max(parts, key=lambda used: (_growth(used, day, before), used.key.usage_type)).key.usage_type
        usual = median(charged[each] for each in before)
        kind: Kind = "unusual" if grown else "nothing free is left"
        yield Anomaly(kind, service, day, day, charged[day], usual, usage_type, "")


def _is_above(costs: Series, day: date, before: Sequence[date], least: Decimal) -> bool:
    usual = median(costs[each] for each in before)
    spread = _TO_DEVIATION * median(abs(costs[each] - usual) for each in before)
    return costs[day] - usual > max(SPREADS * spread, A_QUARTER * usual, least)


def _growth(used: Used, day: date, before: Sequence[date]) -> Decimal:
    def worth(when: date) -> Decimal:
        return used.cost.get(when, NOTHING) + used.listed.get(when, NOTHING)

    return worth(day) - median(worth(each) for each in before)


def in_a_row(days: Iterator[Anomaly]) -> Iterator[Anomaly]:
    """Days of one kind that follow each other as one."""
    running: Anomaly | None = None
    for day in days:
        if running and day.kind == running.kind and (day.first - running.last).days == 1:
            running = replace(running, last=day.last, cost=running.cost + day.cost, usual=running.usual + day.usual)
            continue
        if running:
            yield running
        running = day
    if running:
        yield running


def _with_resource(of: Chosen, found: Anomaly, days: Sequence[date]) -> Anomaly:
    """With the resource that cost most above what it had, where the bill goes down to resources."""
    lines = of.lines
    day = lines.start.date()
    within = lines.filter(
        lines.recurs
        & (lines.service.fill_null("") == found.service)
        & (lines.usage_type.fill_null("") == found.usage_type)
        & (lines.resource_id.fill_null("") != "")
        & (day >= found.first - timedelta(days=MOST_DAYS))
        & (day <= found.last)
    )
    during = within.start.date() >= found.first
    zero = within.amount * 0
    table = within.group_by("resource_id").aggregate(
        now=during.ifelse(within.amount, zero).sum(), before=during.ifelse(zero, within.amount).sum()
    )
    before = min(MOST_DAYS, (found.first - days[0]).days)
    scale = Decimal((found.last - found.first).days + 1) / before
    rows = [(row["now"] - row["before"] * scale, row["resource_id"]) for row in of.rows_of(table)]
    return replace(found, resource=max(rows)[1] if rows and max(rows)[0] > 0 else "")


def _one_off(of: Chosen, least: Decimal) -> Iterator[Anomaly]:
    """What is charged once, by service and day."""
    lines = of.lines.filter(~of.lines.recurs & of.lines.start.notnull())
    told = lines.mutate(day=lines.start.date(), what=lines.service.fill_null(""), of=lines.line_item_type.fill_null(""))
    for row in of.rows_of(told.group_by("what", "of", "day").aggregate(cost=told.amount.sum())):
        if abs(row["cost"] or NOTHING) >= least:
            kind, day = row["of"] or "charge", row["day"]
            yield Anomaly("one-off charge", row["what"] or kind, day, day, row["cost"], NOTHING, kind, "")
