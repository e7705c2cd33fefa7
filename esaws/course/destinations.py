"""Where requests end, and whether the targets of a group get healthy, as exercises see it."""

from __future__ import annotations

from esaws import simulation
from esaws.course.exercises import Attempt, Point
from esaws.inspect.request_path import KEYS, trace
from esaws.resource import Live


def destination(attempt: Attempt, path: str) -> str:
    """Return where a request for a path ends: target groups by their reference names, a status, or `unknown`."""
    cloud = attempt.cloud
    result = trace(attempt.snapshot(*KEYS), f"http://{cloud.aws_name('alb')}{path}").to_dict()
    if result["outcome"] == "unknown":
        return "unknown"
    if result["action"] == "forward":
        names = [arn.split("/")[-2].removeprefix(cloud.aws_name("")) for arn in result["target_groups"]]
        return ", ".join(sorted(names))
    return str(result.get("status") or result["action"])


def goes(attempt: Attempt, path: str, expected: str, *, is_needed: bool = False) -> Point:
    """Return the point that requests for a path end at a target group, by its name, or with a status."""
    actual = destination(attempt, path)
    return Point(
        f"{path} goes to {expected}",
        actual == expected,
        f"it goes to {actual}",
        f'inspect.trace(cloud, "http://seccom{path}")',
        is_needed=is_needed,
    )


def _states_later(attempt: Attempt, group: Live, after: str = "5m") -> list[str]:
    """Return the states and reasons of the targets of a group, on a copy some minutes later."""
    with attempt.copy() as copy:
        simulation.advance(copy, after)
        described = copy.client("elbv2").describe_target_health(TargetGroupArn=group.id)["TargetHealthDescriptions"]
    health = [target["TargetHealth"] for target in described if target["TargetHealth"]["State"] != "draining"]
    return sorted(" ".join(filter(None, (each["State"], each.get("Reason")))) for each in health)


def all_healthy(attempt: Attempt, group: Live, targets: int) -> Point:
    """Return the point that so many targets of a group are healthy, five minutes later on a copy."""
    states = _states_later(attempt, group)
    return Point(
        f"On a copy, five minutes later, its {targets} targets are healthy",
        states == ["healthy"] * targets,
        f"their states are {', '.join(states)}" if states else "it has no target",
        "inspect.health(cloud): port, path and status of the health check",
    )
