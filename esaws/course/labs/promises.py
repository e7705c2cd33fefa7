"""What the running system promises its users: each service is reached, and reaches what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.inspect.account import Account, snapshot
from esaws.inspect.network.reach import reach
from esaws.inspect.request_path import KEYS as TRACE_KEYS
from esaws.inspect.request_path import trace
from esaws.reference.seccom import SERVICES, Microservice

KEYS = tuple(dict.fromkeys([*TRACE_KEYS, "clusters", "services", "tasks", "taskDefinitions"]))
"""What a snapshot needs for the promises."""

_INTERNAL = (
    ("sites-management-api", "db/database", 5432),
    ("hdm", "cache/redis", 6379),
    ("hdm", "broker/broker", 5671),
    ("intrusion-management-api", "broker/broker", 5671),
)
"""Caller, store and port of each connection inside the system."""


def promises(cloud: Cloud, account: Account | None = None) -> dict[str, str]:
    """Return what the system promises, each with what is found instead; empty text where it is kept.

    A promise is a sentence such as `GET /cameras-api/ is answered by cameras-api`. There are those of the services
    whose cluster exists.
    """
    account = account or snapshot(cloud, *KEYS)
    names = {
        raw["clusterName"].removeprefix(cloud.aws_name("")).removesuffix("-cluster") for raw in account["clusters"]
    }
    found: dict[str, str] = {}
    for service in SERVICES.values():
        if service.name in names:
            found.update(_promises_of(cloud, account, service))
    for caller, store, port in _INTERNAL:
        if caller in names:
            found[f"{caller} reaches {store.partition('/')[0]} on port {port}"] = _unreached(
                account, f"service/{caller}", store, port
            )
    return found


def _promises_of(cloud: Cloud, account: Account, service: Microservice) -> Iterator[tuple[str, str]]:
    if service.target_group:
        yield from _behind_the_load_balancer(cloud, account, service)
    elif service.host_port:
        what = f"{service.name} is reached from the internet on port {service.host_port}"
        yield what, _unreached(account, "internet", f"service/{service.name}", service.host_port)
    yield f"{service.name} runs as many tasks as desired", _missing_tasks(cloud, account, service)


def _behind_the_load_balancer(cloud: Cloud, account: Account, service: Microservice) -> Iterator[tuple[str, str]]:
    path = f"{service.path}/"
    what = f"GET {path} is answered by {service.name}"
    every = f"{service.name} answers in every zone where it runs"
    try:
        found = trace(account, f"http://{cloud.deployment}{path}", alb=cloud.aws_name("alb"))
    except EsawsError as error:
        yield what, str(error)
        yield every, str(error)
        return
    if found.trace.outcome != "match" or not found.targets:
        reason = found.trace.reason or (found.hops[-1] if found.hops else "no target receives it")
        yield what, reason
        yield every, reason
        return
    in_use = [target for target in found.targets if target.state != "draining"]
    good = [
        target
        for target in in_use
        if target.state == "healthy"
        and target.reached == "allow"
        and target.task.endswith(cloud.aws_name(service.name))
    ]
    bad = "; ".join(
        f"{target.target_group} {target.zone} port {target.port}: {target.state}"
        + (f" ({target.reason})" if target.reason else "")
        + (f", {target.task or 'nothing'} listens" if not target.task.endswith(cloud.aws_name(service.name)) else "")
        for target in in_use
        if target not in good
    )
    yield what, "" if good else bad or "no target is in use"
    running = {task["availabilityZone"] for task in _running(cloud, account, service)}
    unserved = sorted(running - {target.zone for target in good})
    yield every, bad or (f"no healthy target in {', '.join(unserved)}" if unserved else "")


def _unreached(account: Account, source: str, destination: str, port: int) -> str:
    try:
        result = reach(account, source, destination, port)
    except EsawsError as error:
        return str(error)
    return "" if result.decision == "allow" else f"{result.decision}: {'; '.join(result.because)}"


def _running(cloud: Cloud, account: Account, service: Microservice) -> list[dict[str, str]]:
    group = f"service:{cloud.aws_name(service.name)}"
    return [raw for raw in account["tasks"] if raw.get("group") == group and raw["lastStatus"] == "RUNNING"]


def _missing_tasks(cloud: Cloud, account: Account, service: Microservice) -> str:
    name = cloud.aws_name(service.name)
    declared = [raw for raw in account["services"] if raw["serviceName"] == name and raw["status"] == "ACTIVE"]
    if not declared:
        return f"there is no service {name}"
    desired, running = int(declared[0]["desiredCount"]), len(_running(cloud, account, service))
    if not desired:
        return "the service has a desired count of 0"
    return "" if running >= desired else f"{running} of {desired} tasks run"
