"""Queries for Athena and Trino name columns, filter by partition, and use only functions that both have."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pytest
import sqlglot
from sqlglot import exp

from esaws.costs.analysis.breakdown import dimension_column, split_costs
from esaws.costs.bill import queries
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.dedup.duplicate_rows import count_rows_and_keys, drop_duplicates
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.bill.sources.sql import detect_table, parse_source, read_lines
from esaws.costs.engines import open_engine, warehouse
from esaws.costs.engines.spark import master_url
from esaws.costs.engines.warehouse import WarehouseEngine, connect_arguments
from esaws.errors import UsageError
from tests.bills.writing import cur, focus, hours, parquet, snake, total

pytestmark = pytest.mark.slow

LINES = hours(5, tags={"team": "web"})


def table(row: dict[str, Any], **partitions: str) -> Any:
    """A table as a crawler defines it for Parquet files with such rows."""
    kinds = {"Decimal": "float64", "datetime": "timestamp(3)", "dict": "map<string, string>"}
    columns = {name: kinds.get(type(value).__name__, "string") for name, value in row.items()}
    return ibis.table(columns | partitions, name="hourly")


CUR_2 = table(cur(LINES[0]), billing_period="string")
LEGACY = table(snake(LINES[0]), year="string", month="string")
LEGACY_IN_NUMBERS = table(snake(LINES[0]), year="int32", month="int32")
FOCUS = table(focus(LINES[0]), billing_period="string")
TABLES = {"CUR 2.0": CUR_2, "legacy CUR": LEGACY, "FOCUS": FOCUS}
MONTHS = [date(2026, 1, 1), date(2026, 2, 1)]

QUERIES: dict[str, Callable[[Any], Any]] = {
    **{query.__name__: query for query in (queries.totals, queries.by_service, queries.by_usage_type, queries.by_day)},
    **{
        query.__name__: query
        for query in (queries.by_resource, queries.by_month, queries.free_usage, count_rows_and_keys)
    },
    "by_tag": lambda lines: queries.by_tag(lines, "team"),
    "amortized": lambda lines: queries.by_service(lines, "amortized"),
    "spending": queries.spending,
    "split_costs": lambda lines: ibis.union(*split_costs(with_parts(lines))),
    "once": lambda lines: queries.totals(drop_duplicates(lines)),
}


def with_parts(lines: Any) -> Any:
    """Lines as a breakdown by cluster has them."""
    return lines.mutate(part=dimension_column(lines, "cluster"), label=ibis.null("string"), amount=lines.unblended_cost)


@pytest.mark.parametrize(
    ("query", "format_", "dialect"),
    [
        *((query, "CUR 2.0", "athena") for query in QUERIES),
        *((query, "legacy CUR", "trino") for query in ("by_service", "by_tag", "amortized", "free_usage", "once")),
        *((query, "FOCUS", "athena") for query in ("totals", "by_usage_type", "by_tag", "free_usage")),
    ],
)
def test_queries_name_columns_and_filter_by_partition(query: str, format_: str, dialect: str) -> None:
    source = TABLES[format_]
    lines = read_lines(source, detect_table("hourly", source), MONTHS)
    parsed = sqlglot.parse_one(str(ibis.to_sql(QUERIES[query](lines), dialect=dialect)), dialect=dialect)
    scans = [select for select in parsed.find_all(exp.Select) if is_scan(select)]
    assert scans and not any(scan.is_star for scan in scans)
    for scan in scans:
        columns = {column.name for column in scan.args["where"].find_all(exp.Column)}
        assert columns >= ({"year", "month"} if format_ == "legacy CUR" else {"billing_period"})
    assert "QUANTILE" not in parsed.sql().upper()


def is_scan(select: exp.Select) -> bool:
    """Whether a SELECT reads the table itself."""
    source = select.args.get("from_") or select.args.get("from")
    return source is not None and isinstance(source.this, exp.Table) and source.this.name == "hourly"


@pytest.mark.parametrize(
    ("source", "predicate"),
    [
        (CUR_2, "t0.billing_period IN ('2026-01', '2026-02')"),
        (LEGACY, "t0.year = '2026' AND t0.month IN ('1', '01')"),
        (LEGACY_IN_NUMBERS, "t0.year = 2026 AND t0.month = 1"),
    ],
    ids=["CUR 2.0", "legacy CUR", "legacy CUR with numbers"],
)
def test_months_are_filtered_by_partition(source: Any, predicate: str) -> None:
    lines = read_lines(source, detect_table("hourly", source), MONTHS)
    statement = str(ibis.to_sql(queries.totals(lines), dialect="athena"))
    for noise in '"()':
        statement, predicate = statement.replace(noise, ""), predicate.replace(noise, "")
    assert predicate in " ".join(statement.split())


def test_without_months_there_is_no_partition_filter() -> None:
    lines = read_lines(CUR_2, detect_table("hourly", CUR_2), [])
    assert '"billing_period"' not in str(ibis.to_sql(queries.totals(lines), dialect="athena"))


@pytest.mark.parametrize(
    ("source", "name", "months"),
    [
        ("hourly", "hourly", []),
        ("cur.hourly@2026-01", "cur.hourly", [date(2026, 1, 1)]),
        ("cur.hourly@2025-12..2026-02", "cur.hourly", [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]),
    ],
)
def test_a_source_names_a_parse_source(source: str, name: str, months: list[date]) -> None:
    assert parse_source(source) == (name, months)


@pytest.mark.parametrize("source", ["x@", "x@2026", "x@2026-13", "x@2026-02..2026-01", "@2026-01", ""])
def test_an_invalid_source_is_refused(source: str) -> None:
    with pytest.raises(UsageError):
        parse_source(source)


def test_a_table_that_is_not_a_bill_is_refused() -> None:
    with pytest.raises(UnreadableBill, match="hourly: not a bill"):
        detect_table("hourly", ibis.table({"a": "int64"}, name="hourly"))


# --- a warehouse, with DuckDB in its place


class FakeWarehouse(WarehouseEngine):
    """A warehouse whose table is a Parquet file."""

    def __init__(self, folder: Path):
        self.name = "trino"
        self._backend = ibis.duckdb.connect()
        self._backend.read_parquet(folder / "hourly.parquet", table_name="hourly")


def bill_of(source: str, rows: list[dict[str, Any]], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bill:
    parquet(folder / "hourly.parquet", rows)
    monkeypatch.setattr(warehouse, "WarehouseEngine", lambda url: FakeWarehouse(folder))
    return read_bill(source, engine="trino://ada@host/a/b")


def test_a_table_is_read_as_a_bill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**cur(line), "billing_period": "2026-01"} for line in LINES]
    result = report(bill_of("hourly@2026-01", rows, tmp_path, monkeypatch))
    assert (result.bill.format, result.bill.period, result.bill.rows) == ("CUR 2.0", "2026-01", 5)
    assert float(result.total or 0) == pytest.approx(float(total(LINES)))
    assert result.warnings == ()


def test_duplicate_rows_of_a_table_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**cur(line), "billing_period": "2026-01"} for line in [*LINES, *LINES[:2]]]
    result = report(bill_of("hourly", rows, tmp_path, monkeypatch))
    assert float(result.total or 0) == pytest.approx(float(total(LINES)))
    assert result.bill.rows == 5
    assert "hourly: duplicate rows dropped (same key and usage): 2" in result.warnings


def test_a_missing_table_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="trino has no table daily"):
        bill_of("daily", [cur(line) for line in LINES], tmp_path, monkeypatch)


def test_a_warehouse_reads_no_files(tmp_path: Path) -> None:
    parquet(tmp_path / "hourly.parquet", [cur(line) for line in LINES])
    with pytest.raises(UsageError, match="reads tables, not files"):
        FakeWarehouse(tmp_path).read_parquet([tmp_path])


# --- URLs


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("athena://cur?work_group=primary", {"schema_name": "cur", "work_group": "primary"}),
        (
            "athena://cur?s3_staging_dir=s3://bucket/results&region_name=eu-west-3",
            {"schema_name": "cur", "s3_staging_dir": "s3://bucket/results", "region_name": "eu-west-3"},
        ),
        (
            "trino://ada@h:8080/hive/cur",
            {"host": "h", "port": 8080, "user": "ada", "database": "hive", "schema": "cur"},
        ),
        ("trino://h/hive/cur", {"host": "h", "database": "hive", "schema": "cur"}),
    ],
)
def test_a_url_gives_the_arguments_of_connect(url: str, expected: dict[str, Any]) -> None:
    assert connect_arguments(url) == expected


@pytest.mark.parametrize("url", ["athena://cur", "athena://", "trino://host", "trino:///hive/cur"])
def test_an_incomplete_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"Add \?work_group|Write trino://"):
        connect_arguments(url)


@pytest.mark.parametrize(
    ("host", "master"),
    [("", "local[*]"), ("local[2]", "local[2]"), ("host:7077", "spark://host:7077"), ("yarn", "yarn")],
)
def test_a_url_gives_the_master_of_spark(host: str, master: str) -> None:
    assert master_url(host) == master


@pytest.mark.parametrize("url", ["mysql://x", "sparkle", "duck"])
def test_an_unknown_engine_is_an_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown engine"):
        open_engine(url, tmp_path)


def test_a_password_in_a_url_is_not_in_the_error() -> None:
    with pytest.raises(UsageError) as caught:
        connect_arguments("trino://ada:secret@host")
    assert "secret" not in str(caught.value) and "ada" in str(caught.value)
