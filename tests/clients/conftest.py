"""A local AWS for clients that others wrote; skipped unless `make test-clients` sets CLIENTS to the folder of them."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import Program

CLIENTS = Path(os.environ.get("CLIENTS", ""))
collect_ignore = [] if "CLIENTS" in os.environ else ["test_clients.py", "test_ministack.py"]
HERE = Path(__file__).parent

Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a client's program in the environment that `esaws local env` prints, and returns its output."""
    folder = tmp_path_factory.mktemp("clients")
    program = Program(folder / "state")
    program.json("start", "--at", "2026-01-05T08:00Z")
    environment = {**os.environ, **program.json("env"), "ANSIBLE_LOCALHOST_WARNING": "0", "COLUMNS": "200"}

    def run_program(client: str, name: str, *words: str) -> str:
        path = name if client == "node" else str(CLIENTS / client / "bin" / name)
        done = subprocess.run(
            [path, *words],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    yield run_program
    program.run("stop", "--discard")


@pytest.fixture
def playbook(run: Run) -> Callable[..., Mapping[str, Any]]:
    """Runs the playbook of the site with variables, and returns Ansible's counts: ok, changed, failed, …"""
    python = str(CLIENTS / "ansible" / "bin" / "python")

    def run_playbook(**variables: str) -> Mapping[str, Any]:
        extra = json.dumps({"ansible_python_interpreter": python, **variables})
        words = ("-i", "localhost,", "-e", extra, str(HERE / "site.yml"))
        output = run("ansible", "ansible-playbook", *words)
        recap = output.partition("PLAY RECAP")[2]
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", recap)}

    return run_playbook
