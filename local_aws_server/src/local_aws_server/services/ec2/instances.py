"""Instances in transition: they start, stop and terminate in AWS's time, and keep their resources until then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends, display_name, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import next_transition_end, pop_reached_state, start_transition

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html"""

_START_SECONDS, _STOP_SECONDS, _TERMINATE_SECONDS = 60.0, 40.0, 60.0


def mark_pending(instance: Any) -> None:
    """Start an instance, which is pending first."""
    _set_state(instance, "pending")
    start_transition(instance, "running", _START_SECONDS)


def start(backends: Backends, instances: Iterable[Any]) -> None:
    for instance in instances:
        if instance.state == "stopped":
            mark_pending(instance)


def stop(backends: Backends, instances: Iterable[Any], reason: str = "a user stopped it") -> None:
    for instance in instances:
        if instance.state in ("pending", "running"):
            _set_state(instance, "stopping")
            start_transition(instance, "stopped", _STOP_SECONDS)
            record_event(backends, display_name(backends, instance), "instance stopped", reason)


def terminate(backends: Backends, instances: Iterable[Any], reason: str = "a user terminated it") -> None:
    for instance in instances:
        if instance.state not in ("shutting-down", "terminated"):
            _set_state(instance, "shutting-down")
            start_transition(instance, "terminated", _TERMINATE_SECONDS)
            record_event(backends, display_name(backends, instance), "instance terminated", reason)


def finish_due_transitions(backends: Backends) -> float | None:
    """Put instances whose transition is over into their new state; returns when the next transition ends."""
    ec2, terminated = backends.backend("ec2"), []
    for instance in backends.instances:
        state = pop_reached_state(instance)
        if state == "running":
            instance.start()
            sidecar(instance)["running_since"] = CLOCK.now()
        elif state == "stopped":
            instance.stop()
        elif state == "terminated":
            terminated.append(instance.id)
        if state:
            SCHEDULER.mark_changed(backends, "ec2")
    if terminated:
        for instance in backends.instances:
            if instance.id in terminated:
                _release_interfaces(instance)
        ec2.terminate_instances(terminated)
        backends.backend("elbv2").notify_terminate_instances(terminated)
        SCHEDULER.mark_changed(backends, "elbv2")
    return next_transition_end(backends.instances)


def running_since(instance: Any) -> float | None:
    """When the instance last started; None while it is not running."""
    return float(sidecar(instance).get("running_since", 0.0)) if instance.state == "running" else None


def keep_interface(eni: Any) -> None:
    """Let an interface outlive the instance with which it was launched."""
    sidecar(eni)["outlives_instance"] = True


def _release_interfaces(instance: Any) -> None:
    """Detach the interfaces that a terminated instance leaves behind; moto deletes the others."""
    for index, eni in list(instance.nics.items()):
        if not eni.delete_on_termination and (index != 0 or sidecar(eni).get("outlives_instance")):
            eni.instance = eni.attachment_id = eni.attach_time = eni.device_index = None
            eni.status = "available"
            if index != 0:
                del instance.nics[index]


def _set_state(instance: Any, state: str) -> None:
    instance._state.name, instance._state.code = state, CODES[state]
