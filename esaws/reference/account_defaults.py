"""What a system takes from the account where its declaration leaves it open: an instance type, and zones."""

from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud

INSTANCE_TYPES = ("t2.micro", "t3.micro")
"""The instance types that a free tier covers, the first ones first: accounts since July 2025 have the second."""
ZONES = ("a", "b")


def default_instance_type(cloud: Cloud) -> str:
    """Return the instance type of the account's free tier, or the first one that the region has.

    The free plan launches no other than its own. Where the account may not be asked, it is t2.micro.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
    """
    filters = [{"Name": "instance-type", "Values": list(INSTANCE_TYPES)}]
    try:
        described = cloud.client("ec2").describe_instance_types(Filters=filters)["InstanceTypes"]
    except CALL_ERRORS:
        return INSTANCE_TYPES[0]
    eligible = {row["InstanceType"]: bool(row.get("FreeTierEligible")) for row in described}
    offered = [name for name in INSTANCE_TYPES if name in eligible]
    return next((name for name in offered if eligible[name]), offered[0] if offered else INSTANCE_TYPES[0])


def default_zones(cloud: Cloud, instance_type: str | None, count: int = 2) -> tuple[str, ...]:
    """Return the letters of the account's first zones that have an instance type; for None, of its first zones.

    Zones have letters by account, and some accounts or instance types lack one. With fewer suitable zones than
    `count`, the first ones are returned; without permission to ask, a and b.
    """
    ec2 = cloud.client("ec2")
    usual = [{"Name": "zone-type", "Values": ["availability-zone"]}]
    by_type = [{"Name": "instance-type", "Values": [instance_type]}]
    try:
        zones = ec2.describe_availability_zones(Filters=usual)["AvailabilityZones"]
        names = sorted(zone["ZoneName"] for zone in zones)
        offering = set(names)
        if instance_type:
            offers = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=by_type)
            offering = {row["Location"] for row in offers["InstanceTypeOfferings"]}
    except CALL_ERRORS:
        return ZONES[:count]
    suitable = [name for name in names if name in offering]
    chosen = (suitable if len(suitable) >= count else names)[:count]
    return tuple(name.removeprefix(cloud.region) for name in chosen)
