"""Sources of bills: files, globs, folders with the companion files of exports, and buckets."""

import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.queries import by_tag
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.data_export import export_bill, export_bucket
from esaws.errors import UsageError
from tests.bills.writing import cur, hours, legacy, parquet, text

MONTHS = {"2026-01": hours(20), "2026-02": hours(30, datetime(2026, 2, 1))}


def export(folder: Path) -> None:
    """Write two months in AWS's folder layout, with all companion files."""
    for month, lines in MONTHS.items():
        name = f"cur/hourly/data/BILLING_PERIOD={month}/hourly-00001.snappy.parquet"
        parquet(folder / name, [cur(line) for line in lines])
        manifest = folder / f"cur/hourly/metadata/BILLING_PERIOD={month}/hourly-Manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"dataFiles": [f"s3://bucket/{name}"], "exportName": "hourly"}))
    (folder / "cur/hourly/data/_SUCCESS").touch()
    (folder / ".DS_Store").write_bytes(b"\0\1")
    status = folder / "cur/cost_and_usage_data_status"
    status.mkdir()
    pq.write_table(pa.table({"status": ["READY"]}), status / "cost_and_usage_data_status.parquet")
    (folder / "cur/hourly-create-table.sql").write_text("CREATE EXTERNAL TABLE …")


def test_a_folder_is_read_with_all_below_it_and_skipped_files_are_listed(tmp_path: Path) -> None:
    export(tmp_path)
    bill = read_bill(tmp_path)
    assert (bill.rows, bill.period, bill.format) == (50, "2026-01/2026-02", "CUR 2.0")
    (skipped,) = [warning for warning in bill.warnings if warning.startswith("skipped, not a bill")]
    for name in ("_SUCCESS", ".DS_Store", "status.parquet", "create-table.sql", "hourly-Manifest.json"):
        assert name in skipped


def test_an_unknown_file_in_a_folder_is_an_error(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "notes.txt").write_text("to be paid until Friday")
    with pytest.raises(UnreadableBill, match=r"notes\.txt"):
        read_bill(tmp_path)


def test_a_folder_without_a_bill_is_an_error_that_lists_skipped_files(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(UsageError, match="_SUCCESS"):
        read_bill(tmp_path)


def test_globs_and_files_can_be_mixed_and_a_file_counts_once(tmp_path: Path) -> None:
    export(tmp_path)
    january = next(tmp_path.rglob("*2026-01/*.parquet"))
    bill = read_bill(january, str(tmp_path / "cur/**/*.snappy.parquet"), january)
    assert (bill.rows, bill.warnings) == (50, ())


def write_zip(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bill-1.csv", content)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (Path.write_bytes, "bill.parquet"),
        (Path.write_bytes, "bill.json"),
        (Path.write_bytes, "a 'quoted' [name] ü.txt"),
        (lambda path, content: path.write_bytes(gzip.compress(content)), "bill"),
        (lambda path, content: path.write_bytes(gzip.compress(content)), "bill.csv"),
        (write_zip, "bill.csv"),
        (write_zip, "a 'quoted' [name] ü.txt"),
    ],
)
def test_a_file_is_recognised_by_content_whatever_its_name(
    write: Callable[[Path, bytes], None], name: str, tmp_path: Path
) -> None:
    content = text(tmp_path / "made", [legacy(line) for line in hours(5)]).read_bytes()
    folder = tmp_path / "it's here"
    folder.mkdir()
    write(folder / name, content)
    assert read_bill(folder / name).rows == 5
    assert read_bill(folder).rows == 5


def test_an_archive_of_several_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bill.zip", "w") as archive:
        for name in ("1.csv", "2.csv"):
            archive.writestr(name, "x")
    with pytest.raises(UnreadableBill, match="has 2 files"):
        read_bill(tmp_path / "bill.zip")


def test_parquet_maps_are_read_from_text_lists_and_structs(tmp_path: Path) -> None:
    rows = [{name: value for name, value in cur(line).items() if name != "resource_tags"} for line in hours(3)]
    plain = pq.read_table(parquet(tmp_path / "plain", rows))
    forms = {
        "text": pa.array(['{"user_team": "web"}', "", None]),
        "list": pa.array([[{"key": "user_team", "value": "web"}], [], None]),
        "struct": pa.array([{"user_team": "web"}, {"user_team": None}, None]),
        "map": pa.array([[("user_team", "web")], [], None], pa.map_(pa.string(), pa.string())),
    }
    for name, tags in forms.items():
        pq.write_table(plain.append_column("resource_tags", tags), tmp_path / name)
        bill = read_bill(tmp_path / name)
        assert {row["tag"]: row["rows"] for row in bill.fetch_rows(by_tag(bill.lines, "team"))} == {"web": 1, "": 2}, (
            name
        )


# --- buckets, and Cost Explorer itself


@pytest.fixture(scope="module")
def spender(new_cloud: Callable[[], Cloud]) -> Cloud:
    """An account with 12 instances and a volume since the first of a month, and an export of its bill."""
    cloud = new_cloud()
    export_bill(cloud)
    simulation.advance(cloud, to=simulation.next_month(cloud))
    ec2 = cloud.client("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "web"}]}]
    ec2.run_instances(ImageId="ami-760aaa0f", InstanceType="t2.micro", MinCount=12, MaxCount=12, TagSpecifications=tags)
    ec2.create_volume(AvailabilityZone="eu-west-3a", Size=500, VolumeType="gp2")
    simulation.advance(cloud, "4d")
    return cloud


def test_the_local_export_in_its_bucket_equals_cost_explorer_to_the_cent(spender: Cloud) -> None:
    month = f"{simulation.now(spender):%Y-%m}"
    exported = report(read_bill(f"s3://{export_bucket(spender)}/cur", cloud=spender))
    explored = report(read_bill(f"ce:{month}", cloud=spender))
    assert (exported.bill.format, explored.bill.format) == ("CUR 2.0", "Cost Explorer")
    assert (exported.currency, exported.bill.period) == ("USD", month)
    assert exported.total is not None and exported.total > 5
    assert float(exported.total) == pytest.approx(float(explored.total or 0), abs=0.005)
    for (usage_type, _), amount in explored.by_usage_type.items():
        assert float(exported.by_usage_type[usage_type, "USD"]) == pytest.approx(float(amount), abs=0.005)
    assert any("Manifest.json" in warning for warning in exported.warnings)


def test_free_usage_in_the_local_export_is_the_free_tier(spender: Cloud) -> None:
    result = report(read_bill(f"s3://{export_bucket(spender)}", cloud=spender))
    free = {usage.allowance: usage for usage in result.free}
    assert free["AmazonEC2 Hrs"].quantity == free["AmazonEC2 Hrs"].cap == 750
    assert float(free["AmazonEC2 Hrs"].benefit or 0) == pytest.approx(750 * 0.0132)


def test_tags_in_the_local_export_are_found_by_their_key(spender: Cloud) -> None:
    bill = read_bill(f"s3://{export_bucket(spender)}/cur/", cloud=spender)
    rows = bill.fetch_rows(by_tag(bill.lines, "team"))
    assert {row["tag"] for row in rows} == {"web", ""}


def test_a_prefix_matches_whole_folder_names(spender: Cloud) -> None:
    with pytest.raises(UsageError, match="no objects there"):
        read_bill(f"s3://{export_bucket(spender)}/cu", cloud=spender)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("s3://no-such-bucket-of-ours/x", "NoSuchBucket"),
        ("s3://", "no bucket name"),
        ("ce:2026", "no valid dates"),
        ("ce:2026-13", "no valid dates"),
        ("ce:2026-02-05..2026-02-01", "the end is before the start"),
    ],
)
def test_an_invalid_source_is_refused(source: str, reason: str, cloud: Cloud) -> None:
    with pytest.raises(UsageError, match=reason):
        read_bill(source, cloud=cloud)


@pytest.mark.parametrize("source", ["s3://bucket/x", "ce:2026-01"])
def test_a_source_in_an_account_needs_a_cloud(source: str) -> None:
    with pytest.raises(UsageError, match="cloud=cloud"):
        read_bill(source)
