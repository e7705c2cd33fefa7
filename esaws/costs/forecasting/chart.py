"""A forecast as a picture: how the bill grows over the month, and below it until when something is free."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from esaws.chart import Chart
from esaws.costs.forecasting.cost_curve import bends, charged_by
from esaws.costs.forecasting.result import Forecast, cents

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"legacy": "#ed7100", "credits": "#8c4fff", "none": "#5a6b86"}
_NAMES = {"legacy": "with 12 months of allowances", "credits": "with credits", "none": "with neither"}
_GREY, _PALE = "#6e6e6e", "#bfbfbf"
_SMALL = Decimal(1)
"""USD: of an allowance that saves less than this nothing is said."""
_APART = 0.11
"""How far apart the ends of two lines are named at least, in parts of the height."""
_INCHES, _INCHES_A_ROW = 3.6, 0.25


class _Free(NamedTuple):
    """Something that is free until an hour, in one regime or in several alike."""

    until: Decimal
    what: str
    colour: str


def draw_forecast(*found: Forecast) -> Chart:
    """What is to pay by each day, before tax: a line for each forecast, and a bar for whatever ends in the time.

    The forecasts are of the same hours, as those that `forecasts` gives.
    """
    from matplotlib.figure import Figure

    ends = _ends(found)
    height = _INCHES + _INCHES_A_ROW * len(ends) + (0.4 if ends else 0)
    figure = Figure(figsize=(10, height), layout="constrained")
    if ends:
        ratio = [_INCHES, _INCHES_A_ROW * len(ends) + 0.1]
        axes, bars = figure.subplots(2, 1, sharex=True, height_ratios=ratio)
        _draw_bars(bars, ends)
    else:
        axes = bars = figure.subplots()
    days = float(found[0].month.hours) / 24
    top = max(1.0, *(float(_to_pay(each, each.month.hours)) for each in found))
    for each in found:
        _draw_line(axes, each)
    _name_lines(axes, found, days, top)
    axes.set_title(f"USD to pay, before tax, over {found[0].month}", loc="left", fontsize=11)
    axes.set_xlim(0, days)
    axes.set_ylim(0, top * 1.06)
    axes.spines["bottom"].set_zorder(0)  # what costs nothing runs along it
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    axes.tick_params(labelbottom=True)
    bars.set_xticks(range(0, int(days) + 1, 5))
    axes.set_xlabel("days", fontsize=9, color=_GREY)
    for each_axes in (axes, bars):
        each_axes.tick_params(labelsize=9, colors=_GREY)
        each_axes.spines[["top", "right"]].set_visible(False)
        each_axes.spines[["left", "bottom"]].set_color(_PALE)
        each_axes.set_axisbelow(True)
    return Chart(figure, "; ".join(f"{each.regime} {cents(each.total_usd - each.credits_usd)} USD" for each in found))


def _draw_line(axes: Axes, each: Forecast) -> None:
    hours = bends(each.lines, each.month)
    if each.runway_days is not None and each.runway_days * 24 < each.month.hours:
        hours = sorted({*hours, each.runway_days * 24})
    days, paid = [float(hour) / 24 for hour in hours], [float(_to_pay(each, hour)) for hour in hours]
    axes.plot(days, paid, color=_COLOURS[each.regime], linewidth=2.2, clip_on=False)


def _name_lines(axes: Axes, found: Sequence[Forecast], days: float, top: float) -> None:
    """Write at the end of each line what it comes to and of whom it is; none over another."""
    lowest = -_APART
    for each in sorted(found, key=lambda each: _to_pay(each, each.month.hours)):
        end = float(_to_pay(each, each.month.hours))
        lowest = max(end / top, lowest + _APART)
        style: Any = {"textcoords": "offset points", "annotation_clip": False, "va": "center"}
        style["color"] = _COLOURS[each.regime]
        amount = f"{'' if each.verified else '~'}{end:,.2f}"
        axes.annotate(amount, (days, lowest * top), (8, 5), fontsize=11, fontweight="bold", **style)
        axes.annotate(_NAMES[each.regime], (days, lowest * top), (8, -8), fontsize=8.5, **style)


def _draw_bars(axes: Axes, ends: Sequence[_Free]) -> None:
    """A bar for each thing as long as it is free."""
    for row, end in enumerate(ends):
        day = float(end.until) / 24
        axes.barh(row, day, height=0.34, color=end.colour, alpha=0.85)
        axes.annotate(
            f"{end.what}, until day {day:.1f}",
            (day, row),
            (6, 0),
            textcoords="offset points",
            annotation_clip=False,
            color=_GREY,
            fontsize=8.5,
            va="center",
        )
    axes.set_title("What is free, and until when", loc="left", fontsize=9, color=_GREY)
    axes.set_ylim(len(ends) - 0.5, -0.6)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)


def _to_pay(each: Forecast, hour: Decimal) -> Decimal:
    """What is charged by then, and credits do not pay."""
    return max(Decimal(0), charged_by(each.lines, each.month, hour) - each.credits)


def _ends(found: Sequence[Forecast]) -> list[_Free]:
    """What is free and ends within the time, by its end; what ends alike in several regimes once."""
    regimes: dict[tuple[Decimal, str], list[str]] = {}
    for each in found:
        for used in each.free_tier:
            after = used.exhausted_after_h
            if after is not None and _is_dear(each, after):
                what = f"{used.allowance.amount:,g} {_words(used.allowance.id, used.allowance.unit)}"
                regimes.setdefault((after, what), []).append(each.regime)
        if each.runway_days is not None and each.runway_days * 24 < each.month.hours:
            regimes.setdefault((each.runway_days * 24, f"{each.credits:g} USD of credits"), []).append(each.regime)
    return [
        _Free(until, what, _COLOURS[among[0]] if len(among) == 1 else _PALE)
        for (until, what), among in sorted(regimes.items())
    ]


def _is_dear(each: Forecast, until: Decimal) -> bool:
    return sum((line.usd or Decimal(0) for line in each.lines if line.free_until_h == until), Decimal(0)) > _SMALL


def _words(allowance: str, unit: str) -> str:
    """An allowance in words, by its id."""
    known = {
        "AmazonEC2 Hrs": "hours of instances",
        "AmazonEBS GB-Mo": "GB of disk",
        "AmazonVPC Hrs": "hours of public addresses",
        "AWSELB Hrs": "hours of load balancers",
        "AWSELB LCU-Hrs": "hours of capacity units",
        "AmazonRDS Hrs": "hours of databases",
        "AmazonElastiCache Hrs": "hours of caches",
        "AmazonMQ Hrs": "hours of brokers",
        "AWSDataTransfer GB": "GB to the internet",
    }
    return known.get(allowance, f"{unit} of {allowance.split()[0]}")
