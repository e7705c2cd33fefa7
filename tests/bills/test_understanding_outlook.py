"""The outlook: what is free now is charged when nothing of it is left, and the band holds what it says."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.costs.analysis.month_end import Outlook, outlook
from esaws.costs.analysis.month_end_chart import draw_outlook
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, parquet, text

FIRST = datetime(2026, 3, 1)
MONTH = Decimal(12 * 744 - 750) * Decimal("0.0132") + Decimal(360 - 30) * Decimal("0.116")
"""What March is billed for 12 t2.micro with 30 GB each, of which 750 hours and 30 GB are free."""


def metered(usage: Line, a_step: Decimal, cap: Decimal, steps: int, hours: int) -> list[Line]:
    """Usage of which `cap` is free, each step of some hours split into what is free and what is not, as AWS does."""
    found, left = [], cap
    for at in range(steps):
        free = min(a_step, left)
        left -= free
        line = replace(usage, start=FIRST + timedelta(hours=at * hours), hours=hours)
        if free:
            nothing, words = Decimal(0), "per hour under monthly free tier"
            value = free * line.rate
            found.append(replace(line, quantity=free, rate=nothing, cost=nothing, list_cost=value, description=words))
        if paid := a_step - free:
            found.append(replace(line, quantity=paid, cost=paid * line.rate, list_cost=paid * line.rate))
    return found


def march(hours: int, step: int = 1) -> list[Line]:
    machine = Line(FIRST)
    disk = Line(FIRST, usage_type="EUW3-EBS:VolumeUsage.gp2", operation="CreateVolume-Gp2", unit="GB-Mo")
    disk = replace(disk, resource="vol-1", rate=Decimal("0.116"), list_rate=Decimal("0.116"))
    lines = metered(machine, Decimal(12 * step), Decimal(750), hours // step, step)
    return lines + metered(disk, round(Decimal(360 * step) / 744, 10), Decimal(30), hours // step, step)


def known(found: Outlook | Unknown) -> Outlook:
    assert isinstance(found, Outlook), found
    return found


@pytest.mark.parametrize("hours", [24, 48, 63, 72, 10 * 24 + 7, 744])
def test_days_that_were_free_do_not_promise_a_free_month(tmp_path: Path, hours: int) -> None:
    found = known(outlook(read_bill(parquet(tmp_path / "bill.parquet", [cur(line) for line in march(hours)]))))
    assert found.days == hours // 24
    assert float(found.point) == pytest.approx(float(MONTH), abs=0.01)
    assert not found.at_least
    if hours <= 48:
        assert found.so_far == 0
        assert dict(found.runs_out)["AmazonEC2 Hrs"] == pytest.approx(Decimal("2.604"), abs=Decimal("0.001"))


def test_fewer_than_three_days_have_no_band_and_a_whole_month_none_but_its_total(tmp_path: Path) -> None:
    rows = {hours: [cur(line) for line in march(hours)] for hours in (48, 744)}
    short = known(outlook(read_bill(parquet(tmp_path / "48.parquet", rows[48]))))
    assert (short.low, short.high) == (None, None)
    whole = known(outlook(read_bill(parquet(tmp_path / "744.parquet", rows[744]))))
    assert whole.low == whole.point == whole.high == whole.so_far


def test_focus_whose_free_rows_are_worth_nothing_is_charged_by_the_price_list(tmp_path: Path) -> None:
    rows = [{**focus(line), "x_Operation": line.operation} for line in march(48)]
    found = known(outlook(read_bill(text(tmp_path / "bill.csv", rows))))
    assert float(found.point) == pytest.approx(float(MONTH), abs=0.01)


def test_cost_explorer_without_quantities_tells_the_least(tmp_path: Path) -> None:
    import json

    path = tmp_path / "ce.json"
    path.write_text(json.dumps(explorer(march(48, 24), "SERVICE")))
    found = known(outlook(read_bill(path)))
    assert found.at_least
    assert any("free" in note for note in found.notes)


def test_tax_and_credits_are_kept_and_do_not_go_on(tmp_path: Path) -> None:
    days = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(1), list_cost=Decimal(1)) for at in range(4)]
    tax = Line(FIRST, kind="Tax", usage_type="", cost=Decimal(5), list_cost=Decimal(0), hours=744)
    credit = Line(FIRST, kind="Credit", resource="i-9", cost=Decimal(-2), list_cost=Decimal(0))
    bill = read_bill(parquet(tmp_path / "bill.parquet", [cur(line) for line in [*days, tax, credit]]))
    found = known(outlook(bill))
    assert (found.one_off, found.so_far) == (3, 7)
    assert float(found.point) == pytest.approx(31 + 3)
    assert found.to_frame()["month"].sum() == pytest.approx(34)


def test_a_bill_by_months_has_no_outlook() -> None:
    path = Path(__file__).parent / "data" / "ce_sample_chunk_monthly_services_per_account_spa_Apache2.json"
    assert isinstance(outlook(read_bill(path)), Unknown)


def band_of(costs: list[int]) -> Outlook:
    lines = [Line(FIRST + timedelta(days=at), hours=24, cost=Decimal(cost)) for at, cost in enumerate(costs)]
    with TemporaryDirectory() as folder:
        path = parquet(Path(folder) / "bill.parquet", [cur(replace(line, list_cost=line.cost)) for line in lines])
        return known(outlook(read_bill(path)))


@settings(max_examples=5, deadline=None)
@given(st.integers(20, 60), st.lists(st.integers(0, 9), min_size=3, max_size=30))
def test_the_band_holds_the_point_and_is_wider_where_days_differ_more(mean: int, off: list[int]) -> None:
    near, far = (band_of([mean + sign * (-1) ** at * way for at, way in enumerate(off)]) for sign in (1, 2))
    for found in (near, far):
        assert found.low is not None and found.high is not None
        assert found.so_far <= found.low <= found.point <= found.high
        assert float(found.charged[-1][1]) == pytest.approx(float(found.point))
    assert far.high is not None and near.high is not None
    assert far.high - far.point >= near.high - near.point


def test_the_picture_says_what_comes(tmp_path: Path) -> None:
    found = outlook(read_bill(parquet(tmp_path / "bill.parquet", [cur(line) for line in march(48)])))
    assert draw_outlook(found).title == "March will come to 146.23 USD"
    assert draw_outlook(found)._repr_svg_() == draw_outlook(found)._repr_svg_()
