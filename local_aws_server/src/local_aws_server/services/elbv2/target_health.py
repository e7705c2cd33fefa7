"""A target is healthy or not by its health checks: what they meet on the way to it, and what it answers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, reconciler
from local_aws_server.services.elbv2 import targets

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A target is healthy or not by its health checks: what they meet on the way to it, and what it "
        "answers.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
        ),
    ),
)

_PATIENCE = 600.0
"""Of the waiters: 40 times 15 seconds."""


@reconciler("ec2", "elbv2", "ecs", "autoscaling", order=35)
def targets_are_checked(world: Backends) -> float | None:
    return targets.follow(world)


@after("elbv2", "DescribeTargetHealth")
def a_waiter_lets_time_pass(call: Call) -> None:
    """Until nothing drains; where nothing does, until all are healthy. A plain describe shows what is."""
    if not call.by_waiter:
        return
    group = call.backends.backend("elbv2").target_groups[call.params["TargetGroupArn"]]
    asked = [targets.key_of(group, target) for target in call.params.get("Targets") or ()] or targets.listed(group)

    def states() -> set[str]:
        return {targets.state(call.backends, group, id, port).state for id, port in asked}

    now = states()
    if "draining" in now:
        call.wait(CLOCK.now() + _PATIENCE, lambda: "draining" not in states())
    elif not now <= {"healthy"} and now != {"unused"}:
        call.wait(CLOCK.now() + _PATIENCE, lambda: states() == {"healthy"})
