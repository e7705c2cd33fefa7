"""A local AWS for the whole session, and an account of its own for whoever asks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from esaws.cloud import Cloud


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local AWS that nobody else uses."""
    environment = os.environ | {"ESAWS_STATE": str(tmp_path_factory.mktemp("local-aws")), "ESAWS_PORT": "0"}

    def local(command: str) -> Any:
        arguments = [sys.executable, "-m", "esaws.local", command, "--json"]
        return json.loads(subprocess.check_output(arguments, env=environment, timeout=60))

    yield local("start")["url"]
    local("stop")


@pytest.fixture(scope="session")
def new_cloud(url: str) -> Callable[[], Cloud]:
    """Gives a cloud in an account that nobody has used yet."""
    accounts = (f"{number:012}" for number in count(100_000_000_001))
    return lambda: Cloud.at(url, account=next(accounts), deployment="seccom")


@pytest.fixture
def cloud(new_cloud: Callable[[], Cloud]) -> Cloud:
    """An empty account."""
    return new_cloud()
