"""Month over month: the effects of two months add up to their difference, and each change has the right reason."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.costs.analysis.month_over_month import (
    EFFECTS,
    CostChange,
    MonthlyAmount,
    MonthOverMonth,
    explain_change,
    month_over_month,
)
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from esaws.errors import UsageError
from tests.bills.writing import Line, cur, explorer, parquet

pytestmark = pytest.mark.slow

JANUARY, FEBRUARY = datetime(2026, 1, 1), datetime(2026, 2, 1)
WHOLE_BILLS = 100 if os.environ.get("SOAK") == "1" else 1


def bill_of(folder: Path, lines: Sequence[Line]) -> Bill:
    lines = [replace(line, id=f"id-{at}") for at, line in enumerate(lines)]
    return read_bill(parquet(folder / "bill.parquet", [cur(line) for line in lines], floats=False))


def paid(start: datetime, quantity: str, rate: str = "0.0132", **columns: str) -> Line:
    cost = Decimal(quantity) * Decimal(rate)
    amounts = {"quantity": Decimal(quantity), "rate": Decimal(rate), "cost": cost, "list_cost": cost}
    return replace(Line(start), hours=24, **amounts, **columns)  # type: ignore[arg-type]


def free(start: datetime, quantity: str) -> Line:
    return replace(paid(start, quantity), rate=Decimal(0), cost=Decimal(0), description="under monthly free tier")


def complete(lines: Sequence[Line]) -> list[Line]:
    """Add a line on the last day of both months, so that these are complete."""
    last_days = datetime(2026, 1, 31), datetime(2026, 2, 28)
    return [*lines, *(paid(day, "1", usage_type="Last") for day in last_days)]


def compare(bill: Bill) -> MonthOverMonth:
    result = month_over_month(bill)
    assert isinstance(result, MonthOverMonth), result
    return result


def only_change(folder: Path, *lines: Line) -> CostChange:
    (change,) = [change for change in compare(bill_of(folder, complete(lines))).changes if change.usage_type != "Last"]
    return change


def test_another_quantity_and_another_rate_are_separate_effects(tmp_path: Path) -> None:
    change = only_change(tmp_path, paid(JANUARY, "100", "0.01"), paid(FEBRUARY, "300", "0.02"))
    assert (change.before, change.after) == (1, 6)
    assert (change.quantity, change.rate, change.free_tier) == (2, 3, 0)


def test_the_end_of_the_free_tier_is_its_own_effect(tmp_path: Path) -> None:
    change = only_change(tmp_path, free(JANUARY, "700"), paid(FEBRUARY, "700"))
    assert (change.quantity, change.rate, change.free_tier) == (0, 0, Decimal("9.24"))


def test_new_and_gone_usage_have_their_own_effects(tmp_path: Path) -> None:
    assert only_change(tmp_path, paid(FEBRUARY, "100")).new == Decimal("1.32")
    assert only_change(tmp_path, paid(JANUARY, "100")).gone == Decimal("-1.32")


def test_months_of_different_length_are_compared_over_the_same_days(tmp_path: Path) -> None:
    lines = [paid(datetime(2026, 1, day), "24") for day in range(1, 32)]
    lines += [paid(datetime(2026, 2, day), "24") for day in range(1, 29)]
    result = compare(bill_of(tmp_path, lines))
    assert result.days == 28
    assert result.total_before == result.total_after
    assert (result.left_out_before, result.left_out_after) == (3 * 24 * Decimal("0.0132"), 0)


def test_a_running_month_is_compared_over_its_complete_days(tmp_path: Path) -> None:
    lines = [paid(datetime(2026, 1, day), "24") for day in range(1, 32)]
    lines += [paid(datetime(2026, 2, day), "48") for day in range(1, 6)]
    result = compare(bill_of(tmp_path, lines))
    assert result.days == 5
    assert result.effects()["quantity"] == 5 * 24 * Decimal("0.0132") == result.total_after - result.total_before


def test_a_single_month_is_unknown_and_a_missing_month_is_an_error(tmp_path: Path) -> None:
    bill = bill_of(tmp_path, [paid(JANUARY, "1")])
    assert isinstance(month_over_month(bill), Unknown)
    with pytest.raises(UsageError, match="2026-03"):
        month_over_month(bill, date(2026, 1, 1), date(2026, 3, 1))
    with pytest.raises(UsageError, match="choose two"):
        month_over_month(bill, date(2026, 1, 1), date(2026, 1, 5))


def test_costs_without_quantities_have_no_known_reason(tmp_path: Path) -> None:
    path = tmp_path / "ce.json"
    path.write_text(json.dumps(explorer(complete([paid(JANUARY, "100"), paid(FEBRUARY, "300")]), "SERVICE")))
    result = compare(read_bill(path))
    assert result.effects()["other"] == result.total_after - result.total_before > 0


AMOUNTS = st.none() | st.builds(
    MonthlyAmount,
    cost=st.decimals(-20, 90, places=8),
    quantity=st.decimals(-5, 900, places=7),
    free=st.decimals(0, 900, places=7),
    has_quantity=st.booleans(),
)


@given(AMOUNTS, AMOUNTS)
def test_the_effects_of_a_change_add_up_to_its_difference(
    before: MonthlyAmount | None, after: MonthlyAmount | None
) -> None:
    change = explain_change(("EC2", "Box", "Run", "Usage"), before, after)
    assert sum(getattr(change, name) for name in EFFECTS) == change.difference
    assert (change.before, change.after) == tuple(amount.cost if amount else 0 for amount in (before, after))


LINES = st.builds(
    lambda month, day, usage_type, kind, quantity, cost, is_free: replace(
        Line(month.replace(day=day)),
        usage_type=usage_type,
        kind=kind,
        quantity=quantity,
        hours=24,
        rate=Decimal(0) if is_free else Decimal("0.5"),
        cost=Decimal(0) if is_free else cost,
        list_cost=Decimal(1),
    ),
    st.sampled_from([JANUARY, FEBRUARY]),
    st.integers(1, 28),
    st.sampled_from(["A", "B"]),
    st.sampled_from(["Usage", "Usage", "Tax", "Credit"]),
    st.decimals(-5, 900, places=7),
    st.decimals(-20, 90, places=8),
    st.booleans(),
)


@settings(max_examples=WHOLE_BILLS)
@given(st.lists(LINES, min_size=6, max_size=12))
def test_the_effects_add_up_to_the_difference_in_any_bill(lines: list[Line]) -> None:
    with TemporaryDirectory() as folder:
        result = compare(bill_of(Path(folder), complete(lines)))
    february = sum(line.cost for line in complete(lines) if line.start >= FEBRUARY)
    assert result.total_after + result.left_out_after == february
    assert sum(result.effects().values()) == result.total_after - result.total_before


def test_the_chart_names_the_difference_and_its_reason(tmp_path: Path) -> None:
    gateway = paid(JANUARY, "50", usage_type="NatGateway-Hours")
    result = compare(bill_of(tmp_path, complete([free(JANUARY, "700"), paid(FEBRUARY, "700"), gateway])))
    chart = result.draw()
    assert chart.title == "February cost 8.59 USD more than January, mostly because less of it was free (+9.24)"
    assert chart._repr_svg_() == result.draw()._repr_svg_()
    assert result.to_dict()["effects"]["free_tier"] == 9.24
