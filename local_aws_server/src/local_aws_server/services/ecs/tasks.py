"""ECS tasks on the clock: placed, pulled, running, stopping, stopped, and forgotten an hour later.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.clock.transitions import PACE
from local_aws_server.services.ecs import containers, targets
from local_aws_server.services.ecs.placement import host_of, required

_ATTACHES, _PULLS, _STARTS, _STOPS, _KEPT = 5.0, 10.0, 5.0, 10.0, 3600.0
_STOP_TIMEOUT = 30.0
_TOO_SOON = 10.0
"""A container that ends within so many seconds is never reported as running."""

_EPHEMERAL = range(32768, 61000)

_OWN_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::([^@]+))?(?:@(.+))?")

WAITING = ("PROVISIONING", "PENDING", "ACTIVATING")
STOPPING = ("DEACTIVATING", "STOPPING", "DEPROVISIONING")


def place(world: Backends, cluster: Any, definition: Any, instance: Any | None, **settings: Any) -> Any:
    """A new task of a definition on a container instance, of which it takes what it needs; on Fargate without one."""
    from moto.ecs.models import Task

    ecs, needed = world.backend("ecs"), required(definition)
    arn = instance.container_instance_arn if instance is not None else None
    task = Task(cluster, definition, arn, needed, ecs, **settings)
    task.id = task.id.replace("-", "")
    if instance is not None:
        ecs.update_container_instance_resources(instance, needed)
    ecs.tasks.setdefault(cluster.name, {})[task.task_arn] = task
    begin(world, task, definition)
    return task


def begin(world: Backends, task: Any, definition: Any) -> None:
    """Send a new task on its way: its image is pulled, its containers start."""
    now = CLOCK.now()
    attached = now + (PACE.takes(_ATTACHES) if definition.network_mode == "awsvpc" else 0.0)
    pulled = attached + PACE.takes(_PULLS)
    task.containers = list(_containers(task, definition))
    task.created_at, task.pull_started_at = _time(now), _time(attached)
    task.connectivity, task.connectivity_at = "CONNECTED", _time(now)
    _turn(task, "PROVISIONING" if attached > now else "PENDING")
    ahead = [(attached, "PENDING"), (pulled, "PULLED"), (pulled + PACE.takes(_STARTS), "STARTED")]
    _ahead(task, ahead[0 if attached > now else 1 :])
    TIMELINE.touch(world, "ecs")


def stop(world: Backends, task: Any, code: str, reason: str, *, why: str = "", kill: bool = False) -> None:
    """Stop a task: it leaves its target groups first, and serves until their deregistration delay is over.

    `why` is the reason in plain words. `kill`: its processes are gone already.
    """
    if task.last_status == "STOPPED" or (task.desired_status == "STOPPED" and not kill):
        return
    now = CLOCK.now()
    if task.desired_status != "STOPPED":
        task.desired_status, task.stop_code, task.stopped_reason = "STOPPED", code, reason
        task.stopping_at = _time(now)
        remembered(task)["why"] = why or reason
    drained = now + (0.0 if kill else PACE.takes(targets.delay(world, task)))
    targets.withdraw(world, task)
    if kill:
        _stopped(world, task)
        return
    _turn(task, "DEACTIVATING" if drained > now else "STOPPING")
    ahead = [(drained, "STOPPING"), (drained + PACE.takes(_stops_in(world, task)), "STOPPED")]
    _ahead(task, ahead[0 if drained > now else 1 :])
    TIMELINE.touch(world, "ecs")


def move(world: Backends) -> float | None:
    """Every task is where it should be by now; gives the moment at which the next one moves."""
    next_moves = []
    for task in world.tasks:
        if why := remembered(task).pop("killed", ""):
            _killed(world, task, why)
        while (ahead := remembered(task).get("ahead")) and ahead[0][0] <= CLOCK.now():
            _, step = ahead.pop(0)
            _STEPS[step](world, task)
            if step not in _UNSEEN:
                TIMELINE.touch(world, "ecs")
        if ahead:
            next_moves.append(ahead[0][0])
    return min(next_moves, default=None)


def arrives(task: Any) -> float | None:
    """When a task is where it is going: runs, or has stopped; None if it is there."""
    moments = [moment for moment, step in remembered(task).get("ahead", ()) if step in ("STARTED", "STOPPED", "ENDED")]
    on_its_way = task.last_status in WAITING or task.last_status in STOPPING
    return float(moments[0 if task.last_status in WAITING else -1]) if moments and on_its_way else None


def alive(task: Any) -> bool:
    """Whether it is to run, whether or not it does already."""
    return bool(task.desired_status == "RUNNING")


def definition_of(world: Backends, task: Any) -> Any:
    family, _, revision = str(task.task_definition_arn).split("/")[-1].partition(":")
    return world.backend("ecs").task_definitions[family][int(revision)]


def name(task: Any) -> str:
    """What people call it: its service, else its family."""
    return str(task.group or "").partition(":")[2] or str(task.group)


def short(task: Any) -> str:
    return str(task.task_arn).split("/")[-1]


def _pending(world: Backends, task: Any) -> None:
    _turn(task, "PENDING")


def _pulled(world: Backends, task: Any) -> None:
    task.pull_stopped_at = _time(CLOCK.now())
    definition = definition_of(world, task)
    missing = [each["image"] for each in definition.container_definitions if not _there(world, str(each["image"]))]
    if missing:
        _fail(
            world,
            task,
            f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
            f"{missing[0]}: {missing[0]}: not found",
        )
        return
    (started, _), *_ = remembered(task)["ahead"]
    too_soon = [started + end.after for end in _ends(task, definition).values() if end.after < _TOO_SOON]
    if too_soon:
        _ahead(task, [(min(too_soon), "ENDED")])
        remembered(task)["began"] = started


def _started(world: Backends, task: Any) -> None:
    now = CLOCK.now()
    task.started_at = _time(now)
    remembered(task)["began"] = now
    definition = definition_of(world, task)
    if definition.network_mode != "awsvpc" and task.container_instance_arn:
        for container in task.containers:
            container.network_bindings = _bindings(world, task, container, definition)
    _turn(task, "RUNNING")
    _ahead(task, sorted({(now + end.after, "ENDED") for end in _ends(task, definition).values()}))


def _ended(world: Backends, task: Any) -> None:
    """Some containers have ended by themselves; the task ends with an essential one."""
    definition, lived = definition_of(world, task), CLOCK.now() - remembered(task)["began"]
    ends, essential = _ends(task, definition), False
    for container, described in zip(task.containers, definition.container_definitions, strict=True):
        end = ends.get(container.name)
        if end is not None and end.after <= lived + 0.001 and container.exitCode is None:
            container.exitCode, container.last_status = end.code, "STOPPED"
            essential = essential or bool(described.get("essential", True))
    if essential:
        task.execution_stopped_at = _time(CLOCK.now())
        why = "its container ended by itself"
        stop(world, task, "EssentialContainerExited", "Essential container in task exited", why=why, kill=True)


def _killed(world: Backends, task: Any, why: str) -> None:
    """Its first essential container got a SIGKILL, and the task ends with it."""
    described = definition_of(world, task).container_definitions
    first = next((each["name"] for each in described if each.get("essential", True)), described[0]["name"])
    for container in task.containers:
        if container.name == first:
            container.exitCode, container.last_status = 137, "STOPPED"
    task.execution_stopped_at = _time(CLOCK.now())
    stop(world, task, "EssentialContainerExited", "Essential container in task exited", why=why, kill=True)


def _stopping(world: Backends, task: Any) -> None:
    _turn(task, "STOPPING")


def _stopped(world: Backends, task: Any) -> None:
    """It holds nothing any more."""
    now, ecs = CLOCK.now(), world.backend("ecs")
    task.stopped_at = _time(now)
    task.execution_stopped_at = getattr(task, "execution_stopped_at", None) or task.stopped_at
    _turn(task, "STOPPED")
    for container in task.containers:
        if getattr(task, "started_at", None) and container.exitCode is None:
            container.exitCode = 0
    instance = host_of(world, task)
    if instance is not None:
        ecs.update_container_instance_resources(instance, task.resource_requirements, removing=True)
    for attachment in task.attachments:
        attachment["status"] = "DELETED"
        for detail in attachment["details"]:
            if detail["name"] == "networkInterfaceId":
                world.backend("ec2").enis.pop(detail["value"], None)
    _ahead(task, [(now + _KEPT, "FORGOTTEN")])
    happened(world, name(task), "task stopped", remembered(task)["why"])
    TIMELINE.touch(world, "ecs", *(["ec2"] if task.attachments else []))


def _forgotten(world: Backends, task: Any) -> None:
    world.backend("ecs").tasks[task.cluster_name].pop(task.task_arn, None)


_STEPS = {
    "PENDING": _pending,
    "PULLED": _pulled,
    "STARTED": _started,
    "ENDED": _ended,
    "STOPPING": _stopping,
    "STOPPED": _stopped,
    "FORGOTTEN": _forgotten,
}


_UNSEEN = ("PULLED", "FORGOTTEN")
"""Nothing else depends on these."""


def _fail(world: Backends, task: Any, reason: str) -> None:
    stop(world, task, "TaskFailedToStart", reason, why="its image can't be pulled", kill=True)


def _turn(task: Any, status: str) -> None:
    task.status = status
    for container in task.containers:
        container.task_arn = task.task_arn
        if status in ("PENDING", "RUNNING", "STOPPED") and container.last_status != "STOPPED":
            container.last_status = status


def _ahead(task: Any, steps: list[tuple[float, str]]) -> None:
    remembered(task)["ahead"] = steps


def _containers(task: Any, definition: Any) -> Iterator[Any]:
    """moto makes the first one only."""
    from moto.ecs.models import Container

    for described in definition.container_definitions:
        container: Any = Container(definition)  # type: ignore[abstract]
        for key in ("image", "cpu", "memory", "environment", "name", "command"):
            setattr(container, key, described.get(key))
        container.exitCode = None
        container.health_status = "UNKNOWN"
        container.task_arn = task.task_arn
        yield container


def _bindings(world: Backends, task: Any, container: Any, definition: Any) -> list[dict[str, Any]]:
    described = next(each for each in definition.container_definitions if each.get("name") == container.name)
    taken = {
        binding["hostPort"]
        for other in world.tasks
        if other.container_instance_arn == task.container_instance_arn and other.last_status != "STOPPED"
        for each in other.containers
        for binding in getattr(each, "network_bindings", ())
    }
    bindings = []
    for mapping in described.get("portMappings") or ():
        port, host = mapping["containerPort"], mapping.get("hostPort")
        if definition.network_mode == "host":
            host = port
        host = host or next(free for free in _EPHEMERAL if free not in taken)
        taken.add(host)
        protocol = mapping.get("protocol", "tcp")
        bindings.append({"bindIP": "0.0.0.0", "containerPort": port, "hostPort": host, "protocol": protocol})
    return bindings


def _ends(task: Any, definition: Any) -> dict[str, containers.Exit]:
    """Container → how it ends, of those that end by themselves; its environment as the task overrides it."""
    overrides = (task.overrides or {}).get("containerOverrides") or ()
    over = {each.get("name"): each.get("environment") or [] for each in overrides}
    found = {}
    for described in definition.container_definitions:
        environment = [*(described.get("environment") or ()), *over.get(described["name"], ())]
        if (end := containers.ends({**described, "environment": environment})) is not None:
            found[described["name"]] = end
    return found


def _there(world: Backends, image: str) -> bool:
    """Whether an image can be pulled; those of other registries always can."""
    if (named := _OWN_IMAGE.fullmatch(image)) is None:
        return True
    account, region, repository, tag, digest = named.groups()
    found = Backends(account, region).backend("ecr").repositories.get(repository)
    if found is None:
        return False
    if digest:
        return any(each.get_image_digest() == digest for each in found.images)
    return any((tag or "latest") in each.image_tags for each in found.images)


def _stops_in(world: Backends, task: Any) -> float:
    """A container that is told to stop ends in a few seconds, and is killed at its timeout."""
    timeouts = [each.get("stopTimeout") or _STOP_TIMEOUT for each in definition_of(world, task).container_definitions]
    return float(min(_STOPS, *timeouts))


def _time(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
