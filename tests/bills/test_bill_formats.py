"""Versions, encodings and spellings of exports: what they are, what they cost, and what is said about them."""

import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from esaws.costs.bill.bill import Bill
from esaws.costs.bill.bill_file import File, UnreadableBill
from esaws.costs.bill.formats.detect import detect_format
from esaws.costs.bill.maps import parse_map
from esaws.costs.bill.queries import by_provider, by_service, by_tag
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.bill.text_files import decompress, to_utf_8
from tests.bills.writing import cur, explorer, focus, hours, legacy, snake, text, total

pytestmark = pytest.mark.slow

CASES = Path(__file__).with_name("cases")


def amounts(bill: Bill, by: object) -> dict[str, float]:
    return {next(iter(row.values())): float(row["cost"]) for row in bill.fetch_rows(by)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "format_", "period", "totals", "services"),
    [
        ("ce_utf16_powershell.json", "Cost Explorer", "2026-10", {"USD": 3.75}, 1),
        ("cur2_tags_column_only.csv", "CUR 2.0", "2026-10", {"USD": 0.4992}, 1),
        ("focus_0_5.csv", "FOCUS 0.5", "2023-06", {"USD": 0.1}, 1),
        ("focus_1_4.csv", "FOCUS 1.3 or later", "2026-10", {"EUR": 7.5}, 1),
        ("focus_offset_paris.csv", "FOCUS 1.0", "2024-02", {"EUR": 10.0}, 1),
        ("focus_tags_without_braces.csv", "FOCUS 1.0", "2024-02", {"EUR": 15.0}, 1),
        ("legacy_tag_column_twice.parquet", "legacy CUR", "2026-10", {"USD": 0.4992}, 1),
        ("two_currencies.csv", "FOCUS 1.2", "2026-10", {"EUR": 3.0, "USD": 4.0}, 1),
    ],
)
def test_a_case_is_read_as_what_it_is(
    file: str, format_: str, period: str, totals: dict[str, float], services: int
) -> None:
    result = report(read_bill(CASES / file))
    assert (result.bill.format, result.bill.period) == (format_, period)
    assert {currency: float(amount) for currency, amount in result.totals.items()} == totals
    assert len({service for service, _ in result.by_service}) == services


# --- FOCUS


@pytest.mark.parametrize(
    ("added", "removed", "version"),
    [
        ("", "", "1.0"),
        ("SkuMeter", "", "1.1"),
        ("InvoiceId", "", "1.2"),
        ("ServiceProviderName HostProviderName", "", "1.3"),
        ("ServiceProviderName HostProviderName", "ProviderName", "1.3 or later"),
        ("AllocatedTags", "ProviderName", "1.3 or later"),
        ("InvoiceDetailId ServiceProviderName", "ProviderName", "1.4"),
        ("UsageQuantity UsageUnit Region", "ConsumedQuantity ConsumedUnit RegionId", "1.0-preview"),
        ("ChargeType Region BillingAccountType", "ChargeCategory RegionId", "0.5"),
        ("ChargeType Provider ResourceID", "", "1.0"),  # what focus-validator looks for, beside the columns of 1.0
    ],
)
def test_the_columns_tell_the_version_of_focus(added: str, removed: str, version: str) -> None:
    columns = [*focus(hours(1)[0]), "RegionId", "PublisherName", *added.split()]
    names = [name for name in columns if name not in removed.split() and not (removed and name == "PublisherName")]
    mapping = detect_format(names)
    assert mapping is not None and mapping.version == f"FOCUS {version}" and not mapping.unknown


def test_columns_of_no_known_version_are_named_and_those_of_providers_are_not(tmp_path: Path) -> None:
    rows = [{**focus(line, "1.2"), "CarbonScore": "a", "x_Team": "b", "oci_Id": "c"} for line in hours(2)]
    (warning,) = read_bill(text(tmp_path / "bill.csv", rows)).warnings
    assert "CarbonScore is a column of no known version" in warning
    assert "x_Team" not in warning and "oci_Id" not in warning


def test_older_and_newer_versions_give_the_same_bill_as_1_0(tmp_path: Path) -> None:
    renamed = {
        "0.5": {
            "ChargeCategory": "ChargeType",
            "EffectiveCost": "AmortizedCost",
            "ProviderName": "Provider",
            "RegionId": "Region",
        },
        "1.0-preview": {"ConsumedQuantity": "UsageQuantity", "ConsumedUnit": "UsageUnit", "RegionId": "Region"},
        "1.3 or later": {"ProviderName": "ServiceProviderName"},
    }
    rows = [focus(line) for line in hours(3)]
    columns = ("provider", "region", "line_item_type", "amortized_cost", "quantity", "unit")

    def facts(rows: list[dict[str, object]]) -> tuple[str, list[dict[str, object]]]:
        bill = read_bill(text(tmp_path / "bill.csv", rows))
        return bill.format, bill.fetch_rows(bill.lines.select(*columns))

    _, expected = facts(rows)
    for version, names in renamed.items():
        changed = [{names.get(name, name): value for name, value in row.items()} for row in rows]
        assert facts(changed) == (f"FOCUS {version}", expected)


def test_credits_and_refunds_of_1_0_preview_are_no_plain_adjustments(tmp_path: Path) -> None:
    kinds = ["Credit", "Refund", "General Adjustment", ""]
    rows = [
        {**focus(line), "ChargeCategory": "Adjustment" if kind else "Usage", "ChargeSubcategory": kind}
        for line, kind in zip(hours(4), kinds, strict=True)
    ]
    bill = read_bill(text(tmp_path / "bill.csv", rows))
    types = [row["line_item_type"] for row in bill.fetch_rows(bill.lines.select("line_item_type", "start"))]
    assert sorted(types) == ["Adjustment", "Credit", "Refund", "Usage"]


def test_the_provider_of_1_4_is_the_service_provider() -> None:
    bill = read_bill(CASES / "focus_1_4.csv")
    assert amounts(bill, by_provider(bill.lines)) == {"Contoso Cloud": 7.5}


# --- times with an offset


@pytest.mark.parametrize(
    ("period", "start", "expected", "month"),
    [
        ("2024-02-01T00:00:00+01:00", "2024-02-01T00:00:00+01:00", "2024-02-01 00:00", "2024-02"),
        ("2024-07-01T00:00:00-04:00", "2024-07-02T13:00:00-04:00", "2024-07-02 13:00", "2024-07"),
        ("2024-02-01T00:00:00Z", "2024-02-03T00:00:00+01:00", "2024-02-02 23:00", "2024-02"),  # the months are UTC's
        (None, "2024-02-01T00:00:00+01:00", "2024-02-01 00:00", "2024-02"),
        (None, "2024-02-01T05:30:00+01:00", "2024-02-01 04:30", "2024-02"),
    ],
)
def test_months_that_begin_at_local_midnight_are_counted_as_they_are_written(
    period: str | None, start: str, expected: str, month: str, tmp_path: Path
) -> None:
    row = {**focus(hours(1)[0]), "BillingPeriodStart": period, "BillingPeriodEnd": None, "ChargePeriodStart": start}
    row["ChargePeriodEnd"] = start
    if period is None:
        del row["BillingPeriodStart"], row["BillingPeriodEnd"]
    bill = read_bill(text(tmp_path / "bill.csv", [row]))
    ((begin,),) = [tuple(row.values()) for row in bill.fetch_rows(bill.lines.select("start"))]
    assert (begin, bill.period) == (datetime.fromisoformat(expected), month)
    is_local = not start.endswith(expected[-5:] + ":00Z") and begin == datetime.fromisoformat(start[:19])
    assert any("with their offset from UTC" in warning for warning in bill.warnings) == is_local


# --- tags


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('{"env": "prod", "n": 3, "none": null}', {"env": "prod", "n": "3"}),
        ('"env": "prod","team": "a"', {"env": "prod", "team": "a"}),
        ('[{"key": "env", "value": "prod"}]', {"env": "prod"}),
        ('[{"Key": "env", "Value": "prod"}]', {"env": "prod"}),
        ("{env=prod, team=a b, empty=}", {"env": "prod", "team": "a b"}),
        ("{'env': 'prod', 'team': None}", {"env": "prod"}),
        ("[{'Key': 'env', 'Value': 'prod'}]", {"env": "prod"}),
        ("None", {}),
        ("{}", {}),
        ("[]", {}),
        ("{'env': open('x')}", None),
        ("{env=prod, x, team=a}", None),  # is x a part of the first value?
        ("{env=a=b}", None),
        ('["env", "prod"]', None),
        ('[{"key": "env"}]', None),
        ("prod", None),
        ('"prod"', None),
        ("12", None),
    ],
)
def test_a_map_is_read_in_the_spellings_of_exports_or_not_at_all(cell: str, expected: dict[str, str] | None) -> None:
    assert parse_map(cell) == expected


def test_an_odd_tags_cell_is_a_warning_and_the_bill_is_read(tmp_path: Path) -> None:
    cells = ["{broken", "{broken", '{"team": "a"}', ""]
    rows = [{**focus(line), "Tags": cell} for line, cell in zip(hours(4), cells, strict=True)]
    bill = read_bill(text(tmp_path / "bill.csv", rows))
    (warning,) = bill.warnings
    assert "column Tags: 2 rows have a cell" in warning and "'{broken'" in warning and "counted without Tags" in warning
    assert amounts(bill, by_tag(bill.lines, "team")) == {"": 0.0396, "a": 0.0132}


def test_the_tags_column_of_cur_2_has_prefixes_by_source() -> None:
    bill = read_bill(CASES / "cur2_tags_column_only.csv")
    assert amounts(bill, by_tag(bill.lines, "team")) == {"red": 0.2496, "blue": 0.2496}
    assert amounts(bill, by_tag(bill.lines, "accountTag/cost_center")) == {"c1": 0.4992}


@pytest.mark.parametrize("key", ["team", "user:team", "user_team", "resourceTags/team", "resourceTags/user:team"])
def test_a_tag_is_found_however_the_bill_spells_its_key(key: str, tmp_path: Path) -> None:
    rows = [{**cur(line), "tags": {key: "red", "accountTag/team": "blue"}} for line in hours(2)]
    bill = read_bill(text(tmp_path / "bill.csv", rows))
    assert amounts(bill, by_tag(bill.lines, "team")) == {"red": 0.0264}


# --- columns that a file has twice


def with_column_twice(path: Path, name: str, values: list[str]) -> Path:
    """Add a column at the end, whatever columns the file has already."""
    if path.suffix == ".csv":
        lines = path.read_text().splitlines()
        cells = [name, *values]
        path.write_text("\n".join(f"{line},{cell}" for line, cell in zip(lines, cells, strict=True)))
    else:
        table = pq.read_table(path)
        names = [*table.schema.names, name]
        pq.write_table(pa.Table.from_arrays([*table.columns, pa.array(values)], names), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("column", ["resource_tags_user_team", "line_item_product_code"], ids=["of a tag", "of a text"])
def test_a_text_column_twice_is_a_warning_that_names_it(suffix: str, column: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"bill{suffix}", [snake(line) for line in hours(2, tags={"team": "red"})])
    bill = read_bill(with_column_twice(path, column, ["other", "other"]))
    (warning,) = bill.warnings
    assert f"the column {column} 2 times" in warning and "the first one counts" in warning
    assert amounts(bill, by_service(bill.lines)) == {"AmazonEC2": 0.0264}
    assert amounts(bill, by_tag(bill.lines, "team")) == {"red": 0.0264}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_cost_column_twice_is_refused_by_name(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"bill{suffix}", [snake(line) for line in hours(2)])
    with pytest.raises(UnreadableBill, match="this column 2 times") as caught:
        read_bill(with_column_twice(path, "line_item_unblended_cost", ["1", "2"]))
    assert caught.value.column == "line_item_unblended_cost"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_column_in_two_spellings_is_a_warning_that_names_the_one_that_counts(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"bill{suffix}", [snake(line) for line in hours(2)])
    bill = read_bill(with_column_twice(path, "LINE_ITEM_UNBLENDED_COST", ["1", "2"]))
    (warning,) = bill.warnings
    assert "LINE_ITEM_UNBLENDED_COST differ in case alone; line_item_unblended_cost counts" in warning
    assert amounts(bill, by_service(bill.lines)) == {"AmazonEC2": 0.0264}


def test_tags_that_differ_only_by_case_are_two_tags(tmp_path: Path) -> None:
    rows = [{**legacy(line), "resourceTags/user:Team": "a", "resourceTags/user:team": "b"} for line in hours(2)]
    for suffix in (".csv", ".parquet"):
        bill = read_bill(write(tmp_path / f"bill{suffix}", rows))
        assert not bill.warnings
        assert amounts(bill, by_tag(bill.lines, "Team")) == {"a": 0.0264}
        assert amounts(bill, by_tag(bill.lines, "team")) == {"b": 0.0264}


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".csv":
        return text(path, rows)
    pq.write_table(
        pa.Table.from_pylist([{k: str(v) if isinstance(v, Decimal) else v for k, v in r.items()} for r in rows]), path
    )
    return path


# --- encodings


def as_gzip(content: bytes) -> bytes:
    return gzip.compress(content)


def as_zip(content: bytes) -> bytes:
    import io

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bill", content)
    return packed.getvalue()


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
PACKS = (bytes, as_gzip, as_zip)


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_becomes_utf_8_from_every_encoding_and_packing(
    encoding: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    content = "service;cost\r\nAmazon é;1,5\n"
    path = tmp_path / "bill"
    path.write_bytes(pack(content.encode(encoding)))
    file = File(path, path.name, 0)
    assert to_utf_8(file, decompress(file, tmp_path), tmp_path).read_bytes().decode("utf-8-sig") == content


@pytest.mark.parametrize(("encoding", "pack"), [*zip(ENCODINGS, [*PACKS, *PACKS], strict=False)])
@pytest.mark.parametrize(("kind", "line_end"), [("cur", "\n"), ("cur", "\r\n"), ("explorer", "\r\n")])
def test_text_is_read_in_every_encoding_packing_and_line_end(
    kind: str, line_end: str, encoding: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    lines = hours(2)
    if kind == "cur":
        content = text(tmp_path / "plain.csv", [legacy(line) for line in lines]).read_text()
    else:
        content = json.dumps(explorer(lines, "SERVICE"), indent=1)
    path = tmp_path / "bill"
    path.write_bytes(pack(content.replace("\n", line_end).encode(encoding)))
    assert report(read_bill(path)).total == total(lines)
