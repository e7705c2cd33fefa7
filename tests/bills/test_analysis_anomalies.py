"""Anomalies: found where costs grew, not where days differ as usual or the free tier ended."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.costs.analysis.anomalies import Anomalies, Anomaly, anomalies, merge_consecutive, unusual_days
from esaws.costs.analysis.selection import Unknown
from esaws.costs.analysis.usage_by_day import UsageByDay, UsageKey
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, parquet, text

pytestmark = pytest.mark.slow

FIRST = datetime(2026, 1, 1)
FLAT = [Decimal(10)] * 12


def days(costs: list[Decimal], service: str = "AmazonEC2", resource: str = "i-1", **changes: object) -> list[Line]:
    """A line a day."""
    return [
        Line(FIRST + timedelta(days=day), service, cost=cost, list_cost=cost, hours=24, resource=resource, **changes)  # type: ignore[arg-type]
        for day, cost in enumerate(costs)
    ]


def find(lines: list[Line], folder: Path) -> Anomalies:
    result = anomalies(read_bill(parquet(folder / "a.parquet", [cur(line) for line in lines])))
    assert isinstance(result, Anomalies)
    return result


def test_a_doubled_day_is_found_with_its_usage_type_and_resource(tmp_path: Path) -> None:
    lines = [*days(FLAT), *days(FLAT, "AmazonS3"), *days([Decimal(0)] * 9 + [Decimal(12)], resource="i-new")]
    result = find(lines, tmp_path)
    (one,) = result.anomalies
    day = date(2026, 1, 10)
    assert (one.kind, one.service, one.first, one.last) == ("unusual", "AmazonEC2", day, day)
    assert (one.cost, one.usual, one.above) == (22, 10, 12)
    assert (one.usage_type, one.resource) == ("EUW3-BoxUsage:t2.micro", "i-new")
    (values,) = result.to_dict()["anomalies"]
    expected = {"start": "2026-01-10", "end": "2026-01-10", "service": "AmazonEC2", "usual": 10.0, "actual": 22.0}
    assert values.items() >= expected.items()


def test_consecutive_days_are_one_anomaly(tmp_path: Path) -> None:
    (one,) = find(days([*FLAT[:7], Decimal(40), Decimal(40), *FLAT[:3]]), tmp_path).anomalies
    assert (one.first, one.last, one.cost, one.usual) == (date(2026, 1, 8), date(2026, 1, 9), 80, 20)


def find_in_costs(costs: list[Decimal], minimum: int) -> list[Anomaly]:
    """The anomalies of a service with one usage type."""
    every_day = [FIRST.date() + timedelta(days=day) for day in range(len(costs))]
    key = UsageKey("", "AmazonEC2", "AmazonEC2", "BoxUsage", "", "", "Hrs")
    usage = UsageByDay(key, cost=dict(zip(every_day, costs, strict=True)))
    return list(merge_consecutive(unusual_days("AmazonEC2", [usage], every_day, Decimal(minimum))))


@pytest.mark.parametrize(
    "costs",
    [
        FLAT,
        [Decimal(str(10 + day % 3)) for day in range(12)],
        [*FLAT[:8], Decimal("12.4")],
        [Decimal("0.1")] * 8 + [Decimal(1)],
        [*FLAT[:4], Decimal(100)],
        [*FLAT[:8], Decimal(0)],
    ],
    ids=["flat", "usual noise", "less than a quarter", "below the minimum", "too few days before", "less than usual"],
)
def test_other_days_are_not_unusual(costs: list[Decimal]) -> None:
    assert find_in_costs(costs, 1) == []


@given(st.lists(st.decimals(1, 100, places=2), min_size=7, max_size=30), st.integers(0, 29), st.integers(2, 50))
def test_the_unit_of_costs_does_not_matter(costs: list[Decimal], at: int, factor: int) -> None:
    costs[at % len(costs)] *= 30
    once, scaled = find_in_costs(costs, 1), find_in_costs([cost * factor for cost in costs], factor)
    assert [(one.first, one.last) for one in once] == [(one.first, one.last) for one in scaled]
    assert [one.above * factor for one in once] == [one.above for one in scaled]


def test_the_end_of_the_free_tier_is_named_and_not_unusual(tmp_path: Path) -> None:
    free = days([Decimal(0)] * 7, description="$0.00 per hour under monthly free tier", rate=Decimal(0))
    free = [Line(**{**line.__dict__, "list_cost": Decimal(10)}) for line in free]
    charged = [line for line in days(FLAT) if line.start >= FIRST + timedelta(days=7)]
    result = find([*free, *charged], tmp_path)
    assert {one.kind for one in result.anomalies} == {"nothing free is left"}
    assert not result.unusual and repr(result) == "no day was out of the ordinary"


def test_one_off_charges_are_named(tmp_path: Path) -> None:
    tax = Line(FIRST, "AmazonEC2", "", "", "", kind="Tax", cost=Decimal(24), quantity=Decimal(0), hours=744)
    (one,) = find([*days(FLAT), tax], tmp_path).anomalies
    assert (one.kind, one.usage_type, one.cost) == ("one-off charge", "Tax", 24)


@pytest.mark.parametrize(("next_fee", "named"), [(100, 0), (110, 0), (300, 2), (-100, 2)])
def test_a_charge_that_comes_each_month_is_no_one_off(next_fee: int, named: int, tmp_path: Path) -> None:
    fees = [
        Line(start, "AWSSupportBusiness", "", "", "", kind="Fee", cost=Decimal(cost), quantity=Decimal(0), hours=672)
        for start, cost in ((FIRST, 100), (datetime(2026, 2, 1), next_fee))
    ]
    found = find([*days([Decimal(10)] * 40), *fees], tmp_path).anomalies
    assert [one.kind for one in found] == ["one-off charge"] * named


def test_focus_and_cost_explorer_show_anomalies_too(tmp_path: Path) -> None:
    lines = days([*FLAT[:8], Decimal(50)])
    from_focus = anomalies(read_bill(text(tmp_path / "a.csv", [focus(line) for line in lines])))
    (tmp_path / "ce.json").write_text(json.dumps(explorer(lines, "SERVICE", "USAGE_TYPE")))
    from_explorer = anomalies(read_bill(tmp_path / "ce.json"))
    for result in (from_focus, from_explorer):
        assert isinstance(result, Anomalies)
        assert [one.first for one in result.unusual] == [date(2026, 1, 9)]


def test_few_days_and_monthly_lines_are_unknown(tmp_path: Path) -> None:
    short = anomalies(read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in days(FLAT[:5])])))
    assert isinstance(short, Unknown) and "5 days" in short.reason
    month = anomalies(read_bill(parquet(tmp_path / "b.parquet", [cur(Line(FIRST, hours=744))])))
    assert isinstance(month, Unknown) and "monthly" in month.reason


def test_the_chart_labels_what_grew(tmp_path: Path) -> None:
    chart = find(days([*FLAT[:8], Decimal(50), *FLAT[:3]]), tmp_path).draw()
    assert chart.title == "9 January: AmazonEC2 cost 40.00 USD more than usual"
    assert any("40.00 USD above" in text.get_text() for text in chart.figure.axes[0].texts)
