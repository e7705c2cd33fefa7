"""The system of chapter 19, and what its exercises share: a fault made in a whole system, and checks of a repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values
from esaws.course.labs.promises import promises
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom

APIS = ("sites-management-api", "intrusion-management-api")
LATER = "30m"
SYMPTOM_STEPS = 40
"""Steps of 15 seconds in which a symptom that comes and goes is waited for: ten minutes."""
DECLARED_ENTRY = 100
"""The number of the entry of a new network ACL that lets everything through."""


def start() -> Architecture:
    """Return the part of `ha` behind the load balancer."""
    return seccom("ha", services=("client-web-ui", *APIS))


def prepare(cloud: Cloud) -> None:
    """Give the targets time to pass their first health checks."""
    simulation.advance(cloud, "15m")


def ids_of(cloud: Cloud) -> dict[tuple[str, str], str]:
    return {live.key: live.id for live in inventory(cloud)}


def acl_of(cloud: Cloud) -> dict[str, Any]:
    in_vpc = [{"Name": "vpc-id", "Values": [ids_of(cloud)["VPC", "vpc"]]}]
    return dict(cloud.client("ec2").describe_network_acls(Filters=in_vpc)["NetworkAcls"][0])


def denials(cloud: Cloud) -> list[dict[str, Any]]:
    """The entries of the network ACL that deny something before everything is let through."""
    entries = acl_of(cloud)["Entries"]
    return [entry for entry in entries if entry["RuleAction"] == "deny" and entry["RuleNumber"] < DECLARED_ENTRY]


def broken_by(
    fault: Callable[[Cloud, Values], None], symptom: Callable[[Cloud, Values], bool] | None = None
) -> Callable[[Cloud, Values], None]:
    """Return the start of an exercise: the faults of the other exercises are mended, then its own is made.

    Ten minutes later, or as soon after as the `symptom` is there, the learner begins.
    """

    def begin(cloud: Cloud, mine: Values) -> None:
        plan_deploy(start(), cloud).apply()
        acl = acl_of(cloud)["NetworkAclId"]
        for entry in denials(cloud):
            number, egress = entry["RuleNumber"], entry["Egress"]
            cloud.client("ec2").delete_network_acl_entry(NetworkAclId=acl, RuleNumber=number, Egress=egress)
        simulation.advance(cloud, "10m")
        fault(cloud, mine)
        simulation.advance(cloud, "10m")
        for _ in range(SYMPTOM_STEPS):
            if symptom is None or symptom(cloud, mine):
                return
            simulation.advance(cloud, "15s")

    return begin


def as_declared(attempt: Attempt) -> Point:
    lines = [str(change) for change in plan_deploy(start(), attempt.cloud) if change.action != "keep"]
    return Point(
        "Nothing else was changed: the plan of the system has no line",
        not lines,
        "; ".join(lines[:3]),
        "plan_deploy(seccom(…), cloud)",
    )


def serving_later(attempt: Attempt, services: tuple[str, ...]) -> Iterator[Point]:
    """The services answer in every zone, on a copy of the account half an hour later."""
    with attempt.copy() as later:
        simulation.advance(later, LATER)
        found = promises(later)
    for service in services:
        what = f"{service} answers in every zone where it runs"
        yield Point(f"Half an hour later, {what}", not found[what], found[what], "inspect.health(cloud)")
