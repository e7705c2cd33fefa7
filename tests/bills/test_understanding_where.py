"""Where the money went: the parts add up to the whole, in every format, and what a bill can't tell is unknown."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.costs.analysis.breakdown import OTHERS, ByDay, Where, where, where_by_day
from esaws.costs.analysis.breakdown_chart import draw_where, draw_where_by_day
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.errors import UsageError
from tests.bills.writing import Line, cur, focus, hours, legacy, parquet, text

DATA = Path(__file__).parent / "data"
CUR = DATA / "cur_legacy_focus_converters_anonymous.csv"
FOCUS = DATA / "focus_1_0_sample_1000_multicloud.csv"
EXPLORER = DATA / "ce_sample_chunk_monthly_services_per_account_spa_Apache2.json"


@cache
def read(path: Path) -> Bill:
    return read_bill(path)


def known(found: Where | Unknown) -> Where:
    assert isinstance(found, Where), found
    return found


@pytest.mark.parametrize("by", ["service", "account", "region", "usage_type", "resource", "type", "tag:environment"])
@pytest.mark.parametrize("path", [CUR, FOCUS, EXPLORER], ids=lambda path: path.name[:5])
def test_the_parts_add_up_to_the_bill_or_it_is_unknown(path: Path, by: str) -> None:
    bill = read(path)
    total = report(bill).total
    for n in (1, 3, 100):
        found = where(bill, by, n)
        if isinstance(found, Unknown):
            assert found.why
            continue
        assert sum(cost for _, cost in found.parts) == found.total == total
        assert len(found.parts) <= n + 1
        assert found.to_frame()["percent"].sum() == pytest.approx(100)


def test_the_dearest_come_first_and_others_last() -> None:
    found = known(where(read(FOCUS), n=3))
    costs = [cost for _, cost in found.parts[:-1]]
    assert costs == sorted(costs, reverse=True)
    assert found.parts[-1][0] == OTHERS
    assert found.others == len(report(read(FOCUS)).by_service) - 3


@pytest.mark.parametrize("by", ["resource", "usage_type", "region", "tag:team", "cluster"])
def test_what_cost_explorer_by_service_does_not_tell_is_unknown(by: str) -> None:
    found = where(read(EXPLORER), by)
    assert isinstance(found, Unknown)
    assert "unknown" in found.to_frame().columns
    with pytest.raises(TypeError):
        bool(found)


def test_days_of_a_bill_by_months_are_unknown() -> None:
    assert isinstance(where_by_day(read(EXPLORER)), Unknown)


@pytest.mark.parametrize("path", [CUR, FOCUS], ids=lambda path: path.name[:5])
def test_days_add_up_to_the_bill(path: Path) -> None:
    found = where_by_day(read(path), n=2)
    assert isinstance(found, ByDay)
    assert sum(sum(costs) for _, costs in found.parts) == found.total == report(read(path)).total
    assert [name for name, _ in found.parts] == [name for name, _ in known(where(read(path), n=2)).parts]


@pytest.mark.parametrize("format", [cur, legacy])
def test_a_cluster_is_named_by_its_tag_however_the_export_spells_it(tmp_path: Path, format: object) -> None:
    lines = hours(2, tags={"esaws:name": "users"}) + hours(1, resource="i-2", tags={"aws:ecs:clusterName": "web"})
    lines += hours(1, resource="i-3")
    rows = [cur(line) if format is cur else legacy(line) for line in lines]
    for row in rows if format is cur else ():
        spelled = {"user_esaws:name": "user_esaws_name", "user_aws:ecs:clusterName": "aws_ecs_cluster_name"}
        row["resource_tags"] = {spelled[key]: value for key, value in row["resource_tags"].items()}
    path = parquet(tmp_path / "bill.parquet", rows) if format is cur else text(tmp_path / "bill.csv", rows)
    found = known(where(read_bill(path), "cluster"))
    assert {name for name, _ in found.parts} == {"users", "web", "without cluster"}


def test_currencies_are_never_added(tmp_path: Path) -> None:
    lines = hours(2) + hours(3, currency="EUR", resource="i-2")
    bill = read_bill(text(tmp_path / "bill.csv", [focus(line) for line in lines]))
    with pytest.raises(UsageError, match=r"EUR and USD|USD and EUR"):
        where(bill)
    assert known(where(bill, currency="EUR")).total == Decimal("0.0396")
    with pytest.raises(UsageError, match="GBP"):
        where(bill, currency="GBP")


def test_what_can_not_be_asked_is_told() -> None:
    bill = read(CUR)
    with pytest.raises(UsageError, match="weather"):
        where(bill, "weather")
    with pytest.raises(UsageError, match="2023-11"):
        where(bill, period=date(2020, 1, 1))
    with pytest.raises(UsageError, match="1 at least"):
        where(bill, n=0)


def test_a_month_of_several_is_chosen(tmp_path: Path) -> None:
    lines = hours(2) + hours(3, datetime(2026, 2, 1))
    bill = read_bill(text(tmp_path / "bill.csv", [legacy(line) for line in lines]))
    assert known(where(bill, period=date(2026, 2, 1))).total == Decimal("0.0396")


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.decimals(-9, 99, places=6)), min_size=1, max_size=30))
def test_parts_of_any_bill_add_up(costs: list[tuple[str, Decimal]]) -> None:
    lines = [
        replace(Line(datetime(2026, 1, 1 + at)), service=f"Amazon{name}", cost=cost)
        for at, (name, cost) in enumerate(costs)
    ]
    with TemporaryDirectory() as folder:
        bill = read_bill(parquet(Path(folder) / "bill.parquet", [cur(line) for line in lines], floats=False))
        found = known(where(bill, n=2))
        assert sum(cost for _, cost in found.parts) == found.total == sum(cost for _, cost in costs)


def test_pictures_are_the_same_bytes_and_say_the_answer() -> None:
    bill = read(CUR)
    first, again = draw_where(where(bill))._repr_svg_(), draw_where(where(bill))._repr_svg_()
    assert first == again
    assert "1.68 USD, and 86 % of it for AmazonS3" in draw_where(where(bill)).title
    assert "the dearest was 13 November" in draw_where_by_day(where_by_day(bill)).title
    assert "unknown" in draw_where(where(bill, "resource")).title
