"""A local AWS that is killed: what it answered is there again, but for the stated seconds before the crash."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.local.conftest import Account

pytestmark = pytest.mark.slow

ROUNDS = 20 if os.environ.get("SOAK") else 2
SAVE_EVERY = 0.3
ACCOUNT = "123456789012"


@contextmanager
def killed_server(state: Path) -> Iterator[Account]:
    """Start a server with a state file, and kill it at the end."""
    command = [sys.executable, "-m", "local_aws_server", "--port", "0", "--state", str(state)]
    with subprocess.Popen([*command, "--save-every", str(SAVE_EVERY)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            listens = re.search(r"http://\S+\d", server.stdout.readline())
            assert listens
            yield Account(listens[0], ACCOUNT)
        finally:
            server.kill()


def numbers(account: Account) -> list[int]:
    """The numbers of the parameters that exist, in order."""
    pages = account.client("ssm").get_paginator("describe_parameters").paginate()
    return sorted(int(raw["Name"].removeprefix("/n/")) for page in pages for raw in page["Parameters"])


def test_a_server_that_is_killed_at_every_tenth_call_loses_no_more_than_the_stated_seconds(tmp_path: Path) -> None:
    state, there = tmp_path / "state.esaws", list[int]()
    for _ in range(ROUNDS):
        with killed_server(state) as account:
            assert numbers(account) == there
            ssm, first = account.client("ssm"), (there[-1] if there else 0) + 1
            for number in range(first, first + 10):
                ssm.put_parameter(Name=f"/n/{number}", Value="x", Type="String")
                if number == first + 5:
                    saved = state.stat().st_mtime_ns if state.exists() else 0
                    time.sleep(SAVE_EVERY)
                    saved = wait_for_a_save(state, saved)
                    numbers(account)  # that save may have begun before the last change; this call leads to another one
                    wait_for_a_save(state, saved)
        with killed_server(state) as account:
            found = numbers(account)
        assert set(range(1, first + 6)) <= set(found), "what was answered before the stated seconds"
        assert found == list(range(1, len(found) + 1)), "what came later is there with all before it, or not at all"
        there = found


def wait_for_a_save(state: Path, saved: int) -> int:
    """Return the time of the next save of the file; on a slow machine it comes later than after its interval."""
    deadline = time.monotonic() + 30
    while (now := state.stat().st_mtime_ns if state.exists() else 0) == saved:
        assert time.monotonic() < deadline, "the server does not save"
        time.sleep(0.02)
    return now
