"""Days out of the ordinary: found where something grew, and not where days differ as always or the free tier ended."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.costs.analysis.anomalies import Anomalies, Anomaly, anomalies, draw_anomalies, in_a_row, unusual
from esaws.costs.analysis.selection import Unknown
from esaws.costs.analysis.usage_by_day import Key, Used
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, parquet, text

FIRST = datetime(2026, 1, 1)
FLAT = [Decimal(10)] * 12


def days(costs: list[Decimal], service: str = "AmazonEC2", resource: str = "i-1", **changes: object) -> list[Line]:
    """A line a day."""
    return [
        Line(FIRST + timedelta(days=day), service, cost=cost, list_cost=cost, hours=24, resource=resource, **changes)  # type: ignore[arg-type]
        for day, cost in enumerate(costs)
    ]


def found(lines: list[Line], folder: Path, **asked: Decimal) -> Anomalies:
    answer = anomalies(read_bill(parquet(folder / "a.parquet", [cur(line) for line in lines])), **asked)
    assert isinstance(answer, Anomalies)
    return answer


def test_a_doubled_day_is_found_with_what_did_it(tmp_path: Path) -> None:
    lines = [*days(FLAT), *days(FLAT, "AmazonS3"), *days([Decimal(0)] * 9 + [Decimal(12)], resource="i-new")]
    (one,) = found(lines, tmp_path).found
    assert (one.kind, one.service, one.first, one.last) == (
        "unusual",
        "AmazonEC2",
        date(2026, 1, 10),
        date(2026, 1, 10),
    )
    assert (one.cost, one.usual, one.above) == (22, 10, 12)
    assert (one.usage_type, one.resource) == ("EUW3-BoxUsage:t2.micro", "i-new")


def test_days_in_a_row_are_one(tmp_path: Path) -> None:
    (one,) = found(days([*FLAT[:7], Decimal(40), Decimal(40), *FLAT[:3]]), tmp_path).found
    assert (one.first, one.last, one.cost, one.usual) == (date(2026, 1, 8), date(2026, 1, 9), 80, 20)


@pytest.mark.parametrize(
    "costs",
    [
        FLAT,
        [Decimal(str(10 + day % 3)) for day in range(12)],  # days differ as always
        [*FLAT[:8], Decimal("12.4")],  # less than a quarter
        [Decimal("0.1")] * 8 + [Decimal(1)],  # less than the minimum
        [*FLAT[:4], Decimal(100)],  # too early to say
        [*FLAT[:8], Decimal(0)],  # less than usual
    ],
    ids=["flat", "noise", "a quarter", "cents", "early", "less"],
)
def test_nothing_is_called_unusual_that_is_not(costs: list[Decimal], tmp_path: Path) -> None:
    lines = [*days(costs), *days(FLAT, "AmazonS3")]
    assert found(lines, tmp_path).found == ()


def test_where_the_free_tier_ended_that_is_said(tmp_path: Path) -> None:
    free = days([Decimal(0)] * 7, description="$0.00 per hour under monthly free tier", rate=Decimal(0))
    free = [Line(**{**line.__dict__, "list_cost": Decimal(10)}) for line in free]
    charged = [line for line in days(FLAT) if line.start >= FIRST + timedelta(days=7)]
    answer = found([*free, *charged], tmp_path)
    assert {each.kind for each in answer.found} == {"nothing free is left"}
    assert not answer.unusual and repr(answer) == "no day was out of the ordinary"


def test_charges_that_come_once_are_named(tmp_path: Path) -> None:
    tax = Line(FIRST, "AmazonEC2", "", "", "", kind="Tax", cost=Decimal(24), quantity=Decimal(0), hours=744)
    (one,) = found([*days(FLAT), tax], tmp_path).found
    assert (one.kind, one.usage_type, one.cost) == ("one-off charge", "Tax", 24)


@given(st.lists(st.decimals(1, 100, places=2), min_size=7, max_size=30), st.integers(0, 29), st.integers(2, 50))
def test_in_other_units_the_same_is_unusual(costs: list[Decimal], at: int, factor: int) -> None:
    """Ten times the costs are ten times the amounts, if the minimum is in the same unit."""
    costs[at % len(costs)] *= 30
    once, scaled = alone(costs, 1), alone([cost * factor for cost in costs], factor)
    assert [(each.first, each.last) for each in once] == [(each.first, each.last) for each in scaled]
    assert [each.above * factor for each in once] == [each.above for each in scaled]


def alone(costs: list[Decimal], least: int) -> list[Anomaly]:
    """What is unusual in a service of one usage type."""
    every = [FIRST.date() + timedelta(days=day) for day in range(len(costs))]
    used = Used(Key("", "AmazonEC2", "AmazonEC2", "BoxUsage", "", "", "Hrs"), cost=dict(zip(every, costs, strict=True)))
    return list(in_a_row(unusual("AmazonEC2", [used], every, Decimal(least))))


def test_other_formats_tell_it_too(tmp_path: Path) -> None:
    lines = days([*FLAT[:8], Decimal(50)])
    of_focus = anomalies(read_bill(text(tmp_path / "a.csv", [focus(line) for line in lines])))
    (tmp_path / "ce.json").write_text(json.dumps(explorer(lines, "SERVICE", "USAGE_TYPE")))
    of_explorer = anomalies(read_bill(tmp_path / "ce.json"))
    for answer in (of_focus, of_explorer):
        assert isinstance(answer, Anomalies)
        assert [each.first for each in answer.unusual] == [date(2026, 1, 9)]


def test_what_a_bill_does_not_tell_is_unknown(tmp_path: Path) -> None:
    short = anomalies(read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in days(FLAT[:5])])))
    assert isinstance(short, Unknown) and "5 days" in short.why
    month = anomalies(read_bill(parquet(tmp_path / "b.parquet", [cur(Line(FIRST, hours=744))])))
    assert isinstance(month, Unknown) and "months" in month.why
    assert "Unknown" in draw_anomalies(month).figure.get_suptitle()


def test_a_picture_names_what_grew(tmp_path: Path) -> None:
    chart = draw_anomalies(found(days([*FLAT[:8], Decimal(50), *FLAT[:3]]), tmp_path))
    assert chart.title == "9 January: AmazonEC2 cost 40.00 USD more than usual"
    assert any("40.00 USD above" in text.get_text() for text in chart.figure.axes[0].texts)
