"""A bill reads back to the same sums in every format and in every dialect that exports and spreadsheets write."""

import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esaws.costs.bill.bill import Bill
from esaws.costs.bill.queries import by_tag
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.schema import COLUMNS, DECIMAL, FLOAT, column_type
from tests.bills.writing import (
    TIMESTAMPS,
    Dialect,
    Line,
    Row,
    cur,
    flattened,
    focus,
    hours,
    legacy,
    parquet,
    snake,
    text,
    total,
)

pytestmark = pytest.mark.slow

SOAK = "SOAK" in os.environ
"""`make soak` runs more random examples."""

LINES = [
    *hours(30, tags={"team": "web"}),
    *hours(20, resource="i-2", tags={"team": "data", "env": "a, b; c"}, rate=Decimal(0), cost=Decimal(0)),
    Line(
        datetime(2026, 1, 14, 23), "AmazonS3", "EUW3-Requests-Tier1", "PutObject", "bucket", cost=Decimal("0.0000053")
    ),
    Line(datetime(2026, 1, 31, 5), "AmazonRDS", "EUW3-InstanceUsage:db.t3.micro", "", "db", cost=Decimal("12345.678")),
    Line(
        datetime(2026, 1, 3),
        "AmazonEC2",
        "",
        "",
        "",
        kind="Credit",
        cost=Decimal("-1234.5"),
        description='the "credit"',
    ),
    Line(datetime(2026, 1, 2), "AmazonMQ", "EUW3-x", "", "", kind="Tax", cost=Decimal("0.30"), currency="USD"),
]

FORMATS: dict[str, tuple[Callable[[Line], Row], str]] = {
    "CUR 2.0": (cur, "CUR 2.0"),
    "CUR 2.0, flattened": (flattened, "CUR 2.0"),
    "legacy CUR": (legacy, "legacy CUR"),
    "legacy CUR of Athena": (snake, "legacy CUR"),
    "FOCUS 1.0": (focus, "FOCUS 1.0"),
    "FOCUS 1.1": (lambda line: focus(line, "1.1"), "FOCUS 1.1"),
    "FOCUS 1.2": (lambda line: focus(line, "1.2"), "FOCUS 1.2"),
}


def summarize(bill: Bill) -> dict[str, Any]:
    """Facts that do not depend on how the bill was written."""
    lines = bill.lines
    query = lines.aggregate(
        cost=lines.unblended_cost.sum(),
        quantity=lines.quantity.sum(),
        first=lines.start.min(),
        last=lines.end.max(),
        resources=lines.resource_id.nullif("").nunique(),
        accounts=lines.account.nunique(),
    )
    (sums,) = bill.fetch_rows(query)
    tags = {row["tag"]: row["rows"] for row in bill.fetch_rows(by_tag(lines, "team"))}
    currencies = bill.fetch_rows(lines.select("currency").distinct())
    return sums | {"rows": bill.rows, "period": bill.period, "tags": tags, "currency": currencies}


EXPECTED = {
    "cost": total(LINES),
    "quantity": sum(line.quantity for line in LINES),
    "first": datetime(2026, 1, 1),
    "last": datetime(2026, 1, 31, 6),
    "resources": 4,
    "accounts": 1,
    "rows": len(LINES),
    "period": "2026-01",
    "tags": {"web": 30, "data": 20, "": 4},
    "currency": [{"currency": "USD"}],
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, kind) for name in FORMATS for kind in ("text", "floats")),
        ("CUR 2.0", "decimals"),
        ("FOCUS 1.2", "decimals"),
    ],
)
def test_each_format_reads_back_as_text_and_as_parquet(name: str, kind: str, tmp_path: Path) -> None:
    row_of, version = FORMATS[name]
    rows = [row_of(line) for line in LINES]
    path = text(tmp_path / "a", rows) if kind == "text" else parquet(tmp_path / "a", rows, floats=kind == "floats")
    bill = read_bill(path)
    summary = summarize(bill)
    assert bill.format == version
    assert float(summary.pop("cost")) == pytest.approx(float(total(LINES)), abs=1e-9)
    assert summary == {name: value for name, value in EXPECTED.items() if name != "cost"}


@pytest.mark.parametrize("kind", ["text", "floats"])
def test_the_table_has_the_documented_columns_and_types(kind: str, tmp_path: Path) -> None:
    rows = [cur(line) for line in LINES]
    bill = read_bill(text(tmp_path / "a", rows) if kind == "text" else parquet(tmp_path / "a", rows))
    number = DECIMAL if kind == "text" else FLOAT
    assert dict(bill.lines.schema().items()) == {name: column_type(name, number) for name in COLUMNS}


HEADERS: dict[str, Callable[[str], str]] = {
    "unchanged": str,
    "lower": str.lower,
    "upper": lambda name: name if "tag" in name.lower() else name.upper(),
    "spaced": lambda name: name.replace("_", " ").replace("/", " "),
    "padded": lambda name: f" {name} ",
}


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    """Dialects that are not ambiguous: a file whose only number is 1,234 could be in two."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    decimals = draw(st.sampled_from([".", ","])) if delimiter != "," else "."
    thousands = draw(st.sampled_from(["", "\u00a0", "'", "," if decimals == "." else "."]))
    return Dialect(
        delimiter=delimiter,
        decimals=decimals,
        thousands=thousands,
        small=draw(st.sampled_from(["plain", "scientific"])),
        timestamps=draw(st.sampled_from([*TIMESTAMPS, "serial"])),
        null=draw(st.sampled_from(["", "NULL", "null", "NaN", "N/A"])),
        newline=draw(st.sampled_from(["\n", "\r\n"])),
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])),
        header=HEADERS[draw(st.sampled_from(sorted(HEADERS)))],
        reversed_columns=draw(st.booleans()),
        quoted=draw(st.booleans()),
        total_row=draw(st.booleans()),
        gzip=draw(st.booleans()),
    )


@settings(max_examples=200 if SOAK else 15, deadline=None)
@given(
    name=st.sampled_from(["CUR 2.0", "legacy CUR", "legacy CUR of Athena", "FOCUS 1.0", "FOCUS 1.2"]),
    dialect=dialects(),
)
def test_a_bill_in_any_dialect_reads_back_to_the_same_sums(name: str, dialect: Dialect) -> None:
    row_of, version = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        bill = read_bill(text(Path(folder) / "bill", [row_of(line) for line in LINES], dialect))
        assert bill.format == version
        assert summarize(bill) == EXPECTED
        assert any("total row, not counted" in warning for warning in bill.warnings) == dialect.total_row


amounts = st.decimals(min_value="-1e12", max_value="1e12", places=12, allow_nan=False, allow_infinity=False)


@settings(max_examples=50 if SOAK else 5, deadline=None)
@given(costs=st.lists(amounts, min_size=1, max_size=30), decimals=st.sampled_from([".", ","]))
def test_sums_of_text_are_exact(costs: list[Decimal], decimals: str) -> None:
    lines = [Line(datetime(2026, 1, 1), resource=f"i-{number}", cost=cost) for number, cost in enumerate(costs)]
    with tempfile.TemporaryDirectory() as folder:
        dialect = Dialect(delimiter=";", decimals=decimals)
        bill = read_bill(text(Path(folder) / "bill", [legacy(line) for line in lines], dialect))
        assert summarize(bill)["cost"] == sum(costs)
