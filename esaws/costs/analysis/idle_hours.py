"""Find the hours in which resources ran, and were paid for, but served no traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.selection import Unknown, format_money, line_hours, select
from esaws.costs.results import TableResult

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill

RUNNING = (
    "(BoxUsage|SpotUsage|InstanceUsage|Multi-AZUsage|NodeUsage|LoadBalancerUsage|NatGateway-Hours|Fargate-vCPU-Hours)"
)
"""A pattern of usage types that are charged by the hour, used or not."""
SERVING = "(LCUUsage|DataTransfer-Out-Bytes|NatGateway-Bytes|ApiGatewayRequest|Lambda-GB-Second)"
"""A pattern of usage types that traffic causes. Load balancer capacity units count connections and bytes."""
IDLE_SHARE = 0.01
"""Traffic below this share of the busiest hour is taken for background noise of the internet."""

_QUESTION = "which hours were idle?"
_ONE_HOUR = 1


@dataclass(frozen=True)
class IdleHours(TableResult):
    """The hours of a bill in which something ran."""

    hours: pandas.DataFrame
    """One row an hour, by its start in UTC: cost of what ran, served (share of the busiest hour, 0 to 1), idle."""
    currency: str

    @property
    def idle(self) -> int:
        """The number of idle hours."""
        return int(self.hours["idle"].sum())

    @property
    def cost(self) -> float:
        """The cost of what ran in idle hours."""
        return float(self.hours["cost"][self.hours["idle"]].sum())

    def to_frame(self) -> pandas.DataFrame:
        """One row for each hour of the day (UTC): running and idle (hours), and cost (of the idle hours)."""
        frame = self.hours.assign(cost=self.hours["cost"].where(self.hours["idle"], 0.0))
        by_hour = frame.groupby(self.hours.index.hour).agg(
            running=("idle", "size"), idle=("idle", "sum"), cost=("cost", "sum")
        )
        return by_hour.reindex(range(24), fill_value=0).rename_axis("hour")

    def to_dict(self) -> dict[str, Any]:
        """idle, hours (counts), cost (of the idle hours), currency."""
        return {"idle": self.idle, "hours": len(self.hours), "cost": self.cost, "currency": self.currency}

    def draw(self) -> Chart:
        """A square for each hour, a column for each day: served traffic, ran idle, or nothing ran."""
        from esaws.costs.analysis.idle_hours_chart import draw_idle_hours

        return draw_idle_hours(self)

    def __repr__(self) -> str:
        whole = format_money(float(self.hours["cost"].sum()), self.currency)
        cost = format_money(self.cost, self.currency)
        return f"{self.idle} of {len(self.hours)} hours were idle: {cost} of {whole}"


def idle_hours(
    bill: Bill,
    metric: str | None = None,
    currency: str | None = None,
    *,
    period: date | None = None,
    served: Mapping[datetime, float] | None = None,
    share: float = IDLE_SHARE,
) -> IdleHours | Unknown:
    """Find the hours in which something ran but served no traffic, and their cost; optionally of one month.

    An hour is idle if it served less than `share` of the busiest hour. By default traffic is read from lines that it
    causes (capacity units of load balancers, bytes out, gateways). `served` replaces that by a measured amount for
    each hour, by its start in UTC, such as RequestCount of CloudWatch. Returns `Unknown` where the bill is not hourly
    or has no lines of traffic.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month.
    """
    import pandas

    selection = select(bill, metric, currency, period)
    lines = selection.lines.filter(selection.lines.line_item_type.fill_null("").isin(("Usage", "DiscountedUsage")))
    usage_type = lines.usage_type.fill_null("")
    lines = lines.mutate(
        hour=lines.start.truncate("h"), runs=usage_type.re_search(RUNNING), serves=usage_type.re_search(SERVING)
    ).filter(lambda t: t.runs | t.serves)
    table = lines.group_by("hour", "runs", "usage_type").aggregate(
        cost=lines.amount.sum(), quantity=lines.quantity.sum(), longest=line_hours(lines).max()
    )
    rows = bill.to_frame(table.order_by("hour", "usage_type"))
    running, serving = rows[rows["runs"]], rows[~rows["runs"] & (rows["quantity"] > 0)]
    if running.empty:
        return Unknown(_QUESTION, f"this {bill.format} bill has no usage that is charged by the hour")
    if running["hour"].isna().any() or running["longest"].isna().any() or running["longest"].max() > _ONE_HOUR:
        return Unknown(_QUESTION, "the bill is not hourly; ask AWS for an hourly export, or Cost Explorer for hours")
    if served is not None:
        amount = pandas.Series(dict(served), dtype=float)
        amount = amount / amount.max() if len(amount) and amount.max() > 0 else amount
    elif serving.empty:
        return Unknown(_QUESTION, "the bill has no lines of traffic (capacity units, bytes); give served=")
    else:
        amount = _share_of_busiest_hour(serving)
    cost = running.groupby("hour")["cost"].sum()
    hours = pandas.DataFrame({"cost": cost, "served": amount.reindex(cost.index, fill_value=0.0)})
    return IdleHours(hours.assign(idle=hours["served"] < share), selection.currency)


def _share_of_busiest_hour(serving: pandas.DataFrame) -> Any:
    """The traffic of each hour relative to the busiest one: the maximum over the usage types."""
    most = serving.groupby("usage_type")["quantity"].transform("max")
    return (serving["quantity"] / most).groupby(serving["hour"]).max()
