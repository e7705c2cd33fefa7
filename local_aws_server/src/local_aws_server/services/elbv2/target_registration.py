"""Register and deregister targets by id and port, and describe their health."""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import wait_for_transitions
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, reconciler
from local_aws_server.services.ecs import processes
from local_aws_server.services.elbv2 import targets

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Health checks decide whether a target is healthy: by the network path to it and by its response, a "
        "status of HTTP or a code of gRPC.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        statement="An instance can be registered with several ports, each of which is a target.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        statement="Only a running instance can be registered as a target.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html",
        ),
    ),
)

_WAITER_TIMEOUT = 600.0
"""Seconds; boto3's waiters for targets poll 40 times every 15 seconds."""

Target = dict[str, Any]


@reconciler("ec2", "elbv2", "ecs", "autoscaling", order=35)
def check_targets(backends: Backends) -> float | None:
    return targets.check_targets(backends)


@before("elbv2", "RegisterTargets")
def require_running_instances(call: Call) -> None:
    """Wait for pending instances, then refuse those that do not run."""
    ids = {target["Id"]: None for target in call.params["Targets"]}
    instances = {instance.id: instance for instance in call.backends.instances}
    requested = [instances[id] for id in ids if id in instances]
    wait_for_transitions(call, [instance for instance in requested if instance.state == "pending"])
    not_running = [f"'{instance.id}'" for instance in requested if instance.state != "running"]
    if not_running and not call.pending_wait:
        listed = ", ".join(not_running)
        message = f"The following targets are not in a running state and cannot be registered: {listed}"
        raise AwsError("InvalidTarget", message)


@after("elbv2", "DescribeTargetHealth")
def let_time_pass_for_waiters(call: Call) -> None:
    """For a waiter, let time pass until no target drains, or else until all are healthy.

    Any other caller gets the current health.
    """
    if not call.is_from_waiter or processes.any_in(call.backends.ecs_tasks):
        return
    group = call.backends.backend("elbv2").target_groups[call.params["TargetGroupArn"]]
    keys = [targets.target_key(group, target) for target in call.params.get("Targets") or ()]
    keys = keys or targets.list_targets(group)

    def states() -> set[str]:
        return {targets.target_health(group, id, port).state for id, port in keys}

    current = states()
    if "draining" in current:
        call.wait_until(CLOCK.now() + _WAITER_TIMEOUT, lambda: "draining" not in states())
    elif not current <= {"healthy"} and current != {"unused"}:
        call.wait_until(CLOCK.now() + _WAITER_TIMEOUT, lambda: states() == {"healthy"})


# --- moto's target groups, which identify a target by its id alone


@patch("moto.elbv2.models", "FakeTargetGroup.register")
def register(self: Any, targets_: list[Target]) -> None:
    for target in targets_:
        targets.register(_backends(self), self, *targets.target_key(self, target))


@patch("moto.elbv2.models", "FakeTargetGroup.deregister")
def deregister(self: Any, targets_: list[Target]) -> None:
    """Deregister targets; unregistered ones are ignored. A target with a port of its own needs that port."""
    for target in targets_:
        targets.deregister(_backends(self), self, *targets.target_key(self, target))


@patch("moto.elbv2.models", "FakeTargetGroup.deregister_terminated_instances")
def deregister_terminated_instances(self: Any, instance_ids: list[str]) -> None:
    for id, port in [key for key in self.targets if key[0] in instance_ids]:
        targets.deregister(_backends(self), self, id, port)


@patch("moto.elbv2.models", "FakeTargetGroup.health_for")
def health_for(self: Any, target: Target, ec2_backend: Any) -> Any:
    from moto.elbv2.models import FakeHealthStatus

    id, port = targets.target_key(self, target)
    health = targets.target_health(self, id, port)
    check_port = str(port) if self.health_check_port == "traffic-port" else self.health_check_port
    return FakeHealthStatus(id, str(port), check_port, health.state, health.reason or None, health.description or None)


@patch("moto.elbv2.models", "ELBv2Backend.describe_target_health")
def describe_target_health(self: Any, target_group_arn: str, requested: list[Target]) -> list[Any]:
    """Return the health of the requested targets; without any, of all targets, including draining ones."""
    from moto.elbv2.exceptions import TargetGroupNotFoundError

    group = self.target_groups.get(target_group_arn)
    if group is None:
        raise TargetGroupNotFoundError()
    described = requested or [{"Id": id, "Port": port} for id, port in targets.list_targets(group)]
    return [group.health_for(target, self.ec2_backend) for target in described]


def _backends(group: Any) -> Backends:
    return Backends(group.account_id, group.region_name)
