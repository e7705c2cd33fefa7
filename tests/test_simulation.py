"""The control functions of the local AWS in Python: on AWS they are refused."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.errors import EsawsError, UsageError
from esaws.local_aws import control

CALLS: dict[str, Callable[[Cloud], Any]] = {
    "now": simulation.now,
    "events": simulation.events,
    "costs": simulation.costs,
    "no_traffic": simulation.no_traffic,
    "no_faults": simulation.no_faults,
    "advance": lambda cloud: simulation.advance(cloud, "1h"),
    "next_month": simulation.next_month,
    "traffic": lambda cloud: simulation.traffic(cloud, "daily", requests_per_second=5),
    "fail": lambda cloud: simulation.fail(cloud, zone="eu-west-3a"),
    "mend": lambda cloud: simulation.mend(cloud, zone="eu-west-3a"),
    "fault": lambda cloud: simulation.fault(cloud, "throttle"),
}


def test_on_aws_every_function_is_refused_without_a_call() -> None:
    assert CALLS.keys() | {"start", "timeline"} == set(simulation.__all__)
    cloud = Cloud.aws(account="123456789012")
    for call in CALLS.values():
        with pytest.raises(UsageError, match="only the local AWS can do that"):
            call(cloud)
    with pytest.raises(UsageError, match=r"aws can't be started here; use Cloud.local\(\)"):
        simulation.start(cloud)
    assert cloud.calls.to_frame().empty


def test_the_clock_of_aws_is_the_clock_of_this_machine() -> None:
    now = simulation.cloud_time(Cloud.aws(account="123456789012"))
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_an_endpoint_that_does_not_answer_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="nothing answers"):
        simulation.advance(Cloud.at("http://127.0.0.1:9", account="123456789012"), "1h")


@pytest.mark.parametrize("status", [200, 404])
def test_another_server_is_not_a_local_aws(status: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"welcome")

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(EsawsError, match="Check that a local AWS"):
            control.call(f"http://127.0.0.1:{server.server_port}", "GET", "clock")


def test_start_returns_the_time_of_the_running_server(endpoint: str) -> None:
    cloud = Cloud.local()
    started = simulation.start(cloud)
    assert cloud.endpoint == endpoint
    assert timedelta(0) <= simulation.now(cloud) - started < timedelta(minutes=1)
    with pytest.raises(UsageError, match="already runs"):
        simulation.start(cloud, regime="none")


def test_the_clock_advances_by_a_duration_or_to_a_time(cloud: Cloud) -> None:
    before = simulation.now(cloud)
    after = simulation.advance(cloud, "3d")
    assert after - before >= timedelta(days=3)
    assert simulation.advance(cloud, to=after + timedelta(hours=1)) >= after + timedelta(hours=1)
    with pytest.raises(UsageError, match="soon"):
        simulation.advance(cloud, "soon")
    with pytest.raises(UsageError, match="clock"):
        simulation.advance(cloud, to=before)


def test_the_next_month_starts_on_a_first_at_midnight(cloud: Cloud) -> None:
    now = simulation.now(cloud)
    first = simulation.next_month(cloud, hours=3)
    assert (first.day, first.hour, first.tzinfo) == (1, 0, UTC) and isinstance(first, datetime)
    assert timedelta(hours=3) < first - now < timedelta(days=32)


def test_faults_affect_the_calls_of_one_account_until_they_are_cleared(cloud: Cloud, new_cloud: Any) -> None:
    simulation.fault(cloud, "throttle", service="ec2", operation="DescribeVpcs", count=2)
    cloud.client("ec2").describe_vpcs()
    assert list(cloud.calls.to_frame()["code"])[-1] == "OK", "botocore tries three times"
    simulation.fault(cloud, "throttle", service="ec2", operation="DescribeVpcs", count=None)
    with pytest.raises(Exception, match="RequestLimitExceeded"):
        cloud.client("ec2").describe_vpcs()
    new_cloud().client("ec2").describe_vpcs()
    simulation.no_faults(cloud)
    cloud.client("ec2").describe_vpcs()


def test_events_and_costs_are_frames(cloud: Cloud) -> None:
    assert list(simulation.events(cloud).columns) == ["time", "subject", "what", "because"]
    assert simulation.events(cloud).empty
    columns = ["service", "usage_type", "now", "usd_per_hour", "quantity", "free", "usd"]
    assert list(simulation.costs(cloud).columns) == columns


def test_importing_the_module_needs_neither_pandas_nor_boto3() -> None:
    code = "import sys, esaws.simulation; print([m for m in ('pandas', 'boto3', 'matplotlib') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
