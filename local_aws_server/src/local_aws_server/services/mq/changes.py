"""Changes of brokers: version, instance type and security groups wait for a reboot or the maintenance window."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.state_machine import LifecycleStep
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.maintenance import PendingChanges
from local_aws_server.services.mq.lifecycle import BROKERS
from local_aws_server.services.windows import next_weekly

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="A new engine version, instance type or security group of a broker waits for its reboot or its "
        "maintenance window.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/maintaining-brokers.html",
        ),
    ),
)

_WAITING = {
    "EngineVersion": "engine_version",
    "HostInstanceType": "host_instance_type",
    "SecurityGroups": "security_groups",
}
"""Parameter → moto's attribute."""


def _next_window(broker: Any) -> float:
    """When the maintenance window begins; its time zone is taken for UTC."""
    window = broker.maintenance_window_start_time
    day, time = window["DayOfWeek"][:3].lower(), window["TimeOfDay"]
    return next_weekly(f"{day}:{time}-{day}:{time}", CLOCK.now())


CHANGES = PendingChanges(
    lifecycle=BROKERS,
    attributes=_WAITING,
    next_window=_next_window,
    step=LifecycleStep("REBOOT_IN_PROGRESS", "RUNNING", 180, "its maintenance window began"),
)


@before("mq", "UpdateBroker")
def note_settings(call: Call) -> None:
    broker = call.backends.backend("mq").brokers.get(call.params["BrokerId"])
    if broker is not None:
        call.notes["settings"] = {name: getattr(broker, attribute) for name, attribute in _WAITING.items()}


@after("mq", "UpdateBroker")
def defer_changes(call: Call) -> None:
    """Undo what moto has changed, and keep it as pending."""
    broker = call.backends.backend("mq").brokers[call.params["BrokerId"]]
    for name, attribute in _WAITING.items():
        if name in call.params:
            new, old = getattr(broker, attribute), call.notes["settings"][name]
            CHANGES.of(broker).pop(name, None)
            if new != old:
                setattr(broker, attribute, old)
                CHANGES.defer(broker, name, new)


@after("mq", "RebootBroker")
def apply_changes(call: Call) -> None:
    CHANGES.apply(call.backends.backend("mq").brokers[call.params["BrokerId"]])


@after("mq", "DescribeBroker")
def show_pending_changes(call: Call) -> None:
    broker = call.backends.backend("mq").brokers.get(call.result.get("BrokerId", ""))
    if broker is not None:
        call.result |= {f"Pending{name}": value for name, value in CHANGES.of(broker).items()}


@reconciler("mq", order=2)
def apply_in_maintenance_window(backends: Backends) -> float | None:
    return CHANGES.apply_due(backends)
