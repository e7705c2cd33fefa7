"""The engine of an apply: it runs a graph of changes in a bounded pool, the longest path first."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from typing import Any

from esaws.aws import is_refused_request
from esaws.cloud import Cloud
from esaws.deploy.change import Change
from esaws.deploy.graph import Graph, Node, critical_path
from esaws.deploy.journal import Journal
from esaws.deploy.turns import Turns
from esaws.errors import ApplyFailed, ApplyInterrupted, describe_error
from esaws.interrupts import EXIT_CODE, Terminated, held_back
from esaws.progress import list_names, progress
from esaws.resource import KINDS

WORKERS = 8
"""How many changes run at the same time."""


@dataclass(frozen=True)
class ApplyResult:
    """The result of an apply: the number of resources per action, the number of API calls, and the seconds it took."""

    created: int
    updated: int
    kept: int
    deleted: int
    calls: int
    seconds: float

    def __repr__(self) -> str:
        actions = ("created", "updated", "kept", "deleted")
        return (
            ", ".join(f"{count} {action}" for action in actions if (count := getattr(self, action))) or "nothing to do"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return created, updated, kept, deleted, calls and seconds."""
        return asdict(self)


class Apply:
    """One apply. A change starts as soon as the changes that it depends on are done."""

    def __init__(
        self,
        purpose: str,
        cloud: Cloud,
        graph: Graph,
        unfinished: set[Node] | None = None,
        check_lock: Callable[[], None] = lambda: None,
    ) -> None:
        """`unfinished` receives what is begun, and loses what is done. `check_lock` is called before each change."""
        self.check_lock = check_lock
        self.purpose = purpose
        self.unfinished = set() if unfinished is None else unfinished
        self.cloud = cloud
        self.graph = graph
        self.done: Counter[str] = Counter()
        self.interrupt: KeyboardInterrupt | None = None
        self.failures: list[tuple[Change, BaseException]] = []
        self.journal = Journal(cloud.deployment, purpose)
        self.gapped: dict[Node, str] = {}
        """What another emulator did not make or bring about → why."""
        self.turns = Turns()
        self.worker_cloud = cloud if cloud.is_aws else cloud.taking_turns(self.turns.turn)

    def run(self) -> ApplyResult:
        """Run all changes. After a failure, Ctrl-C or SIGTERM, finish those that run and start no others.

        On another emulator, where nothing costs, those start that do not depend on what failed. What the emulator
        does not do is in `gaps` of the cloud, and does not count as a failure.

        Raises:
            ApplyFailed: a change failed; ApplyInterrupted: Ctrl-C or SIGTERM arrived.
        """
        started, calls = time.perf_counter(), len(self.cloud.calls)
        self._run_all()
        self.journal.end(len(self.cloud.calls))
        if self.failures or self.interrupt:
            report = self._report(undone=len(self.graph) - self.done.total() - len(self.gapped))
            if self.interrupt:
                raise ApplyInterrupted(report, EXIT_CODE if isinstance(self.interrupt, Terminated) else 1)
            raise ApplyFailed(report)
        return ApplyResult(
            created=self.done["create"],
            updated=self.done["update"],
            kept=self.done["keep"],
            deleted=self.done["delete"],
            calls=len(self.cloud.calls) - calls,
            seconds=time.perf_counter() - started,
        )

    def _run_all(self) -> None:
        sorter = TopologicalSorter({node: dependencies for node, (_, dependencies) in self.graph.items()})
        sorter.prepare()
        length = critical_path(self.graph)
        ready: list[tuple[float, Node]] = []
        running: dict[Future[None], Node] = {}
        finished: set[Future[None]] = set()

        def names() -> list[str]:
            return [_name(self.graph[node][0]) for node in running.values()]

        def interrupt(error: KeyboardInterrupt) -> None:
            self.interrupt = error
            bar.say(f"{self.purpose}: interrupted; no other change starts, and it waits for {list_names(names())}")

        with (
            progress(self.purpose, len(self.graph)) as bar,
            ThreadPoolExecutor(WORKERS) as pool,
            held_back(interrupt),
        ):
            while True:
                with self.turns.starting():
                    for future in finished:
                        node = running.pop(future)
                        self.turns.ended()
                        change = self.graph[node][0]
                        error = future.exception()
                        if error and (reason := self._gap(node, error)):
                            self.gapped[node] = reason
                            self.cloud.gaps[_name(change)] = reason
                            sorter.done(node)
                        elif error:
                            self.failures.append((change, error))
                        else:
                            self.done[change.action] += 1
                            bar.step(_name(change))
                            sorter.done(node)
                    for node in sorter.get_ready():
                        heappush(ready, (-length[node], node))
                    while ready and len(running) < WORKERS and self._may_start():
                        node = heappop(ready)[1]
                        self.turns.started()
                        running[pool.submit(self._work, node)] = node
                if not running:
                    return
                bar.wait_for(names())
                finished, _ = wait(running, return_when=FIRST_COMPLETED)

    def _may_start(self) -> bool:
        return not self.interrupt and (not self.failures or self.cloud.is_other_emulator)

    def _gap(self, node: Node, error: BaseException) -> str:
        """Return why another emulator did not do what AWS does; empty if it is a failure."""
        if gap := self.cloud.gap(error):
            return gap
        if not self.cloud.is_other_emulator:
            return ""
        if isinstance(error, KeyError):
            return f"its answer has no {error}"
        if is_refused_request(error):
            return f"it refuses the request: {describe_error(error)}"
        before = [_name(self.graph[each][0]) for each in self.graph[node][1] if each in self.gapped]
        return f"it needs {list_names(before)}: {describe_error(error)}" if before else ""

    def _work(self, node: Node) -> None:
        self.turns.work_on(node)
        change = self.graph[node][0]
        if change.action == "keep":
            if change.resource and change.live and change.live.state in change.resource.pending:
                change.resource.ready(self.worker_cloud)
            return
        self.check_lock()
        self.unfinished.add(node)
        self.journal.write("begun", change)
        try:
            _OPERATIONS[change.action](self.worker_cloud, change)
        except BaseException as error:
            self.journal.write("failed", change, error)
            raise
        self.unfinished.discard(node)
        self.journal.write("done", change)

    def _report(self, undone: int) -> str:
        lines = [f"{self.purpose} stopped: {undone} of {len(self.graph)} changes are not done"]
        if self.interrupt:
            lines.append("  it was interrupted; the changes that were running are finished")
        lines += [f"  {change.kind} {change.name}: {describe_error(error)}" for change, error in self.failures]
        lines.append(f"run the same {self.purpose} again to continue; the journal is {self.journal.path}")
        return "\n".join(lines)


def _name(change: Change) -> str:
    return f"{change.kind} {change.name}"


def _create(cloud: Cloud, change: Change) -> None:
    assert change.resource
    if change.live:  # AWS is still deleting an old one of the same name
        change.resource.delete(cloud, change.live)
    change.resource.create(cloud)


def _update(cloud: Cloud, change: Change) -> None:
    assert change.resource
    assert change.live
    change.resource.update(cloud, change.live)


def _delete(cloud: Cloud, change: Change) -> None:
    assert change.live
    KINDS[change.kind].delete(cloud, change.live)
    if not change.live.foreign:
        cloud.known_ids.pop(change.live.key, None)


_OPERATIONS: dict[str, Callable[[Cloud, Change], None]] = {"create": _create, "update": _update, "delete": _delete}
