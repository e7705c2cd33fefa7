"""A sum by decision, as a picture: a bar for each, the dearest on top, and what would be left without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, OTHERS, bars, canvas, height_of

if TYPE_CHECKING:
    from esaws.costs.attribution.attribution import Decided

_LEAST = 0.005


def draw_decided(found: Decided, period: str = "") -> Chart:
    """What each decision costs, in USD; those that cost less than half a cent are named below the title."""
    frame = found.to_frame()
    shown, nothing = frame[frame.usd.abs() >= _LEAST], frame[frame.usd.abs() < _LEAST]
    decided = {part.name for part in found.parts}
    of = sum(float(part.share) for part in found.parts)
    title = f"{of:,.2f} of {found.total_usd:,.2f} USD were decided" + (f", {period}" if period else "")
    beneath = "USD by decision; grey: what is left without them"
    beneath += f"; for nothing: {', '.join(nothing.index)}" if len(nothing) else ""
    figure, axes = canvas(title, height_of(len(shown)), beneath)
    colours = [COLOURS[0] if name in decided else OTHERS for name in shown.index]
    bars(axes, list(shown.index), shown.usd.tolist(), [f"{usd:,.2f}" for usd in shown.usd], colours)
    return Chart(figure, title)
