"""Chart of forecasts: charges over the month, and below them until when something is free."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from esaws.chart import COLOURS, WIDTH, Chart
from esaws.costs.forecasting.cost_curve import breakpoints, charged_by
from esaws.costs.forecasting.result import Forecast, round_to_cent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"legacy": COLOURS[0], "credits": COLOURS[1], "none": "#3c3c3c"}
_NAMES = {"legacy": "with 12 months of allowances", "credits": "with credits", "none": "with neither"}
_GREY, _PALE = "#6e6e6e", "#bfbfbf"
_MIN_SAVING = Decimal(1)
"""USD: an allowance that saves less has no bar."""
_LABEL_GAP = 0.11
"""The least distance between the labels of two lines, as a fraction of the height."""
_PLOT_INCHES, _BAR_INCHES = 3.6, 0.25


class _FreePeriod(NamedTuple):
    """The hour until which something is free, in one regime or in several alike."""

    until: Decimal
    name: str
    colour: str


def draw_forecasts(forecasts: Sequence[Forecast]) -> Chart:
    """Draw what is to pay by each day, before tax: a line for each forecast, and a bar for each free period.

    All forecasts must be of the same time span.
    """
    from matplotlib.figure import Figure

    periods = _free_periods(forecasts)
    height = _PLOT_INCHES + _BAR_INCHES * len(periods) + (0.4 if periods else 0)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    if periods:
        ratio = [_PLOT_INCHES, _BAR_INCHES * len(periods) + 0.1]
        axes, bars = figure.subplots(2, 1, sharex=True, height_ratios=ratio)
        _draw_bars(bars, periods)
    else:
        axes = bars = figure.subplots()
    month = forecasts[0].month
    days = float(month.hours) / 24
    top = max(1.0, *(float(_to_pay(forecast, forecast.month.hours)) for forecast in forecasts))
    for forecast in forecasts:
        _draw_line(axes, forecast)
    _label_lines(axes, forecasts, days, top)
    axes.set_title(f"USD to pay, before tax, over {month}", loc="left", fontsize=11)
    axes.set_xlim(0, days)
    axes.set_ylim(0, top * 1.06)
    axes.spines["bottom"].set_zorder(0)  # a line at 0 runs along it
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    axes.tick_params(labelbottom=True)
    bars.set_xticks(range(0, int(days) + 1, 5))
    axes.set_xlabel("days", fontsize=9, color=_GREY)
    for plot in (axes, bars):
        plot.tick_params(labelsize=9, colors=_GREY)
        plot.spines[["top", "right"]].set_visible(False)
        plot.spines[["left", "bottom"]].set_color(_PALE)
        plot.set_axisbelow(True)
    sums = (f"{one.regime} {round_to_cent(one.total_usd - one.credits_usd)} USD" for one in forecasts)
    return Chart(figure, "; ".join(sums))


def _draw_line(axes: Axes, forecast: Forecast) -> None:
    hours = breakpoints(forecast.lines, forecast.month)
    if forecast.runway_days is not None and forecast.runway_days * 24 < forecast.month.hours:
        hours = sorted({*hours, forecast.runway_days * 24})
    days, paid = [float(hour) / 24 for hour in hours], [float(_to_pay(forecast, hour)) for hour in hours]
    axes.plot(days, paid, color=_COLOURS[forecast.regime], linewidth=2.2, clip_on=False)


def _label_lines(axes: Axes, forecasts: Sequence[Forecast], days: float, top: float) -> None:
    """Label the end of each line with its amount and regime, without overlaps."""
    lowest = -_LABEL_GAP
    for forecast in sorted(forecasts, key=lambda one: _to_pay(one, one.month.hours)):
        end = float(_to_pay(forecast, forecast.month.hours))
        lowest = max(end / top, lowest + _LABEL_GAP)
        style: Any = {"textcoords": "offset points", "annotation_clip": False, "va": "center"}
        style["color"] = _COLOURS[forecast.regime]
        amount = f"{'' if forecast.verified else '~'}{end:,.2f}"
        axes.annotate(amount, (days, lowest * top), (8, 5), fontsize=11, fontweight="bold", **style)
        axes.annotate(_NAMES[forecast.regime], (days, lowest * top), (8, -8), fontsize=8.5, **style)


def _draw_bars(axes: Axes, periods: Sequence[_FreePeriod]) -> None:
    for row, period in enumerate(periods):
        day = float(period.until) / 24
        axes.barh(row, day, height=0.34, color=period.colour, alpha=0.85)
        axes.annotate(
            f"{period.name}, until day {day:.1f}",
            (day, row),
            (6, 0),
            textcoords="offset points",
            annotation_clip=False,
            color=_GREY,
            fontsize=8.5,
            va="center",
        )
    axes.set_title("What is free, and until when", loc="left", fontsize=9, color=_GREY)
    axes.set_ylim(len(periods) - 0.5, -0.6)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)


def _to_pay(forecast: Forecast, hour: Decimal) -> Decimal:
    """The USD charged by an hour that credits do not pay."""
    return max(Decimal(0), charged_by(forecast.lines, forecast.month, hour) - forecast.credits)


def _free_periods(forecasts: Sequence[Forecast]) -> list[_FreePeriod]:
    """The free periods that end within the time span, by their end; those alike in several regimes once."""
    regimes: dict[tuple[Decimal, str], list[str]] = {}
    for forecast in forecasts:
        for used in forecast.free_tier:
            after = used.exhausted_after_h
            if after is not None and _saving(forecast, after) > _MIN_SAVING:
                name = f"{used.allowance.amount:,g} {_allowance_name(used.allowance.id, used.allowance.unit)}"
                regimes.setdefault((after, name), []).append(forecast.regime)
        if forecast.runway_days is not None and forecast.runway_days * 24 < forecast.month.hours:
            key = (forecast.runway_days * 24, f"{forecast.credits:g} USD of credits")
            regimes.setdefault(key, []).append(forecast.regime)
    return [
        _FreePeriod(until, name, _COLOURS[among[0]] if len(among) == 1 else _PALE)
        for (until, name), among in sorted(regimes.items())
    ]


def _saving(forecast: Forecast, until: Decimal) -> Decimal:
    """The USD charged for lines that are free until an hour."""
    return sum((line.usd or Decimal(0) for line in forecast.lines if line.free_until_h == until), Decimal(0))


def _allowance_name(id: str, unit: str) -> str:
    names = {
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
    return names.get(id, f"{unit} of {id.split()[0]}")
