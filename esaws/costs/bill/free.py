"""Which usage a free tier covered.

In a CUR it is a row of usage at a rate of 0 that keeps its list price, or whose description names the free tier. (A
row may also cost nothing because so little was used; its rate is not 0.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def is_free(
    line_item_type: ir.StringValue | None,
    cost: ir.NumericValue,
    rate: ir.NumericValue | None,
    list_cost: ir.NumericValue | None,
    description: ir.StringValue | None,
) -> ir.BooleanValue:
    """Whether a row is usage that a free tier covered; NULL where a row does not tell it.

    The conditions stand in the order of what they cost: few rows get to the last.
    """
    import ibis

    reasons = []
    if list_cost is not None:
        reasons.append((list_cost > 0) & (rate == 0) if rate is not None else list_cost > 0)
    if description is not None:
        reasons.append(description.ilike("%free tier%") & ~description.ilike("%beyond%free tier%"))
    if not reasons:
        return ibis.literal(False)
    found = cost == 0
    if line_item_type is not None:
        found &= line_item_type == "Usage"
    return found & (reasons[0] if len(reasons) == 1 else reasons[0] | reasons[1])
