"""Idle hours: what ran, and was paid for, while it served nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from esaws.chart import Chart
from esaws.costs.analysis.charts import GREY, canvas, draw_unknown
from esaws.costs.analysis.selection import Unknown, chosen, hours_of, money

if TYPE_CHECKING:
    import pandas

    from esaws.costs.bill.bill import Bill

RUNS = (
    "(BoxUsage|SpotUsage|InstanceUsage|Multi-AZUsage|NodeUsage|LoadBalancerUsage|NatGateway-Hours|Fargate-vCPU-Hours)"
)
"""Usage types of what runs by the hour, whether anybody needs it or not."""
SERVES = "(LCUUsage|DataTransfer-Out-Bytes|NatGateway-Bytes|ApiGatewayRequest|Lambda-GB-Second)"
"""Usage types that come of serving somebody: a load balancer's capacity units count connections and bytes."""
SHARE = 0.01
"""What of the busiest hour is nobody: the internet knocks at every door, all the time."""

_QUESTION = "what ran for nobody?"
_SERVED, _IDLE, _OFF = "#7aa116", "#ed7100", "#f2f2f2"
_AN_HOUR = 1


@dataclass(frozen=True)
class Idle:
    """The hours of a bill in which something ran."""

    hours: pandas.DataFrame
    """One row an hour, by its beginning in UTC: cost of what ran, served (of the busiest hour, 0 to 1), idle."""
    currency: str

    @property
    def idle(self) -> int:
        """How many hours served nobody."""
        return int(self.hours["idle"].sum())

    @property
    def cost(self) -> float:
        """What ran in idle hours cost."""
        return float(self.hours["cost"][self.hours["idle"]].sum())

    def to_frame(self) -> pandas.DataFrame:
        """One row for each hour of the day (UTC): running and idle, in hours, and cost, what the idle ones cost."""
        found = self.hours.assign(cost=self.hours["cost"].where(self.hours["idle"], 0.0))
        by_hour = found.groupby(self.hours.index.hour).agg(
            running=("idle", "size"), idle=("idle", "sum"), cost=("cost", "sum")
        )
        return by_hour.reindex(range(24), fill_value=0).rename_axis("hour")

    def __repr__(self) -> str:
        whole = money(float(self.hours["cost"].sum()), self.currency)
        return f"{self.idle} of {len(self.hours)} hours ran for nobody: {money(self.cost, self.currency)} of {whole}"


def idle_hours(
    bill: Bill,
    metric: str | None = None,
    currency: str | None = None,
    *,
    period: date | None = None,
    served: Mapping[datetime, float] | None = None,
    share: float = SHARE,
) -> Idle | Unknown:
    """In which hours nobody was served although something ran, and what that cost; perhaps of one month alone.

    An hour is idle in which less than `share` of what the busiest hour served was served. That is read from lines that
    come of serving (capacity units of load balancers, bytes out, gateways); `served`, an amount for each hour by its
    beginning in UTC, such as RequestCount of CloudWatch, tells it for sure. A bill that is not hourly, or has no such
    lines, does not tell.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month.
    """
    import pandas

    asked = chosen(bill, metric, currency, period)
    lines = asked.lines.filter(asked.lines.line_item_type.fill_null("").isin(("Usage", "DiscountedUsage")))
    usage_type = lines.usage_type.fill_null("")
    told = lines.mutate(
        hour=lines.start.truncate("h"), runs=usage_type.re_search(RUNS), serves=usage_type.re_search(SERVES)
    ).filter(lambda t: t.runs | t.serves)
    table = told.group_by("hour", "runs", "usage_type").aggregate(
        cost=told.amount.sum(), quantity=told.quantity.sum(), longest=hours_of(told).max()
    )
    rows = bill.frame(table.order_by("hour", "usage_type"))
    ran, telling = rows[rows["runs"]], rows[~rows["runs"] & (rows["quantity"] > 0)]
    if ran.empty:
        return Unknown(_QUESTION, f"nothing in this {bill.format} bill is known to run by the hour")
    if ran["hour"].isna().any() or ran["longest"].isna().any() or ran["longest"].max() > _AN_HOUR:
        return Unknown(_QUESTION, "the bill is not hourly: ask AWS for an hourly export, or Cost Explorer for hours")
    if served is not None:
        amount = pandas.Series(dict(served), dtype=float)
        amount = amount / amount.max() if len(amount) and amount.max() > 0 else amount
    elif telling.empty:
        return Unknown(_QUESTION, "no line comes of serving somebody (capacity units, bytes): give served=")
    else:
        amount = _of_the_busiest(telling)
    cost = ran.groupby("hour")["cost"].sum()
    hours = pandas.DataFrame({"cost": cost, "served": amount.reindex(cost.index, fill_value=0.0)})
    return Idle(hours.assign(idle=hours["served"] < share), asked.currency)


def draw_idle(found: Idle | Unknown) -> Chart:
    """Every hour as a square, a day a column: it served somebody, ran for nobody, or nothing ran."""
    if isinstance(found, Unknown):
        return draw_unknown(found)
    from matplotlib.colors import ListedColormap

    figure, axes = canvas(repr(found), beneath="hours of each day, UTC")
    grid, days = _grid(found.hours)
    axes.pcolormesh(
        grid, cmap=ListedColormap([_OFF, _SERVED, _IDLE]), vmin=0, vmax=2, edgecolors="white", linewidth=0.6
    )
    axes.set_yticks([0.5, 6.5, 12.5, 18.5], ["0:00", "6:00", "12:00", "18:00"])
    axes.set_ylim(24, 0)
    step = -(-len(days) // 12)
    axes.set_xticks([at + 0.5 for at in range(0, len(days), step)], [f"{day:%b} {day.day}" for day in days[::step]])
    axes.tick_params(length=0, colors=GREY)
    axes.spines[:].set_visible(False)
    words = {"served somebody": _SERVED, "ran for nobody": _IDLE}
    for at, (word, colour) in enumerate(words.items()):
        place = (1, 1), (-205 + 108 * at, 6)
        axes.annotate(f"■ {word}", place[0], place[1], "axes fraction", "offset points", color=colour, fontsize=9)
    return Chart(figure, repr(found))


def _of_the_busiest(telling: pandas.DataFrame) -> Any:
    """What was served in each hour, of the busiest: each usage type by itself, and the most of them."""
    most = telling.groupby("usage_type")["quantity"].transform("max")
    return (telling["quantity"] / most).groupby(telling["hour"]).max()


def _grid(hours: pandas.DataFrame) -> tuple[Any, list[Any]]:
    import pandas

    days = list(pandas.date_range(hours.index.min().normalize(), hours.index.max().normalize()))
    state = hours["idle"].map({True: 2, False: 1})
    every = pandas.date_range(days[0], periods=24 * len(days), freq="h")
    return state.reindex(every, fill_value=0).to_numpy().reshape(len(days), 24).T, days
