"""Totals of real bills equal the sum of the raw column, added up with Python's csv and json."""

import csv
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent / "data"
CUR = DATA / "cur_legacy_focus_converters_anonymous.csv"
FOCUS = DATA / "focus_1_0_sample_1000_multicloud.csv"


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def sums(rows: list[dict[str, str]], amount: str, by: str) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        totals[row[by] if row[by] != "NULL" else ""] += Decimal(row[amount] or 0)
    return dict(totals)


@pytest.mark.parametrize(
    ("path", "format_", "amount", "metric", "service", "period"),
    [
        (CUR, "legacy CUR", "lineItem/UnblendedCost", "unblended", "lineItem/ProductCode", "2023-11"),
        (CUR, "legacy CUR", "lineItem/BlendedCost", "blended", "lineItem/ProductCode", "2023-11"),
        (FOCUS, "FOCUS 1.0", "BilledCost", "unblended", "ServiceName", "2024-09/2024-10"),
        (FOCUS, "FOCUS 1.0", "EffectiveCost", "amortized", "ServiceName", "2024-09/2024-10"),
    ],
)
def test_a_total_is_the_sum_of_the_raw_column(
    path: Path, format_: str, amount: str, metric: str, service: str, period: str
) -> None:
    rows = read_csv(path)
    result = report(read_bill(path), metric)
    assert (result.bill.format, result.bill.rows, result.bill.period) == (format_, len(rows), period)
    assert result.total == sum(Decimal(row[amount]) for row in rows)
    assert result.totals == {"USD": result.total}
    assert {name: cost for (name, _), cost in result.by_service.items()} == sums(rows, amount, service)


def test_usage_types_add_up_to_the_total() -> None:
    result = report(read_bill(CUR))
    expected = sums(read_csv(CUR), "lineItem/UnblendedCost", "lineItem/UsageType")
    assert {name: cost for (name, _), cost in result.by_usage_type.items()} == expected


def groups(path: Path) -> list[tuple[list[str], dict[str, Any]]]:
    results = json.loads(path.read_text())["ResultsByTime"]
    return [(group["Keys"], group["Metrics"]["UnblendedCost"]) for result in results for group in result["Groups"]]


@pytest.mark.parametrize("path", sorted(DATA.glob("ce_*.json")), ids=lambda path: path.stem[16:40])
def test_the_total_of_a_cost_explorer_response_is_the_sum_of_its_groups(path: Path) -> None:
    result = report(read_bill(path))
    assert result.bill.format == "Cost Explorer"
    assert result.bill.rows == len(groups(path))
    assert result.total == sum(Decimal(metric["Amount"]) for _, metric in groups(path))
    assert result.currency == "USD"


def test_all_providers_of_a_focus_bill_are_counted_with_a_warning() -> None:
    assert (
        "several providers, all counted: 942 rows of AWS, 51 rows of Microsoft, 7 rows of Oracle"
        in report(read_bill(FOCUS)).warnings
    )


def test_the_benefit_of_free_usage_in_a_cur_is_its_list_price() -> None:
    free = [
        row
        for row in read_csv(CUR)
        if row["lineItem/LineItemType"] == "Usage"
        and Decimal(row["lineItem/UnblendedRate"] or 1) == 0
        and Decimal(row["pricing/publicOnDemandCost"] or 0) > 0
    ]
    result = report(read_bill(CUR))
    assert sum(usage.benefit or 0 for usage in result.free) == sum(
        Decimal(row["pricing/publicOnDemandCost"]) for row in free
    )
    assert sum(usage.quantity for usage in result.free) == sum(Decimal(row["lineItem/UsageAmount"]) for row in free)
    transfer = sum(
        Decimal(row["lineItem/UsageAmount"]) for row in free if "DataTransfer-Out-Bytes" in row["lineItem/UsageType"]
    )
    assert [(usage.quantity, usage.cap) for usage in result.free if usage.allowance == "AWSDataTransfer GB"] == [
        (transfer, 100)
    ]


def test_the_benefit_of_free_usage_in_focus_is_unknown() -> None:
    result = report(read_bill(FOCUS))
    assert result.free and all(usage.benefit is None for usage in result.free)
    assert any("list price of 0" in warning for warning in result.warnings)


# --- how results show themselves


def test_a_bill_gives_its_facts_as_text_json_and_frame() -> None:
    bill = read_bill(FOCUS)
    assert str(bill) == "FOCUS 1.0, 2024-09/2024-10, 1,000 rows"
    assert repr(bill) == f"<Bill {bill}>"
    facts = bill.to_dict()
    assert list(facts) == ["format", "rows", "period", "metrics", "warnings"]
    assert json.loads(json.dumps(facts))["metrics"] == ["unblended", "amortized", "net_unblended", "net_amortized"]
    lines = bill.to_frame()
    assert len(lines) == 1000 and float(lines.unblended_cost.sum()) == pytest.approx(float(report(bill).total or 0))
    assert f"<p>{bill}</p>" in bill._repr_html_()


def test_a_report_shows_its_services_as_a_table() -> None:
    result = report(read_bill(CUR))
    frame = result.to_frame()
    assert list(frame.columns) == ["service", "currency", "cost"]
    assert frame.cost.is_monotonic_decreasing
    assert float(frame.cost.sum()) == pytest.approx(float(result.total or 0))
    assert f"{result.total:,.2f} USD" in repr(result) and frame.service[0] in result._repr_html_()
