"""The health of containers: what the checks of a process have found, or else whether a simulated check passes.

A check whose command requests a URL of the container itself passes as `containers.respond` says. Other commands pass,
except `exit 1` and `false`, and except while the container answers with server errors.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.ecs import containers, processes

HEALTHY, UNHEALTHY, UNKNOWN = "HEALTHY", "UNHEALTHY", "UNKNOWN"

_DEFAULTS = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0}

_OWN_URL = re.compile(r"http(s?)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::(\d+))?(/[^\s'\"|;&)]*)?")
_FAILING_COMMANDS = ("exit 1", "false", "/bin/false")


def has_check(container: Mapping[str, Any]) -> bool:
    """Return whether a container definition has a health check."""
    command: list[str] = (container.get("healthCheck") or {}).get("command") or ["NONE"]
    return command[0] != "NONE"


def settings_of(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return the health check of a container definition that has one, with AWS's defaults."""
    return {**_DEFAULTS, **container["healthCheck"]}


def worst_health(healths: Iterable[str]) -> str:
    """Return the health of a task whose containers have these."""
    found = set(healths)
    return next((health for health in (UNHEALTHY, UNKNOWN) if health in found), HEALTHY if found else UNKNOWN)


def longest_wait(container: Mapping[str, Any]) -> float:
    """Return the seconds from its start after which a container is healthy or unhealthy in any case."""
    settings = settings_of(container)
    return float(settings["startPeriod"] + settings["interval"] * (settings["retries"] + 1))


def update_health(backends: Backends, container: Any, described: Mapping[str, Any]) -> float | None:
    """Set the health of a running container; return when its next change is due, as things are.

    `described` is its definition with the environment of the task's overrides. The health of a process is as reported.
    """
    if processes.is_process(container):
        container.health_status = processes.health(container) or UNKNOWN
        return None
    settings, notes, now = settings_of(described), sidecar(container), CLOCK.now()
    passes = _passes(backends, described, settings["timeout"])
    check = notes.get("check")
    if check is None or check["began"] != notes["began"]:
        check = notes["check"] = {"began": notes["began"], "passes": passes, "since": notes["began"]}
    elif check["passes"] != passes:
        check.update(passes=passes, since=now)
    status = HEALTHY if passes else UNHEALTHY
    if container.health_status == status:
        return None
    since = check["since"] if passes else max(check["since"], check["began"] + settings["startPeriod"])
    number = max(math.ceil((since - check["began"]) / settings["interval"]), 1)
    if not passes:
        number += settings["retries"] - 1
    due = float(check["began"] + number * settings["interval"])
    if due > now:
        return due
    container.health_status = status
    return None


def _passes(backends: Backends, container: Mapping[str, Any], timeout: float) -> bool:
    command = " ".join(container["healthCheck"]["command"][1:])
    running = containers.as_it_runs(backends, container)
    match = _OWN_URL.search(command)
    if match is None:
        return command.strip() not in _FAILING_COMMANDS and containers.respond(running, "/").status < 500
    port = int(match[2] or (443 if match[1] else 80))
    ports = {mapping["containerPort"] for mapping in container.get("portMappings") or ()}
    response = containers.respond(running, match[3] or "/")
    return (not ports or port in ports) and response.status < 400 and response.seconds <= timeout
