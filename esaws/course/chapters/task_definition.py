"""Chapter 05: task definitions, what fits on an instance, log groups, and the role of a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.architecture import Architecture
from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.course.chapters._free_port_and_log import LOGS, PORT
from esaws.course.chapters._task_role import ROLE
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.revisions import Revision, exists, newest_revision, tagged
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.bucket import Bucket
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.log_group import LogGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.task_definition import TaskDefinition

_MEMORY = 950
"""MiB that the agent of a t2.micro offers to tasks on the local AWS; the exercises leave room for AWS's figures."""


def start() -> Architecture:
    """Return images, groups, a bucket and one instance in a cluster; no task definition."""
    services = ("client-web-ui", "intrusion-management-api", "cameras-api", "hdm")
    system = seccom("budget", services=services)
    instance = system.get(AutoScalingGroup, "client-web-ui-asg")
    return system.just(instance, SecurityGroupRule, ECRImage, Bucket)


# --- a task definition


def _recipe(seed: Seed) -> Mapping[str, Any]:
    return {"port": seed.between(8100, 8999), "memory": 16 * seed.between(8, 24)}


def _check_recipe(attempt: Attempt) -> Iterator[Point]:
    cloud, mine = attempt.cloud, attempt.mine
    found = newest_revision(cloud, "cameras-api")
    yield exists(found, "cameras-api")
    if found is None:
        return
    host = found.port.get("hostPort")
    yield Point(
        f"It maps host port {mine.port} to container port 8000",
        host == mine.port and found.port.get("containerPort") == 8000,
        f"host port {host} goes to container port {found.port.get('containerPort')}" if found.port else "no port",
        "portMappings",
        is_needed=True,
    )
    memory = found.container.get("memory")
    yield Point(f"Its hard limit is {mine.memory} MiB", memory == mine.memory, f"memory is {memory}", "memory")
    images = {live.id for live in attempt.of_kind("ECRImage")}
    image = found.container["image"]
    yield Point(
        "Its image is cameras-api:latest of your registry",
        image in images and image.endswith("-cameras-api:latest"),
        f"image is {image}",
        "!aws ecr describe-repositories: repositoryUri",
    )
    yield Point(
        "It is made for EC2 with the network mode bridge",
        found.raw.get("networkMode") == "bridge",
        f"networkMode is {found.raw.get('networkMode')}",
        "networkMode",
    )
    yield from _logging(attempt, found)
    yield tagged(cloud, found)


def _logging(attempt: Attempt, found: Revision) -> Iterator[Point]:
    group = found.log_options.get("awslogs-group")
    groups = {live.id for live in attempt.of_kind("LogGroup")}
    yield Point(
        "Its log goes to a log group that exists",
        group in groups,
        f"log group {group} does not exist" if group else "it has no awslogs driver",
        "logConfiguration, and !aws logs describe-log-groups",
    )


def _declare_recipe(cloud: Cloud, mine: Values) -> None:
    image = ECRImage(repository=ECRRepository(name="cameras-api"))
    recipe = TaskDefinition(
        name="cameras-api",
        image=image,
        container_port=8000,
        host_port=mine.port,
        memory=mine.memory,
        log_group=LogGroup(name="cameras-api"),
    )
    plan_deploy([recipe], cloud).apply()


def _register_recipe(cloud: Cloud, mine: Values) -> None:
    plan_deploy([LogGroup(name="cameras-api")], cloud).apply()
    image = ECRImage(repository=ECRRepository(name="cameras-api"))
    group = {"awslogs-group": cloud.aws_name("cameras-api"), "awslogs-region": cloud.region}
    container = {
        "name": "cameras-api",
        "image": image.id_in(cloud),
        "memory": mine.memory,
        "portMappings": [{"containerPort": 8000, "hostPort": mine.port}],
        "logConfiguration": {"logDriver": "awslogs", "options": group},
    }
    cloud.client("ecs").register_task_definition(
        family=cloud.aws_name("cameras-api"),
        networkMode="bridge",
        containerDefinitions=[container],
        tags=tag_list(cloud.tags("cameras-api"), "key", "value"),
    )


def _swapped_ports(cloud: Cloud, mine: Values) -> None:
    recipe = _recipe_with(container_port=mine.port, host_port=8000, memory=mine.memory)
    plan_deploy([recipe], cloud).apply()


def _memory_left_out(cloud: Cloud, mine: Values) -> None:
    plan_deploy([_recipe_with(container_port=8000, host_port=mine.port)], cloud).apply()


def _recipe_with(**fields: Any) -> TaskDefinition:
    image = ECRImage(repository=ECRRepository(name="cameras-api"))
    return TaskDefinition(name="cameras-api", image=image, log_group=LogGroup(name="cameras-api"), **fields)


RECIPE = Exercise(
    "05-recipe",
    prompt=(
        "Register the task definition `cameras-api`: the image `cameras-api:latest` of your registry, {mine.memory} "
        "MiB, container port 8000 on host port {mine.port}, and the log in a log group `cameras-api`."
    ),
    values=_recipe,
    check=_check_recipe,
    hints=(
        "Which of the two ports does the program in the container listen on, and which one do clients use?",
        "`TaskDefinition?` shows the fields. The image is an `ECRImage` of the `ECRRepository` named `cameras-api`.",
        '`TaskDefinition(name="cameras-api", image=…, container_port=8000, host_port={mine.port}, '
        'memory={mine.memory}, log_group=LogGroup(name="cameras-api"))`, then `plan_deploy([…], cloud).apply()`',
    ),
    solutions=(_declare_recipe, _register_recipe),
    wrong=(Wrong(_swapped_ports, "host port 8000"), Wrong(_memory_left_out, "memory is 256")),
    notices=("TaskDefinition:cameras-api", "LogGroup:cameras-api"),
)


# --- what fits on an instance


def _fit(seed: Seed) -> Mapping[str, Any]:
    count = seed.choice([2, 3])
    return {"count": count, "memory": _MEMORY // count - seed.between(20, 60), "port": seed.between(8100, 8999)}


def _check_fit(attempt: Attempt) -> Iterator[Point]:
    cloud, mine = attempt.cloud, attempt.mine
    found = newest_revision(cloud, "client-web-ui")
    yield exists(found, "client-web-ui")
    if found is None:
        return
    port, memory = found.port.get("containerPort"), found.container.get("memory") or 0
    yield Point(
        f"Its container port is {mine.port}",
        port == mine.port,
        f"containerPort is {port}",
        "container_port",
        is_needed=True,
    )
    yield Point(f"A task has at least {mine.memory} MiB", memory >= mine.memory, f"memory is {memory}", "memory")
    started, reasons = _started_on_a_copy(attempt, "client-web-ui", mine.count)
    yield Point(
        f"A copy of the cluster runs {mine.count} tasks at the same time",
        started == mine.count,
        f"it runs {started}; ECS refuses the others with {', '.join(reasons)}",
        "host_port, and the memory of all tasks together",
    )
    yield tagged(cloud, found)


def _started_on_a_copy(attempt: Attempt, name: str, count: int) -> tuple[int, list[str]]:
    """Run tasks of a family in its cluster, on a copy without other tasks; return how many start, and why no more."""
    with attempt.copy() as copy:
        ecs, cluster = copy.client("ecs"), copy.aws_name(f"{name}-cluster")
        for task in ecs.list_tasks(cluster=cluster)["taskArns"]:
            ecs.stop_task(cluster=cluster, task=task)
            ecs.describe_tasks(cluster=cluster, tasks=[task])  # the time of the copy passes until it has stopped
        answer = ecs.run_task(cluster=cluster, taskDefinition=copy.aws_name(name), launchType="EC2", count=count)
    return len(answer["tasks"]), sorted({failure["reason"] for failure in answer["failures"]})


def _declare_fit(cloud: Cloud, mine: Values) -> None:
    image = ECRImage(repository=ECRRepository(name="client-web-ui"))
    recipe = TaskDefinition(
        name="client-web-ui",
        image=image,
        container_port=mine.port,
        memory=mine.memory,
        log_group=LogGroup(name="client-web-ui"),
    )
    plan_deploy([recipe], cloud).apply()


def _register_fit(cloud: Cloud, mine: Values) -> None:
    ecs, cluster = cloud.client("ecs"), cloud.aws_name("client-web-ui-cluster")
    arns = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    [instance] = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]
    offered = {item["name"]: item["integerValue"] for item in instance["registeredResources"]}
    image = ECRImage(repository=ECRRepository(name="client-web-ui"))
    container = {
        "name": "client-web-ui",
        "image": image.id_in(cloud),
        "memory": offered["MEMORY"] // mine.count,
        "portMappings": [{"containerPort": mine.port, "hostPort": 0}],
    }
    ecs.register_task_definition(
        family=cloud.aws_name("client-web-ui"),
        networkMode="bridge",
        containerDefinitions=[container],
        tags=tag_list(cloud.tags("client-web-ui"), "key", "value"),
    )


def _fit_with(mine: Values, **fields: Any) -> TaskDefinition:
    image = ECRImage(repository=ECRRepository(name="client-web-ui"))
    log = LogGroup(name="client-web-ui")
    return TaskDefinition(name="client-web-ui", image=image, container_port=mine.port, log_group=log, **fields)


def _fixed_port(cloud: Cloud, mine: Values) -> None:
    plan_deploy([_fit_with(mine, host_port=4201, memory=mine.memory)], cloud).apply()


def _all_of_a_gibibyte(cloud: Cloud, mine: Values) -> None:
    plan_deploy([_fit_with(mine, memory=1024 // mine.count)], cloud).apply()


FIT = Exercise(
    "05-fit",
    prompt=(
        "Register the task definition `client-web-ui` so that **{mine.count} of its tasks** run at the same time on "
        "the one t2.micro of its cluster. The web server listens on container port {mine.port}. "
        "Each task gets at least {mine.memory} MiB."
    ),
    values=_fit,
    check=_check_fit,
    hints=(
        "An instance has two things that only one task can have at a time: a part of its memory, and what else?",
        "`registeredResources` in `!aws ecs describe-container-instances …`; and the meaning of host port 0.",
        "`TaskDefinition(…, container_port={mine.port}, memory={mine.memory}, …)` without `host_port`",
    ),
    solutions=(_declare_fit, _register_fit),
    wrong=(Wrong(_fixed_port, "RESOURCE:PORTS"), Wrong(_all_of_a_gibibyte, "RESOURCE:MEMORY")),
    notices=("TaskDefinition:client-web-ui",),
)


CHAPTER = Chapter(
    "05",
    "Task definition and roles",
    minutes=30,
    start=start,
    exercises=(RECIPE, FIT, PORT, LOGS, ROLE),
    predictions=("05-fit", "05-revision"),
)
