"""What ran for nobody: told where a bill is hourly and says what was served, and unknown elsewhere."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.costs.analysis.idle_hours import Idle, draw_idle, idle_hours
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, hours, legacy, parquet, text

FIRST = datetime(2026, 1, 1)


def served(quantities: list[Decimal]) -> list[Line]:
    """A load balancer's capacity units, hour by hour."""
    return [
        Line(FIRST + timedelta(hours=number), "AWSELB", "EUW3-LCUUsage", quantity=quantity, cost=Decimal(0))
        for number, quantity in enumerate(quantities)
    ]


def told(lines: list[Line], folder: Path) -> Idle | Unknown:
    return idle_hours(read_bill(parquet(folder / "a.parquet", [cur(line) for line in lines])))


@settings(max_examples=8)
@given(st.lists(st.sampled_from([Decimal(0), Decimal("0.00001"), Decimal("0.5"), Decimal(3)]), min_size=1, max_size=30))
def test_an_hour_is_idle_that_served_less_than_a_hundredth_of_the_busiest(
    tmp_path_factory: pytest.TempPathFactory, quantities: list[Decimal]
) -> None:
    found = told([*hours(len(quantities)), *served(quantities)], tmp_path_factory.mktemp("idle"))
    if not any(quantities):
        assert isinstance(found, Unknown)
        return
    assert isinstance(found, Idle)
    expected = [quantity < max(quantities) / 100 for quantity in quantities]
    assert found.hours["idle"].tolist() == expected
    assert found.cost == pytest.approx(0.0132 * sum(expected))
    frame = found.to_frame()
    assert (frame["running"].sum(), frame["idle"].sum()) == (len(quantities), sum(expected))


def test_an_hour_in_which_nothing_ran_is_not_idle(tmp_path: Path) -> None:
    found = told([*hours(3), *served([Decimal(1)] * 5)], tmp_path)
    assert isinstance(found, Idle)
    assert len(found.hours) == 3


def test_what_was_served_can_be_said_by_somebody_who_knows(tmp_path: Path) -> None:
    bill = read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in hours(4)]))
    assert isinstance(idle_hours(bill), Unknown)
    requests = {FIRST: 100.0, FIRST + timedelta(hours=2): 3.0}
    found = idle_hours(bill, served=requests)
    assert isinstance(found, Idle)
    assert found.hours["idle"].tolist() == [False, True, False, True]
    silent = idle_hours(bill, served={})
    assert isinstance(silent, Idle) and silent.idle == 4


@pytest.mark.parametrize("format_", ["legacy", "focus"])
def test_other_formats_tell_it_where_they_have_usage_types(format_: str, tmp_path: Path) -> None:
    lines = [*hours(3), *served([Decimal(1), Decimal(0), Decimal(1)])]
    write = {"legacy": legacy, "focus": lambda line: focus(line, "1.2")}[format_]
    found = idle_hours(read_bill(text(tmp_path / "a.csv", [write(line) for line in lines])))
    assert isinstance(found, Idle) and found.idle == 1


def test_a_bill_of_days_does_not_tell(tmp_path: Path) -> None:
    lines = [Line(FIRST, hours=24), Line(FIRST, "AWSELB", "EUW3-LCUUsage", hours=24)]
    found = told(lines, tmp_path)
    assert isinstance(found, Unknown) and "not hourly" in found.why
    (tmp_path / "ce.json").write_text(json.dumps(explorer(hours(48), "SERVICE", "USAGE_TYPE")))
    assert isinstance(idle_hours(read_bill(tmp_path / "ce.json")), Unknown)


def test_a_bill_in_which_nothing_runs_does_not_tell(tmp_path: Path) -> None:
    found = told([Line(FIRST, "AmazonS3", "EUW3-Requests-Tier1")], tmp_path)
    assert isinstance(found, Unknown) and "by the hour" in found.why


def test_a_picture_is_the_same_each_time_and_never_empty(tmp_path: Path) -> None:
    found = told([*hours(30), *served([Decimal(1)] * 10)], tmp_path)
    chart = draw_idle(found)
    assert chart.title == "20 of 30 hours ran for nobody: 0.26 USD of 0.40 USD"
    assert chart._repr_svg_() == draw_idle(found)._repr_svg_()
    assert "Unknown" in draw_idle(Unknown("what ran for nobody?", "nobody said")).figure.get_suptitle()
