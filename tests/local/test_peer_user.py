"""The local AWS of one user is closed to the others: who opened a connection, and two users on one machine."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local_aws_server.peer_user import CLOSED, EVERY_USER, is_another_user, peer_user

LINUX = sys.platform == "linux"
ADA, BOB = 61001, 61002
SETPRIV = shutil.which("setpriv")
READS_PYTHON = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
"""Python itself may be in a folder of root's."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.mark.skipif(not LINUX, reason="other systems do not say who opened a connection")
def test_the_user_of_a_connection_is_found_until_it_is_closed(listener: socket.socket) -> None:
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    with server:
        assert peer_user(server) == os.getuid()
        client.shutdown(socket.SHUT_WR)
        assert peer_user(server) == os.getuid()
        client.close()
        assert peer_user(server) == CLOSED and is_another_user(server)
    assert peer_user(server) is None, "a connection without an other end"


def test_a_system_that_does_not_tell_leaves_the_user_unknown(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    with socket.create_connection(listener.getsockname()), listener.accept()[0] as server:
        assert peer_user(server) is None and not is_another_user(server)


def as_user(user: int, *words: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program as another user with a home of its own, which is in `folder`."""
    assert SETPRIV
    home = folder / str(user)
    paths = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment = {**paths, "HOME": str(home), "ESAWS_PORT": "0", "ESAWS_STILL": "1", **variables}
    identity = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    capabilities = READS_PYTHON if words[0] == sys.executable else []
    return subprocess.run(
        [SETPRIV, *identity, *capabilities, *words],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


BUCKETS = """
import http.client, re, sys, urllib.parse
place = urllib.parse.urlsplit(sys.argv[1]).netloc
signed = "AWS4-HMAC-SHA256 Credential=123456789012/20220101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"
def call(method, path):
    connection = http.client.HTTPConnection(place)
    connection.request(method, path, headers={"Authorization": signed})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
if len(sys.argv) > 2:
    call("PUT", "/" + sys.argv[2])
status, text = call("GET", "/")
print(re.findall("<Name>(.*?)</Name>", text) if status == 200 else status)
"""


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.skipif(not (LINUX and SETPRIV and os.getuid() == 0), reason="it needs root, to be two users")
def test_two_users_of_one_machine_share_nothing_and_read_nothing_of_each_other() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="esaws-users-", dir="/tmp")))
        folder.chmod(0o755)
        urls = {}
        for user in (ADA, BOB):
            (folder / str(user)).mkdir()
            os.chown(folder / str(user), user, user)
            started = as_user(user, sys.executable, "-m", "esaws.cli", "local", "start", "--json", folder=folder)
            assert started.returncode == 0, started.stderr
            stop = [sys.executable, "-m", "esaws.cli", "local", "stop", "--discard"]
            stack.callback(as_user, user, *stop, folder=folder)
            urls[user] = json.loads(started.stdout)["url"]
        assert urls[ADA] != urls[BOB]
        for user in (ADA, BOB):
            made = as_user(user, sys.executable, "-c", BUCKETS, urls[user], f"of-{user}", folder=folder)
            assert made.stdout == f"['of-{user}']\n", made.stderr
        for user, other in ((ADA, BOB), (BOB, ADA)):
            assert as_user(user, sys.executable, "-c", BUCKETS, urls[other], folder=folder).stdout == "403\n"
            assert as_user(user, sys.executable, "-c", BUCKETS, urls[other], "mine", folder=folder).stdout == "403\n"
            state = folder / str(other) / ".local/state/esaws"
            assert state.stat().st_mode & 0o777 == 0o700 and (state / "state.esaws.token").stat().st_uid == other
            for file in (state, state / "state.esaws.token", state / "server.log"):
                assert as_user(user, "cat", str(file), folder=folder).returncode != 0
            assert as_user(user, "ls", str(state), folder=folder).returncode != 0
            own = as_user(user, sys.executable, "-c", BUCKETS, urls[user], folder=folder)
            assert own.stdout == f"['of-{user}']\n", "the other user changed nothing"


def test_a_variable_opens_it_to_every_user(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.close()
    monkeypatch.setenv(EVERY_USER, "1")
    assert not is_another_user(server)
    server.close()
