"""Fixtures: one local AWS a process, empty accounts in it, and deployed systems loaded from a snapshot.

- `cloud`: an empty account. `new_cloud`: makes any number of them. Cheap: use these for single resources.
- `ha`, `budget`: the SecCom system of that profile, deployed and healthy, loaded anew for each test.
- `load_system("ha")`: the same for a module fixture that several read-only tests share. `load_system("two-services")`
  is a small `ha`: 52 resources, services client-web-ui and intrusion-management-api behind the load balancer;
  `load_system("one-task")` is a small `budget`: the task client-web-ui, which no ECS service keeps.

A system is deployed once per test run and saved. Loading it takes about a second; deploying it 5 to 9 CPU seconds.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
import time_machine
from filelock import FileLock
from hypothesis import HealthCheck, settings

from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.local_aws import control, process
from esaws.reference.seccom import seccom
from tests import client_pool
from tests.loopback_only import network_guard
from tests.shell import Shell

# Files of 15 to 50 CPU seconds start first: no worker is left with one at the end (with --no-loadscope-reorder).
LONGEST = (
    "10_the_whole_system",
    "test_contract",
    "09_stores_and_people",
    "test_main_job",
    "12_the_80_dollar_bill",
    "test_labs",
    "11_will_it_stay_up",
    "test_commands",
    "test_snapshots",
    "03_security_groups",
    "test_course",
    "test_notebooks",
    "07_load_balancer",
    "08_service",
    "13_what_should_they_have_decided",
    "test_bill_focus_out",
    "test_leftovers",
    "read_a_bill",
    "test_json_keys",
    "test_lease",
    "test_awscli",
    "test_guards",
    "test_forecast_billed",
    "test_ecs",
    "test_killed",
    "test_deletion_order",
    "test_documented",
)

collect_ignore_glob = ["runbooks/*.ipynb"]
"""Notebooks that tests run themselves, which nbval would collect."""

SHARED: list[str] = []
"""The reset URLs of the servers that several files share."""

SERVERS = {"endpoint", "program", "server", "billing_server", "stock_server"} | {
    "real_time_account",
    "own_server",
    "running",
    "runbook_endpoint",
}
"""The fixtures that start a local AWS; a test that uses one has the marker `server`."""

_accounts = count(500_000_000_000)

SYSTEMS = {
    "ha": seccom("ha"),
    "budget": seccom("budget"),
    "fargate": seccom("fargate"),
    "two-services": seccom("ha", services=("client-web-ui", "intrusion-management-api")),
    "one-task": seccom("budget", services=("client-web-ui",)),
}
"""The systems that `load_system` loads."""

# The speed of the machine must not decide a test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: the name differs in each worker; give the parameters ids")
        if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("server")
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Take what is imported and collected by now out of garbage collection, which would visit it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def endpoint() -> str:
    """The URL of this process's local AWS."""
    url = str(process.start()["url"])
    SHARED.append(f"{url}/_esaws/reset")
    return url


@pytest.fixture(scope="session")
def runbook_endpoint(endpoint: str) -> str:
    """The URL of the local AWS on which the fixture `runbook` runs runbooks: this process's."""
    return endpoint


@pytest.fixture(scope="module", autouse=True)
def reset_shared_servers() -> None:
    """Empty the shared servers before each file: resources left behind would live on while others advance the clock."""
    for url in SHARED:
        with suppress(OSError):
            post(url, b"{}")


@pytest.fixture(scope="module", autouse=True)
def time_is_real() -> Iterator[None]:
    """A test that starts a local AWS in this process stops its clock: other tests wait for real time to pass."""
    yield
    assert not time_machine.escape_hatch.is_travelling(), "the clock of this process still travels"


@pytest.fixture(autouse=True)
def nothing_leaves_this_machine() -> Iterator[None]:
    """Fail a test of which a process tried to connect to another machine, also if the refusal was caught."""
    yield
    attempts = network_guard.take_attempts()
    assert not attempts, f"tried to leave this machine: {'; '.join(attempts)}"


@pytest.fixture(autouse=True)
def clients_are_handed_on() -> Iterator[None]:
    """The boto3 clients of a test serve later ones."""
    with client_pool.clients_are_handed_on():
        yield


@pytest.fixture(scope="session")
def new_cloud(endpoint: str) -> Callable[..., Cloud]:
    """Return a function that makes a cloud in an account that no test has used."""
    return lambda **settings: Cloud.at(endpoint, **({"account": str(next(_accounts))} | settings))


@pytest.fixture
def cloud(new_cloud: Callable[..., Cloud]) -> Cloud:
    """An empty account."""
    return new_cloud()


@pytest.fixture
def esaws(cloud: Cloud, tmp_path: Path) -> Shell:
    """A shell whose `esaws` commands work in the empty account of `cloud`."""
    return Shell(cloud, tmp_path)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of this test run that all xdist workers share."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def load_system(endpoint: str, shared_folder: Path) -> Callable[[str], Cloud]:
    """Return `load(name) -> Cloud`: a system of `SYSTEMS`, deployed, in an account of its own.

    The first call in a test run deploys the system on an emptied server and saves the server's state to a file, which
    all xdist workers share. Every call loads that file, clock and settings included. Loading replaces the whole state
    of the server: other accounts of the same process are gone afterwards, so load first and make other clouds later.
    """

    def load(name: str) -> Cloud:
        account = f"4{[*SYSTEMS].index(name):011}"
        file = shared_folder / f"{name}.esaws"
        with FileLock(f"{file}.lock"):
            if not file.exists():
                post(f"{endpoint}/_esaws/reset", b"{}")
                plan_deploy(SYSTEMS[name], Cloud.at(endpoint, account=account)).apply()
                file.write_bytes(control.exchange(endpoint, "GET", "save"))
        post(f"{endpoint}/_esaws/load", file.read_bytes())
        return Cloud.at(endpoint, account=account)

    return load


@pytest.fixture
def ha(load_system: Callable[[str], Cloud]) -> Cloud:
    """The profile `ha`, deployed; the test may change it."""
    return load_system("ha")


@pytest.fixture
def budget(load_system: Callable[[str], Cloud]) -> Cloud:
    """The profile `budget`, deployed; the test may change it."""
    return load_system("budget")


def post(url: str, body: bytes) -> None:
    """Send a POST request to a control route of a local AWS and wait until it is answered."""
    server, _, name = url.partition("/_esaws/")
    control.exchange(server, "POST", name, body, timeout=60)
