"""Every kind of bill comes out as FOCUS: the columns that the specification has, and the sums that the bill has."""

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
from esaws.costs.bill.queries import by, by_month, totals
from esaws.costs.bill.read import read_bill
from esaws.costs.data_export import bucket_of, export_bill
from esaws.costs.focus.charges import charge_of
from esaws.costs.focus.columns import VALIDATED_AS, FocusColumn, columns_of
from esaws.costs.focus.services import service_of
from esaws.costs.focus.vocabulary import pricing_of, unit_of
from esaws.costs.focus.write import Written, write_focus
from esaws.errors import UsageError
from esaws.pricelist.data import data
from tests.bills.writing import Line, cur, focus, hours, parquet, text
from tests.focus.kinds import COMMITTED, DATA, KINDS, PLAN, RESERVATION
from tests.shell import Shell

CENT = 0.005
WRITTEN = [
    *((kind, "1.2") for kind in KINDS),
    *((kind, "1.0") for kind in ("CUR 2.0", "FOCUS 1.0, real", "Cost Explorer, sums")),  # all, in `make test-focus`
]


@dataclass(frozen=True)
class Told:
    """A bill, what was written of it, and what is in that file."""

    bill: Bill
    written: Written
    rows: list[dict[str, Any]]

    def sum_of(self, column: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for row in self.rows:
            found[row["BillingCurrency"]] = found.get(row["BillingCurrency"], 0) + row[column]
        return found


_SCRATCH = TemporaryDirectory(prefix="esaws-focus-")


def told(kind: str, version: str = "1.2") -> Told:
    return _told(kind, version)


@cache
def _told(kind: str, version: str) -> Told:
    folder = Path(_SCRATCH.name) / f"{kind} {version}"
    folder.mkdir()
    return told_of(read_bill(KINDS[kind](folder)), folder, version)


def told_of(bill: Bill, folder: Path, version: str = "1.2") -> Told:
    written = write_focus(bill, folder / "written.parquet", version)
    return Told(bill, written, pq.read_table(written.file).to_pylist())


def sums(bill: Bill, name: str, metric: str = "unblended") -> dict[str, float]:
    rows = bill.rows_of(by(bill.lines, name, metric=metric))
    return {row[name]: pytest.approx(float(row["cost"]), abs=1e-6) for row in rows}


def complaints(rows: list[dict[str, Any]], columns: Mapping[str, FocusColumn]) -> Iterator[str]:
    """What in some rows is against the specification's types, nulls and allowed values."""
    for column in columns.values():
        for value in {json.dumps(row[column.name], default=repr): row[column.name] for row in rows}.values():
            if value is None:
                if not column.nullable:
                    yield f"{column.name} is null"
            elif column.type == "moment":
                if not isinstance(value, datetime) or value.tzinfo is None or value.utcoffset():
                    yield f"{column.name} is no moment in UTC: {value!r}"
            elif column.type == "number":
                if not isinstance(value, float):
                    yield f"{column.name} is no number: {value!r}"
            elif not isinstance(value, str) or not value:
                yield f"{column.name} is no text: {value!r}"
            elif column.values and value not in column.values:
                yield f"{column.name} may not be {value!r}"
            elif column.type == "json" and not isinstance(json.loads(value), dict):
                yield f"{column.name} is no JSON object: {value!r}"


# --- the specification


@pytest.mark.parametrize(("kind", "version"), WRITTEN)
def test_the_columns_are_those_of_the_version_in_their_order(kind: str, version: str) -> None:
    names = pq.read_schema(told(kind, version).written.file).names
    assert names == [*columns_of(version), *VALIDATED_AS.get(version, ())]


@pytest.mark.parametrize(("kind", "version"), WRITTEN)
def test_every_cell_is_of_its_type_and_null_or_of_another_value_only_where_it_may_be(kind: str, version: str) -> None:
    found = told(kind, version)
    assert list(complaints(found.rows, columns_of(version))) == []
    assert len(found.rows) == found.written.rows == found.bill.rows


@pytest.mark.parametrize(
    ("column", "wrong", "complaint"),
    [
        ("BilledCost", None, "is null"),
        ("BilledCost", "7", "is no number"),
        ("ChargeCategory", "Nonsense", "may not be"),
        ("RegionId", "", "is no text"),
        ("BillingPeriodStart", datetime(2026, 1, 1), "is no moment in UTC"),
        ("Tags", "[]", "is no JSON object"),
    ],
)
def test_what_is_against_the_specification_would_be_seen(column: str, wrong: object, complaint: str) -> None:
    (found,) = complaints([{**told("CUR 2.0").rows[0], column: wrong}], columns_of("1.2"))
    assert found.startswith(f"{column} {complaint}")


def test_the_columns_of_drafts_repeat_those_of_the_specification() -> None:
    for row in told("CUR 2.0", "1.0").rows:
        assert {also: row[also] for also in VALIDATED_AS["1.0"]} == {
            also: row[name] for also, name in VALIDATED_AS["1.0"].items()
        }


def test_each_subcategory_belongs_to_one_category_that_is_allowed() -> None:
    rows = data("focus_services.json")["services"]
    categories = {subcategory: category for category, subcategory, *_ in rows}
    assert all(categories[subcategory] == category for category, subcategory, *_ in rows)
    assert set(categories.values()) <= set(columns_of("1.2")["ServiceCategory"].values)
    names = [name.lower() for row in rows for name in {each.lower() for each in row[2:] if each}]
    assert len(names) == len(set(names)), "a name stands for two services"


@pytest.mark.parametrize("kind", KINDS)
def test_what_depends_on_another_column_agrees_with_it(kind: str) -> None:
    for row in told(kind).rows:
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
    found = told(kind, version)
    for metric, column in (("unblended", "BilledCost"), ("amortized", "EffectiveCost")):
        known = metric if metric in found.bill.metrics else "unblended"
        wanted = {row["currency"]: float(row["cost"]) for row in found.bill.rows_of(totals(found.bill.lines, known))}
        assert found.sum_of(column) == pytest.approx(wanted, abs=CENT)
    assert {name: float(amount) for name, amount in found.written.totals.items()} == pytest.approx(
        found.sum_of("BilledCost"), abs=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_reads_back_to_the_same_bill(kind: str) -> None:
    found = told(kind)
    back = read_bill(found.written.file)
    assert (back.format, back.rows, back.months) == ("FOCUS 1.2", found.bill.rows, found.bill.months)
    for name in ("usage_type", "period"):
        assert sums(back, name) == sums(found.bill, name)
    names = sums(found.bill, "service_name")
    if "" not in names:
        assert sums(back, "service") == names
    assert len(back.rows_of(by_month(back.lines))) == len(found.bill.months)


def test_text_is_exact_where_the_bill_is(tmp_path: Path) -> None:
    lines = [
        *hours(3, cost=Decimal("0.000000000123456789"), tags={"a": 'b"é'}),
        *hours(1, cost=Decimal(5), resource=""),
    ]
    bill = read_bill(text(tmp_path / "a.csv", [cur(line) for line in lines]))
    for ending in (".csv", ".csv.gz"):
        written = write_focus(bill, tmp_path / f"written{ending}", "1.2")
        back = read_bill(written.file)
        assert [row["cost"] for row in back.rows_of(totals(back.lines))] == [Decimal("5.000000000370370367")]
        assert written.totals == {"USD": Decimal("5.000000000370370367")}
    rows = csv.read_csv(tmp_path / "written.csv", convert_options=csv.ConvertOptions(column_types=_AS_TEXT)).to_pylist()
    assert {row["BilledCost"] for row in rows} == {"0.000000000123456789", "5.0"}
    assert rows[0]["BillingPeriodStart"] == "2026-01-01T00:00:00Z"
    assert json.loads(rows[0]["Tags"]) == {"user_a": 'b"é'}


_AS_TEXT = dict.fromkeys(("BilledCost", "BillingPeriodStart", "Tags"), "string")


def test_currencies_are_not_added(tmp_path: Path) -> None:
    lines = [*hours(2, cost=Decimal(1)), *hours(3, cost=Decimal(2), currency="CNY", resource="i-2")]
    found = told_of(read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in lines])), tmp_path)
    assert found.written.totals == {"CNY": Decimal(6), "USD": Decimal(2)}
    assert found.sum_of("BilledCost") == {"CNY": 6, "USD": 2}


def test_the_export_of_the_local_aws_comes_out_whole(new_cloud: Callable[[], Cloud], tmp_path: Path) -> None:
    cloud = new_cloud()
    export_bill(cloud)
    simulation.advance(cloud, to=simulation.next_month(cloud))
    cloud.client("ec2").create_volume(AvailabilityZone="eu-west-3a", Size=500, VolumeType="gp2")
    simulation.advance(cloud, "2d")
    found = told_of(read_bill(f"s3://{bucket_of(cloud)}/cur", cloud=cloud), tmp_path)
    assert list(complaints(found.rows, columns_of("1.2"))) == []
    assert found.written.totals["USD"] > 0.1
    assert found.sum_of("BilledCost")["USD"] == pytest.approx(float(found.written.totals["USD"]), abs=CENT)
    assert {row["ServiceCategory"] for row in found.rows} >= {"Compute"}
    assert {row["ServiceName"] for row in found.rows if "VolumeUsage" in row["SkuMeter"]} == {
        "Amazon Elastic Compute Cloud"
    }


# --- the words


def test_reservations_and_savings_plans_are_told_as_commitments() -> None:
    rows = {row["ResourceId"]: row for row in told("CUR 2.0 with commitments").rows if row["ChargeCategory"] == "Usage"}
    names = ("CommitmentDiscountId", "CommitmentDiscountCategory", "CommitmentDiscountStatus", "PricingCategory")
    assert [rows["i-1"][name] for name in names] == [None, None, None, "Standard"]
    assert [rows["i-2"][name] for name in names] == [PLAN, "Spend", "Used", "Committed"]
    assert [rows["i-3"][name] for name in names] == [RESERVATION, "Usage", "Used", "Committed"]
    assert rows["i-4"]["PricingCategory"] == "Dynamic"
    assert (rows["i-2"]["BilledCost"], rows["i-2"]["EffectiveCost"]) == (0.0132, 0.009)
    assert (rows["i-3"]["BilledCost"], rows["i-3"]["EffectiveCost"], rows["i-3"]["ListCost"]) == (0, 0.008, 0.0132)
    fees = {row["CommitmentDiscountType"]: row for row in told("CUR 2.0 with commitments").rows if _is_fee(row)}
    assert set(fees) == {"Savings Plan", "Reserved Instance"}
    assert {row["ChargeFrequency"] for row in fees.values()} == {"Recurring"}
    assert len(COMMITTED) == told("CUR 2.0 with commitments").written.rows


def _is_fee(row: Mapping[str, Any]) -> bool:
    return bool(row["ChargeCategory"] == "Purchase")


def test_free_usage_keeps_its_list_price() -> None:
    free = [row for row in told("CUR 2.0").rows if row["ResourceId"] == "i-0123456789abcdef0"]
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
        ("EdpDiscount", "Credit", "One-Time"),
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
def test_a_term_is_a_category_of_pricing(term: str, pricing: str) -> None:
    assert pricing_of(term) == pricing


def test_a_service_is_found_by_its_code_and_by_any_of_its_names() -> None:
    assert service_of("AmazonEC2").name == "Amazon Elastic Compute Cloud"
    assert service_of("", "EC2 - Other").subcategory == "Virtual Machines"
    assert service_of("AWSELB", "Elastic Load Balancing").category == "Networking"
    unknown = service_of("ocbSomeSeller")
    assert (unknown.name, unknown.category, unknown.is_known) == ("ocbSomeSeller", "Other", False)


def test_what_focus_said_stays_as_it_was() -> None:
    with (DATA / "focus_1_0_sample_1000_multicloud.csv").open("rb") as file:
        options = csv.ConvertOptions(null_values=["", "NULL"], strings_can_be_null=True)
        before = csv.read_csv(file, convert_options=options).to_pylist()
    after = told("FOCUS 1.0, real", "1.0").rows
    same = ("ServiceName", "ProviderName", "ChargeCategory", "RegionId", "ResourceId")
    also = ("CommitmentDiscountId", "CommitmentDiscountCategory", "CommitmentDiscountType", "InvoiceIssuerName")
    for name in (*same, *also):
        assert _counted(after, name) == _counted(before, name), name
    for name in ("BilledCost", "EffectiveCost", "ListCost"):
        assert sum(row[name] or 0 for row in after) == pytest.approx(sum(row[name] or 0 for row in before))


def _counted(rows: list[dict[str, Any]], name: str) -> dict[Any, int]:
    values = [row[name] for row in rows]
    return {value: values.count(value) for value in set(values)}


# --- what a bill does not tell


def test_what_was_assumed_is_said() -> None:
    said = "\n".join(told("Cost Explorer, sums").written.warnings)
    for column in ("BillingAccountId", "ServiceName", "ChargeCategory", "SkuId", "ListCost", "EffectiveCost"):
        assert column in said
    assert "usage types" in "\n".join(told("CUR 2.0", "1.0").written.warnings)
    assert "usage types" not in "\n".join(told("CUR 2.0").written.warnings)
    assert any("ocbSomeSeller" in warning for warning in told("CUR 2.0 flattened").written.warnings)


def test_a_bill_that_tells_all_gives_no_warning() -> None:
    assert told("CUR 2.0 with commitments").written.warnings == ()


def test_tax_of_cost_explorer_is_tax(tmp_path: Path) -> None:
    found = told("Cost Explorer, real")
    assert {row["ChargeCategory"] for row in found.rows if row["ServiceName"] == "Tax"} == {"Tax"}


def test_costs_that_are_no_unblended_ones_are_taken_where_there_are_no_others(tmp_path: Path) -> None:
    metrics = {"AmortizedCost": {"Amount": "1.5", "Unit": "USD"}}
    answer = {"ResultsByTime": [{"TimePeriod": {"Start": "2026-01-01", "End": "2026-01-02"}, "Total": metrics}]}
    (tmp_path / "ce.json").write_text(json.dumps(answer))
    found = told_of(read_bill(tmp_path / "ce.json"), tmp_path)
    assert found.written.totals == {"USD": Decimal("1.5")}
    assert any("BilledCost is amortized" in warning for warning in found.written.warnings)


# --- what can't be


@pytest.fixture
def bill(tmp_path: Path) -> Bill:
    return read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in hours(3)]))


@pytest.mark.parametrize("name", ["bill.xlsx", "bill", ".csv", "bill.json.gz"])
def test_an_ending_that_says_no_format_is_refused(bill: Bill, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"take one of \.csv, \.csv\.gz, \.parquet"):
        write_focus(bill, tmp_path / name)


@pytest.mark.parametrize("version", ["1.1", "2", ""])
def test_a_version_that_is_not_written_is_refused(bill: Bill, tmp_path: Path, version: str) -> None:
    with pytest.raises(UsageError, match=r"take 1\.0 or 1\.2"):
        write_focus(bill, tmp_path / "b.csv", version)


def test_a_file_that_is_there_is_kept_unless_it_may_be_overwritten(bill: Bill, tmp_path: Path) -> None:
    there = tmp_path / "b.csv"
    there.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write_focus(bill, there)
    assert there.read_text() == "mine"
    assert write_focus(bill, there, overwrite=True).rows == 3
    assert there.read_text().startswith('"AvailabilityZone"')


def test_a_folder_that_is_none_or_in_the_place_of_the_file_is_named(bill: Bill, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        write_focus(bill, tmp_path / "none" / "b.csv")
    with pytest.raises(UsageError, match="there is no folder"):
        write_focus(bill, tmp_path / "a.parquet" / "b.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write_focus(bill, tmp_path / "d.csv")


def test_a_folder_that_can_not_be_written_to_is_named(bill: Bill) -> None:
    with pytest.raises(UsageError, match=r"/proc/b\.csv can't be written"):
        write_focus(bill, "/proc/b.csv")


def test_nothing_is_left_of_a_file_that_fails(bill: Bill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(tmp_path.iterdir())
    for failure in (OSError(28, "No space left on device"), KeyboardInterrupt()):

        def fail(*args: Any, failure: BaseException = failure) -> int:
            Path(args[3]).write_text("half")
            raise failure

        monkeypatch.setattr("esaws.costs.focus.write.write_batches", fail)
        with pytest.raises((UsageError, KeyboardInterrupt), match=r"No space left|^$"):
            write_focus(bill, tmp_path / "b.csv")
        assert sorted(tmp_path.iterdir()) == before


def test_a_cost_that_is_no_number_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    lines = [*hours(2), replace(Line(datetime(2026, 1, 2)), cost=Decimal("NaN"))]
    bill = read_bill(parquet(tmp_path / "a.parquet", [cur(line) for line in lines]))
    with pytest.raises(UsageError, match="the cost is no number"):
        write_focus(bill, tmp_path / "b.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_another_engine_is_refused(bill: Bill, tmp_path: Path) -> None:
    class Elsewhere:
        name = "spark"

    with pytest.raises(UsageError, match="leave out the engine spark"):
        write_focus(replace(bill, engine=Elsewhere()), tmp_path / "b.csv")  # type: ignore[arg-type]


def test_focus_in_parquet_with_moments_in_utc_is_read() -> None:
    written = told("CUR 2.0").written.file
    assert str(pq.read_schema(written).field("ChargePeriodStart").type) == "timestamp[ms, tz=UTC]"
    back = read_bill(written)
    (first,) = back.rows_of(back.lines.aggregate(start=back.lines.start.min()))
    assert first["start"].replace(tzinfo=None) == datetime(2026, 1, 1)


# --- the command


def test_the_command_writes_and_says_what(tmp_path: Path, esaws: Shell) -> None:
    source = text(tmp_path / "a.csv", [focus(line) for line in hours(4)])
    file = tmp_path / "b.csv.gz"
    asked = ("cost", "focus", str(source), "-o", str(file), "--focus-version", "1.2")
    said = esaws.json(*asked)
    assert set(said) == {"file", "version", "rows", "totals", "warnings"}
    assert (said["file"], said["version"], said["rows"], said["totals"]) == (str(file), "1.2", 4, {"USD": 0.0528})
    assert read_bill(file).rows == 4
    assert "--overwrite" in esaws(*asked, code=2)
