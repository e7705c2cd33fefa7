"""Deploy the reference system, or tear a deployment down, with the checks before and after."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import Plan, plan_deploy
from esaws.deploy.preflight import CheckReport
from esaws.deploy.serving import DEFAULT_MINUTES, wait_until_serving
from esaws.errors import Refused
from esaws.operations.checks import Check
from esaws.reference.seccom import seccom
from esaws.resource import Index


def preflight_checks(cloud: Cloud, profile: str, services: Collection[str] = (), **options: Any) -> CheckReport:
    """Check what a deploy of a profile needs from the account; arguments as for `plan_deployment`.

    Raises:
        DeployRefused: a check failed; the message has each, with the way to fix it.
    """
    report = plan_deployment(cloud, profile, services, **options).preflight()
    report.require_passed()
    return report


def plan_deployment(
    cloud: Cloud, profile: str, services: Collection[str] = (), *, images: str = "public", prune: bool = False
) -> Plan:
    """Plan to deploy a profile of the reference system with these services, or with all.

    Args:
        cloud: where it is deployed.
        profile: `ha`, `budget` or `fargate`.
        services: the services to deploy; none means all.
        images: `public`, or `ecr` for the images pushed to the repositories.
        prune: delete what the profile does not declare.

    Raises:
        DeployRefused: the deployment has what a deploy can't change, or what the profile does not declare.
        UsageError: an unknown profile or service, or services that need another one.
        WrongAccount: the credentials belong to another account.
    """
    plan = plan_deploy(_architecture(profile, services, images), cloud, prune=prune)
    plan.require_no_blockers()
    return plan


def verify_deployment(
    cloud: Cloud,
    profile: str,
    services: Collection[str] = (),
    *,
    images: str = "public",
    prune: bool = False,
    minutes: float = DEFAULT_MINUTES,
) -> list[Check]:
    """Check that the account matches a profile, and that it serves within so many minutes of AWS's time."""
    unstable = wait_until_serving(cloud, minutes=minutes)
    plan = plan_deployment(cloud, profile, services, images=images, prune=prune)
    changing = ", ".join(f"{change.kind} {change.name}" for change in plan.changing)
    again = "deploy again"
    return [
        Check(f"the account matches the profile {profile}", not changing, changing or f"{len(plan)} resources", again),
        *(
            Check(f"the account lists {kind}", None, "AWS did not list it: see the warnings of the plan", again)
            for kind in plan.unlisted
        ),
        Check(
            "services are stable, targets healthy, and tasks run",
            not unstable,
            "; ".join(map(str, unstable)) or "all of them",
            "`esaws health` says why",
        ),
    ]


def count_resources(cloud: Cloud, expected: int | None = None) -> Index:
    """Return the inventory of a deployment, after comparing its number of resources with the expected one, if given.

    Raises:
        Refused: the number is another one.
        EsawsError: AWS did not list a kind, so that the number is unknown.
    """
    index = inventory(cloud)
    if expected is not None:
        index.require()
        if len(index) != expected:
            raise Refused(
                f"{cloud.deployment} has {len(index)} resources, not {expected}: nothing was changed; look at the "
                "inventory, and give the number that it has"
            )
    return index


def verify_teardown(cloud: Cloud) -> list[Check]:
    """Check, without the inventory, that nothing of a deployment is left; unknown where AWS does not answer."""
    remaining = leftovers(cloud)
    left = [leftover for leftover in remaining if leftover.state == "left"]
    found = "; ".join(map(str, remaining)) or "nothing"
    ok = False if left else None if remaining else True
    return [Check(f"nothing of {cloud.deployment} is left in {cloud.region}", ok, found, "tear it down again")]


def _architecture(profile: str, services: Collection[str], images: str) -> Architecture:
    return seccom(profile, services=tuple(services), images=images) if services else seccom(profile, images=images)
