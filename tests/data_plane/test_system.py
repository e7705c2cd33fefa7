"""The system runs: requests through the load balancer reach processes that keep rows in a database, and come back."""

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from esaws import running_services, simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.errors import EsawsError
from esaws.local_aws import process, supervision
from esaws.local_aws.state import read_server
from esaws.reference.seccom import DATABASE_PASSWORD, seccom

pytest.importorskip("aiohttp", reason="the packages of esaws[run] are not installed")

SITES = "/sites-management-api/sites"
BROKEN = """
import http.server, os

class Broken(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(500)

http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Broken).serve_forever()
"""
"""A program that answers each request with an error."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def started(state: Path) -> Iterator[Cloud]:
    """A local AWS of its own that runs two services of two tasks and a database."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ESAWS_STATE", str(state))
        environment.setenv("ESAWS_PORT", "0")
        environment.setenv("ESAWS_RUNS", str(state / "runs"))
        environment.setattr(running_services, "_ENDPOINT_SECONDS", 120.0)
        process.start(run=True, intervals=0.02)
        try:
            cloud = Cloud.local()
            services = ("client-web-ui", "sites-management-api")
            plan_deploy(seccom("ha", services=services, images="ecr"), cloud).apply()
            assert wait_until_serving(cloud) == []
            until(lambda: request(cloud, SITES, {"name": "Depot", "owner": "Ana", "address": "Paris"})[0] == 201)
            process.call("POST", "keep")  # for the test that kills the server
            yield cloud
        finally:
            process.stop(discard=True)


@pytest.fixture
def running(started: Cloud) -> Cloud:
    """The same system, wherever the last test has left its server."""
    return Cloud.local()


def until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """Poll until a condition holds, and return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


def containers(cloud: Cloud) -> list[int]:
    """Return how many containers run in the account, as the state of the local AWS lists it: one number, or none."""
    accounts = process.status()["runs"]["accounts"]
    return [account["containers"] for account in accounts if account["region"] == cloud.region]


def request(cloud: Cloud, path: str, body: dict[str, Any] | None = None, timeout: float = 20) -> tuple[int, str, str]:
    """Return status, X-Served-By and text of a response through the load balancer; status 0 if there is none."""
    url = f"http://{simulation.endpoint(cloud, 'alb')}{path}"
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as response:
            return response.status, response.headers.get("X-Served-By", ""), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("X-Served-By", ""), error.read().decode()
    except OSError:
        return 0, "", ""


def processes(cloud: Cloud, service: str) -> list[psutil.Process]:
    """Return the processes of the tasks of a service."""
    ecs, cluster = cloud.client("ecs"), f"seccom-{service}-cluster"
    arns = ecs.list_tasks(cluster=cluster)["taskArns"]
    ids = {arn.rsplit("/", 1)[-1] for arn in arns}
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            if each.environ().get("ESAWS_TASK") in ids:
                found.append(each)
    return found


class Requests:
    """Requests at a steady rate in the background: `statuses` counts how they ended, `latest` has the last twenty."""

    def __init__(self, cloud: Cloud, path: str) -> None:
        self.statuses: Counter[int] = Counter()
        self.latest: deque[int] = deque(maxlen=20)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(cloud, path)) for _ in range(2)]

    def _ask(self, cloud: Cloud, path: str) -> None:
        while not self._ended.wait(0.05):
            status = request(cloud, path)[0]
            self.statuses[status] += 1
            self.latest.append(status)

    def __enter__(self) -> "Requests":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


def test_both_zones_answer(running: Cloud) -> None:
    until(lambda: {request(running, "/")[1].split()[-1] for _ in range(10)} == {"eu-west-3a", "eu-west-3b"})


def test_a_row_that_one_task_writes_is_read_by_the_other(running: Cloud) -> None:
    status, writer, _ = request(running, SITES, {"name": "Harbour", "owner": "Ana", "address": "Paris"})
    assert status == 201
    _, _, text = until(lambda: (answer := request(running, SITES))[1] not in ("", writer) and answer)
    assert "Harbour" in text


def test_a_snapshot_that_is_available_has_the_rows_of_its_time(running: Cloud) -> None:
    rds = running.client("rds")
    assert request(running, SITES, {"name": "Mill", "owner": "Ana", "address": "Paris"})[0] == 201
    rds.create_db_snapshot(DBInstanceIdentifier="seccom-database", DBSnapshotIdentifier="before")
    running.wait("rds", "db_snapshot_available", DBSnapshotIdentifier="before")
    password = DATABASE_PASSWORD.value(running)

    def names(store: str) -> set[str]:
        host, port = simulation.endpoint(running, store).split(":")
        where = {"host": host, "port": port, "user": "seccom", "password": password, "dbname": "sites"}
        with psycopg.connect(**where, connect_timeout=20) as connection:
            if store == "database":
                connection.execute("DELETE FROM sites WHERE name = 'Mill'")
            return {name for (name,) in connection.execute("SELECT name FROM sites")}

    assert "Mill" not in names("database")
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="restored", DBSnapshotIdentifier="before")
    running.wait("rds", "db_instance_available", DBInstanceIdentifier="restored")
    assert "Mill" in names("restored")
    rds.delete_db_instance(DBInstanceIdentifier="restored", SkipFinalSnapshot=True)
    rds.delete_db_snapshot(DBSnapshotIdentifier="before")
    until(lambda: not any(str(host["name"]).startswith("restored.") for host in supervision.hosts()))


def test_requests_are_sent_as_the_requests_package_does(running: Cloud) -> None:
    added = {"name": "Farm", "owner": "Ana", "address": "Paris"}
    assert simulation.send(running, "alb", SITES, method="POST", json=added).status_code == 201
    refused = simulation.send(running, "alb", SITES, method="POST", json=added)
    assert (refused.status_code, "already" in refused.json()["error"]) == (409, True)
    zones: set[str] = set()
    for answer in simulation.answers(running, "alb", SITES):
        zones |= set(answer.headers.get("X-Served-By", "").split()[2:])
        if len(zones) == 2:
            break
    assert zones == {"eu-west-3a", "eu-west-3b"}
    assert "Farm" in {site["name"] for site in answer.json()["sites"]}


def test_the_hosts_of_the_system_are_listed(running: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {key for host in supervision.hosts() for key in host} == {"name", "address", "port", "aws_port"}
    names = [str(host["name"]) for host in supervision.hosts()]
    assert any(".elb." in name for name in names)
    assert any(".rds." in name for name in names)
    until(lambda: containers(running) == [4])
    monkeypatch.setattr(running_services, "_ENDPOINT_SECONDS", 0.0)
    with pytest.raises(EsawsError, match=r"cameras-api does not run; what runs: .*seccom-alb-"):
        simulation.endpoint(running, "cameras-api")


def test_a_killed_task_costs_requests_only_until_its_target_has_left(running: Cloud) -> None:
    with Requests(running, SITES) as requests:
        until(lambda: requests.statuses[200] >= 5)
        victim = processes(running, "sites-management-api")[0]
        victim.send_signal(signal.SIGKILL)
        until(lambda: victim.pid not in {each.pid for each in processes(running, "sites-management-api")})
        requests.latest.clear()
        until(lambda: [*requests.latest] == [200] * 20)  # the target has left
        failed, asked = requests.statuses[502], requests.statuses.total()
        until(lambda: len(processes(running, "sites-management-api")) == 2)
        until(lambda: wait_until_serving(running) == [])
        until(lambda: requests.statuses.total() > asked + 20)
    assert set(requests.statuses) <= {200, 502}
    assert requests.statuses[502] == failed


def test_a_rolling_deployment_loses_no_request(running: Cloud) -> None:
    before = {each.pid for each in processes(running, "client-web-ui")}
    with Requests(running, "/") as requests:
        ecs = running.client("ecs")
        where = {"cluster": "seccom-client-web-ui-cluster", "service": "seccom-client-web-ui"}
        ecs.update_service(**where, forceNewDeployment=True)
        until(lambda: len(new := {each.pid for each in processes(running, "client-web-ui")}) == 2 and not new & before)
        until(lambda: wait_until_serving(running) == [])
    assert set(requests.statuses) == {200}


@pytest.mark.soak  # a minute until three tasks have failed
def test_a_deployment_that_fails_its_health_checks_rolls_back_and_loses_no_request(running: Cloud) -> None:
    ecs = running.client("ecs")
    cluster, name = "seccom-client-web-ui-cluster", "seccom-client-web-ui"
    (service,) = ecs.describe_services(cluster=cluster, services=[name])["services"]
    good = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    members = ("family", "executionRoleArn", "taskRoleArn", "networkMode", "requiresCompatibilities")
    (container,) = good["containerDefinitions"]
    bad = ecs.register_task_definition(
        **{member: good[member] for member in members if member in good},
        containerDefinitions=[{**container, "command": ["python", "-c", BROKEN]}],
    )["taskDefinition"]
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}

    def deployments() -> list[tuple[str, str]]:
        (service,) = ecs.describe_services(cluster=cluster, services=[name])["services"]
        return [(each["taskDefinition"], each["rolloutState"]) for each in service["deployments"]]

    with Requests(running, "/") as requests:
        ecs.update_service(
            cluster=cluster,
            service=name,
            taskDefinition=bad["taskDefinitionArn"],
            deploymentConfiguration={**service["deploymentConfiguration"], **breaker},
        )
        until(lambda: (bad["taskDefinitionArn"], "FAILED") in deployments())
        until(lambda: deployments() == [(good["taskDefinitionArn"], "COMPLETED")])
        until(lambda: wait_until_serving(running) == [])
    assert set(requests.statuses) == {200}


def test_a_closed_port_of_the_load_balancer_does_not_answer(running: Cloud) -> None:
    ec2 = running.client("ec2")
    named = [{"Name": "group-name", "Values": ["seccom-ALB-sg"]}]
    (group,) = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    rule = {"GroupId": group["GroupId"], "IpPermissions": group["IpPermissions"]}
    ec2.revoke_security_group_ingress(**rule)
    try:
        until(lambda: request(running, "/", timeout=3)[0] == 0)
    finally:
        ec2.authorize_security_group_ingress(**rule)
    until(lambda: request(running, "/", timeout=10)[0] == 200)


def test_rows_and_tasks_are_there_again_after_a_stop_and_a_start(running: Cloud) -> None:
    process.stop()
    assert supervision.running() is None
    process.start(run=True, intervals=0.02)
    again = Cloud.local()
    until(lambda: "Depot" in request(again, SITES)[2])
    assert wait_until_serving(again) == []


def test_the_end_of_the_server_ends_everything(running: Cloud, state: Path) -> None:
    server = read_server()
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not below(state))
    process.start(run=True, intervals=0.02)
    until(lambda: "Depot" in request(Cloud.local(), SITES)[2])


def below(state: Path) -> list[str]:
    """Return the programs that run below a state folder."""
    found = []
    for each in psutil.process_iter(["cwd", "cmdline", "status"]):
        if str(each.info["cwd"] or "").startswith(str(state)) and each.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(" ".join(each.info["cmdline"] or ()))
    return found
