"""Checks of what a looking runbook found: they let a scheduler notice, and fail a run only where it asks for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.operations.checks import Check

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.deploy.leftovers import Leftovers
    from esaws.inspect.account_status import Status
    from esaws.inspect.changes import AccountChanges
    from esaws.inspect.probing.probe import PathProbes
    from esaws.inspect.request_path import RequestPath
    from esaws.inspect.security import SecurityAudit
    from esaws.inspect.unhealthy import HealthDiagnosis
    from esaws.inspect.unused import UnusedResources
    from esaws.inspect.who_reaches import WhoReaches

_ASK = "ask for the missing permission, or run again when AWS answers"


def verify_status(cloud: Cloud, status: Status, fail_on: str) -> list[Check]:
    """Check that nothing is `bad`; with `fail_on` unknown also that everything is known. Never: no check."""
    if fail_on == "never":
        return []
    bad = [line for line in status if line.verdict == "bad"]
    unknown = [line for line in status if line.verdict == "unknown"]
    found = "; ".join(f"{line.what} {line.name}: {line.detail}" for line in bad) or status.title
    checks = [Check("nothing is bad", not bad, found, "run why_is_it_unhealthy, and read the events of the service")]
    if fail_on == "unknown":
        missing = "; ".join(f"{line.what}: {line.detail}" for line in unknown) or "everything was looked at"
        checks.append(Check("everything is known", None if unknown else True, missing, _ASK))
    return checks


def verify_targets(cloud: Cloud, diagnosis: HealthDiagnosis, fail_on: str) -> list[Check]:
    """Check that no target is unhealthy; with `fail_on` flapping also that none was. Never: no check."""
    if fail_on == "never":
        return []
    causes = [cause for cause in diagnosis.causes() if cause["fix"]]
    step = causes[0]["fix"] if causes else "read the log of the container"
    unhealthy = diagnosis.unhealthy
    ok = None if not unhealthy and not diagnosis.states and diagnosis.not_looked_at else not unhealthy
    checks = [Check("no target is unhealthy", ok, diagnosis.verdict, step)]
    if fail_on == "flapping":
        texts = [f"{item.target_group or item.load_balancer}: {item.text}" for item in diagnosis.history]
        unknown = any(item.most_unhealthy is None for item in diagnosis.history)
        was = any(item.episodes for item in diagnosis.history)
        found = "; ".join(texts) or "there is no history"
        known = None if unknown or not diagnosis.history else True
        checks.append(Check("no target was unhealthy", False if was else known, found, "look at the times of deploys"))
    return checks


def verify_request(cloud: Cloud, path: RequestPath, expect: str) -> list[Check]:
    """Check where a request ends: at a healthy `target`, or with a `response` of the load balancer. Any: no check."""
    if expect == "any":
        return []
    outcome, last = path.trace.outcome, path.hops[-1] if path.hops else path.trace.reason
    if outcome == "unknown":
        ok = None
    elif expect == "response":
        ok = outcome == "elb_response"
    else:
        reached = [hop.reached for hop in path.targets if hop.eligible and hop.state == "healthy"]
        ok = True if "allow" in reached else None if "unknown" in reached else False
    what = "a healthy target answers" if expect == "target" else "the load balancer answers by itself"
    return [Check(f"{what} the request", ok, path.trace.reason or last, "read the hops; run why_is_it_unhealthy")]


def verify_paths(cloud: Cloud, probes: PathProbes, fail_on: str) -> list[Check]:
    """Check that no path differs from its trace or fails; with `fail_on` unknown also that each was asked. Never: none.

    Where no path was asked, the answer is unknown.
    """
    if fail_on == "never":
        return []
    bad, open_ = probes.of("differs", "fails"), probes.of("not reached", "not probed", "unclear")
    texts = [f"{probe.question.text}: {probe.finding.answered}, {probe.finding.why}" for probe in bad]
    ok = False if bad else True if probes.of("agrees") else None
    step = (bad or open_)[0].finding.next_step if bad or open_ else ""
    checks = [Check("every path answers as traced", ok, "; ".join(texts) or probes.verdict, step)]
    if fail_on == "unknown":
        gaps = [f"{probe.question.text}: {probe.finding.why}" for probe in open_]
        step = open_[0].finding.next_step if open_ else _ASK
        found = "; ".join(gaps or probes.not_looked_at) or probes.verdict
        known = None if gaps or probes.not_looked_at or not probes.probes else True
        checks.append(Check("every path was asked", known, found, step))
    return checks


def verify_reach(cloud: Cloud, found: WhoReaches, expect: str) -> list[Check]:
    """Check that one exact question has the expected answer, allow or deny. Any: no check."""
    if expect == "any":
        return []
    what = f"{found.question}: {expect}"
    if found.answer is None:
        return [Check(what, None, "it is not one question", "give start, destination and port")]
    decision = found.answer.decision
    fixes = "; ".join(rule.cli() for rule in found.answer.fix)
    step = fixes if expect == "allow" and fixes else "read the reasons; change the rule that decides"
    return [Check(what, None if decision == "unknown" else decision == expect, found.verdict, step)]


def verify_audit(cloud: Cloud, audit: SecurityAudit, fail_on: str) -> list[Check]:
    """Check that no finding has a severity or a higher one, and that everything was looked at. Never: no check."""
    if fail_on == "never":
        return []
    found = audit.at_least(fail_on)
    step = found[0].fix.description if found else ""
    what = f"no finding is {fail_on} or above"
    gaps = list(audit.not_looked_at)
    ok = False if found else None if gaps else True
    text = "; ".join(f"{item.code} {item.resource}" for item in found) or "; ".join(gaps) or audit.verdict
    return [Check(what, ok, text, step or _ASK)]


def verify_unchanged(cloud: Cloud, changes: AccountChanges, fail_on: str) -> list[Check]:
    """Check that nothing changed, and that everything was looked at. Never: no check.

    Without an earlier state or a profile to compare with, each changing call that AWS did not refuse is a change.
    """
    if fail_on == "never":
        return []
    made = [call for call in changes.calls or () if not call.error]
    found, step = changes.verdict, "ask the caller, or deploy the profile again"
    if changes.changes:
        first = changes.changes[0]
        found = f"{first.action} {first.kind} {first.name}, {first.who}; {changes.verdict}"
        return [Check("nothing changed", False, found, step)]
    if made and not changes.is_compared:
        return [Check("nothing changed", False, f"{made[0].text}; {changes.verdict}", step)]
    return [Check("nothing changed", None if changes.not_looked_at else True, found, _ASK)]


def verify_nothing_left(cloud: Cloud, left: Leftovers, unused: UnusedResources, fail_on: str) -> list[Check]:
    """Check that nothing of the deployment exists, or that nothing in the account is certainly unused. Never: no check.

    What could not be looked at makes the answer unknown.
    """
    if fail_on == "deployment":
        unknown = bool(left) and all(item.state == "unknown" for item in left)
        found = "; ".join(map(str, left[:5])) or "nothing is left"
        what = f"nothing of {cloud.deployment} exists"
        return [Check(what, None if unknown else not left, found, "run the runbook tear_down")]
    if fail_on == "account":
        sure = [item for item in unused if item.sure == "yes"]
        gaps = list(unused.not_looked_at)
        found = "; ".join(f"{item.kind} {item.name}: {item.why}" for item in sure) or "; ".join(gaps) or unused.verdict
        step = sure[0].fix if sure else _ASK
        return [Check("nothing is paid for and unused", False if sure else None if gaps else True, found, step)]
    return []
