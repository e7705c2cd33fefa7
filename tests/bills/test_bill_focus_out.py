"""Every kind of bill is written as FOCUS, with the columns of the specification and the sums of the bill."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.queries import by_columns, by_month, totals
from esaws.costs.bill.read import read_bill
from esaws.costs.data_export import export_bill, export_bucket
from esaws.costs.focus.charges import charge_of
from esaws.costs.focus.columns import DRAFT_NAMES, FocusColumn, columns_of
from esaws.costs.focus.services import service_of
from esaws.costs.focus.vocabulary import pricing_category_of, unit_of
from esaws.costs.focus.write import FocusFile, write_focus
from esaws.errors import UsageError
from esaws.pricelist.data import load_json
from tests.bills.writing import Line, cur, focus, hours, parquet, text
from tests.focus.kinds import COMMITTED, DATA, KINDS, PLAN, RESERVATION
from tests.shell import Shell

pytestmark = pytest.mark.slow

CENT = 0.005
WRITTEN = [
    *((kind, "1.2") for kind in KINDS),
    *(
        (kind, version)  # `make test-focus` tests all kinds
        for kind in ("CUR 2.0", "FOCUS 1.0, real", "Cost Explorer, sums")
        for version in ("1.0", "1.3", "1.4")
    ),
]


@dataclass(frozen=True)
class Export:
    """A bill, the FOCUS file written of it, and the rows of that file."""

    bill: Bill
    written: FocusFile
    rows: list[dict[str, Any]]

    def sum_of(self, column: str) -> dict[str, float]:
        sums: dict[str, float] = {}
        for row in self.rows:
            sums[row["BillingCurrency"]] = sums.get(row["BillingCurrency"], 0) + row[column]
        return sums


_SCRATCH = TemporaryDirectory(prefix="esaws-focus-")


def export(kind: str, version: str = "1.2") -> Export:
    return _cached_export(kind, version)


@cache
def _cached_export(kind: str, version: str) -> Export:
    folder = Path(_SCRATCH.name) / f"{kind} {version}"
    folder.mkdir()
    return export_of(read_bill(KINDS[kind](folder)), folder, version)


def export_of(bill: Bill, folder: Path, version: str = "1.2") -> Export:
    written = write_focus(bill, folder / "written.parquet", version)
    return Export(bill, written, pq.read_table(written.file).to_pylist())


def sums(bill: Bill, name: str, metric: str = "unblended") -> dict[str, float]:
    rows = bill.fetch_rows(by_columns(bill.lines, name, metric=metric))
    return {row[name]: pytest.approx(float(row["cost"]), abs=1e-6) for row in rows}


def violations(rows: list[dict[str, Any]], columns: Mapping[str, FocusColumn]) -> Iterator[str]:
    """The cells that violate the specification's types, nulls and allowed values."""
    for column in columns.values():
        for value in {json.dumps(row[column.name], default=repr): row[column.name] for row in rows}.values():
            if value is None:
                if not column.nullable:
                    yield f"{column.name} is null"
            elif column.type == "timestamp":
                if not isinstance(value, datetime) or value.tzinfo is None or value.utcoffset():
                    yield f"{column.name} is not a timestamp in UTC: {value!r}"
            elif column.type == "number":
                if not isinstance(value, float):
                    yield f"{column.name} is not a number: {value!r}"
            elif not isinstance(value, str) or not value:
                yield f"{column.name} is not text: {value!r}"
            elif column.values and value not in column.values:
                yield f"{column.name} may not be {value!r}"
            elif column.type == "json" and not isinstance(json.loads(value), dict):
                yield f"{column.name} is not a JSON object: {value!r}"


# --- the specification


@pytest.mark.parametrize(("kind", "version"), WRITTEN)
def test_the_columns_are_those_of_the_version_in_their_order(kind: str, version: str) -> None:
    names = pq.read_schema(export(kind, version).written.file).names
    assert names == [*columns_of(version), *DRAFT_NAMES.get(version, ())]


@pytest.mark.parametrize(("kind", "version"), WRITTEN)
def test_cells_have_the_type_and_the_values_of_the_specification(kind: str, version: str) -> None:
    result = export(kind, version)
    assert list(violations(result.rows, columns_of(version))) == []
    assert len(result.rows) == result.written.rows == result.bill.rows


@pytest.mark.parametrize(
    ("column", "wrong", "violation"),
    [
        ("BilledCost", None, "is null"),
        ("BilledCost", "7", "is not a number"),
        ("ChargeCategory", "Nonsense", "may not be"),
        ("RegionId", "", "is not text"),
        ("BillingPeriodStart", datetime(2026, 1, 1), "is not a timestamp in UTC"),
        ("Tags", "[]", "is not a JSON object"),
    ],
)
def test_violations_of_the_specification_are_found(column: str, wrong: object, violation: str) -> None:
    (message,) = violations([{**export("CUR 2.0").rows[0], column: wrong}], columns_of("1.2"))
    assert message.startswith(f"{column} {violation}")


def test_draft_names_repeat_the_columns_of_the_specification() -> None:
    for row in export("CUR 2.0", "1.0").rows:
        assert {also: row[also] for also in DRAFT_NAMES["1.0"]} == {
            also: row[name] for also, name in DRAFT_NAMES["1.0"].items()
        }


def test_each_subcategory_belongs_to_one_allowed_category() -> None:
    rows = load_json("focus_services.json")["services"]
    categories = {subcategory: category for category, subcategory, *_ in rows}
    assert all(categories[subcategory] == category for category, subcategory, *_ in rows)
    assert set(categories.values()) <= set(columns_of("1.2")["ServiceCategory"].values)
    names = [name.lower() for row in rows for name in {alias.lower() for alias in row[2:] if alias}]
    assert len(names) == len(set(names)), "a name stands for two services"


@pytest.mark.parametrize("kind", KINDS)
def test_dependent_columns_agree(kind: str) -> None:
    for row in export(kind).rows:
        assert (row["ConsumedQuantity"] is None) == (row["ConsumedUnit"] is None)
        assert (row["PricingQuantity"] is None) == (row["PricingUnit"] is None)
        assert row["ConsumedQuantity"] is None or row["ChargeCategory"] == "Usage"
        assert (row["RegionId"] is None) == (row["RegionName"] is None)
        assert (row["ChargeFrequency"] == "Usage-Based") == (row["ChargeCategory"] == "Usage")
        assert (row["CommitmentDiscountId"] is None) == (row["CommitmentDiscountCategory"] is None)
        assert (row["SubAccountId"] is None) == (row["SubAccountType"] is None)
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        if row["ChargeCategory"] == "Tax":
            absent = ("SkuId", "SkuPriceId", "PricingQuantity", "PricingCategory", "ListUnitPrice")
            assert [row[name] for name in absent] == [None] * len(absent)
        if row["ChargeCategory"] in ("Usage", "Purchase"):
            assert row["SkuId"] and row["SkuPriceId"]


# --- the sums


@pytest.mark.parametrize(("kind", "version"), WRITTEN)
def test_billed_cost_is_the_bill_and_effective_cost_is_amortized(kind: str, version: str) -> None:
    result = export(kind, version)
    for metric, column in (("unblended", "BilledCost"), ("amortized", "EffectiveCost")):
        known = metric if metric in result.bill.metrics else "unblended"
        expected = {
            row["currency"]: float(row["cost"]) for row in result.bill.fetch_rows(totals(result.bill.lines, known))
        }
        assert result.sum_of(column) == pytest.approx(expected, abs=CENT)
    assert {name: float(amount) for name, amount in result.written.totals.items()} == pytest.approx(
        result.sum_of("BilledCost"), abs=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_written_file_reads_back_to_the_same_bill(kind: str) -> None:
    result = export(kind)
    back = read_bill(result.written.file)
    assert (back.format, back.rows, back.months) == ("FOCUS 1.2", result.bill.rows, result.bill.months)
    for name in ("usage_type", "period"):
        assert sums(back, name) == sums(result.bill, name)
    names = sums(result.bill, "service_name")
    if "" not in names:
        assert sums(back, "service") == names
    assert len(back.fetch_rows(by_month(back.lines))) == len(result.bill.months)


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.3", "1.4"])
def test_a_file_of_each_version_is_read_as_that_version(version: str) -> None:
    result = export("CUR 2.0", version)
    back = read_bill(result.written.file)
    assert (back.format, back.rows, back.warnings) == (f"FOCUS {version}", result.bill.rows, ())
    assert sums(back, "provider") == sums(result.bill, "provider")


def test_the_provider_columns_are_those_of_the_version() -> None:
    old, new = {"ProviderName", "PublisherName"}, {"ServiceProviderName", "HostProviderName"}
    columns = {version: (old | new) & columns_of(version).keys() for version in ("1.0", "1.2", "1.3", "1.4")}
    assert columns == {"1.0": old, "1.2": old, "1.3": old | new, "1.4": new}


def test_a_seller_of_the_marketplace_is_the_service_provider(tmp_path: Path) -> None:
    entities = {
        "Amazon Web Services EMEA SARL": "AWS",
        "Amazon Web Services, Inc.": "AWS",
        "Some Seller": "Some Seller",
    }
    rows = [{**cur(line), "line_item_legal_entity": entity} for line, entity in zip(hours(3), entities, strict=True)]
    result = export_of(read_bill(parquet(tmp_path / "bill.parquet", rows)), tmp_path, "1.4")
    assert [row["ServiceProviderName"] for row in result.rows] == list(entities.values())
    assert all(row["HostProviderName"] == row["ServiceProviderName"] for row in result.rows)


@pytest.mark.parametrize(
    ("version", "column"), [("1.2", "ProviderName"), ("1.3", "ServiceProviderName"), ("1.4", "ServiceProviderName")]
)
def test_an_unknown_provider_is_empty_and_said_never_a_placeholder(version: str, column: str, tmp_path: Path) -> None:
    row = {name: value for name, value in focus(hours(1)[0]).items() if name != "ProviderName"}
    for issuer, sentence in ((None, "are empty"), ("Reseller", "that of the invoice issuer")):
        rows = [{**row, "InvoiceIssuerName": issuer}] if issuer else [row]
        result = export_of(read_bill(text(tmp_path / "bill.csv", rows)), tmp_path, version)
        assert result.rows[0][column] == issuer
        assert [warning for warning in result.written.warnings if "have no provider" in warning and sentence in warning]
        (tmp_path / "written.parquet").unlink()


def test_numbers_in_csv_are_as_exact_as_in_the_bill(tmp_path: Path) -> None:
    lines = [
        *hours(3, cost=Decimal("0.000000000123456789"), tags={"a": 'b"é'}),
        *hours(1, cost=Decimal(5), resource=""),
    ]
    bill = read_bill(text(tmp_path / "a.csv", [cur(line) for line in lines]))
    for ending in (".csv", ".csv.gz"):
        written = write_focus(bill, tmp_path / f"written{ending}", "1.2")
        back = read_bill(written.file)
        assert [row["cost"] for row in back.fetch_rows(totals(back.lines))] == [Decimal("5.000000000370370367")]
        assert written.totals == {"USD": Decimal("5.000000000370370367")}
    rows = csv.read_csv(tmp_path / "written.csv", convert_options=csv.ConvertOptions(column_types=_AS_TEXT)).to_pylist()
    assert {row["BilledCost"] for row in rows} == {"0.000000000123456789", "5.0"}
    assert rows[0]["BillingPeriodStart"] == "2026-01-01T00:00:00Z"
    assert json.loads(rows[0]["Tags"]) == {"user_a": 'b"é'}


_AS_TEXT = dict.fromkeys(("BilledCost", "BillingPeriodStart", "Tags"), "string")


def test_amounts_in_different_currencies_are_not_added(tmp_path: Path) -> None:
    lines = [*hours(2, cost=Decimal(1)), *hours(3, cost=Decimal(2), currency="CNY", resource="i-2")]
    result = export_of(read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in lines])), tmp_path)
    assert result.written.totals == {"CNY": Decimal(6), "USD": Decimal(2)}
    assert result.sum_of("BilledCost") == {"CNY": 6, "USD": 2}


def test_an_export_of_the_local_aws_is_written(new_cloud: Callable[[], Cloud], tmp_path: Path) -> None:
    cloud = new_cloud()
    export_bill(cloud)
    simulation.advance(cloud, to=simulation.next_month(cloud))
    cloud.client("ec2").create_volume(AvailabilityZone="eu-west-3a", Size=500, VolumeType="gp2")
    simulation.advance(cloud, "2d")
    result = export_of(read_bill(f"s3://{export_bucket(cloud)}/cur", cloud=cloud), tmp_path)
    assert list(violations(result.rows, columns_of("1.2"))) == []
    assert result.written.totals["USD"] > 0.1
    assert result.sum_of("BilledCost")["USD"] == pytest.approx(float(result.written.totals["USD"]), abs=CENT)
    assert {row["ServiceCategory"] for row in result.rows} >= {"Compute"}
    assert {row["ServiceName"] for row in result.rows if "VolumeUsage" in row["SkuMeter"]} == {
        "Amazon Elastic Compute Cloud"
    }


# --- terms


def test_reservations_and_savings_plans_are_commitments() -> None:
    rows = {
        row["ResourceId"]: row for row in export("CUR 2.0 with commitments").rows if row["ChargeCategory"] == "Usage"
    }
    names = ("CommitmentDiscountId", "CommitmentDiscountCategory", "CommitmentDiscountStatus", "PricingCategory")
    assert [rows["i-1"][name] for name in names] == [None, None, None, "Standard"]
    assert [rows["i-2"][name] for name in names] == [PLAN, "Spend", "Used", "Committed"]
    assert [rows["i-3"][name] for name in names] == [RESERVATION, "Usage", "Used", "Committed"]
    assert rows["i-4"]["PricingCategory"] == "Dynamic"
    assert (rows["i-2"]["BilledCost"], rows["i-2"]["EffectiveCost"]) == (0.0132, 0.009)
    assert (rows["i-3"]["BilledCost"], rows["i-3"]["EffectiveCost"], rows["i-3"]["ListCost"]) == (0, 0.008, 0.0132)
    fees = {row["CommitmentDiscountType"]: row for row in export("CUR 2.0 with commitments").rows if _is_fee(row)}
    assert set(fees) == {"Savings Plan", "Reserved Instance"}
    assert {row["ChargeFrequency"] for row in fees.values()} == {"Recurring"}
    assert len(COMMITTED) == export("CUR 2.0 with commitments").written.rows


def _is_fee(row: Mapping[str, Any]) -> bool:
    return bool(row["ChargeCategory"] == "Purchase")


def test_free_usage_keeps_its_list_price() -> None:
    free = [row for row in export("CUR 2.0").rows if row["ResourceId"] == "i-0123456789abcdef0"]
    assert {(row["BilledCost"], row["ListCost"], row["ListUnitPrice"]) for row in free} == {(0, 0.0132, 0.0132)}
    assert {(row["ContractedUnitPrice"], row["ResourceType"], row["PricingUnit"]) for row in free} == {
        (0, "instance", "Hours")
    }


@pytest.mark.parametrize(
    ("line_item_type", "category", "frequency"),
    [
        ("Usage", "Usage", "Usage-Based"),
        ("", "Usage", "Usage-Based"),
        ("DiscountedUsage", "Usage", "Usage-Based"),
        ("SavingsPlanCoveredUsage", "Usage", "Usage-Based"),
        ("Savings Plan Covered Usage", "Usage", "Usage-Based"),
        ("SavingsPlanNegation", "Adjustment", "One-Time"),
        ("Fee", "Purchase", "One-Time"),
        ("RIFee", "Purchase", "Recurring"),
        ("Recurring reservation fee", "Purchase", "Recurring"),
        ("Tax", "Tax", "One-Time"),
        ("Credit", "Credit", "One-Time"),
        ("EdpDiscount", "Adjustment", "One-Time"),
        ("Refund", "Adjustment", "One-Time"),
        ("SomethingNew", "Adjustment", "One-Time"),
    ],
)
def test_a_line_item_type_is_a_charge_category(line_item_type: str, category: str, frequency: str) -> None:
    charge = charge_of(line_item_type)
    assert (charge.category, charge.frequency) == (category, frequency)
    assert charge.is_known == (line_item_type != "SomethingNew")
    assert charge.is_correction == (line_item_type == "Refund")


@pytest.mark.parametrize(
    ("unit", "focus_unit"), [("Hrs", "Hours"), ("GB-Mo", "GB-Months"), ("LCU-Hrs", "LCU-Hours"), ("GB", "GB"), ("", "")]
)
def test_units_are_spelled_as_focus_spells_them(unit: str, focus_unit: str) -> None:
    assert unit_of(unit) == focus_unit


@pytest.mark.parametrize(
    ("term", "pricing"),
    [
        ("OnDemand", ""),
        ("Spot", "Dynamic"),
        ("Reserved", "Committed"),
        ("Savings Plans", "Committed"),
        ("Other", "Other"),
    ],
)
def test_a_term_has_a_pricing_category(term: str, pricing: str) -> None:
    assert pricing_category_of(term) == pricing


def test_a_service_is_found_by_its_code_and_by_any_of_its_names() -> None:
    assert service_of("AmazonEC2").name == "Amazon Elastic Compute Cloud"
    assert service_of("", "EC2 - Other").subcategory == "Virtual Machines"
    assert service_of("AWSELB", "Elastic Load Balancing").category == "Networking"
    unknown = service_of("ocbSomeSeller")
    assert (unknown.name, unknown.category, unknown.is_known) == ("ocbSomeSeller", "Other", False)


def test_focus_columns_keep_their_values() -> None:
    with (DATA / "focus_1_0_sample_1000_multicloud.csv").open("rb") as file:
        options = csv.ConvertOptions(null_values=["", "NULL"], strings_can_be_null=True)
        before = csv.read_csv(file, convert_options=options).to_pylist()
    after = export("FOCUS 1.0, real", "1.0").rows
    same = ("ServiceName", "ProviderName", "ChargeCategory", "RegionId", "ResourceId")
    also = ("CommitmentDiscountId", "CommitmentDiscountCategory", "CommitmentDiscountType", "InvoiceIssuerName")
    for name in (*same, *also):
        assert _count_values(after, name) == _count_values(before, name), name
    for name in ("BilledCost", "EffectiveCost", "ListCost"):
        assert sum(row[name] or 0 for row in after) == pytest.approx(sum(row[name] or 0 for row in before))


def _count_values(rows: list[dict[str, Any]], name: str) -> dict[Any, int]:
    values = [row[name] for row in rows]
    return {value: values.count(value) for value in set(values)}


# --- missing information


def test_assumptions_are_warnings() -> None:
    warnings = "\n".join(export("Cost Explorer, sums").written.warnings)
    for column in ("BillingAccountId", "ServiceName", "ChargeCategory", "SkuId", "ListCost", "EffectiveCost"):
        assert column in warnings
    assert "usage types" in "\n".join(export("CUR 2.0", "1.0").written.warnings)
    assert "usage types" not in "\n".join(export("CUR 2.0").written.warnings)
    assert any("ocbSomeSeller" in warning for warning in export("CUR 2.0 flattened").written.warnings)


def test_a_complete_bill_gives_no_warning() -> None:
    assert export("CUR 2.0 with commitments").written.warnings == ()


def test_tax_in_cost_explorer_is_tax() -> None:
    result = export("Cost Explorer, real")
    assert {row["ChargeCategory"] for row in result.rows if row["ServiceName"] == "Tax"} == {"Tax"}


def test_without_unblended_costs_another_metric_is_billed_with_a_warning(tmp_path: Path) -> None:
    metrics = {"AmortizedCost": {"Amount": "1.5", "Unit": "USD"}}
    answer = {"ResultsByTime": [{"TimePeriod": {"Start": "2026-01-01", "End": "2026-01-02"}, "Total": metrics}]}
    (tmp_path / "ce.json").write_text(json.dumps(answer))
    result = export_of(read_bill(tmp_path / "ce.json"), tmp_path)
    assert result.written.totals == {"USD": Decimal("1.5")}
    assert any("BilledCost is amortized" in warning for warning in result.written.warnings)


# --- errors


@pytest.fixture
def bill(tmp_path: Path) -> Bill:
    return read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in hours(3)]))


@pytest.mark.parametrize("name", ["bill.xlsx", "bill", ".csv", "bill.json.gz"])
def test_an_unknown_file_suffix_is_refused(bill: Bill, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"ends with one of \.csv, \.csv\.gz, \.parquet"):
        write_focus(bill, tmp_path / name)


@pytest.mark.parametrize("version", ["1.1", "2", ""])
def test_an_unknown_version_is_refused(bill: Bill, tmp_path: Path, version: str) -> None:
    with pytest.raises(UsageError, match=r"Choose 1\.0, 1\.2, 1\.3 or 1\.4"):
        write_focus(bill, tmp_path / "b.csv", version)


def test_an_existing_file_is_kept_unless_overwriting_is_allowed(bill: Bill, tmp_path: Path) -> None:
    there = tmp_path / "b.csv"
    there.write_text("mine")
    with pytest.raises(UsageError, match="already exists"):
        write_focus(bill, there)
    assert there.read_text() == "mine"
    assert write_focus(bill, there, overwrite=True).rows == 3
    assert there.read_text().startswith('"AvailabilityZone"')


def test_a_missing_folder_is_named_and_a_folder_as_output_is_refused(bill: Bill, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        write_focus(bill, tmp_path / "none" / "b.csv")
    with pytest.raises(UsageError, match="no folder"):
        write_focus(bill, tmp_path / "a.parquet" / "b.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write_focus(bill, tmp_path / "d.csv")


def test_a_read_only_folder_is_an_error(bill: Bill) -> None:
    with pytest.raises(UsageError, match=r"/proc/b\.csv can't be written"):
        write_focus(bill, "/proc/b.csv")


def test_a_failed_write_leaves_no_file(bill: Bill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(tmp_path.iterdir())
    for failure in (OSError(28, "No space left on device"), KeyboardInterrupt()):

        def fail(*args: Any, failure: BaseException = failure) -> int:
            Path(args[3]).write_text("half")
            raise failure

        monkeypatch.setattr("esaws.costs.focus.write.write_batches", fail)
        with pytest.raises((UsageError, KeyboardInterrupt), match=r"No space left|^$"):
            write_focus(bill, tmp_path / "b.csv")
        assert sorted(tmp_path.iterdir()) == before


def test_a_nan_cost_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    lines = [*hours(2), replace(Line(datetime(2026, 1, 2)), cost=Decimal("NaN"))]
    bill = read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in lines]))
    with pytest.raises(UsageError, match="the cost is not a number"):
        write_focus(bill, tmp_path / "b.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_another_engine_is_refused(bill: Bill, tmp_path: Path) -> None:
    class Elsewhere:
        name = "spark"

    with pytest.raises(UsageError, match="engine spark can't write FOCUS"):
        write_focus(replace(bill, engine=Elsewhere()), tmp_path / "b.csv")  # type: ignore[arg-type]


def test_parquet_timestamps_in_utc_are_read() -> None:
    written = export("CUR 2.0").written.file
    assert str(pq.read_schema(written).field("ChargePeriodStart").type) == "timestamp[ms, tz=UTC]"
    back = read_bill(written)
    (first,) = back.fetch_rows(back.lines.aggregate(start=back.lines.start.min()))
    assert first["start"].replace(tzinfo=None) == datetime(2026, 1, 1)


# --- the command


def test_the_command_writes_a_file_and_prints_json(tmp_path: Path, esaws: Shell) -> None:
    source = text(tmp_path / "a.csv", [focus(line) for line in hours(4)])
    file = tmp_path / "b.csv.gz"
    arguments = ("cost", "focus", str(source), "-o", str(file), "--focus-version", "1.2")
    output = esaws.json(*arguments)
    keys = ["file", "version", "rows", "totals", "before_credits", "credits", "to_pay", "warnings"]
    assert list(output) == keys
    assert (output["file"], output["version"], output["rows"], output["totals"]) == (
        str(file),
        "1.2",
        4,
        {"USD": 0.0528},
    )
    assert read_bill(file).rows == 4
    assert "--overwrite" in esaws(*arguments, code=2)
