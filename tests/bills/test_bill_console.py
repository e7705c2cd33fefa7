"""What the consoles of AWS and others download: read as a bill, or refused by name with what to get instead."""

from pathlib import Path

import pytest

from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.queries import by_columns
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report

CASES = Path(__file__).with_name("cases")


def console(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_the_csv_of_cost_explorers_console_is_a_month_by_service() -> None:
    result = report(read_bill(CASES / "console_cost_explorer.csv"))
    assert {service: float(cost) for (service, _), cost in result.by_service.items()} == {
        "EC2-Instances": 41.2,
        "Relational Database Service": 30.1,
        "EC2-Other": 8.7,
    }
    assert (float(result.totals["USD"]), result.bill.period, result.bill.format) == (80, "2022-03", "Cost Explorer")
    assert any("taken as unblended" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        (["2022-03-01"], ["2022-04-01 00"]),
        (["2022-03-10"], ["2022-03-11 00"]),
        (["2022-03-01", "2022-03-02"], ["2022-03-02 00", "2022-03-03 00"]),
        (["2022-02-01", "2022-03-01"], ["2022-03-01 00", "2022-04-01 00"]),
        (["2022-01-15", "2022-02-01"], ["2022-02-01 00", "2022-03-01 00"]),
        (["2022-03-01T00:00:00", "2022-03-01T01:00:00"], ["2022-03-01 01", "2022-03-01 02"]),
    ],
    ids=["a month", "a day", "days", "months", "months from the middle of one", "hours"],
)
def test_rows_are_hours_days_or_months(starts: list[str], ends: list[str], tmp_path: Path) -> None:
    rows = [f'"{start}","1.5","","1.5"' for start in starts]
    path = console(tmp_path / "costs.csv", '"Service","S3($)","Tax($)","Total costs($)"', *rows)
    bill = read_bill(path)
    found = bill.fetch_rows(bill.lines.select("end", "unblended_cost").order_by("end"))
    assert [f"{row['end']:%Y-%m-%d %H}" for row in found] == ends
    assert {float(row["unblended_cost"]) for row in found} == {1.5}


@pytest.mark.parametrize(
    ("header", "column", "value"),
    [
        ("Linked account", "account", "111122223333"),
        ("Region", "region", "eu-west-3"),
        ("Usage Type", "usage_type", "EUW3-BoxUsage:t3.micro"),
        ("Charge type", "line_item_type", "Credit"),
    ],
)
def test_the_first_column_names_the_dimension(header: str, column: str, value: str, tmp_path: Path) -> None:
    lines = f'"{header}","{value}(€)","Total costs(€)"', f'"{header} total","2","2"', '"2022-03-01","2","2"'
    bill = read_bill(console(tmp_path / "costs.csv", *lines))
    (row,) = bill.fetch_rows(by_columns(bill.lines, column))
    assert (row[column], row["currency"], float(row["cost"])) == (value, "EUR", 2)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (['"Service","A($)","B($)","Total costs($)"', '"2022-03-01","1","2","4"'], "row 2: the row adds up to 3"),
        (['"Service","A($)","Total costs($)"', '"2022-03-01","x","1"'], r"row 2, column A\(\$\): 'x' is not a number"),
        (['"Service","A($)","Total costs($)"', '"March","1","1"'], "row 2: 'March' is not a date"),
        (['"Service","A($)","Total costs($)"', '"2022-03-01","1"'], "row 2: the row has 2 columns"),
        (['"Service","A(¥)","Total costs(¥)"', '"2022-03-01","1","1"'], "the currency '¥' is not certain"),
        (
            ['"Service","A($)","Total costs($)"', '"2022-03-09","1","1"', '"2022-03-12","1","1"'],
            "neither hours nor days nor months",
        ),
    ],
)
def test_what_is_not_certain_is_refused(lines: list[str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableBill, match=reason):
        read_bill(console(tmp_path / "costs.csv", *lines))


@pytest.mark.parametrize(
    ("header", "name", "advice"),
    [
        ("Service, Operation, UsageType, Resource, StartTime, EndTime, UsageValue", "usage report", "ce:2026-01"),
        (
            "InvoiceID,PayerAccountId,LinkedAccountId,RecordType,RecordID,ProductCode,ProductName,UsageType,RateId,"
            "UsageQuantity,CurrencyCode,CostBeforeTax,Credits,TaxAmount,TotalCost",
            "Bills page",
            "CUR 2.0 or FOCUS",
        ),
        (
            "InvoiceID,PayerAccountId,RecordType,ProductName,RateId,UsageType,UsageQuantity,BlendedCost,UnBlendedCost",
            "detailed billing report",
            "CUR 2.0 or FOCUS",
        ),
        ("Description;Usage Quantity;Amount in USD", "charges by service", "ce:2026-01"),
        ("BillingAccountId,MeterCategory,CostInBillingCurrency", "Azure's cost details", "type FOCUS"),
        ("billing_account_id,service.description,sku.description,cost", "Google Cloud", "type FOCUS"),
        ("lineItem/intervalUsageStart,product/service,cost/myCost", "Oracle Cloud", "type FOCUS"),
    ],
)
def test_other_exports_are_refused_by_name_with_what_to_get(
    header: str, name: str, advice: str, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableBill) as caught:
        read_bill(console(tmp_path / "costs.csv", header, "a,b,c"))
    assert name in str(caught.value) and advice in str(caught.value)


def test_accounts_have_their_number_and_name(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    header = '"Linked account","Dev (shop) (111122223333)($)","444455556666 ($)","Total costs($)"'
    path.write_text(f'{header}\n"Linked account total","3","4","7"\n"2026-03-01","3","4","7"\n')
    bill = read_bill(path)
    rows = bill.fetch_rows(bill.lines.select("account", "account_name", "unblended_cost"))
    found = {row["account"]: (row["account_name"] or None, float(row["unblended_cost"])) for row in rows}
    assert found == {"111122223333": ("Dev (shop)", 3), "444455556666": (None, 4)}
