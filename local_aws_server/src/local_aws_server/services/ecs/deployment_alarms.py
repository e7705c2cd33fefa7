"""Watch the CloudWatch alarms of a deployment: one that goes into ALARM fails it.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.ecs import deployments

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A deployment fails, and is rolled back if so configured, when one of its alarms goes into ALARM "
        "before the end of its bake time; alarms are ignored if one is in ALARM at its start.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html",),
    ),
)

_LOOK_SECONDS = 60.0


def watch_alarms(backends: Backends, service: Any) -> float | None:
    """Fail the deployment in progress if one of its alarms is in ALARM; return when to look again."""
    deployment = deployments.primary_deployment(service)
    settings, alarms = _alarms(backends, service)
    if not alarms or deployment["rolloutState"] != "IN_PROGRESS":
        return None
    alarming = [alarm.name for alarm in alarms if alarm.state_value == "ALARM"]
    watch = sidecar(service).get("watch") or {}
    if watch.get("deployment") != deployment["id"]:
        watch = sidecar(service)["watch"] = {"deployment": deployment["id"], "ignored": bool(alarming)}
    if watch["ignored"]:
        return None
    if alarming:
        deployments.fail_deployment(
            backends,
            service,
            by="ECS deployment alarm",
            why=f"alarm detected: {alarming[0]}",
            cause=f"alarm {alarming[0]} is in ALARM",
            rollback=bool(settings.get("rollback")),
        )
        return None
    return CLOCK.now() + _LOOK_SECONDS


def bake_end(backends: Backends, service: Any) -> float:
    """Return when a deployment whose tasks are all healthy is complete: after the longest evaluation of its alarms."""
    _, alarms = _alarms(backends, service)
    watch = sidecar(service).get("watch") or {"ignored": True}
    if not alarms or watch["ignored"]:
        return CLOCK.now()
    began = float(watch.setdefault("bakes", CLOCK.now()))
    return began + max(int(alarm.evaluation_periods or 1) * int(alarm.period or 60) for alarm in alarms)


def _alarms(backends: Backends, service: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return the alarm settings of a service, and its alarms if they are enabled."""
    settings = deployments.deployment_settings(service).get("alarms") or {}
    if not settings.get("enable"):
        return settings, []
    stored = backends.backend("cloudwatch").alarms
    return settings, [stored[name] for name in settings.get("alarmNames") or () if name in stored]
