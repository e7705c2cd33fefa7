"""Chart of a projected month: charges so far, the projection, and its range."""

from __future__ import annotations

from typing import Any

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, GREY, escape_math, new_figure
from esaws.costs.analysis.month_end import MonthEnd
from esaws.costs.analysis.selection import days_in_month, format_money


def draw_month_end(month_end: MonthEnd) -> Chart:
    """Draw a solid line to the last complete day, a dashed one to the end of the month, and the range."""
    length, colour = days_in_month(month_end.period), COLOURS[0]
    low, high, expected, days = month_end.low, month_end.high, month_end.expected, month_end.complete_days
    before = f", before credits; {month_end.after_credits}" if month_end.credits else ""
    title = month_end.sentence(f"{month_end.period:%B}")
    figure, axes = new_figure(title, subtitle=f"{month_end.currency} charged by the end of each day{before}")
    line = [(0, 0.0), *((day, float(usd)) for day, usd in month_end.cumulative)]
    billed, projected = [point for point in line if point[0] <= days], [point for point in line if point[0] >= days]
    axes.plot(*zip(*billed, strict=True), color=colour, linewidth=2.4)
    axes.plot(*zip(*projected, strict=True), color=colour, linewidth=1.8, linestyle=(0, (4, 2)))
    top, bottom = max(usd for _, usd in line), min(0.0, *(usd for _, usd in line))
    if low is not None and high is not None and days < length:
        axes.fill_between(
            [day for day, _ in projected],
            [_range_at(day, month_end, float(low - expected), length) + usd for day, usd in projected],
            [_range_at(day, month_end, float(high - expected), length) + usd for day, usd in projected],
            color=colour,
            alpha=0.16,
            linewidth=0,
        )
        top, bottom = max(top, float(high)), min(bottom, float(low))
    height = (top - bottom) or 1.0
    axes.set_ylim(bottom - 0.06 * height, top + 0.12 * height)
    axes.set_xlim(0, length)
    style: Any = {"textcoords": "offset points", "fontsize": 9, "annotation_clip": False}
    end = (length, float(expected))
    axes.annotate(
        escape_math(format_money(expected, month_end.currency)), end, (6, 0), va="center", color=colour, **style
    )
    if days < length:
        so_far = (days, billed[-1][1])
        axes.plot(*so_far, "o", color=colour, markersize=5)
        label = f"{format_money(billed[-1][1], month_end.currency)} until day {days}"
        late = days > 0.8 * length
        offset: Any = {"xytext": (-6 if late else 8, 10 if late else -5), "ha": "right" if late else "left"}
        axes.annotate(escape_math(label), so_far, va="center_baseline", color=GREY, **offset, **style)
    for at, (allowance, day) in enumerate(month_end.exhausted):
        axes.axvline(float(day), color=GREY, linewidth=0.8, linestyle=":")
        late = float(day) > 0.7 * length
        axes.annotate(
            escape_math(f"{allowance}: nothing free is left on day {day:.1f}"),
            (float(day), top + height * (0.06 - 0.09 * at)),
            (-4 if late else 4, 0),
            ha="right" if late else "left",
            color=GREY,
            **style,
        )
    axes.set_xticks(range(0, length + 1, 5))
    axes.set_xlabel(f"day of {month_end.period:%B %Y}", fontsize=9, color=GREY)
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    return Chart(figure, f"{title}; {month_end.after_credits}" if month_end.credits else title)


def _range_at(day: int, month_end: MonthEnd, end: float, length: int) -> float:
    """The width of the range on a day: nothing on the last complete day, all of it at the end of the month."""
    return end * ((day - month_end.complete_days) / (length - month_end.complete_days)) ** 0.5
