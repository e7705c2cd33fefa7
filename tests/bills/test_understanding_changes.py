"""What changed: the effects of any two months add up to the difference, and each change is named by its reason."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.costs.analysis.month_over_month import EFFECTS, Change, Changes, changes
from esaws.costs.analysis.month_over_month_chart import draw_changes
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from esaws.errors import UsageError
from tests.bills.writing import Line, cur, explorer, parquet

JANUARY, FEBRUARY = datetime(2026, 1, 1), datetime(2026, 2, 1)


def bill_of(folder: Path, lines: Sequence[Line]) -> Bill:
    named = [replace(line, id=f"id-{at}") for at, line in enumerate(lines)]
    return read_bill(parquet(folder / "bill.parquet", [cur(line) for line in named], floats=False))


def paid(start: datetime, quantity: str, rate: str = "0.0132", **of: str) -> Line:
    cost = Decimal(quantity) * Decimal(rate)
    return replace(
        Line(start), quantity=Decimal(quantity), rate=Decimal(rate), cost=cost, list_cost=cost, hours=24, **of
    )


def free(start: datetime, quantity: str) -> Line:
    line = paid(start, quantity)
    return replace(line, rate=Decimal(0), cost=Decimal(0), description="under monthly free tier")


def known(found: Changes | Unknown) -> Changes:
    assert isinstance(found, Changes), found
    return found


def whole(lines: Sequence[Line]) -> list[Line]:
    """The same, with the last day of both months, so that these are complete."""
    ends = [paid(datetime(2026, 1, 31), "1", usage_type="Ends"), paid(datetime(2026, 2, 28), "1", usage_type="Ends")]
    return [*lines, *ends]


def only(tmp_path: Path, *lines: Line) -> Change:
    found = known(changes(bill_of(tmp_path, whole(lines))))
    (change,) = [change for change in found.changes if change.usage_type != "Ends"]
    return change


def test_more_of_it_is_quantity_and_a_dearer_hour_is_rate(tmp_path: Path) -> None:
    change = only(tmp_path, paid(JANUARY, "100", "0.01"), paid(FEBRUARY, "300", "0.02"))
    assert (change.before, change.after) == (1, 6)
    assert (change.quantity, change.rate, change.free_tier) == (2, 3, 0)


def test_an_account_that_is_no_longer_free_is_told_so(tmp_path: Path) -> None:
    change = only(tmp_path, free(JANUARY, "700"), paid(FEBRUARY, "700"))
    assert (change.quantity, change.rate, change.free_tier) == (0, 0, Decimal("9.24"))


def test_new_things_and_gone_ones_are_told_so(tmp_path: Path) -> None:
    assert only(tmp_path, paid(FEBRUARY, "100")).new == Decimal("1.32")
    assert only(tmp_path, paid(JANUARY, "100")).gone == Decimal("-1.32")


def test_months_of_different_length_are_compared_over_the_same_days(tmp_path: Path) -> None:
    daily = [paid(datetime(2026, 1, day), "24") for day in range(1, 32)]
    daily += [paid(datetime(2026, 2, day), "24") for day in range(1, 29)]
    found = known(changes(bill_of(tmp_path, daily)))
    assert found.days == 28
    assert found.total_before == found.total_after
    assert (found.left_out_before, found.left_out_after) == (3 * 24 * Decimal("0.0132"), 0)


def test_a_running_month_is_compared_over_the_days_that_are_complete(tmp_path: Path) -> None:
    daily = [paid(datetime(2026, 1, day), "24") for day in range(1, 32)]
    daily += [paid(datetime(2026, 2, day), "48") for day in range(1, 6)]
    found = known(changes(bill_of(tmp_path, daily)))
    assert found.days == 5
    assert found.effects()["quantity"] == 5 * 24 * Decimal("0.0132") == found.total_after - found.total_before


def test_one_month_alone_is_unknown_and_a_month_that_is_not_there_an_error(tmp_path: Path) -> None:
    bill = bill_of(tmp_path, [paid(JANUARY, "1")])
    assert isinstance(changes(bill), Unknown)
    with pytest.raises(UsageError, match="2026-03"):
        changes(bill, date(2026, 1, 1), date(2026, 3, 1))
    with pytest.raises(UsageError, match="choose two"):
        changes(bill, date(2026, 1, 1), date(2026, 1, 5))


def test_of_costs_without_quantities_the_reason_is_not_told(tmp_path: Path) -> None:
    import json

    path = tmp_path / "ce.json"
    path.write_text(json.dumps(explorer(whole([paid(JANUARY, "100"), paid(FEBRUARY, "300")]), "SERVICE")))
    found = known(changes(read_bill(path)))
    assert found.effects()["other"] == found.total_after - found.total_before > 0


LINES = st.builds(
    lambda month, day, what, kind, quantity, cost, at_no_cost: replace(
        Line(month.replace(day=day)),
        usage_type=what,
        kind=kind,
        quantity=quantity,
        hours=24,
        rate=Decimal(0) if at_no_cost else Decimal("0.5"),
        cost=Decimal(0) if at_no_cost else cost,
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


@settings(max_examples=6, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=12))
def test_the_effects_add_up_to_the_difference_in_any_bill(lines: list[Line]) -> None:
    with TemporaryDirectory() as folder:
        found = known(changes(bill_of(Path(folder), whole(lines))))
    for change in found.changes:
        assert sum(getattr(change, name) for name in EFFECTS) == change.after - change.before
    all_of_it = sum(line.cost for line in whole(lines) if line.start >= FEBRUARY)
    assert found.total_after + found.left_out_after == all_of_it
    assert sum(found.effects().values()) == found.total_after - found.total_before


def test_the_picture_says_how_much_and_why(tmp_path: Path) -> None:
    lines = whole([free(JANUARY, "700"), paid(FEBRUARY, "700"), paid(JANUARY, "50", usage_type="NatGateway-Hours")])
    found = changes(bill_of(tmp_path, lines))
    chart = draw_changes(found)
    assert chart.title == "February cost 8.59 USD more than January, mostly because less of it was free (+9.24)"
    assert chart._repr_svg_() == draw_changes(found)._repr_svg_()
