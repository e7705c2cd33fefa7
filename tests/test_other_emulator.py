"""An endpoint that is neither AWS nor the local AWS: what it lacks is named as its own gap, and the rest is done."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from esaws import cloud as cloud_module
from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy import apply
from esaws.deploy.apply import Apply
from esaws.deploy.change import Change
from esaws.deploy.graph import deploy_graph
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy
from esaws.errors import ApplyFailed, UsageError
from esaws.local_aws import control
from esaws.resources import LogGroup
from tests.shell import Shell
from tests.small_network import GROUP, RULE, SUBNET, VPC_

VERSION = "http://ec2.amazonaws.com/doc/2016-11-15/"


class Emulator(BaseHTTPRequestHandler):
    """Answers STS, and takes every other call for one that it lacks, each in a way in which an emulator says that."""

    def log_message(self, *words: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/?"):
            self.answer(200, b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>")
        else:
            self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        operation = parse_qs(text).get("Action", [""])[0]
        if operation == "GetCallerIdentity":
            identity = "<Account>123456789012</Account><Arn>arn:aws:iam::123456789012:root</Arn>"
            self.answer(200, f"<R><GetCallerIdentityResult>{identity}</GetCallerIdentityResult></R>".encode())
        elif operation:
            error = "<Error><Code>InvalidAction</Code><Message>Unknown action</Message></Error>"
            self.answer(400, f"<Response><Errors>{error}</Errors></Response>".encode())
        elif "Logs" in self.headers["X-Amz-Target"]:
            self.answer(501, b'{"__type": "InternalFailure", "message": "not yet implemented"}')
        else:
            self.answer(400, b'{"error": "Unsupported service"}')

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def url() -> Iterator[str]:
    """The URL of an emulator that has nothing but STS."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Emulator) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def other(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The local AWS, taken for another emulator that has no patience."""
    monkeypatch.setattr(control, "is_local_aws", lambda url: False)
    monkeypatch.setattr(cloud_module, "EMULATOR_PATIENCE", 0.0)
    return cloud


def make(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, **how: Callable[[Cloud], object]) -> list[str]:
    """Deploy a network whose resources are made as `how` says by kind, and return what was made."""
    made: list[str] = []

    def create(cloud: Cloud, change: Change) -> None:
        if act := how.get(change.kind):
            act(cloud)
        made.append(change.kind)

    monkeypatch.setitem(apply._OPERATIONS, "create", create)
    changes = [Change("create", each.kind, each.name, each) for each in (VPC_, SUBNET, GROUP, RULE)]
    Apply("deploy", cloud, deploy_graph(changes)).run()
    return made


def test_the_local_aws_is_no_other_emulator(cloud: Cloud, url: str) -> None:
    assert not cloud.is_other_emulator
    assert Cloud.at(url).is_other_emulator
    assert not Cloud.aws("123456789012").is_other_emulator
    assert not Cloud.at("http://127.0.0.1:1").is_other_emulator, "nothing answers there"


def test_of_a_kind_without_calls_nothing_can_exist(url: str) -> None:
    cloud = Cloud.at(url)
    index = inventory(cloud)
    assert len(index) == 0
    assert cloud.gaps["VPC"] == "it does not have DescribeVpcs"
    assert cloud.gaps["LogGroup"] == "it does not have DescribeLogGroups"
    assert cloud.gaps["Cluster"] == "it does not have ListClusters"
    assert index.unlisted.keys() == {"Broker"}, "an answer that is not about the call leaves it unknown"
    unknown = {("mq:broker", "unknown"), ("s3:bucket", "unknown")}
    assert {(left.kind, left.state) for left in leftovers(cloud)} == unknown


def test_what_another_emulator_lacks_keeps_nothing_else_from_being_made(
    other: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(cloud: Cloud) -> None:
        cloud.wait_until("it rains", lambda: False)

    def refused(cloud: Cloud) -> None:
        cloud.client("ec2").create_vpc(CidrBlock="no block")

    def without_a_member(cloud: Cloud) -> None:
        raise KeyError("GroupId")

    made = make(other, monkeypatch, VPC=never, Subnet=refused, SecurityGroup=without_a_member)
    assert made == ["SecurityGroupRule"], "it depends on the group, which the emulator may have made"
    assert other.gaps["VPC vpc"] == "waited 0 s until it rains"
    assert other.gaps["Subnet public-3a"].startswith("it refuses the request: InvalidParameterValue: ")
    assert other.gaps["SecurityGroup web-sg"] == "its answer has no 'GroupId'"


def test_a_failure_that_is_no_gap_stays_one_and_the_rest_is_made(other: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(cloud: Cloud) -> None:
        cloud.client("ec2").delete_vpc(VpcId="vpc-00000000")

    with pytest.raises(ApplyFailed, match=r"(?s)2 of 4 changes are not done.*InvalidVpcID.NotFound"):
        make(other, monkeypatch, SecurityGroup=denied)


def test_on_the_local_aws_the_same_are_failures(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(cloud: Cloud) -> None:
        cloud.client("ec2").create_vpc(CidrBlock="no block")

    with pytest.raises(ApplyFailed, match="4 of 4 changes are not done"):
        make(cloud, monkeypatch, VPC=refused)
    assert not cloud.gaps


def test_another_emulator_keeps_real_time_and_has_no_controls(url: str) -> None:
    cloud = Cloud.at(url)
    assert simulation.cloud_time(cloud).tzinfo
    with pytest.raises(UsageError, match="it is another emulator"):
        simulation.advance(cloud, "1h")


def test_the_account_of_another_emulator_is_not_held_against_the_plan(other: Cloud) -> None:
    checks = plan_deploy([LogGroup.example()], other).preflight()
    assert [(check.check, check.ok) for check in checks] == [("emulator", None)]


def test_the_command_line_names_the_gaps(url: str, tmp_path: Path) -> None:
    shell = Shell(Cloud.at(url), tmp_path)
    told = shell("leftovers", code=1)
    assert f"{shell.environment['ESAWS_TARGET']} is an emulator with gaps of its own" in told
    assert "it does not have DescribeVpcs" in told
    assert "resources of seccom are left in eu-west-3, or it is unknown whether they are gone" in told
