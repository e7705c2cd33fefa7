"""A month that was exported twice counts once, whatever the files are called; pieces of an export are added up."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from esaws.costs.bill.dedup.layout import moment_in, place_of
from esaws.costs.bill.files import Unreadable
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.errors import UsageError
from tests.bills.writing import Dialect, Line, changed, cur, focus, hours, legacy, parquet, text, total

FIRST = datetime(2026, 1, 1)


def snapshot(days: int, **changes: object) -> list[Line]:
    """What an export says so many days after the month began."""
    return [*hours(24 * days, resource="i-1", **changes), *hours(24 * days, resource="i-2", cost=Decimal("0.5"))]


SNAPSHOTS = [snapshot(2), snapshot(2), snapshot(5), changed(snapshot(6)[:3], cost=Decimal("0.9")) + snapshot(6)[3:]]
"""Four exports of one month, each over the one before; the last has corrected three costs."""


def write(folder: Path, names: Sequence[str], exports: Sequence[Sequence[Line]], age: Sequence[int] = ()) -> None:
    for number, (name, lines) in enumerate(zip(names, exports, strict=True)):
        path = parquet(folder / name, [cur(line) for line in lines])
        changed_at = 1_770_000_000 + 100 * (age[number] if age else 0)
        os.utime(path, (changed_at, changed_at))


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
def test_of_four_exports_of_a_month_the_last_counts(names: list[str], tmp_path: Path) -> None:
    write(tmp_path, names, SNAPSHOTS)
    found = report(read_bill(tmp_path))
    assert float(found.total or 0) == pytest.approx(float(total(SNAPSHOTS[-1])))
    assert found.bill.rows == len(SNAPSHOTS[-1])
    assert any("was exported 4 times" in warning and names[-1] in warning for warning in found.warnings)


def test_an_export_that_was_stamped_later_counts_although_it_is_shorter(tmp_path: Path) -> None:
    write(tmp_path, ["x-2026-02-03.parquet", "x-2026-02-10.parquet"], [snapshot(31), snapshot(31)[10:]])
    assert read_bill(tmp_path).rows == len(snapshot(31)) - 10


def test_an_export_with_invoices_is_later_than_one_without(tmp_path: Path) -> None:
    closed = changed(snapshot(31)[5:], invoice="42")
    write(tmp_path, ["a.parquet", "b.parquet"], [closed, snapshot(31)], age=[0, 9])
    assert read_bill(tmp_path).rows == len(closed)


def test_of_equal_exports_the_file_that_was_written_later_counts(tmp_path: Path) -> None:
    corrected = changed(snapshot(31), cost=Decimal(2))
    write(tmp_path, ["a.parquet", "b.parquet"], [corrected, snapshot(31)], age=[9, 0])
    assert float(report(read_bill(tmp_path)).total or 0) == pytest.approx(float(total(corrected)))


def test_an_export_replaces_even_where_aws_gave_other_ids(tmp_path: Path) -> None:
    renamed = [line for number, each in enumerate(SNAPSHOTS[3]) for line in changed([each], id=f"new-{number}")]
    write(tmp_path, ["a.parquet", "b.parquet"], [SNAPSHOTS[2], renamed])
    assert read_bill(tmp_path).rows == len(renamed)


@pytest.mark.parametrize("row_of", [legacy, focus], ids=["legacy CUR", "FOCUS"])
def test_exports_as_text_and_in_focus_are_replaced_too(row_of: Callable[[Line], dict], tmp_path: Path) -> None:
    text(tmp_path / "monday.csv", [row_of(line) for line in SNAPSHOTS[0]])
    text(tmp_path / "friday.csv", [row_of(line) for line in SNAPSHOTS[3]], Dialect(delimiter=";", moments="german"))
    found = report(read_bill(tmp_path))
    assert (found.total, found.bill.rows) == (total(SNAPSHOTS[3]), len(SNAPSHOTS[3]))


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
    found = report(read_bill(tmp_path))
    assert float(found.total or 0) == pytest.approx(float(total(lines)))
    assert (found.bill.rows, found.bill.warnings) == (len(lines), ())


def test_an_export_in_pieces_replaces_one_in_pieces(tmp_path: Path) -> None:
    old, new = pieces(snapshot(3), 2), pieces(snapshot(8), 3)
    write(tmp_path, ["a/x-1.parquet", "a/x-2.parquet"], old)
    write(tmp_path, ["b/x-1.parquet", "b/x-2.parquet", "b/x-3.parquet"], new)
    assert read_bill(tmp_path).rows == len(snapshot(8))


def test_each_month_has_its_own_last_export(tmp_path: Path) -> None:
    february = hours(50, datetime(2026, 2, 1))
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(31), [*snapshot(31), *february]])
    write(tmp_path, ["c.parquet"], [february[:20]])
    bill = read_bill(tmp_path)
    assert (bill.rows, bill.period) == (len(snapshot(31)) + 50, "2026-01/2026-02")
    assert sum("was exported" in warning for warning in bill.warnings) == 2


def test_accounts_of_the_same_month_are_added_up(tmp_path: Path) -> None:
    other = changed(snapshot(3), account="222222222222", payer="222222222222")
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(3), other])
    assert read_bill(tmp_path).rows == len(snapshot(3)) * 2


def manifest(path: Path, files: Sequence[str], **more: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"dataFiles": [f"s3://bucket/{name}" for name in files], **more}))


def test_a_manifest_says_what_the_bill_is(tmp_path: Path) -> None:
    names = [f"x/data/BILLING_PERIOD=2026-01/x-0000{n}.parquet" for n in (1, 2, 3)]
    write(tmp_path, names, [*pieces(snapshot(3), 2), changed(snapshot(2), resource="of an older export")])
    manifest(tmp_path / "x/metadata/BILLING_PERIOD=2026-01/x-Manifest.json", names[:2])
    bill = read_bill(tmp_path)
    assert bill.rows == len(snapshot(3))
    assert any("x-00003.parquet" in warning for warning in bill.warnings)


def test_a_manifest_names_the_assembly_that_counts(tmp_path: Path) -> None:
    names = [f"x/20260101-20260201/{name}/x-1.csv.gz" for name in ("11", "22")]
    for name, lines in zip(names, [snapshot(9), snapshot(4)], strict=True):
        text(tmp_path / name, [legacy(line) for line in lines], Dialect(packed=True))
        keys = {"reportKeys": [name], "assemblyId": name.split("/")[2]}
        (tmp_path / name).with_name("x-Manifest.json").write_text(json.dumps(keys))
    (tmp_path / "x/20260101-20260201/x-Manifest.json").write_text(json.dumps({"reportKeys": [names[1]]}))
    assert read_bill(tmp_path).rows == len(snapshot(4))


def test_a_bill_that_its_manifest_calls_incomplete_is_refused(tmp_path: Path) -> None:
    names = [f"x/data/BILLING_PERIOD=2026-01/x-0000{n}.parquet" for n in (1, 2)]
    write(tmp_path, names[:1], [snapshot(3)])
    manifest(tmp_path / "x/metadata/BILLING_PERIOD=2026-01/x-Manifest.json", names)
    with pytest.raises(Unreadable, match=r"x-00002\.parquet"):
        read_bill(tmp_path)


# --- rows that stand twice


def test_rows_with_the_same_key_are_dropped_and_counted(tmp_path: Path) -> None:
    lines = snapshot(3)
    path = text(tmp_path / "a.csv", [legacy(line) for line in [*lines, *lines[:7], *lines[:2]]])
    found = report(read_bill(path))
    assert (found.total, found.bill.rows) == (total(lines), len(lines))
    assert "9 rows stood in the bill twice, with the same key: dropped" in found.warnings


def test_rows_that_two_files_have_in_common_are_dropped_without_replacing_either(tmp_path: Path) -> None:
    lines = hours(100)
    write(tmp_path, ["a.parquet", "b.parquet"], [lines[:60], lines[55:]])
    bill = read_bill(tmp_path)
    assert bill.rows == 100
    assert any("5 rows stood in the bill twice" in warning for warning in bill.warnings)


def test_ids_that_were_made_anonymous_are_no_keys(tmp_path: Path) -> None:
    lines = changed([*snapshot(2), *hours(48, service="AmazonS3", usage_type="EUW3-x")], id="anonymous")
    found = report(read_bill(text(tmp_path / "a.csv", [legacy(line) for line in lines])))
    assert (found.total, found.bill.rows) == (total(lines), len(lines))


def test_rows_without_a_key_are_all_kept(tmp_path: Path) -> None:
    rows = [{k: v for k, v in cur(line).items() if not k.startswith("identity")} for line in [*hours(3), *hours(3)]]
    assert read_bill(parquet(tmp_path / "a.parquet", rows)).rows == 6


@pytest.mark.parametrize("twice", [0, 1], ids=["each once", "one twice"])
def test_many_keys_are_compared_hour_by_hour(twice: int, tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "many.parquet"
    duckdb.sql(
        f"""COPY (
        SELECT 'id-' || i AS identity_line_item_id, strftime(h, '%Y-%m-%dT%H') AS identity_time_interval,
            TIMESTAMP '2026-01-01' AS bill_billing_period_start_date, '1' AS bill_payer_account_id,
            h AS line_item_usage_start_date, 'AmazonEC2' AS line_item_product_code,
            1.0::DOUBLE AS line_item_unblended_cost
        FROM (SELECT i, TIMESTAMP '2026-01-01' + to_hours(k) AS h FROM range(1000) a(i), range(300) b(k)
              UNION ALL SELECT 5, TIMESTAMP '2026-01-03' FROM range({twice}))
        ) TO '{path}' (FORMAT parquet)"""
    )
    bill = read_bill(path)
    assert bill.rows == 300_000
    assert any("1 rows stood" in warning for warning in bill.warnings) == bool(twice)


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
def test_a_path_tells_export_month_and_delivery(path: str, root: str, month: str | None, delivery: str | None) -> None:
    place = place_of(path)
    assert (place.root, place.month, place.delivery) == (root, month, delivery)


@pytest.mark.parametrize(
    ("path", "moment"),
    [
        ("x/2026-01-05T10:00:00Z-id/y.parquet", datetime(2026, 1, 5, 10)),
        ("x/20260105T100000Z/y.parquet", datetime(2026, 1, 5, 10)),
        ("x/bill-2026-01-05.csv", datetime(2026, 1, 5)),
        ("1763377237.403768.d09cb80191.parquet", datetime(2025, 11, 17, 11, 0, 37)),
        ("x/20260101-20260201/y.csv", None),
        ("x/bill.csv", None),
    ],
)
def test_a_path_may_name_the_moment_of_an_export(path: str, moment: datetime | None) -> None:
    found = moment_in(path)
    assert (None if found is None else datetime(1970, 1, 1) + timedelta(seconds=found)) == moment


# --- what can't be told


def by_day(lines: Sequence[Line]) -> list[Line]:
    """The same charges told day by day."""
    days: dict[tuple[datetime, str], list[Line]] = {}
    for line in lines:
        days.setdefault((line.start.replace(hour=0), line.resource), []).append(line)
    return [
        replace(some[0], start=day, hours=24, quantity=Decimal(len(some)), cost=total(some))
        for (day, _), some in days.items()
    ]


def test_the_same_charges_by_hour_and_by_day_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ["a.parquet", "b.parquet"], [snapshot(4), by_day(snapshot(4))])
    with pytest.raises(UsageError, match="spans of another length"):
        read_bill(tmp_path)


def test_files_without_keys_that_have_some_rows_in_common_are_refused(tmp_path: Path) -> None:
    lines = hours(100)
    for name, some in (("a.csv", lines[:60]), ("b.csv", lines[40:])):
        text(tmp_path / name, [focus(line) for line in some])
    with pytest.raises(UsageError, match="of their rows of January 2026"):
        read_bill(tmp_path)


def test_pieces_whose_rows_differ_only_in_amounts_are_added_up(tmp_path: Path) -> None:
    lines = [replace(line, resource="", cost=Decimal(number)) for number, line in enumerate(hours(24) * 20)]
    for name, some in (("a.csv", lines[::2]), ("b.csv", lines[1::2])):
        text(tmp_path / name, [focus(line) for line in some])
    found = report(read_bill(tmp_path))
    assert (found.total, found.bill.rows) == (total(lines), len(lines))
