"""Credits: what was used, paid by credits and is to pay, in every format and analysis, and when they end."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws import costs
from esaws.costs.analysis.anomalies import Anomalies
from esaws.costs.analysis.credits import CreditDay, Credits, month_to_pay
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.credits import CreditSplit
from esaws.costs.bill.read import read_bill
from tests.bills.writing import Line, cur, focus, parquet, text

pytestmark = pytest.mark.slow

FIRST = datetime(2026, 10, 1)
HOURLY = {
    ("AmazonEC2", "BoxUsage:t3.micro"): Decimal("0.0104"),
    ("AmazonEC2", "NatGateway-Hours"): Decimal("0.045"),
    ("AWSELB", "LoadBalancerUsage"): Decimal("0.0225"),
}
"""Service and usage type → the price of an hour."""
AN_HOUR = sum(HOURLY.values())
GRANTED = Decimal(25)
END = 320
"""Credits of 25 USD pay for 320 hours and a part of the next: until 14 October, 08:00."""


def spent(hours: int, granted: Decimal = GRANTED, every: int = 1) -> Iterator[Line]:
    """Hours (or `every` so many) of usage, and the credits that pay for it in order while any are left."""
    left = granted
    for at in range(0, hours, every):
        for (service, usage_type), rate in HOURLY.items():
            cost = rate * every
            line = Line(FIRST + timedelta(hours=at), service, usage_type, hours=every, rate=rate, cost=cost)
            yield replace(line, list_cost=cost, quantity=Decimal(every))
            if paid := min(left, cost):
                left -= paid
                yield credit(replace(line, cost=-paid))


def credit(line: Line) -> Line:
    """A credit as AWS writes it: for a usage type, without a resource or quantity."""
    return replace(
        line, kind="Credit", resource="", quantity=Decimal(0), list_cost=Decimal(0), description="AWS Free Tier"
    )


def bill_of(folder: Path, lines: Iterator[Line] | list[Line], name: str = "bill.parquet") -> Bill:
    return read_bill(parquet(folder / name, [cur(line) for line in lines], floats=False))


def by_record_type(lines: Iterator[Line]) -> dict[str, Any]:
    """The Cost Explorer response for some lines, by day and record type."""
    days: dict[datetime, dict[str, Decimal]] = {}
    for line in lines:
        day = days.setdefault(line.start.replace(hour=0), {})
        day[line.kind] = day.get(line.kind, Decimal(0)) + line.cost
    results = [
        {
            "TimePeriod": {"Start": f"{day:%Y-%m-%d}", "End": f"{day + timedelta(days=1):%Y-%m-%d}"},
            "Groups": [
                {"Keys": [kind], "Metrics": {"UnblendedCost": {"Amount": str(cost), "Unit": "USD"}}}
                for kind, cost in kinds.items()
            ],
        }
        for day, kinds in days.items()
    ]
    return {"GroupDefinitions": [{"Type": "DIMENSION", "Key": "RECORD_TYPE"}], "ResultsByTime": results}


def from_cost_explorer(folder: Path, lines: Iterator[Line]) -> Bill:
    (folder / "ce.json").write_text(json.dumps(by_record_type(lines)))
    return read_bill(folder / "ce.json")


FORMATS: dict[str, Callable[[Path, Iterator[Line]], Bill]] = {
    "CUR": bill_of,
    "FOCUS": lambda folder, lines: read_bill(text(folder / "a.csv", [focus(line, "1.2") for line in lines])),
    "Cost Explorer": from_cost_explorer,
}


@pytest.mark.parametrize("format_", FORMATS)
def test_credits_that_end_in_the_middle_of_a_month_are_seen(format_: str, tmp_path: Path) -> None:
    days = 20
    used = AN_HOUR * 24 * days
    bill = FORMATS[format_](tmp_path, spent(24 * days))
    values = costs.credits(bill).to_dict()
    assert values["used"] == pytest.approx(float(used))
    assert (values["paid_by_credits"], values["ended_on"], values["left"]) == (25, "2026-10-14", None)
    assert values["to_pay"] == pytest.approx(float(used - GRANTED))
    assert values["per_day"] == values["to_pay_per_day"] == pytest.approx(float(AN_HOUR * 24))
    assert "credits ended on 14 October, 1.87 USD a day to pay since" in repr(costs.credits(bill))

    month = costs.month_end(bill).to_dict()
    assert month["expected"] == pytest.approx(float(AN_HOUR * 744))
    assert month["to_pay"] == pytest.approx(float(AN_HOUR * 744 - GRANTED))

    result = costs.anomalies(bill)
    assert isinstance(result, Anomalies)
    (ended,) = result.anomalies
    assert (ended.kind, ended.first, ended.last) == ("credits ended", date(2026, 10, 15), date(2026, 10, 20))
    assert (ended.usual, float(ended.cost)) == (0, pytest.approx(float(AN_HOUR * 24 * 6)))
    assert not result.unusual, "usage has not grown"
    assert "since credits ended" in repr(result)


def test_the_end_is_not_called_before_a_whole_day_went_without(tmp_path: Path) -> None:
    bill = bill_of(tmp_path, spent(END + 10))
    result = costs.credits(bill)
    assert result.ended_on is None
    assert any("14 October credits paid 0.70 of 1.40" in note for note in result.notes), result.notes
    month = costs.month_end(bill).to_dict()
    assert month["to_pay"] is None, "credits may pay again"
    assert month["to_pay_if_credits_end"] == pytest.approx(float(AN_HOUR * 744 - GRANTED))


def test_credits_that_end_for_one_of_two_accounts_are_named(tmp_path: Path) -> None:
    ends, goes_on = "111122223333", "444455556666"
    lines = [replace(line, account=ends) for line in spent(480)]
    bill = bill_of(tmp_path, [*lines, *(replace(line, account=goes_on) for line in spent(480, Decimal(999)))])
    result = costs.credits(bill)
    assert result.ended_on is None, "those of the other account pay"
    ((account, ended),) = result.ended
    assert (account, ended.ended_on, ended.split.credits) == (ends, date(2026, 10, 14), GRANTED)
    note = f"credits of account {ends} ended on 14 October, 1.87 USD a day to pay since"
    assert note in result.notes and note in costs.month_end(bill).to_dict()["notes"]
    found = costs.anomalies(bill)
    assert isinstance(found, Anomalies)
    (anomaly,) = found.anomalies
    assert (anomaly.kind, anomaly.service, anomaly.first) == ("credits ended", f"credits of {ends}", date(2026, 10, 15))
    assert float(anomaly.cost) == pytest.approx(float(AN_HOUR * 24 * 6))


def test_credits_that_pay_again_have_not_ended(tmp_path: Path) -> None:
    first, gap = list(spent(24 * 3)), [line for line in spent(24 * 5) if line.kind != "Credit"]
    again = [line for line in spent(24 * 8) if line.start >= FIRST + timedelta(days=5)]
    gap = [line for line in gap if line.start >= FIRST + timedelta(days=3)]
    result = costs.credits(bill_of(tmp_path, [*first, *gap, *again]))
    assert result.ended_on is None
    assert float(result.split.to_pay) == pytest.approx(float(AN_HOUR * 48))


def test_a_sum_that_no_day_explains_has_no_daily_rate_and_no_end(tmp_path: Path) -> None:
    usage = [line for line in spent(24 * 10) if line.kind == "Usage"]
    lump = credit(Line(FIRST + timedelta(days=2), "AmazonEC2", "", cost=Decimal(-10), hours=24))
    values = costs.credits(bill_of(tmp_path, [*usage, lump])).to_dict()
    assert (values["paid_by_credits"], values["per_day"], values["ended_on"]) == (10, None, None)
    assert any("not paid day by day" in note for note in values["notes"])


def test_credits_for_one_service_end_although_others_go_on(tmp_path: Path) -> None:
    lines = [
        line
        for line in spent(24 * 10)
        if line.kind == "Usage" or (line.service == "AWSELB" and line.start < FIRST + timedelta(days=4))
    ]
    result = costs.credits(bill_of(tmp_path, lines))
    assert result.ended_on == date(2026, 10, 4)
    assert float(result.per_day or 0) == pytest.approx(24 * 0.0225)


def test_a_service_that_is_gone_does_not_end_credits(tmp_path: Path) -> None:
    lines = [
        line
        for line in spent(24 * 10)
        if (line.service == "AmazonEC2" and line.kind == "Usage")
        or (line.service == "AWSELB" and line.start < FIRST + timedelta(days=4))
    ]
    assert costs.credits(bill_of(tmp_path, lines)).ended_on is None


def test_discounts_refunds_and_taxes_are_not_credits(tmp_path: Path) -> None:
    day = Line(FIRST, hours=24, cost=Decimal(10), list_cost=Decimal(10))
    kinds = ["Refund", "Discount", "EdpDiscount", "SppDiscount", "BundledDiscount", "PrivateRateDiscount"]
    reduced = [replace(day, kind=kind, resource="", cost=Decimal(-1)) for kind in kinds]
    tax, paid = replace(day, kind="Tax", cost=Decimal(2)), credit(replace(day, cost=Decimal(-3)))
    result = costs.report(bill_of(tmp_path, [day, *reduced, tax, paid])).to_dict()
    assert (result["before_credits"], result["credits"], result["to_pay"]) == ({"USD": 6}, {"USD": 3}, {"USD": 3})
    assert result["total"] == 3
    types = costs.breakdown(read_bill(tmp_path / "bill.parquet"), "type").to_dict()
    assert {part["name"]: part["cost"] for part in types["parts"]}["Credit"] == -3


def test_cost_explorer_by_service_does_not_show_credits(tmp_path: Path) -> None:
    metric = {"UnblendedCost": {"Amount": "0", "Unit": "USD"}}
    days = [
        {
            "TimePeriod": {"Start": f"2026-10-{day:02}", "End": f"2026-10-{day + 1:02}"},
            "Groups": [{"Keys": ["AWS Lambda"], "Metrics": metric}],
        }
        for day in range(1, 9)
    ]
    response = {"GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}], "ResultsByTime": days}
    (tmp_path / "ce.json").write_text(json.dumps(response))
    bill = read_bill(tmp_path / "ce.json")
    result = costs.report(bill).to_dict()
    assert (result["before_credits"], result["credits"], result["to_pay"]) == ({"USD": None}, {"USD": None}, {"USD": 0})
    assert any("RECORD_TYPE" in warning for warning in result["warnings"])
    values = costs.credits(bill).to_dict()
    assert (values["used"], values["paid_by_credits"], values["to_pay"]) == (None, None, 0)
    assert "RECORD_TYPE" in values["unknown"]
    assert costs.breakdown(bill).to_dict()["before_credits"] is None
    assert costs.month_end(bill).to_dict()["to_pay"] is None or costs.month_end(bill).to_dict()["expected"] == 0


def test_months_are_compared_before_credits(tmp_path: Path) -> None:
    lines = list(spent(24 * 31))
    november = [replace(line, start=line.start + timedelta(days=31)) for line in spent(24 * 10) if line.kind == "Usage"]
    result = costs.month_over_month(bill_of(tmp_path, [*lines, *november]))
    values = result.to_dict()
    assert values["total_before"] == values["total_after"] == pytest.approx(float(AN_HOUR * 240))
    assert values["credits"] == {"before": pytest.approx(float(AN_HOUR * 240)), "after": 0}
    assert values["to_pay"] == {"before": pytest.approx(0), "after": pytest.approx(float(AN_HOUR * 240))}
    assert "before credits" in repr(result)


def test_what_is_left_tells_how_long_it_lasts(tmp_path: Path) -> None:
    bill = bill_of(tmp_path, spent(24 * 5, Decimal(100)))
    result = costs.credits(bill, left=AN_HOUR * 24 * 10)
    assert (result.left, result.lasts_until) == (AN_HOUR * 240, date(2026, 10, 15))
    assert "enough until 15 October" in repr(result)


def test_the_days_and_the_chart_of_credits(tmp_path: Path) -> None:
    result = costs.credits(bill_of(tmp_path, spent(24 * 20)))
    frame = result.to_frame()
    assert list(frame.columns) == ["used", "paid_by_credits", "to_pay"] and len(frame) == 20
    assert frame["to_pay"].iloc[:13].abs().max() < 1e-9 < frame["to_pay"].iloc[14]
    chart = result.draw()
    assert chart.title == "37.39 USD used, 25.00 paid by credits, 12.39 USD to pay"
    assert "credits ended on 14 October" in chart.figure.axes[0].get_title(loc="right")
    where = costs.breakdown(bill_of(tmp_path, spent(24), "day.parquet"), "usage_type")
    assert where.draw().title == "1.87 USD used, and 58 % of it for NatGateway-Hours"
    assert "1.87 paid by credits, 0.00 USD to pay" in where.draw().figure.axes[0].get_title(loc="left")
    assert list(where.to_frame().columns) == ["cost", "percent", "credits", "to_pay"]


def test_focus_files_have_the_same_credits(tmp_path: Path) -> None:
    discount = replace(Line(FIRST, hours=24), kind="EdpDiscount", resource="", cost=Decimal(-1))
    written = costs.write_focus(bill_of(tmp_path, [*spent(24), discount]), tmp_path / "focus.csv", "1.2")
    values, again = written.to_dict(), costs.report(read_bill(written.file)).to_dict()
    for name, amount in (("before_credits", AN_HOUR * 24 - 1), ("credits", AN_HOUR * 24), ("to_pay", -1)):
        assert values[name] == again[name] == {"USD": pytest.approx(float(amount))}


AMOUNTS = st.decimals(0, 50, places=2)


@given(st.lists(st.tuples(AMOUNTS, st.booleans()), min_size=1, max_size=20), st.integers(0, 10))
def test_what_a_month_leaves_to_pay_is_never_below_what_is_owed_already(
    days: list[tuple[Decimal, bool]], left: int
) -> None:
    paid = [
        CreditDay(date(2026, 10, 1) + timedelta(days=at), cost, cost if is_paid else Decimal(0), cost, is_complete=True)
        for at, (cost, is_paid) in enumerate(days)
    ]
    used, credits_ = sum(day.used for day in paid), sum(day.paid for day in paid)
    result = Credits(CreditSplit(used - credits_, credits_), "USD", tuple(paid), burns_down=True)
    expected = used + 10 * left
    month = month_to_pay(result, expected, left)
    if month.to_pay is not None:
        assert month.to_pay == expected - credits_
    else:
        assert month.while_credits_last is not None and month.if_credits_end is not None
        assert used - credits_ <= month.while_credits_last <= month.if_credits_end == expected - credits_
