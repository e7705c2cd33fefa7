"""Why targets of a load balancer are unhealthy, or were: state, cause, history, and what AWS reports of the machines.

It answers what the runbook AWSSupport-TroubleshootELBHealthChecks of AWS looks up, without commands on the instances:
https://docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/automation-aws-troubleshootelbhealthchecks.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from esaws._display import html_table
from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud
from esaws.errors import UsageError, describe_error
from esaws.inspect.account import Account, snapshot
from esaws.inspect.classic_targets import classic_health, classic_load_balancers, instance_states
from esaws.inspect.fetch import Raw
from esaws.inspect.instance_signals import (
    Signal,
    instance_load,
    instance_statuses,
    load_signals,
    status_signals,
    task_signals,
)
from esaws.inspect.target_health import KEYS, TargetState, health
from esaws.inspect.target_history import GroupHistory, target_history
from esaws.simulation import cloud_time

if TYPE_CHECKING:
    import pandas

REASONS = {
    "Elb.RegistrationInProgress": "the target is being registered",
    "Elb.InitialHealthChecking": "its first health checks are in progress",
    "Target.ResponseCodeMismatch": "it answers with a status that the health check does not accept",
    "Target.Timeout": "it does not answer in time",
    "Target.FailedHealthChecks": "the connection fails, or the answer is malformed",
    "Elb.InternalError": "the load balancer itself failed; AWS mends that",
    "Target.NotRegistered": "it is not registered",
    "Target.NotInUse": "no load balancer uses its group, or its zone is not enabled",
    "Target.InvalidState": "the instance is stopped or terminated",
    "Target.IpUnusable": "the load balancer uses its address",
    "Target.HealthCheckDisabled": "health checks are disabled",
    "Target.DeregistrationInProgress": "it is being deregistered",
    "Elb.HealthCheckDisabled": "health checks are disabled",
}
"""What each reason of AWS means: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html"""

ON_THE_MACHINE = (
    "only on the machine itself: its processes and free memory, its own firewall, and the packets that arrive"
)
_EXPLAINED = ("HEALTHY", "REGISTERING", "DRAINING", "CHECKS_DISABLED")
_KEYS = tuple(dict.fromkeys([*KEYS, "services", "tasks"]))
Result = TypeVar("Result")


@dataclass(frozen=True, repr=False)
class HealthDiagnosis:
    """What is wrong with the targets of one load balancer, or of all. `not_looked_at` has a sentence for each gap."""

    name: str
    states: tuple[TargetState, ...]
    history: tuple[GroupHistory, ...]
    signals: tuple[Signal, ...]
    not_looked_at: tuple[str, ...]

    @property
    def unhealthy(self) -> list[TargetState]:
        """The targets that take no requests and are not on their way in or out."""
        return [state for state in self.states if state.state != "healthy" and state.code not in _EXPLAINED]

    @property
    def flapping(self) -> list[GroupHistory]:
        """The groups whose targets were unhealthy and are healthy again."""
        return [history for history in self.history if history.is_over]

    def causes(self) -> list[dict[str, Any]]:
        """Return one entry for each cause: code, target_group, targets (names), detail, reason, fix.

        The most frequent is first. Targets of a group with the same cause and fix share an entry.
        """
        entries: dict[tuple[str, str, str], dict[str, Any]] = {}
        for state in self.states:
            if state.state == "healthy" and state.cause is None:
                continue
            row = state.to_dict()
            key = (state.code, state.target_group, row["fix"] or row["detail"])
            entry = entries.setdefault(
                key,
                {
                    "code": state.code,
                    "target_group": state.target_group,
                    "targets": [],
                    "detail": row["detail"],
                    "reason": REASONS.get(state.reason, state.reason),
                    "fix": row["fix"],
                },
            )
            entry["targets"].append(state.resource)
        return sorted(entries.values(), key=lambda entry: (-len(entry["targets"]), entry["target_group"]))

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each cause: targets (their number), target_group, code, detail, fix."""
        import pandas

        rows = [{**cause, "targets": len(cause["targets"])} for cause in self.causes()]
        return pandas.DataFrame(rows, columns=["targets", "target_group", "code", "detail", "fix"])

    def history_frame(self) -> pandas.DataFrame:
        """Return one row for each group at a load balancer: target_group, load_balancer, unhealthy (a sentence)."""
        import pandas

        rows = [history.to_dict() for history in self.history]
        return pandas.DataFrame(rows, columns=["target_group", "load_balancer", "unhealthy"])

    def to_dict(self) -> dict[str, Any]:
        """Return name, verdict, targets, healthy, causes, history, signals, not_looked_at."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "targets": len(self.states),
            "healthy": sum(state.state == "healthy" for state in self.states),
            "causes": self.causes(),
            "history": [history.to_dict() for history in self.history],
            "signals": [signal.to_dict() for signal in self.signals],
            "not_looked_at": list(self.not_looked_at),
        }

    @property
    def verdict(self) -> str:
        """The diagnosis in one line."""
        of = f" of {self.name}" if self.name else ""
        if not self.states:
            return f"no target is registered{of}"
        if bad := self.unhealthy:
            codes = ", ".join(dict.fromkeys(state.code for state in bad))
            return f"{len(bad)} of {len(self.states)} targets{of} are unhealthy: {codes}{self._fails_open()}"
        healthy = sum(state.state == "healthy" for state in self.states)
        later = f"; {len(self.flapping)} groups had unhealthy targets before" if self.flapping else ""
        return f"{healthy} of {len(self.states)} targets{of} are healthy{later}"

    def _fails_open(self) -> str:
        """A group without a healthy target gets requests all the same: the load balancer fails open."""
        by_group: dict[str, list[str]] = {}
        for state in self.states:
            by_group.setdefault(state.target_group, []).append(state.state)
        names = [name for name, states in by_group.items() if {*states} == {"unhealthy"}]
        return f"; no target of {', '.join(names)} is healthy, so all of them get requests" if names else ""

    def __repr__(self) -> str:
        lines = [self.verdict]
        lines += [f"  {len(c['targets'])} × {c['code']} ({c['target_group']}): {c['detail']}" for c in self.causes()]
        lines += [f"  {signal.code} {signal.resource}: {signal.detail}" for signal in self.signals]
        return "\n".join([*lines, *(f"  not looked at: {gap}" for gap in self.not_looked_at)])

    def _repr_html_(self) -> str:
        import pandas

        signals = pandas.DataFrame([signal.to_dict() for signal in self.signals])
        gaps = pandas.DataFrame({"not looked at": self.not_looked_at})
        parts = [html_table(self.verdict, self.to_frame())]
        parts += [html_table("What AWS reports of the machines and tasks", signals)] if self.signals else []
        parts += [html_table("Earlier", self.history_frame())] if self.history else []
        return "".join(parts + ([html_table("", gaps)] if self.not_looked_at else []))


def why_unhealthy(cloud: Cloud, name: str | None = None, *, hours: float = 24) -> HealthDiagnosis:
    """Diagnose the targets of a load balancer, target group or ECS service, or of all. Nothing is changed.

    Args:
        cloud: any account, deployed by esaws or not; it needs the read-only policy.
        name: an Application, Network, Gateway or Classic Load Balancer, a target group, or an ECS service; by name or
            ARN, with or without the deployment in front.
        hours: how far back CloudWatch is read.

    Raises:
        UsageError: nothing has the name; the message lists what exists.
        MissingData: AWS did not describe the targets.
    """
    account = snapshot(cloud, *_KEYS)
    gaps = _Gaps()
    classic = gaps.ask("classic load balancers", lambda: classic_load_balancers(cloud)) or {}
    groups, names = _select(account, classic, name, gaps)
    chosen = {raw["TargetGroupName"] for raw in groups}
    states = [state for state in health(account) if state.target_group in chosen]
    for each in names:
        found = gaps.ask(f"instances of {each}", partial(instance_states, cloud, each)) or []
        states += classic_health(account, classic[each], found)
    now = cloud_time(cloud)
    history = gaps.ask("history", lambda: target_history(cloud, groups, names, now=now, hours=hours)) or []
    existing = {raw["InstanceId"] for raw in account.get("Instances") or ()}
    bad = sorted({state.id for state in states if state.state == "unhealthy"} & existing)
    signals = [
        *status_signals(account, gaps.ask("status checks", lambda: instance_statuses(cloud, bad)) or []),
        *load_signals(account, gaps.ask("CPU", lambda: instance_load(cloud, bad, now)) or {}),
        *task_signals(account, {group["TargetGroupArn"] for group in groups}),
    ]
    gaps += _gaps(account, states)
    return HealthDiagnosis(name or "", tuple(states), tuple(history), tuple(signals), tuple(dict.fromkeys(gaps)))


class _Gaps(list[str]):
    """What could not be looked at, and why."""

    def ask(self, what: str, call: Callable[[], Result]) -> Result | None:
        """Return the result of a call; None where AWS refuses it, which is noted."""
        try:
            return call()
        except CALL_ERRORS as error:
            self.append(f"{what}: {describe_error(error)}")
            return None


def _select(
    account: Account, classic: Mapping[str, Raw], name: str | None, gaps: Sequence[str]
) -> tuple[list[Raw], list[str]]:
    """Return the target groups and the classic load balancers that a name means; all without one."""
    groups: Sequence[Raw] = account["TargetGroups"]
    if name is None or not name.strip():
        return [*groups], sorted(classic)
    load_balancers = account["LoadBalancers"]
    arns = _matches(name, ((raw["LoadBalancerName"], raw["LoadBalancerArn"]) for raw in load_balancers))
    named = _matches(name, ((raw["TargetGroupName"], raw["TargetGroupArn"]) for raw in groups))
    if not arns and not named:
        services = account.get("services") or ()
        of_service = _matches(name, ((raw["serviceName"], raw["serviceArn"]) for raw in services))
        named = {
            item["targetGroupArn"]
            for raw in services
            if raw["serviceArn"] in of_service
            for item in raw.get("loadBalancers", ())
            if "targetGroupArn" in item
        }
    chosen = [raw for raw in groups if raw["TargetGroupArn"] in named or arns & {*raw.get("LoadBalancerArns", ())}]
    of_classic = _matches(name, ((each, each) for each in classic))
    if not chosen and not of_classic and not arns:
        known = [raw["LoadBalancerName"] for raw in load_balancers] + [raw["TargetGroupName"] for raw in groups]
        names = ", ".join(sorted({*known, *classic})) or "none exists in this region"
        reason = f" ({'; '.join(gaps)})" if gaps else ""
        raise UsageError(f"{name}: no such load balancer, target group or service{reason}. Choose from: {names}")
    return chosen, sorted(of_classic)


def _matches(name: str, candidates: Iterable[tuple[str, str]]) -> set[str]:
    """Return the ARNs of a name or ARN; without an exact match, of names that end with it behind the deployment."""
    pairs = [*candidates]
    exact = {arn for each, arn in pairs if name in (each, arn)}
    return exact or {arn for each, arn in pairs if each.endswith(f"-{name}")}


def _gaps(account: Account, states: Sequence[TargetState]) -> Iterator[str]:
    """Yield what the diagnosis could not look at, in the account or for some targets."""
    yield from (f"{key}: {reason}" for key, reason in account.missing.items())
    open_ = [state.resource for state in states if state.code == "UNEXPLAINED"]
    if open_:
        yield f"of {', '.join(open_)}: {ON_THE_MACHINE}"
