"""Checks of services and groups that are not steady: deployments, tasks and instances that fail again and again."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding, Severity
from esaws.inspect.checks.registry import check
from esaws.inspect.fetch import Raw
from esaws.inspect.fixes import Fix
from esaws.resources._ecs import service_of

_AGAIN_AND_AGAIN = 2
"""So many failures of one kind are no coincidence."""

_MOST_REPLACEMENTS = 8
"""A large group may lose all its instances of a zone at once; AWS's last activities show few more replacements."""

_SHORT_LIFE = timedelta(hours=2)
"""Replacements that follow each other faster belong together."""

_OBSTACLE = re.compile(r"\b(is|was) unable to\b")
_FAILED = re.compile(r"deployment failed|rolling back to deployment", re.IGNORECASE)
_ID = re.compile(r"\s*\((?:task|container-instance|instance|deployment|taskSet) [^)]*\)|\bi-[0-9a-f]{8,17}\b")
_ARN = re.compile(r"arn:aws[\w:-]*(?:/[\w-]+)*?/([\w-]+(?::\d+)?)(?:/[0-9a-f]{16})?(?![\w/])")
_PLACEMENT_FIX = Fix("free or add the resource that the event names, or lower the service's minimum healthy percent")
_LOG_FIX = Fix("read the log of the container, mend the task definition or the image, and deploy it")


@check(
    "services",
    DEPLOYMENT_STUCK="a deployment of a service can't go on",
    DEPLOYMENT_FAILED="a deployment of a service failed, or was rolled back",
)
def unfinished_deployments(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html"""
    for service in context.account["services"]:
        deployments = service.get("deployments", ()) if service.get("status") == "ACTIVE" else ()
        primary = next((raw for raw in deployments if raw.get("status") == "PRIMARY"), None)
        if primary is None:
            continue
        name = service["serviceName"]
        if failure := _failure(service, primary):
            severity: Severity = "medium" if primary.get("rolloutState") == "COMPLETED" else "high"
            yield Finding("DEPLOYMENT_FAILED", severity, name, failure, _LOG_FIX)
        elif primary.get("rolloutState") == "IN_PROGRESS" and (event := _obstacle(service, primary)):
            running, desired = primary.get("runningCount", 0), primary.get("desiredCount", 0)
            detail = f"{running} of {desired} tasks of the new deployment run; {event}"
            fix = _PLACEMENT_FIX if "unable to place" in event else _LOG_FIX
            yield Finding("DEPLOYMENT_STUCK", "high", name, detail, fix)


def _failure(service: Raw, primary: Raw) -> str:
    """Return why the last deployment failed. After a rollback only the events say so: the primary one is an older."""
    reason = str(primary.get("rolloutStateReason", ""))
    if primary.get("rolloutState") == "FAILED" or _FAILED.search(reason):
        return _without_ids(reason) or "the deployment failed"
    failures = (message for message in _events_since(service, primary.get("createdAt")) if _FAILED.search(message))
    return next(failures, "")


def _obstacle(service: Raw, deployment: Raw) -> str:
    """Return the event that says why a deployment can't go on: the last but those of starting and stopping tasks."""
    if deployment.get("runningCount", 0) >= deployment.get("desiredCount", 0) > 0:
        return ""
    for message in _events_since(service, deployment.get("createdAt")):
        if "steady state" in message:
            return ""
        if _OBSTACLE.search(message):
            return message
    return ""


def _events_since(service: Raw, start: datetime | None) -> Iterator[str]:
    """Yield the events of a service since a time, the newest first."""
    for event in service.get("events", ()):
        if start is None or event["createdAt"] >= start:
            yield _without_ids(event["message"])


def _without_ids(text: str) -> str:
    return _ID.sub("", _ARN.sub(r"\1", text)).strip()


@check("services", "tasks", TASKS_FAIL="tasks of a service stop or fail again and again")
def failing_tasks(context: CheckContext) -> Iterator[Finding]:
    """Only tasks of a current deployment: AWS keeps stopped tasks for an hour.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
    """
    failed: defaultdict[tuple[str, str] | None, list[Raw]] = defaultdict(list)
    for task in context.account["tasks"]:
        if task.get("lastStatus") == "STOPPED" and _is_failure(task):
            failed[service_of(task)].append(task)
    for service in context.account["services"]:
        deployments = [raw for raw in service.get("deployments", ()) if raw.get("status") in ("PRIMARY", "ACTIVE")]
        current = {raw["taskDefinition"] for raw in deployments} or {service.get("taskDefinition")}
        tasks = failed.get((service.get("clusterArn", ""), service["serviceName"]), [])
        tasks = [task for task in tasks if task["taskDefinitionArn"] in current]
        if service.get("status") == "ACTIVE" and service.get("desiredCount") and len(tasks) >= _AGAIN_AND_AGAIN:
            is_short = service.get("runningCount", 0) < service["desiredCount"] or len(deployments) > 1
            reason, count = Counter(_stopped_reason(task) for task in tasks).most_common(1)[0]
            detail = f"{count} tasks stopped within an hour: {reason}"
            yield Finding("TASKS_FAIL", "high" if is_short else "medium", service["serviceName"], detail, _LOG_FIX)


def _is_failure(task: Raw) -> bool:
    """Return whether a task failed by itself; the scheduler also stops those that fail health checks."""
    code, reason = task.get("stopCode", ""), task.get("stoppedReason", "")
    return code in ("EssentialContainerExited", "TaskFailedToStart") or "health check" in reason


def _stopped_reason(task: Raw) -> str:
    containers = task.get("containers", ())
    exits = [
        f"{container.get('name', 'container')} exited with {container['exitCode']}"
        for container in containers
        if container.get("exitCode") not in (None, 0)
    ]
    reasons = [str(container["reason"]) for container in containers if container.get("reason")]
    return "; ".join(dict.fromkeys([_without_ids(task.get("stoppedReason", "")), *reasons, *exits])).strip("; ")


@check(
    "AutoScalingGroups",
    "Activities",
    GROUP_REPLACES_INSTANCES="an Auto Scaling group replaces unhealthy instances again and again",
    GROUP_LAUNCHES_NOTHING="an Auto Scaling group fails to launch instances",
)
def unsteady_groups(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html"""
    by_group: defaultdict[str, list[Raw]] = defaultdict(list)
    for activity in context.account["Activities"]:
        by_group[activity["AutoScalingGroupName"]].append(activity)
    for group in context.account["AutoScalingGroups"]:
        name = group["AutoScalingGroupName"]
        activities = sorted(by_group[name], key=lambda raw: raw["StartTime"], reverse=True)
        yield from _failed_launch(group, activities)
        causes = _replacements(activities, _newest(context))
        if len(causes) > max(_AGAIN_AND_AGAIN, min(group.get("DesiredCapacity", 0), _MOST_REPLACEMENTS)):
            detail = f"{len(causes)} instances were replaced, one after the other: {causes[0]}"
            fix = Fix("mend what the health check finds, or give the instances a longer grace period to start")
            yield Finding("GROUP_REPLACES_INSTANCES", "high", name, detail, fix)


def _failed_launch(group: Raw, activities: list[Raw]) -> Iterator[Finding]:
    launches = [raw for raw in activities if raw.get("Description", "").startswith("Launching")]
    in_service = [raw for raw in group.get("Instances", ()) if raw.get("LifecycleState") == "InService"]
    has_failed = bool(launches) and launches[0].get("StatusCode") in ("Failed", "Cancelled")
    if has_failed and len(in_service) < group.get("DesiredCapacity", 0):
        message = _without_ids(launches[0].get("StatusMessage", "")) or "its last launch failed"
        detail = f"{len(in_service)} of {group['DesiredCapacity']} instances run: {message}"
        fix = Fix("mend the launch template, the quota or the subnets as the message says")
        yield Finding("GROUP_LAUNCHES_NOTHING", "high", group["AutoScalingGroupName"], detail, fix)


def _replacements(activities: Iterable[Raw], now: datetime | None) -> list[str]:
    """Return why instances were replaced as unhealthy, the newest first, as far as they followed each other."""
    causes: list[str] = []
    next_time = now
    for raw in activities:
        cause = str(raw.get("Cause", ""))
        if not raw.get("Description", "").startswith("Terminating") or "health check" not in cause:
            continue
        if next_time is not None and next_time - raw["StartTime"] > _SHORT_LIFE:
            break
        next_time = raw["StartTime"]
        causes.append(_reason(cause))
    return causes


def _reason(cause: str) -> str:
    """Return a cause without its time: `At 2026-11-29T06:50:11Z an instance was …`."""
    sentence = _without_ids(re.sub(r"\bAt \S+Z,? ", "", cause)).strip()
    return sentence.split(".  ")[0].rstrip(".")


def _newest(context: CheckContext) -> datetime | None:
    """Return the newest time in the account, as what is going on continues until then."""
    times = [raw["StartTime"] for raw in context.account["Activities"]]
    services: Iterable[Any] = context.account.get("services") or ()
    times += [event["createdAt"] for service in services for event in service.get("events", ())]
    return max(times, default=None)
