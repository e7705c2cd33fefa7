"""Target health with diagnosis: why a target is unhealthy, from what its health check meets, and the fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect import target_fixes
from esaws.inspect.account import Account, MissingData, account_of, name_tag
from esaws.inspect.fetch import Raw
from esaws.inspect.fix import Fix
from esaws.inspect.load_balancers import LiveLoadBalancer, list_load_balancers
from esaws.inspect.network.endpoint_catalog import KEYS as NETWORK_KEYS
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.reach import ReachResult, reach
from esaws.inspect.port_bindings import PortBinding, RunningTasks
from esaws.inspect.routing.targets import matcher_accepts
from esaws.inspect.target_fixes import TargetFixes

if TYPE_CHECKING:
    import pandas

KEYS = tuple(dict.fromkeys([*NETWORK_KEYS, "TargetGroups", "TargetHealth"]))
"""What a snapshot needs for health."""

_PREFIX_VARIABLE = "ALB_PREFIX"
"""The environment variable with the path prefix that a container serves."""


@dataclass(frozen=True)
class Cause:
    """Why a target is unhealthy, or will be at its next health check."""

    code: str
    detail: str
    fix: Fix


@dataclass(frozen=True)
class TargetState:
    """One target as the load balancer sees it, and the diagnosed cause; None where nothing is wrong."""

    target_group: str
    target: str
    """The name of its instance, else its id or address."""
    id: str
    zone: str
    port: int | None
    state: str
    reason: str
    cause: Cause | None

    @property
    def code(self) -> str:
        """HEALTHY, the code of the cause, a transitional state, or UNEXPLAINED for unhealthy without a cause."""
        if self.cause:
            return self.cause.code
        return "HEALTHY" if self.state == "healthy" else _TRANSITIONS.get(self.state, "UNEXPLAINED")

    @property
    def severity(self) -> str:
        if self.state == "healthy":
            return "low" if self.cause else "info"
        return "info" if self.code in _TRANSITIONS.values() else "high"

    @property
    def fix(self) -> Fix:
        """The fix of the cause; without calls where there is nothing to do, or only a person can."""
        return self.cause.fix if self.cause else _FIXES.get(self.code, Fix(""))

    @property
    def resource(self) -> str:
        zone = f" in {self.zone}" if self.zone else ""
        return f"{self.target}{zone} port {self.port}"

    def to_dict(self) -> dict[str, Any]:
        """Return code, severity, resource, detail, fix, target_group, id, zone, port, state, reason."""
        return {
            "code": self.code,
            "severity": self.severity,
            "resource": self.resource,
            "detail": self.cause.detail if self.cause else _DETAILS.get(self.code, self.reason),
            "fix": "; ".join(self.fix.cli()) or self.fix.description,
            "target_group": self.target_group,
            "id": self.id,
            "zone": self.zone,
            "port": self.port,
            "state": self.state,
            "reason": self.reason,
        }


_TRANSITIONS = {"initial": "REGISTERING", "draining": "DRAINING", "unavailable": "CHECKS_DISABLED"}
_DETAILS = {
    "HEALTHY": "",
    "REGISTERING": "its first health checks are in progress",
    "DRAINING": "it is being deregistered and finishes open requests",
    "CHECKS_DISABLED": "health checks are disabled",
    "UNEXPLAINED": "nothing is wrong from outside",
}
_FIXES = {"UNEXPLAINED": Fix("read the log of the container, and measure how long its health check takes")}


@dataclass(frozen=True, repr=False)
class HealthReport(Sequence[TargetState]):
    """The state of every target, by target group and name."""

    states: tuple[TargetState, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.states[index]

    def __len__(self) -> int:
        return len(self.states)

    def __iter__(self) -> Iterator[TargetState]:
        return iter(self.states)

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each target: target_group, target, zone, port, state, reason, code, detail, fix."""
        import pandas

        columns = ["target_group", "target", "zone", "port", "state", "reason", "code", "detail", "fix"]
        rows = [{**state.to_dict(), "target": state.target} for state in self.states]
        return pandas.DataFrame(rows, columns=columns)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the states for JSON."""
        return [state.to_dict() for state in self.states]

    def __repr__(self) -> str:
        healthy = sum(state.state == "healthy" for state in self.states)
        return f"<HealthReport {healthy} of {len(self.states)} targets are healthy>"

    def _repr_html_(self) -> str | None:
        return self.to_frame()._repr_html_()


def health(account: Account | Cloud) -> HealthReport:
    """Return the state of every target with its diagnosed cause.

    What AWS did not describe is assumed to be right: a cause is only given where it was found.

    Raises:
        MissingData: AWS did not describe the targets.
    """
    account = account_of(account, *KEYS)
    diagnosis = _Diagnosis(account)
    states = []
    for raw in account["TargetHealth"]:
        group, target, target_health = diagnosis.groups[raw["TargetGroupArn"]], raw["Target"], raw["TargetHealth"]
        instance = diagnosis.instances.get(target["Id"])
        is_draining = target_health["State"] == "draining"
        states.append(
            TargetState(
                target_group=group["TargetGroupName"],
                target=name_tag(instance, target["Id"]) if instance else target["Id"],
                id=target["Id"],
                zone=instance["Placement"]["AvailabilityZone"] if instance else "",
                port=target.get("Port"),
                state=target_health["State"],
                reason=target_health.get("Reason", ""),
                cause=None if is_draining else next(diagnosis.causes(group, target, target_health), None),
            )
        )
    states.sort(key=lambda state: (state.target_group, state.target, state.zone, state.id, state.port or 0))
    return HealthReport(tuple(states))


class _Diagnosis:
    """An account with look-ups for each target."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.groups = {raw["TargetGroupArn"]: raw for raw in account["TargetGroups"]}
        self.instances = {raw["InstanceId"]: raw for raw in account.get("Instances") or ()}
        self.tasks = RunningTasks(account)
        self._load_balancers = {lb.raw["LoadBalancerArn"]: lb for lb in list_load_balancers(account)}
        self._reach_results: dict[tuple[str, str, int], list[ReachResult]] = {}

    @cached_property
    def _fixes(self) -> TargetFixes:
        return TargetFixes(self.account, self._catalog, self.tasks)

    @cached_property
    def _container_hosts(self) -> set[str]:
        return {raw.get("ec2InstanceId", "") for raw in self.account.get("containerInstances") or ()}

    def causes(self, group: Raw, target: Raw, target_health: Raw) -> Iterator[Cause]:
        """Yield the causes that make health checks fail, the one to fix first at the top."""
        arns = group.get("LoadBalancerArns", ())
        load_balancers = [self._load_balancers[arn] for arn in arns if arn in self._load_balancers]
        if not load_balancers:
            if not arns:
                detail = "no listener forwards to its target group"
                yield Cause("GROUP_NOT_USED", detail, Fix("add a rule, or delete the group"))
            return
        if not group.get("HealthCheckEnabled", True):
            return
        load_balancer = load_balancers[0]
        yield from self._instance_causes(group, target, load_balancer)
        port = _health_check_port(group, target)
        if port is not None:
            timed_out = target_health.get("Reason") == "Target.Timeout"
            yield from self._network_causes(group, target, load_balancer, port, timed_out)
            yield from self._task_causes(group, target, port)
        if target_health.get("Reason") == "Target.ResponseCodeMismatch":
            description = target_health.get("Description", "the status is not accepted")
            yield Cause(
                "STATUS_NOT_ACCEPTED",
                f"{group.get('HealthCheckPath', '/')}: {description}",
                target_fixes.accept_status(group, description),
            )

    def _instance_causes(self, group: Raw, target: Raw, load_balancer: LiveLoadBalancer) -> Iterator[Cause]:
        if group.get("TargetType", "instance") != "instance" or self.account.get("Instances") is None:
            return
        instance = self.instances.get(target["Id"])
        if instance is None:
            fix = target_fixes.deregister(group, target)
            yield Cause("INSTANCE_GONE", "the instance no longer exists", fix)
            return
        state = instance["State"]["Name"]
        if state != "running":
            fix = target_fixes.leave_or_start(group, target, state)
            yield Cause("INSTANCE_NOT_RUNNING", f"the instance is {state}", fix)
        zone = instance["Placement"]["AvailabilityZone"]
        enabled = {raw["ZoneName"] for raw in load_balancer.raw.get("AvailabilityZones", ())}
        if enabled and zone not in enabled:
            subnet = instance.get("SubnetId", "")
            fix = self._fixes.zone(load_balancer, zone, subnet)
            yield Cause("ZONE_NOT_ENABLED", f"its zone, {zone}, is not enabled for {load_balancer.name}", fix)

    def _network_causes(
        self, group: Raw, target: Raw, load_balancer: LiveLoadBalancer, port: int, timed_out: bool
    ) -> Iterator[Cause]:
        """Yield a cause where one node of the load balancer does not reach the target: every node checks it.

        An unknown path explains a time-out, but is not a cause by itself.
        """
        key = load_balancer.name, target["Id"], port
        if key not in self._reach_results:
            nodes = self._nodes(load_balancer)
            self._reach_results[key] = [reach(self.account, node, target["Id"], port) for node in nodes]
        for decision, code in (("deny", "NOT_REACHED"), ("unknown", "PERHAPS_NOT_REACHED")):
            result = next((result for result in self._reach_results[key] if result.decision == decision), None)
            if result and (decision == "deny" or timed_out):
                yield _not_reached(
                    code, load_balancer, port, result, self._fixes.path(group, target, load_balancer, port, result.fix)
                )

    def _nodes(self, load_balancer: LiveLoadBalancer) -> tuple[str, ...]:
        """Return the interfaces of a load balancer, or its name where they are not visible."""
        try:
            interfaces = self._catalog.find("alb", load_balancer.name).interfaces
        except (MissingData, UsageError):
            interfaces = ()
        return interfaces or (f"alb/{load_balancer.name}",)

    @cached_property
    def _catalog(self) -> EndpointCatalog:
        return EndpointCatalog.of(self.account)

    def _task_causes(self, group: Raw, target: Raw, port: int) -> Iterator[Cause]:
        binding = self.tasks.listening_on(target["Id"], port)
        if binding is None:
            if self.tasks.known and target["Id"] in self._container_hosts:
                fix = Fix("read the events of its service, and check the host port of its task definition")
                if self._fixes.is_wrong_check_port(group, target, port):
                    fix = target_fixes.check_traffic_port(group)
                yield Cause("NO_TASK", f"no task on the instance listens on port {port}", fix)
            return
        path, matcher = group.get("HealthCheckPath", "/"), group.get("Matcher") or {}
        prefix = self._served_prefix(binding)
        if prefix is not None and not _is_below(path, prefix) and not matcher_accepts(matcher, 404):
            expected = matcher.get("HttpCode") or matcher.get("GrpcCode") or "200"
            served = f"{binding.name} serves only paths below {prefix or '/'}"
            detail = f"the health check requests {path}, and {served}: it answers 404, not {expected}"
            yield Cause("PATH_NOT_SERVED", detail, target_fixes.check_path(group, f"{prefix}/"))

    def _served_prefix(self, binding: PortBinding) -> str | None:
        """Return the path prefix that a container serves, or None where its definition has none."""
        for definition in self.account.get("taskDefinitions") or ():
            if definition["taskDefinitionArn"] == binding.definition:
                for container in definition.get("containerDefinitions", ()):
                    if container.get("name") == binding.container:
                        variables = {item["name"]: item["value"] for item in container.get("environment", ())}
                        return variables.get(_PREFIX_VARIABLE)
        return None


def _not_reached(code: str, load_balancer: LiveLoadBalancer, port: int, result: ReachResult, fix: Fix) -> Cause:
    reason = result.because[0] if result.because else "no rule allows it"
    verb = "does not reach" if result.decision == "deny" else "may not reach"
    return Cause(code, f"{load_balancer.name} {verb} it on port {port}: {reason}", fix)


def _health_check_port(group: Raw, target: Raw) -> int | None:
    port = group.get("HealthCheckPort", "traffic-port")
    return target.get("Port") if port == "traffic-port" else int(port)


def _is_below(path: str, prefix: str) -> bool:
    return path.split("?")[0].startswith(f"{prefix.rstrip('/')}/")
