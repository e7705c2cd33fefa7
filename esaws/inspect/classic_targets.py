"""Health of the instances of Classic Load Balancers, with the cause where the network or the instance is it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeInstanceHealth.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.account import Account, name_tag
from esaws.inspect.fetch import Raw
from esaws.inspect.fixes import Fix
from esaws.inspect.network.reach import ReachResult, reach
from esaws.inspect.target_causes import Cause
from esaws.inspect.target_health import TargetState

_STATES: Mapping[str, str] = {"InService": "healthy", "OutOfService": "unhealthy", "Unknown": "initial"}
_LOOK = Fix("look at it, then read the log of its application")


def classic_load_balancers(cloud: Cloud) -> dict[str, Raw]:
    """Return the Classic Load Balancers of an account, as described, by name.

    Raises:
        ClientError: AWS refused the call.
    """
    described = pages(cloud, "elb", "describe_load_balancers", "LoadBalancerDescriptions")
    return {raw["LoadBalancerName"]: raw for raw in described}


def instance_states(cloud: Cloud, name: str) -> list[Raw]:
    """Return the state of each instance of a Classic Load Balancer, as described."""
    states: list[Raw] = cloud.client("elb").describe_instance_health(LoadBalancerName=name)["InstanceStates"]
    return states


def classic_health(account: Account, load_balancer: Raw, states: Sequence[Raw]) -> list[TargetState]:
    """Return the state of every instance of a Classic Load Balancer with its diagnosed cause. Pure."""
    instances = {raw["InstanceId"]: raw for raw in account.get("Instances") or ()}
    port = _check_port(load_balancer)
    found = []
    for state in states:
        instance = instances.get(state["InstanceId"])
        found.append(
            TargetState(
                target_group=load_balancer["LoadBalancerName"],
                target=name_tag(instance, state["InstanceId"]) if instance else state["InstanceId"],
                id=state["InstanceId"],
                zone=instance["Placement"]["AvailabilityZone"] if instance else "",
                port=port,
                state=_STATES.get(str(state["State"]), str(state["State"])),
                reason=_reason(state),
                cause=None if state["State"] == "InService" else _cause(account, load_balancer, state, instance, port),
            )
        )
    return sorted(found, key=lambda state: (state.target, state.zone, state.id))


def _cause(
    account: Account, load_balancer: Raw, state: Raw, instance: Mapping[str, Any] | None, port: int | None
) -> Cause:
    cause = next(_causes(account, load_balancer, state, instance, port), None)
    if cause is None and state["State"] == "Unknown":
        return Cause("REGISTERING", _reason(state), Fix("wait for its first health checks, and look again"))
    return cause or Cause("UNEXPLAINED", f"nothing is wrong from outside: {_reason(state)}", _LOOK)


def _causes(
    account: Account, load_balancer: Raw, state: Raw, instance: Mapping[str, Any] | None, port: int | None
) -> Iterator[Cause]:
    name, id = load_balancer["LoadBalancerName"], state["InstanceId"]
    if account.get("Instances") is None:
        reason = account.missing.get("Instances", "")
        yield Cause("NOT_LOOKED_AT", f"{_reason(state)}; not looked at: the instance: {reason}", _LOOK)
        return
    remove = (
        "elb",
        "DeregisterInstancesFromLoadBalancer",
        {"LoadBalancerName": name, "Instances": [{"InstanceId": id}]},
    )
    if instance is None:
        yield Cause("INSTANCE_GONE", "the instance no longer exists", Fix("deregister the instance", (remove,)))
        return
    if (running := instance["State"]["Name"]) != "running":
        start = ("ec2", "StartInstances", {"InstanceIds": [id]})
        fix = Fix("start the instance, or deregister it", (start,) if running == "stopped" else ())
        yield Cause("INSTANCE_NOT_RUNNING", f"the instance is {running}", fix)
    zone = instance["Placement"]["AvailabilityZone"]
    if (zones := load_balancer.get("AvailabilityZones", ())) and zone not in zones:
        fix = Fix(f"add a subnet of {zone} to {name}")
        yield Cause("ZONE_NOT_ENABLED", f"its zone, {zone}, is not enabled for {name}", fix)
    if port is None:
        yield Cause("NOT_LOOKED_AT", f"{_reason(state)}; the port of the health check is not known", _LOOK)
        return
    results = _reach(account, name, id, port)
    for decision, code in (("deny", "NOT_REACHED"), ("unknown", "NOT_LOOKED_AT")):
        if result := next((result for result in results if result.decision == decision), None):
            verb = "does not reach" if decision == "deny" else "may not reach"
            calls = "; ".join(rule.cli() for rule in result.fix)
            reason = result.because[0] if result.because else "no rule allows it"
            fix = Fix(calls or "check the routes and network ACLs of both subnets")
            yield Cause(code, f"{name} {verb} it on port {port}: {reason}", fix)


def _reach(account: Account, name: str, instance: str, port: int) -> list[ReachResult]:
    """Return whether each node of the load balancer reaches the instance; a node is an interface of its name."""
    nodes = [
        raw["NetworkInterfaceId"]
        for raw in account.get("NetworkInterfaces") or ()
        if raw.get("Description") == f"ELB {name}"
    ]
    if not nodes:
        return [ReachResult("unknown", (f"no interface of {name} is visible",))]
    try:
        return [reach(account, node, instance, port) for node in nodes]
    except UsageError as error:
        return [ReachResult("unknown", (str(error),))]


def _check_port(load_balancer: Raw) -> int | None:
    """Return the port of a health check such as `HTTP:80/index.html` or `TCP:22`."""
    port = load_balancer.get("HealthCheck", {}).get("Target", "").partition(":")[2].partition("/")[0]
    return int(port) if port.isdigit() else None


def _reason(state: Raw) -> str:
    description = state.get("Description", "")
    return str(state.get("State", "") if description in ("", "N/A") else description)
