"""Web pages can neither read nor change the local AWS: which requests it answers, and which it refuses."""

import json
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from esaws.errors import EsawsError
from esaws.local_aws import control
from esaws.local_aws.control_token import read_token
from tests.local.conftest import Account, Program, stop_intact

KEY = "Credential=210000000000/20260101/eu-west-3/{}/aws4_request"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = {"Content-Type": "text/plain"}
SIGNED = {"Authorization": f"AWS4-HMAC-SHA256 {KEY.format('ec2')}, Signature=x"}

HOSTS = {
    None: True,
    "127.0.0.1:{port}": True,
    "127.0.0.1": True,
    "127.8.9.1:{port}": True,
    "LocalHost:{port}": True,
    "localhost.:{port}": True,
    "[::1]:{port}": True,
    "bucket.localhost:{port}": True,
    "my.bucket.s3.localhost:{port}": True,
    "host.docker.internal:{port}": True,
    "ec2.eu-west-3.amazonaws.com": True,
    "bucket.s3.eu-west-3.amazonaws.com": True,
    "evil.example": False,
    "evil.example:{port}": False,
    "127.0.0.1.evil.example:{port}": False,
    "localhost.evil.example:{port}": False,
    "evillocalhost:{port}": False,
    "amazonaws.com.evil.example": False,
    "evilamazonaws.com": False,
    "0.0.0.0:{port}": False,
    "192.168.1.7:{port}": False,
    "169.254.169.254": False,
    "[::]:{port}": False,
    "2130706433:{port}": False,
    "localhost:{port},evil.example": False,
    "localhost:{port}@evil.example": False,
    "evil.example#.localhost": False,
    "": False,
}
"""Host → whether the request is for this machine."""

ORIGINS = (None, "http://evil.example", "https://evil.example:8443", "null", "http://localhost:8888", "own")
"""None is no web page, and "own" one that the local AWS itself serves, such as an object of S3."""


@dataclass(frozen=True)
class Try:
    """A request as a page can send it without a preflight, or as a program sends it."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


TRIES = (
    Try("GET", "/"),
    Try("GET", "/_esaws/clock"),
    Try("POST", "/_esaws/reset", TEXT, "{}"),
    Try("POST", "/_esaws/advance", FORM, '{"by": "1h"}'),
    Try("POST", "/", FORM | SIGNED, "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16"),
    Try("POST", "/", TEXT | SIGNED, "Action=DescribeVpcs&Version=2016-11-15"),
    Try("GET", f"/?Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16&X-Amz-{KEY.format('ec2')}"),
    Try("PUT", "/page-bucket"),
    Try("OPTIONS", "/_esaws/reset", {"Access-Control-Request-Method": "POST"}),
    Try("OPTIONS", "/page-bucket", {"Access-Control-Request-Method": "DELETE"}),
    Try("POST", "/moto-api/reset", TEXT),
    Try("GET", "/moto-api/data.json"),
    Try("GET", "/chat", {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}),
)

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}
FETCHED: tuple[tuple[dict[str, str], bool], ...] = (
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, False),
    ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, False),
    ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, False),
    ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, True),
    ({"Sec-Fetch-Mode": "cors", "User-Agent": "node"}, True),  # fetch of Node.js
    ({}, False),  # a browser that does not send them
)


@dataclass(frozen=True)
class Door:
    """A server of its own, and a connection to it."""

    url: str
    program: Program
    connection: HTTPConnection

    @property
    def port(self) -> int:
        return self.connection.port

    def send(self, tried: Try, **headers: str | None) -> tuple[int, dict[str, str], bytes]:
        """Send a request with these headers, and return status, headers and body."""
        self.connection.putrequest(tried.method, tried.path, skip_host=True, skip_accept_encoding=True)
        given = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        for name, value in {**tried.headers, **given, "Content-Length": str(len(tried.body))}.items():
            self.connection.putheader(name, value.format(port=self.port))
        self.connection.endheaders(tried.body.encode())
        response = self.connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()

    def account(self) -> Account:
        return Account(self.url, "210000000000")

    def contents(self) -> Any:
        """What a page could have read or changed."""
        account = self.account()
        vpcs = {vpc["VpcId"] for vpc in account.client("ec2").describe_vpcs()["Vpcs"]}
        return vpcs, [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]]


@contextmanager
def door_of(program: Program) -> Iterator[Door]:
    url = program.json("start")["url"]
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=60)) as connection:
        yield Door(url, program, connection)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    program = Program(tmp_path_factory.mktemp("door"), {"ESAWS_STILL": "1"})
    with door_of(program) as door:
        yield door
    stop_intact(program)


def is_refusal(status: int, body: bytes) -> bool:
    return status == 403 and b"Refused: " in body


def test_what_is_for_another_host_or_from_a_web_page_is_refused_and_changes_nothing(door: Door) -> None:
    door.account().client("s3").create_bucket(
        Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
    )
    before, clock = door.contents(), door.program.json("status")["time"]
    wrong = []
    for host, host_is_ours in HOSTS.items():
        for origin in ORIGINS[1:] if host_is_ours else ORIGINS[:2]:
            sent = f"http://127.0.0.1:{door.port}" if origin == "own" else origin
            for tried in TRIES:
                status, headers, body = door.send(tried, Host=host, Origin=sent)
                allowed = [name for name in headers if name.lower().startswith("access-control")]
                if not is_refusal(status, body) or allowed:
                    wrong.append((host, origin, tried, status, allowed))
    assert wrong == []
    assert (door.contents(), door.program.json("status")["time"]) == (before, clock)


@pytest.mark.parametrize("host", [host for host, is_ours in HOSTS.items() if is_ours])
def test_programs_reach_it_under_each_name_of_this_machine_and_of_aws(door: Door, host: str | None) -> None:
    body = "Action=DescribeVpcs&Version=2016-11-15"
    status, headers, answered = door.send(Try("POST", "/", FORM | SIGNED, body), Host=host)
    assert (status, b"DescribeVpcsResponse" in answered) == (200, True)
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(("headers", "is_answered"), FETCHED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_browser_can_only_open_an_address_that_its_user_has_typed(
    door: Door, method: str, headers: dict[str, str], is_answered: bool
) -> None:
    tried = Try(method, "/", (TEXT if method == "POST" else {}) | BROWSER | headers)
    status, answered, body = door.send(tried, Host="127.0.0.1:{port}")
    is_program = headers.get("User-Agent") == "node"
    if not is_answered or (method == "POST" and not is_program):
        assert status == 403 and (method == "HEAD" or is_refusal(status, body))
        return
    assert status != 403
    assert is_program or answered["Content-Security-Policy"] == "sandbox"


def test_a_link_that_changes_something_is_refused_even_if_a_user_opens_it(door: Door) -> None:
    (change,) = [tried for tried in TRIES if tried.path.startswith("/?Action=CreateVpc")]
    status, _, body = door.send(change, Host="127.0.0.1:{port}", Sec_Fetch_Site="none")
    assert is_refusal(status, body)


@pytest.mark.parametrize("path", ["/moto-api/", "/moto-api/data.json", "/moto-api/reset", "/favicon.ico"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_control_routes_of_moto_do_not_exist(door: Door, method: str, path: str) -> None:
    before = door.contents()
    assert door.send(Try(method, path), Host="127.0.0.1:{port}")[0] == 404
    assert door.contents() == before


def test_a_refusal_is_written_in_the_protocol_of_the_call(door: Door) -> None:
    status, _, body = door.send(Try("GET", "/_esaws/clock"), Host="evil.example")
    assert status == 403
    assert json.loads(body)["error"] == (
        f"Refused: the request is for the host evil.example, which is not this machine. Use {door.url} instead."
    )
    _, _, body = door.send(Try("POST", "/", FORM, "Action=ListUsers"), Host="<evil>&", Origin="http://evil.example")
    assert "host <evil>&, which" in str(ElementTree.fromstring(body).findtext("Error/Message"))


@pytest.mark.parametrize(
    ("service", "operation"),
    [("ec2", "describe_vpcs"), ("sts", "get_caller_identity"), ("s3", "list_buckets"), ("ecs", "list_clusters")],
)
def test_a_client_says_why_it_was_refused(door: Door, service: str, operation: str) -> None:
    client = boto3.client(
        service,
        endpoint_url=door.url,
        region_name="eu-west-3",
        aws_access_key_id="210000000000",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-send", lambda request, **_: request.headers.update(Origin="null"))
    with pytest.raises(ClientError, match=r"Forbidden.*Refused: a web page of the origin null"):
        getattr(client, operation)()


def test_the_log_has_each_reason_once_and_no_control_characters(program: Program) -> None:
    with door_of(program) as door:
        for _ in range(3):
            door.send(TRIES[0], Host="evil\x1b[2J.example")
            door.send(TRIES[0], Host="127.0.0.1", Origin="http://evil.example")
    lines = (program.state / "server.log").read_text().splitlines()
    assert [line.split(" which ")[0] for line in lines] == [
        r"Refused: the request is for the host evil\x1b[2J.example,",
        "Refused: a web page of the origin http://evil.example sent the request, and web pages can neither read nor "
        "change the local AWS. Call it from a program, such as the AWS CLI or esaws.",
    ]


# --- the token of control requests


@pytest.mark.parametrize("given", [None, "", "guess", "{port}-guess", "é"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/_esaws/status"), ("POST", "/_esaws/reset"), ("GET", "/_esaws/save"), ("GET", "/_esaws/nothing")],
)
def test_a_control_request_without_the_token_is_refused_and_says_where_it_is(
    door: Door, method: str, path: str, given: str | None
) -> None:
    before = door.contents()
    status, _, body = door.send(Try(method, path), Host="127.0.0.1", X_Esaws_Token=given)
    file = door.program.state / "state.esaws.token"
    assert (status, json.loads(body)) == (
        401,
        {
            "error": f"{path} needs the token of this local AWS in the header X-Esaws-Token. It is in the file {file}.",
            "token_file": str(file),
        },
    )
    assert door.contents() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_token_in_the_file_opens_the_control_routes(door: Door) -> None:
    token = (door.program.state / "state.esaws.token").read_text().strip()
    status, _, body = door.send(Try("GET", "/_esaws/status"), Host="127.0.0.1", X_Esaws_Token=token)
    assert (status, control.headers(door.url)) == (200, {"X-Esaws-Token": token})
    assert "123456789012" in json.loads(body)["accounts"]


def test_each_start_has_another_token_which_ends_with_the_server(program: Program) -> None:
    file, found = program.state / "state.esaws.token", set()
    for arguments in ((), ("--discard",)):
        url = program.json("start")["url"]
        found.add(file.read_text())
        control.call(url, "POST", "reset")
        program.run("stop", *arguments)
        assert not file.exists()
    assert len(found) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("id_ed25519", "7-secret"),
        ("other.token", "8-token of the server at another port"),
        ("long.token", "7-" + "x" * 1000),
        ("absent.token", None),
    ],
)
def test_a_file_that_holds_no_token_of_that_server_is_not_sent(tmp_path: Path, name: str, content: str | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    assert read_token(str(path), 7) is None


def test_a_file_that_holds_the_token_is_sent_but_not_through_a_link(tmp_path: Path) -> None:
    path = tmp_path / "right.token"
    path.write_text("7-token\n")
    assert read_token(str(path), 7) == "7-token"
    link = tmp_path / "link.token"
    link.symlink_to(path)
    assert read_token(str(link), 7) is None


def test_a_variable_holds_the_token_where_its_file_cannot_be_read(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_tokens", {})
    monkeypatch.setattr(control, "read_token", lambda file, port: None)
    with pytest.raises(EsawsError, match=r"needs the token of this local AWS.*state\.esaws\.token"):
        control.call(door.url, "GET", "clock")
    token = (door.program.state / "state.esaws.token").read_text().strip()
    monkeypatch.setenv("ESAWS_CONTROL_TOKEN", token)
    assert "time" in control.call(door.url, "GET", "clock")
