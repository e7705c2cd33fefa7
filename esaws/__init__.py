"""Draw, deploy, inspect, price and tear down a container system on AWS, or on a local AWS.

    from esaws import Cloud, leftovers, plan_deploy, plan_teardown, seccom

    cloud = Cloud.from_env()                        # the local AWS unless ESAWS_TARGET says otherwise
    plan_deploy(seccom("budget"), cloud).apply()
    plan_teardown(cloud).apply()
    assert leftovers(cloud) == []

The submodules `costs`, `course`, `inspect`, `operations`, `resources`, `runbooks` and `simulation` have the rest.
Every name is imported on first use.
"""

from typing import TYPE_CHECKING

from esaws._lazy import lazy_names

if TYPE_CHECKING:
    from esaws import costs, course, inspect, operations, resources, runbooks, simulation
    from esaws.architecture import Architecture
    from esaws.cloud import Cloud
    from esaws.deploy.inventory import inventory
    from esaws.deploy.leftovers import leftovers
    from esaws.deploy.plan import Plan, plan_deploy, plan_teardown
    from esaws.deploy.serving import wait_until_serving
    from esaws.doctor import run_checks
    from esaws.drawing import Diagram, draw, to_diagrams
    from esaws.errors import (
        ApplyFailed,
        DeployRefused,
        EsawsError,
        InvalidResource,
        LocalNotRunning,
        NotDeployed,
        Refused,
        StalePlan,
        UsageError,
        WrongAccount,
    )
    from esaws.reference.seccom import seccom, seccom_as_drawn

__all__ = [
    "ApplyFailed",
    "Architecture",
    "Cloud",
    "DeployRefused",
    "Diagram",
    "EsawsError",
    "InvalidResource",
    "LocalNotRunning",
    "NotDeployed",
    "Plan",
    "Refused",
    "StalePlan",
    "UsageError",
    "WrongAccount",
    "costs",
    "course",
    "draw",
    "inspect",
    "inventory",
    "leftovers",
    "operations",
    "plan_deploy",
    "plan_teardown",
    "resources",
    "run_checks",
    "runbooks",
    "seccom",
    "seccom_as_drawn",
    "simulation",
    "to_diagrams",
    "wait_until_serving",
]

_SOURCES = {
    "esaws.architecture": ("Architecture",),
    "esaws.cloud": ("Cloud",),
    "esaws.deploy.inventory": ("inventory",),
    "esaws.deploy.leftovers": ("leftovers",),
    "esaws.deploy.plan": ("Plan", "plan_deploy", "plan_teardown"),
    "esaws.deploy.serving": ("wait_until_serving",),
    "esaws.doctor": ("run_checks",),
    "esaws.drawing": ("Diagram", "draw", "to_diagrams"),
    "esaws.errors": (
        "ApplyFailed",
        "DeployRefused",
        "EsawsError",
        "InvalidResource",
        "LocalNotRunning",
        "NotDeployed",
        "Refused",
        "StalePlan",
        "UsageError",
        "WrongAccount",
    ),
    "esaws.reference.seccom": ("seccom", "seccom_as_drawn"),
    "": ("costs", "course", "inspect", "operations", "resources", "runbooks", "simulation"),
}

__getattr__, __dir__ = lazy_names(__name__, {name: module for module, names in _SOURCES.items() for name in names})
