"""A bill of every kind, sample or real, for tests that hold for all kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.bills.writing import Line, Row, cur, explorer, flattened, focus, hours, legacy, parquet, snake, text

DATA = Path(__file__).parents[1] / "bills/data"

LINES = [
    *hours(30, tags={"team": "web", "quote": 'a "b" {c}'}),
    *hours(20, resource="i-0123456789abcdef0", rate=Decimal(0), cost=Decimal(0)),
    *hours(10, datetime(2026, 2, 1), service="AmazonS3", usage_type="EUW3-Requests-Tier1", account="222222222222"),
    Line(datetime(2026, 1, 31), "AmazonRDS", "EUW3-x", cost=Decimal("0.3"), resource="", unit=""),
    Line(datetime(2026, 1, 1), "AmazonEC2", "", "", "", kind="Tax", cost=Decimal("12.34"), quantity=Decimal(1)),
    Line(datetime(2026, 1, 1), "AmazonEC2", "EUW3-c", "", "", kind="Credit", cost=Decimal("-3.21")),
    Line(datetime(2026, 1, 1), "AmazonEC2", "EUW3-c", "", "", kind="Refund", cost=Decimal("-0.07")),
    Line(datetime(2026, 1, 1), "ocbSomeSeller", "sub", "", "", kind="Fee", cost=Decimal("99"), hours=744),
]

PLAN = "arn:aws:savingsplans::123456789012:savingsplan/0a1b"
RESERVATION = "arn:aws:ec2:eu-west-3:123456789012:reserved-instances/2c3d"


def committed(line: Line) -> Row:
    """A row of a CUR with the columns of reservations and Savings Plans."""
    plan = line.kind.startswith("SavingsPlan")
    return {
        **cur(line),
        "savings_plan_savings_plan_a_r_n": PLAN if plan else "",
        "savings_plan_savings_plan_effective_cost": Decimal("0.009"),
        "savings_plan_total_commitment_to_date": Decimal("0.5"),
        "savings_plan_used_commitment": Decimal("0.2"),
        "reservation_reservation_a_r_n": "" if plan or line.kind == "Usage" else RESERVATION,
        "reservation_effective_cost": Decimal("0.008"),
        "product_sku": "HQEH3ZWJVT46JHRG",
        "pricing_rate_code": "HQEH3ZWJVT46JHRG.JRTCKXETXF.6YS6EN2CT7",
        "pricing_term": "OnDemand" if line.kind == "Usage" else "Reserved" if not plan else "",
        "bill_invoicing_entity": "Amazon Web Services EMEA SARL",
        "line_item_legal_entity": "Amazon Web Services EMEA SARL",
    }


COMMITTED = [
    *hours(2),
    *hours(2, kind="SavingsPlanCoveredUsage", resource="i-2"),
    *hours(2, kind="SavingsPlanNegation", resource="i-2", cost=Decimal("-0.0132")),
    *hours(1, kind="SavingsPlanRecurringFee", resource="", cost=Decimal("0.5")),
    *hours(2, kind="DiscountedUsage", resource="i-3", cost=Decimal(0), rate=Decimal(0)),
    *hours(1, kind="RIFee", resource="", cost=Decimal("5.84"), hours=744),
    *hours(2, usage_type="EUW3-SpotUsage:t3.micro", resource="i-4"),
]


def _explorer(*by: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "answer.json"
        path.write_text(json.dumps(explorer(LINES, *by)))
        return path

    return write


def _rows(write: Callable[..., Path], name: str, row: Callable[[Line], Row], **how: Any) -> Callable[[Path], Path]:
    return lambda folder: write(folder / name, [row(line) for line in LINES], **how)


KINDS: Mapping[str, Callable[[Path], Path]] = {
    "CUR 2.0": _rows(parquet, "a.parquet", cur),
    "CUR 2.0 in decimals": _rows(parquet, "a.parquet", cur, floats=False),
    "CUR 2.0 flattened": _rows(parquet, "a.parquet", flattened),
    "CUR 2.0 with commitments": lambda folder: parquet(folder / "a.parquet", [committed(line) for line in COMMITTED]),
    "legacy CUR": _rows(text, "a.csv", legacy),
    "legacy CUR of Athena": _rows(text, "a.csv", snake),
    "legacy CUR, real": lambda folder: DATA / "cur_legacy_focus_converters_anonymous.csv",
    "FOCUS 1.2": _rows(text, "a.csv", lambda line: focus(line, "1.2")),
    "FOCUS 1.0, real": lambda folder: DATA / "focus_1_0_sample_1000_multicloud.csv",
    "Cost Explorer": _explorer("SERVICE", "USAGE_TYPE"),
    "Cost Explorer, sums": _explorer(),
    "Cost Explorer, real": lambda folder: DATA / "ce_sample_chunk_monthly_services_per_account_spa_Apache2.json",
}
"""The kind of a bill → a function that writes one into a folder and returns its path."""
