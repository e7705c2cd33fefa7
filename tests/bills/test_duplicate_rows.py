"""Rows with the same key: which files may have some, which rows are kept, and how much memory that takes."""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from esaws.costs.bill.bill_file import BillFile, BillingMonth, File, MonthCoverage
from esaws.costs.bill.dedup import duplicate_rows
from esaws.costs.bill.dedup.duplicate_rows import (
    DuplicateRows,
    count_rows_and_keys,
    drop_duplicates,
    find_duplicates,
    may_have_duplicates,
    replace_duplicates,
)
from esaws.costs.bill.formats.cur import CUR
from esaws.costs.bill.formats.focus import FOCUS
from esaws.costs.bill.formats.format import ColumnMapping, Format
from esaws.costs.engines.duckdb import DuckDBEngine

pytestmark = pytest.mark.slow

KEY_COLUMNS = (*CUR.key_columns, CUR.start_column)
JANUARY, FEBRUARY = datetime(2026, 1, 1), datetime(2026, 2, 1)
Key = tuple[str | None, str | None, Any]
"""Line item id, time interval and start of usage."""


class RecordingDuckDB(DuckDBEngine):
    """DuckDB that records the SQL it runs."""

    def __init__(self, scratch: Path) -> None:
        self.statements: list[str] = []
        super().__init__(scratch)

    def run_sql(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self.statements.append(sql)
        return super().run_sql(sql, parameters)

    def fetch_integers(self, sql: str) -> Any:
        self.statements.append(sql)
        return super().fetch_integers(sql)

    def count(self, text: str) -> int:
        """How many statements contain a text."""
        return sum(text in statement for statement in self.statements)


@pytest.fixture
def duck(tmp_path: Path) -> RecordingDuckDB:
    engine = RecordingDuckDB(tmp_path)
    engine.statements.clear()
    return engine


def hour(number: float, month: datetime = JANUARY) -> datetime:
    return month + timedelta(hours=number)


def keys(ids: int, hours: int) -> list[Key]:
    """The keys of some line items, each with a row for each hour."""
    return [(f"id-{i}", f"span-{number}", hour(number)) for number in range(hours) for i in range(ids)]


def bill_file(
    path: Path,
    rows: Sequence[Key],
    months: Sequence[datetime] = (JANUARY,),
    *,
    format_: Format = CUR,
    columns: Sequence[str] = KEY_COLUMNS,
    statistics: bool = True,
) -> BillFile:
    """A file of a bill that has only the columns of the key; text or time as the first row has it."""
    data = {name: [row[number] for row in rows] for number, name in enumerate(KEY_COLUMNS)}
    table = pa.table(data | {CUR.start_column: pa.array([row[2] for row in rows])})
    pq.write_table(table, path, write_statistics=statistics)
    coverage = [MonthCoverage(BillingMonth("1", date(month.year, month.month, 1)), 1, None, False) for month in months]
    mapping = ColumnMapping(format_, "", {name: name for name in columns})
    return BillFile(File(path, path.name, 0), path, mapping, len(rows), "float64", (), coverage=tuple(coverage))


# --- whether rows may have the same key

A, B, C = ("a", "x", hour(0)), ("b", "x", hour(0)), ("a", "y", hour(1))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], False),
        ([[A]], False),
        ([[A, B, C]], False),
        ([[A, B, A]], True),
        ([[A, B], [C]], False),
        ([[A, B], [C, A]], True),
        ([[A], [B], [C], [B]], True),
    ],
)
def test_a_key_may_be_repeated_in_a_file_or_in_another_one(
    files: list[list[Key]], expected: bool, duck: RecordingDuckDB, tmp_path: Path
) -> None:
    bill_files = [bill_file(tmp_path / f"{number}.parquet", rows) for number, rows in enumerate(files)]
    assert may_have_duplicates(bill_files, duck) is expected


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        ([[JANUARY], [JANUARY]], True),
        ([[JANUARY], [FEBRUARY]], False),
        ([[JANUARY], [FEBRUARY], [JANUARY]], True),
        ([[JANUARY], [JANUARY, FEBRUARY]], False),
        ([[JANUARY, FEBRUARY], [JANUARY, FEBRUARY]], True),
    ],
)
def test_files_are_compared_with_those_of_the_same_month(
    months: list[list[datetime]], expected: bool, duck: RecordingDuckDB, tmp_path: Path
) -> None:
    files = [bill_file(tmp_path / f"{number}.parquet", [A, B], covered) for number, covered in enumerate(months)]
    assert may_have_duplicates(files, duck) is expected


@pytest.mark.parametrize(
    ("format_", "columns"), [(FOCUS, [FOCUS.start_column]), (CUR, [CUR.start_column]), (CUR, KEY_COLUMNS[:2])]
)
def test_a_file_without_the_columns_of_a_key_has_no_duplicates(
    format_: Format, columns: list[str], duck: RecordingDuckDB, tmp_path: Path
) -> None:
    assert not may_have_duplicates([bill_file(tmp_path / "a", [A, A], format_=format_, columns=columns)], duck)


@pytest.mark.parametrize(
    ("repeated", "filtered"),
    [
        (("a", "x"), False),
        (("", "x"), True),
        ((None, "x"), True),
        (("a", ""), True),
        (("a", None), True),
        ((None, None), True),
    ],
)
def test_rows_without_a_key_are_not_compared(
    repeated: tuple[str | None, str | None], filtered: bool, duck: RecordingDuckDB, tmp_path: Path
) -> None:
    """The filter costs time, so it is left out where the footers show that all rows have a key."""
    rows: list[Key] = [A, B, (*repeated, hour(0)), (*repeated, hour(0))]
    files = [bill_file(tmp_path / "with", [C]), bill_file(tmp_path / "without", rows)]
    assert may_have_duplicates(files, duck) is not filtered
    assert duck.count("WHERE id <> ''") == filtered


def test_rows_are_filtered_if_the_footer_has_no_statistics(duck: RecordingDuckDB, tmp_path: Path) -> None:
    rows = [A, B, *[("", "x", hour(0))] * 2]
    assert not may_have_duplicates([bill_file(tmp_path / "a", rows, statistics=False)], duck)
    assert duck.count("WHERE id <> ''") == 1


# --- within limits of memory


def limit(monkeypatch: pytest.MonkeyPatch, rows: int, bitstring_bytes: int = 10**9, keys: int = 10**9) -> None:
    monkeypatch.setattr(duplicate_rows, "_ROWS_IN_MEMORY", rows)
    monkeypatch.setattr(duplicate_rows, "_BITSTRING_BYTES_IN_MEMORY", bitstring_bytes)
    monkeypatch.setattr(duplicate_rows, "_KEYS_IN_MEMORY", keys)


@pytest.mark.parametrize(("rows_in_memory", "uses_bits"), [(24, False), (23, True)])
@pytest.mark.parametrize("repeated", [0, 1])
def test_few_keys_are_compared_by_hash_in_one_query_and_many_hour_by_hour(
    rows_in_memory: int,
    uses_bits: bool,
    repeated: int,
    duck: RecordingDuckDB,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit(monkeypatch, rows_in_memory)
    rows = keys(4, 6)
    if repeated:
        rows[-1] = rows[0]
    assert may_have_duplicates([bill_file(tmp_path / "a", rows)], duck) is bool(repeated)
    assert (duck.count("bitstring_agg"), duck.count("SELECT hash(")) == (uses_bits, not uses_bits)


@pytest.mark.parametrize("minutes", [0, 1, 30, 59])
def test_bits_cover_the_hours_of_all_files(
    minutes: int, duck: RecordingDuckDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first hour is in the second file and the last hour in the third, whatever the minute."""
    limit(monkeypatch, 1)
    late = timedelta(minutes=minutes)
    starts = [[hour(100)], [hour(0), hour(50)], [hour(90), hour(200)]]
    for offsets in ((late, timedelta(0)), (timedelta(0), late), (late, late)):
        files = []
        for number, some in enumerate(starts):
            rows = [("a", str(start), start + offsets[start == hour(200)]) for start in some]
            files.append(bill_file(tmp_path / str(number), rows))
        assert not may_have_duplicates(files, duck)
        assert may_have_duplicates([*files, bill_file(tmp_path / "again", [("a", "again", hour(50))])], duck)
    assert duck.count("bitstring_agg") == 6


@pytest.mark.parametrize("start", [None, "2026-01-01", date(2026, 1, 1)], ids=["NULL", "text", "date"])
def test_keys_are_compared_by_hash_if_the_footers_do_not_show_the_hours(
    start: Any, duck: RecordingDuckDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, 1)
    rows = [("a", "x", start), ("a", "y", hour(0) if start is None else start)]
    assert not may_have_duplicates([bill_file(tmp_path / "a", rows)], duck)
    assert may_have_duplicates([bill_file(tmp_path / "b", [*rows, rows[0]])], duck)
    assert (duck.count("bitstring_agg"), duck.count("SELECT hash(")) == (0, 2)


def test_keys_are_compared_by_hash_if_a_footer_has_no_statistics(
    duck: RecordingDuckDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, 1)
    files = [bill_file(tmp_path / "a", [A, B]), bill_file(tmp_path / "b", [C], statistics=False)]
    assert not may_have_duplicates(files, duck)
    assert (duck.count("bitstring_agg"), duck.count("SELECT hash(")) == (0, 1)


@pytest.mark.parametrize(
    ("rows", "sampled", "rows_in_memory", "ids", "hours", "is_counted"),
    [
        # The sample has all 20 rows: twice its 4 ids.
        (keys(4, 5), 1000, 19, 8, 4, False),
        (keys(1, 20), 1000, 19, 2, 19, False),
        # The sample has 10 of 20 rows: three times its 5 ids.
        (keys(5, 4), 10, 19, 15, 3, False),
        # A long month: 16 hours are 2 bytes more than a bit string's 100.
        (keys(2, 17), 1000, 33, 4, 16, False),
        # Estimated from the sample there would be 6 ids or 14, which is too many: DuckDB counts them.
        (keys(3, 4), 1000, 6, 3, 3, True),
        (keys(2, 10), 3, 13, 2, 9, True),
        # No id is repeated in the sample: as many ids as rows.
        (keys(20, 1), 10, 19, 20, 0, False),
    ],
)
def test_bit_strings_are_used_where_those_of_all_ids_fit_in_memory(
    rows: list[Key],
    sampled: int,
    rows_in_memory: int,
    ids: int,
    hours: int,
    is_counted: bool,
    duck: RecordingDuckDB,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = bill_file(tmp_path / "a", rows)
    monkeypatch.setattr(duplicate_rows, "_SAMPLED_ROWS", sampled)
    size = ids * (hours // 8 + 100)
    for bitstring_bytes, uses_bits in ((size, True), (size - 1, False)):
        duck.statements.clear()
        limit(monkeypatch, rows_in_memory, bitstring_bytes)
        assert not may_have_duplicates([file], duck)
        assert (duck.count("bitstring_agg"), duck.count("SELECT hash(")) == (uses_bits, not uses_bits)
        assert duck.count("approx_count_distinct") == is_counted


@pytest.mark.parametrize(("keys_in_memory", "passes"), [(100, 1), (13, 1), (12, 2), (6, 3), (4, 4)])
def test_keys_that_do_not_fit_in_memory_are_compared_in_passes(
    keys_in_memory: int, passes: int, duck: RecordingDuckDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, 1, 0, keys_in_memory)
    rows = keys(4, 3)
    assert not may_have_duplicates([bill_file(tmp_path / "a", rows)], duck)
    assert duck.count("SELECT hash(") == passes
    for row in rows:
        assert may_have_duplicates([bill_file(tmp_path / "b", [*rows, row])], duck), "one pass has both rows of a key"


# --- which rows are kept

USAGE = dict.fromkeys(("account", "product_code", "usage_type", "operation", "resource_id", "line_item_type"), "u")


def line(
    row_key: str | None, cost: float, invoice: str | None = None, quantity: float = 1, **usage: Any
) -> dict[str, Any]:
    amounts = {"invoice_id": invoice, "unblended_cost": cost, "quantity": quantity}
    return {"row_key": row_key, **USAGE, "start": hour(0), "end": hour(1), **amounts, **usage}


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("row_key", *USAGE)]
    + [("start", pa.timestamp("us")), ("end", pa.timestamp("us")), ("invoice_id", pa.string())]
    + [("unblended_cost", pa.float64()), ("quantity", pa.float64())]
)


def table(duck: DuckDBEngine, path: Path, lines: Sequence[dict[str, Any]]) -> Any:
    pq.write_table(pa.Table.from_pylist(list(lines), SCHEMA), path)
    return duck.read_parquet([path])


def costs(duck: DuckDBEngine, lines: Any) -> list[float]:
    return sorted(row["unblended_cost"] for row in duck.fetch_rows(lines))


SEQUENCES: list[tuple[str, list[dict[str, Any]], list[float], tuple[int, int]]] = [
    ("unique", [line("a", 1), line("b", 2), line("c", 2)], [1, 2, 2], (0, 0)),
    ("a pair", [line("a", 1), line("b", 2), line("a", 1)], [1, 2], (1, 0)),
    ("three", [line("a", 1), line("a", 1), line("a", 1)], [1], (2, 0)),
    ("two keys", [line("a", 1), line("b", 5), line("b", 5), line("a", 1), line("a", 1)], [1, 5], (3, 0)),
    ("two costs", [line("a", 1), line("a", 3), line("b", 2), line("b", 2)], [2, 3], (2, 1)),
    ("three costs", [line("a", 1), line("a", 3), line("a", 2)], [3], (2, 1)),
    ("an invoice", [line("a", 9), line("a", 3, "42"), line("a", 2, "42")], [3], (2, 1)),
    ("keyless", [line("", 1), line("", 1), line(None, 2), line(None, 2)], [1, 1, 2, 2], (0, 0)),
    ("keyless and a pair", [line("", 1), line("a", 4), line("", 1), line("a", 4)], [1, 1, 4], (1, 0)),
    (
        "other usage",
        [line("a", 1), line("a", 1, usage_type="v"), line("a", 1, end=hour(2)), line("a", 1, account="2")],
        [1, 1, 1, 1],
        (0, 0),
    ),
    (
        "other usage and a pair",
        [line("a", 1), line("a", 2, usage_type="v"), line("a", 3, usage_type="v"), line("a", 1)],
        [1, 3],
        (2, 1),
    ),
]


@pytest.mark.parametrize(
    ("lines", "kept", "counts"), [case[1:] for case in SEQUENCES], ids=[case[0] for case in SEQUENCES]
)
def test_one_row_of_each_key_and_usage_is_kept(
    lines: list[dict[str, Any]], kept: list[float], counts: tuple[int, int], duck: DuckDBEngine, tmp_path: Path
) -> None:
    dropped, differing = counts
    for rows in (lines, lines[::-1]):
        bill = table(duck, tmp_path / "bill.parquet", rows)
        assert costs(duck, drop_duplicates(bill)) == kept
        keyed = sum(bool(row["row_key"]) for row in rows)
        assert duck.fetch_rows(count_rows_and_keys(bill)) == [
            {"rows": len(rows), "keyed": keyed, "keys": keyed - dropped}
        ]
        duplicates = find_duplicates(bill, duck, tmp_path)
        if not dropped:
            assert duplicates is None
            continue
        assert duplicates is not None
        assert (duplicates.dropped, duplicates.differing) == (dropped, differing)
        assert costs(duck, replace_duplicates(bill, duplicates, duck)) == kept


def test_the_greatest_quantity_decides_between_rows_of_one_cost(duck: DuckDBEngine, tmp_path: Path) -> None:
    lines = [line("a", 1, quantity=2), line("a", 1, quantity=7), line("a", 1, quantity=5)]
    (row,) = duck.fetch_rows(drop_duplicates(table(duck, tmp_path / "bill.parquet", lines)))
    assert row["quantity"] == 7


@pytest.mark.parametrize(
    ("dropped", "differing", "text"),
    [
        (3, 0, "duplicate rows dropped (same key and usage): 3"),
        (
            3,
            1,
            "duplicate rows dropped (same key and usage): 3; keys with different costs: 1 "
            "(the greatest cost is counted)",
        ),
    ],
)
def test_duplicate_rows_are_counted_in_a_sentence_and_do_not_change(dropped: int, differing: int, text: str) -> None:
    duplicates = DuplicateRows(Path("kept"), Path("keys"), dropped, differing)
    assert str(duplicates) == text
    with pytest.raises(FrozenInstanceError):
        duplicates.dropped = 0  # type: ignore[misc]
