"""Which of several deliveries of a month counts: by their manifests, and by a guess only where nothing else tells."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from tests.bills.writing import focus, hours, text

CASES = Path(__file__).with_name("cases")
EARLIER, LATER = "9f000000-0000-4000-8000-000000000001", "0a000000-0000-4000-8000-000000000002"
"""Runs whose ids sort against their times."""


def run(folder: Path, name: str, submitted: str | None, price: int, parts: int = 1) -> Path:
    """A run of an Azure export: its files, and a manifest unless `submitted` is None."""
    where = folder / "daily/20260101-20260131" / name
    where.mkdir(parents=True)
    blobs = []
    for part in range(parts):
        lines = hours(3, resource=f"i-{part}", cost=Decimal(price))
        path = text(where / f"part_{part}_0001.csv", [focus(line, "1.2") for line in lines])
        os.utime(path, (0, 0))
        blobs.append({"blobName": f"exports/daily/20260101-20260131/{name}/{path.name}"})
    if submitted is not None:
        manifest = {"blobs": blobs, "runInfo": {"submittedTime": submitted, "runId": name}}
        (where / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8-sig")
    return where


def costs(folder: Path) -> tuple[float, list[str]]:
    result = report(read_bill(folder))
    return float(result.total or 0), [warning for warning in result.warnings if "was exported" in warning]


def test_of_azures_runs_the_one_submitted_last_counts() -> None:
    total, (warning,) = costs(CASES / "azure")
    assert total == 15 and "perhaps" not in warning and f"{LATER}/part_0_0001.csv.gz (3 rows) replaces" in warning


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2026-02-01T07:00:00Z", "2026-02-05T07:00:00Z"),
        ("2026-02-01T07:00:00.1234567Z", "2026-02-01T07:00:00.2234567Z"),
        ("2026-02-01T07:00:00", "2026-02-01T07:30:00+00:00"),
        ("2026-02-01T09:00:00+02:00", "2026-02-01T08:00:00Z"),
    ],
)
def test_times_of_runs_are_compared_whatever_their_spelling(first: str, second: str, tmp_path: Path) -> None:
    run(tmp_path, EARLIER, first, price=1)
    run(tmp_path, LATER, second, price=2)
    assert costs(tmp_path)[0] == 6


@pytest.mark.parametrize("times", [(None, None), ("2026-02-01T07:00:00Z", None), ("yesterday", "2026-02-05")])
def test_an_order_that_only_names_show_is_called_a_guess(times: tuple[str | None, str | None], tmp_path: Path) -> None:
    run(tmp_path, EARLIER, times[0], price=1)
    run(tmp_path, LATER, times[1], price=2)
    _, (warning,) = costs(tmp_path)
    assert "perhaps replaces" in warning and "guessed from file times and names" in warning


def test_an_order_that_the_rows_show_is_no_guess(tmp_path: Path) -> None:
    for name, count in (("b.csv", 3), ("a.csv", 5)):
        text(tmp_path / name, [focus(line, "1.2") for line in hours(count)])
    _, (warning,) = costs(tmp_path)
    assert "a.csv (5 rows) replaces" in warning and "perhaps" not in warning


def test_the_parts_of_a_run_are_added_up_with_and_without_manifest(tmp_path: Path) -> None:
    for submitted in ("2026-02-01T07:00:00Z", None):
        folder = tmp_path / str(submitted)
        run(folder, EARLIER, submitted, price=1, parts=3)
        assert costs(folder) == (9, [])
        run(folder, LATER, submitted and "2026-02-05T07:00:00Z", price=2, parts=2)
        assert costs(folder)[0] in ((12,) if submitted else (9, 12))


def test_a_run_with_a_part_missing_is_refused_by_its_manifest(tmp_path: Path) -> None:
    (run(tmp_path, EARLIER, "2026-02-01T07:00:00Z", price=1, parts=2) / "part_1_0001.csv").unlink()
    with pytest.raises(UnreadableBill, match=r"files of the bill are missing: .*part_1_0001.csv"):
        read_bill(tmp_path)
