"""Whether what a deploy made serves: ECS services that are stable, and targets that are healthy."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import WaiterError

from esaws.aws import CALL_ERRORS, pages
from esaws.cloud import EMULATOR_PATIENCE, Cloud
from esaws.errors import EsawsError, describe_error
from esaws.progress import list_names, progress
from esaws.resource import Live
from esaws.resources._ecs import describe, resource_name
from esaws.resources.service import Service
from esaws.resources.target_group import TargetGroup
from esaws.resources.task import Task

DEFAULT_MINUTES = 15.0
"""An instance starts in two minutes; a target is healthy after five checks of 30 seconds."""

_ERRORS = 3
"""After so many errors in a row a resource counts as one that can't be checked."""

_LONGEST_PAUSE = 2.0
"""Seconds between two looks, where a clock has to be waited for."""

_ROUTINE = ("steady state", "has started", "registered", "deregistered", "begun draining", "has stopped", "completed")
"""What the events of a service say that say nothing about a problem."""

_SETTLED = frozenset({"healthy", "draining", "unavailable"})
"""States of targets that are not waited for; `unavailable` is a target whose health checks are disabled."""


@dataclass(frozen=True)
class Unstable:
    """What does not serve, and the reason that AWS gives: `kind` is Service, TargetGroup or Task.

    The service is not stable, the group has targets that are not healthy, or the task stopped.
    """

    kind: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.reason}"

    def to_dict(self) -> dict[str, str]:
        """Return kind, name and reason."""
        return asdict(self)


def wait_until_serving(cloud: Cloud, *, minutes: float = DEFAULT_MINUTES) -> list[Unstable]:
    """Wait until the services of the deployment are stable and the targets of its load balancers are healthy.

    Returns what does not serve after `minutes` of AWS's time, with AWS's own reason; an empty list if all serves. The
    local AWS advances its clock meanwhile; another emulator gets EMULATOR_PATIENCE at most. Tasks without a service
    must still run at the end.

    Raises:
        EsawsError: the user interrupted; the message says what was waited for.
        botocore.exceptions.ClientError: AWS did not list the services or the target groups.
    """
    owned = [live for live in [*Service.list(cloud), *TargetGroup.list(cloud)] if not live.foreign]
    owned.sort(key=lambda live: live.key)
    waiting = {f"{live.kind} {live.name}": live for live in owned if live.raw.get("LoadBalancerArns", True)}
    tasks = [live for live in Task.list(cloud) if not live.foreign]
    if cloud.is_other_emulator:
        minutes = min(minutes, EMULATOR_PATIENCE / 60)
    unstable = _Wait(cloud, waiting).run(minutes)
    unstable += [Unstable(live.kind, live.name, reason) for live in tasks if (reason := _reason_of_task(cloud, live))]
    return unstable


class _Wait:
    def __init__(self, cloud: Cloud, waiting: dict[str, Live]) -> None:
        self.cloud = cloud
        self.waiting = waiting
        self.clock = _Clock(cloud)
        self.reasons: dict[str, str] = {}
        self.errors: Counter[str] = Counter()

    def run(self, minutes: float) -> list[Unstable]:
        pause = self.cloud.poll_seconds
        with progress("serving", len(self.waiting)) as bar:
            try:
                while self.waiting:
                    bar.wait_for(self.waiting)
                    for name in [*self.waiting]:
                        if not self._look_at(name) and not self._may_get_targets(name):
                            del self.waiting[name]
                            bar.step(name)
                    unsettled = [name for name in self.waiting if self.reasons[name]]
                    if self.clock.minutes >= minutes or all(self.errors[name] >= _ERRORS for name in unsettled):
                        break
                    time.sleep(pause)
                    pause = min(2 * pause, max(self.cloud.poll_seconds, _LONGEST_PAUSE))
            except KeyboardInterrupt:
                raise EsawsError(
                    f"interrupted while waiting for {list_names(self.waiting)}; everything is made: "
                    "run the same deploy again to wait on, or `esaws health`"
                ) from None
        unstable = {name: live for name, live in self.waiting.items() if self.reasons[name]}
        return [Unstable(live.kind, live.name, self.reasons[name]) for name, live in unstable.items()]

    def _may_get_targets(self, name: str) -> bool:
        """Return whether a service that is not stable yet may still register tasks with a target group."""
        kinds = {live.kind for live in self.waiting.values()}
        return self.waiting[name].kind == TargetGroup.kind and Service.kind in kinds

    def _look_at(self, name: str) -> str:
        """Return and keep why a service or target group does not serve yet; empty if it does."""
        live = self.waiting[name]
        explain = _reason_of_service if live.kind == Service.kind else _reason_of_targets
        try:
            self.reasons[name] = explain(self.cloud, live, self.clock)
            self.errors[name] = 0
        except (*CALL_ERRORS, EsawsError) as error:
            self.reasons[name] = f"it could not be checked: {describe_error(error)}"
            self.errors[name] += 1
        return self.reasons[name]


class _Clock:
    """The minutes that passed on AWS, by the dates of its responses, or here if more passed."""

    def __init__(self, cloud: Cloud) -> None:
        self._began = time.monotonic()
        self._dates: list[float] = []
        self.note(cloud.client("sts").get_caller_identity())

    def note(self, response: dict[str, Any]) -> None:
        date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            self._dates.append(parsedate_to_datetime(date).timestamp())

    @property
    def minutes(self) -> float:
        there = max(self._dates) - min(self._dates) if self._dates else 0.0
        return max(there, time.monotonic() - self._began) / 60


def _look(cloud: Cloud, clock: _Clock, service: str, waiter: str, **parameters: Any) -> dict[str, Any] | None:
    """Return the response that a waiter of botocore is not satisfied with, or None if it is satisfied.

    It looks once. The local AWS advances its clock for a waiter, and for nothing else.
    """
    once = {"Delay": 0, "MaxAttempts": 1}
    try:
        cloud.client(service).get_waiter(waiter).wait(**parameters, WaiterConfig=once)
    except WaiterError as error:
        response: dict[str, Any] = error.last_response
        if "Error" in response:
            raise
        clock.note(response)
        return response
    return None


# -- services --------------------------------------------------------------------------------------------------------


def _reason_of_service(cloud: Cloud, live: Live, clock: _Clock) -> str:
    where = {"cluster": live.fields["cluster"], "services": [live.id]}
    response = _look(cloud, clock, "ecs", "services_stable", **where)
    if response is None:
        return ""
    if not response["services"]:
        return "it is gone"
    return describe_service(response["services"][0], _stopped_tasks(cloud, live))


def _stopped_tasks(cloud: Cloud, live: Live) -> list[dict[str, Any]]:
    cluster = live.fields["cluster"]
    selected = {"cluster": cluster, "serviceName": live.raw["serviceName"], "desiredStatus": "STOPPED"}
    arns = list(pages(cloud, "ecs", "list_tasks", "taskArns", **selected))
    return list(describe(cloud, "tasks", arns, cluster=cluster))


def describe_service(service: dict[str, Any], stopped: Iterable[dict[str, Any]]) -> str:
    """Return why a service is not stable, from ECS's descriptions of the service and of its stopped tasks. Pure."""
    parts = [f"{service['runningCount']} of {service['desiredCount']} tasks run"]
    if len(service["deployments"]) > 1:
        parts.append(f"{len(service['deployments'])} deployments are in progress")
    parts += [
        deployment.get("rolloutStateReason") or "its deployment failed"
        for deployment in service["deployments"]
        if deployment.get("rolloutState") == "FAILED"
    ]
    messages = [event["message"] for event in service.get("events", ())]  # the newest first
    parts += [message for message in messages if not any(words in message for words in _ROUTINE)][:1]
    dated = [task for task in stopped if task.get("stoppedReason")]
    if dated:
        newest = max(dated, key=lambda task: str(task.get("stoppedAt", "")))
        parts.append(f"a task stopped: {describe_stopped_task(newest)}")
    return "; ".join(parts)


def describe_stopped_task(task: dict[str, Any]) -> str:
    """Return why a task stopped, with the reasons and exit codes of its containers. Pure."""
    reasons = [task.get("stoppedReason", "")]
    for container in task.get("containers", ()):
        code = "" if container.get("exitCode") is None else f"exit code {container['exitCode']}"
        reasons += [f"{container.get('name', 'container')}: {text}" for text in (container.get("reason"), code) if text]
    return ", ".join(filter(None, reasons)) or "ECS does not say why"


def _reason_of_task(cloud: Cloud, live: Live) -> str:
    """Return why a task without a service does not run; empty if it does."""
    for task in describe(cloud, "tasks", [live.id], cluster=live.fields["cluster"]):
        return describe_stopped_task(task) if task["lastStatus"] == "STOPPED" else ""
    return "it is gone"


# -- targets ---------------------------------------------------------------------------------------------------------


def _reason_of_targets(cloud: Cloud, live: Live, clock: _Clock) -> str:
    response = _look(cloud, clock, "elbv2", "target_in_service", TargetGroupArn=live.id)
    return "" if response is None else "; ".join(describe_targets(response["TargetHealthDescriptions"]))


def describe_targets(descriptions: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield why each target that is not healthy is not, in the words of the load balancer. Pure."""
    for described in descriptions:
        target, health = described["Target"], described["TargetHealth"]
        if health["State"] not in _SETTLED:
            reasons = ": ".join(filter(None, (health.get("Reason"), health.get("Description"))))
            where = resource_name(target["Id"]) + (f":{target['Port']}" if "Port" in target else "")
            yield f"{where} is {health['State']}" + (f" ({reasons})" if reasons else "")
