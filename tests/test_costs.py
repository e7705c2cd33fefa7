"""The bill as a notebook reads it: Cost Explorer, the export, and their pictures."""

from datetime import timedelta
from pathlib import Path

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.analysis.free_tier_usage import BurnDown, burn_down
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report
from esaws.costs.data_export import bucket_of, end_export, export_bill
from esaws.costs.spending_chart import draw_spending
from esaws.costs.spending_query import spending

T2_MICRO = "EUW3-BoxUsage:t2.micro"


@pytest.fixture(scope="module")
def spender(new_cloud: type[Cloud]) -> Cloud:
    """An account with twelve machines since the first of a month, and an export of its bill."""
    cloud = new_cloud()
    export_bill(cloud)
    simulation.advance(cloud, to=simulation.next_month(cloud))
    cloud.client("ec2").run_instances(ImageId="ami-1", InstanceType="t2.micro", MinCount=12, MaxCount=12)
    simulation.advance(cloud, "4d")
    return cloud


@pytest.fixture(scope="module")
def bill(spender: Cloud) -> Bill:
    return read_bill(f"s3://{bucket_of(spender)}/", cloud=spender)


def test_spending_by_day_adds_up_to_what_was_used(spender: Cloud) -> None:
    today = simulation.now(spender).date()
    first = today.replace(day=1)
    frame = spending(spender, first, today, by="USAGE_TYPE")
    machines = frame[frame.usage_type == T2_MICRO]
    assert list(frame.columns) == ["usage_type", "day", "quantity", "usd"]
    assert machines.day.dt.day.tolist() == [1, 2, 3, 4]
    late = {"rel": 0.005}  # they were started some real seconds after the month began
    assert machines.quantity.sum() == pytest.approx(12 * 96, **late)
    assert machines.usd.sum() == pytest.approx((machines.quantity.sum() - 750) * 0.0132, abs=0.01)
    monthly = spending(spender, first, today, each="MONTHLY")
    assert monthly.usd.sum() == pytest.approx(frame.usd.sum())


def test_spending_takes_a_filter_and_finds_nothing_in_an_empty_account(spender: Cloud, cloud: Cloud) -> None:
    today = simulation.now(spender).date()
    only = {"Dimensions": {"Key": "USAGE_TYPE", "Values": [T2_MICRO]}}
    found = spending(spender, today.replace(day=1), today, where=only)
    assert found.service.unique().tolist() == ["Amazon Elastic Compute Cloud - Compute"]
    nothing = spending(cloud, today.replace(day=1), today)
    assert nothing.empty and list(nothing.columns) == ["service", "day", "quantity", "usd"]


def test_the_export_says_what_cost_explorer_says(spender: Cloud, bill: Bill) -> None:
    today = simulation.now(spender).date()
    explored = spending(spender, today.replace(day=1), today + timedelta(days=1))
    assert float(report(bill).total or 0) == pytest.approx(explored.usd.sum(), abs=0.01)
    assert not any("twice" in warning or "taken for" in warning for warning in bill.warnings)


def test_the_free_hours_of_the_export_are_those_of_the_month(bill: Bill) -> None:
    found = burn_down(bill)
    assert isinstance(found, BurnDown)
    (machines,) = [each for each in found.allowances if each.allowance == "AmazonEC2 Hrs"]
    assert float(machines.free[-1]) == pytest.approx(750, abs=1e-6)
    assert machines.ran_out and machines.ran_out.day == 3, "62.5 hours after the month began"


def test_an_export_is_defined_once_and_ends_with_its_bucket(new_cloud: type[Cloud]) -> None:
    cloud = new_cloud()
    assert export_bill(cloud) == export_bill(cloud) == bucket_of(cloud)
    end_export(cloud)
    end_export(cloud)
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    assert cloud.client("bcm-data-exports").list_exports()["Exports"] == []


def test_pictures_are_the_same_bytes_each_time(spender: Cloud, tmp_path: Path) -> None:
    today = simulation.now(spender).date()
    days = spending(spender, today.replace(day=1), today)
    assert draw_spending(days)._repr_svg_() == draw_spending(days)._repr_svg_()
    shown = draw_spending(days)._repr_svg_()
    assert "Amazon Virtual Private Cloud" in shown
    assert "EC2 - Other" not in shown, "it was free"
    draw_spending(days).save(tmp_path / "days.png")
    assert (tmp_path / "days.png").read_bytes().startswith(b"\x89PNG")
