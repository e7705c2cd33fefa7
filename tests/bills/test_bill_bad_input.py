"""Damaged and unclear bills are refused with file, row and column, and never give a partial total."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.errors import UsageError
from tests.bills.writing import Dialect, cur, focus, hours, legacy, parquet, text

LINES = hours(20)


def valid_text(path: Path) -> Path:
    return text(path, [legacy(line) for line in LINES])


def valid_parquet(path: Path) -> Path:
    return parquet(path, [cur(line) for line in LINES])


def text_with_cell(path: Path, row: int, column: str, value: str) -> Path:
    """Write a bill as text with one cell changed. The header is row 1."""
    lines = valid_text(path).read_text().split("\n")
    header, cells = lines[0].split(","), lines[row - 1].split(",")
    cells[header.index(column)] = value
    lines[row - 1] = ",".join(cells)
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("lineItem/UnblendedCost", "abc", "is not a number"),
        ("lineItem/UnblendedCost", "1.2.3", "is not a number"),
        ("lineItem/UnblendedCost", "#REF!", "is not a number"),
        ("lineItem/UnblendedCost", "########", "is not a number"),
        ("lineItem/UnblendedCost", '"1,5"', "has a decimal comma"),
        ("lineItem/UnblendedCost", "1e25", "is not a number"),
        ("lineItem/UsageAmount", "12h", "is not a number"),
        ("lineItem/UsageStartDate", "yesterday", "is not a date"),
        ("lineItem/UsageStartDate", "2026-02-30T00:00:00Z", "is not a date"),
        ("lineItem/UsageStartDate", "2026-01-01T25:00:00Z", "is not a date"),
        ("bill/BillingPeriodStartDate", "13/13/2026", "is not a date"),
        ("lineItem/UsageEndDate", "3", "is not a date"),
    ],
)
def test_an_unclear_cell_is_refused_with_file_row_and_column(
    column: str, value: str, reason: str, tmp_path: Path
) -> None:
    path = text_with_cell(tmp_path / "bill.csv", 7, column, value)
    with pytest.raises(UnreadableBill, match=reason) as caught:
        read_bill(path)
    error = caught.value
    assert (error.file, error.row, error.column, error.exit_code) == (str(path), 7, column, 2)
    assert f"{path}, row 7, column {column}: " in str(error) and value.strip('"') in str(error)


def test_row_numbers_count_blank_lines_and_not_line_breaks_in_cells(tmp_path: Path) -> None:
    path = text_with_cell(tmp_path / "bill.csv", 9, "lineItem/UnblendedCost", "abc")
    lines = path.read_text().split("\n")
    lines[3] = (
        lines[3].replace("$0.0132 per On Demand", '"$0.0132\nper On Demand').replace("Instance Hour", 'Instance Hour"')
    )
    path.write_text("\n".join([*lines[:5], "", *lines[5:]]))
    with pytest.raises(UnreadableBill) as caught:
        read_bill(path)
    assert caught.value.row == 10


@pytest.mark.parametrize(
    ("change", "reason", "row"),
    [
        (lambda lines: [*lines[:5], lines[5] + ",1", *lines[6:]], "columns, the header has", 6),
        (lambda lines: [*lines[:5], lines[5].rsplit(",", 3)[0], *lines[6:]], "columns, the header has", 6),
        (lambda lines: [*lines[:5], lines[5].replace(",", ";"), *lines[6:]], "columns, the header has", 6),
        (lambda lines: [lines[0], *(line.replace(",", ";") for line in lines[1:])], "columns, the header has", 2),
    ],
    ids=["a cell too many", "cells missing", "another delimiter in a row", "another delimiter below the header"],
)
def test_a_row_with_another_number_of_cells_than_the_header_is_refused(
    change: Callable[[list[str]], list[str]], reason: str, row: int, tmp_path: Path
) -> None:
    path = valid_text(tmp_path / "bill.csv")
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(UnreadableBill, match=reason) as caught:
        read_bill(path)
    assert (caught.value.file, caught.value.row) == (str(path), row)


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-200])
    return path


def garbled(path: Path) -> Path:
    """Overwrite data pages, but not the footer."""
    content = bytearray(path.read_bytes())
    content[50 : len(content) // 2] = b"\xff" * (len(content) // 2 - 50)
    path.write_bytes(content)
    return path


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BROKEN_FILES: dict[str, Callable[[Path], Path]] = {
    "empty": lambda path: write_bytes(path, b""),
    "blank": lambda path: write_bytes(path, b"\n\n  \n"),
    "a table that is not a bill": lambda path: write_bytes(path, b"name,age\nAda,36\n"),
    "prose": lambda path: write_bytes(path, b"Dear all, the bill is attached."),
    "bytes": lambda path: write_bytes(path, bytes(range(256)) * 20),
    "truncated Parquet": lambda path: truncated(valid_parquet(path)),
    "garbled Parquet": lambda path: garbled(valid_parquet(path)),
    "Parquet that is not a bill": lambda path: pq.write_table(pa.table({"a": [1]}), path) or path,
    "truncated gzip": lambda path: truncated(text(path, [legacy(line) for line in hours(700)], Dialect(gzip=True))),
    "gzip of nothing": lambda path: write_bytes(path, gzip.compress(b"")),
    "a header alone": lambda path: write_bytes(path, valid_text(path).read_bytes().split(b"\n")[0]),
    "JSON of something else": lambda path: write_bytes(path, b'{"a": 1}'),
    "truncated JSON": lambda path: write_bytes(path, b'{"ResultsByTime": [{"TimePeriod": {"Start": "2026-'),
    "an unfinished quote": lambda path: write_bytes(
        path, valid_text(path).read_bytes().replace(b"$0.0132", b'"$0.0132', 1)
    ),
}


@pytest.mark.parametrize("kind", BROKEN_FILES)
def test_a_broken_file_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    path = BROKEN_FILES[kind](tmp_path / "bill")
    with pytest.raises(UsageError, match=str(path)):
        report(read_bill(path))


@pytest.mark.parametrize("kind", ["empty", "bytes", "truncated Parquet", "garbled Parquet", "truncated gzip"])
def test_a_folder_with_one_broken_file_is_refused_with_the_name_of_the_file(kind: str, tmp_path: Path) -> None:
    for number in range(2):
        parquet(tmp_path / f"{number}.parquet", [cur(line) for line in hours(20, resource=f"i-{number}")])
    path = BROKEN_FILES[kind](tmp_path / "bad")
    with pytest.raises(UsageError, match=str(path)):
        report(read_bill(tmp_path))


def test_a_nan_cost_in_parquet_is_refused_with_row_and_column(tmp_path: Path) -> None:
    rows = [cur(line) for line in LINES]
    rows[12]["line_item_unblended_cost"] = Decimal("NaN")
    path = parquet(tmp_path / "bill.parquet", rows)
    with pytest.raises(UnreadableBill) as caught:
        report(read_bill(path))
    assert (caught.value.file, caught.value.row) == (str(path), 13)
    assert caught.value.column == "line_item_unblended_cost"


@pytest.mark.parametrize("sources", [["nowhere.csv"], ["nowhere/"], ["*.nothing"], []])
def test_a_missing_source_is_an_error(sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=sources[0].replace("*", r"\*") if sources else "no bill"):
        read_bill(*sources)


def test_bills_of_two_formats_are_refused(tmp_path: Path) -> None:
    valid_text(tmp_path / "a.csv")
    text(tmp_path / "b.csv", [focus(line) for line in LINES])
    with pytest.raises(UsageError, match=r"legacy CUR.*FOCUS 1\.0"):
        read_bill(tmp_path)


def test_a_row_without_a_date_is_refused_with_its_row_number(tmp_path: Path) -> None:
    rows = [legacy(line) for line in LINES]
    for name in rows[4]:
        if name.endswith("Date"):
            rows[4][name] = None
    path = text(tmp_path / "bill.csv", rows)
    with pytest.raises(UnreadableBill, match="no date") as caught:
        read_bill(path)
    assert caught.value.row == 6


def test_a_date_with_ambiguous_day_and_month_is_refused(tmp_path: Path) -> None:
    fourth = LINES[0].start.replace(month=3, day=4)
    rows = [{k: v for k, v in legacy(line).items() if "Period" not in k} for line in hours(2, fourth)]
    path = text(tmp_path / "bill.csv", rows, Dialect(timestamps="american"))
    with pytest.raises(UnreadableBill, match="could be two dates"):
        read_bill(path)


def test_rows_without_a_cost_count_as_zero_with_a_warning(tmp_path: Path) -> None:
    rows = [focus(line) for line in LINES]
    rows[3]["BilledCost"] = None
    result = report(read_bill(text(tmp_path / "bill.csv", rows, Dialect(null="NULL"))))
    assert result.total == sum(line.cost for line in LINES[1:])
    assert any("1 rows have no BilledCost" in warning for warning in result.warnings)


def test_temporary_files_are_removed_when_a_bill_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = text_with_cell(tmp_path / "bill.csv", 3, "lineItem/UnblendedCost", "abc")
    with pytest.raises(UnreadableBill):
        read_bill(path)
    assert list(scratch.iterdir()) == []
