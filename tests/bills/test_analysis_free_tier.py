"""Free tier: each payer has one allowance over all accounts and regions, which is used up day by day."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from esaws.costs.analysis.free_tier_usage import AllowanceBurnDown, FreeTierUsage, free_tier
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.free_tier import by_allowance
from esaws.costs.bill.queries import free_usage
from esaws.costs.bill.read import read_bill
from tests.bills.test_analysis_month_end import march
from tests.bills.writing import Line, cur, focus, parquet, text

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def whole_month(tmp_path_factory: pytest.TempPathFactory) -> Bill:
    """Twelve instances, half of them in another account, and half of those in another region."""
    rows = []
    for at, line in enumerate(march(744)):
        other = replace(line, account="222222222222") if at % 2 else line
        row = cur(other)
        if at % 4 == 1:
            usage_type = other.usage_type.removeprefix("EUW3-")
            row |= {"line_item_usage_type": usage_type, "product_region_code": "us-east-1"}
        rows.append(row)
    return read_bill(parquet(tmp_path_factory.mktemp("bill") / "bill.parquet", rows, floats=False))


def allowance_of(result: FreeTierUsage | Unknown, allowance: str) -> AllowanceBurnDown:
    assert isinstance(result, FreeTierUsage), result
    (one,) = [one for one in result.allowances if one.allowance == allowance]
    return one


def test_the_free_quantity_of_a_month_is_exactly_the_allowance(whole_month: Bill) -> None:
    instances = allowance_of(free_tier(whole_month), "AmazonEC2 Hrs")
    assert instances.free[-1] == instances.cap == 750
    assert instances.used[-1] == 12 * 744
    assert instances.charged[-1] == (12 * 744 - 750) * Decimal("0.0132")
    disks = allowance_of(free_tier(whole_month), "AmazonEBS GB-Mo")
    assert float(disks.free[-1]) == pytest.approx(30, abs=1e-5)


def test_an_allowance_runs_out_on_the_day_of_the_first_charge(whole_month: Bill) -> None:
    instances = allowance_of(free_tier(whole_month), "AmazonEC2 Hrs")
    assert instances.exhausted_on == date(2026, 3, 3)
    assert instances.free[:3] == (288, 576, 750)
    assert list(instances.used) == [288 * day for day in range(1, 32)]


def test_free_quantities_match_the_report_of_the_bill(whole_month: Bill) -> None:
    reported = {
        free.allowance: free.quantity for free in by_allowance(whole_month.fetch_rows(free_usage(whole_month.lines)))
    }
    result = free_tier(whole_month)
    assert isinstance(result, FreeTierUsage)
    assert {one.allowance: one.free[-1] for one in result.allowances} == reported


def test_each_payer_has_an_allowance_of_its_own(tmp_path: Path) -> None:
    lines = [
        replace(Line(datetime(2026, 1, 1)), payer=payer, rate=Decimal(0), cost=Decimal(0), resource=payer)
        for payer in ("111111111111", "222222222222")
    ]
    bill = read_bill(parquet(tmp_path / "bill.parquet", [cur(line) for line in lines]))
    result = free_tier(bill)
    assert isinstance(result, FreeTierUsage)
    assert [(one.payer, one.used[-1], one.exhausted_on) for one in result.allowances] == [
        ("111111111111", 1, None),
        ("222222222222", 1, None),
    ]
    of_one = free_tier(bill, payer="222222222222")
    assert isinstance(of_one, FreeTierUsage)
    assert [one.payer for one in of_one.allowances] == ["222222222222"]


def test_focus_shows_free_usage_by_its_description(tmp_path: Path) -> None:
    rows = [focus(line) for line in march(72)]
    instances = allowance_of(free_tier(read_bill(text(tmp_path / "bill.csv", rows))), "AmazonEC2 Hrs")
    assert (instances.free[-1], instances.used[-1], instances.exhausted_on) == (750, 864, date(2026, 3, 3))


def test_cost_explorer_does_not_show_free_usage() -> None:
    path = DATA / "ce_sample_chunk_monthly_usages_per_account_spa_Apache2.json"
    assert isinstance(free_tier(read_bill(path)), Unknown)


def test_a_real_bill_within_its_allowances_exhausts_none() -> None:
    result = free_tier(read_bill(DATA / "cur_legacy_focus_converters_anonymous.csv"))
    assert isinstance(result, FreeTierUsage)
    assert result.allowances
    assert all(one.free[-1] <= one.used[-1] and one.exhausted_on is None for one in result.allowances)


def test_the_frame_adds_up_and_the_chart_names_the_day(whole_month: Bill) -> None:
    result = free_tier(whole_month)
    frame = result.to_frame()
    assert (frame["used"] - frame["free"] - frame["charged_quantity"]).abs().max() < 1e-9
    chart = result.draw()
    assert chart.title == "146.23 USD for what was no longer free: 2 allowances ran out, the first on 3 March"
    assert chart._repr_svg_() == result.draw()._repr_svg_()
