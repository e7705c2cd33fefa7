"""What a trace lets one expect of a request: who answers it, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from esaws.inspect.load_balancers import target_group_name
from esaws.inspect.request_path import RequestPath, TargetHop
from esaws.inspect.routing.request import Request

BAD_GATEWAY, UNAVAILABLE, TIMEOUT = 502, 503, 504
_DROPPED = "security groups or network ACLs drop the load balancer's packets"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The expected answer of a request.

    outcome `target`: one of the `services`; `fixed response` and `redirect`: the load balancer with the given `status`
    and content; `error`: the load balancer, because no target can answer; `sign-in`: the load balancer, because the
    client is not signed in; `nothing`: the client does not reach the load balancer; `unknown`: for the `reason`.
    """

    outcome: Literal["target", "fixed response", "redirect", "error", "sign-in", "nothing", "unknown"]
    text: str
    """In a few words."""
    status: int | None = None
    location: Mapping[str, str | int] = field(default_factory=dict)
    content_type: str = ""
    body: str = ""
    groups: tuple[str, ...] = ()
    """The ARNs of the target groups that may receive the request."""
    services: frozenset[str] = frozenset()
    """The services and tasks that listen on their targets, without the deployment; empty where none is known."""
    failures: Mapping[int, str] = field(default_factory=dict)
    """The errors with which the load balancer may answer all the same, and why."""
    reason: str = ""


def expectation(path: RequestPath, request: Request, deployment: str = "") -> Expectation:
    """Return what the trace of a request lets one expect. `deployment` is left out of the names of services."""
    trace = path.trace
    if trace.outcome == "unknown":
        rules = " or ".join(trace.candidates)
        return Expectation(outcome="unknown", text=f"unknown: rule {rules}", reason=trace.reason)
    if trace.outcome == "elb_response":
        if trace.status is None:
            return Expectation(outcome="nothing", text="no answer", reason=trace.reason)
        text = f"{trace.status} from the load balancer"
        return Expectation(outcome="error", text=text, status=trace.status, reason=trace.reason)
    action = trace.action
    if (sign_in := action.get("unauthenticated_response")) is not None:
        text = f"{sign_in} from the load balancer: sign in first"
        return Expectation(outcome="sign-in", text=text, status=int(sign_in))
    match action["action"]:
        case "redirect":
            location = action["location_components"]
            own = f"{request.protocol.lower()}://{request.host_name}:{request.port}"
            text = f"{action['status']} to {location_text(location).removeprefix(own)}"
            return Expectation(outcome="redirect", text=text, status=action["status"], location=location)
        case "fixed-response":
            text = f"{action['status']} from the load balancer"
            content = {"content_type": action["content_type"], "body": action["body"]}
            return Expectation(outcome="fixed response", text=text, status=action["status"], **content)
        case _:
            return _of_targets(path, deployment)


def location_text(location: Mapping[str, str | int]) -> str:
    """Return the components of a redirect as a URL."""
    query = f"?{location['query']}" if location["query"] else ""
    return f"{location['protocol']}://{location['host']}:{location['port']}{location['path']}{query}"


def _of_targets(path: RequestPath, deployment: str) -> Expectation:
    action, shares = path.trace.action, path.trace.action.get("shares")
    without_share = {arn for arn, share in shares.items() if share == "0"} if isinstance(shares, Mapping) else set()
    groups = tuple(arn for arn in action["target_groups"] if arn not in without_share)
    if not groups:
        return _error(UNAVAILABLE, groups, "every target group of the rule has the weight 0")
    eligible = [path.trace.targets.get(arn) for arn in groups]
    if gaps := [each.reason for each in eligible if each is not None and each.keys is None]:
        hops, failures = [*path.targets], dict.fromkeys((BAD_GATEWAY, UNAVAILABLE, TIMEOUT), gaps[0])
    else:
        hops, failures = [hop for hop in path.targets if hop.eligible], {}
    empty = [each.reason for each in eligible if each is not None and each.elb_status]
    if len(empty) == len(groups):
        return _error(UNAVAILABLE, groups, empty[0])
    if empty:
        failures[UNAVAILABLE] = empty[0]
    if hops and all(hop.reached == "deny" for hop in hops) and not empty and not gaps:
        return _error(
            TIMEOUT, groups, "security groups or network ACLs drop the load balancer's packets to all targets"
        )
    failures |= _possible_failures(hops)
    services = frozenset(filter(None, (service_name(hop.task, deployment) for hop in hops)))
    count = f"{len(hops)} target{'s' * (len(hops) != 1)}"
    names = sorted(services) or map(target_group_name, groups)
    text = f"{' or '.join(names)}, {count}"
    return Expectation(outcome="target", text=text, groups=groups, services=services, failures=failures)


def _error(status: int, groups: tuple[str, ...], reason: str) -> Expectation:
    text = f"{status} from the load balancer"
    return Expectation(outcome="error", text=text, status=status, groups=groups, reason=reason)


def _possible_failures(hops: list[TargetHop]) -> dict[int, str]:
    """Return the errors to which some of the targets lead."""
    failures: dict[int, str] = {}
    if any(hop.reached == "deny" for hop in hops):
        failures[TIMEOUT] = f"{_DROPPED} to some targets"
    if hops and all(hop.state == "unhealthy" for hop in hops):
        reason = "no target is healthy, so the load balancer sends requests to all of them"
        failures |= {status: reason for status in (BAD_GATEWAY, TIMEOUT) if status not in failures}
    return failures


def service_name(task: str, deployment: str) -> str:
    """Return the name of a `service NAME` or `task FAMILY` without its deployment."""
    name = task.partition(" ")[2]
    return name.removeprefix(f"{deployment}-") if deployment else name
