"""A plan: the changes that a deploy or a teardown would make, each with its monthly price."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from esaws._display import html_table, rich_table
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.apply import Apply, ApplyResult
from esaws.deploy.change import ACTIONS, Action, Change
from esaws.deploy.graph import Node, delete_edges, delete_graph, deploy_graph, node_of, topological_order
from esaws.deploy.inventory import inventory
from esaws.deploy.lock import deployment_lock
from esaws.deploy.preflight import CheckReport, check_account
from esaws.deploy.staleness import changed_lines, describe_drift
from esaws.errors import DeployRefused, Refused, StalePlan, UsageError
from esaws.local_aws.withheld import require_tool
from esaws.pricelist import FREE, MonthlyCost, PriceList, bundled
from esaws.resource import KINDS, Difference, Index, Ref, Resource, drift, unlisted_text

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType


class Plan:
    """The changes to a deployment. Nothing changes before `apply`.

    `unlisted` has the kinds that AWS did not list, and `warnings` a sentence about each.
    """

    def __init__(
        self,
        purpose: Literal["deploy", "teardown"],
        cloud: Cloud,
        compare_with: Callable[[Index], Iterable[Change]],
        index: Index,
    ) -> None:
        """`compare_with` returns the changes that are due where `index` exists. `apply` calls it again."""
        self.purpose = purpose
        self.cloud = cloud
        self.changes = tuple(compare_with(index))
        self.unlisted = tuple(sorted(index.unlisted))
        self.warnings = tuple(unlisted_text(kind, error) for kind, error in sorted(index.unlisted.items()))
        self._compare_with = compare_with
        self._unfinished: set[Node] = set()
        """What an apply of this plan has begun and not ended."""

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __repr__(self) -> str:
        counts = Counter(change.action for change in self.changes)
        actions = ", ".join(f"{counts[action]} {action}" for action in ACTIONS if counts[action]) or "nothing to do"
        price = f"; {self.price()}" if self.purpose == "deploy" else ""
        unlisted = f"; not listed: {', '.join(self.unlisted)}" if self.unlisted else ""
        return f"{self.purpose}: {actions}{price}{unlisted}"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {change}" for change in self.changes)])

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.summary()[["action", "kind", "count", "usd_month"]])

    def __rich__(self) -> RenderableType:
        return rich_table(repr(self), self.to_frame()[["action", "kind", "name", "usd_month"]])

    def price(self) -> str:
        """Return the monthly cost as text."""
        known = [change.cost for change in self.changes if change.cost and change.cost.usd is not None]
        cost = sum(known, FREE)
        unverified = "" if cost.verified else " (~ some prices unverified)"
        counts = Counter(change.kind for change in self.changes if change.cost and change.cost.usd is None)
        if not counts:
            return f"{cost.usd:.2f} USD a month at list price{unverified}"
        unknown = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        if not cost.usd:
            return f"its monthly price is not known: no price of {unknown}"
        return f"at least {cost.usd:.2f} USD a month at list price{unverified}, without {unknown} (price not known)"

    @property
    def monthly_cost(self) -> MonthlyCost:
        """The monthly list price of all declared resources, without the free tier."""
        return sum((change.cost for change in self.changes if change.cost), FREE)

    @property
    def changing(self) -> list[Change]:
        """The changes that `apply` makes."""
        return [change for change in self.changes if change.action in ("create", "update", "delete")]

    @property
    def blockers(self) -> list[Change]:
        """The changes that a deploy does not make. `apply` refuses a plan that has any."""
        return [change for change in self.changes if change.action in ("differs", "extra")]

    def require_no_blockers(self) -> None:
        """Raise DeployRefused if the plan has changes that a deploy does not make. The message lists them."""
        if self.blockers:
            raise DeployRefused(_refusal(self.blockers))

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the changes as `esaws plan --json` prints them."""
        return [change.to_dict() for change in self.changes]

    def to_frame(self) -> pandas.DataFrame:
        """Return one row per change: action, kind, name, usd_month, verified.

        `usd_month` is NaN if nothing is declared, or if a price is not known.
        """
        import pandas

        columns = ["action", "kind", "name", "usd_month", "verified"]
        return pandas.DataFrame([[row[column] for column in columns] for row in self.to_dict()], columns=columns)

    def summary(self) -> pandas.DataFrame:
        """Return one row per action and kind: action, kind, count, usd_month, verified; the most expensive first.

        `usd_month` is NaN if one of them has no known price, or none is declared.
        """
        frame = self.to_frame().astype({"usd_month": float})
        rows = frame.groupby(["action", "kind"], sort=True).agg(
            count=("name", "size"),
            usd_month=("usd_month", lambda column: column.sum(skipna=False)),
            verified=("verified", "all"),
        )
        return rows.sort_values("usd_month", ascending=False, kind="stable").reset_index()

    def drifts(self) -> pandas.DataFrame:
        """Return one row per field whose value on AWS is not the declared one: kind, name, field, declared, actual."""
        import pandas

        rows = [
            (change.kind, change.name, name, difference.declared, difference.actual)
            for change in self.changes
            for name, difference in change.drift.items()
        ]
        return pandas.DataFrame(rows, columns=["kind", "name", "field", "declared", "actual"])

    def preflight(self) -> CheckReport:
        """Check what the plan needs from the account: quotas, instance types, zones, permissions. Changes nothing."""
        return check_account(self.changes, self.cloud)

    def apply(self, *, yes: bool = False) -> ApplyResult:
        """Make the changes, several at a time, the longest chain first.

        The account is compared again first. What is done already is kept, so a plan can be applied twice, and an
        interrupted apply continues. On AWS the user has to confirm, unless `yes` is given or `ESAWS_YES=1` is set.

        Raises:
            WrongAccount: the credentials belong to another account.
            Refused: the user did not confirm.
            Locked: another process changes the deployment now.
            DeployRefused: the plan has changes that a deploy does not make, or a check of `preflight` failed.
            StalePlan: the account has changed since the plan was made, otherwise than by this plan.
            ApplyFailed: a change failed, or the user interrupted. Running changes were finished, and no new ones were
                started.
        """
        self.cloud.check()
        self.require_no_blockers()
        if self.cloud.is_aws and not yes and os.environ.get("ESAWS_YES") != "1":
            ask_for_confirmation(self.cloud, repr(self))
        if not self.changing and self.purpose == "deploy":
            return self._apply(lambda: None)
        # A teardown without changes takes the lock, too: it removes that of a process that was killed, and a deploy
        # that has just begun, whose resources no plan lists yet, is not taken for nothing.
        with deployment_lock(self.cloud, self.purpose) as lock:
            return self._apply(lock.check)

    def _apply(self, check_lock: Callable[[], None]) -> ApplyResult:
        index = inventory(self.cloud)
        lease = index.get("Lease", "lease")
        self.cloud.expires = (lease and lease.fields["until"]) or ""
        changes = list(self._compare_with(index))
        if lines := changed_lines(self.changes, changes, self._unfinished):
            raise StalePlan(_stale(self.purpose, lines), lines)
        if self.purpose == "deploy":
            check_account(changes, self.cloud).require_passed()
        self._unfinished &= {node_of(change) for change in changes if change.action != "keep"}
        graph = deploy_graph(changes) if self.purpose == "deploy" else delete_graph(changes)
        return Apply(self.purpose, self.cloud, graph, self._unfinished, check_lock).run()


def plan_deploy(architecture: Architecture | Iterable[Resource], cloud: Cloud, *, prune: bool = False) -> Plan:
    """Plan the changes that make the deployment match `architecture`.

    What the architecture leaves open, such as its zones, is taken from the account. `prune` deletes the resources of
    the deployment that the architecture does not declare. Starts the local AWS if it
    is the target and not running. A plan of single resources lists these and what they depend on, and nothing else.

    Raises:
        UsageError: `prune` of single resources, which would delete all others.
        WrongAccount: the credentials belong to another account.
        Refused: a lab of level 3 runs in this account of the local AWS.
        EsawsError: AWS did not list a kind that the architecture declares. Other kinds are a warning of the plan.
    """
    if not isinstance(architecture, Architecture):
        architecture = Architecture("part", architecture, complete=False)
    if prune and not architecture.whole.complete:
        raise UsageError("prune needs a complete architecture: of a part it would delete everything else")
    cloud.start()
    cloud.check()
    if not cloud.is_aws:
        require_tool("plan", lambda: cloud.account)
    architecture = architecture.fitted(cloud)
    declared = {resource.kind for resource in architecture}

    def compare_with(index: Index) -> list[Change]:
        if declared & index.unlisted.keys():
            index.require(*declared)
        return compare(architecture, index, cloud.region, prune=prune, prices=cloud.prices)

    return Plan("deploy", cloud, compare_with, inventory(cloud))


def plan_teardown(cloud: Cloud) -> Plan:
    """Plan the deletion of everything that the deployment owns, children first. Needs no architecture.

    Kinds that AWS does not list are a warning of the plan; `leftovers` says whether any of them is left.

    Raises:
        LocalNotRunning: the target is the local AWS, and it is not running.
        WrongAccount: the credentials belong to another account.
    """
    cloud.check()
    return Plan("teardown", cloud, _deletions, inventory(cloud))


def _deletions(index: Index) -> list[Change]:
    lives = {live.ref: live for live in index}
    ordered = [lives[ref] for ref in topological_order(delete_edges(lives.values()), lives)]
    return [Change("delete", live.kind, live.name, live=live) for live in ordered]


def compare(
    architecture: Architecture, index: Index, region: str, *, prune: bool = False, prices: PriceList | None = None
) -> list[Change]:
    """Compare an architecture with the existing resources and return the changes of a deploy. Pure.

    `prices` defaults to the bundled price list.
    """
    prices = prices or bundled()
    changes: list[Change] = []
    renewed: set[tuple[str, str]] = set()
    declared: set[Ref] = set()
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
            declared.add(live.ref)
        if action == "update" and resource.revisions:
            renewed.add(resource.key)
        cost = prices.monthly_cost(resource.usage(), region)
        changes.append(Change(action, resource.kind, resource.name, resource, live, differences, cost))
    declared |= {
        live.ref
        for resource in architecture.whole.in_order()
        if resource.key not in architecture and (live := resource.find(index))
    }
    undeclared = [
        live
        for live in index
        if architecture.whole.complete and live.ref not in declared and not KINDS[live.kind].keep_on_deploy
    ]
    pruned = {live.ref for live in undeclared if prune and not live.foreign}
    for live in undeclared:
        # A foreign part is deleted with the resource that it is a part of.
        is_deleted = live.ref in pruned or (live.foreign and bool(pruned & live.parents))
        rest: Action = "delete" if is_deleted else "foreign" if live.foreign else "extra"
        changes.append(Change(rest, live.kind, live.name, live=live))
    return changes


def _refusal(blockers: Iterable[Change]) -> str:
    lines = ["nothing was changed: the plan has changes that a deploy does not make:"]
    for change in blockers:
        if change.action == "extra":
            lines.append(f"  extra: {change.kind} {change.name} is not in this architecture; --prune deletes it")
        else:
            fields = describe_drift(change.drift)
            lines.append(f"  differs: {change.kind} {change.name} ({fields}); AWS can't change it: tear it down first")
    return "\n".join(lines)


def _stale(purpose: str, lines: Iterable[str]) -> str:
    changed = [f"  {line}" for line in lines]
    head = f"nothing was changed: the account has changed since the plan of this {purpose} was made:"
    return "\n".join([head, *changed, f"plan the {purpose} again, and look at the plan before you apply it"])


def ask_for_confirmation(cloud: Cloud, description: str, *, ask: Callable[[str], str] | None = None) -> None:
    """Let the user confirm changes on AWS by typing the number of the account.

    `description` says what will happen; `ask` shows a prompt and returns the answer; by default `input`.

    Raises:
        Refused: there is no user to ask, or the answer is not the number.
    """
    account = cloud.account
    try:
        answer = (ask or input)(
            f"{description}, in account {account}, {cloud.region}. Type the account number to continue: "
        )
    except (EOFError, RuntimeError) as error:  # IPython raises StdinNotImplementedError, a RuntimeError
        raise Refused("nothing was changed: there is no input to confirm it; set ESAWS_YES=1 to confirm") from error
    if answer.strip() != account:
        raise Refused("nothing was changed: the answer was not the account number")
