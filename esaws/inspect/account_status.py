"""The state of an account at a glance: load balancers, services, instances, stores and alarms, each with a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from esaws._display import html_table
from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud
from esaws.errors import describe_error
from esaws.inspect.account import Account, account_of, name_tag
from esaws.inspect.classic_targets import classic_load_balancers, instance_states
from esaws.inspect.fetch import Raw
from esaws.inspect.monthly_total import MonthlyTotal, monthly_total
from esaws.inspect.recurring_costs import ALL_KEYS

if TYPE_CHECKING:
    import pandas

Verdict = Literal["bad", "unknown", "changing", "off", "ok"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From the worst to the best. `off` is stopped or scaled to 0 on purpose, as far as AWS says."""

KEYS = tuple(
    dict.fromkeys(
        (
            *ALL_KEYS,
            *("LoadBalancers", "TargetGroups", "TargetHealth", "clusters", "services"),
            *("AutoScalingGroups", "DBInstances", "CacheClusters", "Brokers", "MetricAlarms"),
        )
    )
)
"""What a snapshot needs for the status."""

_STORES: dict[str, tuple[str, str, str]] = {
    "DBInstances": ("database", "DBInstanceIdentifier", "DBInstanceStatus"),
    "CacheClusters": ("cache", "CacheClusterId", "CacheClusterStatus"),
    "Brokers": ("broker", "BrokerName", "BrokerState"),
}
"""Key of an account → what it is, and the members with its name and its state."""
_INSTANCE: dict[str, Verdict] = {"running": "ok", "stopped": "off"}
_GOOD = {"available", "running", "active"}
_OFF = {"stopped"}
_BAD = {
    *("failed", "storage-full", "incompatible-network", "incompatible-parameters", "restore-error"),
    *("inaccessible-encryption-credentials", "creation_failed", "critical_action_required", "active_impaired"),
}


@dataclass(frozen=True)
class StatusLine:
    """The state of one thing: `what` is its kind, `detail` the evidence."""

    what: str
    name: str
    verdict: Verdict
    detail: str

    def to_dict(self) -> dict[str, str]:
        """Return what, name, verdict, detail."""
        return {"what": self.what, "name": self.name, "verdict": self.verdict, "detail": self.detail}


@dataclass(frozen=True, repr=False)
class Status(Sequence[StatusLine]):
    """The state of an account, the worst first, and what it costs a month at list price."""

    lines: tuple[StatusLine, ...]
    cost: MonthlyTotal | None = None

    def __getitem__(self, index: Any) -> Any:
        return self.lines[index]

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all lines; `unknown` comes right after `bad`, and `off` without anything that runs."""
        found = {line.verdict for line in self.lines}
        worst = next((verdict for verdict in VERDICTS[:3] if verdict in found), None)
        return worst or ("off" if found == {"off"} else "ok")

    @property
    def title(self) -> str:
        """The status in one line."""
        if not self.lines:
            return "there is nothing in this region: no load balancer, service, group, store or alarm"
        counts = Counter(line.verdict for line in self.lines)
        parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
        return f"{self.verdict}: {', '.join(parts)}" + (f"; {self.cost.text}" if self.cost else "")

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each thing, the worst first: verdict, what, name, detail."""
        import pandas

        columns = ["verdict", "what", "name", "detail"]
        return pandas.DataFrame([line.to_dict() for line in self.lines], columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, title, lines and cost (as of `esaws draw --live`; null where it was not looked at)."""
        return {
            "verdict": self.verdict,
            "title": self.title,
            "lines": [line.to_dict() for line in self.lines],
            "cost": self.cost.to_dict() if self.cost else None,
        }

    def __repr__(self) -> str:
        return "\n".join([self.title, *(f"  {x.verdict:8} {x.what} {x.name}: {x.detail}" for x in self.lines)])

    def _repr_html_(self) -> str:
        return html_table(self.title, self.to_frame())


def status(source: Account | Cloud) -> Status:
    """Return the state of what runs in an account and region, deployed by esaws or not. Nothing is changed.

    What AWS did not describe is a line with the verdict `unknown`.
    """
    account = account_of(source, *KEYS)
    lines = [
        *_load_balancers(account),
        *_services(account),
        *_groups(account),
        *_instances(account),
        *_stores(account),
        *_alarms(account),
        *(StatusLine(key, "", "unknown", reason) for key, reason in account.missing.items()),
        *(_classic(source) if isinstance(source, Cloud) else ()),
    ]
    lines.sort(key=lambda line: VERDICTS.index(line.verdict))
    prices = source.prices if isinstance(source, Cloud) else None
    return Status(tuple(lines), monthly_total(account, prices) if prices else None)


def _load_balancers(account: Account) -> Iterator[StatusLine]:
    groups, health = account.get("TargetGroups") or (), account.get("TargetHealth")
    for raw in account.get("LoadBalancers") or ():
        arn, state = raw["LoadBalancerArn"], raw.get("State", {}).get("Code", "")
        own = {group["TargetGroupArn"] for group in groups if arn in group.get("LoadBalancerArns", ())}
        states = Counter(item["TargetHealth"]["State"] for item in health or () if item["TargetGroupArn"] in own)
        total = states.total() - states["draining"]
        others = [f"{states[name]} {name}" for name in ("unused", "initial", "unavailable") if states[name]]
        counts = ", ".join([f"{states['healthy']} of {total} targets are healthy", *others])
        detail = f"{state}; {counts}; {raw.get('DNSName', '')}"
        yield StatusLine("load balancer", raw["LoadBalancerName"], _of_targets(state, states, health), detail)


def _classic(cloud: Cloud) -> Iterator[StatusLine]:
    """Yield the Classic Load Balancers, with how many of their instances are in service."""
    try:
        for name, raw in classic_load_balancers(cloud).items():
            states = Counter(item["State"] for item in instance_states(cloud, name))
            verdict: Verdict = "bad" if states["OutOfService"] else "unknown" if states["Unknown"] else "ok"
            detail = f"{states['InService']} of {states.total()} instances are in service; {raw.get('DNSName', '')}"
            yield StatusLine("classic load balancer", name, verdict if states.total() else "off", detail)
    except CALL_ERRORS as error:
        yield StatusLine("classic load balancers", "", "unknown", describe_error(error))


def _of_targets(state: str, states: Counter[str], health: Sequence[Raw] | None) -> Verdict:
    if state == "provisioning":
        return "changing"
    if state != "active" or states["unhealthy"] or states["unused"]:
        return "bad"
    if health is None or states["unavailable"]:
        return "unknown"
    if states["initial"]:
        return "changing"
    return "ok" if states["healthy"] else "off"


def _services(account: Account) -> Iterator[StatusLine]:
    for raw in account.get("services") or ():
        if raw.get("status") != "ACTIVE":
            continue
        desired, running, pending = (raw.get(f"{name}Count", 0) for name in ("desired", "running", "pending"))
        rollouts = {item.get("rolloutState", "COMPLETED") for item in raw.get("deployments", ())}
        verdict: Verdict = "ok"
        if "FAILED" in rollouts:
            verdict = "bad"
        elif "IN_PROGRESS" in rollouts or pending or running > desired:
            verdict = "changing"
        elif running < desired:
            verdict = "bad"
        elif desired == 0:
            verdict = "off"
        detail = f"{running} of {desired} tasks run" + (f", {pending} start" if pending else "")
        if unfinished := rollouts - {"COMPLETED"}:
            detail += f"; deployment {', '.join(sorted(unfinished))}"
        yield StatusLine("service", raw["serviceName"], verdict, detail)


def _groups(account: Account) -> Iterator[StatusLine]:
    for raw in account.get("AutoScalingGroups") or ():
        desired = raw["DesiredCapacity"]
        in_service = sum(
            item["LifecycleState"] == "InService" and item.get("HealthStatus") == "Healthy" for item in raw["Instances"]
        )
        starting = any(item["LifecycleState"].startswith(("Pending", "Terminating")) for item in raw["Instances"])
        short: Verdict = "changing" if starting else "bad"
        verdict: Verdict = "off" if desired == in_service == 0 else "ok" if in_service >= desired else short
        suspended = [item["ProcessName"] for item in raw.get("SuspendedProcesses", ())]
        detail = f"{in_service} of {desired} instances are in service"
        detail += f"; suspended: {', '.join(sorted(suspended))}" if suspended else ""
        yield StatusLine("Auto Scaling group", raw["AutoScalingGroupName"], verdict, detail)


def _instances(account: Account) -> Iterator[StatusLine]:
    """Yield the instances that no Auto Scaling group manages."""
    managed = {item.get("InstanceId") for raw in account.get("AutoScalingGroups") or () for item in raw["Instances"]}
    for raw in account.get("Instances") or ():
        state = raw["State"]["Name"]
        if raw["InstanceId"] not in managed and state not in ("terminated", "shutting-down"):
            yield StatusLine("instance", name_tag(raw, raw["InstanceId"]), _INSTANCE.get(state, "changing"), state)


def _stores(account: Account) -> Iterator[StatusLine]:
    for key, (what, name, member) in _STORES.items():
        for raw in account.get(key) or ():
            state = str(raw.get(member, ""))
            word = state.lower()
            verdict: Verdict = "changing"
            if word in _GOOD:
                verdict = "ok"
            elif word in _OFF:
                verdict = "off"
            elif word in _BAD:
                verdict = "bad"
            yield StatusLine(what, raw[name], verdict, word or "its state is not described")


def _alarms(account: Account) -> Iterator[StatusLine]:
    """Yield the alarms in ALARM; those of target tracking are a part of scaling and no trouble."""
    for raw in account.get("MetricAlarms") or ():
        if raw.get("StateValue") == "ALARM" and not raw["AlarmName"].startswith("TargetTracking-"):
            yield StatusLine("alarm", raw["AlarmName"], "bad", raw.get("StateReason", "it is in ALARM"))
