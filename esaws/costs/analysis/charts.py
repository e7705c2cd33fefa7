"""What all pictures of a bill share: an answer as title, names beside what they name, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill, shorten
from typing import TYPE_CHECKING

from esaws.chart import Chart
from esaws.costs.analysis.selection import Unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#ed7100", "#8c4fff", "#c925d1", "#7aa116", "#01a88d")
"""Of AWS's icons: compute, network, databases, storage, integration."""
OTHERS, GREY, PALE = "#bfbfbf", "#6e6e6e", "#bfbfbf"
MORE, LESS = "#d13212", "#1d8102"
"""What costs more and what costs less."""
_WIDEST = 42


def canvas(title: str, height: float = 3.6, beneath: str = "") -> tuple[Figure, Axes]:
    """A figure with one plot, the answer above it and, smaller, how it is to be read."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, height), layout="constrained")
    axes = figure.subplots()
    figure.suptitle(plain(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    if beneath:
        axes.set_title(plain(beneath), loc="left", fontsize=9, color=GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(labelsize=9, colors=GREY)
    axes.set_axisbelow(True)
    return figure, axes


def plain(text: str) -> str:
    """Text without what matplotlib would read as a formula."""
    return text.replace("$", r"\$")


def brief(name: str) -> str:
    """A name as far as there is room for it; of an ARN its end, which tells them apart."""
    if name.startswith("arn:"):
        name = name.split(":", 5)[-1]
    if len(name) <= _WIDEST:
        return name
    cut = shorten(name, _WIDEST, placeholder="…") if " " in name else ""
    return cut if len(cut) > _WIDEST / 2 else f"{name[: _WIDEST // 2]}…{name[-_WIDEST // 2 + 1 :]}"


def bars(
    axes: Axes,
    names: Sequence[str],
    values: Sequence[float],
    said: Sequence[str],
    colours: Sequence[str],
    starts: Sequence[float] | None = None,
) -> None:
    """Horizontal bars from the top, the name at the left and what it comes to at the end of each.

    They begin at 0, or in `starts`.
    """
    rows = range(len(names))
    begin = [0.0] * len(names) if starts is None else list(starts)
    ends = [start + value for start, value in zip(begin, values, strict=True)]
    axes.barh(rows, values, left=begin, color=colours, height=0.66)
    for row, end, value, text in zip(rows, ends, values, said, strict=True):
        left = end < 0 and value < 0
        axes.annotate(
            plain(text),
            (end if left else max(end, end - value), row),
            (-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=9,
            color=GREY,
        )
    axes.set_yticks(rows, [plain(brief(name)) for name in names])
    axes.tick_params(axis="y", length=0, labelcolor="#232f3e")
    axes.set_ylim(len(names) - 0.4, -0.6)
    low, high = min(0.0, 0.0, *begin, *ends), max(0.0, 0.0, *begin, *ends)
    width = (high - low) or 1.0
    room = width * min(0.6, 0.013 * max((len(text) for text in said), default=0))
    axes.set_xlim(low - (room if low < 0 else 0), high + room)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    if low < 0:
        axes.axvline(0, color=PALE, linewidth=0.8)
        axes.spines["left"].set_visible(False)


def height_of(rows: int) -> float:
    """The height of a figure with so many bars, in inches."""
    return 1.0 + 0.34 * max(rows, 2)


def dated(axes: Axes) -> None:
    """Days below a plot."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    days = AutoDateLocator(minticks=3, maxticks=12)
    axes.xaxis.set_major_locator(days)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(days, show_offset=False))


def draw_unknown(unknown: Unknown) -> Chart:
    """That nobody knows, and why: never a picture of nothing, which would look like zero."""
    figure, axes = canvas(f"Unknown: {unknown.question}", 1.6)
    axes.axis("off")
    why = plain(fill(unknown.why, 110))
    axes.annotate(why, (0, 0.5), xycoords="axes fraction", color=GREY, fontsize=10, va="center")
    return Chart(figure, repr(unknown))
