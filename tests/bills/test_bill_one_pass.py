"""Text that exports write is converted in one pass, with the values that the careful way gives; other text is not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from esaws.costs.bill import parquet
from esaws.costs.bill.queries import by_service, by_tag
from esaws.costs.bill.read import read_bill
from esaws.costs.engines.duckdb import DuckDBEngine
from tests.bills.writing import Line, Row, cur, focus, hours, legacy, snake, text

pytestmark = pytest.mark.slow

LINES = [
    *hours(3, tags={"team": "web", "quote": 'a "b" {c}'}),
    *hours(2, tags={}, resource="", unit="NULL"),
    Line(hours(1)[0].start, kind="Tax", description="ünïcode, with a comma\nand a line"),
]
KINDS: dict[str, Callable[[Line], Row]] = {"CUR 2.0": cur, "legacy": legacy, "of Athena": snake, "FOCUS": focus}


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each file was converted in one pass."""
    results: list[bool] = []
    direct = parquet.write_directly

    def spy(*arguments: Any) -> bool:
        results.append(direct(*arguments))
        return results[-1]

    monkeypatch.setattr(parquet, "write_directly", spy)
    return results


def rows_of(path: Path) -> list[dict[str, Any]]:
    bill = read_bill(path)
    return [{**row, "tags": dict(row["tags"] or {})} for row in bill.fetch_rows(bill.lines)]


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_give_the_same_rows(
    kind: str, passes: list[bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = text(tmp_path / "bill.csv", [KINDS[kind](line) for line in LINES])
    in_one_pass = rows_of(path)
    assert passes == [True]
    monkeypatch.setattr(parquet, "write_directly", lambda *arguments: False)
    assert rows_of(path) == in_one_pass and len(in_one_pass) == len(LINES)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("line_item_usage_amount", "1,5"),
        ("line_item_usage_amount", "$1.5"),
        ("line_item_usage_amount", "n/a"),
        ("line_item_usage_start_date", "2026-01-01T01:00:00+01:00"),
        ("line_item_usage_start_date", "2026-01-01 00:00"),
        ("line_item_product_code", " AmazonEC2"),
        ("line_item_product_code", "AmazonEC2\t"),
        ("line_item_product_code", "AmazonEC2\u00a0"),
        ("line_item_product_code", "\u00a0AmazonEC2"),
        ("resource_tags", '{"user_team": null}'),
        ("resource_tags", '{"user_team": {"a": 1}}'),
        ("resource_tags", '"user_team": "web"'),
        ("resource_tags", "{user_team"),
    ],
)
def test_any_other_spelling_is_left_to_the_careful_way(
    column: str, cell: str, passes: list[bool], tmp_path: Path
) -> None:
    rows = [cur(line) for line in hours(3)]
    rows[2][column] = cell
    if column == "line_item_usage_amount":
        rows = [{**row, "line_item_usage_amount": cell} for row in rows]
    bill = read_bill(text(tmp_path / "bill.csv", rows))
    assert passes == [False] and bill.rows == 3
    services = {row["service"] for row in bill.fetch_rows(bill.lines.select("service"))}
    assert services == {"AmazonEC2"}


def test_a_blank_in_a_column_of_a_tag_is_cut(passes: list[bool], tmp_path: Path) -> None:
    rows = [legacy(line) for line in hours(2, tags={"team": "web "})]
    bill = read_bill(text(tmp_path / "bill.csv", rows))
    assert passes == [False]
    assert [row["tag"] for row in bill.fetch_rows(by_tag(bill.lines, "team"))] == ["web"]


def test_a_number_is_exact_whatever_its_decimals(passes: list[bool], tmp_path: Path) -> None:
    rows = [{**cur(line), "line_item_unblended_cost": "0.123456789012345678"} for line in hours(2)]
    bill = read_bill(text(tmp_path / "bill.csv", rows))
    assert passes == [True]
    assert str(pq.read_table(bill.files[0].path)["line_item_unblended_cost"][0]) == "0.123456789012345678"


def test_maps_stay_json_until_a_query_needs_them(tmp_path: Path) -> None:
    rows = [cur(line) for line in [*hours(2, tags={"team": "web"}), *hours(1, resource="i-3", tags={"team": "data"})]]
    text(tmp_path / "bill-1.csv", rows)
    text(tmp_path / "bill-2.csv", [cur(line) for line in hours(2, resource="i-2", tags={})])
    bill = read_bill(tmp_path)
    assert all("resource_tags" in file.json_maps for file in bill.files) and len(bill.files) == 2
    assert {row["tag"]: row["rows"] for row in bill.fetch_rows(by_tag(bill.lines, "team"))} == {
        "web": 2,
        "data": 1,
        "": 2,
    }
    assert isinstance(bill.engine, DuckDBEngine)
    plan = str(bill.engine.run_sql(f"EXPLAIN {bill.engine.compile(by_service(bill.lines))}"))
    assert "JOIN" not in plan
