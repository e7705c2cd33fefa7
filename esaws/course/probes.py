"""What users of the system notice: whether a URL answers, and how many requests failed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.exercises import Point
from esaws.inspect.account import Account, snapshot
from esaws.inspect.request_path import KEYS, trace


def answers(cloud: Cloud, path: str, account: Account | None = None) -> bool:
    """Whether a path has a healthy target that the load balancer reaches, with a task that listens on its port.

    `account` is a snapshot of the cloud, if there is one already.

    Raises:
        NotDeployed: there is no load balancer.
    """
    targets = trace(account or cloud, f"http://{cloud.aws_name('alb')}{path}").targets
    return any(hop.state == "healthy" and hop.eligible and hop.reached == "allow" and hop.task for hop in targets)


def paths_answer(cloud: Cloud, paths: Iterable[str], when: str) -> Point:
    """The point that all paths answer at this moment; `when` begins its sentence."""
    account = snapshot(cloud, *KEYS)
    silent = [path for path in paths if not answers(cloud, path, account)]
    return Point(
        f"{when}, every URL answers",
        not silent,
        f"no healthy target answers {', '.join(silent)}",
        "`inspect.trace` of the path, and `inspect.health`",
    )


def failed_requests(cloud: Cloud, start: datetime, end: datetime) -> int:
    """The number of requests to the load balancers that failed between two times."""
    return int(simulation.requests(cloud, start, end)["failed"].sum())
