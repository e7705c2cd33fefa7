"""A forecast as a picture: how the bill grows over the month, and when each allowance ends."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.chart import Chart
from esaws.costs.forecast.forecast import Forecast, cents

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"legacy": "#ed7100", "credits": "#8c4fff", "none": "#5a6b86"}
_NAMES = {
    "legacy": "with the allowances of the first 12 months",
    "credits": "with credits",
    "none": "with only what is free for all",
}
_GREY = "#8c8c8c"
_SMALL = Decimal("1")
"""USD: of an allowance that saves less than this nothing is said."""


def draw_forecasts(found: Sequence[Forecast]) -> Chart:
    """What is to pay, before tax, hour by hour: a line for each regime; marks where an allowance or the credits end."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure.subplots()
    days = float(max(each.month.hours for each in found)) / 24
    for each in found:
        _draw(axes, each)
    axes.set_title("USD to pay over the month, before tax", loc="left", fontsize=10)
    axes.set_xlim(0, days * 1.005)
    axes.set_ylim(bottom=0)
    axes.spines["bottom"].set_zorder(0)  # what costs nothing runs along it
    axes.set_xticks(range(0, int(days) + 1, 5))
    axes.set_xlabel("days", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return Chart(figure, "; ".join(f"{each.regime} {cents(each.total_usd - each.credits_usd)} USD" for each in found))


def _draw(axes: Axes, each: Forecast) -> None:
    hours = float(each.month.hours)
    bends = sorted({0.0, hours, *_ends(each)})
    if each.runway_days is not None and each.runway_days * 24 < hours:
        bends = sorted({*bends, float(each.runway_days) * 24})
    paid = [_by(each, hour) for hour in bends]
    shown = f"{paid[-1]:,.2f} USD {_NAMES[each.regime]}"
    axes.plot([hour / 24 for hour in bends], paid, color=_COLOURS[each.regime], linewidth=2, label=shown)
    for hour, text in _told(each).items():
        place: Any = (hour / 24, _by(each, hour))
        axes.plot(*place, "o", color=_COLOURS[each.regime], markersize=4)
        axes.annotate(text, place, (40, 2), textcoords="offset points", fontsize=8, color=_GREY, va="bottom")


def _ends(each: Forecast) -> list[float]:
    return [float(used.exhausted_after_h) for used in each.free_tier if used.exhausted_after_h is not None]


def _by(each: Forecast, hour: float) -> float:
    """What is to pay by then: a line costs nothing until its allowance is used up, and then its rate."""
    hours = float(each.month.hours)
    charged = 0.0
    for line in each.lines:
        whole, free = float(line.quantity), float(line.free_quantity)
        if line.usd and whole > free:
            after = max(0.0, whole * hour / hours - free)
            charged += float(line.usd) * after / (whole - free)
    return max(0.0, charged - float(each.credits))


def _told(each: Forecast) -> dict[float, str]:
    """The moments worth a word, those of one day together."""
    found: dict[int, list[tuple[float, str]]] = {}
    for used in each.free_tier:
        if used.exhausted_after_h is not None and _is_dear(each, used.allowance.service):
            hour = float(used.exhausted_after_h)
            found.setdefault(int(hour // 24), []).append(
                (hour, f"{used.allowance.amount:g} {_unit(used.allowance.unit)}")
            )
    told = {
        max(hour for hour, _ in some): f"{' and '.join(dict.fromkeys(text for _, text in some))} are used up"
        for some in found.values()
    }
    if each.runway_days is not None and each.runway_days * 24 < each.month.hours:
        told[float(each.runway_days) * 24] = f"{each.credits:g} USD of credits are used up"
    return told


def _is_dear(each: Forecast, service: str) -> bool:
    return sum((line.usd or 0 for line in each.lines if line.service == service), Decimal(0)) > _SMALL


def _unit(unit: str) -> str:
    return {"Hrs": "hours", "GB-Mo": "GB of disk"}.get(unit, unit)
