"""What all checks of chapter 20 begin with: the learner's values, and whether the service answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import inspect
from esaws.course.chapters._thumbnails import SERVICE
from esaws.course.exercises import Attempt, Point
from esaws.course.seed import Seed
from esaws.inspect.account import Account


def learner_values(seed: Seed) -> Mapping[str, Any]:
    """Return the values that the exercises of this chapter share."""
    shared = seed.shared("20")
    word, port = shared.letters(4), shared.between(8100, 8999)
    return {"path": f"/thumbnails-{word}", "port": port, "usd": shared.between(37, 45)}


def serves(account: Account, path: str, service: str = SERVICE) -> bool:
    """Whether a path has a healthy target that the load balancer reaches, where a task of the service listens."""
    targets = inspect.trace(account, f"http://seccom{path}").targets
    usable = [hop for hop in targets if hop.state == "healthy" and hop.eligible and hop.reached == "allow"]
    return any(hop.task.endswith(f"-{service}") for hop in usable)


def _answers(account: Account, path: str) -> Point:
    """Whether the learner's path is answered."""
    return Point(
        f"The service answers: {path}/17.png has a healthy target of {SERVICE}",
        serves(account, f"{path}/17.png"),
        "the rule, the target group or its targets do not take the request",
        f'inspect.trace(cloud, "http://seccom{path}/17.png"), and inspect.health(cloud)',
        is_needed=True,
    )


def _exists(attempt: Attempt) -> Point:
    return Point(
        f"Service {SERVICE} exists",
        attempt.live("Service", SERVICE) is not None,
        f"the services are {', '.join(live.name for live in attempt.of_kind('Service')) or 'none'}",
        "inventory(cloud)",
        is_needed=True,
    )


def first_points(attempt: Attempt) -> Iterator[Point]:
    """The points that each check starts with; the last one says whether the rest can be examined."""
    yield _exists(attempt)
    yield _answers(attempt.account, attempt.mine.path)
