"""Idle hours: known where a bill is hourly and shows traffic, unknown elsewhere."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from esaws.costs.analysis.idle_hours import IdleHours, idle_hours
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, hours, legacy, parquet, text

FIRST = datetime(2026, 1, 1)


def traffic(*quantities: str) -> list[Line]:
    """Capacity units of a load balancer, hour by hour."""
    return [
        Line(FIRST + timedelta(hours=at), "AWSELB", "EUW3-LCUUsage", quantity=Decimal(quantity), cost=Decimal(0))
        for at, quantity in enumerate(quantities)
    ]


def find(lines: list[Line], folder: Path) -> IdleHours | Unknown:
    return idle_hours(read_bill(parquet(folder / "a.parquet", [cur(line) for line in lines])))


@pytest.mark.parametrize(
    ("quantities", "idle"),
    [
        (("0", "0.00001", "0.5", "3", "0.03", "0.02999"), [True, True, False, False, False, True]),
        (("0.00001",), [False]),
    ],
)
def test_an_hour_with_less_than_a_hundredth_of_the_busiest_is_idle(
    quantities: tuple[str, ...], idle: list[bool], tmp_path: Path
) -> None:
    result = find([*hours(len(quantities)), *traffic(*quantities)], tmp_path)
    assert isinstance(result, IdleHours)
    assert result.hours["idle"].tolist() == idle
    assert result.cost == pytest.approx(0.0132 * sum(idle))
    frame = result.to_frame()
    assert (frame["running"].sum(), frame["idle"].sum()) == (len(quantities), sum(idle))
    assert result.to_dict().items() >= {"idle": sum(idle), "hours": len(quantities)}.items()


def test_a_bill_without_any_traffic_is_unknown(tmp_path: Path) -> None:
    result = find([*hours(3), *traffic("0", "0", "0")], tmp_path)
    assert isinstance(result, Unknown)
    assert result.to_dict() == {"unknown": "the bill has no lines of traffic (capacity units, bytes); give served="}


def test_an_hour_without_anything_running_is_not_idle(tmp_path: Path) -> None:
    result = find([*hours(3), *traffic("1", "1", "1", "1", "1")], tmp_path)
    assert isinstance(result, IdleHours)
    assert len(result.hours) == 3


def test_measured_traffic_replaces_the_lines_of_the_bill(tmp_path: Path) -> None:
    bill = read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in hours(4)]))
    result = idle_hours(bill, served={FIRST: 100.0, FIRST + timedelta(hours=2): 3.0})
    assert isinstance(result, IdleHours)
    assert result.hours["idle"].tolist() == [False, True, False, True]
    without_traffic = idle_hours(bill, served={})
    assert isinstance(without_traffic, IdleHours) and without_traffic.idle == 4


@pytest.mark.parametrize("format_", ["legacy", "focus"])
def test_other_formats_with_usage_types_show_idle_hours(format_: str, tmp_path: Path) -> None:
    lines = [*hours(3), *traffic("1", "0", "1")]
    write = {"legacy": legacy, "focus": lambda line: focus(line, "1.2")}[format_]
    result = idle_hours(read_bill(text(tmp_path / "a.csv", [write(line) for line in lines])))
    assert isinstance(result, IdleHours) and result.idle == 1


def test_a_daily_bill_is_unknown(tmp_path: Path) -> None:
    lines = [Line(FIRST, hours=24), Line(FIRST, "AWSELB", "EUW3-LCUUsage", hours=24)]
    result = find(lines, tmp_path)
    assert isinstance(result, Unknown) and "not hourly" in result.reason
    (tmp_path / "ce.json").write_text(json.dumps(explorer(hours(48), "SERVICE", "USAGE_TYPE")))
    assert isinstance(idle_hours(read_bill(tmp_path / "ce.json")), Unknown)


def test_a_bill_without_hourly_usage_is_unknown(tmp_path: Path) -> None:
    result = find([Line(FIRST, "AmazonS3", "EUW3-Requests-Tier1")], tmp_path)
    assert isinstance(result, Unknown) and "by the hour" in result.reason


def test_the_chart_is_the_same_each_time(tmp_path: Path) -> None:
    result = find([*hours(30), *traffic(*["1"] * 10)], tmp_path)
    chart = result.draw()
    assert chart.title == "20 of 30 hours were idle: 0.26 USD of 0.40 USD"
    assert chart._repr_svg_() == result.draw()._repr_svg_()
