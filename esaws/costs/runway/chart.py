"""Chart of the credit runway: what is left of the credits from today on, at each pace."""

from __future__ import annotations

from typing import Any

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, GREY, escape_math, format_date_axis, new_figure
from esaws.costs.runway.result import CreditRunway


def draw_runway(runway: CreditRunway) -> Chart:
    """Draw a line for each pace down to the day on which the credits end; in words where that is not known."""
    title, _, month = repr(runway).partition("; ")
    ending = [one for one in runway.estimates if one.ends_on]
    if not ending or runway.left is None:
        figure, axes = new_figure(title, 1.2, subtitle=runway.reason)
        axes.axis("off")
        return Chart(figure, title)
    figure, axes = new_figure(title, subtitle=f"{month}. USD of credits that are left, at each pace:")
    today, left = runway.facts.today, float(runway.left)
    for one, colour in zip(ending, COLOURS, strict=False):
        days: Any = [today, one.ends_on]
        rest = max(0.0, left - float(one.usd_per_day) * (days[1] - today).days)
        axes.plot(days, [left, rest], color=colour, linewidth=1.6, label=f"{one.pace}: {one.usd_per_day:,.2f} a day")
    if runway.ends_at_latest:
        limit: Any = runway.ends_at_latest
        axes.axvline(limit, color=GREY, linewidth=0.8, linestyle=":")
        axes.annotate(
            escape_math("the plan ends, or the credits expire"),
            (limit, left),
            (-4, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=9,
            color=GREY,
        )
    axes.set_ylim(0, left * 1.05)
    axes.legend(frameon=False, fontsize=9, loc="upper right" if not runway.ends_at_latest else "lower left")
    format_date_axis(axes)
    return Chart(figure, title)
