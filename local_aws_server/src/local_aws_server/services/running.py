"""The control routes `/_esaws/running`: what the data plane should run, and what it reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_aws_server.backends import Backends, used_regions
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.control import control_route
from local_aws_server.data_plane import DATA_PLANE, DESIRED, OBSERVERS

_SERVICES = ("autoscaling", "ec2", "ecs", "elasticache", "elbv2", "rds", "ssm", "secretsmanager")
"""Services whose changes matter to what runs."""


@control_route("GET", "running")
def get_running(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What should run; with `session`, the id of the program that runs it from now on.

    `factor` is the fraction of AWS's time that health checks and delays of what runs take; default 1.

    Returns {time, version, first_session, accounts: [{account, region, and a list for each name in `DESIRED`}]}. The
    version changes whenever something may have changed that matters; without `accounts` it is still that of the
    parameter `version`. `first_session` says that no other program ran this before.
    """
    if session := parameters.get("session"):
        CLOCK.run_on()  # processes don't stand still
        DATA_PLANE.connect(str(session), float(parameters.get("factor", 1)))
    version = sum(SCHEDULER.changes[service] for service in _SERVICES)
    answer: dict[str, Any] = {"time": CLOCK.now(), "version": version, "first_session": not DATA_PLANE.had_session}
    if parameters.get("version") != version:
        answer["accounts"] = [_describe(backends) for backends in _used()]
    return answer


@control_route("POST", "running")
def report_running(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Take a report: {account, region, and a list for each name in `OBSERVERS`}; `ended` ends the session."""
    backends = Backends(str(parameters.get("account", DEFAULT_ACCOUNT)), str(parameters.get("region", "eu-west-3")))
    for name, observe in OBSERVERS.items():
        if name in parameters:
            observe(backends, parameters[name])
    if parameters.get("ended"):
        DATA_PLANE.disconnect()
        for each in _used():
            SCHEDULER.reconcile(each, *_SERVICES)  # what waited for a process waits for the clock
    SCHEDULER.reconcile(backends)
    return {}


def _describe(backends: Backends) -> dict[str, Any]:
    lists = {
        name: function(backends) if backends.region in used_regions(backends.account, service) else []
        for name, (service, function) in DESIRED.items()
        if _is_loaded(service)
    }
    return {"account": backends.account, "region": backends.region, **lists}


def _used() -> Iterator[Backends]:
    """Yield the accounts and regions that use a service of which something can run."""
    services = {service for service, _ in DESIRED.values() if _is_loaded(service)}
    used = {
        (account, region)
        for service in services
        for account in _accounts(service)
        for region in used_regions(account, service)
    }
    yield from (Backends(*each) for each in sorted(used))


def _is_loaded(service: str) -> bool:
    from moto.core.base_backend import BackendDict

    return any(loaded.service_name == service for loaded in BackendDict._instances)  # type: ignore[misc]


def _accounts(service: str) -> list[str]:
    from moto.backends import get_backend

    return list(get_backend(service))  # type: ignore[call-overload]
