"""No test leaves this machine, and no real credential is ever sent, wherever it is planted."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from esaws.cloud import Cloud
from esaws.local_aws import control
from esaws.local_aws.control_token import HEADER
from tests.loopback_only import network_guard

OFF = "192.0.2.1"
"""An address that no machine has: https://datatracker.ietf.org/doc/html/rfc5737"""

ABROAD = f"""
import socket
try:
    socket.socket().connect(("{OFF}", 80))
except Exception as error:
    print(type(error).__name__)
"""


def test_this_process_and_those_that_it_starts_cannot_leave_this_machine() -> None:
    with pytest.raises(RuntimeError, match="tests may only use this machine"):
        socket.socket().connect((OFF, 80))
    with pytest.raises(RuntimeError, match="tests may only use this machine"):
        socket.getaddrinfo("ec2.eu-west-3.amazonaws.com", 443)
    done = subprocess.run([sys.executable, "-c", ABROAD], capture_output=True, text=True, check=True)
    assert done.stdout == "NetworkRefused\n"
    attempts = network_guard.take_attempts()
    assert [attempt.partition(",")[0] for attempt in attempts] == [
        f"socket.connect {OFF}",
        "socket.getaddrinfo ec2.eu-west-3.amazonaws.com",
        f"socket.connect {OFF}",
    ]


# -- credentials -----------------------------------------------------------------------------------------------------

KEY, SECRET, TOKEN = "AKIA4REALLOOKING{:02}", "9Zreal/Looking+Secret{:02}", "IQoJreallookingtoken{:02}"
_PLACES = ("env", "default", "prod", "home", "container", "instance", "process", "web-identity", "bearer")
PLANTED = {
    place: (KEY.format(number), SECRET.format(number), TOKEN.format(number)) for number, place in enumerate(_PLACES)
}

COMMANDS = [
    ["deploy", "--profile", "budget", "--services", "client-web-ui", "--yes"],
    ["findings"],
    ["lease", "--until", "8h", "--yes"],
    ["run", "status"],
    ["teardown", "--yes"],
]
MORE_COMMANDS = [
    ["plan", "--profile", "ha"],
    ["inventory", "--all-owned"],
    ["health"],
    ["doctor", "--profile", "budget"],
    ["image", "list"],
    ["park", "--yes"],
]
if os.environ.get("SOAK") == "1":
    COMMANDS[3:3] = MORE_COMMANDS

RUN = """
import json, sys
from esaws.cli import main
codes = {}
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as end:
        codes[words[0]] = end.code or 0
print("codes", json.dumps(codes))
"""


@dataclass
class Recorder:
    """A server on this machine that records all that arrives; it forwards to another one, or answers with 404."""

    forward_to: str = ""
    received: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def recorders(cloud: Cloud) -> Iterator[tuple[Recorder, Recorder]]:
    """The target, which forwards to the local AWS, and a trap to which nothing may come."""
    target, trap = Recorder(str(cloud.endpoint)), Recorder()
    servers = [serve(target), serve(trap)]
    yield target, trap
    for server in servers:
        server.shutdown()
        server.server_close()


def serve(recorder: Recorder) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: Any) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            recorder.received.append(f"{self.requestline}\n{self.headers}\n{body.decode(errors='replace')}")
            status, headers, content = 404, {}, b""
            if recorder.forward_to:
                status, headers, content = forward(recorder.forward_to, self, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_CONNECT = answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    recorder.url = f"http://127.0.0.1:{server.server_port}"
    return server


def forward(url: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
    kept = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
    sent = urllib.request.Request(url + request.path, body or None, kept, method=request.command)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        answer = opener.open(sent, timeout=60)
    except HTTPError as error:
        answer = error
    with answer:
        dropped = ("content-length", "connection", "transfer-encoding")
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in dropped}
        return answer.status, headers, answer.read()


def plant(folder: Path, trap: str) -> dict[str, str]:
    """Plant real-looking credentials wherever SDKs look for them, and return the environment."""
    ran = folder / "credential-process-ran"
    answer = {"Version": 1, "AccessKeyId": PLANTED["process"][0], "SecretAccessKey": PLANTED["process"][1]}
    process = folder / "credential-process.py"
    process.write_text(f"import pathlib\npathlib.Path({str(ran)!r}).touch()\nprint('{json.dumps(answer)}')\n")
    sections = [f"[{name}]\n{keys(name)}" for name in ("default", "prod")]
    (folder / "credentials").write_text("\n".join(sections))
    (folder / "config").write_text(
        f"[default]\nregion = eu-west-3\nendpoint_url = {trap}\nservices = mine\n"
        f"[profile prod]\nendpoint_url = {trap}\ncredential_process = {sys.executable} {process}\n"
        f"[services mine]\nec2 =\n  endpoint_url = {trap}\nsts =\n  endpoint_url = {trap}\n"
    )
    home = folder / "home" / ".aws"
    home.mkdir(parents=True)
    (home / "credentials").write_text(f"[default]\n{keys('home')}")
    (home / "config").write_text(f"[default]\nendpoint_url = {trap}\n")
    token = folder / "web-identity-token"
    token.write_text(PLANTED["web-identity"][2])
    key, secret, session = PLANTED["env"]
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    services = ("", "_EC2", "_ECS", "_STS", "_IAM", "_S3", "_ELASTIC_LOAD_BALANCING_V2")
    return {
        "HOME": str(folder / "home"),
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": session,
        "AWS_PROFILE": "prod",
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{trap}/container",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": PLANTED["container"][2],
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": trap,
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/production",
        "AWS_BEARER_TOKEN_BEDROCK": PLANTED["bearer"][2],
        **{f"AWS_ENDPOINT_URL{service}": trap for service in services},
        **{name: trap for proxy in proxies for name in (proxy, proxy.lower())},
    }


def keys(place: str) -> str:
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return "".join(f"{name} = {value}\n" for name, value in zip(names, PLANTED[place], strict=True))


@pytest.mark.slow
def test_no_planted_credential_is_ever_sent(cloud: Cloud, recorders: tuple[Recorder, Recorder], tmp_path: Path) -> None:
    target, trap = recorders
    own = {"ESAWS_TARGET": target.url, "ESAWS_ACCOUNT": cloud.account, "ESAWS_RUNS": str(tmp_path / "runs")}
    own["ESAWS_CONTROL_TOKEN"] = control.headers(target.forward_to)[HEADER]  # its file is that of another port
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(COMMANDS)],
        env={**os.environ, **plant(tmp_path, trap.url), **own},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    codes = json.loads(done.stdout.rpartition("codes ")[2])
    found = {name: code for name, code in codes.items() if name in ("findings", "health")}
    assert codes == {words[0]: 0 for words in COMMANDS} | found, done.stderr[-3000:]

    assert trap.received == [], "what the environment configures is neither asked for credentials nor used"
    assert not (tmp_path / "credential-process-ran").exists()
    assert len(target.received) > 200
    planted = [value for values in PLANTED.values() for value in values]
    everything = "\n".join([*target.received, done.stdout, done.stderr])
    assert [value for value in planted if value in everything] == []
    signers = set(re.findall(r"Credential=([^/]+)/", everything))
    assert signers == {cloud.account}, "all calls are signed with the made-up key of the local AWS"
    assert "X-Amz-Security-Token" not in everything
