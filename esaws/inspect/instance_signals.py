"""What AWS reports of instances and containers behind targets: status checks, CPU, tasks that were stopped.

They stand in for what a person would look up on the machine with `top`, `free` and `docker ps -a`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.inspect.account import Account, name_tag
from esaws.inspect.fetch import Raw
from esaws.inspect.metrics import MetricQuery, Points, read_metrics
from esaws.resources._ecs import service_of

_BUSY_PERCENT = 90
_WINDOW = timedelta(hours=1)
_BATCH = 100
_HEALTH_STOP = re.compile(r"failed (ELB|container) health checks", re.IGNORECASE)
_KILLED = 137
"""The exit code of a process that got SIGKILL."""


@dataclass(frozen=True)
class Signal:
    """Something that may explain unhealthy targets: a code, what it is about, the evidence, and the next step."""

    code: str
    resource: str
    detail: str
    fix: str

    def to_dict(self) -> dict[str, Any]:
        """Return code, resource, detail, fix."""
        return {"code": self.code, "resource": self.resource, "detail": self.detail, "fix": self.fix}


def instance_statuses(cloud: Cloud, instances: Sequence[str]) -> list[Raw]:
    """Return the status checks of instances, as described. Raises ClientError."""
    found: list[Raw] = []
    for start in range(0, len(instances), _BATCH):
        batch = [*instances[start : start + _BATCH]]
        found += pages(cloud, "ec2", "describe_instance_status", "InstanceStatuses", InstanceIds=batch)
    return found


def instance_load(cloud: Cloud, instances: Iterable[str], now: datetime) -> dict[tuple[str, str], Points]:
    """Return CPU and CPU credits of the last hour by (instance, metric). Raises ClientError."""
    queries = {}
    for id in instances:
        queries[id, "CPUUtilization"] = MetricQuery("AWS/EC2", "CPUUtilization", {"InstanceId": id}, "Average")
        queries[id, "CPUCreditBalance"] = MetricQuery("AWS/EC2", "CPUCreditBalance", {"InstanceId": id}, "Minimum")
    return read_metrics(cloud, queries, start=now - _WINDOW, end=now, seconds=300)


def status_signals(account: Account, statuses: Iterable[Raw]) -> Iterator[Signal]:
    """Yield the instances whose status checks fail. Pure.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html
    """
    for raw in statuses:
        name = _name(account, raw["InstanceId"])
        if raw.get("SystemStatus", {}).get("Status") == "impaired":
            yield Signal(
                "HARDWARE_IMPAIRED",
                name,
                "its system status check fails: the host, its power or its network at AWS",
                "replace the instance, or stop and start it, so that it gets another host",
            )
        if raw.get("InstanceStatus", {}).get("Status") == "impaired":
            yield Signal(
                "INSTANCE_IMPAIRED",
                name,
                "its instance status check fails: memory, disk, kernel or network configuration",
                "replace the instance, or read its console output",
            )


def load_signals(account: Account, load: dict[tuple[str, str], Points]) -> Iterator[Signal]:
    """Yield the instances that are short of CPU. Pure."""
    for (id, metric), points in load.items():
        if not points:
            continue
        if metric == "CPUUtilization" and (highest := max(points.values)) >= _BUSY_PERCENT:
            detail = f"its CPU was at {highest:.0f} % for five minutes in the last hour"
            yield Signal("CPU_BUSY", _name(account, id), detail, "add tasks or instances, or find what computes")
        if metric == "CPUCreditBalance" and points.values[-1] < 1:
            detail = "its CPU credits are used up, so it runs at its baseline"
            yield Signal("CPU_CREDITS_SPENT", _name(account, id), detail, "use a larger or a non-burstable instance")


def task_signals(account: Account, groups: Iterable[str]) -> Iterator[Signal]:
    """Yield why tasks of the services behind target groups stopped within the last hour. Pure.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
    """
    wanted = set(groups)
    services = {
        (raw.get("clusterArn", ""), raw["serviceName"]): raw
        for raw in account.get("services") or ()
        if wanted & {item.get("targetGroupArn") for item in raw.get("loadBalancers", ())}
    }
    reasons: Counter[tuple[str, str, str]] = Counter()
    for task in account.get("tasks") or ():
        service = services.get(service_of(task) or ("", ""))
        if service is not None and task.get("lastStatus") == "STOPPED":
            reasons[(service["serviceName"], *_why_stopped(task))] += 1
    for (name, code, reason), count in sorted(reasons.items()):
        if code:
            detail = f"{count} task{'s' * (count != 1)} stopped within the last hour: {reason}"
            yield Signal(code, name, detail, _NEXT[code])
    for raw in services.values():
        if raw.get("runningCount", 0) >= raw.get("desiredCount", 0):
            continue
        events = [str(event["message"]) for event in raw.get("events", ())[:20]]
        if message := next((text for text in events if "unable to" in text), ""):
            yield Signal("TASKS_NOT_PLACED", raw["serviceName"], message, "make room for its tasks, then look again")


_NEXT = {
    "OUT_OF_MEMORY": "give the container more memory, or find what takes it",
    "CONTAINER_EXITS": "read the log of the container: it ends by itself",
    "HEALTH_CHECK_STOPS_TASKS": "mend the health check first: ECS replaces tasks that fail it, again and again",
    "TASK_DOES_NOT_START": "read the reason: the image, a secret or the log group can't be had",
}


def _why_stopped(task: Raw) -> tuple[str, str]:
    """Return the code and the reason for which a task stopped; empty where it was meant to."""
    stopped = task.get("stoppedReason", "")
    containers = task.get("containers", ())
    if reason := next((text for item in containers if "OutOfMemory" in (text := item.get("reason", ""))), ""):
        return "OUT_OF_MEMORY", reason
    ended = next((item for item in containers if item.get("exitCode") is not None), None)
    if task.get("stopCode") == "EssentialContainerExited" and ended:
        killed = " (it was killed, perhaps for memory)" if ended["exitCode"] == _KILLED else ""
        return "CONTAINER_EXITS", f"{ended.get('name')} ended with exit code {ended['exitCode']}{killed}"
    if task.get("stopCode") == "TaskFailedToStart":
        return "TASK_DOES_NOT_START", stopped
    return ("HEALTH_CHECK_STOPS_TASKS", stopped) if _HEALTH_STOP.search(stopped) else ("", "")


def _name(account: Account, id: str) -> str:
    raw = next((raw for raw in account.get("Instances") or () if raw["InstanceId"] == id), None)
    return name_tag(raw, id) if raw else id
