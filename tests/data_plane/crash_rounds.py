"""Rounds of start, deploy, crash and stop of the services that run, and what is left of each.

`python -m tests.data_plane.crash_rounds COUNT` runs COUNT rounds, each on a local AWS of its own, prints a row for each
and exits with 1 if one of them did not answer again or left something. `make crash-rounds` is the same.
"""

import argparse
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from esaws import running_services, simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.local_aws import process, supervision
from esaws.local_aws.state import read_server
from esaws.process_identity import find_process, start_of
from esaws.reference.seccom import seccom

INTERVALS = 0.02
SERVICES = ("client-web-ui",)
WITH_STORES = ("client-web-ui", "sites-management-api")
_SECONDS = 120.0
_SETTLE_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_CLUSTER, _SERVICE = "seccom-client-web-ui-cluster", "seccom-client-web-ui"

Place = tuple[str, int]


@dataclass
class Trace:
    """What a round has started, in a folder of its own: processes with their starts, and listeners."""

    folder: Path
    processes: dict[int, float] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)

    def note(self) -> None:
        """Note all processes of the round, and where they listen."""
        for each in psutil.process_iter():
            with suppress(psutil.Error):
                if self._is_own(each):
                    self.processes[each.pid] = start_of(each.pid)
                    listening = [one for one in each.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
                    self.places |= {(one.laddr.ip, one.laddr.port) for one in listening}

    def _is_own(self, each: psutil.Process) -> bool:
        """Return whether a process belongs to the round: by its folder, its environment, or its parents."""
        if each.pid == os.getpid():
            return False
        below = str(self.folder)
        own = [each, *each.parents()]
        return any(
            one.pid in self.processes or one.cwd().startswith(below) or below in one.environ().get("ESAWS_STATE", "")
            for one in own
            if one.pid != os.getpid() and one.username() == each.username()
        )

    def processes_left(self) -> list[str]:
        """Return the command lines of those that still run."""
        self.note()
        left = []
        for pid, start in self.processes.items():
            with suppress(psutil.Error):
                if each := find_process(pid, start):
                    left.append(" ".join(each.cmdline()))
        return left

    def sockets_left(self) -> list[Place]:
        """Return where something still listens of what the round has started."""
        with suppress(psutil.Error):
            return [
                place
                for one in psutil.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN
                and (place := (one.laddr.ip, one.laddr.port)) in self.places
                and (one.pid is None or one.pid in self.processes)
            ]
        return []

    def files_left(self) -> list[str]:
        """Return the files outside of the folder of the state."""
        state = self.folder / "state"
        return [
            str(each.relative_to(self.folder))
            for each in self.folder.rglob("*")
            if not each.is_dir() and state not in each.parents
        ]


@contextmanager
def own_world(folder: Path) -> Iterator[Trace]:
    """Give a round folders of its own for its state, for temporary files and as home."""
    for name in ("state", "tmp", "home"):
        (folder / name).mkdir()
    environment = {
        "ESAWS_STATE": str(folder / "state"),
        "ESAWS_RUNS": str(folder / "state" / "runs"),
        "ESAWS_PORT": "0",
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
    }
    with mock.patch.dict(os.environ, environment), mock.patch.object(running_services, "_ENDPOINT_SECONDS", _SECONDS):
        tempfile.tempdir = None
        try:
            yield Trace(folder)
        finally:
            tempfile.tempdir = None


def until(condition: Callable[[], Any], seconds: float = _SECONDS) -> Any:
    """Poll until a condition holds, and return its value; raise TimeoutError where it does not."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(_LOOK_SECONDS)
    return value


# --- the system


def start() -> Cloud:
    process.start(run=True, intervals=INTERVALS)
    return Cloud.local()


def answers(cloud: Cloud) -> bool:
    """Return whether the load balancer answers with the page of a task."""
    try:
        with urllib.request.urlopen(f"http://{simulation.endpoint(cloud, 'alb')}/", timeout=20) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def supervisor() -> psutil.Process:
    found = supervision._supervisor()
    assert found is not None
    return found


def containers() -> list[psutil.Process]:
    """Return the first processes of the tasks of the service."""
    found = []
    for each in supervisor().children():
        with suppress(psutil.Error):
            if each.cmdline()[-1:] == ["app.py"]:
                found.append(each)
    return found


def is_gone(one: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return not one.is_running() or bool(one.status() == psutil.STATUS_ZOMBIE)
    return True


# --- crashes: each returns a client of the system that goes on


def crash_nothing(cloud: Cloud, trace: Trace) -> Cloud:
    return cloud


def crash_server(cloud: Cloud, trace: Trace) -> Cloud:
    server = read_server()
    assert server is not None
    process.call("POST", "keep")
    own = supervisor()
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: is_gone(own))
    return start()


def crash_supervisor(cloud: Cloud, trace: Trace) -> Cloud:
    own = supervisor()
    family = [own, *own.children(recursive=True)]
    own.kill()
    until(lambda: all(map(is_gone, family)))
    return start()


def crash_task(cloud: Cloud, trace: Trace) -> Cloud:
    victim = until(containers)[0]
    victim.kill()
    until(lambda: victim.pid not in {each.pid for each in containers()} and len(containers()) >= 2)
    return cloud


def crash_disk(cloud: Cloud, trace: Trace) -> Cloud:
    """Let the supervisor write no file, as on a full disk, until a task could not start."""
    ecs, own = cloud.client("ecs"), supervisor()
    victim = until(containers)[0]
    before = resource.prlimit(own.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        victim.kill()

        def failed() -> bool:
            arns = ecs.list_tasks(cluster=_CLUSTER, serviceName=_SERVICE, desiredStatus="STOPPED")["taskArns"]
            tasks = ecs.describe_tasks(cluster=_CLUSTER, tasks=arns)["tasks"] if arns else []
            reasons = [one.get("reason", "") for task in tasks for one in task["containers"]]
            return any("CannotPullContainerError: write" in reason for reason in reasons)

        until(failed)
        assert answers(cloud), "the other task does not answer"
    finally:
        resource.prlimit(own.pid, resource.RLIMIT_FSIZE, before)
    return cloud


def crash_port(cloud: Cloud, trace: Trace) -> Cloud:
    """Let another program take the ports of the load balancer and the tasks between a stop and a start."""
    trace.note()
    listeners = {(host["address"], int(host["port"])) for host in supervision.hosts() if ".elb." in str(host["name"])}
    process.stop()
    with ExitStack() as taken:
        for place in listeners:
            with suppress(OSError):  # another local AWS has it already
                taken.enter_context(socket.create_server(place))
        again = start()
        until(lambda: answers(again))
        trace.note()
        moved = {(host["address"], int(host["port"])) for host in supervision.hosts() if ".elb." in str(host["name"])}
        assert not moved & listeners, "it listens where another program does"
    return again


CRASHES: dict[str, Callable[[Cloud, Trace], Cloud]] = {
    "nothing": crash_nothing,
    "server": crash_server,
    "supervisor": crash_supervisor,
    "task": crash_task,
    "full disk": crash_disk,
    "port taken": crash_port,
}
if sys.platform != "linux":
    del CRASHES["full disk"]  # no other system limits a running process


# --- rounds


@dataclass(frozen=True)
class Row:
    """What became of a round."""

    crash: str
    seconds: float
    answered: bool
    processes: int
    sockets: int
    files: int

    @property
    def is_clean(self) -> bool:
        return self.answered and not (self.processes or self.sockets or self.files)


def run_round(crash: str, services: tuple[str, ...]) -> Row:
    """Run one round; what is left of it is printed."""
    began, answered = time.monotonic(), False
    folder = Path(tempfile.mkdtemp(prefix="esaws-round-"))
    with own_world(folder) as trace:
        try:
            cloud = start()
            plan_deploy([*seccom("ha", services=services, images="ecr")], cloud).apply()
            until(lambda: answers(cloud))
            trace.note()
            cloud = CRASHES[crash](cloud, trace)
            until(lambda: answers(cloud))
            trace.note()
            answered = True
        except Exception:
            traceback.print_exc()
            with suppress(OSError):
                print(*(folder / "state" / "supervisor.log").read_text().splitlines()[-20:], sep="\n", file=sys.stderr)
        finally:
            process.stop(discard=True)
        with suppress(TimeoutError):
            until(lambda: not trace.processes_left(), _SETTLE_SECONDS)
        left = trace.processes_left(), trace.sockets_left(), trace.files_left()
    for each in left:
        if each:
            print(*each, sep="\n", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    return Row(crash, time.monotonic() - began, answered, *map(len, left))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.data_plane.crash_rounds", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100, help="number of rounds; default 100")
    parser.add_argument("--crash", choices=CRASHES, action="append", help="only these crashes")
    options = parser.parse_args()
    crashes = options.crash or [*CRASHES]
    print(f"{'round':>5}  {'crash':12}{'seconds':>8}  {'answers':8}{'processes':>10}{'sockets':>9}{'files':>7}")
    rows = []
    for number in range(options.count):
        crash = crashes[number % len(crashes)]
        with_stores = number // len(crashes) % 3 == 2
        row = run_round(crash, WITH_STORES if with_stores else SERVICES)
        rows.append(row)
        print(
            f"{number + 1:5}  {row.crash:12}{row.seconds:8.1f}  {'yes' if row.answered else 'NO':8}"
            f"{row.processes:10}{row.sockets:9}{row.files:7}{'  with stores' * with_stores}",
            flush=True,
        )
    count = Counter(row.is_clean for row in rows)
    left = [sum(getattr(row, name) for row in rows) for name in ("processes", "sockets", "files")]
    print(f"{count[True]} of {len(rows)} rounds answered again and left nothing; left: ", end="")
    print("{} processes, {} sockets, {} files outside of the state".format(*left))
    sys.exit(bool(count[False]))


if __name__ == "__main__":
    main()
