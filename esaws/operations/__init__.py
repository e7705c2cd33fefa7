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
    from esaws.leases.lease import lease_status, plan_lease
    from esaws.leases.park import remaining_costs
    from esaws.operations.budget_guard import GuardStatus, guard_status, plan_guard, verify_guard
    from esaws.operations.checks import Check, failed_checks
    from esaws.operations.deployment import (
        count_resources,
        plan_deployment,
        preflight_checks,
        verify_deployment,
        verify_teardown,
    )
    from esaws.operations.drain_zone import (
        drain_zone_leaves,
        plan_drain_zone,
        plan_return_to_zone,
        plan_zone,
        verify_zone,
        verify_zone_drained,
        verify_zone_in_use,
        zone_state,
    )
    from esaws.operations.open_port import plan_port, verify_port
    from esaws.operations.parking import plan_parking, verify_parking
    from esaws.operations.port_openings import open_ports
    from esaws.operations.replace_instance import instances, plan_replace_instance, verify_replaced_instance
    from esaws.operations.roll_out import RollOutFailed, plan_roll_out, roll_out_leaves, verify_roll_out
    from esaws.operations.rotate_password import (
        PasswordStatus,
        password_leaves,
        password_status,
        plan_rotate_password,
        verify_rotated_password,
    )
    from esaws.operations.scale import plan_scaling, scaling_leaves, verify_scaling
    from esaws.operations.services import ServiceState, service_state
    from esaws.operations.verify_costs import verify_month_end, verify_runway
    from esaws.operations.verify_looking import (
        verify_audit,
        verify_nothing_left,
        verify_paths,
        verify_reach,
        verify_request,
        verify_status,
        verify_targets,
        verify_unchanged,
    )
    from esaws.operations.watching import Timeline
    from esaws.simulation import cloud_time

__all__ = [
    "Check",
    "GuardStatus",
    "PasswordStatus",
    "RollOutFailed",
    "ServiceState",
    "Timeline",
    "cloud_time",
    "count_resources",
    "drain_zone_leaves",
    "failed_checks",
    "guard_status",
    "instances",
    "lease_status",
    "open_ports",
    "password_leaves",
    "password_status",
    "plan_deployment",
    "plan_drain_zone",
    "plan_guard",
    "plan_lease",
    "plan_parking",
    "plan_port",
    "plan_replace_instance",
    "plan_return_to_zone",
    "plan_roll_out",
    "plan_rotate_password",
    "plan_scaling",
    "plan_zone",
    "preflight_checks",
    "remaining_costs",
    "roll_out_leaves",
    "scaling_leaves",
    "service_state",
    "verify_audit",
    "verify_deployment",
    "verify_guard",
    "verify_month_end",
    "verify_nothing_left",
    "verify_parking",
    "verify_paths",
    "verify_port",
    "verify_reach",
    "verify_replaced_instance",
    "verify_request",
    "verify_roll_out",
    "verify_rotated_password",
    "verify_runway",
    "verify_scaling",
    "verify_status",
    "verify_targets",
    "verify_teardown",
    "verify_unchanged",
    "verify_zone",
    "verify_zone_drained",
    "verify_zone_in_use",
    "zone_state",
]

_SOURCES = {
    "esaws.leases.lease": ("lease_status", "plan_lease"),
    "esaws.leases.park": ("remaining_costs",),
    "esaws.operations.budget_guard": (
        "GuardStatus",
        "guard_status",
        "plan_guard",
        "verify_guard",
    ),
    "esaws.operations.checks": (
        "Check",
        "failed_checks",
    ),
    "esaws.operations.deployment": (
        "count_resources",
        "plan_deployment",
        "preflight_checks",
        "verify_deployment",
        "verify_teardown",
    ),
    "esaws.operations.drain_zone": (
        "drain_zone_leaves",
        "plan_drain_zone",
        "plan_return_to_zone",
        "plan_zone",
        "verify_zone",
        "verify_zone_drained",
        "verify_zone_in_use",
        "zone_state",
    ),
    "esaws.operations.open_port": (
        "plan_port",
        "verify_port",
    ),
    "esaws.operations.parking": (
        "plan_parking",
        "verify_parking",
    ),
    "esaws.operations.port_openings": ("open_ports",),
    "esaws.operations.replace_instance": (
        "instances",
        "plan_replace_instance",
        "verify_replaced_instance",
    ),
    "esaws.operations.roll_out": (
        "RollOutFailed",
        "plan_roll_out",
        "roll_out_leaves",
        "verify_roll_out",
    ),
    "esaws.operations.rotate_password": (
        "PasswordStatus",
        "password_leaves",
        "password_status",
        "plan_rotate_password",
        "verify_rotated_password",
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
    "esaws.operations.verify_looking": (
        "verify_audit",
        "verify_nothing_left",
        "verify_paths",
        "verify_reach",
        "verify_request",
        "verify_status",
        "verify_targets",
        "verify_unchanged",
    ),
    "esaws.operations.watching": ("Timeline",),
    "esaws.simulation": ("cloud_time",),
}

__getattr__, __dir__ = lazy_names(__name__, {name: module for module, names in _SOURCES.items() for name in names})
