"""Provision load balancers on the clock."""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.state_machine import Lifecycle, LifecycleStep
from local_aws_server.hooks import patch, reconciler

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A load balancer is provisioned in three minutes; listeners can be added at once.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html",
        ),
    ),
)

LOAD_BALANCERS = Lifecycle(
    service="elbv2",
    label="load balancer",
    resources=lambda backends: backends.backend("elbv2").load_balancers.values(),
    id=("LoadBalancerArn", "arn"),
    state=("State", "state"),
    create_operations=("CreateLoadBalancer",),
    creation=LifecycleStep("provisioning", "active", 180, "a user created it"),
    describe_operations=("DescribeLoadBalancers",),
    result_members={"CreateLoadBalancer": "LoadBalancers", "DescribeLoadBalancers": "LoadBalancers"},
    display_name=lambda load_balancer: str(load_balancer.name),
)
LOAD_BALANCERS.register()


@reconciler("elbv2", order=1)
def provision_load_balancers(backends: Backends) -> float | None:
    return LOAD_BALANCERS.finish_due(backends)


@patch("moto.elbv2.models", "FakeLoadBalancer.activate")
def activate(self: Any) -> None:
    """Do nothing: moto activates a load balancer when it is described."""
