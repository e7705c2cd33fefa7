"""Chart of unused resources: a bar for each, by its cost a month."""

from __future__ import annotations

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, OTHERS, figure_height, horizontal_bars, new_figure, shorten_name
from esaws.costs.analysis.selection import format_money
from esaws.costs.analysis.waste import Waste


def draw_waste(waste: Waste) -> Chart:
    """Draw a bar for each resource, by its cost a month; those that are not sure are grey."""
    if not waste.resources:
        figure, axes = new_figure(repr(waste), 0.8)
        axes.axis("off")
        return Chart(figure, repr(waste))
    height = figure_height(len(waste.resources))
    figure, axes = new_figure(repr(waste), height, f"{waste.currency} a month; grey: perhaps")
    names = [f"{one.rule.kind}: {shorten_name(one.name)}" for one in waste.resources]
    values = [float(one.monthly) for one in waste.resources]
    labels = [format_money(one.monthly, waste.currency) for one in waste.resources]
    colours = [COLOURS[0] if one.rule.sure == "yes" else OTHERS for one in waste.resources]
    horizontal_bars(axes, names, values, labels, colours)
    return Chart(figure, repr(waste))
