"""An instance may be registered with several ports; moto knows a target by its id alone.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import patch
from local_aws_server.services.elbv2 import targets

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="An instance may be registered with several ports; moto knows a target by its id alone.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html",
        ),
    ),
)

Target = dict[str, Any]


@patch("moto.elbv2.models", "FakeTargetGroup.register")
def register(self: Any, targets_: list[Target]) -> None:
    for target in targets_:
        targets.register(_world(self), self, *targets.key_of(self, target))


@patch("moto.elbv2.models", "FakeTargetGroup.deregister")
def deregister(self: Any, targets_: list[Target]) -> None:
    """What is not registered is no error; a target registered with a port of its own must be named with it."""
    for target in targets_:
        targets.deregister(_world(self), self, *targets.key_of(self, target))


@patch("moto.elbv2.models", "FakeTargetGroup.deregister_terminated_instances")
def deregister_terminated_instances(self: Any, instance_ids: list[str]) -> None:
    for id, port in [key for key in self.targets if key[0] in instance_ids]:
        targets.deregister(_world(self), self, id, port)


@patch("moto.elbv2.models", "FakeTargetGroup.health_for")
def health_for(self: Any, target: Target, ec2_backend: Any) -> Any:
    from moto.elbv2.models import FakeHealthStatus

    id, port = targets.key_of(self, target)
    health = targets.state(_world(self), self, id, port)
    checked = str(port) if self.health_check_port == "traffic-port" else self.health_check_port
    return FakeHealthStatus(id, str(port), checked, health.state, health.reason or None, health.description or None)


@patch("moto.elbv2.models", "ELBv2Backend.describe_target_health")
def describe_target_health(self: Any, target_group_arn: str, asked: list[Target]) -> list[Any]:
    """Unless some are named, those that are draining are shown too."""
    from moto.elbv2.exceptions import TargetGroupNotFoundError

    group = self.target_groups.get(target_group_arn)
    if group is None:
        raise TargetGroupNotFoundError()
    shown = asked or [{"Id": id, "Port": port} for id, port in targets.listed(group)]
    return [group.health_for(target, self.ec2_backend) for target in shown]


def _world(group: Any) -> Backends:
    return Backends(group.account_id, group.region_name)
