"""Breakdown: the parts add up to the whole in every format, and a missing dimension is unknown."""

import os
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.costs.analysis.breakdown import ALL_OTHERS, Breakdown, DailyBreakdown, breakdown, breakdown_by_day
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import Report, report
from esaws.errors import UsageError
from tests.bills.writing import Line, cur, focus, hours, legacy, parquet, text

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent / "data"
CUR = DATA / "cur_legacy_focus_converters_anonymous.csv"
FOCUS = DATA / "focus_1_0_sample_1000_multicloud.csv"
EXPLORER = DATA / "ce_sample_chunk_monthly_services_per_account_spa_Apache2.json"
WHOLE_BILLS = 100 if os.environ.get("SOAK") == "1" else 2


@cache
def read(path: Path) -> Bill:
    return read_bill(path)


@cache
def report_of(path: Path) -> Report:
    return report(read(path))


def known(result: Breakdown | Unknown) -> Breakdown:
    assert isinstance(result, Breakdown), result
    return result


@pytest.mark.parametrize("by", ["service", "account", "region", "usage_type", "resource", "type", "tag:environment"])
@pytest.mark.parametrize("path", [CUR, FOCUS, EXPLORER], ids=lambda path: path.name[:5])
def test_the_parts_add_up_to_the_bill_or_it_is_unknown(path: Path, by: str) -> None:
    bill = read(path)
    whole = report_of(path)
    total = whole.total if by == "type" else whole.before_credits["USD"] or whole.total
    for top in (1, 3):
        result = breakdown(bill, by, top)
        if isinstance(result, Unknown):
            assert result.reason
            continue
        assert sum(cost for _, cost in result.parts) == result.total == total
        assert len(result.parts) <= top + 1
        assert result.to_frame()["percent"].sum() == pytest.approx(100)


def test_the_most_expensive_come_first_and_others_last() -> None:
    result = known(breakdown(read(FOCUS), top=3))
    costs = [cost for _, cost in result.parts[:-1]]
    assert costs == sorted(costs, reverse=True)
    assert result.parts[-1][0] == ALL_OTHERS
    assert result.others == len(report_of(FOCUS).by_service) - 3
    assert [part["name"] for part in result.to_dict()["parts"]] == [name for name, _ in result.parts]


@pytest.mark.parametrize("by", ["usage_type", "tag:team", "cluster"])
def test_a_dimension_that_the_bill_does_not_have_is_unknown(by: str) -> None:
    result = breakdown(read(EXPLORER), by)
    assert isinstance(result, Unknown)
    with pytest.raises(TypeError):
        bool(result)


def test_the_days_of_a_bill_with_monthly_lines_are_unknown() -> None:
    assert isinstance(breakdown_by_day(read(EXPLORER)), Unknown)


@pytest.mark.parametrize("path", [CUR, FOCUS], ids=lambda path: path.name[:5])
def test_the_days_add_up_to_the_bill(path: Path) -> None:
    result = breakdown_by_day(read(path), top=2)
    assert isinstance(result, DailyBreakdown)
    assert sum(sum(costs) for _, costs in result.parts) == result.total == report_of(path).before_credits["USD"]
    assert [name for name, _ in result.parts] == [name for name, _ in known(breakdown(read(path), top=2)).parts]


CLUSTERS = {
    "arn:aws:ecs:eu-west-3:123456789012:task/web/0a1b": "web",
    "arn:aws:ecs:eu-west-3:123456789012:service/web/users": "web",
    "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/web": "web",
    "arn:aws:eks:eu-west-3:123456789012:pod/web/default/nginx/0a1b": "web",
    "arn:aws:eks:eu-west-3:123456789012:cluster/web": "web",
    "arn:aws:ecs:eu-west-3:123456789012:task/0a1b": "without cluster",
    "arn:aws:rds:eu-west-3:123456789012:cluster:web": "without cluster",
}


def test_a_cluster_is_named_by_the_arn_of_what_ran_in_it(tmp_path: Path) -> None:
    hours_of = {resource: 2**number for number, resource in enumerate(CLUSTERS)}  # each sum has one explanation
    lines = hours(1, resource="i-2", tags={"cluster": "tagged"})
    for resource, count in hours_of.items():
        lines += hours(count, resource=resource)
    result = known(breakdown(read_bill(text(tmp_path / "bill.csv", [cur(line) for line in lines])), "cluster"))
    expected = {"tagged": 1}
    for resource, cluster in CLUSTERS.items():
        expected[cluster] = expected.get(cluster, 0) + hours_of[resource]
    hour = lines[0].cost
    assert {name: cost / hour for name, cost in result.parts} == expected


@pytest.mark.parametrize("format", [cur, legacy])
def test_a_cluster_is_named_by_its_tag_in_every_spelling(tmp_path: Path, format: object) -> None:
    lines = hours(2, tags={"esaws:name": "users"}) + hours(1, resource="i-2", tags={"aws:ecs:clusterName": "web"})
    lines += hours(1, resource="i-3")
    rows = [cur(line) if format is cur else legacy(line) for line in lines]
    for row in rows if format is cur else ():
        spellings = {"user_esaws:name": "user_esaws_name", "user_aws:ecs:clusterName": "aws_ecs_cluster_name"}
        row["resource_tags"] = {spellings[key]: value for key, value in row["resource_tags"].items()}
    path = parquet(tmp_path / "bill.parquet", rows) if format is cur else text(tmp_path / "bill.csv", rows)
    result = known(breakdown(read_bill(path), "cluster"))
    assert {name for name, _ in result.parts} == {"users", "web", "without cluster"}


def test_currencies_are_never_added(tmp_path: Path) -> None:
    lines = hours(2) + hours(3, currency="EUR", resource="i-2")
    bill = read_bill(text(tmp_path / "bill.csv", [focus(line) for line in lines]))
    with pytest.raises(UsageError, match=r"EUR and USD|USD and EUR"):
        breakdown(bill)
    assert known(breakdown(bill, currency="EUR")).total == Decimal("0.0396")
    with pytest.raises(UsageError, match="GBP"):
        breakdown(bill, currency="GBP")


def test_invalid_arguments_are_refused() -> None:
    bill = read(CUR)
    with pytest.raises(UsageError, match="weather"):
        breakdown(bill, "weather")
    with pytest.raises(UsageError, match="2023-11"):
        breakdown(bill, period=date(2020, 1, 1))
    with pytest.raises(UsageError, match="1 at least"):
        breakdown(bill, top=0)


def test_one_month_of_several_can_be_selected(tmp_path: Path) -> None:
    lines = hours(2) + hours(3, datetime(2026, 2, 1))
    bill = read_bill(text(tmp_path / "bill.csv", [legacy(line) for line in lines]))
    assert known(breakdown(bill, period=date(2026, 2, 1))).total == Decimal("0.0396")


@settings(max_examples=WHOLE_BILLS)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.decimals(-9, 99, places=6)), min_size=4, max_size=30))
def test_the_parts_of_any_bill_add_up(costs: list[tuple[str, Decimal]]) -> None:
    lines = [
        replace(Line(datetime(2026, 1, 1 + at)), service=f"Amazon{name}", cost=cost)
        for at, (name, cost) in enumerate(costs)
    ]
    with TemporaryDirectory() as folder:
        bill = read_bill(parquet(Path(folder) / "bill.parquet", [cur(line) for line in lines], floats=False))
        result = known(breakdown(bill, top=2))
        assert sum(cost for _, cost in result.parts) == result.total == sum(cost for _, cost in costs)


def test_charts_are_the_same_bytes_and_name_the_answer() -> None:
    bill = read(CUR)
    assert breakdown(bill).draw()._repr_svg_() == breakdown(bill).draw()._repr_svg_()
    assert "1.68 USD, and 86 % of it for AmazonS3" in breakdown(bill).draw().title
    assert "the dearest was 13 November" in breakdown_by_day(bill).draw().title
