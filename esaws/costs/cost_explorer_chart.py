"""Chart of spending: a stacked bar for each day."""

from __future__ import annotations

from esaws.chart import WIDTH, Chart
from esaws.costs.analysis.charts import COLOURS, OTHERS
from esaws.costs.cost_explorer import Spending

_MIN_USD = 0.01
"""Values that come to less in all are not drawn."""


def draw_spending(spending: Spending) -> Chart:
    """Draw a stacked bar for each day: the five most expensive values, and all others together."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    title = repr(spending)
    frame = spending.rows
    if frame.empty:
        axes.set_title("no charges", loc="left", fontsize=10)
        axes.axis("off")
        return Chart(figure, title)
    days = frame.pivot_table(index="day", columns=spending.by, values="usd", aggfunc="sum", fill_value=0.0).round(2)
    sums = days.sum().sort_values(ascending=False, kind="stable")
    values = sums.index[sums >= _MIN_USD]
    dearest = values[: len(COLOURS)]
    bars = days[dearest].copy()
    if len(values) > len(dearest):
        bars["all others"] = days[values[len(dearest) :]].sum(axis="columns")
    bottom = 0.0
    for name, colour in zip(bars.columns, (*COLOURS[: len(dearest)], OTHERS), strict=False):
        axes.bar(bars.index.day, bars[name], bottom=bottom, color=colour, label=name, width=0.8)
        bottom = bars[name] + bottom
    whole = f"{spending.total_usd:.2f} in all"
    if spending.credits_usd:
        paid = f"{spending.credits_usd:.2f} paid by credits"
        whole = f"{spending.total_usd:.2f} used, {paid}, {spending.to_pay_usd:.2f} to pay"
    axes.set_title(f"USD a day, {frame['day'].min():%B %Y}: {whole}", loc="left", fontsize=10)
    axes.set_ylim(0, 1.05 * max(bars.sum(axis="columns").max(), _MIN_USD))
    axes.set_xlabel("day of the month", fontsize=9)
    axes.set_xticks(range(1, int(bars.index.day.max()) + 1, 2))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    figure.legend(frameon=False, fontsize=8, loc="outside right upper", reverse=True)
    return Chart(figure, title)
