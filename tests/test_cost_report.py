"""The cost report: of bill files and of Cost Explorer, with an unknown answer where the bill can't give one."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.costs import Bill, CostReport, Unknown, cost_report, monthly_report, read_bill
from esaws.costs.cost_explorer import CachedResponse
from esaws.errors import UsageError
from esaws.pricelist import region_of, with_prefix
from tests.bills.writing import Line, cur, hours, parquet

OCTOBER, NOVEMBER = datetime(2026, 10, 1), datetime(2026, 11, 1)
AWAY = Cloud.at("http://127.0.0.1:9", account="123456789012")
"""Files need no account: nothing answers here."""


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October whole and ten days of November at 0.48 USD a day; credits pay a quarter of November."""
    day = {"rate": Decimal("0.02"), "cost": Decimal("0.02"), "usage_type": "EUW3-BoxUsage:t3.micro"}
    credit = Line(NOVEMBER + timedelta(days=9), kind="Credit", cost=Decimal("-1.2"), quantity=Decimal(0))
    lines = [*hours(24 * 31, OCTOBER, **day), *hours(24 * 10, NOVEMBER, **day), credit]
    return parquet(tmp_path_factory.mktemp("report") / "bill.parquet", [cur(line) for line in lines])


@pytest.fixture(scope="module")
def november(bill: Path) -> CostReport:
    return cost_report(AWAY, bill, profile="budget")


def test_a_report_of_files_answers_for_the_last_month(november: CostReport) -> None:
    assert november.month == date(2026, 11, 1)
    split = november.credits.split
    assert (float(split.to_pay), float(split.credits or 0)) == pytest.approx((3.6, 1.2))
    assert not isinstance(november.month_end, Unknown)
    assert float(november.month_end.expected) == pytest.approx(30 * 0.48, rel=0.05)
    assert not isinstance(november.changes, Unknown) and november.changes.total_after == Decimal("4.8")
    assert [*november.to_frame().columns] == ["question", "answer"]
    assert november.draw()._repr_svg_()


def test_decisions_are_of_the_cost_before_credits(november: CostReport) -> None:
    assert not isinstance(november.decisions, Unknown)
    assert float(november.decisions.total_usd) == pytest.approx(4.8)


def test_decisions_of_a_bill_that_list_prices_do_not_explain_are_unknown(tmp_path: Path) -> None:
    dear = hours(48, NOVEMBER, cost=Decimal("0.5"), usage_type="EUW3-BoxUsage:t3.micro")
    bill = read_bill(parquet(tmp_path / "dear.parquet", [cur(line) for line in dear]))
    found = monthly_report._decisions(bill, "", date(2026, 11, 1), "budget", "none", "eu-west-3")
    assert isinstance(found, Unknown)
    assert "charged otherwise" in found.reason


def test_a_month_before_the_first_has_nothing_to_compare_with(bill: Path) -> None:
    found = cost_report(AWAY, bill, month=date(2026, 10, 17))
    assert found.month == date(2026, 10, 1)
    assert not isinstance(found.month_end, Unknown) and found.month_end.at_least == found.month_end.so_far
    content = json.loads(json.dumps(found.to_dict()))
    assert content["month"] == "2026-10"
    assert content["to_date"]["to_pay"] == pytest.approx(31 * 0.48)
    assert "no month before 2026-10" in content["changes"]["unknown"]
    assert "no profile" in content["decisions"]["unknown"]


@pytest.mark.parametrize(("options", "text"), [({"month": date(2026, 8, 1)}, "2026-08"), ({"currency": "EUR"}, "EUR")])
def test_what_the_bill_does_not_have_is_a_usage_error(bill: Path, options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        cost_report(AWAY, bill, **options)


# --- Cost Explorer


def last_day(bill: Bill) -> date:
    """The last day with a line."""
    (row,) = bill.fetch_rows(bill.lines.aggregate(start=bill.lines.start.max()))
    day: date = row["start"].date()
    return day


def test_on_aws_the_last_two_days_are_read_but_not_projected_from(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {name: {"Amount": "1", "Unit": "USD"} for name in ("UnblendedCost", "AmortizedCost", "UsageQuantity")}
    definitions = [{"Type": "DIMENSION", "Key": key} for key in ("SERVICE", "USAGE_TYPE")]

    def respond(cloud: Cloud, request: dict[str, Any]) -> CachedResponse:
        start, end = (date.fromisoformat(request["TimePeriod"][name]) for name in ("Start", "End"))
        days = [start + timedelta(days=at) for at in range((end - start).days)] if "Not" in request["Filter"] else []
        results = [
            {
                "TimePeriod": {"Start": str(day), "End": str(day + timedelta(days=1))},
                "Groups": [{"Keys": ["Amazon MQ", "EUW3-X"], "Metrics": metrics}],
            }
            for day in days
        ]
        return CachedResponse([{"GroupDefinitions": definitions, "ResultsByTime": results}], 1, 0.01)

    monkeypatch.setattr("esaws.costs.bill.sources.cost_explorer.get_cost_and_usage_cached", respond)
    read = monthly_report._read_cost_explorer(Cloud.aws("123456789012"), date(2026, 11, 20), None)
    assert read.bill and read.complete
    ends = [
        one.fetch_rows(one.lines.aggregate(end=one.lines.end.max()))[0]["end"] for one in (read.bill, read.complete)
    ]
    assert [end.date() for end in ends] == [date(2026, 11, 21), date(2026, 11, 19)]
    assert read.bill.months == (date(2026, 10, 1), date(2026, 11, 1))
    assert "a day late" in read.warnings[-1] and "2026-11-18" in read.warnings[-1]
    first_day = monthly_report._read_cost_explorer(Cloud.aws("123456789012"), date(2026, 11, 20), date(2026, 10, 5))
    assert first_day.bill is first_day.complete  # October is over


def test_an_account_without_costs_has_a_report_of_unknowns(cloud: Cloud) -> None:
    found = cost_report(cloud, profile="budget")
    assert found.bill is None
    answers = found.to_dict()
    unknown = [name for name, answer in answers.items() if isinstance(answer, dict) and answer.get("unknown")]
    assert unknown == ["to_date", "month_end", "by_service", "changes", "waste", "decisions"]
    assert "has no costs from" in answers["month_end"]["unknown"]
    assert found.draw()._repr_svg_()


@pytest.mark.parametrize("region", ["eu-west-3", "eu-west-1", "us-east-2", "ap-south-1"])
def test_the_prefix_of_a_usage_type_names_its_region(region: str) -> None:
    assert region_of(with_prefix("BoxUsage:t3.micro", region)) == region
    assert region_of("BoxUsage:t3.micro") is None
