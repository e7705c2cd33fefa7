"""Chart of idle hours: a calendar with a square for each hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, GREY, new_figure
from esaws.costs.analysis.idle_hours import IdleHours

if TYPE_CHECKING:
    import pandas

_SERVED, _IDLE, _OFF = COLOURS[1], COLOURS[0], "#f2f2f2"


def draw_idle_hours(idle_hours: IdleHours) -> Chart:
    """Draw a square for each hour, a column for each day: served traffic, ran idle, or nothing ran."""
    from matplotlib.colors import ListedColormap

    figure, axes = new_figure(repr(idle_hours), subtitle="hours of each day, UTC")
    grid, days = _grid(idle_hours.hours)
    axes.pcolormesh(
        grid, cmap=ListedColormap([_OFF, _SERVED, _IDLE]), vmin=0, vmax=2, edgecolors="white", linewidth=0.6
    )
    axes.set_yticks([0.5, 6.5, 12.5, 18.5], ["0:00", "6:00", "12:00", "18:00"])
    axes.set_ylim(24, 0)
    step = -(-len(days) // 12)
    axes.set_xticks([at + 0.5 for at in range(0, len(days), step)], [f"{day:%b} {day.day}" for day in days[::step]])
    axes.tick_params(length=0, colors=GREY)
    axes.spines[:].set_visible(False)
    labels = {"served traffic": _SERVED, "ran idle": _IDLE}
    for at, (label, colour) in enumerate(labels.items()):
        offset = (-205 + 108 * at, 6)
        axes.annotate(f"■ {label}", (1, 1), offset, "axes fraction", "offset points", color=colour, fontsize=9)
    return Chart(figure, repr(idle_hours))


def _grid(hours: pandas.DataFrame) -> tuple[Any, list[Any]]:
    """(24 rows of 0 off, 1 served, 2 idle, one column a day; the days)."""
    import pandas

    days = list(pandas.date_range(hours.index.min().normalize(), hours.index.max().normalize()))
    state = hours["idle"].map({True: 2, False: 1})
    every_hour = pandas.date_range(days[0], periods=24 * len(days), freq="h")
    return state.reindex(every_hour, fill_value=0).to_numpy().reshape(len(days), 24).T, days
