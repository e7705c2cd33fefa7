"""The runbook is_it_answering sends real requests to a system that runs, and finds the paths that are broken."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.local_aws import process
from esaws.operations.image_push import push_folder, read_folder
from esaws.reference.seccom import seccom
from esaws.runbooks.pytest_plugin import RunbookResult, RunbookTester

pytest.importorskip("aiohttp", reason="the packages of esaws[run] are not installed")

NAME = "is_it_answering"

APPLICATION = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/drops":
            return  # the connection ends without an answer
        self.send_response(500 if self.path == "/breaks" else 200)
        self.send_header("X-Served-By", ("hdm" if self.path == "/wrong" else "client-web-ui") + " task zone")
        self.send_header("Content-Length", "0")
        self.end_headers()

ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
"""An application that its health check finds healthy, and that is broken below some paths."""


class Running(RunbookTester):
    """Runs runbooks on the local AWS of this user, which runs its services."""

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "ESAWS_TARGET": "local"}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ESAWS_STATE", str(folder))
        environment.setenv("ESAWS_PORT", "0")
        environment.setenv("ESAWS_RUNS", str(folder / "runs"))
        yield folder


@pytest.fixture(scope="module")
def system(state: Path) -> Iterator[Cloud]:
    """A web UI of two tasks, whose image is the application above, behind its load balancer."""
    application = state / "application"
    application.mkdir()
    (application / "app.py").write_text(APPLICATION)
    process.start(run=True, intervals=0.05)
    try:
        cloud = Cloud.local()
        push_folder(cloud, read_folder(application), "client-web-ui")  # a deploy keeps an image that is there
        plan_deploy(seccom("ha", services=["client-web-ui"], images="ecr"), cloud).apply()
        assert wait_until_serving(cloud) == []
        yield cloud
    finally:
        process.stop(discard=True)


@pytest.fixture
def running(system: Cloud, tmp_path: Path) -> RunbookTester:
    return Running("local", tmp_path, system)


def probed(result: RunbookResult) -> dict[str, dict[str, Any]]:
    """The probes of a run by their request."""
    return {probe["request"]: probe for probe in result.record["found"]["probe paths"]["probes"]}


def until(run: Callable[[], RunbookResult], holds: Callable[[RunbookResult], bool]) -> RunbookResult:
    """Run until something holds, and return that run."""
    deadline = time.monotonic() + 120
    while not holds(result := run()):
        assert time.monotonic() < deadline, result.record["found"]
    return result


def test_what_answers_as_traced_agrees_and_is_counted(running: RunbookTester) -> None:
    result = until(
        lambda: running.run(NAME, fail_on="unknown", count_minutes=2, headers=["User-Agent: curl"]),
        lambda result: result.exit_code == 0,
    )
    assert (result.status, result.error, result.record["changing_calls"]) == ("done", None, 0)
    probe = probed(result)["GET /; User-Agent: curl"]
    assert (probe["verdict"], probe["answered"], probe["trace"]) == (
        "agrees",
        "200 from client-web-ui",
        "client-web-ui, 2 targets",
    )
    assert probe["requests"] == 4  # two to each of two zones
    (count,) = result.record["found"]["count requests"]["groups"]
    assert (count["target_group"], count["arrived"]) == ("seccom-client-web-ui-tg", "yes")
    assert "1 path answers as traced" in result.printed


def test_each_broken_path_is_found_though_all_targets_are_healthy(running: RunbookTester) -> None:
    paths = ["/drops", "/breaks", "/wrong"]
    result = running.run(NAME, paths=paths, fail_on="bad")
    error = result.record["error"]
    assert (result.exit_code, error["step"], result.record["changing_calls"]) == (1, "verify", 0)
    assert "GET /drops: 502 from the load balancer, a target closed the connection" in error["cause"]
    assert "read the log of the service" in error["next_step"]
    found = {request: (probe["verdict"], probe["answered"]) for request, probe in probed(result).items()}
    assert found == {
        "GET /": ("agrees", "200 from client-web-ui"),
        "GET /drops": ("differs", "502 from the load balancer"),
        "GET /breaks": ("fails", "500 from client-web-ui"),
        "GET /wrong": ("differs", "200 from hdm"),
    }
    assert "hdm answers, not client-web-ui" in probed(result)["GET /wrong"]["why"]
    assert running.run(NAME, paths=paths).exit_code == 0


def test_a_closed_port_is_not_reached_and_no_failure_of_the_service(running: RunbookTester) -> None:
    ec2 = running.cloud.client("ec2")
    named = [{"Name": "group-name", "Values": [running.cloud.aws_name("ALB-sg")]}]
    (group,) = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    rule = {"GroupId": group["GroupId"], "IpPermissions": group["IpPermissions"]}
    ec2.revoke_security_group_ingress(**rule)
    try:
        result = until(
            lambda: running.run(NAME, timeout=1), lambda result: probed(result)["GET /"]["verdict"] == "not reached"
        )
        probe = probed(result)["GET /"]
        assert (result.exit_code, probe["trace"], probe["answered"]) == (0, "no answer", "no answer in 1 s")
        assert "security group" in probe["why"] or "ALB-sg" in probe["why"]
        checked = running.run(NAME, timeout=1, fail_on="bad")
        assert (checked.exit_code, checked.record["checks"][0]["ok"]) == (1, None)
    finally:
        ec2.authorize_security_group_ingress(**rule)
