"""Spark and DuckDB give the same results for every bill and query. Run with `make test-engines`."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import pytest

from esaws.costs.analysis.anomalies import anomalies
from esaws.costs.analysis.breakdown import breakdown, breakdown_by_day
from esaws.costs.analysis.credits import credits
from esaws.costs.analysis.free_tier_usage import free_tier
from esaws.costs.analysis.idle_hours import idle_hours
from esaws.costs.analysis.month_end import month_end
from esaws.costs.analysis.month_over_month import month_over_month
from esaws.costs.analysis.waste import waste
from esaws.costs.attribution.billed import decisions
from esaws.costs.bill import queries
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.bill.schema import COLUMNS
from esaws.costs.engines import open_engine
from esaws.errors import UsageError
from esaws.reference.seccom import seccom
from tests.bills.writing import Line, changed, cur, explorer, flattened, hours, parquet

URL = "spark://local[2]?spark.sql.shuffle.partitions=1&spark.driver.memory=1g"
DATA = Path(__file__).parents[1] / "bills/data"
CASES = Path(__file__).parents[1] / "bills/cases"

LINES = [
    *hours(48, tags={"team": "web", "stage": "live"}),
    *hours(30, resource="i-2", tags={"team": "data"}, rate=Decimal(0), cost=Decimal(0)),
    *hours(20, datetime(2026, 2, 1), service="AmazonS3", usage_type="EUW3-Requests-Tier1", account="222222222222"),
    Line(datetime(2026, 1, 31), "AmazonRDS", "EUW3-x", cost=Decimal("0.3"), kind="DiscountedUsage"),
    Line(datetime(2026, 1, 1), "AmazonEC2", "", "", "", kind="Tax", cost=Decimal("-12.34"), quantity=Decimal(0)),
]


def cur_floats(folder: Path) -> list[Path]:
    return [parquet(folder / "a.parquet", [cur(line) for line in LINES])]


def cur_decimals(folder: Path) -> list[Path]:
    return [parquet(folder / "a.parquet", [cur(line) for line in LINES], floats=False)]


def cur_flattened(folder: Path) -> list[Path]:
    return [parquet(folder / "a.parquet", [flattened(line) for line in LINES])]


def exported_twice(folder: Path) -> list[Path]:
    parquet(folder / "monday.parquet", [cur(line) for line in LINES[:60]])
    parquet(folder / "friday.parquet", [cur(line) for line in changed(LINES, cost=Decimal("0.7"))])
    return [folder]


def rows_twice(folder: Path) -> list[Path]:
    return [parquet(folder / "a.parquet", [cur(line) for line in [*LINES, *LINES[:5]]])]


def nanoseconds(folder: Path) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(cur_floats(folder)[0])
    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(pa.timestamp("ns")))
    pq.write_table(table, folder / "nanoseconds.parquet")
    return [folder / "nanoseconds.parquet"]


def answers(folder: Path) -> list[Path]:
    path = folder / "ce.json"
    path.write_text(json.dumps(explorer(LINES, "SERVICE", "USAGE_TYPE")))
    return [path]


BILLS: dict[str, Callable[[Path], list[Path]]] = {
    "CUR 2.0": cur_floats,
    "CUR 2.0 in decimals": cur_decimals,
    "CUR 2.0, flattened": cur_flattened,
    "exported twice": exported_twice,
    "rows twice": rows_twice,
    "nanoseconds": nanoseconds,
    "legacy CUR": lambda _: [DATA / "cur_legacy_focus_converters_anonymous.csv"],
    "FOCUS": lambda _: [DATA / "focus_1_0_sample_1000_multicloud.csv"],
    "Cost Explorer": answers,
    "credits": lambda _: [CASES / "credits_cover_all_daily.csv"],
    "split costs": lambda _: [CASES / "split_costs_of_ecs.csv"],
}

QUERIES = [
    queries.totals,
    queries.by_service,
    queries.by_usage_type,
    queries.by_resource,
    queries.by_account,
    queries.by_provider,
    queries.by_month,
    queries.by_day,
]


ANALYSES: dict[str, Callable[[Bill], Any]] = {
    "where": breakdown,
    "by day": breakdown_by_day,
    "by tag": lambda bill: breakdown(bill, "tag:team"),
    "by cluster": lambda bill: breakdown(bill, "cluster"),
    "by type": lambda bill: breakdown(bill, "type"),
    "credits": credits,
    "burn-down": free_tier,
    "changes": month_over_month,
    "outlook": month_end,
    "anomalies": anomalies,
    "idle": idle_hours,
    "forgotten": waste,
    "decisions": lambda bill: decisions(bill, seccom("ha"), regime="legacy", period=bill.months[0]),
}


@pytest.fixture(scope="module", params=BILLS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bill, Bill]:
    """A bill read with DuckDB and with Spark."""
    sources = BILLS[request.param](tmp_path_factory.mktemp("bill"))
    return read_bill(*sources), read_bill(*sources, engine=URL)


def same(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> bool:
    """Whether two results are equal, except for the rounding of float sums."""
    if len(ours) != len(theirs):
        return False
    pairs = [(a[name], b[name]) for a, b in zip(ours, theirs, strict=True) for name in a]
    return all(a == pytest.approx(b, abs=1e-9) if isinstance(a, float) else a == b for a, b in pairs)


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort by the text columns: float sums that are equal on one engine may differ on another."""
    return sorted(rows, key=lambda row: str([value for value in row.values() if not isinstance(value, float)]))


@pytest.mark.parametrize("both", ["CUR 2.0", "legacy CUR", "FOCUS"], indirect=True)
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.__name__)
def test_a_query_gives_the_same_on_spark(query: Callable[..., Any], both: tuple[Bill, Bill]) -> None:
    duck, _ = both
    for metric in duck.metrics[:1] if query is not queries.by_service else duck.metrics:
        ours, theirs = (bill.fetch_rows(query(bill.lines, metric)) for bill in both)
        assert ours and same(in_order(ours), in_order(theirs)), (ours[:3], theirs[:3])


def test_the_facts_of_a_bill_are_the_same_on_spark(both: tuple[Bill, Bill]) -> None:
    duck, spark = both
    for name in ("rows", "months", "metrics", "warnings", "format"):
        assert getattr(duck, name) == getattr(spark, name)


def test_tags_and_free_usage_are_the_same_on_spark(both: tuple[Bill, Bill]) -> None:
    for key in ("team", "application"):
        ours, theirs = (bill.fetch_rows(queries.by_tag(bill.lines, key)) for bill in both)
        assert ours and same(in_order(ours), in_order(theirs)), (ours[:3], theirs[:3])
    ours, theirs = (bill.fetch_rows(queries.free_usage(bill.lines)) for bill in both)
    assert same(ours, theirs)


def test_the_whole_report_is_the_same_on_spark(both: tuple[Bill, Bill]) -> None:
    ours, theirs = (report(bill).to_dict() for bill in both)
    for name in ("total", "total_usd", "by_service", "by_usage_type", "totals", "before_credits", "credits", "to_pay"):
        assert ours.pop(name) == pytest.approx(theirs.pop(name), abs=1e-9)
    assert ours == theirs


@pytest.mark.parametrize("both", ["CUR 2.0", "FOCUS", "credits", "split costs"], indirect=True)
@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_gives_the_same_on_spark(name: str, both: tuple[Bill, Bill]) -> None:
    ours, theirs = (frame_or_error(ANALYSES[name], bill) for bill in both)
    if isinstance(ours, str):
        assert ours == theirs
    else:
        pandas.testing.assert_frame_equal(ours, theirs, rtol=0, atol=1e-9)


def frame_or_error(analyse: Callable[[Bill], Any], bill: Bill) -> Any:
    """The frame of an analysis, or its error message."""
    try:
        return analyse(bill).to_frame()
    except UsageError as error:
        return str(error)


def test_each_line_is_the_same_on_spark(both: tuple[Bill, Bill]) -> None:
    names = [name for name, column in COLUMNS.items() if column.kind != "map"]
    ours, theirs = (bill.fetch_rows(bill.lines.select(*names)) for bill in both)
    assert ours and same(in_order(ours), in_order(theirs))


def test_a_second_session_with_another_master_is_refused(both: tuple[Bill, Bill], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Spark already runs at local\[2\]"):
        open_engine("spark://local[3]", tmp_path)
