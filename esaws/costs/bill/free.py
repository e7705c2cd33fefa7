"""Which usage a free tier covered.

In a CUR it is a row of usage at a rate of 0 that keeps its list price, or whose description names the free tier. (A
row may also cost nothing because so little was used; its rate is not 0.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

_NOTHING = ("0", *(f"0.{'0' * decimals}" for decimals in range(1, 19)))
"""How a rate of nothing is written."""

if TYPE_CHECKING:
    import ibis.expr.types as ir


def is_free(
    line_item_type: ir.StringValue | None,
    cost: ir.NumericValue,
    rate: ir.Value | None,
    list_cost: ir.NumericValue | None,
    description: ir.StringValue | None,
) -> ir.BooleanValue:
    """Whether a row is usage that a free tier covered; NULL where a row does not tell it.

    A rate may be text, as in AWS's Parquet files.
    """
    import ibis

    at_no_charge = cost == 0
    reasons = []
    if list_cost is not None:
        at_no_rate = at_no_charge if rate is None else rate.isin(_NOTHING) if rate.type().is_string() else rate == 0
        reasons.append(at_no_rate & (list_cost > 0))
    if description is not None:
        named = description.ilike("%free tier%") & ~description.ilike("%beyond%free tier%")
        reasons.append(named & at_no_charge)
    if not reasons:
        return ibis.literal(False)
    found = reasons[0] if len(reasons) == 1 else reasons[0] | reasons[1]
    return found if line_item_type is None else (line_item_type == "Usage") & found
