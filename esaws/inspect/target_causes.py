"""Why a target is unhealthy: its instance, the path from its load balancer, its task, or what was not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from esaws.errors import UsageError
from esaws.inspect import target_fixes
from esaws.inspect.account import Account, MissingData
from esaws.inspect.fetch import Raw
from esaws.inspect.fixes import Fix
from esaws.inspect.load_balancers import LiveLoadBalancer, list_load_balancers
from esaws.inspect.network.addresses import contains_public
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.named_endpoints import network_load_balancer_interfaces
from esaws.inspect.network.reach import ReachResult, reach
from esaws.inspect.network.security_groups import GroupRule
from esaws.inspect.network.traffic import Traffic
from esaws.inspect.port_bindings import PortBinding, RunningTasks
from esaws.inspect.routing.targets import matcher_accepts
from esaws.inspect.target_fixes import TargetFixes
from esaws.inspect.unused_addresses import is_unused_address

_PREFIX_VARIABLE = "ALB_PREFIX"
"""The environment variable with the path prefix that a container serves."""

_PROTOCOLS = {"TCP": ("tcp",), "TLS": ("tcp",), "UDP": ("udp",), "TCP_UDP": ("tcp", "udp")}

_LOOK = {
    "lambda": Fix("check that elasticloadbalancing.amazonaws.com may invoke the function, and read its log"),
    "alb": Fix("look at the targets of the Application Load Balancer"),
    "instance": Fix("look at it, then read the log of the container"),
    "ip": Fix("look at it, then read the log of the container"),
}


@dataclass(frozen=True)
class Cause:
    """Why a target is unhealthy, or will be at its next health check; or what was not looked at."""

    code: str
    detail: str
    fix: Fix


class Diagnosis:
    """An account with look-ups for each target."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.groups = {raw["TargetGroupArn"]: raw for raw in account["TargetGroups"]}
        self.instances = {raw["InstanceId"]: raw for raw in account.get("Instances") or ()}
        self.tasks = RunningTasks(account)
        load_balancers = list_load_balancers(account, "application", "network")
        self._load_balancers = {lb.raw["LoadBalancerArn"]: lb for lb in load_balancers}
        self._attributes = {
            raw["TargetGroupArn"]: {item["Key"]: item["Value"] for item in raw["Attributes"]}
            for raw in account.get("TargetGroupAttributes") or ()
        }
        self._reach_results: dict[tuple[str, str, int], list[ReachResult]] = {}

    @cached_property
    def _fixes(self) -> TargetFixes:
        return TargetFixes(self.account, self._catalog, self.tasks)

    @cached_property
    def _container_hosts(self) -> set[str]:
        return {raw.get("ec2InstanceId", "") for raw in self.account.get("containerInstances") or ()}

    def cause(self, group: Raw, target: Raw, target_health: Raw) -> Cause | None:
        """Return the cause to fix first, or what was not looked at; None where nothing is known to be wrong."""
        state = target_health["State"]
        if state == "draining":
            return None
        if cause := next(self._causes(group, target, target_health), None):
            return cause
        gaps = [*self._not_looked_at(group, target)] if state == "unhealthy" else []
        detail = f"{target_health.get('Reason', state)}; not looked at: {'; '.join(gaps)}"
        return Cause("NOT_LOOKED_AT", detail, _LOOK[_type(group)]) if gaps else None

    def _load_balancer(self, group: Raw) -> LiveLoadBalancer | None:
        arns = group.get("LoadBalancerArns", ())
        return next((self._load_balancers[arn] for arn in arns if arn in self._load_balancers), None)

    def _causes(self, group: Raw, target: Raw, target_health: Raw) -> Iterator[Cause]:
        """Yield the causes that make health checks fail, the one to fix first at the top."""
        load_balancer = self._load_balancer(group)
        if load_balancer is None:
            if not group.get("LoadBalancerArns", ()):
                detail = "no listener forwards to its target group"
                yield Cause("GROUP_NOT_USED", detail, Fix("add a rule, or delete the group"))
            return
        if _type(group) == "lambda":
            yield from self._function_causes(group, target)
        if target_health.get("Reason") == "Elb.InternalError":
            detail = "the load balancer itself failed to check its health"
            fix = Fix("look at the AWS Health Dashboard; AWS mends it")
            yield Cause("LOAD_BALANCER_FAILED", detail, fix)
        if not group.get("HealthCheckEnabled", True) or _type(group) in ("lambda", "alb"):
            return
        yield from self._instance_causes(group, target, load_balancer)
        yield from self._address_causes(group, target, load_balancer)
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
        yield from self._client_causes(group, target, load_balancer)

    def _not_looked_at(self, group: Raw, target: Raw) -> Iterator[str]:
        """Yield what would have to be known before nothing but the container can be the reason."""
        load_balancer, type_ = self._load_balancer(group), _type(group)
        if load_balancer is None:
            yield "the load balancer, which is neither an Application nor a Network Load Balancer of this account"
        elif type_ == "lambda":
            yield "the permission to invoke the function, its errors and its log"
        elif type_ == "alb":
            yield "the Application Load Balancer that is the target; its own targets have rows of their own"
        elif (port := _health_check_port(group, target)) is None:
            yield "the port of the health check, which AWS did not describe"
        else:
            results = self._reach(load_balancer, target["Id"], port)
            unknown = next((result for result in results if result.decision == "unknown"), None)
            if unknown:
                yield f"whether {load_balancer.name} reaches it on port {port}: {unknown.because[0]}"
        if type_ == "instance" and self.account.get("Instances") is None:
            yield f"the instance: {self.account.missing.get('Instances')}"

    def _function_causes(self, group: Raw, target: Raw) -> Iterator[Cause]:
        functions = self.account.get("Functions")
        if functions is None or f":{self.account.region}:" not in target["Id"]:
            return
        if not any(is_of_function(target["Id"], raw) for raw in functions):
            yield Cause("FUNCTION_GONE", "the function no longer exists", target_fixes.deregister(group, target))

    def _client_causes(self, group: Raw, target: Raw, load_balancer: LiveLoadBalancer) -> Iterator[Cause]:
        """Yield a cause where health checks pass and clients don't: the target sees the addresses of the clients.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
        """
        port = target.get("Port")
        attributes = self._attributes.get(group["TargetGroupArn"], {})
        if load_balancer.type != "network" or not load_balancer.is_public or not preserves_client_ip(group, attributes):
            return
        network = self._catalog.network
        groups = self._fixes.groups_of(target["Id"])
        if port is None or not groups or any(id not in network.groups for id in groups):
            return
        traffics = [Traffic.of(protocol, port) for protocol in _PROTOCOLS.get(group.get("Protocol", ""), ())]
        for traffic in traffics:
            rules = [
                rule
                for id in groups
                for rule in network.rules(id, "ingress")
                if not rule.matches_traffic(traffic).is_no
            ]
            if not any(_admits_clients(rule, load_balancer) for rule in rules):
                names = " or ".join(network.group_name(id) for id in groups)
                detail = (
                    f"{load_balancer.name} keeps the addresses of clients, and no rule of {names} allows {traffic} "
                    "from the internet"
                )
                fix = Fix(
                    "allow the clients, or the load balancer's group if it has one; or turn preserve_client_ip off"
                )
                yield Cause("CLIENTS_NOT_ALLOWED", detail, fix)

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

    def _address_causes(self, group: Raw, target: Raw, load_balancer: LiveLoadBalancer) -> Iterator[Cause]:
        vpc = group.get("VpcId") or load_balancer.raw.get("VpcId", "")
        if _type(group) == "ip" and is_unused_address(self.account, self._catalog.network, target["Id"], vpc):
            fix = target_fixes.deregister(group, target)
            yield Cause("ADDRESS_GONE", "no network interface has the address any more", fix)

    def _network_causes(
        self, group: Raw, target: Raw, load_balancer: LiveLoadBalancer, port: int, timed_out: bool
    ) -> Iterator[Cause]:
        """Yield a cause where one node of the load balancer does not reach the target: every node checks it.

        An unknown path explains a time-out, but is not a cause by itself.
        """
        results = self._reach(load_balancer, target["Id"], port)
        for decision, code in (("deny", "NOT_REACHED"), ("unknown", "PERHAPS_NOT_REACHED")):
            result = next((result for result in results if result.decision == decision), None)
            if result and (decision == "deny" or timed_out):
                yield _not_reached(
                    code, load_balancer, port, result, self._fixes.path(group, target, load_balancer, port, result.fix)
                )

    def _reach(self, load_balancer: LiveLoadBalancer, target: str, port: int) -> list[ReachResult]:
        """Return whether each node of a load balancer reaches a target."""
        key = load_balancer.raw["LoadBalancerArn"], target, port
        if key not in self._reach_results:
            results = [ReachResult("unknown", (f"no interface of {load_balancer.name} is visible",))]
            if nodes := self._nodes(load_balancer):
                try:
                    results = [reach(self.account, node, target, port) for node in nodes]
                except UsageError as error:
                    results = [ReachResult("unknown", (str(error),))]
            self._reach_results[key] = results
        return self._reach_results[key]

    def _nodes(self, load_balancer: LiveLoadBalancer) -> tuple[str, ...]:
        """Return the interfaces of a load balancer; where they are not visible, its name, or none of a network one."""
        if load_balancer.type == "network":
            return network_load_balancer_interfaces(self.account, load_balancer.raw)
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
        if group.get("HealthCheckProtocol", "HTTP") not in ("HTTP", "HTTPS"):
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


def _type(group: Raw) -> str:
    return str(group.get("TargetType", "instance"))


def preserves_client_ip(group: Raw, attributes: Mapping[str, str]) -> bool:
    """Return whether targets of a Network Load Balancer see the addresses of the clients.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
    """
    if (setting := attributes.get("preserve_client_ip.enabled")) is not None:
        return setting == "true"
    return _type(group) == "instance" or group.get("Protocol") in ("UDP", "TCP_UDP")


def _admits_clients(rule: GroupRule, load_balancer: LiveLoadBalancer) -> bool:
    """Return whether a rule may admit any client: by its address, or by the group of the load balancer."""
    if rule.pair is not None:
        return rule.pair.get("GroupId") in load_balancer.raw.get("SecurityGroups", ())
    return rule.ranges is None or any(contains_public(cidr) for cidr in rule.ranges)


def short_name(target: str) -> str:
    """Return the name of a function or a load balancer from its ARN; any other id as it is."""
    if target.startswith("arn:"):
        service, resource = target.split(":")[2], target.split(":", 5)[-1]
        return resource.removeprefix("function:") if service == "lambda" else resource.split("/")[-2]
    return target


def is_of_function(target: str, function: Raw) -> bool:
    """Return whether a target is a function, or a version or alias of it."""
    arn = function.get("FunctionArn", "")
    return target == arn or target.startswith(f"{arn}:")
