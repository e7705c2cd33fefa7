"""What Athena and Trino are asked: columns by name, partitions where months are wanted, and nothing they don't know."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pytest
import sqlglot
from sqlglot import exp

from esaws.costs.bill import queries
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.dedup.duplicate_rows import counted, once
from esaws.costs.bill.files import Unreadable
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.bill.sources.sql import lines_of, recognised_table, table_and_months
from esaws.costs.engines import warehouse
from esaws.costs.engines.engine import engine_of
from esaws.costs.engines.spark import master_of
from esaws.costs.engines.warehouse import Warehouse, connection
from esaws.errors import UsageError
from tests.bills.writing import cur, focus, hours, parquet, snake, total

LINES = hours(5, tags={"team": "web"})


def table(row: dict[str, Any], **partitions: str) -> Any:
    """A table as a crawler makes it of Parquet files with such rows."""
    kinds = {"Decimal": "float64", "datetime": "timestamp(3)", "dict": "map<string, string>"}
    columns = {name: kinds.get(type(value).__name__, "string") for name, value in row.items()}
    return ibis.table(columns | partitions, name="hourly")


CUR_2 = table(cur(LINES[0]), billing_period="string")
LEGACY = table(snake(LINES[0]), year="string", month="string")
LEGACY_IN_NUMBERS = table(snake(LINES[0]), year="int32", month="int32")
FOCUS = table(focus(LINES[0]), billing_period="string")
TABLES = {"CUR 2.0": CUR_2, "legacy CUR": LEGACY, "FOCUS": FOCUS}
MONTHS = [date(2026, 1, 1), date(2026, 2, 1)]

ASKED: dict[str, Callable[[Any], Any]] = {
    **{each.__name__: each for each in (queries.totals, queries.by_service, queries.by_usage_type, queries.by_day)},
    **{each.__name__: each for each in (queries.by_resource, queries.by_month, queries.free_usage, counted)},
    "by_tag": lambda lines: queries.by_tag(lines, "team"),
    "amortized": lambda lines: queries.by_service(lines, "amortized"),
    "once": lambda lines: queries.totals(once(lines)),
}


@pytest.mark.parametrize("dialect", ["athena", "trino"])
@pytest.mark.parametrize("format_", TABLES)
@pytest.mark.parametrize("asked", ASKED)
def test_columns_are_named_and_partitions_are_asked_for(asked: str, format_: str, dialect: str) -> None:
    source = TABLES[format_]
    lines = lines_of(source, recognised_table("hourly", source), MONTHS)
    parsed = sqlglot.parse_one(str(ibis.to_sql(ASKED[asked](lines), dialect=dialect)), dialect=dialect)
    scans = [each for each in parsed.find_all(exp.Select) if is_scan(each)]
    assert scans and not any(scan.is_star for scan in scans)
    for scan in scans:
        named = {column.name for column in scan.args["where"].find_all(exp.Column)}
        assert named >= ({"year", "month"} if format_ == "legacy CUR" else {"billing_period"})
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
def test_a_partition_is_asked_for_as_it_is_written(source: Any, predicate: str) -> None:
    lines = lines_of(source, recognised_table("hourly", source), MONTHS)
    statement = str(ibis.to_sql(queries.totals(lines), dialect="athena"))
    for noise in '"()':
        statement, predicate = statement.replace(noise, ""), predicate.replace(noise, "")
    assert predicate in " ".join(statement.split())


def test_without_months_no_partition_is_asked_for() -> None:
    lines = lines_of(CUR_2, recognised_table("hourly", CUR_2), [])
    assert '"billing_period"' not in str(ibis.to_sql(queries.totals(lines), dialect="athena"))


@pytest.mark.parametrize(
    ("source", "name", "months"),
    [
        ("hourly", "hourly", []),
        ("cur.hourly@2026-01", "cur.hourly", [date(2026, 1, 1)]),
        ("cur.hourly@2025-12..2026-02", "cur.hourly", [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]),
    ],
)
def test_a_source_names_a_table_and_months(source: str, name: str, months: list[date]) -> None:
    assert table_and_months(source) == (name, months)


@pytest.mark.parametrize("source", ["x@", "x@2026", "x@2026-13", "x@2026-02..2026-01", "@2026-01", ""])
def test_a_source_that_names_none_is_refused(source: str) -> None:
    with pytest.raises(UsageError):
        table_and_months(source)


def test_a_table_that_is_no_bill_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"hourly: its columns are not those of a bill"):
        recognised_table("hourly", ibis.table({"a": "int64"}, name="hourly"))


# --- the way through a warehouse, with DuckDB in its place


class Stand(Warehouse):
    """A warehouse whose table is a file."""

    def __init__(self, folder: Path):
        self.name = "trino"
        self._ibis = ibis.duckdb.connect()
        self._ibis.read_parquet(folder / "hourly.parquet", table_name="hourly")


def bill_of(source: str, rows: list[dict[str, Any]], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bill:
    parquet(folder / "hourly.parquet", rows)
    monkeypatch.setattr(warehouse, "Warehouse", lambda url: Stand(folder))
    return read_bill(source, engine="trino://somebody@somewhere/a/b")


def test_a_table_is_a_bill_as_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**cur(line), "billing_period": "2026-01"} for line in LINES]
    found = report(bill_of("hourly@2026-01", rows, tmp_path, monkeypatch))
    assert (found.bill.format, found.bill.period, found.bill.rows) == ("CUR 2.0", "2026-01", 5)
    assert float(found.total or 0) == pytest.approx(float(total(LINES)))
    assert found.warnings == ()


def test_rows_that_a_table_holds_twice_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**cur(line), "billing_period": "2026-01"} for line in [*LINES, *LINES[:2]]]
    found = report(bill_of("hourly", rows, tmp_path, monkeypatch))
    assert float(found.total or 0) == pytest.approx(float(total(LINES)))
    assert found.bill.rows == 5
    assert any("2 rows of hourly" in warning for warning in found.warnings)


def test_a_table_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="trino has no table daily"):
        bill_of("daily", [cur(line) for line in LINES], tmp_path, monkeypatch)


def test_a_warehouse_reads_no_files(tmp_path: Path) -> None:
    parquet(tmp_path / "hourly.parquet", [cur(line) for line in LINES])
    with pytest.raises(UsageError, match="reads tables, not files"):
        Stand(tmp_path).parquet([tmp_path])


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
def test_a_url_names_a_connection(url: str, expected: dict[str, Any]) -> None:
    assert connection(url) == expected


@pytest.mark.parametrize("url", ["athena://cur", "athena://", "trino://host", "trino:///hive/cur"])
def test_a_url_that_names_too_little_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="say"):
        connection(url)


@pytest.mark.parametrize(
    ("place", "master"),
    [("", "local[*]"), ("local[2]", "local[2]"), ("host:7077", "spark://host:7077"), ("yarn", "yarn")],
)
def test_a_url_names_a_master_of_spark(place: str, master: str) -> None:
    assert master_of(place) == master


@pytest.mark.parametrize("url", ["mysql://x", "sparkle", "duck"])
def test_an_engine_that_there_is_not_is_an_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no engine"):
        engine_of(url, tmp_path)
