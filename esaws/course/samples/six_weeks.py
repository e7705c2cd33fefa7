"""Six weeks of the large build on a local AWS, with what happens to people, and the bill that they leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.data_export import end_export, export_bill
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom

LASTS = timedelta(days=43)
"""All of the first month, and twelve days of the next."""
_SATURDAY = 5
_DISK = "restored to look something up"


def a_spring(cloud: Cloud) -> str:
    """Live it, from the first of the next month on, and give where its bill lies, as `s3://bucket/`.

    People use it from eight to six on working days. On the 8th somebody restores a disk of 200 GB to look something up,
    and leaves it; on the 19th all machines are turned off, after a look at the bill, and on the 22nd on again, one for
    each service. On the 9th of the second month, for a load test, each group is set to four for the day.

    Raises:
        UsageError: this is AWS, where nobody makes time pass.
    """
    first = simulation.next_month(cloud, hours=3)
    simulation.advance(cloud, to=first - timedelta(hours=3))
    bucket = export_bill(cloud)
    plan_deploy(seccom("ha"), cloud).apply()
    simulation.traffic(cloud, rows=list(_office_hours(first)))
    _until(cloud, first + timedelta(days=7, hours=11))
    named = [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": _DISK}]}]
    cloud.client("ec2").create_volume(
        AvailabilityZone=f"{cloud.region}a", Size=200, VolumeType="gp2", TagSpecifications=named
    )
    _until(cloud, first + timedelta(days=18, hours=9))
    _set_groups(cloud, 0)
    _until(cloud, first + timedelta(days=21, hours=8))
    _set_groups(cloud, 1)
    _until(cloud, first + timedelta(days=39, hours=6))
    _set_groups(cloud, 4)
    _until(cloud, first + timedelta(days=39, hours=20))
    _set_groups(cloud, 1)
    _until(cloud, first + LASTS)
    return f"s3://{bucket}/"


def end_a_spring(cloud: Cloud) -> None:
    """Take away what no teardown finds, as it is nobody's: the disk that was left, and the bill with its bucket."""
    ec2 = cloud.client("ec2")
    for volume in ec2.describe_volumes(Filters=[{"Name": "tag:Name", "Values": [_DISK]}])["Volumes"]:
        ec2.delete_volume(VolumeId=volume["VolumeId"])
    end_export(cloud)


def _office_hours(first: datetime) -> Iterator[dict[str, Any]]:
    """30 requests a second from eight to six on working days, three hours of which are before the first."""
    for day in range(LASTS.days):
        if (first + timedelta(days=day)).weekday() < _SATURDAY:
            for hour, rate in ((8, 30), (18, 0)):
                at = timedelta(days=day, hours=3 + hour).total_seconds()
                yield {"at": at, "path": "/", "requests_per_second": rate}


def _until(cloud: Cloud, when: datetime) -> None:
    simulation.advance(cloud, to=when)


def _set_groups(cloud: Cloud, machines: int) -> None:
    autoscaling = cloud.client("autoscaling")
    for group in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        name = group["AutoScalingGroupName"]
        autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=machines, DesiredCapacity=machines)
