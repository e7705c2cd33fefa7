"""The whole path of a request: client, listener, rule, target group, target, security groups, host port, task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws._display import in_lines
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.account import Account, MissingData, account_of, name_tag
from esaws.inspect.answers import Decision
from esaws.inspect.fetch import Raw
from esaws.inspect.load_balancers import KEYS as LOAD_BALANCER_KEYS
from esaws.inspect.load_balancers import (
    LiveLoadBalancer,
    find_load_balancer,
    health_by_target_group,
    target_group_name,
)
from esaws.inspect.network.endpoint_catalog import KEYS as NETWORK_KEYS
from esaws.inspect.network.reach import ReachResult, reach
from esaws.inspect.port_bindings import RunningTasks
from esaws.inspect.routing.request import Request, parse_header
from esaws.inspect.routing.targets import target_key
from esaws.inspect.routing.trace import RuleTrace, trace_rules
from esaws.inspect.target_causes import is_of_function, short_name

if TYPE_CHECKING:
    import pandas

KEYS = tuple(dict.fromkeys([*LOAD_BALANCER_KEYS, *NETWORK_KEYS, "Functions"]))
"""What a snapshot needs for a trace."""


@dataclass(frozen=True)
class TargetHop:
    """One target of a request, and what is behind it."""

    target_group: str
    id: str
    name: str
    """The instance's name, or its id where it has none."""
    zone: str
    """Its Availability Zone; empty where it is unknown."""
    port: int | None
    state: str
    """Its health for the load balancer: healthy, unhealthy, …"""
    reason: str
    eligible: bool | None
    """Whether the load balancer may choose it; None where that is unknown."""
    reached: str
    """Whether the load balancer reaches it: allow, deny or unknown."""
    task: str = ""
    """The service or task that listens on the port; empty where none is known."""
    container_port: int | None = None
    target_type: str = "instance"
    """instance, ip, lambda or alb."""

    def to_dict(self) -> dict[str, Any]:
        return vars(self).copy()

    def __str__(self) -> str:
        if self.target_type == "lambda":
            return self._invocation()
        choice = {True: "may receive it", False: "does not receive it", None: "may or may not receive it"}
        access = {
            "allow": "the security groups allow the load balancer",
            "deny": "the load balancer is not allowed to reach it",
            "unknown": "whether the load balancer reaches it is unknown",
        }
        container = (
            f"{self.task} listens there, on port {self.container_port} of its container"
            if self.task
            else "no task listens there"
        )
        zone = f" in {self.zone}" if self.zone else ""
        state = self.state + (f" ({self.reason})" if self.reason else "")
        target = f"{self.target_group}: {self.name}{zone} port {self.port}, {state}"
        return f"{target}, {choice[self.eligible]}; {access[self.reached]}; {container}"

    def _invocation(self) -> str:
        """Describe how a function is invoked: no route, group or port is involved.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
        """
        called = {
            "deny": "it no longer exists, so the load balancer answers 502",
            "unknown": "the load balancer invokes it through the Lambda API with the request as JSON, at most 1 MB, "
            "if the function's policy allows elasticloadbalancing.amazonaws.com, which is not looked at",
        }
        state = self.state + (f" ({self.reason})" if self.reason else "")
        return f"{self.target_group}: the function {self.name}, {state}; {called[self.reached]}"


@dataclass(frozen=True, repr=False)
class RequestPath:
    """The path of a request, hop by hop, from the client to the container."""

    load_balancer: str
    trace: RuleTrace
    targets: tuple[TargetHop, ...]
    hops: tuple[str, ...]

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each target: target_group, id, name, zone, port, state, reason, eligible, reached, task,
        container_port, target_type.
        """
        import pandas

        columns = [*TargetHop.__dataclass_fields__]
        return pandas.DataFrame([target.to_dict() for target in self.targets], columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the keys of the rule trace (outcome, priority, action, hops, …) with a list of `targets`.

        Each target has target_group, id, name, zone, port, state, reason, eligible, reached (allow, deny, unknown),
        task, container_port, target_type (instance, ip, lambda, alb).
        """
        targets = [target.to_dict() for target in self.targets]
        return self.trace.to_dict() | {"targets": targets, "hops": list(self.hops)}

    def __str__(self) -> str:
        return "\n".join(self.hops)

    def __repr__(self) -> str:
        return in_lines(str(self))


def trace(
    account: Account | Cloud,
    url: str,
    *,
    alb: str | None = None,
    method: str = "GET",
    headers: Iterable[tuple[str, str] | str] = (),
    source_ip: str = "",
) -> RequestPath:
    """Return the path of a request to a URL.

    `alb` is the name of the load balancer where the host of the URL is not its DNS name. Headers are (name, value), or
    text such as `User-Agent: curl`. Without `source_ip` the client is any address on the internet.

    Raises:
        UsageError: the text is not a URL, or the load balancer is ambiguous.
        NotDeployed: the account has no load balancer.
        MissingData: AWS did not describe the rules.
    """
    account = account_of(account, *KEYS)
    pairs = tuple(parse_header(header) if isinstance(header, str) else header for header in headers)
    request = Request.for_url(url, method=method, headers=pairs, source_ip=source_ip)
    return path_of(account, find_load_balancer(account, alb, host=request.host_name), request)


def path_of(account: Account, load_balancer: LiveLoadBalancer, request: Request) -> RequestPath:
    """Return the path of a request that arrives at a load balancer.

    Raises:
        MissingData: AWS did not describe the rules.
    """
    if (listener := load_balancer.listener(request.port)) is None:
        ports = ", ".join(str(listener["Port"]) for listener in load_balancer.listeners()) or "no port"
        reason = f"{load_balancer.name} listens on {ports}, not on {request.port}: the connection is refused"
        return _without_targets(load_balancer, reason)
    arrived = arrival(account, load_balancer, request.source_ip, request.port)
    if arrived.decision == "deny":
        because = "; ".join(arrived.because)
        reason = f"the client does not reach {load_balancer.name} on port {request.port}: {because}"
        return _without_targets(load_balancer, reason)
    rule_trace = trace_rules(load_balancer.rules(listener), request, health_by_target_group(account))
    first_hop = f"{load_balancer.name} accepts {request.protocol} on port {request.port}"
    if arrived.decision == "unknown":
        first_hop += f" (whether the client reaches it is unknown: {'; '.join(arrived.because)})"
    targets = tuple(_target_hops(account, load_balancer, rule_trace))
    return RequestPath(load_balancer.name, rule_trace, targets, (first_hop, *rule_trace.hops, *map(str, targets)))


def _without_targets(load_balancer: LiveLoadBalancer, reason: str) -> RequestPath:
    rule_trace = RuleTrace(outcome="elb_response", reason=reason, hops=(reason,))
    return RequestPath(load_balancer.name, rule_trace, (), rule_trace.hops)


def arrival(account: Account, load_balancer: LiveLoadBalancer, source_ip: str, port: int) -> ReachResult:
    """Return whether a client reaches a listener; without an address it is any client on the internet."""
    if not source_ip and not load_balancer.is_public:
        return ReachResult("unknown", ("the load balancer is internal, and the client's address is not given",))
    return reach(account, source_ip or "internet", f"alb/{load_balancer.name}", port)


def _target_hops(account: Account, load_balancer: LiveLoadBalancer, rule_trace: RuleTrace) -> Iterator[TargetHop]:
    """Yield the registered targets of each target group that receives the request."""
    tasks = RunningTasks(account)
    instances = account.get("Instances") or ()
    names = {raw["InstanceId"]: name_tag(raw, raw["InstanceId"]) for raw in instances}
    types = {raw["TargetGroupArn"]: raw.get("TargetType", "instance") for raw in account["TargetGroups"]}
    zones = {raw["InstanceId"]: raw["Placement"]["AvailabilityZone"] for raw in instances}

    def order(raw: Raw) -> tuple[str, str, str]:
        id = raw["Target"]["Id"]
        return names.get(id, ""), zones.get(id, ""), id

    for arn, eligible in rule_trace.targets.items():
        registered = [raw for raw in account["TargetHealth"] if raw["TargetGroupArn"] == arn]
        for raw in sorted(registered, key=order):
            target, health = raw["Target"], raw["TargetHealth"]
            binding = tasks.listening_on(target["Id"], target.get("Port"))
            yield TargetHop(
                target_group=target_group_name(arn),
                id=target["Id"],
                name=names.get(target["Id"]) or short_name(target["Id"]),
                zone=_zone(target, zones),
                port=None if types[arn] == "lambda" else target.get("Port"),
                state=health["State"],
                reason=health.get("Reason", ""),
                eligible=None if eligible.keys is None else target_key(target) in eligible.keys,
                reached=target_reached(account, load_balancer, target["Id"], target.get("Port"), types[arn]),
                task=binding.name if binding else "",
                container_port=binding.container_port if binding else None,
                target_type=types[arn],
            )


def _zone(target: Raw, zones: Mapping[str, str]) -> str:
    """Return the zone of a target; `all` stands for an address or a function outside the zones of the VPC."""
    described = target.get("AvailabilityZone", "")
    return zones.get(target["Id"], "") if described in ("", "all") else str(described)


def target_reached(
    account: Account, load_balancer: LiveLoadBalancer, target: str, port: int | None, type_: str = "instance"
) -> Decision:
    """Return whether a load balancer reaches a target: allow, deny or unknown."""
    if type_ == "lambda":
        functions = account.get("Functions")
        gone = functions is not None and not any(is_of_function(target, raw) for raw in functions)
        return "deny" if gone and f":{account.region}:" in target else "unknown"
    if port is None:
        return "unknown"
    try:
        return reach(account, f"alb/{load_balancer.name}", target, port).decision
    except (MissingData, UsageError, ValueError):
        return "unknown"
