"""Totals of real bills equal the sum of the raw column, added up by other means."""

import csv
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report

DATA = Path(__file__).parent / "data"
CUR = DATA / "cur_legacy_focus_converters_anonymous.csv"
FOCUS = DATA / "focus_1_0_sample_1000_multicloud.csv"


def raw(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def sums(rows: list[dict[str, str]], amount: str, by: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row[by] if row[by] != "NULL" else ""] += Decimal(row[amount] or 0)
    return dict(found)


@pytest.mark.parametrize(
    ("path", "name", "amount", "metric", "service", "period"),
    [
        (CUR, "legacy CUR", "lineItem/UnblendedCost", "unblended", "lineItem/ProductCode", "2023-11"),
        (CUR, "legacy CUR", "lineItem/BlendedCost", "blended", "lineItem/ProductCode", "2023-11"),
        (FOCUS, "FOCUS 1.0", "BilledCost", "unblended", "ServiceName", "2024-09/2024-10"),
        (FOCUS, "FOCUS 1.0", "EffectiveCost", "amortized", "ServiceName", "2024-09/2024-10"),
    ],
)
def test_a_total_is_the_sum_of_the_raw_column(
    path: Path, name: str, amount: str, metric: str, service: str, period: str
) -> None:
    rows = raw(path)
    found = report(read_bill(path), metric)
    assert (found.bill.format, found.bill.rows, found.bill.period) == (name, len(rows), period)
    assert found.total == sum(Decimal(row[amount]) for row in rows)
    assert found.totals == {"USD": found.total}
    assert {what: cost for (what, _), cost in found.by_service.items()} == sums(rows, amount, service)


def test_usage_types_add_up_to_the_total() -> None:
    found = report(read_bill(CUR))
    expected = sums(raw(CUR), "lineItem/UnblendedCost", "lineItem/UsageType")
    assert {what: cost for (what, _), cost in found.by_usage_type.items()} == expected


def groups(path: Path) -> list[tuple[list[str], dict[str, Any]]]:
    results = json.loads(path.read_text())["ResultsByTime"]
    return [(group["Keys"], group["Metrics"]["UnblendedCost"]) for result in results for group in result["Groups"]]


@pytest.mark.parametrize("path", sorted(DATA.glob("ce_*.json")), ids=lambda path: path.stem[16:40])
def test_the_total_of_an_answer_of_cost_explorer_is_the_sum_of_its_groups(path: Path) -> None:
    found = report(read_bill(path))
    assert found.bill.format == "Cost Explorer"
    assert found.bill.rows == len(groups(path))
    assert found.total == sum(Decimal(metric["Amount"]) for _, metric in groups(path))
    assert found.currency == "USD"


def test_all_providers_of_a_focus_bill_are_counted_and_it_is_said() -> None:
    assert (
        "all are counted: 942 rows of AWS, 51 rows of Microsoft, 7 rows of Oracle" in report(read_bill(FOCUS)).warnings
    )


def test_free_usage_of_a_cur_is_worth_its_list_price() -> None:
    free = [
        row
        for row in raw(CUR)
        if row["lineItem/LineItemType"] == "Usage"
        and Decimal(row["lineItem/UnblendedRate"] or 1) == 0
        and Decimal(row["pricing/publicOnDemandCost"] or 0) > 0
    ]
    found = report(read_bill(CUR))
    assert sum(each.benefit or 0 for each in found.free) == sum(
        Decimal(row["pricing/publicOnDemandCost"]) for row in free
    )
    assert sum(each.quantity for each in found.free) == sum(Decimal(row["lineItem/UsageAmount"]) for row in free)
    transfer = sum(
        Decimal(row["lineItem/UsageAmount"]) for row in free if "DataTransfer-Out-Bytes" in row["lineItem/UsageType"]
    )
    assert [(each.quantity, each.cap) for each in found.free if each.allowance == "AWSDataTransfer GB"] == [
        (transfer, 100)
    ]


def test_focus_alone_cannot_value_what_was_free() -> None:
    found = report(read_bill(FOCUS))
    assert found.free and all(each.benefit is None for each in found.free)
    assert any("list price of 0" in warning for warning in found.warnings)
