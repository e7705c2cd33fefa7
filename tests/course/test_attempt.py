"""What a check looks at: only the kinds that it asks for, and copies of a settled account."""

from collections.abc import Callable

import pytest

from esaws.cloud import Cloud, observing
from esaws.course.exercises import Attempt, Values

pytestmark = pytest.mark.server


def state(cloud: Cloud) -> str:
    """The state of the load balancer `new`, without letting time pass."""
    with observing():
        found = cloud.client("elbv2").describe_load_balancers(Names=["new"])
    return str(found["LoadBalancers"][0]["State"]["Code"])


def test_a_copy_begins_when_what_was_changed_is_done(load_system: Callable[[str], Cloud]) -> None:
    cloud = load_system("two-services")
    subnets = [live.id for live in Attempt(cloud, Values()).of_kind("Subnet")]
    cloud.client("elbv2").create_load_balancer(Name="new", Subnets=subnets)
    assert state(cloud) == "provisioning"
    with Attempt(cloud, Values()).copy() as copy:
        assert state(copy) == "active"


def test_a_check_lists_only_the_kinds_that_it_asks_for(load_system: Callable[[str], Cloud]) -> None:
    cloud = load_system("two-services")
    attempt, count = Attempt(cloud, Values()), len(cloud.calls)
    vpc = attempt.live("VPC", "vpc")
    assert vpc is not None and attempt.live("VPC", "another") is None
    assert [live.name for live in attempt.of_kind("Subnet")] == ["public-3a", "public-3b"]
    assert {call.service for call in cloud.calls[count:]} == {"ec2"}
    count = len(cloud.calls)
    other = attempt.with_values(Values(cidr="10.0.0.0/16"))
    assert other.live("VPC", "vpc") is vpc and other.snapshot("Vpcs") is attempt.snapshot("Vpcs")
    assert [call.operation for call in cloud.calls[count:]].count("DescribeVpcs") == 1
