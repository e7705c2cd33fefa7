"""A plan: what would happen, line by line with its monthly price, and the one engine that makes it happen."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Literal

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.change import ACTIONS, Action, Change
from esaws.deploy.graph import Graph, Node, by_name, critical_path, delete_edges, delete_graph, deploy_graph
from esaws.deploy.inventory import inventory
from esaws.deploy.journal import Journal
from esaws.errors import ApplyFailed, DeployRefused, Refused, told
from esaws.pricelist import FREE, MonthlyCost, PriceList, bundled
from esaws.progress import progress
from esaws.resource import KINDS, Difference, Index, Ref, drift

if TYPE_CHECKING:
    import pandas

_WORKERS = 8


@dataclass(frozen=True)
class Applied:
    """What an apply did: how many of each, how many API calls it took, and seconds."""

    created: int
    updated: int
    kept: int
    deleted: int
    calls: int
    seconds: float

    def __repr__(self) -> str:
        words = ("created", "updated", "kept", "deleted")
        return ", ".join(f"{count} {word}" for word in words if (count := getattr(self, word))) or "nothing to do"


class Plan:
    """What would happen to a deployment; nothing does before `apply`."""

    def __init__(self, purpose: Literal["deploy", "teardown"], cloud: Cloud, changes: Iterable[Change]) -> None:
        self.purpose = purpose
        self.cloud = cloud
        self.changes = tuple(changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __repr__(self) -> str:
        counts = Counter(change.action for change in self.changes)
        actions = ", ".join(f"{counts[action]} {action}" for action in ACTIONS if counts[action]) or "nothing to do"
        return f"{self.purpose}: {actions}" + (f"; {self.price()}" if self.purpose == "deploy" else "")

    def price(self) -> str:
        """The monthly cost in words."""
        cost = self.monthly_cost
        if cost.usd is None:
            return "its monthly price is not known"
        return f"{cost.usd:.2f} USD a month at list price" + ("" if cost.verified else " (~ some prices unverified)")

    @property
    def monthly_cost(self) -> MonthlyCost:
        """The list price of a month of all that will stand, free tier not counted."""
        return sum((change.cost for change in self.changes if change.cost), FREE)

    @property
    def changing(self) -> list[Change]:
        """The lines that apply would act on."""
        return [change for change in self.changes if change.action in ("create", "update", "delete")]

    @property
    def blockers(self) -> list[Change]:
        """The lines that a deploy does not act on by itself, and refuses to pass over."""
        return [change for change in self.changes if change.action in ("differs", "extra")]

    def to_dicts(self) -> list[dict[str, Any]]:
        """The lines, as the command line prints them with `--json`."""
        return [change.to_dict() for change in self.changes]

    def to_frame(self) -> "pandas.DataFrame":
        """One row a line: action, kind, name, usd_month (NaN where nothing is declared), verified."""
        import pandas

        columns = ["action", "kind", "name", "usd_month", "verified"]
        return pandas.DataFrame([[row[column] for column in columns] for row in self.to_dicts()], columns=columns)

    def summary(self) -> "pandas.DataFrame":
        """One row for each action and kind: action, kind, count, usd_month; the dearest first."""
        frame = self.to_frame()
        rows = frame.groupby(["action", "kind"], sort=True).agg(
            count=("name", "size"), usd_month=("usd_month", "sum"), verified=("verified", "all")
        )
        return rows.sort_values("usd_month", ascending=False, kind="stable").reset_index()

    def drifts(self) -> "pandas.DataFrame":
        """One row for each field that reads otherwise on AWS: kind, name, field, declared, actual."""
        import pandas

        rows = [
            (change.kind, change.name, name, difference.declared, difference.actual)
            for change in self.changes
            for name, difference in change.drift.items()
        ]
        return pandas.DataFrame(rows, columns=["kind", "name", "field", "declared", "actual"])

    def apply(self, *, yes: bool = False) -> Applied:
        """Make it so. What runs side by side is bounded; what takes longest is begun first; it can be run again.

        On AWS itself somebody has to confirm, unless `yes` is given or `ESAWS_YES=1` is set.

        Raises:
            WrongAccount: the credentials belong to another account.
            Refused: nobody confirmed.
            DeployRefused: the plan has lines that a deploy does not act on.
            ApplyFailed: something failed; nothing new was begun after it, and what was running is finished.
        """
        self.cloud.check()
        if self.blockers:
            raise DeployRefused(_refusal(self.blockers))
        if self.cloud.is_aws and not yes and os.environ.get("ESAWS_YES") != "1":
            ask_for_confirmation(self.cloud, repr(self))
        if self.purpose == "deploy":
            graph = deploy_graph(self.changes)
        else:
            graph = delete_graph([change for change in self.changes if change.live])
        return _Run(self, graph).run()


def plan_deploy(architecture: Architecture, cloud: Cloud, *, prune: bool = False) -> Plan:
    """What it takes to make the deployment as `architecture` says; `prune` deletes what is ours and not in it.

    Starts the local AWS if that is the target and none runs.

    Raises:
        WrongAccount: the credentials belong to another account.
    """
    cloud.start()
    cloud.check()
    return Plan(
        "deploy", cloud, compare(architecture, inventory(cloud), cloud.region, prune=prune, prices=cloud.prices)
    )


def plan_teardown(cloud: Cloud) -> Plan:
    """What it takes to delete everything that the deployment owns, children first; no architecture is needed.

    Raises:
        LocalNotRunning: the target is the local AWS and none runs.
        WrongAccount: the credentials belong to another account.
    """
    cloud.check()
    lives = {live.ref: live for live in inventory(cloud)}
    going = [lives[ref] for ref in by_name(delete_edges(lives.values()), lives)]
    return Plan("teardown", cloud, [Change("delete", live.kind, live.name, live=live) for live in going])


def compare(
    architecture: Architecture, index: Index, region: str, *, prune: bool = False, prices: PriceList | None = None
) -> list[Change]:
    """The lines of a deploy, from what should exist and what does; at bundled prices unless others are given. Pure."""
    prices = prices or bundled()
    changes: list[Change] = []
    renewed: set[tuple[str, str]] = set()
    matched: set[Ref] = set()
    for resource in architecture.in_order():
        live = resource.find(index)
        differences: dict[str, Difference] = {}
        action: Action
        if live is None or live.state in resource.deleting:
            action = "create"
        else:
            differences = drift(resource, live, index, frozenset(renewed))
            action = "keep" if not differences else "update" if differences.keys() <= resource.in_place else "differs"
        if live:
            matched.add(live.ref)
        if action == "update" and resource.revisions:
            renewed.add(resource.key)
        cost = prices.monthly_cost(resource.usage(), region)
        changes.append(Change(action, resource.kind, resource.name, resource, live, differences, cost))
    elsewhere = {
        live.ref
        for resource in architecture.whole.in_order()
        if resource.key not in architecture and (live := resource.find(index))
    }
    known = matched | elsewhere
    leftover = [live for live in index if live.ref not in known and not KINDS[live.kind].undeclared]
    going = {live.ref for live in leftover if prune and not live.foreign}
    for live in leftover:
        # Somebody else's part goes with what it is a part of.
        goes = live.ref in going or (live.foreign and bool(going & live.parents))
        rest: Action = "delete" if goes else "foreign" if live.foreign else "extra"
        changes.append(Change(rest, live.kind, live.name, live=live))
    return changes


class _Run:
    """One apply: pieces of work go to a bounded pool as soon as all before them are done."""

    def __init__(self, plan: Plan, graph: Graph) -> None:
        self.plan = plan
        self.cloud = plan.cloud
        self.graph = graph
        self.done: Counter[str] = Counter()
        self.failures: list[tuple[Change, BaseException]] = []
        self.journal = Journal(plan.cloud.deployment, plan.purpose)

    def run(self) -> Applied:
        started, calls = time.perf_counter(), len(self.cloud.calls)
        sorter = TopologicalSorter({node: firsts for node, (_, firsts) in self.graph.items()})
        sorter.prepare()
        length = critical_path(self.graph)
        ready: list[tuple[float, Node]] = []
        running: dict[Future[None], Node] = {}
        interrupted = False
        with progress(self.plan.purpose, len(self.graph)) as shown, ThreadPoolExecutor(_WORKERS) as pool:
            while True:
                try:
                    for node in sorter.get_ready():
                        heappush(ready, (-length[node], node))
                    while ready and len(running) < _WORKERS and not self.failures and not interrupted:
                        node = heappop(ready)[1]
                        running[pool.submit(self._work, node)] = node
                    if not running:
                        break
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        node = running.pop(future)
                        change = self.graph[node][0]
                        if error := future.exception():
                            self.failures.append((change, error))
                        else:
                            self.done[change.action] += 1
                            shown.step(f"{change.kind} {change.name}")
                            sorter.done(node)
                except KeyboardInterrupt:
                    interrupted = True
        self.journal.end(len(self.cloud.calls))
        if self.failures or interrupted:
            raise ApplyFailed(self._report(interrupted, undone=len(self.graph) - self.done.total()))
        return Applied(
            created=self.done["create"],
            updated=self.done["update"],
            kept=self.done["keep"],
            deleted=self.done["delete"],
            calls=len(self.cloud.calls) - calls,
            seconds=time.perf_counter() - started,
        )

    def _work(self, node: Node) -> None:
        change = self.graph[node][0]
        if change.action == "keep":
            if change.resource and change.live and change.live.state in change.resource.pending:
                change.resource.ready(self.cloud)
            return
        self.journal.write("begun", change)
        try:
            _ACT[change.action](self.cloud, change)
        except BaseException as error:
            self.journal.write("failed", change, error)
            raise
        self.journal.write("done", change)

    def _report(self, interrupted: bool, undone: int) -> str:
        lines = [f"{self.plan.purpose} stopped: {undone} of {len(self.graph)} lines are not done"]
        if interrupted:
            lines.append("  it was interrupted; what was running was finished")
        lines += [f"  {change.kind} {change.name}: {told(error)}" for change, error in self.failures]
        lines.append(f"the same {self.plan.purpose} again goes on from here; the journal is {self.journal.path}")
        return "\n".join(lines)


def _create(cloud: Cloud, change: Change) -> None:
    assert change.resource
    if change.live:  # an old one is still on its way out under the same name
        change.resource.delete(cloud, change.live)
    change.resource.create(cloud)


def _update(cloud: Cloud, change: Change) -> None:
    assert change.resource and change.live
    change.resource.update(cloud, change.live)


def _delete(cloud: Cloud, change: Change) -> None:
    assert change.live
    KINDS[change.kind].delete(cloud, change.live)
    if not change.live.foreign:
        cloud.known.pop(change.live.key, None)


_ACT: dict[str, Callable[[Cloud, Change], None]] = {"create": _create, "update": _update, "delete": _delete}


# -- words --------------------------------------------------------------------------------------------------------


def _refusal(blockers: Iterable[Change]) -> str:
    lines = ["nothing was changed, since this deploy does not do all that its plan says:"]
    for change in blockers:
        if change.action == "extra":
            lines.append(f"  extra: {change.kind} {change.name} is not in this architecture; --prune deletes it")
        else:
            fields = ", ".join(f"{name}: {was.actual} instead of {was.declared}" for name, was in change.drift.items())
            lines.append(
                f"  differs: {change.kind} {change.name} ({fields}); AWS can't change that: tear it down first"
            )
    return "\n".join(lines)


def ask_for_confirmation(cloud: Cloud, what: str) -> None:
    """Let somebody type the account's number before `what` happens there.

    Raises:
        Refused: nobody is there, or something else was typed.
    """
    account = cloud.account
    try:
        answer = input(f"{what}, in account {account}, {cloud.region}. Type the account's number to go on: ")
    except (EOFError, RuntimeError) as error:  # IPython raises StdinNotImplementedError, a RuntimeError
        raise Refused("nothing was changed: nobody is there to confirm; ESAWS_YES=1 confirms beforehand") from error
    if answer.strip() != account:
        raise Refused("nothing was changed: the account's number was not typed")
