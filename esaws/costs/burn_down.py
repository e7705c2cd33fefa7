"""How an allowance of the free tier burns down, hour by hour, out of the lines of a bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.chart import Chart

if TYPE_CHECKING:
    import pandas

ORANGE, GREY = "#ed7100", "#8c8c8c"


def burn_down(lines: pandas.DataFrame, usage_type: str) -> pandas.DataFrame:
    """What was used of a usage type since the beginning of the bill, and what of it was free.

    `lines` are those of a CUR 2.0 export; a line is free where its rate is 0 and its list price is not. One row an
    hour, by its beginning in UTC. Columns: used and free (in the unit of the usage), usd; all of them add up.
    """
    of_type = lines[(lines["line_item_usage_type"] == usage_type) & (lines["line_item_line_item_type"] == "Usage")]
    at_no_cost = (of_type["line_item_unblended_cost"] == 0) & (of_type["pricing_public_on_demand_cost"] > 0)
    hours = of_type.assign(
        used=of_type["line_item_usage_amount"],
        free=of_type["line_item_usage_amount"].where(at_no_cost, 0.0),
        usd=of_type["line_item_unblended_cost"],
    ).groupby("line_item_usage_start_date")[["used", "free", "usd"]]
    return hours.sum().cumsum().rename_axis("hour")


def draw_burn_down(frame: pandas.DataFrame, allowance: float, unit: str = "hours") -> Chart:
    """The burn-down as a picture: what is used, against what is free."""
    from matplotlib.figure import Figure

    frame = frame.round(1)
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(frame.index, frame["used"], color=ORANGE)
    axes.fill_between(frame.index, frame["free"], frame["used"], color=ORANGE, alpha=0.25)
    axes.axhline(allowance, color=GREY, linewidth=1, linestyle="--")
    axes.annotate(f"{allowance:g} {unit} are free", (frame.index[0], allowance), va="bottom", color=GREY, fontsize=9)
    last = frame["used"].iloc[-1]
    said = f"{last - frame['free'].iloc[-1]:,.0f} {unit} are charged "
    axes.annotate(said, (frame.index[-1], last / 2), ha="right", color=ORANGE, fontsize=9)
    axes.set_title(f"Used since the first of the month, in {unit}", loc="left", fontsize=10)
    axes.set_ylim(0, 1.05 * max(frame["used"].max(), allowance))
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    _days(axes)
    return Chart(figure, f"{frame['used'].iloc[-1]:,.0f} {unit} used, {allowance:g} free")


def _days(axes: object) -> None:
    from matplotlib.dates import ConciseDateFormatter, DayLocator

    days = DayLocator(interval=3)
    axes.xaxis.set_major_locator(days)  # type: ignore[attr-defined]
    axes.xaxis.set_major_formatter(ConciseDateFormatter(days))  # type: ignore[attr-defined]
