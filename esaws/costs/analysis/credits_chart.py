"""Chart of credits: what they paid of each day, and what is to pay."""

from __future__ import annotations

from typing import Any

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, GREY, escape_math, format_date_axis, new_figure
from esaws.costs.analysis.credits import Credits

_PAID, _TO_PAY = COLOURS[1], COLOURS[0]


def draw_credits(credits: Credits) -> Chart:
    """Draw a bar for each day: paid by credits in green, to pay in orange, with a line where credits ended."""
    title, _, state = repr(credits).partition("; ")
    if not credits.days:
        figure, axes = new_figure(title, 1.2, subtitle=state or "; ".join(credits.notes)[:120])
        axes.axis("off")
        return Chart(figure, title)
    figure, axes = new_figure(title, subtitle=f"{credits.currency} a day: paid by credits (green), to pay (orange)")
    if state:
        axes.set_title(escape_math(state), loc="right", fontsize=9, color=GREY)
    days: Any = [day.day for day in credits.days]
    paid = [float(day.paid) for day in credits.days]
    axes.bar(days, paid, color=_PAID, alpha=0.6, width=0.8)
    axes.bar(days, [float(day.used - day.paid) for day in credits.days], bottom=paid, color=_TO_PAY, width=0.8)
    if credits.ended_on:
        ended_on: Any = credits.ended_on
        axes.axvline(ended_on, color=GREY, linewidth=0.8, linestyle=":")
    axes.margins(x=0.01, y=0.12)
    format_date_axis(axes)
    return Chart(figure, title)
