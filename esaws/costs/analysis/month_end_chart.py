"""What the month will come to, as a picture: what is charged so far, how it goes on, and how sure that is."""

from __future__ import annotations

from typing import Any

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, GREY, canvas, draw_unknown, plain
from esaws.costs.analysis.month_end import Outlook
from esaws.costs.analysis.selection import Unknown, days_in, money


def draw_outlook(found: Outlook | Unknown) -> Chart:
    """A line to the last complete day, a broken one to the end of the month, and the band at its end."""
    if isinstance(found, Unknown):
        return draw_unknown(found)
    length, colour = days_in(found.period), COLOURS[0]
    least = "at least " if found.at_least else ""
    title = f"{found.period:%B} will come to {least}{money(found.point, found.currency)}"
    if found.low is not None and found.high is not None and found.high > found.low:
        title += f", with 80 % between {found.low:,.2f} and {found.high:,.2f}"
    if found.days == length:
        title = f"{found.period:%B} came to {money(found.point, found.currency)}"
    figure, axes = canvas(title, beneath=f"{found.currency} charged by the end of each day")
    line = [(0, 0.0), *((day, float(usd)) for day, usd in found.charged)]
    done, ahead = [each for each in line if each[0] <= found.days], [each for each in line if each[0] >= found.days]
    axes.plot(*zip(*done, strict=True), color=colour, linewidth=2.4)
    axes.plot(*zip(*ahead, strict=True), color=colour, linewidth=1.8, linestyle=(0, (4, 2)))
    top, low = max(usd for _, usd in line), min(0.0, *(usd for _, usd in line))
    if found.low is not None and found.high is not None and found.days < length:
        axes.fill_between(
            [day for day, _ in ahead],
            [_between(day, found, float(found.low - found.point), length) + usd for day, usd in ahead],
            [_between(day, found, float(found.high - found.point), length) + usd for day, usd in ahead],
            color=colour,
            alpha=0.16,
            linewidth=0,
        )
        top, low = max(top, float(found.high)), min(low, float(found.low))
    height = (top - low) or 1.0
    axes.set_ylim(low - 0.06 * height, top + 0.12 * height)
    axes.set_xlim(0, length)
    style: Any = {"textcoords": "offset points", "fontsize": 9, "annotation_clip": False}
    end = (length, float(found.point))
    axes.annotate(plain(money(found.point, found.currency)), end, (6, 0), va="center", color=colour, **style)
    if found.days < length:
        so_far = (found.days, done[-1][1])
        axes.plot(*so_far, "o", color=colour, markersize=5)
        label = f"{money(done[-1][1], found.currency)} until day {found.days}"
        late = found.days > 0.8 * length
        beside: Any = {"xytext": (-6 if late else 8, 10 if late else -5), "ha": "right" if late else "left"}
        axes.annotate(plain(label), so_far, va="center_baseline", color=GREY, **beside, **style)
    for at, (what, day) in enumerate(found.runs_out):
        axes.axvline(float(day), color=GREY, linewidth=0.8, linestyle=":")
        place = (float(day), top + height * (0.06 - 0.09 * at))
        late = float(day) > 0.7 * length
        axes.annotate(
            plain(f"{what}: nothing free is left on day {day:.1f}"),
            place,
            (-4 if late else 4, 0),
            ha="right" if late else "left",
            color=GREY,
            **style,
        )
    axes.set_xticks(range(0, length + 1, 5))
    axes.set_xlabel(f"day of {found.period:%B %Y}", fontsize=9, color=GREY)
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    return Chart(figure, title)


def _between(day: int, found: Outlook, end: float, length: int) -> float:
    """How far the band is open on a day: nothing now, all of it at the end."""
    return end * ((day - found.days) / (length - found.days)) ** 0.5
