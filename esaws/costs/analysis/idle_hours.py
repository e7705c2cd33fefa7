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
BACKGROUND = {
    "LCUUsage": 0.01,
    "DataTransfer-Out-Bytes": 0.01,
    "NatGateway-Bytes": 0.01,
    "ApiGatewayRequest": 1000,
    "Lambda-GB-Second": 100,
}
"""Usage types that traffic causes (parts of their names), and how much of each in an hour may be background noise.

Capacity units of load balancers, GB, requests: 0.01 units are 900 connections or 10 MB.
"""
SERVING = f"({'|'.join(BACKGROUND)})"
"""A pattern of usage types that traffic causes."""
IDLE_SHARE = 0.01
"""Traffic below this share of a busy hour may be background noise."""
BUSY = 0.9
"""A busy hour is one that this share of the hours with traffic do not exceed: a few extreme hours don't move it."""
ELSEWHERE = "(AmazonS3|Simple Storage|CloudFront)"
"""A pattern of services whose bytes say nothing about what runs by the hour."""

_QUESTION = "which hours were idle?"
_ONE_HOUR = 1


@dataclass(frozen=True)
class IdleHours(TableResult):
    """The hours of a bill in which something ran."""

    hours: pandas.DataFrame
    """One row an hour, by its start in UTC: cost of what ran, served (1 in a busy hour), idle."""
    currency: str
    notes: tuple[str, ...] = ()
    """What was left out."""

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
        """idle, hours (counts), cost (of the idle hours), currency, notes."""
        return {
            "idle": self.idle,
            "hours": len(self.hours),
            "cost": self.cost,
            "currency": self.currency,
            "notes": list(self.notes),
        }

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

    An hour is idle if all its traffic may be background noise: less than `share` of a busy hour, and no more than
    `BACKGROUND`. Traffic is read from lines that it causes, resource by resource: capacity units of load balancers,
    bytes of instances and NAT gateways. `served` replaces that by a measured amount for each hour, by its start in UTC,
    such as RequestCount of CloudWatch; there `share` alone decides.

    Accounts without such lines are left out. Returns `Unknown` where what runs or its traffic is not billed by the
    hour, where no line shows traffic, and where only the bytes of the whole account are known, not whose they are.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month.
    """
    import pandas

    selection = select(bill, metric, currency, period)
    lines = selection.lines.filter(selection.lines.line_item_type.fill_null("").isin(("Usage", "DiscountedUsage")))
    usage_type = lines.usage_type.fill_null("")
    service = lines.product_code.fill_null("") + lines.service.fill_null("")
    lines = lines.mutate(
        account=lines.account.fill_null(""),
        resource=lines.resource_id.fill_null(""),
        usage_type=usage_type,
        hour=lines.start.truncate("h"),
        runs=usage_type.re_search(RUNNING),
        serves=usage_type.re_search(SERVING) & ~service.re_search(ELSEWHERE),
    ).filter(lambda t: t.runs | t.serves)
    table = lines.group_by("hour", "runs", "account", "resource", "usage_type").aggregate(
        cost=lines.amount.sum(), quantity=lines.quantity.sum(), longest=line_hours(lines).max()
    )
    rows = bill.to_frame(table.order_by("hour", "account", "resource", "usage_type"))
    running, serving = rows[rows["runs"]], rows[~rows["runs"] & (rows["quantity"] > 0)]
    if running.empty:
        return Unknown(_QUESTION, f"this {bill.format} bill has no usage that is charged by the hour")
    if not _is_hourly(running):
        return Unknown(_QUESTION, "the bill is not hourly; ask AWS for an hourly export, or Cost Explorer for hours")
    notes = []
    if served is not None:
        amount = pandas.Series(dict(served), dtype=float)
        amount = amount[amount > 0] / _busy_hour(amount[amount > 0])
        is_noise = amount < share
    else:
        if reason := _unknown_traffic(serving):
            return Unknown(_QUESTION, f"{reason}; give served=")
        seen = running["account"].isin(serving["account"])
        if not seen.any():
            return Unknown(_QUESTION, "the bill shows traffic only in accounts where nothing runs; give served=")
        if left_out := sorted(set(running["account"][~seen])):
            notes.append(f"no line shows traffic in {', '.join(left_out)}: left out")
        running = running[seen]
        busy = serving.groupby(["resource", "usage_type"])["quantity"].transform(_busy_hour)
        relative = serving["quantity"] / busy
        amount = relative.groupby(serving["hour"]).max()
        noise = (relative < share) & (serving["quantity"] <= serving["usage_type"].map(_background))
        is_noise = noise.groupby(serving["hour"]).all()
    cost = running.groupby("hour")["cost"].sum()
    hours = pandas.DataFrame(
        {
            "cost": cost,
            "served": amount.reindex(cost.index, fill_value=0.0),
            "idle": is_noise.reindex(cost.index, fill_value=True).astype(bool),
        }
    )
    return IdleHours(hours, selection.currency, tuple(notes))


def _is_hourly(rows: pandas.DataFrame) -> bool:
    return not (rows["hour"].isna().any() or rows["longest"].isna().any() or rows["longest"].max() > _ONE_HOUR)


def _unknown_traffic(serving: pandas.DataFrame) -> str | None:
    """Why the traffic of what ran is not known; None if it is."""
    if serving.empty:
        return "the bill has no lines of traffic (capacity units, bytes)"
    if not _is_hourly(serving):
        return "the bill shows traffic by the day, not by the hour"
    is_anonymous = (serving["resource"] == "") & serving["usage_type"].str.contains("DataTransfer-Out-Bytes")
    if is_anonymous.all():
        return "the bill shows the bytes of the account, not which resource sent them: export it with resource ids"
    return None


def _busy_hour(amounts: pandas.Series) -> float:
    """The traffic of a busy hour: the largest amount but for the top tenth, and always but for the largest."""
    ordered = sorted(amounts)
    return float(ordered[int(BUSY * (len(ordered) - 1))]) if ordered else 1.0


def _background(usage_type: str) -> float:
    return next(amount for name, amount in BACKGROUND.items() if name in usage_type)
