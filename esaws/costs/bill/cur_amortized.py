"""What a row of a CUR costs when fees paid up front are spread over what they cover.

https://docs.aws.amazon.com/cur/latest/userguide/amortized-reservation.html
https://docs.aws.amazon.com/cur/latest/userguide/cur-sp.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.costs.bill.format import column, first_known, number

if TYPE_CHECKING:
    import ibis.expr.types as ir

_OF_A_RESERVATION = "reservation_reservation_a_r_n"


def amortized(table: ir.Table, charged: ir.NumericValue, *, net: bool = False) -> ir.NumericValue:
    """The amortized cost; `charged` is what the row costs otherwise, and `net` takes the columns after discounts.

    - usage that a Savings Plan or a reservation covers costs its share of the fees;
    - a recurring fee costs what of it was not used;
    - fees paid up front, and the rows that balance what a Savings Plan covers, cost nothing.
    """
    import ibis

    kind = column(table, "line_item_line_item_type")
    if kind is None:
        return charged
    of_plan = _first(table, "savings_plan", "savings_plan_effective_cost", net)
    of_reservation = _first(table, "reservation", "effective_cost", net)
    unused_upfront = _first(table, "reservation", "unused_amortized_upfront_fee_for_billing_period", net)
    unused_recurring = _first(table, "reservation", "unused_recurring_fee", net)
    committed, used = (
        number(table, "savings_plan_total_commitment_to_date"),
        number(table, "savings_plan_used_commitment"),
    )
    cases = [(kind.isin(["SavingsPlanNegation", "SavingsPlanUpfrontFee"]), charged * 0)]
    if of_plan is not None:
        cases.append((kind == "SavingsPlanCoveredUsage", of_plan))
    if committed is not None and used is not None:
        cases.append((kind == "SavingsPlanRecurringFee", committed - used))
    if of_reservation is not None:
        cases.append((kind == "DiscountedUsage", of_reservation))
    if unused_upfront is not None and unused_recurring is not None:
        cases.append((kind == "RIFee", unused_upfront + unused_recurring))
    if (reservation := column(table, _OF_A_RESERVATION)) is not None:
        cases.append(((kind == "Fee") & (reservation.fill_null("") != ""), charged * 0))
    return ibis.cases(*cases, else_=charged).fill_null(charged)


def _first(table: ir.Table, group: str, name: str, net: bool) -> ir.NumericValue | None:
    """A column of a group, after discounts where it is asked for and there."""
    plain = number(table, f"{group}_{name}")
    return first_known(number(table, f"{group}_net_{name}"), plain) if net else plain
