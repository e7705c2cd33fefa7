"""The instance types that EC2 offers in a region are those of moto, of which the server reads one region at a time."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Account

TYPES = [{"Name": "instance-type", "Values": ["t3.micro", "t2.micro", "m5.large"]}]


@pytest.mark.parametrize("region", ["eu-west-3", "us-east-1"])
@pytest.mark.parametrize("location_type", ["region", "availability-zone", "availability-zone-id"])
def test_the_offerings_of_a_region_are_those_of_moto(
    account: Account, stock: Account, location_type: str, region: str
) -> None:
    ours, theirs = (
        replace(each, region=region)
        .client("ec2")
        .describe_instance_type_offerings(LocationType=location_type, Filters=TYPES)["InstanceTypeOfferings"]
        for each in (account, stock)
    )
    assert ours == theirs != []


def test_an_instance_is_refused_in_a_zone_of_another_region(account: Account) -> None:
    with pytest.raises(ClientError, match="eu-west-1a"):
        account.client("ec2").run_instances(
            ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, Placement={"AvailabilityZone": "eu-west-1a"}
        )


def test_spot_prices_are_of_the_zones_in_which_a_type_is_offered(account: Account, stock: Account) -> None:
    ours, theirs = (
        each.client("ec2").describe_spot_price_history(InstanceTypes=["t3.micro"])["SpotPriceHistory"]
        for each in (account, stock)
    )
    zones = [price["AvailabilityZone"] for price in theirs]
    assert [price["AvailabilityZone"] for price in ours] == zones != []
