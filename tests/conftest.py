"""A local AWS, shared by the tests of a process; each test, or each module, has an account of its own."""

import urllib.request
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from esaws.cloud import Cloud, local_command
from tests.shell import Shell

# Whoever begins last ends last: files that take longest are given to a worker first (with --no-loadscope-reorder).
LONGEST = (
    "test_lease",
    "test_guards",
    "test_main_job",
    "test_the_system_behaves",
    "test_local_saving",
    "test_course",
    "read_a_bill",
    "the_80_dollar_bill",
    "test_killed",
    "test_awscli",
    "test_deletion_order",
    "test_local_ecs",
    "test_contract",
)

SHARED: list[str] = []
"""Where the servers that files share are emptied."""

_accounts = count(500_000_000_000)

# How fast a machine is decides no test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONGEST)))


@pytest.fixture(scope="session")
def endpoint() -> str:
    """Where the local AWS of this process answers."""
    url = str(local_command("start")["url"])
    SHARED.append(f"{url}/_esaws/reset")
    return url


@pytest.fixture(scope="module", autouse=True)
def shared_servers_are_emptied() -> None:
    """Whatever a file has left standing would live on while others advance the clock."""
    for url in SHARED:
        with suppress(OSError), urllib.request.urlopen(urllib.request.Request(url, b"{}", method="POST"), timeout=60):
            pass


@pytest.fixture(scope="session")
def new_cloud(endpoint: str) -> Callable[..., Cloud]:
    """Makes a cloud in an account that nobody has used."""
    return lambda **settings: Cloud.at(endpoint, **({"account": str(next(_accounts))} | settings))


@pytest.fixture
def esaws(cloud: Cloud, tmp_path: Path) -> Shell:
    """A shell in an empty account."""
    return Shell(cloud, tmp_path)


@pytest.fixture
def cloud(new_cloud: Callable[..., Cloud]) -> Cloud:
    """An empty account."""
    return new_cloud()
