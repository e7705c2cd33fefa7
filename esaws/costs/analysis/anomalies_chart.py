"""Chart of anomalies: a bar for each day, the unusual ones coloured and labelled."""

from __future__ import annotations

from esaws.chart import Chart
from esaws.costs.analysis.anomalies import Anomalies
from esaws.costs.analysis.charts import COLOURS, GREY, OTHERS, escape_math, format_date_axis, new_figure
from esaws.costs.analysis.selection import format_money

_MAX_LABELS = 3


def draw_anomalies(anomalies: Anomalies) -> Chart:
    """Draw a bar for each day; the most expensive unusual days have a label."""
    figure, axes = new_figure(repr(anomalies), subtitle=f"{anomalies.currency} a day, one-off charges left out")
    days, costs = [day for day, _ in anomalies.by_day], [float(cost) for _, cost in anomalies.by_day]
    unusual = anomalies.unusual
    colours = [COLOURS[0] if any(one.first <= day <= one.last for one in unusual) else OTHERS for day in days]
    axes.bar(days, costs, color=colours, width=0.8)  # type: ignore[arg-type]
    top = max((*costs, 0.01))
    cost_of = dict(zip(days, costs, strict=True))
    lowest = 0.0
    for anomaly in sorted(unusual[:_MAX_LABELS], key=lambda one: cost_of[one.first]):
        end = lowest = max(cost_of[anomaly.first], lowest + top * 0.1)
        name = anomaly.usage_type or anomaly.service
        is_right = days.index(anomaly.first) > len(days) / 2
        axes.annotate(
            escape_math(f"{name}: {format_money(anomaly.above, anomalies.currency)} above"),
            (anomaly.first, end),
            (-8 if is_right else 8, 6),
            textcoords="offset points",
            ha="right" if is_right else "left",
            color=GREY,
            fontsize=9,
        )
    axes.set_ylim(min((*costs, 0.0)), top * 1.2)
    format_date_axis(axes)
    return Chart(figure, repr(anomalies))
