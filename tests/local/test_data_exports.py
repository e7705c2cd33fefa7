"""Cost and Usage Reports 2.0 of Data Exports: columns, rows, delivery, definitions and queries."""

import gzip
import io
import json
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from esaws.pricelist import bundled
from local_aws_server.billing.bill import total_cost
from local_aws_server.billing.calendar import HOUR
from local_aws_server.billing.charge import Charge, Meter
from local_aws_server.services.bcm_data_exports.columns import all_columns, default_properties
from local_aws_server.services.bcm_data_exports.cur import build_report, snake_case
from local_aws_server.services.bcm_data_exports.exports import ExportError, find_export
from local_aws_server.services.bcm_data_exports.query import InvalidQuery
from local_aws_server.services.bcm_data_exports.query_parser import parse_query
from local_aws_server.services.bcm_data_exports.validation import validate_properties
from tests.local.billing import reset
from tests.local.conftest import Account
from tests.local.timing import advance, control

_accounts = count(410_000_000_000)

REFERENCE = json.loads((Path(__file__).parents[2] / "esaws/data/cur2_columns.json").read_text("utf-8"))["columns"]
PLAIN = [column["name"] for column in REFERENCE if "with" not in column]
FULL = [column["name"] for column in REFERENCE if column.get("with") in (None, "INCLUDE_RESOURCES")]
TYPES = {
    "string": pa.string(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("ms"),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
    "map<string,double>": pa.map_(pa.string(), pa.float64()),
}
KEY = ["identity_line_item_id", "identity_time_interval"]
JANUARY = 1767225600


@pytest.fixture(scope="module")
def january(billing_server: str) -> str:
    """The URL of the billing server in January 2026; all tests together stay within January."""
    return reset(billing_server).url


@pytest.fixture
def account(january: str) -> Account:
    return Account(january, str(next(_accounts)))


def launch(account: Account, instances: int = 1) -> None:
    tags = [{"Key": "esaws:deployment", "Value": "seccom"}, {"Key": "CostCenter", "Value": "42"}]
    account.client("ec2").run_instances(
        ImageId="ami-760aaa0f",
        InstanceType="t2.micro",
        MinCount=instances,
        MaxCount=instances,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )


def bucket_of(account: Account, policy: dict[str, Any] | None = None) -> str:
    """Create a bucket with the policy of AWS's documentation, and return its name."""
    s3, bucket = account.client("s3"), f"esaws-billing-{account.id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.region})
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": ["billingreports.amazonaws.com", "bcm-data-exports.amazonaws.com"]},
        "Action": ["s3:PutObject", "s3:GetBucketPolicy"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {
            "StringLike": {
                "aws:SourceAccount": account.id,
                "aws:SourceArn": [f"arn:aws:bcm-data-exports:us-east-1:{account.id}:export/*"],
            }
        },
    }
    statement = {**allowed, **(policy or {})}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return bucket


def definition(account: Account, names: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    properties = {"TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE", **changes.pop("properties", {})}
    output = {"OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": "OVERWRITE_REPORT"}
    destination = {
        "S3Bucket": f"esaws-billing-{account.id}",
        "S3Prefix": "cur2",
        "S3Region": account.region,
        "S3OutputConfigurations": {**output, **changes.pop("output", {})},
        **changes.pop("destination", {}),
    }
    query = f"SELECT {', '.join(names or FULL)} FROM COST_AND_USAGE_REPORT{changes.pop('where', '')}"
    return {
        "Name": "hourly",
        "DataQuery": {
            "QueryStatement": changes.pop("query", query),
            "TableConfigurations": {"COST_AND_USAGE_REPORT": properties},
        },
        "DestinationConfigurations": {"S3Destination": destination},
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        **changes,
    }


def export(account: Account, *args: Any, **changes: Any) -> str:
    """Create an export and return its ARN."""
    exports = account.client("bcm-data-exports")
    return str(exports.create_export(Export=definition(account, *args, **changes))["ExportArn"])


def keys(account: Account) -> list[str]:
    listed = account.client("s3").list_objects_v2(Bucket=f"esaws-billing-{account.id}")
    return [row["Key"] for row in listed.get("Contents", ())]


def data_keys(account: Account) -> list[str]:
    return [key for key in keys(account) if "/data/" in key]


def read(account: Account, key: str) -> bytes:
    answer = account.client("s3").get_object(Bucket=f"esaws-billing-{account.id}", Key=key)
    return bytes(answer["Body"].read())


def exported_rows(account: Account) -> pd.DataFrame:
    """The exported rows of all months."""
    return pd.concat([pd.read_parquet(io.BytesIO(read(account, key))) for key in data_keys(account)])


def bill_of(account: Account) -> dict[str, Any]:
    return control(account, "GET", f"cost?account={account.id}")


# --- rows and columns


def test_a_report_has_the_columns_of_the_dictionary_with_their_types(account: Account) -> None:
    launch(account)
    bucket_of(account)
    export(account)
    advance(account, "1h")
    schema = pq.read_schema(io.BytesIO(read(account, data_keys(account)[0])))
    assert {field.name: field.type for field in schema} == {
        column["name"]: TYPES[column["type"]] for column in REFERENCE if column["name"] in FULL
    }


def test_a_report_adds_up_to_the_bill(account: Account) -> None:
    bucket_of(account)
    export(account)
    launch(account, 12)
    account.client("ec2").create_volume(AvailabilityZone=account.zones()[0], Size=100, VolumeType="gp3")
    advance(account, "70h")
    rows, bill = exported_rows(account), bill_of(account)
    tolerance = 12 * 0.02 * 30 / 3600  # the seconds between the two reads
    charged = bill["month"]
    assert float(charged["usd"]) > 1
    assert rows["line_item_unblended_cost"].sum() == pytest.approx(float(charged["usd"]), abs=tolerance)
    assert rows["pricing_public_on_demand_cost"].sum() == pytest.approx(float(charged["list_usd"]), abs=tolerance)
    blended = rows["line_item_blended_cost"].sum()
    assert blended == pytest.approx(rows["line_item_unblended_cost"].sum(), abs=1e-6), (
        "an average spreads the same cost"
    )


def test_cost_explorer_and_a_report_agree(account: Account) -> None:
    launch(account, 3)
    bucket_of(account)
    export(account)
    advance(account, "5h")
    rows = exported_rows(account)
    (month,) = account.client("ce").get_cost_and_usage(
        TimePeriod={"Start": "2026-01-01", "End": "2026-02-01"},
        Granularity="MONTHLY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
    )["ResultsByTime"]
    response = {group["Keys"][0]: float(group["Metrics"]["UnblendedCost"]["Amount"]) for group in month["Groups"]}
    ours = rows.groupby("line_item_usage_type")["line_item_unblended_cost"].sum().to_dict()
    assert ours == pytest.approx(response, abs=1e-3)
    assert "EUW3-BoxUsage:t2.micro" in response


def test_the_free_tier_has_750_hours_with_a_list_price_and_splits_a_row(account: Account) -> None:
    bucket_of(account)
    export(account)
    advance(account, "7m")  # from the start of an hour, 750 hours of 12 instances end between two instances
    launch(account, 12)
    advance(account, "64h")
    rows = exported_rows(account)
    hours = rows[rows["line_item_usage_type"] == "EUW3-BoxUsage:t2.micro"]
    free, paid = (hours[hours["line_item_unblended_rate"] == rate] for rate in ("0.0000000000", "0.0132000000"))
    assert len(free) + len(paid) == len(hours)
    assert free["line_item_usage_amount"].sum() == pytest.approx(750)
    assert free["line_item_unblended_cost"].sum() == 0
    assert free["pricing_public_on_demand_cost"].sum() == pytest.approx(750 * 0.0132)
    words = "$0.00 per Linux t2.micro instance-hour (or partial hour) under monthly free tier"
    assert set(free["line_item_line_item_description"]) == {words}
    assert set(free["pricing_term"]) == {""} and set(paid["pricing_term"]) == {"OnDemand"}
    assert all(".A429C66SYZ." in code for code in free["pricing_rate_code"])
    assert all(".JRTCKXETXF." in code for code in paid["pricing_rate_code"])
    assert float(free["line_item_blended_rate"].iloc[0]) > 0, "the average of free and paid hours"
    both = set(map(tuple, free[["line_item_resource_id", KEY[1]]].values)) & set(
        map(tuple, paid[["line_item_resource_id", KEY[1]]].values)
    )
    assert both, "one hour of an instance is partly free"
    assert not rows.duplicated(KEY).any()


def test_the_same_resource_has_the_same_id_in_each_hour(account: Account) -> None:
    bucket_of(account)
    export(account)
    launch(account)
    advance(account, "3h")
    rows = exported_rows(account)
    hours = rows[rows["line_item_usage_type"] == "EUW3-BoxUsage:t2.micro"]
    assert len(hours) >= 3
    assert hours["identity_line_item_id"].nunique() == 1
    assert hours["identity_line_item_id"].str.fullmatch("[a-z2-7]{52}").all()
    start, end = hours["identity_time_interval"].iloc[0].split("/")
    assert pd.Timestamp(end) - pd.Timestamp(start) == pd.Timedelta("1h")
    assert pd.Timestamp(start).tz_localize(None) == hours["line_item_usage_start_date"].iloc[0]


def test_a_row_has_its_resource_tags_and_product(account: Account) -> None:
    bucket_of(account)
    export(account)
    launch(account)
    advance(account, "1h")
    rows = exported_rows(account)
    row = rows[rows["line_item_usage_type"] == "EUW3-BoxUsage:t2.micro"].iloc[0]
    assert row["line_item_resource_id"].startswith("i-")
    assert dict(row["resource_tags"]) == {"user_esaws_deployment": "seccom", "user_cost_center": "42"}
    assert dict(row["product"])["product_name"] == "Amazon Elastic Compute Cloud"
    assert (row["product_location"], row["product_region_code"]) == ("EU (Paris)", "eu-west-3")
    assert (row["product_instance_type"], row["line_item_normalization_factor"]) == ("t2.micro", 0.5)
    assert row["pricing_unit"] == "Hrs"
    filters = [{"Type": "TERM_MATCH", "Field": "usagetype", "Value": "EUW3-BoxUsage:t2.micro"}]
    (product,) = account.client("pricing").get_products(ServiceCode="AmazonEC2", Filters=filters)["PriceList"]
    assert json.loads(product)["product"]["sku"] == row["product_sku"]


def test_credits_are_rows_that_offset_the_cost(account: Account) -> None:
    control(account, "POST", "regime", regime="credits", plan="paid")
    bucket_of(account)
    export(account)
    launch(account)
    advance(account, "2h")
    rows = exported_rows(account)
    credits = rows[rows["line_item_line_item_type"] == "Credit"]
    assert (credits["line_item_unblended_cost"] < 0).all()
    assert rows["line_item_unblended_cost"].sum() == pytest.approx(0, abs=1e-9)
    assert rows["pricing_public_on_demand_cost"].sum() > 0.02
    assert not rows.duplicated(KEY).any()


def test_days_and_months_add_up_hours(account: Account) -> None:
    bucket_of(account)
    for granularity in ("HOURLY", "DAILY", "MONTHLY"):
        export(account, Name=granularity.lower(), properties={"TIME_GRANULARITY": granularity})
    launch(account, 2)
    advance(account, "30h")
    frames = {key.split("/")[1]: pd.read_parquet(io.BytesIO(read(account, key))) for key in data_keys(account)}
    costs = [frames[name]["line_item_unblended_cost"].sum() for name in ("hourly", "daily", "monthly")]
    assert costs == [pytest.approx(costs[0], abs=1e-4)] * 3
    assert len(frames["hourly"]) > len(frames["daily"]) > len(frames["monthly"])
    assert not any(frame.duplicated(KEY).any() for frame in frames.values())


def test_without_resources_equal_usage_is_one_row(account: Account) -> None:
    bucket_of(account)
    export(account, PLAIN, properties={"INCLUDE_RESOURCES": "FALSE"})
    launch(account, 3)
    advance(account, "1h")
    rows = exported_rows(account)
    hours = rows[rows["line_item_usage_type"] == "EUW3-BoxUsage:t2.micro"]
    assert "line_item_resource_id" not in rows
    assert hours["identity_time_interval"].is_unique
    assert hours["line_item_usage_amount"].sum() == pytest.approx(3, abs=0.1)


def test_a_report_as_csv_has_the_same_rows(account: Account) -> None:
    bucket_of(account)
    export(account, output={"Format": "TEXT_OR_CSV", "Compression": "GZIP"})
    launch(account)
    advance(account, "2h")
    (key,) = data_keys(account)
    assert key.endswith("/hourly-00001.csv.gz")
    rows = pd.read_csv(io.BytesIO(gzip.decompress(read(account, key))), dtype={"line_item_usage_account_id": str})
    assert list(rows.columns) == FULL
    assert set(rows["line_item_usage_account_id"]) == {account.id}
    assert rows["line_item_usage_start_date"].str.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:00:00Z").all()
    assert json.loads(rows["product"].iloc[0])["product_name"]


def charge(meter: int, hour: int, quantity: Decimal, free: bool) -> Charge:
    metered = Meter("eu-west-3", "AmazonEC2", "BoxUsage:t2.micro", "RunInstances", "Hrs", f"i-{meter}", "eu-west-3a")
    (price,) = bundled().tiers("AmazonEC2", metered.usage_type, metered.operation, metered.region)
    rate = Decimal(0) if free else price.usd
    start = JANUARY + hour * HOUR
    return Charge(metered, start, "Usage", quantity, rate, rate * quantity, price, "AmazonEC2 Hrs" if free else "")


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, 743), st.booleans()), st.decimals("0.0001", 1, places=10)
    ),
    st.sampled_from(["HOURLY", "DAILY", "MONTHLY"]),
    st.sampled_from(["TRUE", "FALSE"]),
)
def test_rows_are_unique_and_lose_nothing(amounts: dict[Any, Decimal], granularity: str, resources: str) -> None:
    charges = [charge(meter, hour, quantity, free) for (meter, hour, free), quantity in amounts.items()]
    properties = {**default_properties(), "TIME_GRANULARITY": granularity, "INCLUDE_RESOURCES": resources}
    rows = build_report(
        "123456789012", charges, properties, [*KEY, "line_item_usage_amount", "line_item_unblended_cost"]
    )
    frame = rows.to_pandas()
    assert not frame.duplicated(KEY).any()
    assert frame["line_item_unblended_cost"].sum() == pytest.approx(float(total_cost(charges)))
    assert frame["line_item_usage_amount"].sum() == pytest.approx(float(sum(amounts.values())))


def test_a_month_of_ten_thousand_rows_is_small() -> None:
    charges = [charge(meter, hour, Decimal("0.5"), hour < 60) for hour in range(744) for meter in range(14)]
    properties = {**default_properties(), "INCLUDE_RESOURCES": "TRUE"}
    sink = io.BytesIO()
    table = build_report("123456789012", charges, properties, FULL)
    pq.write_table(table, sink, compression="snappy")
    assert table.num_rows == 10_416
    assert len(sink.getvalue()) < 800_000


@pytest.mark.parametrize(
    ("key", "expected"),
    [("Name", "name"), ("CostCenter", "cost_center"), ("esaws:deployment", "esaws_deployment"), ("a.b/c", "a_b_c")],
)
def test_tag_keys_are_spelled_in_snake_case(key: str, expected: str) -> None:
    assert snake_case(key) == expected


# --- delivery


def test_files_have_the_keys_of_data_exports(account: Account) -> None:
    bucket = bucket_of(account)
    arn = export(account)
    assert keys(account) == [], "a month without charges has no files"
    launch(account)
    data = "cur2/hourly/data/BILLING_PERIOD=2026-01/hourly-00001.snappy.parquet"
    manifest = "cur2/hourly/metadata/BILLING_PERIOD=2026-01/hourly-Manifest.json"
    advance(account, "1h")
    assert keys(account) == [data, manifest]
    response = json.loads(read(account, manifest))
    assert response["exportArn"] == arn
    assert response["dataFiles"] == [f"s3://{bucket}/{data}"]
    assert {column["name"]: column["type"] for column in response["columns"]} == {
        name: all_columns()[name].type for name in FULL
    }


def test_a_read_of_a_range_never_changes_the_file(account: Account) -> None:
    s3, bucket = account.client("s3"), bucket_of(account)
    export(account)
    launch(account)
    advance(account, "1h")
    (key,) = data_keys(account)
    before = s3.head_object(Bucket=bucket, Key=key)
    advance(account, "3h")
    part = s3.get_object(Bucket=bucket, Key=key, Range="bytes=-8")
    assert part["ETag"] == before["ETag"] and part["Body"].read()[-4:] == b"PAR1"
    assert s3.head_object(Bucket=bucket, Key=key)["ETag"] != before["ETag"], "a new read gets the current state"


def test_a_client_that_lists_and_reads_finds_the_listed_file(account: Account) -> None:
    s3, bucket = account.client("s3"), bucket_of(account)
    export(account)
    launch(account)
    advance(account, "1h")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    for row in listed:
        assert s3.get_object(Bucket=bucket, Key=row["Key"])["ETag"] == row["ETag"]


def test_new_versions_are_written_beside_the_old_ones_on_request(account: Account) -> None:
    bucket_of(account)
    arn = export(account, output={"Overwrite": "CREATE_NEW_REPORT"})
    launch(account)
    advance(account, "1h")
    assert len(data_keys(account)) == 1
    advance(account, "1h")
    assert len(data_keys(account)) == 1, "AWS writes three times a day"
    advance(account, "8h")
    versions = data_keys(account)
    executions = account.client("bcm-data-exports").list_executions(ExportArn=arn)["Executions"]
    assert len(versions) == len(executions) == 2
    assert all(any(execution["ExecutionId"] in key for key in versions) for execution in executions)


def test_an_emptied_bucket_stays_empty_until_the_next_delivery(account: Account) -> None:
    s3, bucket = account.client("s3"), bucket_of(account)
    export(account)
    launch(account)
    advance(account, "1h")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys(account)]})
    advance(account, "1h")
    assert keys(account) == []
    advance(account, "8h")
    assert len(data_keys(account)) == 1


def test_files_stay_when_the_export_is_deleted(account: Account) -> None:
    bucket_of(account)
    arn = export(account)
    launch(account)
    advance(account, "1h")
    account.client("bcm-data-exports").delete_export(ExportArn=arn)
    rows = len(exported_rows(account))
    advance(account, "2h")
    assert len(exported_rows(account)) == rows > 0


def test_reading_the_bill_does_not_change_it(account: Account) -> None:
    bucket_of(account)
    export(account)
    launch(account)
    advance(account, "1h")
    assert exported_rows(account)["line_item_unblended_cost"].sum() >= 0
    advance(account, "1h")
    assert "AmazonS3" not in set(exported_rows(account)["line_item_product_code"])


# --- definitions


def test_an_export_is_described_listed_changed_and_deleted(account: Account) -> None:
    exports = account.client("bcm-data-exports")
    bucket_of(account)
    launch(account)
    advance(account, "1h")
    created = exports.create_export(Export=definition(account), ResourceTags=[{"Key": "team", "Value": "a"}])
    arn = created["ExportArn"]
    assert arn.startswith(f"arn:aws:bcm-data-exports:us-east-1:{account.id}:export/hourly-")
    described = exports.get_export(ExportArn=arn)
    assert described["Export"] == {**definition(account), "ExportArn": arn}
    assert described["ExportStatus"]["StatusCode"] == "HEALTHY"
    assert described["ExportStatus"]["LastRefreshedAt"] >= described["ExportStatus"]["CreatedAt"]
    (listed,) = exports.list_exports()["Exports"]
    assert (listed["ExportArn"], listed["ExportName"]) == (arn, "hourly")
    exports.tag_resource(ResourceArn=arn, ResourceTags=[{"Key": "stage", "Value": "b"}])
    exports.untag_resource(ResourceArn=arn, ResourceTagKeys=["team"])
    assert exports.list_tags_for_resource(ResourceArn=arn)["ResourceTags"] == [{"Key": "stage", "Value": "b"}]
    (execution,) = exports.list_executions(ExportArn=arn)["Executions"]
    assert execution["ExecutionStatus"]["StatusCode"] == "DELIVERY_SUCCESS"
    exports.update_export(ExportArn=arn, Export=definition(account, ["line_item_usage_type"]))
    assert list(exported_rows(account).columns) == ["line_item_usage_type"]
    response = exports.get_execution(ExportArn=arn, ExecutionId=execution["ExecutionId"])
    assert response["Export"]["DataQuery"] == definition(account)["DataQuery"], (
        "an execution keeps the definition of its time"
    )
    exports.delete_export(ExportArn=arn)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        exports.get_export(ExportArn=arn)
    assert exports.list_exports()["Exports"] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": "SELECT * FROM COST_AND_USAGE_REPORT"}, "name the columns"),
        ({"query": "SELECT nothing FROM COST_AND_USAGE_REPORT"}, "not a subset of the table COST_AND_USAGE_REPORT"),
        ({"properties": {"INCLUDE_RESOURCES": "FALSE"}}, "not a subset of the table"),
        ({"properties": {"INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "TRUE"}}, "not a subset of the table"),
        ({"properties": {"TIME_GRANULARITY": "YEARLY"}}, "no property TIME_GRANULARITY with value 'YEARLY'"),
        ({"properties": {"INCLUDE_ALL": "TRUE"}}, "no property INCLUDE_ALL"),
        ({"output": {"Compression": "GZIP"}}, "PARQUET goes with Compression PARQUET"),
        ({"destination": {"S3Bucket": "no-such-bucket"}}, "does not exist"),
        ({"destination": {"S3Region": "us-east-1"}}, "is in eu-west-3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_invalid_definition_is_refused(account: Account, changes: dict[str, Any], message: str) -> None:
    bucket_of(account)
    with pytest.raises(ClientError, match=message) as refused:
        export(account, **changes)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.response["Fields"], "the error names the field"


@pytest.mark.parametrize(
    "policy",
    [
        {"Principal": {"Service": "cloudtrail.amazonaws.com"}},
        {"Action": "s3:GetBucketPolicy"},
        {"Effect": "Deny"},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}},
    ],
    ids=["principal", "action", "effect", "account"],
)
def test_a_bucket_without_the_policy_is_refused(account: Account, policy: dict[str, Any]) -> None:
    bucket_of(account, policy)
    with pytest.raises(ClientError, match="must allow bcm-data-exports"):
        export(account)


def test_an_export_without_write_permission_is_unhealthy(account: Account) -> None:
    bucket = bucket_of(account)
    arn = export(account)
    account.client("s3").delete_bucket_policy(Bucket=bucket)
    launch(account)
    advance(account, "1h")
    assert keys(account) == []
    status = account.client("bcm-data-exports").get_export(ExportArn=arn)["ExportStatus"]
    assert (status["StatusCode"], status["StatusReason"]) == ("UNHEALTHY", "INSUFFICIENT_PERMISSION")


def test_an_account_has_at_most_five_exports_with_different_names(account: Account) -> None:
    bucket_of(account)
    export(account)
    with pytest.raises(ClientError, match="already exists"):
        export(account)
    for number in range(4):
        export(account, Name=f"more-{number}")
    with pytest.raises(ClientError, match="ServiceQuotaExceededException"):
        export(account, Name="one-too-many")


def test_exports_and_buckets_belong_to_one_account(account: Account, january: str) -> None:
    other = Account(january, str(next(_accounts)))
    bucket_of(account)
    arn = export(account)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        other.client("bcm-data-exports").get_export(ExportArn=arn)
    with pytest.raises(ClientError, match="does not exist, or is another account's"):
        export(other, destination={"S3Bucket": f"esaws-billing-{account.id}"})


def test_other_tables_and_outputs_are_not_simulated(account: Account) -> None:
    bucket_of(account)
    for change in ({"query": "SELECT BilledCost FROM FOCUS_1_2_AWS"}, {"output": {"OutputType": "ATHENA"}}):
        with pytest.raises(ClientError) as refused:
            export(account, **change)
        assert refused.value.response["Error"]["Code"] == "NotSimulated"


def test_the_table_is_described_with_its_properties(account: Account) -> None:
    exports = account.client("bcm-data-exports")
    (table,) = exports.list_tables()["Tables"]
    defaults = {row["Name"]: row["DefaultValue"] for row in table["TableProperties"]}
    assert defaults["TIME_GRANULARITY"] == "HOURLY" and defaults["INCLUDE_RESOURCES"] == "FALSE"
    plain = exports.get_table(TableName="COST_AND_USAGE_REPORT")
    assert [column["Name"] for column in plain["Schema"]] == PLAIN
    full = exports.get_table(TableName="COST_AND_USAGE_REPORT", TableProperties={"INCLUDE_RESOURCES": "TRUE"})
    assert [column["Name"] for column in full["Schema"]] == FULL


def test_an_error_names_the_field_or_the_resource() -> None:
    with pytest.raises(ExportError) as refused:
        validate_properties({"TIME_GRANULARITY": "YEARLY"})
    (field,) = refused.value.members["Fields"]
    assert field["Name"] == "TableConfigurations.COST_AND_USAGE_REPORT.TIME_GRANULARITY"
    assert refused.value.members["Reason"] == "fieldValidationFailed"
    with pytest.raises(ExportError) as refused:
        find_export("123456789012", "arn:aws:bcm-data-exports:us-east-1:123456789012:export/none")
    assert refused.value.members["ResourceType"] == "EXPORT"


def test_a_query_selects_rows_and_keys_of_maps(account: Account) -> None:
    bucket_of(account)
    names = ["line_item_usage_type AS usage", "product.product_name", "resource_tags.user_cost_center AS centre"]
    where = " WHERE line_item_product_code = 'AmazonEC2' AND line_item_usage_type LIKE '%BoxUsage%' LIMIT 2"
    export(account, names, where=where)
    launch(account, 3)
    advance(account, "2h")
    rows = exported_rows(account)
    assert (
        rows.to_dict("records")
        == [{"usage": "EUW3-BoxUsage:t2.micro", "product_name": "Amazon Elastic Compute Cloud", "centre": "42"}] * 2
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("line_item_usage_amount > 0.4", 2),
        ("line_item_usage_amount >= 0.5 AND line_item_resource_id = 'i-1'", 1),
        ("line_item_resource_id <> 'i-1'", 2),
        ("line_item_resource_id IN ('i-0', 'i-1')", 2),
        ("line_item_resource_id NOT IN ('i-0', 'i-1')", 1),
        ("line_item_resource_id = 'i-0' OR line_item_resource_id = 'i-1' AND line_item_usage_amount < 0.1", 1),
        ("(line_item_resource_id = 'i-0' OR line_item_resource_id = 'i-1') AND line_item_usage_amount < 0.1", 0),
        ("NOT line_item_resource_id LIKE 'i-_'", 0),
        ("bill_invoice_id IS NULL", 3),
        ("bill_invoice_id IS NOT NULL", 0),
        ("line_item_usage_start_date >= '2026-01-01T01:00:00Z'", 2),
        ("product.region = 'eu-west-3'", 3),
    ],
)
def test_a_condition_filters_rows(condition: str, expected: int) -> None:
    properties = {**default_properties(), "INCLUDE_RESOURCES": "TRUE"}
    query = parse_query(f"select line_item_usage_type from COST_AND_USAGE_REPORT where {condition};", properties)
    charges = [charge(number, number, Decimal("0.25") * (number + 1), False) for number in range(3)]
    table = build_report("123456789012", charges, properties, query.required_columns())
    assert query.apply(table).num_rows == expected


def test_each_column_can_be_selected_and_compared() -> None:
    properties = {**default_properties(), "INCLUDE_RESOURCES": "TRUE"}
    for name in FULL:
        query = parse_query(f"SELECT {name} FROM COST_AND_USAGE_REPORT WHERE {name} IS NOT NULL LIMIT 1", properties)
        assert query.required_columns() == [name]


NOT_SELECTABLE = (
    "ALL line_item_usage_type",
    "DISTINCT line_item_usage_type",
    "line_item_usage_type usage",
    '"line_item_usage_type"',
    "(line_item_usage_type)",
    "product.*",
    "count(*)",
    "CAST(line_item_usage_type AS VARCHAR)",
    "line_item_usage_type /* comment */",
    "product.region.code",
    "product['region']",
)
NOT_CLAUSES = (
    "report",
    "AS report",
    "LIMIT ALL",
    "LIMIT 5 OFFSET 3",
    "LIMIT 5, 3",
    "LIMIT '5'",
    "LIMIT -1",
    "FETCH FIRST 5 ROWS ONLY",
    "TABLESAMPLE BERNOULLI (5)",
    "-- comment",
    ";;",
)
NOT_CONDITIONS = (
    "line_item_usage_type",
    "line_item_usage_type = line_item_operation",
    "'a' = line_item_usage_type",
    "line_item_usage_type = NULL",
    "line_item_usage_type == 'a'",
    "line_item_usage_type = ('a')",
    "(line_item_usage_type) = 'a'",
    "line_item_usage_type IN ('a',)",
    "line_item_usage_type ILIKE 'a'",
    "line_item_usage_type LIKE 'a' ESCAPE 'b'",
    "line_item_usage_amount BETWEEN 1 AND 2",
    "line_item_usage_amount > - 5",
    "line_item_usage_amount > .5",
    "line_item_usage_amount > 1e5",
    "line_item_usage_amount IS TRUE",
    "tags = 'a'",
)


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "SELECT",
        "DELETE FROM COST_AND_USAGE_REPORT",
        "SELECT line_item_usage_type FROM somewhere",
        "SELECT line_item_usage_type, FROM COST_AND_USAGE_REPORT",
        "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT ORDER BY 1",
        "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT LIMIT many",
        "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT WHERE",
        "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT WHERE line_item_usage_type = x",
        "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT WHERE line_item_usage_amount > 'much'",
        "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT WHERE line_item_usage_amount LIKE '%'",
        "SELECT line_item_usage_type.a FROM COST_AND_USAGE_REPORT",
        "SELECT line_item_usage_type AS a, line_item_operation AS a FROM COST_AND_USAGE_REPORT",
        "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT; DROP TABLE x",
        "SELECT read_text('/etc/passwd') FROM COST_AND_USAGE_REPORT",
        *(f"SELECT {selected} FROM COST_AND_USAGE_REPORT" for selected in NOT_SELECTABLE),
        *(f"SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT {clause}" for clause in NOT_CLAUSES),
        *(f"SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT WHERE {condition}" for condition in NOT_CONDITIONS),
    ],
)
def test_an_invalid_statement_is_refused(statement: str) -> None:
    with pytest.raises(InvalidQuery):
        parse_query(statement, default_properties())


# --- months


def test_each_month_has_one_file_in_a_hive_partition(billing_server: str, tmp_path: Path) -> None:
    account = reset(billing_server, "2026-01-30T00:00:00Z", "none")
    bucket_of(account)
    export(account)
    launch(account)
    advance(account, "10h")
    first = data_keys(account)
    rows = len(exported_rows(account))
    advance(account, "10h")
    assert data_keys(account) == first and len(exported_rows(account)) > rows
    advance(account, "2d")
    assert len(data_keys(account)) == 2
    for key in data_keys(account):
        (tmp_path / key).parent.mkdir(parents=True)
        (tmp_path / key).write_bytes(read(account, key))
    files = f"{tmp_path}/cur2/hourly/data/*/*.parquet"
    costs = duckdb.sql(
        f"""
        SELECT billing_period AS period, line_item_product_code, sum(line_item_unblended_cost) AS usd,
               max(line_item_usage_start_date) < TIMESTAMP '2026-02-01' AS is_january,
               any_value(resource_tags['user_esaws_deployment']) AS deployment
        FROM read_parquet('{files}', hive_partitioning = true)
        WHERE billing_period = '2026-01' GROUP BY ALL ORDER BY ALL
        """
    ).df()
    assert set(costs["period"]) == {"2026-01"}
    assert set(costs["line_item_product_code"]) >= {"AmazonEC2"}
    assert costs["is_january"].all()
    assert set(costs["deployment"].dropna()) == {"seccom"}
    assert costs["usd"].sum() > 0
