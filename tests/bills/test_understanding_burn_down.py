"""The free tier burns down for each payer: over all accounts and regions, day by day, until nothing is left."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from esaws.costs.analysis.free_tier_chart import draw_burn_down
from esaws.costs.analysis.free_tier_usage import BurnDown, Burned, burn_down
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.free_tier import by_allowance
from esaws.costs.bill.queries import free_usage
from esaws.costs.bill.read import read_bill
from tests.bills.test_understanding_outlook import march
from tests.bills.writing import Line, cur, focus, parquet, text

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def whole_month(tmp_path_factory: pytest.TempPathFactory) -> Bill:
    """Twelve machines, half of them in another account, and half of those in another region."""
    rows = []
    for at, line in enumerate(march(744)):
        other = replace(line, account="222222222222") if at % 2 else line
        row = cur(other)
        if at % 4 == 1:
            usage_type = other.usage_type.removeprefix("EUW3-")
            row |= {"line_item_usage_type": usage_type, "product_region_code": "us-east-1"}
        rows.append(row)
    return read_bill(parquet(tmp_path_factory.mktemp("bill") / "bill.parquet", rows, floats=False))


def of(found: BurnDown | Unknown, allowance: str) -> Burned:
    assert isinstance(found, BurnDown), found
    (one,) = [each for each in found.allowances if each.allowance == allowance]
    return one


def test_what_was_free_in_a_month_is_exactly_the_allowance(whole_month: Bill) -> None:
    machines = of(burn_down(whole_month), "AmazonEC2 Hrs")
    assert machines.free[-1] == machines.cap == 750
    assert machines.used[-1] == 12 * 744
    assert machines.charged[-1] == (12 * 744 - 750) * Decimal("0.0132")
    disks = of(burn_down(whole_month), "AmazonEBS GB-Mo")
    assert float(disks.free[-1]) == pytest.approx(30, abs=1e-5)


def test_it_runs_out_on_the_day_on_which_something_is_charged(whole_month: Bill) -> None:
    machines = of(burn_down(whole_month), "AmazonEC2 Hrs")
    assert machines.ran_out == date(2026, 3, 3)
    assert machines.free[:3] == (288, 576, 750)
    assert list(machines.used) == [288 * day for day in range(1, 32)]


def test_it_is_what_the_report_of_a_bill_says(whole_month: Bill) -> None:
    told = {free.allowance: free.quantity for free in by_allowance(whole_month.rows_of(free_usage(whole_month.lines)))}
    found = burn_down(whole_month)
    assert isinstance(found, BurnDown)
    assert {each.allowance: each.free[-1] for each in found.allowances} == told


def test_each_payer_has_its_own(tmp_path: Path) -> None:
    lines = [
        replace(Line(datetime(2026, 1, 1)), payer=payer, rate=Decimal(0), cost=Decimal(0), resource=payer)
        for payer in ("111111111111", "222222222222")
    ]
    bill = read_bill(parquet(tmp_path / "bill.parquet", [cur(line) for line in lines]))
    found = burn_down(bill)
    assert isinstance(found, BurnDown)
    assert [(each.payer, each.used[-1], each.ran_out) for each in found.allowances] == [
        ("111111111111", 1, None),
        ("222222222222", 1, None),
    ]
    one = burn_down(bill, payer="222222222222")
    assert isinstance(one, BurnDown)
    assert [each.payer for each in one.allowances] == ["222222222222"]


def test_focus_tells_what_was_free_by_its_description(tmp_path: Path) -> None:
    rows = [focus(line) for line in march(72)]
    machines = of(burn_down(read_bill(text(tmp_path / "bill.csv", rows))), "AmazonEC2 Hrs")
    assert (machines.free[-1], machines.used[-1], machines.ran_out) == (750, 864, date(2026, 3, 3))


def test_cost_explorer_does_not_tell_what_was_free() -> None:
    path = DATA / "ce_sample_chunk_monthly_usages_per_account_spa_Apache2.json"
    assert isinstance(burn_down(read_bill(path)), Unknown)


def test_a_real_bill_within_its_allowances_ran_out_of_none() -> None:
    found = burn_down(read_bill(DATA / "cur_legacy_focus_converters_anonymous.csv"))
    assert isinstance(found, BurnDown)
    assert found.allowances
    assert all(each.free[-1] <= each.used[-1] and (each.ran_out is None) for each in found.allowances)


def test_the_frame_adds_up_and_the_picture_says_when(whole_month: Bill) -> None:
    found = burn_down(whole_month)
    frame = found.to_frame()
    assert (frame["used"] - frame["free"] - frame["charged_quantity"]).abs().max() < 1e-9
    chart = draw_burn_down(found)
    assert chart.title == "146.23 USD for what was no longer free: 2 allowances ran out, the first on 3 March"
    assert chart._repr_svg_() == draw_burn_down(found)._repr_svg_()
