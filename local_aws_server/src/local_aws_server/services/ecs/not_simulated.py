"""Refuse what a request of ECS would set in motion on AWS and nothing does here; say what is kept without effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_aws_server.behaviours import NOT_SIMULATED, REAL, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        fidelity=NOT_SIMULATED,
        statement="Blue/green, linear and canary deployments with their hooks and bake time, and those of CodeDeploy.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-blue-green.html",),
    ),
    Behaviour(
        service="ECS",
        fidelity=NOT_SIMULATED,
        statement="Service Connect, VPC Lattice target groups, and volumes that ECS creates for tasks.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-vpc-lattice.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ebs-volumes.html",
        ),
    ),
    Behaviour(
        service="ECS",
        fidelity=NOT_SIMULATED,
        statement="ECS Anywhere and ECS Managed Instances: launch types EXTERNAL and MANAGED_INSTANCES.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ManagedInstances.html",
        ),
    ),
    Behaviour(
        service="ECS",
        fidelity=REAL,
        statement="Availability Zone rebalancing, ECS Exec, proxies, FireLens, environment files and volumes of a task "
        "definition are kept; nothing happens.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html",
        ),
    ),
)

Parameters = Mapping[str, Any]


def _deployment(params: Parameters) -> Parameters:
    return params.get("deploymentConfiguration") or {}


_PROMISES: dict[str, Callable[[Parameters], Any]] = {
    "the deployment strategy": lambda params: _deployment(params).get("strategy", "ROLLING") != "ROLLING",
    "lifecycle hooks of deployments": lambda params: _deployment(params).get("lifecycleHooks"),
    "early success of deployments": lambda params: _deployment(params).get("earlySuccessCriteria"),
    "deployments by CodeDeploy": lambda params: (params.get("deploymentController") or {}).get("type") == "CODE_DEPLOY",
    "Service Connect": lambda params: (params.get("serviceConnectConfiguration") or {}).get("enabled"),
    "VPC Lattice": lambda params: params.get("vpcLatticeConfigurations"),
    "volumes that ECS creates": lambda params: params.get("volumeConfigurations"),
    "gateways of services": lambda params: params.get("gatewayConnectors"),
    "a second target group of a service": lambda params: any(
        each.get("advancedConfiguration") for each in params.get("loadBalancers") or ()
    ),
    "the launch type": lambda params: params.get("launchType") in ("EXTERNAL", "MANAGED_INSTANCES"),
    "ECS Managed Instances": lambda params: params.get("managedInstancesProvider"),
}
"""What a request may promise → a function that says whether it does."""


@before("ecs", "CreateService", "UpdateService", "CreateTaskSet", "RunTask", "StartTask")
@before("ecs", "CreateCapacityProvider", "UpdateCapacityProvider")
def refuse_promises(call: Call) -> None:
    """Refuse a request whose effect is not simulated, rather than keep a silent record of it."""
    for what, is_promised in _PROMISES.items():
        if is_promised(call.params):
            raise AwsError("NotSimulated", f"the local AWS does not simulate {what} in ECS {call.operation}", 501)
