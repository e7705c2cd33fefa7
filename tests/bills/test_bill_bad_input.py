"""What can't be read for certain is refused with file, row and column; nothing half-read becomes a total."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from esaws.costs.bill.files import Unreadable
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.errors import UsageError
from tests.bills.writing import Dialect, cur, focus, hours, legacy, parquet, text

LINES = hours(20)


def good_text(path: Path) -> Path:
    return text(path, [legacy(line) for line in LINES])


def good_parquet(path: Path) -> Path:
    return parquet(path, [cur(line) for line in LINES])


def cell(path: Path, row: int, column: str, value: str) -> Path:
    """A bill as text with one cell changed; the header is row 1."""
    lines = good_text(path).read_text().split("\n")
    header, cells = lines[0].split(","), lines[row - 1].split(",")
    cells[header.index(column)] = value
    lines[row - 1] = ",".join(cells)
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("lineItem/UnblendedCost", "abc", "is no number"),
        ("lineItem/UnblendedCost", "1.2.3", "is no number"),
        ("lineItem/UnblendedCost", "#REF!", "is no number"),
        ("lineItem/UnblendedCost", "########", "is no number"),
        ("lineItem/UnblendedCost", '"1,5"', "has a comma before its decimals"),
        ("lineItem/UnblendedCost", "1e25", "is no number"),
        ("lineItem/UsageAmount", "12h", "is no number"),
        ("lineItem/UsageStartDate", "yesterday", "is no date"),
        ("lineItem/UsageStartDate", "2026-02-30T00:00:00Z", "is no date"),
        ("lineItem/UsageStartDate", "2026-01-01T25:00:00Z", "is no date"),
        ("bill/BillingPeriodStartDate", "13/13/2026", "is no date"),
        ("lineItem/UsageEndDate", "3", "is no date"),
    ],
)
def test_a_cell_that_is_unclear_is_named(column: str, value: str, reason: str, tmp_path: Path) -> None:
    path = cell(tmp_path / "bill.csv", 7, column, value)
    with pytest.raises(Unreadable, match=reason) as caught:
        read_bill(path)
    error = caught.value
    assert (error.file, error.row, error.column, error.exit_code) == (str(path), 7, column, 2)
    assert f"{path}, row 7, column {column}: " in str(error) and value.strip('"') in str(error)


def test_rows_are_counted_as_spreadsheets_count_them_over_blank_lines_and_line_breaks(tmp_path: Path) -> None:
    path = cell(tmp_path / "bill.csv", 9, "lineItem/UnblendedCost", "abc")
    lines = path.read_text().split("\n")
    lines[3] = (
        lines[3].replace("$0.0132 per On Demand", '"$0.0132\nper On Demand').replace("Instance Hour", 'Instance Hour"')
    )
    path.write_text("\n".join([*lines[:5], "", *lines[5:]]))
    with pytest.raises(Unreadable) as caught:
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
def test_a_row_that_does_not_fit_the_header_is_named(
    change: Callable[[list[str]], list[str]], reason: str, row: int, tmp_path: Path
) -> None:
    path = good_text(tmp_path / "bill.csv")
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(Unreadable, match=reason) as caught:
        read_bill(path)
    assert (caught.value.file, caught.value.row) == (str(path), row)


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-200])
    return path


def garbled(path: Path) -> Path:
    """Data pages that are overwritten, with the footer as it was."""
    content = bytearray(path.read_bytes())
    content[50 : len(content) // 2] = b"\xff" * (len(content) // 2 - 50)
    path.write_bytes(content)
    return path


def wrote(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BAD: dict[str, Callable[[Path], Path]] = {
    "empty": lambda path: wrote(path, b""),
    "blank": lambda path: wrote(path, b"\n\n  \n"),
    "a table that is no bill": lambda path: wrote(path, b"name,age\nAda,36\n"),
    "prose": lambda path: wrote(path, b"Dear all, the bill is attached."),
    "bytes": lambda path: wrote(path, bytes(range(256)) * 20),
    "truncated Parquet": lambda path: truncated(good_parquet(path)),
    "garbled Parquet": lambda path: garbled(good_parquet(path)),
    "Parquet that is no bill": lambda path: pq.write_table(pa.table({"a": [1]}), path) or path,
    "truncated gzip": lambda path: truncated(text(path, [legacy(line) for line in hours(700)], Dialect(packed=True))),
    "gzip of nothing": lambda path: wrote(path, gzip.compress(b"")),
    "a header alone": lambda path: wrote(path, good_text(path).read_bytes().split(b"\n")[0]),
    "JSON of something else": lambda path: wrote(path, b'{"a": 1}'),
    "truncated JSON": lambda path: wrote(path, b'{"ResultsByTime": [{"TimePeriod": {"Start": "2026-'),
    "an unfinished quote": lambda path: wrote(path, good_text(path).read_bytes().replace(b"$0.0132", b'"$0.0132', 1)),
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_can_not_be_read_in_full_is_named(what: str, tmp_path: Path) -> None:
    path = BAD[what](tmp_path / "bill")
    with pytest.raises(UsageError, match=str(path)):
        report(read_bill(path))


@pytest.mark.parametrize("what", [name for name in BAD if name != "a header alone"])
def test_a_folder_with_one_bad_file_is_refused_and_the_file_is_named(what: str, tmp_path: Path) -> None:
    for number in range(5):
        parquet(tmp_path / f"{number}.parquet", [cur(line) for line in hours(20, resource=f"i-{number}")])
    path = BAD[what](tmp_path / "bad")
    with pytest.raises(UsageError, match=str(path)):
        report(read_bill(tmp_path))


def test_a_cost_that_is_no_number_in_parquet_is_named(tmp_path: Path) -> None:
    rows = [cur(line) for line in LINES]
    rows[12]["line_item_unblended_cost"] = Decimal("NaN")
    path = parquet(tmp_path / "bill.parquet", rows)
    with pytest.raises(Unreadable) as caught:
        report(read_bill(path))
    assert (caught.value.file, caught.value.row) == (str(path), 13)
    assert caught.value.column == "line_item_unblended_cost"


@pytest.mark.parametrize("sources", [["nowhere.csv"], ["nowhere/"], ["*.nothing"], []])
def test_a_source_that_is_not_there_is_an_error(
    sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=sources[0].replace("*", r"\*") if sources else "no bill"):
        read_bill(*sources)


def test_two_kinds_of_bills_are_not_added(tmp_path: Path) -> None:
    good_text(tmp_path / "a.csv")
    text(tmp_path / "b.csv", [focus(line) for line in LINES])
    with pytest.raises(UsageError, match=r"legacy CUR.*FOCUS 1\.0"):
        read_bill(tmp_path)


def test_a_row_without_a_date_is_named(tmp_path: Path) -> None:
    rows = [legacy(line) for line in LINES]
    for name in rows[4]:
        if name.endswith("Date"):
            rows[4][name] = None
    path = text(tmp_path / "bill.csv", rows)
    with pytest.raises(Unreadable, match="no date") as caught:
        read_bill(path)
    assert caught.value.row == 6


def test_a_day_that_could_be_a_month_is_refused_where_nothing_tells(tmp_path: Path) -> None:
    fourth = LINES[0].start.replace(month=3, day=4)
    rows = [{k: v for k, v in legacy(line).items() if "Period" not in k} for line in hours(2, fourth)]
    path = text(tmp_path / "bill.csv", rows, Dialect(moments="american"))
    with pytest.raises(Unreadable, match="could be two days"):
        read_bill(path)


def test_rows_without_a_cost_count_as_nothing_and_it_is_said(tmp_path: Path) -> None:
    rows = [focus(line) for line in LINES]
    rows[3]["BilledCost"] = None
    found = report(read_bill(text(tmp_path / "bill.csv", rows, Dialect(nothing="NULL"))))
    assert found.total == sum(line.cost for line in LINES[1:])
    assert any("1 rows have no BilledCost" in warning for warning in found.warnings)


def test_nothing_is_left_behind_when_a_bill_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = cell(tmp_path / "bill.csv", 3, "lineItem/UnblendedCost", "abc")
    with pytest.raises(Unreadable):
        read_bill(path)
    assert list(scratch.iterdir()) == []
