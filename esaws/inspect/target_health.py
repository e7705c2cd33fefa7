"""Why a target is not healthy: the cause found by looking at what its check would meet, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.aws import tag_dict
from esaws.errors import UsageError
from esaws.inspect.account import Account, MissingData
from esaws.inspect.fetch import Raw
from esaws.inspect.load_balancers import LiveLoadBalancer, list_load_balancers
from esaws.inspect.network.endpoint_catalog import KEYS as NETWORK_KEYS
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.reach import ReachResult
from esaws.inspect.network.reach_by_name import reach
from esaws.inspect.port_bindings import PortBinding, RunningTasks
from esaws.inspect.routing.targets import matcher_accepts

if TYPE_CHECKING:
    import pandas

KEYS = tuple(dict.fromkeys([*NETWORK_KEYS, "TargetGroups", "TargetHealth"]))
"""What has to be looked at."""

_PREFIX = "ALB_PREFIX"
"""The variable of a container that says below which path it answers."""


@dataclass(frozen=True)
class Cause:
    """What keeps a target from being healthy, or will as soon as it is checked again."""

    code: str
    detail: str
    fix: str


@dataclass(frozen=True)
class TargetState:
    """One target as the load balancer sees it; `cause` is what was found by looking, None where nothing is wrong."""

    target_group: str
    target: str
    """The name of its instance, or its id or address."""
    id: str
    zone: str
    port: int | None
    state: str
    reason: str
    cause: Cause | None

    @property
    def code(self) -> str:
        """HEALTHY, or the code of the cause; UNEXPLAINED where it is not healthy and nothing is seen to be wrong."""
        if self.cause:
            return self.cause.code
        return "HEALTHY" if self.state == "healthy" else _PASSING.get(self.state, "UNEXPLAINED")

    @property
    def severity(self) -> str:
        if self.state == "healthy":
            return "low" if self.cause else "info"
        return "info" if self.code in _PASSING.values() else "high"

    def to_dict(self) -> dict[str, Any]:
        """code, severity, resource, detail, fix; and target_group, id, zone, port, state, reason."""
        where = f" in {self.zone}" if self.zone else ""
        return {
            "code": self.code,
            "severity": self.severity,
            "resource": f"{self.target}{where} port {self.port}",
            "detail": self.cause.detail if self.cause else _TOLD.get(self.code, self.reason),
            "fix": self.cause.fix if self.cause else "",
            "target_group": self.target_group,
            "id": self.id,
            "zone": self.zone,
            "port": self.port,
            "state": self.state,
            "reason": self.reason,
        }


_PASSING = {"initial": "REGISTERING", "draining": "DRAINING", "unavailable": "CHECKS_DISABLED"}
_TOLD = {
    "HEALTHY": "",
    "REGISTERING": "its first checks are under way",
    "DRAINING": "it is leaving the target group, and finishes what it has begun",
    "CHECKS_DISABLED": "nobody checks it",
    "UNEXPLAINED": "all that can be seen from outside is well: look at what the container says",
}


def health(account: Account) -> list[TargetState]:
    """Every target of an account that was looked at (`look(cloud, *KEYS)`), by target group and name.

    What AWS did not tell is taken for well: a cause is named only where it was seen.

    Raises:
        MissingData: AWS did not say which targets there are.
    """
    looking = _Diagnosis(account)
    found = []
    for each in account["TargetHealth"]:
        group, target = looking.groups[each["TargetGroupArn"]], each["Target"]
        instance = looking.instances.get(target["Id"])
        told = each["TargetHealth"]
        found.append(
            TargetState(
                target_group=group["TargetGroupName"],
                target=_name(instance) if instance else target["Id"],
                id=target["Id"],
                zone=instance["Placement"]["AvailabilityZone"] if instance else "",
                port=target.get("Port"),
                state=told["State"],
                reason=told.get("Reason", ""),
                cause=None if told["State"] == "draining" else next(looking.causes(group, target, told), None),
            )
        )
    return sorted(found, key=lambda each: (each.target_group, each.target, each.zone, each.id, each.port or 0))


def health_frame(states: list[TargetState]) -> pandas.DataFrame:
    """One row a target: target_group, target, zone, port, state, reason, cause (its code), detail, fix; by name."""
    import pandas

    columns = ["target_group", "target", "zone", "port", "state", "reason", "code", "detail", "fix"]
    rows = [{**each.to_dict(), "target": each.target} for each in states]
    return pandas.DataFrame(rows, columns=columns)


class _Diagnosis:
    """An account, with what is looked up in it for each target."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.groups = {each["TargetGroupArn"]: each for each in account["TargetGroups"]}
        self.instances = {each["InstanceId"]: each for each in account.get("Instances") or ()}
        self.tasks = RunningTasks(account)
        self._of_arn = {each.raw["LoadBalancerArn"]: each for each in list_load_balancers(account)}
        self._reached: dict[tuple[str, str, int], list[ReachResult]] = {}

    @cached_property
    def _container_hosts(self) -> set[str]:
        return {each.get("ec2InstanceId", "") for each in self.account.get("containerInstances") or ()}

    def causes(self, group: Raw, target: Raw, told: Raw) -> Iterator[Cause]:
        """What keeps a target from passing its checks, what has to be mended first on top."""
        used = [self._of_arn[arn] for arn in group.get("LoadBalancerArns", ()) if arn in self._of_arn]
        if not used:
            if not group.get("LoadBalancerArns"):
                yield Cause(
                    "GROUP_NOT_USED", "no listener forwards to its target group", "add a rule, or delete the group"
                )
            return
        if not group.get("HealthCheckEnabled", True):
            return
        yield from self._of_instance(group, target, used[0])
        port = _check_port(group, target)
        if port is not None:
            yield from self._on_the_way(used[0], target["Id"], port, told.get("Reason") == "Target.Timeout")
            yield from self._of_task(group, target["Id"], port)
        if told.get("Reason") == "Target.ResponseCodeMismatch":
            detail = f"{group.get('HealthCheckPath', '/')}: {told.get('Description', 'the status is not accepted')}"
            yield Cause(
                "STATUS_NOT_ACCEPTED", detail, "set the health check's path, or its matcher, to what it answers"
            )

    def _of_instance(self, group: Raw, target: Raw, one: LiveLoadBalancer) -> Iterator[Cause]:
        if group.get("TargetType", "instance") != "instance" or self.account.get("Instances") is None:
            return
        instance = self.instances.get(target["Id"])
        if instance is None:
            yield Cause("INSTANCE_GONE", "there is no such instance any more", "deregister the target")
            return
        state = instance["State"]["Name"]
        if state != "running":
            fix = "start it, or deregister it" if state in ("stopped", "stopping") else "deregister the target"
            yield Cause("INSTANCE_NOT_RUNNING", f"the instance is {state}", fix)
        zone = instance["Placement"]["AvailabilityZone"]
        enabled = {each["ZoneName"] for each in one.raw.get("AvailabilityZones", ())}
        if enabled and zone not in enabled:
            fix = f"add a subnet of {zone} to {one.name}"
            yield Cause("ZONE_NOT_ENABLED", f"{one.name} is not in its zone, {zone}", fix)

    def _on_the_way(self, one: LiveLoadBalancer, target: str, port: int, timed_out: bool) -> Iterator[Cause]:
        """Each node of a load balancer checks each target: it is not healthy where one of them does not get there.

        What is not known of the way explains a time-out, and is no cause by itself.
        """
        key = one.name, target, port
        if key not in self._reached:
            self._reached[key] = [reach(self.account, node, target, port) for node in self._nodes(one)]
        for decision, code in (("deny", "NOT_REACHED"), ("unknown", "PERHAPS_NOT_REACHED")):
            said = next((each for each in self._reached[key] if each.decision == decision), None)
            if said and (decision == "deny" or timed_out):
                yield _not_reached(code, one, port, said)

    def _nodes(self, one: LiveLoadBalancer) -> tuple[str, ...]:
        """The interfaces of a load balancer; its name where nobody sees them."""
        try:
            return self._places.find("alb", one.name).interfaces or (f"alb/{one.name}",)
        except (MissingData, UsageError):
            return (f"alb/{one.name}",)

    @cached_property
    def _places(self) -> EndpointCatalog:
        return EndpointCatalog.of(self.account)

    def _of_task(self, group: Raw, target: str, port: int) -> Iterator[Cause]:
        listens = self.tasks.listening_on(target, port)
        if listens is None:
            if self.tasks.known and target in self._container_hosts:
                detail = f"no task on the instance listens on port {port}"
                yield Cause(
                    "NO_TASK", detail, "see the events of its service, and the host port of its task definition"
                )
            return
        path, matcher = group.get("HealthCheckPath", "/"), group.get("Matcher") or {}
        prefix = self._prefix(listens)
        if prefix is not None and not _is_below(path, prefix) and not matcher_accepts(matcher, 404):
            wanted = matcher.get("HttpCode") or matcher.get("GrpcCode") or "200"
            detail = (
                f"the health check asks for {path}, and {listens.name} answers below {prefix or '/'} only, else 404"
            )
            yield Cause("PATH_NOT_SERVED", f"{detail}, not {wanted}", f"set the health check's path to {prefix}/")

    def _prefix(self, listens: PortBinding) -> str | None:
        """Below which path a container answers; None where its definition does not say."""
        for definition in self.account.get("taskDefinitions") or ():
            if definition["taskDefinitionArn"] == listens.definition:
                for container in definition.get("containerDefinitions", ()):
                    if container.get("name") == listens.container:
                        variables = {each["name"]: each["value"] for each in container.get("environment", ())}
                        return variables.get(_PREFIX)
        return None


def _not_reached(code: str, one: LiveLoadBalancer, port: int, said: ReachResult) -> Cause:
    fix = "; ".join(rule.cli() for rule in said.fix) or "look at the routes and network ACLs of both subnets"
    why = said.because[0] if said.because else "nothing lets it in"
    verb = "does not reach" if said.decision == "deny" else "may not reach"
    return Cause(code, f"{one.name} {verb} it on port {port}: {why}", fix)


def _check_port(group: Raw, target: Raw) -> int | None:
    port = group.get("HealthCheckPort", "traffic-port")
    return target.get("Port") if port == "traffic-port" else int(port)


def _is_below(path: str, prefix: str) -> bool:
    return path.split("?")[0].startswith(f"{prefix.rstrip('/')}/")


def _name(instance: Raw) -> str:
    return tag_dict(instance.get("Tags")).get("Name") or str(instance["InstanceId"])
