"""What only the local AWS can do, asked from a notebook: of AWS and of strangers it is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.errors import UsageError

ASKED: list[Callable[[Cloud], Any]] = [
    simulation.now,
    simulation.events,
    simulation.no_traffic,
    simulation.no_faults,
    lambda cloud: simulation.advance(cloud, "1h"),
    lambda cloud: simulation.traffic(cloud, "daily", requests_per_second=5),
    lambda cloud: simulation.fail(cloud, zone="eu-west-3a"),
    lambda cloud: simulation.mend(cloud, zone="eu-west-3a"),
    lambda cloud: simulation.fault(cloud, "throttle"),
]


@pytest.mark.parametrize("ask", ASKED)
def test_on_aws_it_is_a_clear_error_and_nothing_is_asked(ask: Callable[[Cloud], Any]) -> None:
    cloud = Cloud.aws(account="123456789012")
    with pytest.raises(UsageError, match="only the local AWS can do that"):
        ask(cloud)
    assert cloud.calls.to_frame().empty


def test_where_nothing_answers_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match="nothing answers"):
        simulation.advance(Cloud.at("http://127.0.0.1:9", account="123456789012"), "1h")


def test_time_passes_by_what_is_asked(cloud: Cloud) -> None:
    began = simulation.now(cloud)
    assert simulation.advance(cloud, "3d") - began >= timedelta(days=3)
    with pytest.raises(UsageError, match="no duration"):
        simulation.advance(cloud, "soon")


def test_faults_strike_the_calls_of_this_account_until_they_are_cleared(cloud: Cloud, new_cloud: Any) -> None:
    simulation.fault(cloud, "throttle", service="ec2", operation="DescribeVpcs", count=2)
    cloud.client("ec2").describe_vpcs()
    assert list(cloud.calls.to_frame()["code"])[-1] == "OK", "botocore tries three times"
    simulation.fault(cloud, "throttle", service="ec2", operation="DescribeVpcs", count=None)
    with pytest.raises(Exception, match="RequestLimitExceeded"):
        cloud.client("ec2").describe_vpcs()
    new_cloud().client("ec2").describe_vpcs()
    simulation.no_faults(cloud)
    cloud.client("ec2").describe_vpcs()


def test_events_are_a_frame(cloud: Cloud) -> None:
    assert list(simulation.events(cloud).columns) == ["time", "subject", "what", "because"]
    assert simulation.events(cloud).empty
