"""One local AWS and one unwrapped moto for the whole session; every test has accounts of its own."""

import itertools
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.conftest import SHARED

REGION = "eu-west-3"
_accounts = itertools.count(200_000_000_000)


@dataclass
class Program:
    """`python -m esaws.local` with a state directory of its own."""

    state: Path
    environment: dict[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        return {**os.environ, "ESAWS_STATE": str(self.state), "ESAWS_PORT": "0", **self.environment}

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "esaws.local", *arguments],
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "esaws.local", *arguments]
        return subprocess.run(command, env=self.env(), capture_output=True, text=True, timeout=90, check=False)

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
        return _client(self, service)

    def made_client(self, service: str) -> Any:
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.id,
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        if not self.wrapped:
            # stock moto has no accounts by access key
            client.meta.events.register("before-sign", self._name_the_account)
        return client

    def _name_the_account(self, request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = self.id

    def zones(self) -> list[str]:
        """The names of its region's Availability Zones, at least two."""
        described = self.client("ec2").describe_availability_zones()["AvailabilityZones"]
        return sorted(zone["ZoneName"] for zone in described)

    def network(self) -> tuple[str, list[str], str]:
        """(VPC with an internet gateway, two public subnets in two zones, a security group)."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="172.31.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        subnets = []
        for number, zone in enumerate(self.zones()[:2]):
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"172.31.{16 * number}.0/20", AvailabilityZone=zone)
            subnets.append(subnet["Subnet"]["SubnetId"])
            ec2.modify_subnet_attribute(SubnetId=subnets[-1], MapPublicIpOnLaunch={"Value": True})
        group = ec2.create_security_group(GroupName="hosts-sg", Description="hosts", VpcId=vpc)["GroupId"]
        return vpc, subnets, group


@lru_cache(maxsize=64)
def _client(account: Account, service: str) -> Any:
    return account.made_client(service)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path / "state")
    yield program
    program.run("stop", "--discard")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of the local AWS."""
    program = Program(tmp_path_factory.mktemp("local"))
    url = program.json("start")["url"]
    SHARED.append(f"{url}/_esaws/reset")
    yield url
    program.run("stop", "--discard")


@pytest.fixture(scope="session")
def stock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of moto's own server, without the managed policies, as it comes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path_factory.mktemp("stock") / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log)
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
