"""EC2 instances on the clock: they start, stop and terminate as long as on AWS, and hold what they use until then."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import next_transition_end, pop_reached_state, start_transition

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html"""

_CLUSTER = re.compile(r"ECS_CLUSTER=[\"']?([A-Za-z0-9_-]+)")
_STARTS, _STOPS, _TERMINATES = 60.0, 40.0, 60.0


def launched(instance: Any) -> None:
    """A new instance is pending first."""
    _set(instance, "pending")
    start_transition(instance, "running", _STARTS)


def start(world: Backends, instances: Iterable[Any]) -> None:
    for instance in instances:
        if instance.state == "stopped":
            launched(instance)


def stop(world: Backends, instances: Iterable[Any], why: str = "somebody stopped it") -> None:
    for instance in instances:
        if instance.state in ("pending", "running"):
            _set(instance, "stopping")
            start_transition(instance, "stopped", _STOPS)
            record_event(world, called(world, instance), "instance stopped", why)


def terminate(world: Backends, instances: Iterable[Any], why: str = "somebody terminated it") -> None:
    for instance in instances:
        if instance.state not in ("shutting-down", "terminated"):
            _set(instance, "shutting-down")
            start_transition(instance, "terminated", _TERMINATES)
            record_event(world, called(world, instance), "instance terminated", why)


def arrive(world: Backends) -> float | None:
    """Whatever has started, stopped or terminated by now is in its new state; gives the moment of the next."""
    ec2, terminated = world.backend("ec2"), []
    for instance in world.instances:
        reached = pop_reached_state(instance)
        if reached == "running":
            instance.start()
            sidecar(instance)["running_since"] = CLOCK.now()
        elif reached == "stopped":
            instance.stop()
        elif reached == "terminated":
            terminated.append(instance.id)
        if reached:
            SCHEDULER.mark_changed(world, "ec2")
    if terminated:
        ec2.terminate_instances(terminated)
        world.backend("elbv2").notify_terminate_instances(terminated)
        SCHEDULER.mark_changed(world, "elbv2")
    return next_transition_end(world.instances)


def running_since(instance: Any) -> float | None:
    """When it came up the last time; None while it is not running."""
    return float(sidecar(instance).get("running_since", 0.0)) if instance.state == "running" else None


def cluster_of(instance: Any) -> str | None:
    """The cluster that the instance's user data names last."""
    try:
        script = base64.b64decode(str(instance.user_data or "")).decode(errors="replace")
    except (binascii.Error, ValueError):
        return None
    named = _CLUSTER.findall(script)
    return named[-1] if named else None


def called(world: Backends, instance: Any) -> str:
    """What people call what runs on it: its ECS service where it is the only one, else its group, its name, its id."""
    cluster = cluster_of(instance)
    names = [s.name for s in world.ecs_services if s.cluster_name == cluster and s.status != "INACTIVE"]
    if len(names) == 1:
        return str(names[0])
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    return str(tags.get("aws:autoscaling:groupName") or tags.get("Name") or instance.id)


def _set(instance: Any, state: str) -> None:
    instance._state.name, instance._state.code = state, CODES[state]
