"""Chart of a reachability matrix: a row for each destination and port, a column for each source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.chart import COLOURS, Chart
from esaws.inspect.network.endpoints import INTERNET

if TYPE_CHECKING:
    from esaws.inspect.network.matrix import ReachabilityMatrix

_INSIDE, _OPEN, _UNKNOWN, _DENIED, _TEXT = COLOURS[1], COLOURS[0], "#b8b8b8", "#f2f2f2", "#444444"
_CELL_INCHES = (0.62, 0.24)
_LABEL_INCHES = (3.1, 1.9)


def draw_matrix(matrix: ReachabilityMatrix) -> Chart:
    """Draw who reaches whom: blue from inside, vermillion from the internet, grey with a question mark if unknown.

    A denial is pale. A cell is white where the matrix has no question, such as an endpoint with itself.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure

    wide = matrix.pivot()
    rows, sources = len(wide), list(map(str, wide.columns))
    width = _LABEL_INCHES[0] + _CELL_INCHES[0] * max(len(sources), 1)
    figure = Figure(figsize=(width, _LABEL_INCHES[1] + _CELL_INCHES[1] * max(rows, 1)), layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("white")
    decisions = wide.to_numpy()
    asked = {
        (destination, f"{protocol} {port}", source)
        for source, destination, port, protocol, _ in matrix.to_frame().itertuples(index=False, name=None)
    }
    colours = [
        [
            to_rgb(_colour(decision, source) if (*place, source) in asked else "white")
            for decision, source in zip(row, sources, strict=True)
        ]
        for place, row in zip(wide.index, decisions, strict=True)
    ]
    if rows:
        axes.imshow(colours, aspect="auto")
    for down, row in enumerate(decisions):
        for across, decision in enumerate(row):
            if decision:
                mark = "?" if decision == "unknown" else "●"
                axes.text(across, down, mark, ha="center", va="center", color="white", fontsize=8)
    axes.set_xticks(range(len(sources)), [_short(source) for source in sources], rotation=40, ha="right")
    axes.set_yticks(range(rows), [f"{_short(place)}  {port}" for place, port in wide.index])
    axes.set_xticks([at - 0.5 for at in range(1, len(sources))], minor=True)
    axes.set_yticks([at - 0.5 for at in range(1, rows)], minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0, labelsize=8, colors=_TEXT)
    axes.spines[:].set_visible(False)
    title = _title(decisions, sources)
    axes.set_title(title, loc="left", fontsize=10, color=_TEXT)
    return Chart(figure, title)


def _colour(decision: str, source: str) -> str:
    if decision == "allow":
        return _OPEN if source == INTERNET else _INSIDE
    return _UNKNOWN if decision == "unknown" else _DENIED


def _short(name: str) -> str:
    """An endpoint without its kind, unless that is all that it has."""
    return str(name).rpartition("/")[2]


def _title(decisions: list[list[str]], sources: list[str]) -> str:
    """How many connections there are, and how many of them come from the internet."""
    allowed = sum(decision == "allow" for row in decisions for decision in row)
    column = sources.index(INTERNET) if INTERNET in sources else None
    opened = 0 if column is None else sum(row[column] == "allow" for row in decisions)
    return f"Who reaches whom: {allowed} connections, {opened} of them from the internet"
