"""Six weeks of the `ha` profile on a local AWS, with typical mistakes, and the bill of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.data_export import end_export, export_bill
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom

DURATION = timedelta(days=43)
"""The first month, and twelve days of the next."""
_SATURDAY = 5
_VOLUME_NAME = "restored to look something up"


def run_six_weeks(cloud: Cloud) -> str:
    """Simulate six weeks from the start of the next month, and return the location of the bill, as `s3://bucket/`.

    Users send requests from 8:00 to 18:00 on working days. On the 8th a volume of 200 GB is restored and then
    forgotten. On the 19th all instances are stopped because of the bill, and on the 22nd one instance per service is
    started again. On the 9th of the second month each group has four instances for a day, for a load test.

    Raises:
        UsageError: the cloud is AWS, whose clock can't be advanced.
    """
    first = simulation.next_month(cloud, hours=3)
    simulation.advance(cloud, to=first - timedelta(hours=3))
    bucket = export_bill(cloud)
    plan_deploy(seccom("ha"), cloud).apply()
    simulation.traffic(cloud, rows=list(_office_hours(first)))
    simulation.advance(cloud, to=first + timedelta(days=7, hours=11))
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": _VOLUME_NAME}]}]
    cloud.client("ec2").create_volume(
        AvailabilityZone=f"{cloud.region}a", Size=200, VolumeType="gp2", TagSpecifications=tags
    )
    simulation.advance(cloud, to=first + timedelta(days=18, hours=9))
    _set_groups(cloud, 0)
    simulation.advance(cloud, to=first + timedelta(days=21, hours=8))
    _set_groups(cloud, 1)
    simulation.advance(cloud, to=first + timedelta(days=39, hours=6))
    _set_groups(cloud, 4)
    simulation.advance(cloud, to=first + timedelta(days=39, hours=20))
    _set_groups(cloud, 1)
    simulation.advance(cloud, to=first + DURATION)
    return f"s3://{bucket}/"


def clean_up(cloud: Cloud) -> None:
    """Delete what no teardown deletes: the forgotten volume, which has no owner, and the bill with its bucket."""
    ec2 = cloud.client("ec2")
    for volume in ec2.describe_volumes(Filters=[{"Name": "tag:Name", "Values": [_VOLUME_NAME]}])["Volumes"]:
        ec2.delete_volume(VolumeId=volume["VolumeId"])
    end_export(cloud)


def _office_hours(first: datetime) -> Iterator[dict[str, Any]]:
    """30 requests a second from 8:00 to 18:00 on working days, as rows of traffic that starts 3 hours early."""
    for day in range(DURATION.days):
        if (first + timedelta(days=day)).weekday() < _SATURDAY:
            for hour, rate in ((8, 30), (18, 0)):
                at = timedelta(days=day, hours=3 + hour).total_seconds()
                yield {"at": at, "path": "/", "requests_per_second": rate}


def _set_groups(cloud: Cloud, instances: int) -> None:
    autoscaling = cloud.client("autoscaling")
    for group in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        name = group["AutoScalingGroupName"]
        autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=instances, DesiredCapacity=instances)
