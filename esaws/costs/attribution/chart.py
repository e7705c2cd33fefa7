"""Chart of a cost attribution: a bar for each decision, and for what is left without them."""

from __future__ import annotations

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, OTHERS, figure_height, horizontal_bars, new_figure
from esaws.costs.attribution.attribution import CostAttribution

_VISIBLE_USD = 0.005


def draw_attribution(attribution: CostAttribution, period: str = "") -> Chart:
    """Draw a bar for each share; those below half a cent are listed in the subtitle."""
    frame = attribution.to_frame()
    visible, hidden = frame[frame.usd.abs() >= _VISIBLE_USD], frame[frame.usd.abs() < _VISIBLE_USD]
    names = {share.name for share in attribution.decisions}
    decided = sum(float(share.usd) for share in attribution.decisions)
    title = f"{decided:,.2f} of {attribution.total_usd:,.2f} USD were decided" + (f", {period}" if period else "")
    subtitle = "USD by decision; grey: what is left without them"
    subtitle += f"; for nothing: {', '.join(hidden.index)}" if len(hidden) else ""
    figure, axes = new_figure(title, figure_height(len(visible)), subtitle)
    colours = [COLOURS[0] if name in names else OTHERS for name in visible.index]
    labels = [f"{usd:,.2f}" for usd in visible.usd]
    horizontal_bars(axes, list(visible.index), visible.usd.tolist(), labels, colours)
    return Chart(figure, title)
