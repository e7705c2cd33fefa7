"""The services that run on this machine: start them, find their addresses, and send them requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from esaws.errors import EsawsError, UsageError
from esaws.local_aws import process, supervision

if TYPE_CHECKING:
    from requests import Response

    from esaws.cloud import Cloud

_ENDPOINT_SECONDS = 30.0
_ANSWER_SECONDS = 30.0
_ASK_PAUSE = 0.1


def can_run(cloud: Cloud) -> bool:
    """Whether `run` is possible: the cloud is the local AWS of this user, and the packages of `esaws[run]` are here."""
    try:
        supervision.require_packages()
    except UsageError:
        return False
    return cloud.target == "local"


def run(cloud: Cloud, *, intervals: float | None = None) -> None:
    """Run tasks, load balancers, databases and caches as processes from now on, until the local AWS stops.

    Args:
        cloud: must target the local AWS of this user.
        intervals: the fraction of AWS's time that health checks and deregistration delays take, such as 0.1; default 1.

    Does nothing if they run already. Tasks run whose images do: docs/services_run.md.

    Raises:
        UsageError: the cloud targets AWS or another endpoint, or the packages of `esaws[run]` are not installed.
        EsawsError: the supervisor did not start.
    """
    require_own(cloud)
    process.start(run=True, intervals=intervals)


def endpoint(cloud: Cloud, name: str) -> str:
    """Return ADDRESS:PORT of this machine where a load balancer, database or cache runs; `name` as in `esaws reach`.

    Its name without the deployment will do, such as `alb`, `database` or `redis`. It waits up to thirty seconds.

    Raises:
        EsawsError: nothing of this name runs; the message lists what does.
    """
    require_own(cloud)
    deadline = time.monotonic() + _ENDPOINT_SECONDS
    while True:
        hosts = supervision.hosts()
        for host in hosts:
            if str(host["name"]).startswith((f"{cloud.aws_name(name)}-", f"{cloud.aws_name(name)}.", f"{name}.")):
                return f"{host['address']}:{host['port']}"
        if time.monotonic() > deadline:
            names = ", ".join(dict.fromkeys(str(host["name"]) for host in hosts)) or "nothing"
            raise EsawsError(f"{name} does not run; what runs: {names}")
        time.sleep(0.1)


def send(cloud: Cloud, load_balancer: str, path: str = "/", *, method: str = "GET", json: Any = None) -> Response:
    """Send a request to a load balancer that runs, as `requests` does, and return the response, whatever its status.

    Args:
        cloud: must target the local AWS of this user.
        load_balancer: its name, as in `endpoint`.
        path: path and query.
        method: GET, POST, DELETE, …
        json: data for the body.

    Redirects are returned, not followed. It waits 30 seconds for a response.

    Raises:
        EsawsError: no load balancer of this name runs, or it did not answer.
    """
    import requests

    url = f"http://{endpoint(cloud, load_balancer)}{path}"
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment can't reach this machine
        try:
            return session.request(method, url, json=json, timeout=_ANSWER_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            raise EsawsError(f"{load_balancer} did not answer: {error}") from error


def answers(cloud: Cloud, load_balancer: str, path: str = "/", *, minutes: float = 1) -> Iterator[Response]:
    """Yield the responses to the same request, one after the other, ten a second, for some minutes at most.

        for answer in simulation.answers(cloud, "alb", "/"):
            if answer.status_code == 200:
                break

    Raises:
        EsawsError: as `send` does.
    """
    deadline = time.monotonic() + minutes * 60
    while time.monotonic() < deadline:
        yield send(cloud, load_balancer, path)
        time.sleep(_ASK_PAUSE)


def require_own(cloud: Cloud) -> None:
    """Raise UsageError for a cloud that is not the local AWS of this user."""
    if cloud.target != "local":
        raise UsageError(f"{cloud.target} can't be started here; use Cloud.local()")
