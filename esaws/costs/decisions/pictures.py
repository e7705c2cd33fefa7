"""A sum by decision, as a picture: a bar for each, the dearest on top, and what would be left without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.chart import Chart

if TYPE_CHECKING:
    from esaws.costs.decisions.decided import Decided

_DECIDED, _LEFT, _GREY, _LEAST = "#ed7100", "#bfbfbf", "#5f6b7a", 0.005


def draw_decided(found: Decided, period: str = "") -> Chart:
    """What each decision costs, in USD, those that cost less than half a cent in a line below."""
    from matplotlib.figure import Figure

    frame = found.to_frame()
    shown, nothing = frame[frame.usd.abs() >= _LEAST], frame[frame.usd.abs() < _LEAST]
    figure = Figure(figsize=(10, 0.9 + 0.38 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for row, (name, usd) in enumerate(shown.usd.items()):
        decided = frame.index.get_loc(name) < len(found.parts)
        axes.barh(row, usd, height=0.62, color=_DECIDED if decided else _LEFT)
        axes.annotate(f"{usd:,.2f}", (max(usd, 0), row), (5, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(range(len(shown)), shown.index, fontsize=9)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(min(0, shown.usd.min()) if len(shown) else 0, 1.12 * max(shown.usd.max() if len(shown) else 0, 0.01))
    of = sum(float(part.share) for part in found.parts)
    title = f"{of:,.2f} of {found.total_usd:,.2f} USD were decided" + (f", {period}" if period else "")
    axes.set_title(title, loc="left", fontsize=11)
    if len(nothing):
        axes.set_xlabel(f"for nothing: {', '.join(nothing.index)}", fontsize=8.5, color=_GREY, loc="left")
    axes.set_xticks([])
    axes.tick_params(left=False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(_LEFT)
    return Chart(figure, title)
