"""Month end: free usage is charged once the allowance is used up, and the interval contains the expected amount."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.costs.analysis.month_end import MonthEnd, interval_margin, month_end
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, parquet, text

FIRST = datetime(2026, 3, 1)
MONTH = Decimal(12 * 744 - 750) * Decimal("0.0132") + Decimal(360 - 30) * Decimal("0.116")
"""The bill of March for 12 t2.micro with 30 GB each, of which 750 hours and 30 GB are free."""


def metered(usage: Line, quantity: Decimal, cap: Decimal, steps: int, hours: int) -> list[Line]:
    """Usage with `cap` free: like AWS, each step of some hours is split into a free line and a charged line."""
    lines, left = [], cap
    for step in range(steps):
        free = min(quantity, left)
        left -= free
        line = replace(usage, start=FIRST + timedelta(hours=step * hours), hours=hours)
        if free:
            zero, description = Decimal(0), "per hour under monthly free tier"
            list_cost = free * line.rate
            free_line = replace(line, quantity=free, rate=zero, cost=zero, list_cost=list_cost, description=description)
            lines.append(free_line)
        if charged := quantity - free:
            lines.append(replace(line, quantity=charged, cost=charged * line.rate, list_cost=charged * line.rate))
    return lines


def march(hours: int, step: int = 1) -> list[Line]:
    disk = Line(FIRST, usage_type="EUW3-EBS:VolumeUsage.gp2", operation="CreateVolume-Gp2", unit="GB-Mo")
    disk = replace(disk, resource="vol-1", rate=Decimal("0.116"), list_rate=Decimal("0.116"))
    lines = metered(Line(FIRST), Decimal(12 * step), Decimal(750), hours // step, step)
    return lines + metered(disk, round(Decimal(360 * step) / 744, 10), Decimal(30), hours // step, step)


def bill_of(folder: Path, lines: list[Line]) -> Bill:
    return read_bill(parquet(folder / "bill.parquet", [cur(line) for line in lines]))


def project(bill: Bill) -> MonthEnd:
    result = month_end(bill)
    assert isinstance(result, MonthEnd), result
    return result


@pytest.mark.parametrize("hours", [24, 48, 63, 10 * 24 + 7])
def test_days_that_were_free_do_not_promise_a_free_month(tmp_path: Path, hours: int) -> None:
    result = project(bill_of(tmp_path, march(hours)))
    assert result.complete_days == hours // 24
    assert float(result.expected) == pytest.approx(float(MONTH), abs=0.01)
    assert not result.is_lower_bound
    assert (result.low is None) == (hours < 72), "the interval needs three complete days"
    if hours <= 48:
        assert result.so_far == 0
        assert dict(result.exhausted)["AmazonEC2 Hrs"] == pytest.approx(Decimal("2.604"), abs=Decimal("0.001"))


def test_a_complete_month_has_an_interval_of_width_zero(tmp_path: Path) -> None:
    result = project(bill_of(tmp_path, march(744)))
    assert result.low == result.expected == result.high == result.so_far
    assert float(result.expected) == pytest.approx(float(MONTH), abs=0.01)


def test_free_usage_without_a_list_cost_is_charged_by_the_price_list(tmp_path: Path) -> None:
    rows = [{**focus(line), "x_Operation": line.operation} for line in march(48)]
    result = project(read_bill(text(tmp_path / "bill.csv", rows)))
    assert float(result.expected) == pytest.approx(float(MONTH), abs=0.01)


def test_cost_explorer_without_quantities_gives_a_lower_bound(tmp_path: Path) -> None:
    path = tmp_path / "ce.json"
    path.write_text(json.dumps(explorer(march(48, 24), "SERVICE")))
    result = project(read_bill(path))
    assert result.is_lower_bound
    assert any("free" in note for note in result.notes)


def test_tax_and_credits_are_included_and_not_projected(tmp_path: Path) -> None:
    days = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(1), list_cost=Decimal(1)) for at in range(4)]
    tax = Line(FIRST, kind="Tax", usage_type="", cost=Decimal(5), list_cost=Decimal(0), hours=744)
    credit = Line(FIRST, kind="Credit", resource="i-9", cost=Decimal(-2), list_cost=Decimal(0))
    result = project(bill_of(tmp_path, [*days, tax, credit]))
    assert (result.one_off, result.so_far) == (3, 7)
    assert float(result.expected) == pytest.approx(31 + 3)
    assert result.to_frame()["month"].sum() == pytest.approx(34)


def test_a_bill_with_monthly_lines_is_unknown() -> None:
    path = Path(__file__).parent / "data" / "ce_sample_chunk_monthly_services_per_account_spa_Apache2.json"
    assert isinstance(month_end(read_bill(path)), Unknown)


def test_the_interval_contains_the_expected_amount_and_the_charges_so_far(tmp_path: Path) -> None:
    costs = [30, 22, 41, 35, 20, 60, 33, 28]
    lines = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(cost)) for at, cost in enumerate(costs)]
    result = project(bill_of(tmp_path, [replace(line, list_cost=line.cost) for line in lines]))
    assert result.low is not None and result.high is not None
    assert result.so_far <= result.low < result.expected < result.high
    assert float(result.cumulative[-1][1]) == pytest.approx(float(result.expected))


@given(st.integers(20, 60), st.lists(st.integers(0, 9), min_size=3, max_size=7), st.integers(1, 28))
def test_the_interval_is_wider_where_days_differ_more(mean: int, deviations: list[int], days_left: int) -> None:
    near, far = (
        interval_margin([mean + scale * (-1) ** at * size for at, size in enumerate(deviations)], days_left)
        for scale in (1, 2)
    )
    assert near is not None and far is not None
    assert float(far) == pytest.approx(2 * float(near))


def test_the_amounts_are_json_with_the_documented_keys(tmp_path: Path) -> None:
    values = project(bill_of(tmp_path, march(48))).to_dict()
    assert values["period"] == "2026-03"
    assert (round(values["expected"], 2), values["low"], values["high"], values["at_least"]) == (146.23, None, None, 0)
    assert json.loads(json.dumps(values)) == values


def test_the_chart_names_the_expected_amount(tmp_path: Path) -> None:
    result = project(bill_of(tmp_path, march(48)))
    assert result.draw().title == "March will come to 146.23 USD"
    assert result.draw()._repr_svg_() == result.draw()._repr_svg_()
