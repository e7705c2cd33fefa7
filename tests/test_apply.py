"""The engine of an apply with recorded operations instead of AWS: order, failures, interrupts and the journal."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent import futures
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esaws.architecture import Architecture
from esaws.deploy import apply
from esaws.deploy.apply import Apply, ApplyResult
from esaws.deploy.change import Action, Change
from esaws.deploy.graph import Node, critical_path, delete_graph, deploy_graph
from esaws.deploy.plan import compare
from esaws.errors import ApplyFailed, EsawsError
from esaws.reference.seccom import seccom
from esaws.resource import Index, Live, Resource
from esaws.resources import VPC, Broker, LoadBalancer, SecurityGroupRule
from tests.small_network import GROUP, RULE, SUBNET, VPC_, live_of

WORKERS = apply.WORKERS


class RecordingCloud:
    """Stands in for a cloud. Records the changes in the order in which they start; those in `failing` fail."""

    deployment, region = "seccom", "eu-west-3"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.known_ids: dict[tuple[str, str], str] = {}
        self.started: list[str] = []
        self.failing: set[str] = set()

    is_aws = is_other_emulator = False

    def gap(self, error: BaseException) -> str:
        return ""

    def taking_turns(self, turn: Any) -> "RecordingCloud":
        return self

    def operate(self, change: Change) -> None:
        self.started.append(str(change))
        self.calls.append(change.action)
        if str(change) in self.failing:
            raise EsawsError("not today")


@pytest.fixture(autouse=True)
def journals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the journals."""
    monkeypatch.setenv("ESAWS_RUNS", str(tmp_path))
    return tmp_path


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> RecordingCloud:
    """A cloud that records its changes, one at a time."""
    monkeypatch.setattr(apply, "WORKERS", 1)
    for action in ("create", "update", "delete"):
        monkeypatch.setitem(apply._OPERATIONS, action, lambda cloud, change: cloud.operate(change))
    return RecordingCloud()


def change(action: Action, resource: Resource) -> Change:
    live = None if action == "create" else live_of(resource)
    return Change(action, resource.kind, resource.name, None if action == "delete" else resource, live)


def deploy(cloud: Any, *changes: Change) -> ApplyResult:
    return Apply("deploy", cloud, deploy_graph(changes)).run()


def events(folder: Path) -> list[tuple[str, ...]]:
    """Return the events of the only journal, with their changes and errors."""
    (journal,) = folder.glob("*.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    fields = ("event", "action", "kind", "name", "error")
    return [tuple(str(line[field]) for field in fields if field in line) for line in lines]


# -- order and result ----------------------------------------------------------------------------------------------


def test_a_result_counts_resources_calls_and_seconds(cloud: RecordingCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.calls += ["DescribeVpcs"] * 5  # made before, by the plan
    clock: Iterator[float] = iter([100.0, 107.5])
    monkeypatch.setattr(apply, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    changes = [change("update", VPC_), change("create", SUBNET), change("keep", GROUP), change("delete", RULE)]
    result = deploy(cloud, *changes)
    assert result == ApplyResult(created=1, updated=1, kept=1, deleted=1, calls=3, seconds=7.5)
    assert repr(result) == "1 created, 1 updated, 1 kept, 1 deleted"
    assert result.to_dict() == {"created": 1, "updated": 1, "kept": 1, "deleted": 1, "calls": 3, "seconds": 7.5}


def test_a_result_without_changes_has_nothing_to_do(cloud: RecordingCloud) -> None:
    result = deploy(cloud)
    assert repr(result) == "nothing to do"
    with pytest.raises(FrozenInstanceError):
        result.created = 1  # type: ignore[misc]


def test_dependencies_are_made_first(cloud: RecordingCloud) -> None:
    deploy(cloud, change("create", GROUP), change("create", RULE), change("create", VPC_))
    assert cloud.started == ["create VPC vpc", "create SecurityGroup web-sg", f"create {RULE}"]


def test_children_are_deleted_first(cloud: RecordingCloud) -> None:
    graph = delete_graph([change("delete", resource) for resource in (VPC_, GROUP, RULE)])
    result = Apply("teardown", cloud, graph).run()  # type: ignore[arg-type]
    assert cloud.started == [f"delete {RULE}", "delete SecurityGroup web-sg", "delete VPC vpc"]
    assert repr(result) == "3 deleted"


def test_the_longest_chain_starts_first(cloud: RecordingCloud) -> None:
    broker = Broker.example()  # 900 seconds
    balancer = LoadBalancer.example()  # 150 seconds
    rule = SecurityGroupRule(group=balancer.security_groups[0], from_port=80, to_port=80, peer="0.0.0.0/0")
    deploy(cloud, *compare(Architecture("a", [rule, balancer, broker]), Index(), "eu-west-3"))
    assert cloud.started[:3] == [f"create {item}" for item in (broker.password, broker, balancer.subnets[0].vpc)]
    assert cloud.started.index(f"create {balancer}") < cloud.started.index(f"create {rule}")


def test_the_ready_change_with_the_longest_chain_starts_every_time(cloud: RecordingCloud) -> None:
    changes = compare(seccom("ha"), Index(), "eu-west-3")
    graph = deploy_graph(changes)
    length, nodes = critical_path(graph), {str(change): node for node, (change, _) in graph.items()}
    deploy(cloud, *changes)
    done: set[Node] = set()
    for name in cloud.started:
        ready = [node for node, (_, dependencies) in graph.items() if node not in done and dependencies <= done]
        assert length[nodes[name]] == max(length[node] for node in ready)
        done.add(nodes[name])
    assert len(done) == len(changes)


class CrowdedCloud(RecordingCloud):
    """A cloud whose changes end only after eight of them have run at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.crowded = threading.Lock(), threading.Event()
        self.running = self.most = 0

    def operate(self, change: Change) -> None:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        if self.running >= 8:
            self.crowded.wait(0.1)  # time for a ninth one
            self.crowded.set()
        if not self.crowded.wait(10):
            raise EsawsError("fewer than eight changes run at the same time")
        with self.lock:
            self.running -= 1


def test_eight_changes_run_at_the_same_time(cloud: RecordingCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "WORKERS", WORKERS)
    crowded = CrowdedCloud()
    assert deploy(crowded, *(change("create", replace(VPC_, name=f"vpc-{n}")) for n in range(12))).created == 12
    assert crowded.most == 8


# -- failures and interrupts ---------------------------------------------------------------------------------------

FIRST, SECOND = replace(VPC_, name="first"), replace(VPC_, name="second")


def test_what_depends_on_a_failed_change_does_not_start(cloud: RecordingCloud, journals: Path) -> None:
    cloud.failing = {"create SecurityGroup web-sg"}
    with pytest.raises(ApplyFailed) as failure:
        deploy(cloud, change("create", VPC_), change("create", GROUP), change("create", RULE))
    (journal,) = journals.glob("*.jsonl")
    assert str(failure.value).splitlines() == [
        "deploy stopped: 2 of 3 changes are not done",
        "  SecurityGroup web-sg: not today",
        f"run the same deploy again to continue; the journal is {journal}",
    ]
    assert cloud.started == ["create VPC vpc", "create SecurityGroup web-sg"]


def test_nothing_starts_after_a_failure(cloud: RecordingCloud) -> None:
    cloud.failing = {"create VPC first"}
    with pytest.raises(ApplyFailed, match=r"2 of 2 changes are not done\n  VPC first: not today"):
        deploy(cloud, change("create", FIRST), change("create", SECOND))
    assert cloud.started == ["create VPC first"]


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 1), (signal.SIGTERM, 143)])
def test_a_signal_lets_running_changes_finish_and_starts_no_others(
    cloud: RecordingCloud,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    exit_code: int,
) -> None:
    signals = iter([number])

    def interrupted(*futures_: Any, **options: Any) -> Any:
        for signal_ in signals:
            os.kill(os.getpid(), signal_)
        return futures.wait(*futures_, **options)

    monkeypatch.setattr(apply, "wait", interrupted)
    with pytest.raises(ApplyFailed) as failure:
        deploy(cloud, change("create", FIRST), change("create", SECOND))
    assert str(failure.value).splitlines()[:-1] == [
        "deploy stopped: 1 of 2 changes are not done",
        "  it was interrupted; the changes that were running are finished",
    ]
    assert capsys.readouterr().err == "deploy: interrupted; no other change starts, and it waits for VPC first\n"
    assert cloud.started == ["create VPC first"]
    assert (failure.value.interrupted, failure.value.exit_code) == (True, exit_code)


def test_an_apply_again_after_a_failure_finishes(cloud: RecordingCloud) -> None:
    cloud.failing = {"create VPC second"}
    with pytest.raises(ApplyFailed, match="1 of 2 changes are not done"):
        deploy(cloud, change("create", FIRST), change("create", SECOND))
    cloud.failing = set()
    assert repr(deploy(cloud, change("keep", FIRST), change("create", SECOND))) == "1 created, 1 kept"


def test_the_journal_has_the_events_of_every_change_that_started(cloud: RecordingCloud, journals: Path) -> None:
    cloud.failing = {"create Subnet public-3a"}
    with pytest.raises(ApplyFailed):
        deploy(cloud, change("keep", FIRST), change("update", VPC_), change("create", SUBNET))
    assert events(journals) == [
        ("begun", "update", "VPC", "vpc"),
        ("done", "update", "VPC", "vpc"),
        ("begun", "create", "Subnet", "public-3a"),
        ("failed", "create", "Subnet", "public-3a", "not today"),
        ("ended",),
    ]


# -- operations ----------------------------------------------------------------------------------------------------


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The calls of the methods of a VPC and of a load balancer, which do nothing else."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(VPC, "create", lambda self, cloud: calls.append(("create", self.name)))
    monkeypatch.setattr(VPC, "update", lambda self, cloud, live: calls.append(("update", self.name, live.id)))
    monkeypatch.setattr(VPC, "delete", staticmethod(lambda cloud, live: calls.append(("delete", live.id))))
    monkeypatch.setattr(LoadBalancer, "ready", lambda self, cloud: calls.append(("ready", self.name)))
    return calls


def test_each_action_calls_the_method_of_its_kind(operations: list[tuple[Any, ...]]) -> None:
    deploy(RecordingCloud(), change("create", VPC_))
    deploy(RecordingCloud(), change("update", VPC_))
    deploy(RecordingCloud(), change("keep", VPC_))
    deploy(RecordingCloud(), change("delete", VPC_))
    assert operations == [("create", "vpc"), ("update", "vpc", "id-vpc"), ("delete", "id-vpc")]


def test_a_resource_that_aws_is_deleting_is_gone_before_it_is_created_again(operations: list[tuple[Any, ...]]) -> None:
    deploy(RecordingCloud(), replace(change("create", VPC_), live=live_of(VPC_)))
    assert operations == [("delete", "id-vpc"), ("create", "vpc")]


@pytest.mark.parametrize(("state", "waits"), [("provisioning", True), ("active", False), ("", False)])
def test_a_kept_resource_is_waited_for_in_a_pending_state_alone(
    operations: list[tuple[Any, ...]], state: str, waits: bool
) -> None:
    balancer = LoadBalancer.example()
    kept = change("keep", balancer)
    cloud = RecordingCloud()
    graph = {Node("make", balancer.key): (replace(kept, live=replace(live_of(balancer), state=state)), set[Node]())}
    assert Apply("deploy", cloud, graph).run().kept == 1  # type: ignore[arg-type]
    assert operations == ([("ready", balancer.name)] if waits else [])


@pytest.mark.parametrize(("foreign", "known"), [(False, {}), (True, {("VPC", "vpc"): "id-of-ours"})])
def test_the_id_of_a_deleted_resource_is_forgotten_unless_it_was_foreign(
    operations: list[tuple[Any, ...]], foreign: bool, known: dict[tuple[str, str], str]
) -> None:
    cloud = RecordingCloud()
    cloud.known_ids["VPC", "vpc"] = "id-of-ours"
    live: Live = replace(live_of(VPC_), foreign=foreign)
    deploy(cloud, Change("delete", "VPC", "vpc", live=live))
    assert cloud.known_ids == known
    assert operations == [("delete", "id-vpc")]
