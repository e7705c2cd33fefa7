"""Trace one request through the rules of a listener: the rules that miss, the one that matches, and its action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from esaws.inspect.routing.actions import UnsupportedAction, action_result, describe_action
from esaws.inspect.routing.request import MAX_LINE, Request
from esaws.inspect.routing.rules import RoutingRule, evaluate, parse_rules
from esaws.inspect.routing.targets import EligibleTargets, eligible_targets

_MAX_FORWARDED = 30
_MAX_HEADER = 16 * 1024
_MAX_HEADERS = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class RuleTrace:
    """The result of a trace.

    outcome `match`: `rule` matches, and `action` has the details; `unknown`: one of the `candidates` (priorities)
    matches, and `reason` explains why it is unclear which; `elb_response`: the load balancer answers with `status`
    before any rule.
    """

    outcome: Literal["match", "unknown", "elb_response"]
    rule: RoutingRule | None = None
    action: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, EligibleTargets] = field(default_factory=dict)
    """The eligible targets of each target group, by ARN; empty without health data."""
    hops: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    status: int | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return outcome, priority, rule_arn, action, target_groups, targets, hops, candidates, reason, and details."""
        fields = {
            "outcome": self.outcome,
            "priority": self.rule.priority if self.rule else None,
            "rule_arn": self.rule.arn if self.rule else None,
            "action": None,
            "target_groups": [],
            "targets": {arn: eligible.to_dict() for arn, eligible in self.targets.items()},
            "hops": list(self.hops),
            "candidates": list(self.candidates),
            "reason": self.reason,
        }
        return fields | ({} if self.status is None else {"status": self.status}) | dict(self.action)

    def __str__(self) -> str:
        return "\n".join(self.hops)


Health = Mapping[str, Mapping[str, Any]]
"""`TargetHealthDescriptions`, and `Attributes` where they are known, by target group ARN."""


def trace_request(described: Iterable[Mapping[str, Any]], request: Request, health: Health | None = None) -> RuleTrace:
    """Trace a request through the rules of its listener, from describe_rules, in any order.

    Raises:
        UsageError: a rule has an invalid priority.
    """
    return trace_rules(parse_rules(described), request, health)


def trace_rules(rules: Iterable[RoutingRule], request: Request, health: Health | None = None) -> RuleTrace:
    """Trace a request through parsed rules in evaluation order."""
    if response := load_balancer_response(request):
        status, reason = response
        return RuleTrace(
            outcome="elb_response",
            status=status,
            reason=reason,
            hops=(f"the load balancer answers {status}: {reason}",),
        )
    hops, candidates, reasons = [], [], []
    for rule, answer in evaluate(rules, request):
        if answer.is_no:
            hops.append(f"{rule.name} missed: {_miss_reason(rule, request)}")
        elif answer.is_unknown:
            hops.append(f"{rule.name} may match: {answer.reason}")
            candidates.append(rule.priority)
            reasons.append(answer.reason)
        elif candidates:
            hops.append(f"{rule.name} matches if none of the rules before it does")
            candidates.append(rule.priority)
            break
        else:
            return _match(rule, request, [*hops, _match_reason(rule, request)], health or {})
    else:
        reasons.append("no rule matches with certainty, and the default rule is missing")
    reason = "; ".join(dict.fromkeys(reasons))
    return RuleTrace(outcome="unknown", candidates=tuple(candidates), reason=reason, hops=tuple(hops))


def load_balancer_response(request: Request) -> tuple[int, str] | None:
    """Return the status and reason where the load balancer answers itself before any rule, else None.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
    """
    if request.line_bytes > MAX_LINE:
        return 414, f"the request line has {request.line_bytes} bytes, more than 16 K"
    headers = [f"{name}: {value}" for name, value in (("Host", request.host), *request.headers)]
    sizes = [len(header.encode()) for header in headers]
    if max(sizes) > _MAX_HEADER:
        name = headers[sizes.index(max(sizes))].partition(":")[0]
        return 400, f"the header {name} has {max(sizes)} bytes, more than 16 K"
    total = sum(size + len("\r\n") for size in sizes)
    if total > _MAX_HEADERS:
        return 400, f"all headers together have {total} bytes, more than 64 K"
    if request.method == "TRACE":
        return 405, "the method TRACE is not allowed"
    forwarded = [address for value in request.values("X-Forwarded-For") for address in value.split(",")]
    if len(forwarded) > _MAX_FORWARDED:
        return 463, f"X-Forwarded-For has more than {_MAX_FORWARDED} addresses"
    return None


def _match(rule: RoutingRule, request: Request, hops: list[str], health: Health) -> RuleTrace:
    try:
        action = action_result(rule, request)
    except UnsupportedAction as error:
        hops.append(str(error))
        return RuleTrace(outcome="unknown", candidates=(rule.priority,), reason=str(error), hops=tuple(hops))
    shares = action.get("shares")
    without_share = {arn for arn, share in shares.items() if share == "0"} if isinstance(shares, Mapping) else set()
    targets = {
        arn: eligible_targets(health[arn]["TargetHealthDescriptions"], health[arn].get("Attributes", ()))
        for arn in action["target_groups"]
        if arn in health and arn not in without_share
    }
    hops += [_describe_targets(arn, eligible) for arn, eligible in targets.items()]
    if not action["target_groups"]:
        hops.append(f"the load balancer responds itself: {describe_action(rule.actions[-1])}")
    return RuleTrace(outcome="match", rule=rule, action=action, targets=targets, hops=tuple(hops))


def _miss_reason(rule: RoutingRule, request: Request) -> str:
    missed = (condition for condition in rule.conditions if condition.matches(request).is_no)
    return next(missed).why_not(request)


def _match_reason(rule: RoutingRule, request: Request) -> str:
    conditions = " and ".join(
        f"{condition.observed(request)} matches {condition.description}" for condition in rule.conditions
    )
    return f"{rule.name} matches" + (f": {conditions}" if conditions else "")


def _describe_targets(arn: str, eligible: EligibleTargets) -> str:
    group = arn.split(":targetgroup/")[-1].split("/")[0]
    if eligible.targets is None:
        return f"target group {group}: unknown which targets receive it: {eligible.reason}"
    if eligible.elb_status:
        return f"target group {group}: the load balancer answers {eligible.elb_status}: {eligible.reason}"
    because = f" ({eligible.reason})" if eligible.reason else ""
    count = "1 target" if len(eligible.targets) == 1 else f"{len(eligible.targets)} targets"
    return f"target group {group}: {count} may receive it{because}"
