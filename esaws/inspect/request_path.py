"""The whole way of a request: client, listener, rule, target group, target, security groups, host port, task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from esaws.aws import tag_dict
from esaws.inspect.account import Account, MissingData
from esaws.inspect.fetch import Raw
from esaws.inspect.load_balancers import KEYS as BALANCER_KEYS
from esaws.inspect.load_balancers import LiveLoadBalancer, find_load_balancer, health_by_target_group, target_group_name
from esaws.inspect.network.endpoint_catalog import KEYS as NETWORK_KEYS
from esaws.inspect.network.reach import ReachResult
from esaws.inspect.network.reach_by_name import reach
from esaws.inspect.port_bindings import RunningTasks
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import RuleTrace, trace_rules

KEYS = tuple(dict.fromkeys([*BALANCER_KEYS, *NETWORK_KEYS]))
"""What has to be looked at."""


@dataclass(frozen=True)
class TargetHop:
    """One target of a request, and what stands behind it."""

    target_group: str
    id: str
    name: str
    """The instance's name, or its id where it has none."""
    zone: str
    """Its Availability Zone; empty where that is not told."""
    port: int | None
    state: str
    """As the load balancer says: healthy, unhealthy, …"""
    reason: str
    eligible: bool | None
    """Whether it may get the request; None where that is not known."""
    reached: str
    """Whether the load balancer reaches it: allow, deny or unknown."""
    task: str = ""
    """The service or task that listens on the port; empty where none is known."""
    container_port: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return vars(self).copy()


@dataclass(frozen=True)
class RequestPath:
    """Where a request goes, hop by hop, from the client to the container."""

    load_balancer: str
    trace: RuleTrace
    targets: tuple[TargetHop, ...]
    hops: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """outcome, priority, rule_arn, action, target_groups, targets, hops, candidates, reason, and what a trace adds.

        `targets` has an object for each target: target_group, id, name, zone, port, state, reason, eligible, reached
        (allow, deny, unknown), task, container_port.
        """
        return self.trace.to_dict() | {"targets": [stop.to_dict() for stop in self.targets], "hops": list(self.hops)}

    def __str__(self) -> str:
        return "\n".join(self.hops)


def trace(
    account: Account,
    url: str,
    *,
    alb: str | None = None,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    source_ip: str = "",
) -> RequestPath:
    """The way of a request to a URL through an account that was looked at (`look(cloud, *KEYS)`).

    `alb` names the load balancer where the host of the URL does not. Without `source_ip` the client is anybody on the
    internet.

    Raises:
        UsageError: it is no URL, or nothing tells which load balancer it is for.
        NotDeployed: there is no load balancer.
        MissingData: AWS did not say what rules there are.
    """
    request = Request.for_url(url, method=method, headers=tuple(headers), source_ip=source_ip)
    one = find_load_balancer(account, alb, host=request.host_name)
    if (listener := one.listener(request.port)) is None:
        ports = ", ".join(str(each["Port"]) for each in one.listeners()) or "no port"
        why = f"{one.name} listens on {ports}, not on {request.port}: the connection is refused"
        return _ended(one, RuleTrace(outcome="elb_response", reason=why, hops=(why,)))
    arrival = _arrival(account, one, request)
    if arrival.decision == "deny":
        why = f"the client does not reach {one.name} on port {request.port}: {'; '.join(arrival.because)}"
        return _ended(one, RuleTrace(outcome="elb_response", reason=why, hops=(why,)))
    traced = trace_rules(one.rules(listener), request, health_by_target_group(account))
    first = f"{one.name} takes {request.protocol} on port {request.port}" + (
        f" (whether the client gets there is unknown: {'; '.join(arrival.because)})"
        if arrival.decision == "unknown"
        else ""
    )
    stops = tuple(_stops(account, one, traced))
    return RequestPath(one.name, traced, stops, (first, *traced.hops, *(_told(stop) for stop in stops)))


def _ended(one: LiveLoadBalancer, traced: RuleTrace) -> RequestPath:
    return RequestPath(one.name, traced, (), traced.hops)


def _arrival(account: Account, one: LiveLoadBalancer, request: Request) -> ReachResult:
    if not request.source_ip and not one.is_public:
        return ReachResult("unknown", ("it is internal, and the client's address was not said",))
    return reach(account, request.source_ip or "internet", f"alb/{one.name}", request.port)


def _stops(account: Account, one: LiveLoadBalancer, traced: RuleTrace) -> Iterator[TargetHop]:
    """The targets that the request may go to; where none may, those that are registered."""
    tasks = RunningTasks(account)
    instances = account.get("Instances") or ()
    names = {each["InstanceId"]: _name(each) for each in instances}
    zones = {each["InstanceId"]: each["Placement"]["AvailabilityZone"] for each in instances}
    for arn, found in traced.targets.items():
        registered = [each for each in account["TargetHealth"] if each["TargetGroupArn"] == arn]
        for each in sorted(registered, key=lambda each: _order(each["Target"], names, zones)):
            target, health = each["Target"], each["TargetHealth"]
            listens = tasks.listening_on(target["Id"], target.get("Port"))
            yield TargetHop(
                target_group=target_group_name(arn),
                id=target["Id"],
                name=names.get(target["Id"], target["Id"]),
                zone=target.get("AvailabilityZone") or zones.get(target["Id"], ""),
                port=target.get("Port"),
                state=health["State"],
                reason=health.get("Reason", ""),
                eligible=None if found.targets is None else target["Id"] in found.targets,
                reached=_reached(account, one, target["Id"], target.get("Port")),
                task=listens.name if listens else "",
                container_port=listens.container_port if listens else None,
            )


def _order(target: Raw, names: dict[str, str], zones: dict[str, str]) -> tuple[str, str, str]:
    id = target["Id"]
    return names.get(id, ""), zones.get(id, ""), id


def _reached(account: Account, one: LiveLoadBalancer, target: str, port: int | None) -> str:
    if port is None:
        return "unknown"
    try:
        return reach(account, f"alb/{one.name}", target, port).decision
    except (MissingData, ValueError):
        return "unknown"


def _told(stop: TargetHop) -> str:
    may = {True: "may get it", False: "does not get it", None: "may or may not get it"}[stop.eligible]
    way = {
        "allow": "the security groups let the load balancer in",
        "deny": "nothing lets the load balancer in",
        "unknown": "whether the load balancer gets there is unknown",
    }[stop.reached]
    behind = (
        f"{stop.task} listens there, in its container on {stop.container_port}"
        if stop.task
        else "no task listens there"
    )
    where = f" in {stop.zone}" if stop.zone else ""
    state = stop.state + (f" ({stop.reason})" if stop.reason else "")
    return f"{stop.target_group}: {stop.name}{where} port {stop.port}, {state}, {may}; {way}; {behind}"


def _name(instance: Raw) -> str:
    return tag_dict(instance.get("Tags")).get("Name") or str(instance["InstanceId"])
