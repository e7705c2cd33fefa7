"""Costs as notebooks read them: Cost Explorer, the export of the bill, and their charts."""

from datetime import timedelta
from pathlib import Path

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.analysis.free_tier_usage import FreeTierUsage, free_tier
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.cost_explorer import spending
from esaws.costs.data_export import end_export, export_bill, export_bucket

T2_MICRO = "EUW3-BoxUsage:t2.micro"


@pytest.fixture(scope="module")
def spender(new_cloud: type[Cloud]) -> Cloud:
    """An account with twelve instances since the first of a month, and an export of its bill."""
    cloud = new_cloud()
    export_bill(cloud)
    simulation.advance(cloud, to=simulation.next_month(cloud))
    cloud.client("ec2").run_instances(ImageId="ami-760aaa0f", InstanceType="t2.micro", MinCount=12, MaxCount=12)
    simulation.advance(cloud, "4d2h")
    return cloud


@pytest.fixture(scope="module")
def bill(spender: Cloud) -> Bill:
    return read_bill(f"s3://{export_bucket(spender)}/", cloud=spender)


def test_daily_spending_adds_up_to_the_usage(spender: Cloud) -> None:
    today = simulation.now(spender).date()
    first = today.replace(day=1)
    frame = spending(spender, first, today, by="USAGE_TYPE").to_frame()
    instances = frame[frame.usage_type == T2_MICRO]
    assert list(frame.columns) == ["usage_type", "day", "quantity", "usd", "credits_usd"]
    assert instances.day.dt.day.tolist() == [1, 2, 3, 4]
    late = {"rel": 0.005}  # they were started some real seconds after the month began
    assert instances.quantity.sum() == pytest.approx(12 * 96, **late)
    assert instances.usd.sum() == pytest.approx((instances.quantity.sum() - 750) * 0.0132, abs=0.01)
    monthly = spending(spender, first, today, granularity="MONTHLY")
    assert monthly.total_usd == pytest.approx(frame.usd.sum())


def test_spending_is_of_the_current_month_by_default(spender: Cloud) -> None:
    today = simulation.now(spender).date()
    default = spending(spender)
    frame = default.to_frame()
    past = frame[frame.day.dt.date < today].reset_index(drop=True)  # the charges of today grow between two requests
    assert past.equals(spending(spender, today.replace(day=1), today).to_frame())
    assert frame.day.dt.date.max() == today
    assert default.to_dict()["rows"][0]["day"] == today.replace(day=1).isoformat()


def test_spending_takes_a_filter_and_may_be_empty(spender: Cloud, cloud: Cloud) -> None:
    today = simulation.now(spender).date()
    filter = {"Dimensions": {"Key": "USAGE_TYPE", "Values": [T2_MICRO]}}
    frame = spending(spender, today.replace(day=1), today, filter=filter).to_frame()
    assert frame.service.unique().tolist() == ["Amazon Elastic Compute Cloud - Compute"]
    empty = spending(cloud, today.replace(day=1), today)
    columns = ["service", "day", "quantity", "usd", "credits_usd"]
    assert empty.to_frame().empty and list(empty.to_frame().columns) == columns
    sums = {"total_usd": 0.0, "credits_usd": 0.0, "to_pay_usd": 0.0}
    assert empty.draw()._repr_svg_() and empty.to_dict() == {"by": "service", **sums, "rows": []}


def test_the_export_matches_cost_explorer(spender: Cloud, bill: Bill) -> None:
    today = simulation.now(spender).date()
    explored = spending(spender, today.replace(day=1), today + timedelta(days=1))
    assert float(report(bill).total or 0) == pytest.approx(explored.total_usd, abs=0.01)
    assert not any("twice" in warning or "taken for" in warning for warning in bill.warnings)


def test_the_export_shows_the_free_hours_of_the_month(bill: Bill) -> None:
    result = free_tier(bill)
    assert isinstance(result, FreeTierUsage)
    (instances,) = [one for one in result.allowances if one.allowance == "AmazonEC2 Hrs"]
    assert float(instances.free[-1]) == pytest.approx(750, abs=1e-6)
    assert instances.exhausted_on and instances.exhausted_on.day == 3, "62.5 hours after the month began"


def test_an_export_is_created_once_and_deleted_with_its_bucket(new_cloud: type[Cloud]) -> None:
    cloud = new_cloud()
    assert export_bill(cloud) == export_bill(cloud) == export_bucket(cloud)
    end_export(cloud)
    end_export(cloud)
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    assert cloud.client("bcm-data-exports").list_exports()["Exports"] == []


def test_charts_are_the_same_bytes_each_time(spender: Cloud, tmp_path: Path) -> None:
    today = simulation.now(spender).date()
    days = spending(spender, today.replace(day=1), today)
    svg = days.draw()._repr_svg_()
    assert svg == days.draw()._repr_svg_()
    assert "Amazon Virtual Private Cloud" in svg
    assert "EC2 - Other" not in svg, "it was free"
    days.draw().save(tmp_path / "days.png")
    assert (tmp_path / "days.png").read_bytes().startswith(b"\x89PNG")
