"""A load balancer is provisioned for three minutes; it takes listeners at once.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.state_machine import Provisioned, Step
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import patch, reconciler

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A load balancer is provisioned for three minutes; it takes listeners at once.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html",
        ),
    ),
)

BALANCERS = Provisioned(
    service="elbv2",
    kind="load balancer",
    things=lambda world: world.backend("elbv2").load_balancers.values(),
    id=("LoadBalancerArn", "arn"),
    state=("State", "state"),
    creates=("CreateLoadBalancer",),
    creation=Step("provisioning", "active", 180, "somebody created it"),
    shows=("DescribeLoadBalancers",),
    members={"CreateLoadBalancer": "LoadBalancers", "DescribeLoadBalancers": "LoadBalancers"},
    called=lambda balancer: str(balancer.name),
)
BALANCERS.install()


@reconciler("elbv2", order=1)
def balancers_arrive(world: Backends) -> float | None:
    return BALANCERS.arrive(world)


@patch("moto.elbv2.models", "FakeLoadBalancer.activate")
def activate(self: Any) -> None:
    """With moto whoever looks at a load balancer activates it."""
