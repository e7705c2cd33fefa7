"""Parts that all charts of a bill share: the answer as the title, labels beside what they name, no legend."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill, shorten
from typing import TYPE_CHECKING

from esaws.chart import COLOURS as COLOURS
from esaws.chart import WIDTH, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from esaws.costs.analysis.selection import Unknown

OTHERS, GREY, PALE = "#bfbfbf", "#6e6e6e", "#bfbfbf"
MORE, LESS = COLOURS[0], COLOURS[1]
"""The colours of an increase and of a decrease."""
_MAX_NAME_LENGTH = 42


def new_figure(title: str, height: float = 3.6, subtitle: str = "") -> tuple[Figure, Axes]:
    """Make a figure with one plot; the title is the answer, the subtitle explains how to read the plot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    figure.suptitle(escape_math(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    if subtitle:
        axes.set_title(escape_math(subtitle), loc="left", fontsize=9, color=GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(labelsize=9, colors=GREY)
    axes.set_axisbelow(True)
    return figure, axes


def escape_math(text: str) -> str:
    """Escape what matplotlib would read as a formula."""
    return text.replace("$", r"\$")


def shorten_name(name: str) -> str:
    """Shorten a name to fit beside a bar; of an ARN only the resource part is kept."""
    if name.startswith("arn:"):
        name = name.split(":", 5)[-1]
    if len(name) <= _MAX_NAME_LENGTH:
        return name
    cut = shorten(name, _MAX_NAME_LENGTH, placeholder="…") if " " in name else ""
    half = _MAX_NAME_LENGTH // 2
    return cut if len(cut) > half else f"{name[:half]}…{name[-half + 1 :]}"


def horizontal_bars(
    axes: Axes,
    names: Sequence[str],
    values: Sequence[float],
    labels: Sequence[str],
    colours: Sequence[str],
    starts: Sequence[float] | None = None,
) -> None:
    """Draw horizontal bars from the top down, with the name on the left and the label at the end of each.

    Bars begin at 0, or at `starts`.
    """
    rows = range(len(names))
    begin = [0.0] * len(names) if starts is None else list(starts)
    ends = [start + value for start, value in zip(begin, values, strict=True)]
    axes.barh(rows, values, left=begin, color=colours, height=0.66)
    for row, end, value, text in zip(rows, ends, values, labels, strict=True):
        left = end < 0 and value < 0
        axes.annotate(
            escape_math(text),
            (end if left else max(end, end - value), row),
            (-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=9,
            color=GREY,
        )
    axes.set_yticks(rows, [escape_math(shorten_name(name)) for name in names])
    axes.tick_params(axis="y", length=0, labelcolor="#232f3e")
    axes.set_ylim(len(names) - 0.4, -0.6)
    low, high = min(0.0, 0.0, *begin, *ends), max(0.0, 0.0, *begin, *ends)
    width = (high - low) or 1.0
    room = width * min(0.6, 0.013 * max((len(text) for text in labels), default=0))
    axes.set_xlim(low - (room if low < 0 else 0), high + room)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    if low < 0:
        axes.axvline(0, color=PALE, linewidth=0.8)
        axes.spines["left"].set_visible(False)


def figure_height(rows: int) -> float:
    """The height in inches of a figure with this many bars."""
    return 1.0 + 0.34 * max(rows, 2)


def format_date_axis(axes: Axes) -> None:
    """Label the x axis with days."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    days = AutoDateLocator(minticks=3, maxticks=12)
    axes.xaxis.set_major_locator(days)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(days, show_offset=False))


def draw_unknown(unknown: Unknown) -> Chart:
    """Draw the reason in words: an empty plot would look like zero."""
    figure, axes = new_figure(f"Unknown: {unknown.question}", 1.6)
    axes.axis("off")
    reason = escape_math(fill(unknown.reason, 110))
    axes.annotate(reason, (0, 0.5), xycoords="axes fraction", color=GREY, fontsize=10, va="center")
    return Chart(figure, repr(unknown))
