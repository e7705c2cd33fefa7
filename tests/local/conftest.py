"""One local AWS and one unwrapped moto for the whole session; every test has accounts of its own."""

import io
import itertools
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import botocore.session
import pytest
from botocore.config import Config

from esaws.cli import main
from esaws.service_models import model_loader
from tests.conftest import SHARED
from tests.local.cases import TRUST
from tests.local.wire import WATCHED

REGION = "eu-west-3"
_accounts = itertools.count(200_000_000_000)


@dataclass
class Program:
    """`esaws local …` with a state folder of its own. Commands run in this process, except with popen."""

    state: Path
    environment: dict[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        return {**os.environ, "ESAWS_STATE": str(self.state), "ESAWS_PORT": "0", **self.environment}

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "esaws.cli", "local", *arguments],
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.env()),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as exit_,
        ):
            main(["local", *arguments])
        return subprocess.CompletedProcess(arguments, int(exit_.value.code or 0), out.getvalue(), err.getvalue())

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@dataclass(frozen=True)
class Account:
    """An account of a server, empty at first."""

    url: str
    id: str
    wrapped: bool = True
    region: str = REGION

    def client(self, service: str) -> Any:
        known = self.url, self.id
        if known not in _borrowed:
            idle = _idle[self.url, self.wrapped]
            _borrowed[known] = idle.pop() if idle else Clients(self.url, self.wrapped)
            _borrowed[known].credentials.access_key = self.id
        return _borrowed[known].client(service, self.region)

    def zones(self) -> list[str]:
        """The names of its region's Availability Zones, at least two."""
        described = self.client("ec2").describe_availability_zones()["AvailabilityZones"]
        return sorted(zone["ZoneName"] for zone in described)

    def host_role(self) -> dict[str, str]:
        """The instance profile with which instances may join an ECS cluster, as `IamInstanceProfile`."""
        iam = self.client("iam")
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName="host", AssumeRolePolicyDocument=TRUST)
            policy = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
            iam.attach_role_policy(RoleName="host", PolicyArn=policy)
            iam.create_instance_profile(InstanceProfileName="host")
            iam.add_role_to_instance_profile(InstanceProfileName="host", RoleName="host")
        return {"Name": "host"}

    def network(self) -> tuple[str, list[str], str]:
        """(VPC with a route to an internet gateway, two public subnets in two zones, a security group)."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="172.31.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
        table = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"][0]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        subnets = []
        for number, zone in enumerate(self.zones()[:2]):
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"172.31.{16 * number}.0/20", AvailabilityZone=zone)
            subnets.append(subnet["Subnet"]["SubnetId"])
            ec2.modify_subnet_attribute(SubnetId=subnets[-1], MapPublicIpOnLaunch={"Value": True})
        group = ec2.create_security_group(GroupName="hosts-sg", Description="hosts", VpcId=vpc)["GroupId"]
        return vpc, subnets, group


class Clients:
    """The clients of one account at a time: to make them takes longer than most tests, so the next account has them."""

    def __init__(self, url: str, wrapped: bool) -> None:
        session = botocore.session.Session()
        session.register_component("data_loader", model_loader(None))
        session.set_credentials("", "local")
        self.credentials = session.get_credentials()
        self.url, self.wrapped = url, wrapped
        self._session = session
        self._made: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str) -> Any:
        if (service, region) not in self._made:
            client = self._session.create_client(
                service,
                endpoint_url=self.url,
                region_name=region,
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
            if not self.wrapped:
                # stock moto has no accounts by access key
                client.meta.events.register("before-sign", self._name_the_account)
            else:
                WATCHED.watch(client, service)
            self._made[service, region] = client
        return self._made[service, region]

    def _name_the_account(self, request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = self.credentials.access_key


_borrowed: dict[tuple[str, str], Clients] = {}
_idle: dict[tuple[str, bool], list[Clients]] = defaultdict(list)


@pytest.fixture(autouse=True)
def clients_are_given_back() -> Iterator[None]:
    """Those of accounts that were new in the test: of others, something may keep a client."""
    first = next(_accounts)
    yield
    for url, account in [(url, account) for url, account in _borrowed if account.isdigit() and int(account) > first]:
        clients = _borrowed.pop((url, account))
        _idle[url, clients.wrapped].append(clients)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path / "state")
    yield program
    program.run("stop", "--discard")


def stop_intact(program: Program) -> None:
    """Stop a server that has isolated no failure of its own."""
    failed = program.json("status")["not_simulated"]
    program.run("stop", "--discard")
    assert failed == []


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of the local AWS."""
    program = Program(tmp_path_factory.mktemp("local"))
    url = program.json("start")["url"]
    SHARED.append(f"{url}/_esaws/reset")
    yield url
    stop_intact(program)


@pytest.fixture(scope="session")
def billing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a local AWS whose clock goes back to the beginning of 2026 with each reset."""
    program = Program(tmp_path_factory.mktemp("billing"))
    yield program.json("start", "--at", "2026-01-01T00:00Z")["url"]
    stop_intact(program)


@pytest.fixture(scope="session")
def stock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of moto's own server, without the managed policies, as it comes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path_factory.mktemp("stock") / "log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "-p", str(port)]
        # All of AWS's images in each new account take longer than most cases, and none asks for one.
        without = {**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=without)
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)  # it opens its port late, and says so nowhere
        yield url
        process.kill()
        process.wait()


@pytest.fixture
def account(server: str) -> Account:
    return Account(server, str(next(_accounts)))


@pytest.fixture
def stock(stock_server: str) -> Account:
    return Account(stock_server, str(next(_accounts)), wrapped=False)


@pytest.fixture
def new_account(server: str) -> Callable[[], Account]:
    return lambda: Account(server, str(next(_accounts)))


@pytest.fixture
def billing_account(billing_server: str) -> Account:
    """A new account of the billing server."""
    return Account(billing_server, str(next(_accounts)))
