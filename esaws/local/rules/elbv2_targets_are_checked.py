"""A target is healthy or not by its health checks: what they meet on the way to it, and what it answers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from esaws.local.call import Call
from esaws.local.clockwork.clock import CLOCK
from esaws.local.elbv2 import targets
from esaws.local.seam import after, follows
from esaws.local.world import World

_PATIENCE = 600.0
"""Of the waiters: 40 times 15 seconds."""


@follows("ec2", "elbv2", "ecs", "autoscaling", order=35)
def targets_are_checked(world: World) -> float | None:
    return targets.follow(world)


@after("elbv2", "DescribeTargetHealth")
def a_waiter_lets_time_pass(call: Call) -> None:
    """Until nothing drains; where nothing does, until all are healthy. A plain describe shows what is."""
    if not call.by_waiter:
        return
    group = call.world.backend("elbv2").target_groups[call.params["TargetGroupArn"]]
    asked = [targets.key_of(group, target) for target in call.params.get("Targets") or ()] or targets.listed(group)

    def states() -> set[str]:
        return {targets.state(call.world, group, id, port).state for id, port in asked}

    now = states()
    if "draining" in now:
        call.wait(CLOCK.now() + _PATIENCE, lambda: "draining" not in states())
    elif not now <= {"healthy"} and now != {"unused"}:
        call.wait(CLOCK.now() + _PATIENCE, lambda: states() == {"healthy"})
