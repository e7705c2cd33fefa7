"""Operations change a running deployment: each has a plan, and checks that prove that it worked.

    from esaws import Cloud, operations

    cloud = Cloud.from_env()
    operations.plan_roll_out(cloud, "client-web-ui", "nginx:1.27").apply()
    operations.failed_checks(operations.verify_roll_out(cloud, "client-web-ui", "nginx:1.27"))      # [] if all hold

A plan has the steps that are still missing, so that an interrupted operation is finished by running it again.
"""

from typing import TYPE_CHECKING

from esaws._lazy import lazy_names

if TYPE_CHECKING:
    from esaws.operations.checks import Check, failed_checks
    from esaws.operations.drain_zone import (
        drain_zone_leaves,
        plan_drain_zone,
        plan_return_to_zone,
        verify_zone_drained,
        verify_zone_in_use,
    )
    from esaws.operations.roll_out import RollOutFailed, plan_roll_out, roll_out_leaves, verify_roll_out
    from esaws.operations.scale import plan_scaling, scaling_leaves, verify_scaling
    from esaws.operations.services import ServiceState, service_state
    from esaws.operations.verify_costs import verify_month_end, verify_runway
    from esaws.operations.watching import Timeline, aws_now

__all__ = [
    "Check",
    "RollOutFailed",
    "ServiceState",
    "Timeline",
    "aws_now",
    "drain_zone_leaves",
    "failed_checks",
    "plan_drain_zone",
    "plan_return_to_zone",
    "plan_roll_out",
    "plan_scaling",
    "roll_out_leaves",
    "scaling_leaves",
    "service_state",
    "verify_month_end",
    "verify_roll_out",
    "verify_runway",
    "verify_scaling",
    "verify_zone_drained",
    "verify_zone_in_use",
]

_SOURCES = {
    "esaws.operations.checks": (
        "Check",
        "failed_checks",
    ),
    "esaws.operations.drain_zone": (
        "drain_zone_leaves",
        "plan_drain_zone",
        "plan_return_to_zone",
        "verify_zone_drained",
        "verify_zone_in_use",
    ),
    "esaws.operations.roll_out": (
        "RollOutFailed",
        "plan_roll_out",
        "roll_out_leaves",
        "verify_roll_out",
    ),
    "esaws.operations.scale": (
        "plan_scaling",
        "scaling_leaves",
        "verify_scaling",
    ),
    "esaws.operations.services": (
        "ServiceState",
        "service_state",
    ),
    "esaws.operations.verify_costs": (
        "verify_month_end",
        "verify_runway",
    ),
    "esaws.operations.watching": (
        "Timeline",
        "aws_now",
    ),
}

__getattr__, __dir__ = lazy_names(__name__, {name: module for module, names in _SOURCES.items() for name in names})
