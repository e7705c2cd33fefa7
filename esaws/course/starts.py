"""Bring a deployment to the state in which an exercise begins."""

from __future__ import annotations

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import DeployRefused


def bring_to(architecture: Architecture, cloud: Cloud) -> None:
    """Deploy an architecture. If AWS can't change what exists into it, delete the deployment first."""
    try:
        plan_deploy(architecture, cloud).apply()
    except DeployRefused:
        plan_teardown(cloud).apply()
        plan_deploy(architecture, cloud).apply()
