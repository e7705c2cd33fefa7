"""Where one request goes, and why: each rule that missed, the one that took it, and what it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from esaws.inspect.routing.actions import UnsupportedAction, action_result
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.rules import RoutingRule, parse_rules
from esaws.inspect.routing.targets import EligibleTargets, eligible_targets

_MOST_FORWARDED = 30


@dataclass(frozen=True, kw_only=True)
class RuleTrace:
    """Where a request goes.

    outcome `match`: `rule` takes it, and `done` says what it does; `unknown`: one of the `candidates` does, by
    priority, and `reason` says why that is open; `elb_response`: the load balancer answers with `status` before any
    rule.
    """

    outcome: Literal["match", "unknown", "elb_response"]
    rule: RoutingRule | None = None
    action: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, EligibleTargets] = field(default_factory=dict)
    """By the ARN of each target group that gets requests; empty where no health was given."""
    hops: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    status: int | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON: outcome, priority, rule_arn, action, target_groups, targets, hops, candidates, reason, and more."""
        told = {
            "outcome": self.outcome,
            "priority": self.rule.priority if self.rule else None,
            "rule_arn": self.rule.arn if self.rule else None,
            "action": None,
            "target_groups": [],
            "targets": {arn: found.to_dict() for arn, found in self.targets.items()},
            "hops": list(self.hops),
            "candidates": list(self.candidates),
            "reason": self.reason,
        }
        return told | ({} if self.status is None else {"status": self.status}) | dict(self.action)

    def __str__(self) -> str:
        return "\n".join(self.hops)


Health = Mapping[str, Mapping[str, Any]]
"""By target group ARN: its `TargetHealthDescriptions`, and its `Attributes` where they are known."""


def trace_request(described: Iterable[Mapping[str, Any]], request: Request, health: Health | None = None) -> RuleTrace:
    """Where a request goes through the rules of its listener, given as describe_rules gives them, in any order.

    Raises:
        UsageError: a rule has no readable priority.
    """
    return trace_rules(parse_rules(described), request, health)


def trace_rules(rules: Iterable[RoutingRule], request: Request, health: Health | None = None) -> RuleTrace:
    """The same, through rules that are in their order."""
    if answered := load_balancer_response(request):
        status, why = answered
        return RuleTrace(
            outcome="elb_response", status=status, reason=why, hops=(f"the load balancer answers {status}: {why}",)
        )
    hops, candidates, reasons = [], [], []
    for rule in rules:
        answer = rule.matches(request)
        if answer.is_no:
            hops.append(f"{rule.name} missed: {_why_missed(rule, request)}")
        elif answer.is_unknown:
            hops.append(f"{rule.name} may match: {answer.reason}")
            candidates.append(rule.priority)
            reasons.append(answer.reason)
        elif candidates:
            hops.append(f"{rule.name} matches if none of those before it did")
            candidates.append(rule.priority)
            break
        else:
            return _taken(rule, request, [*hops, _why_matched(rule, request)], health or {})
    else:
        reasons.append("no rule matches for certain, and the default rule is not among them")
    reason = "; ".join(dict.fromkeys(reasons))
    return RuleTrace(outcome="unknown", candidates=tuple(candidates), reason=reason, hops=tuple(hops))


def load_balancer_response(request: Request) -> tuple[int, str] | None:
    """The status with which the load balancer answers by itself before it asks any rule, and why.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    if request.method == "TRACE":
        return 405, "the method TRACE is not allowed"
    forwarded = [address for value in request.values("X-Forwarded-For") for address in value.split(",")]
    if len(forwarded) > _MOST_FORWARDED:
        return 463, f"X-Forwarded-For has more than {_MOST_FORWARDED} addresses"
    return None


def _taken(rule: RoutingRule, request: Request, hops: list[str], health: Health) -> RuleTrace:
    try:
        done = action_result(rule, request)
    except UnsupportedAction as error:
        hops.append(str(error))
        return RuleTrace(outcome="unknown", candidates=(rule.priority,), reason=str(error), hops=tuple(hops))
    shares = done.get("shares")
    idle = {arn for arn, share in shares.items() if share == "0"} if isinstance(shares, Mapping) else set()
    targets = {
        arn: eligible_targets(health[arn]["TargetHealthDescriptions"], health[arn].get("Attributes", ()))
        for arn in done["target_groups"]
        if arn in health and arn not in idle
    }
    hops += [_told_targets(arn, found) for arn, found in targets.items()]
    return RuleTrace(outcome="match", rule=rule, action=done, targets=targets, hops=tuple(hops))


def _why_missed(rule: RoutingRule, request: Request) -> str:
    missed = (condition for condition in rule.conditions if condition.matches(request).is_no)
    return next(missed).why_not(request)


def _why_matched(rule: RoutingRule, request: Request) -> str:
    met = " and ".join(
        f"{condition.observed(request)} matches {condition.description}" for condition in rule.conditions
    )
    return f"{rule.name} takes it" + (f": {met}" if met else "")


def _told_targets(arn: str, found: EligibleTargets) -> str:
    group = arn.split(":targetgroup/")[-1].split("/")[0]
    if found.targets is None:
        return f"target group {group}: unknown which targets get it: {found.reason}"
    if found.elb_status:
        return f"target group {group}: the load balancer answers {found.elb_status}: {found.reason}"
    because = f" ({found.reason})" if found.reason else ""
    many = "1 target" if len(found.targets) == 1 else f"{len(found.targets)} targets"
    return f"target group {group}: {many} may get it{because}"
