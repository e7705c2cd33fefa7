"""The control functions of the local AWS in Python: on AWS they are refused."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_teardown
from esaws.errors import EsawsError, LocalNotRunning, UsageError
from esaws.local_aws import control
from tests.local.cases import TRUST

CALLS: dict[str, Callable[[Cloud], Any]] = {
    "now": simulation.now,
    "events": simulation.events,
    "costs": simulation.costs,
    "no_traffic": simulation.no_traffic,
    "no_faults": simulation.no_faults,
    "advance": lambda cloud: simulation.advance(cloud, "1h"),
    "wait_until": lambda cloud: simulation.wait_until(cloud, "2022-03-01"),
    "copy": lambda cloud: simulation.copy(cloud).__enter__(),
    "next_month": simulation.next_month,
    "traffic": lambda cloud: simulation.traffic(cloud, "daily", requests_per_second=5),
    "fail": lambda cloud: simulation.fail(cloud, zone="eu-west-3a"),
    "mend": lambda cloud: simulation.mend(cloud, zone="eu-west-3a"),
    "fault": lambda cloud: simulation.fault(cloud, "throttle"),
}


def test_on_aws_every_function_is_refused_without_a_call() -> None:
    others = {"answers", "can_run", "endpoint", "requests", "run", "send", "start", "timeline"}
    assert CALLS.keys() | others == set(simulation.__all__)
    cloud = Cloud.aws(account="123456789012")
    for call in CALLS.values():
        with pytest.raises(UsageError, match="only the local AWS can do that"):
            call(cloud)
    of_what_runs: tuple[Callable[[Cloud], Any], ...] = (
        simulation.start,
        simulation.run,
        lambda cloud: simulation.endpoint(cloud, "alb"),
        lambda cloud: simulation.send(cloud, "alb"),
        lambda cloud: next(simulation.answers(cloud, "alb")),
    )
    for call in of_what_runs:
        with pytest.raises(UsageError, match=r"aws can't be started here; use Cloud.local\(\)"):
            call(cloud)
    assert not simulation.can_run(cloud)
    assert cloud.calls.to_frame().empty


def test_services_can_run_on_a_local_aws_where_their_packages_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert simulation.can_run(Cloud.local()) == (os.name != "nt")
    monkeypatch.setattr("esaws.local_aws.supervision._PACKAGES", ("a_package_that_is_missing",))
    assert not simulation.can_run(Cloud.local())


def test_the_clock_of_aws_is_the_clock_of_this_machine() -> None:
    now = simulation.cloud_time(Cloud.aws(account="123456789012"))
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_an_endpoint_that_does_not_answer_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="nothing answers"):
        simulation.advance(Cloud.at("http://127.0.0.1:9", account="123456789012"), "1h")


def test_a_local_aws_that_has_stopped_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESAWS_STATE", str(tmp_path))
    cloud = Cloud.local()
    cloud._endpoint, cloud._caller = "http://127.0.0.1:9", {"Account": "123456789012"}
    with pytest.raises(LocalNotRunning, match="is not running; start it with `esaws local start`"):
        simulation.advance(cloud, "1h")


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


def test_waiting_for_a_moment_that_has_passed_does_nothing(cloud: Cloud) -> None:
    moment = simulation.now(cloud) + timedelta(hours=2)
    assert simulation.wait_until(cloud, moment) >= moment
    later = simulation.advance(cloud, "1h")
    assert later <= simulation.wait_until(cloud, moment.isoformat()) < later + timedelta(minutes=1)
    with pytest.raises(UsageError, match="'soon' is not a timestamp"):
        simulation.wait_until(cloud, "soon")


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


def test_what_happens_to_a_copy_does_not_change_the_account(load_system: Callable[[str], Cloud]) -> None:
    cloud = load_system("two-services")
    deployed, before = inventory(cloud), simulation.now(cloud)
    with simulation.copy(cloud) as copy:
        assert (copy.account, copy.region, copy.deployment) == (cloud.account, cloud.region, cloud.deployment)
        assert timedelta(0) <= simulation.now(copy) - before < timedelta(minutes=1)
        assert [live.id for live in inventory(copy)] == [live.id for live in deployed]
        copy.client("ecs").update_service(
            cluster="seccom-client-web-ui-cluster", service="seccom-client-web-ui", desiredCount=0
        )
        simulation.fail(copy, zone="eu-west-3a")
        simulation.advance(copy, "1d")
        plan_teardown(copy).apply()
        assert not list(inventory(copy))
        happened = simulation.events(copy, since=before + timedelta(hours=1))
        assert not happened.empty
    assert [live.id for live in inventory(cloud)] == [live.id for live in deployed]
    assert simulation.now(cloud) - before < timedelta(hours=1)
    assert simulation.events(cloud, since=before + timedelta(hours=1)).empty


def test_copies_share_nothing_and_their_clocks_stand_still(cloud: Cloud, new_cloud: Any) -> None:
    cloud.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    with simulation.copy(cloud) as outer, simulation.copy(outer) as inner:
        assert len({cloud.endpoint, outer.endpoint, inner.endpoint}) == 3
        simulation.advance(inner, "400d")
        assert simulation.now(outer) == simulation.now(outer) < simulation.now(inner)
        used = {outer.endpoint, inner.endpoint}
    other = new_cloud()
    with simulation.copy(other) as copy:
        assert copy.endpoint in used, "the servers of earlier copies are used again"
        assert len(copy.client("ec2").describe_vpcs()["Vpcs"]) == 1, "the default VPC alone"
        assert simulation.now(copy) < simulation.now(other) + timedelta(days=1), "the clock went back"


def test_a_copy_has_the_clients_of_the_one_before_and_knows_nothing_of_it(cloud: Cloud) -> None:
    with simulation.copy(cloud) as first:
        client = first.client("ec2")
        client.describe_vpcs()
        first.known_ids["VPC", "vpc"] = "vpc-1"
    with simulation.copy(cloud) as second:
        assert second.endpoint == first.endpoint and second.client("ec2") is client
        assert not len(second.calls) and not second.known_ids


def test_a_copy_names_what_it_leaves_out(cloud: Cloud) -> None:
    arn = cloud.client("iam").create_role(RoleName="runs", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})
    cloud.client("stepfunctions").create_state_machine(name="machine", definition=definition, roleArn=arn)
    with pytest.warns(UserWarning, match="not copied: .*stepfunctions, which runs code"), simulation.copy(cloud):
        pass


def test_the_server_of_copies_ends_with_a_process_that_is_killed(cloud: Cloud) -> None:
    code = f"""
import os
from esaws import Cloud, simulation
with simulation.copy(Cloud.at({cloud.endpoint!r}, account={cloud.account!r})) as copy:
    print(copy.endpoint, flush=True)
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode
    copy = Cloud.at(killed.stdout.strip(), account=cloud.account)
    with suppress(UsageError, EsawsError):
        for _ in range(100):
            simulation.now(copy)
            time.sleep(0.1)
    with pytest.raises(UsageError, match="nothing answers"):
        simulation.now(copy)


def test_importing_the_module_needs_neither_pandas_nor_boto3() -> None:
    code = "import sys, esaws.simulation; print([m for m in ('pandas', 'boto3', 'matplotlib') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
