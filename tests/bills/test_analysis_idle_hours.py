"""Idle hours: known where a bill is hourly and shows traffic, unknown elsewhere."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.costs.analysis.idle_hours import IdleHours, _busy_hour, idle_hours
from esaws.costs.analysis.selection import Unknown
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, explorer, focus, hours, legacy, parquet, text

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "cases"
FIRST = datetime(2026, 1, 1)


def traffic(*quantities: str, resource: str = "alb") -> list[Line]:
    """Capacity units of a load balancer, hour by hour."""
    line = Line(FIRST, "AWSELB", "EUW3-LCUUsage", resource=resource, cost=Decimal(0))
    return [
        replace(line, start=FIRST + timedelta(hours=at), quantity=Decimal(quantity))
        for at, quantity in enumerate(quantities)
    ]


def find(lines: list[Line], folder: Path) -> IdleHours | Unknown:
    return idle_hours(read_bill(parquet(folder / "a.parquet", [cur(line) for line in lines])))


@pytest.mark.parametrize(
    ("quantities", "idle"),
    [
        (("0", "0.00001", "5", "5", "0.011", "0.009"), [True, True, False, False, False, True]),  # noise at night
        (("0.00001",), [False]),
        (("0.0002", "0.0001", "0.0002", "0"), [False, False, False, True]),  # a small site: no hour is busy
        (("9", "0.0002", "0.0002", "0"), [False, False, False, True]),  # one busy hour at the start
        (("9", "0.5", "0.5", "0.5", "0.5"), [False] * 5),
    ],
)
def test_an_hour_with_no_more_than_the_background_noise_beside_a_busy_hour_is_idle(
    quantities: tuple[str, ...], idle: list[bool], tmp_path: Path
) -> None:
    result = find([*hours(len(quantities)), *traffic(*quantities)], tmp_path)
    assert isinstance(result, IdleHours)
    assert result.hours["idle"].tolist() == idle
    assert result.cost == pytest.approx(0.0132 * sum(idle))
    frame = result.to_frame()
    assert (frame["running"].sum(), frame["idle"].sum()) == (len(quantities), sum(idle))
    assert result.to_dict().items() >= {"idle": sum(idle), "hours": len(quantities)}.items()


def test_one_big_download_makes_no_other_hour_idle() -> None:
    result = idle_hours(read_bill(CASES / "idle_after_one_big_download.csv"))
    assert isinstance(result, IdleHours)
    assert result.to_dict().items() >= {"idle": 0, "hours": 240}.items(), "0.5 GB went out in every hour"


@given(st.lists(st.integers(1, 9), min_size=2, max_size=40), st.data())
def test_one_hour_does_not_move_what_the_other_hours_are_measured_against(
    traffic: list[int], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(traffic) - 1))
    moved = [*traffic[:at], 10**6, *traffic[at + 1 :]]
    assert min(traffic) <= _busy_hour(moved) <= max(traffic)


def bytes_out(count: int, gigabytes: str = "0.5", **changes: Any) -> list[Line]:
    return hours(count, FIRST, usage_type="EUW3-DataTransfer-Out-Bytes", quantity=Decimal(gigabytes), **changes)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (bytes_out(3, resource=""), "the bytes of the account, not which resource sent them"),
        ([Line(FIRST, "AWSELB", "EUW3-LCUUsage", hours=24)], "traffic by the day"),
        (bytes_out(3, service="AmazonS3", resource="bucket"), "no lines of traffic"),
        (bytes_out(3, account="210987654321"), "only in accounts where nothing runs"),
        (hours(3, FIRST, service="AWSELB", usage_type="EUW3-LoadBalancerUsage", resource="alb"), "no lines of traffic"),
    ],
)
def test_traffic_that_is_not_that_of_what_ran_is_unknown(lines: list[Line], reason: str, tmp_path: Path) -> None:
    result = find([*hours(3), *lines], tmp_path)
    assert isinstance(result, Unknown)
    assert reason in result.reason


def test_bytes_of_the_account_beside_capacity_units_leave_no_hour_idle(tmp_path: Path) -> None:
    result = find([*hours(3), *traffic("1", "0", "1"), *bytes_out(3, resource="")], tmp_path)
    assert isinstance(result, IdleHours) and result.idle == 0


@pytest.mark.parametrize(
    ("lines", "idle"),
    [
        (hours(2, FIRST, usage_type="EUW3-NatGateway-Bytes", quantity=Decimal("0.4"), resource="nat-1"), 2),
        ([*traffic("40", "0", "0", "0"), *traffic("0", "0.02", "0.02", "0", resource="small")], 1),
    ],
)
def test_each_resource_has_a_yardstick_of_its_own(lines: list[Line], idle: int, tmp_path: Path) -> None:
    result = find([*hours(4), *lines], tmp_path)
    assert isinstance(result, IdleHours) and result.idle == idle


def test_accounts_without_lines_of_traffic_are_left_out_and_named(tmp_path: Path) -> None:
    result = find([*hours(3), *hours(3, account="210987654321", resource="i-2"), *traffic("1", "0", "1")], tmp_path)
    assert isinstance(result, IdleHours)
    assert (result.idle, result.cost) == (1, pytest.approx(0.0132))
    assert result.to_dict()["notes"] == ["no line shows traffic in 210987654321: left out"]


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
