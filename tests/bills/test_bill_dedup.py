"""A charge that was exported several times counts once; pieces of one export are added up."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.dedup.layout import parse_location, timestamp_in_path
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.errors import UsageError
from tests.bills.writing import Dialect, Line, changed, cur, focus, hours, legacy, parquet, text, total

pytestmark = pytest.mark.slow


def snapshot(days: int, **changes: Any) -> list[Line]:
    """The lines of an export after some days of the month."""
    return [*hours(24 * days, resource="i-1", **changes), *hours(24 * days, resource="i-2", cost=Decimal("0.5"))]


SNAPSHOTS = [snapshot(2), snapshot(2), snapshot(4), changed(snapshot(5)[:3], cost=Decimal("0.9")) + snapshot(5)[3:]]
"""Four successive exports of one month; the last one corrects three costs."""


def write(folder: Path, names: Sequence[str], exports: Sequence[Sequence[Line]], age: Sequence[int] = ()) -> None:
    """Write exports as CUR 2.0; `age` sets the order of the modification times."""
    for number, (name, lines) in enumerate(zip(names, exports, strict=True)):
        path = parquet(folder / name, [cur(line) for line in lines])
        modified = 1_770_000_000 + 100 * (age[number] if age else 0)
        os.utime(path, (modified, modified))


@pytest.mark.parametrize(
    "names",
    [
        ["a.parquet", "b.parquet", "c.parquet", "d.parquet"],
        ["d.parquet", "c.parquet", "b.parquet", "a.parquet"],
        ["cur-1.parquet", "cur-2.parquet", "cur-3.parquet", "cur-4.parquet"],
        ["1763377237.4.x.parquet", "1763378916.5.y.parquet", "1763499082.5.z.parquet", "1763548008.8.w.parquet"],
        ["2026-01-03/x.parquet", "2026-01-04/x.parquet", "2026-01-06/x.parquet", "2026-01-07/x.parquet"],
        [
            "1/BILLING_PERIOD=2026-01/x-00001.parquet",
            *(f"{n}/BILLING_PERIOD=2026-01/x-00001.parquet" for n in (2, 3, 4)),
        ],
        [f"x/data/BILLING_PERIOD=2026-01/2026-01-0{n}T00:00:00Z-id/x-00001.parquet" for n in (3, 4, 6, 7)],
        [f"x/20260101-20260201/{name}/x-1.parquet" for name in ("9f", "1a", "5c", "22")],
        [f"x/data/BILLING_PERIOD=2026-01/{n}.parquet" for n in (1, 2, 3, 4)],
    ],
)
def test_only_the_last_of_four_exports_of_a_month_counts(names: list[str], tmp_path: Path) -> None:
    write(tmp_path, names, SNAPSHOTS)
    result = report(read_bill(tmp_path))
    assert float(result.total or 0) == pytest.approx(float(total(SNAPSHOTS[-1])))
    assert result.bill.rows == len(SNAPSHOTS[-1])
    (warning,) = (warning for warning in result.warnings if "was exported 4 times" in warning)
    last = warning.partition(" replaces ")[0]
    assert names[-1] in last and f"({len(SNAPSHOTS[-1])} rows)" in last


def test_an_export_with_a_later_timestamp_counts_even_if_it_is_shorter(tmp_path: Path) -> None:
    write(tmp_path, ["x-2026-02-03.parquet", "x-2026-02-10.parquet"], [snapshot(12), snapshot(12)[10:]])
    assert read_bill(tmp_path).rows == len(snapshot(12)) - 10


def test_a_closed_month_replaces_an_open_one(tmp_path: Path) -> None:
    closed = changed(snapshot(12)[5:], invoice="42")
    write(tmp_path, ["a.parquet", "b.parquet"], [closed, snapshot(12)], age=[0, 9])
    assert read_bill(tmp_path).rows == len(closed)


def test_a_month_is_closed_if_one_of_its_files_has_an_invoice(tmp_path: Path) -> None:
    first, second = pieces(snapshot(5)[5:], 2)
    write(tmp_path, ["a/x-1.parquet", "a/x-2.parquet"], [changed(first, invoice="42"), second])
    write(tmp_path, ["b/x-1.parquet"], [snapshot(5)], age=[9])
    assert read_bill(tmp_path).rows == len(snapshot(5)) - 5


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)], ids=str)
def test_three_exports_count_the_closed_one_whatever_their_names(order: tuple[int, ...], tmp_path: Path) -> None:
    """Day 2, day 5, then the closed month with corrected costs and fewer rows."""
    closed = changed(snapshot(5)[3:], invoice="42", cost=Decimal("0.9"))
    exports = [snapshot(2), snapshot(5), closed]
    names = ["a.parquet", "b.parquet", "c.parquet"]
    write(tmp_path, names, [exports[number] for number in order])
    result = report(read_bill(tmp_path))
    assert (result.bill.rows, float(result.total or 0)) == (len(closed), pytest.approx(float(total(closed))))
    (warning,) = result.warnings
    assert f"was exported 3 times: {tmp_path / names[order.index(2)]} ({len(closed)} rows) replaces" in warning


def test_a_later_export_that_corrects_costs_downwards_replaces_the_earlier(tmp_path: Path) -> None:
    refunded = changed(snapshot(5), cost=Decimal("0.001"))
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(4), refunded])
    result = report(read_bill(tmp_path))
    assert float(result.total or 0) == pytest.approx(float(total(refunded)))
    assert not any("duplicate" in warning for warning in result.warnings)


def test_a_closed_month_and_an_open_one_each_count_their_last_export(tmp_path: Path) -> None:
    """January is closed before February's last export: the last file of each month counts, not the last file."""
    january, february = snapshot(12), hours(24 * 3, datetime(2026, 2, 1))
    closed = changed(january, invoice="42", cost=Decimal("0.7"))
    write(tmp_path, ["a.parquet"], [[*january, *february[:24]]], age=[9])
    write(tmp_path, ["b.parquet"], [closed], age=[0])
    write(tmp_path, ["c.parquet"], [february], age=[1])
    result = report(read_bill(tmp_path))
    assert result.bill.rows == len(closed) + len(february)
    assert float(result.total or 0) == pytest.approx(float(total(closed) + total(february)))


def test_the_export_whose_usage_ends_last_counts_even_with_fewer_rows(tmp_path: Path) -> None:
    earlier, later = snapshot(4), [*snapshot(4)[:84], *snapshot(4)[96:180], *snapshot(5)[96:100]]
    assert len(later) < len(earlier)
    write(tmp_path, ["a.parquet", "b.parquet"], [later, earlier], age=[0, 9])
    assert read_bill(tmp_path).rows == len(later)


def test_of_exports_that_end_together_the_one_with_most_rows_counts(tmp_path: Path) -> None:
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(4), snapshot(4)[20:]], age=[0, 9])
    assert read_bill(tmp_path).rows == len(snapshot(4))


def test_a_chain_of_exports_counts_the_last_although_it_shares_few_rows_with_the_first(tmp_path: Path) -> None:
    """Each export drops rows of the one before and adds others: the last has 70 % of the first one's rows."""
    lines = hours(24 * 5, cost=Decimal(1))
    exports = [lines[:100], lines[15:110], lines[30:120]]
    write(tmp_path, ["a.parquet", "b.parquet", "c.parquet"], exports)
    result = report(read_bill(tmp_path))
    assert (result.bill.rows, result.total) == (90, 90)
    (warning,) = result.warnings
    assert "was exported 3 times" in warning and warning.index("c.parquet") < warning.index(" replaces ")


def test_of_equal_exports_the_file_modified_last_counts(tmp_path: Path) -> None:
    corrected = changed(snapshot(12), cost=Decimal(2))
    write(tmp_path, ["a.parquet", "b.parquet"], [corrected, snapshot(12)], age=[9, 0])
    assert float(report(read_bill(tmp_path)).total or 0) == pytest.approx(float(total(corrected)))


def test_an_export_replaces_another_with_different_line_item_ids(tmp_path: Path) -> None:
    renamed = [replace(line, id=f"new-{number}") for number, line in enumerate(SNAPSHOTS[3])]
    write(tmp_path, ["a.parquet", "b.parquet"], [SNAPSHOTS[2], renamed])
    assert read_bill(tmp_path).rows == len(renamed)


@pytest.mark.parametrize("row_of", [legacy, focus], ids=["legacy CUR", "FOCUS"])
def test_text_and_focus_exports_are_replaced(row_of: Callable[[Line], dict[str, Any]], tmp_path: Path) -> None:
    text(tmp_path / "monday.csv", [row_of(line) for line in SNAPSHOTS[0]])
    text(tmp_path / "friday.csv", [row_of(line) for line in SNAPSHOTS[3]], Dialect(delimiter=";", timestamps="german"))
    result = report(read_bill(tmp_path))
    assert (result.total, result.bill.rows) == (total(SNAPSHOTS[3]), len(SNAPSHOTS[3]))


def pieces(lines: Sequence[Line], count: int) -> list[Sequence[Line]]:
    return [lines[number::count] for number in range(count)]


@pytest.mark.parametrize(
    "names",
    [
        ["a.parquet", "b.parquet", "c.parquet"],
        ["x-00001.parquet", "x-00002.parquet", "x-00003.parquet"],
        [f"x/data/BILLING_PERIOD=2026-01/x-0000{n}.snappy.parquet" for n in (1, 2, 3)],
    ],
)
def test_pieces_of_an_export_are_added_up(names: list[str], tmp_path: Path) -> None:
    lines = snapshot(10)
    write(tmp_path, names, pieces(lines, 3))
    result = report(read_bill(tmp_path))
    assert float(result.total or 0) == pytest.approx(float(total(lines)))
    assert (result.bill.rows, result.bill.warnings) == (len(lines), ())


def test_an_export_in_pieces_replaces_one_in_pieces(tmp_path: Path) -> None:
    old, new = pieces(snapshot(3), 2), pieces(snapshot(8), 3)
    write(tmp_path, ["a/x-1.parquet", "a/x-2.parquet"], old)
    write(tmp_path, ["b/x-1.parquet", "b/x-2.parquet", "b/x-3.parquet"], new)
    assert read_bill(tmp_path).rows == len(snapshot(8))


def test_the_last_export_is_found_for_each_month(tmp_path: Path) -> None:
    february = hours(50, datetime(2026, 2, 1))
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(12), [*snapshot(12), *february]])
    write(tmp_path, ["c.parquet"], [february[:20]])
    bill = read_bill(tmp_path)
    assert (bill.rows, bill.period) == (len(snapshot(12)) + 50, "2026-01/2026-02")
    assert sum("was exported" in warning for warning in bill.warnings) == 2


def test_later_months_in_a_file_do_not_make_its_earlier_month_the_last_export(tmp_path: Path) -> None:
    february = hours(120, datetime(2026, 2, 1))
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(12), [*snapshot(4), *february]], age=[0, 9])
    assert read_bill(tmp_path).rows == len(snapshot(12)) + len(february)


def test_accounts_of_the_same_month_are_added_up(tmp_path: Path) -> None:
    other = changed(snapshot(3), account="222222222222", payer="222222222222")
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(3), other])
    assert read_bill(tmp_path).rows == len(snapshot(3)) * 2


def manifest(path: Path, files: Sequence[str], **more: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"dataFiles": [f"s3://bucket/{name}" for name in files], **more}))


def test_a_manifest_names_the_files_that_count(tmp_path: Path) -> None:
    names = [f"x/data/BILLING_PERIOD=2026-01/x-0000{n}.parquet" for n in (1, 2, 3)]
    write(tmp_path, names, [*pieces(snapshot(3), 2), changed(snapshot(2), resource="of an older export")])
    manifest(tmp_path / "x/metadata/BILLING_PERIOD=2026-01/x-Manifest.json", names[:2])
    bill = read_bill(tmp_path)
    assert bill.rows == len(snapshot(3))
    assert any("x-00003.parquet" in warning for warning in bill.warnings)


def test_a_manifest_names_the_assembly_that_counts(tmp_path: Path) -> None:
    names = [f"x/20260101-20260201/{name}/x-1.csv.gz" for name in ("11", "22")]
    for name, lines in zip(names, [snapshot(9), snapshot(4)], strict=True):
        text(tmp_path / name, [legacy(line) for line in lines], Dialect(gzip=True))
        keys = {"reportKeys": [name], "assemblyId": name.split("/")[2]}
        (tmp_path / name).with_name("x-Manifest.json").write_text(json.dumps(keys))
    (tmp_path / "x/20260101-20260201/x-Manifest.json").write_text(json.dumps({"reportKeys": [names[1]]}))
    assert read_bill(tmp_path).rows == len(snapshot(4))


def test_a_bill_with_a_missing_file_of_its_manifest_is_refused(tmp_path: Path) -> None:
    names = [f"x/data/BILLING_PERIOD=2026-01/x-0000{n}.parquet" for n in (1, 2)]
    write(tmp_path, names[:1], [snapshot(3)])
    manifest(tmp_path / "x/metadata/BILLING_PERIOD=2026-01/x-Manifest.json", names)
    with pytest.raises(UnreadableBill, match=r"x-00002\.parquet"):
        read_bill(tmp_path)


# --- duplicate rows


def test_rows_with_the_same_key_are_dropped_with_a_warning(tmp_path: Path) -> None:
    lines = snapshot(3)
    path = text(tmp_path / "a.csv", [legacy(line) for line in [*lines, *lines[:7], *lines[:2]]])
    result = report(read_bill(path))
    assert (result.total, result.bill.rows) == (total(lines), len(lines))
    assert "duplicate rows dropped (same key and usage): 9" in result.warnings


def test_common_rows_of_two_files_are_dropped_and_neither_file_is_replaced(tmp_path: Path) -> None:
    lines = hours(100)
    write(tmp_path, ["a.parquet", "b.parquet"], [lines[:60], lines[55:]])
    bill = read_bill(tmp_path)
    assert bill.rows == 100
    assert "duplicate rows dropped (same key and usage): 5" in bill.warnings


def test_anonymised_ids_are_not_keys(tmp_path: Path) -> None:
    lines = changed([*snapshot(2), *hours(48, service="AmazonS3", usage_type="EUW3-x")], id="anonymous")
    result = report(read_bill(text(tmp_path / "a.csv", [legacy(line) for line in lines])))
    assert (result.total, result.bill.rows) == (total(lines), len(lines))


def test_rows_without_a_key_are_kept(tmp_path: Path) -> None:
    rows = [{k: v for k, v in cur(line).items() if not k.startswith("identity")} for line in [*hours(3), *hours(3)]]
    assert read_bill(parquet(tmp_path / "a.parquet", rows)).rows == 6


def duplicate(line: Line, **changes: Any) -> Line:
    """A line with the same key and usage, and some changes."""
    return replace(line, id=line.key[0], **changes)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)], ids=str)
def test_of_duplicates_with_different_costs_the_greatest_is_counted(order: tuple[int, ...], tmp_path: Path) -> None:
    first, *others = hours(5)
    versions = [first, duplicate(first, cost=Decimal(3)), duplicate(first, cost=Decimal(2), quantity=Decimal(9))]
    rows = [*(versions[number] for number in order), *others, *others[:1]]
    result = report(read_bill(text(tmp_path / "a.csv", [legacy(line) for line in rows])))
    assert (result.total, result.bill.rows) == (Decimal(3) + total(others), 5)
    assert (
        "duplicate rows dropped (same key and usage): 3; keys with different costs: 1 (the greatest cost is counted)"
        in result.warnings
    )


def test_of_duplicates_the_row_with_an_invoice_is_counted(tmp_path: Path) -> None:
    first, *others = hours(3)
    rows = [first, duplicate(first, cost=Decimal("0.01"), invoice="42"), *others]
    result = report(read_bill(text(tmp_path / "a.csv", [legacy(line) for line in rows])))
    assert (result.total, result.bill.rows) == (Decimal("0.01") + total(others), 3)


def test_duplicates_across_files_and_within_them_count_once(tmp_path: Path) -> None:
    lines = hours(100)
    corrected = [duplicate(line, cost=Decimal(2)) for line in lines[55:60]]
    write(tmp_path, ["a.parquet", "b.parquet"], [[*lines[:60], lines[0]], [*corrected, *lines[60:], lines[99]]])
    result = report(read_bill(tmp_path))
    assert float(result.total or 0) == pytest.approx(float(total(lines[:55]) + total(corrected) + total(lines[60:])))
    assert result.bill.rows == 100
    assert (
        "duplicate rows dropped (same key and usage): 7; keys with different costs: 5 (the greatest cost is counted)"
        in result.warnings
    )


@pytest.mark.parametrize("duplicates", [0, 1], ids=["all unique", "one duplicate"])
def test_many_keys_are_compared_hour_by_hour(duplicates: int, tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "many.parquet"
    duckdb.sql(
        f"""COPY (
        SELECT 'id-' || i AS identity_line_item_id, strftime(h, '%Y-%m-%dT%H') AS identity_time_interval,
            TIMESTAMP '2026-01-01' AS bill_billing_period_start_date, '1' AS bill_payer_account_id,
            h AS line_item_usage_start_date, 'AmazonEC2' AS line_item_product_code,
            1.0::DOUBLE AS line_item_unblended_cost
        FROM (SELECT i, TIMESTAMP '2026-01-01' + to_hours(k) AS h FROM range(1000) a(i), range(300) b(k)
              UNION ALL SELECT 5, TIMESTAMP '2026-01-03' FROM range({duplicates}))
        ) TO '{path}' (FORMAT parquet)"""
    )
    bill = read_bill(path)
    assert bill.rows == 300_000
    assert any("duplicate rows" in warning for warning in bill.warnings) == bool(duplicates)


# --- paths


@pytest.mark.parametrize(
    ("path", "root", "month", "delivery"),
    [
        (
            "b/cur/hourly/data/BILLING_PERIOD=2026-01/hourly-00001.snappy.parquet",
            "b/cur/hourly",
            "BILLING_PERIOD=2026-01",
            None,
        ),
        (
            "s3://b/cur/hourly/metadata/BILLING_PERIOD=2026-01/2026-01-05T10:00:00Z-x/hourly-Manifest.json",
            "s3://b/cur/hourly",
            "BILLING_PERIOD=2026-01",
            "2026-01-05T10:00:00Z-x",
        ),
        ("r/20260101-20260201/0f0f/r-1.csv.gz", "r", "20260101-20260201", "0f0f"),
        ("r/20260101-20260201/r-Manifest.json", "r", "20260101-20260201", None),
        ("r/year=2026/month=1/r-00001.snappy.parquet", "r", "year=2026/month=1", None),
        ("downloads/bill.csv", "downloads", None, None),
        ("bill.csv", "", None, None),
    ],
)
def test_a_path_has_export_month_and_delivery(path: str, root: str, month: str | None, delivery: str | None) -> None:
    location = parse_location(path)
    assert (location.root, location.month, location.delivery) == (root, month, delivery)


@pytest.mark.parametrize(
    ("path", "timestamp"),
    [
        ("x/2026-01-05T10:00:00Z-id/y.parquet", datetime(2026, 1, 5, 10)),
        ("x/20260105T100000Z/y.parquet", datetime(2026, 1, 5, 10)),
        ("x/bill-2026-01-05.csv", datetime(2026, 1, 5)),
        ("1763377237.403768.d09cb80191.parquet", datetime(2025, 11, 17, 11, 0, 37)),
        ("x/20260101-20260201/y.csv", None),
        ("x/bill.csv", None),
    ],
)
def test_the_timestamp_in_a_path(path: str, timestamp: datetime | None) -> None:
    seconds = timestamp_in_path(path)
    assert (None if seconds is None else datetime(1970, 1, 1) + timedelta(seconds=seconds)) == timestamp


# --- files that can't be added up


def by_day(lines: Sequence[Line]) -> list[Line]:
    """The same charges by day."""
    days: dict[tuple[datetime, str], list[Line]] = {}
    for line in lines:
        days.setdefault((line.start.replace(hour=0), line.resource), []).append(line)
    return [
        replace(some[0], start=day, hours=24, quantity=Decimal(len(some)), cost=total(some))
        for (day, _), some in days.items()
    ]


def test_the_same_charges_by_hour_and_by_day_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(4), by_day(snapshot(4))])
    with pytest.raises(UsageError, match="different granularities"):
        read_bill(tmp_path)


def test_files_without_keys_that_share_some_rows_are_refused(tmp_path: Path) -> None:
    lines = hours(100)
    for name, some in (("a.csv", lines[:60]), ("b.csv", lines[40:])):
        text(tmp_path / name, [focus(line) for line in some])
    with pytest.raises(UsageError, match="of their rows of January 2026"):
        read_bill(tmp_path)


def test_pieces_whose_rows_differ_only_in_amounts_are_added_up(tmp_path: Path) -> None:
    lines = [replace(line, resource="", cost=Decimal(number)) for number, line in enumerate(hours(25) * 20)]
    for name, some in (("a.csv", lines[::2]), ("b.csv", lines[1::2])):
        text(tmp_path / name, [focus(line) for line in some])
    result = report(read_bill(tmp_path))
    assert (result.total, result.bill.rows) == (total(lines), len(lines))
