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
    """Whether a row is usage that a free tier covered; never NULL.

    The conditions stand in the order of what they cost: few rows get to the last.
    """
    import ibis

    at_no_charge = cost == 0
    if line_item_type is not None:
        at_no_charge &= line_item_type == "Usage"
    reasons = []
    if list_cost is not None:
        reasons.append((list_cost > 0) & (rate == 0 if rate is not None else True))
    if description is not None:
        reasons.append(description.ilike("%free tier%") & ~description.ilike("%beyond%free tier%"))
    if not reasons:
        return ibis.literal(False)
    any_reason = reasons[0]
    for reason in reasons[1:]:
        any_reason |= reason
    return (at_no_charge & any_reason).fill_null(False)
