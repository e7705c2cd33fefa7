"""Exercises of chapter 08: a roll-back by hand, and one by a circuit breaker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.revisions import newest_revision
from esaws.course.seed import Seed
from esaws.course.services import (
    described,
    running_revisions,
    runs_alone,
    service_exists,
    update_service,
)
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.reference.seccom import seccom
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.service import Service

_WEB, _MANAGERS = "client-web-ui", "manager-web-ui"
_LATEST = 5
"""The version that the managers' web UI runs when its roll-back is to be done."""


# --- a roll-back


def _back(seed: Seed) -> Mapping[str, Any]:
    return {"version": seed.between(2, _LATEST - 1)}


def _start_back(cloud: Cloud, mine: Values) -> None:
    """Let the managers' web UI run its newest version, with all the ones before it registered."""
    service = seccom("ha").get(Service, _MANAGERS)
    for version in range(2, _LATEST + 1):
        service.task_definition.replace(environment=(("VERSION", str(version)),)).create(cloud)
    update_service(cloud, _MANAGERS, taskDefinition=cloud.aws_name(_MANAGERS))
    wait_until_serving(cloud)


def _check_back(attempt: Attempt) -> Iterator[Point]:
    version = str(attempt.mine.version)
    with attempt.copy() as copy:
        simulation.advance(copy, "30m")
        service = described(copy, _MANAGERS)
        yield service_exists(service, _MANAGERS)
        if service is None:
            return
        running = running_revisions(copy, service)
        yield Point(
            f"On a copy, half an hour later, every task runs version {version}",
            {each.environment.get("VERSION", "1") for each in running} == {version},
            f"the versions {', '.join(sorted(each.environment.get('VERSION', '1') for each in running)) or 'none'} run",
            "the task definition of the service, not the list of revisions",
            is_needed=True,
        )
        yield runs_alone(service, "Then")


def _to_the_old_revision(cloud: Cloud, mine: Values) -> None:
    ecs, name = cloud.client("ecs"), cloud.aws_name("manager-web-ui")
    for arn in ecs.list_task_definitions(familyPrefix=name)["taskDefinitionArns"]:
        definition = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        variables = definition["containerDefinitions"][0]["environment"]
        if {"name": "VERSION", "value": str(mine.version)} in variables:
            ecs.update_service(cluster=f"{name}-cluster", service=name, taskDefinition=arn)


def _declare_the_old_content(cloud: Cloud, mine: Values) -> None:
    service = seccom("ha").get(Service, "manager-web-ui")
    old = service.task_definition.replace(environment=(("VERSION", str(mine.version)),))
    plan_deploy([service.replace(task_definition=old)], cloud).apply()


def _deregister_the_newest(cloud: Cloud, mine: Values) -> None:
    found = newest_revision(cloud, _MANAGERS)
    if found:
        cloud.client("ecs").deregister_task_definition(taskDefinition=found.raw["taskDefinitionArn"])


def _restart_the_tasks(cloud: Cloud, mine: Values) -> None:
    update_service(cloud, _MANAGERS, forceNewDeployment=True)


BACK = Exercise(
    "08-back",
    prompt=(
        f"Since version {_LATEST} the managers see an empty page. The colleague who could mend it is away. Version "
        "{mine.version} was the last good one: **roll `manager-web-ui` back** to it. Each version is a revision with "
        "the environment variable `VERSION`."
    ),
    values=_back,
    check=_check_back,
    hints=(
        "What does a service remember: the program, or the number of a revision?",
        "`!aws ecs list-task-definitions --family-prefix …` lists the revisions, which are all still there.",
        '`update_service(cluster=…, service=…, taskDefinition="FAMILY:NUMBER")`; here version {mine.version} has the '
        "number {mine.version}",
    ),
    solutions=(_to_the_old_revision, _declare_the_old_content),
    wrong=(
        Wrong(_deregister_the_newest, f"the versions {_LATEST}, {_LATEST} run"),
        Wrong(_restart_the_tasks, f"the versions {_LATEST}, {_LATEST} run"),
    ),
    notices=("Service:manager-web-ui",),
    start=_start_back,
)


# --- a circuit breaker


def _breaker(seed: Seed) -> Mapping[str, Any]:
    return {"tag": f"v3-{seed.letters(4)}"}


def _check_breaker(attempt: Attempt) -> Iterator[Point]:
    tag = attempt.mine.tag
    with attempt.copy() as copy:
        simulation.advance(copy, "1h")
        service = described(copy, _WEB)
        yield service_exists(service, _WEB)
        if service is None:
            return
        breaker = service.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
        is_on, rolls_back = bool(breaker.get("enable")), bool(breaker.get("rollback"))
        yield Point("Its circuit breaker is on", is_on, "it is off", "circuit_breaker; deploymentCircuitBreaker")
        yield Point(
            "The circuit breaker rolls back",
            is_on and rolls_back,
            "rollback is off" if is_on else "the circuit breaker is off",
            "rollback in deploymentCircuitBreaker",
        )
        tried = [event["message"] for event in service["events"] if "deployment failed" in event["message"]]
        found = newest_revision(copy, _WEB)
        image = found.container["image"] if found else ""
        yield Point(
            f"You rolled out the tag {tag}",
            image.endswith(f":{tag}"),
            f"the newest revision has the image {image}",
            "the image of the new revision",
            is_needed=True,
        )
        yield Point(
            "ECS has ended that roll-out: deployment failed",
            bool(tried),
            "no event says so, also an hour later",
            "the events of the service",
        )
        running = {each.container["image"] for each in running_revisions(copy, service)}
        yield Point(
            "On a copy, an hour later, no task waits for that tag",
            bool(running) and not any(name.endswith(f":{tag}") for name in running),
            f"the tasks run {', '.join(sorted(running)) or 'nothing'}",
            "the task definition of the service",
        )
        yield runs_alone(service, "Then")


def _declare_breaker(cloud: Cloud, mine: Values) -> None:
    service = seccom("ha").get(Service, "client-web-ui")
    image = ECRImage(repository=ECRRepository(name="client-web-ui")).id_in(cloud)
    missing = image.replace(":latest", f":{mine.tag}")
    definition = service.task_definition.replace(image=missing)
    new = service.replace(task_definition=definition, circuit_breaker=True)
    plan_deploy([new], cloud).apply()


def _update_breaker(cloud: Cloud, mine: Values) -> None:
    ecs, name = cloud.client("ecs"), cloud.aws_name("client-web-ui")
    breaker = {"enable": True, "rollback": True}
    shares = {"minimumHealthyPercent": 50, "maximumPercent": 200}
    current = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
    [container] = current["containerDefinitions"]
    image = ECRImage(repository=ECRRepository(name="client-web-ui")).id_in(cloud)
    container["image"] = image.replace(":latest", f":{mine.tag}")
    new = ecs.register_task_definition(
        family=name,
        networkMode="bridge",
        containerDefinitions=[container],
        tags=[{"key": key, "value": value} for key, value in cloud.tags("client-web-ui").items()],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(
        cluster=f"{name}-cluster",
        service=name,
        taskDefinition=new,
        deploymentConfiguration={**shares, "deploymentCircuitBreaker": breaker},
    )


def _roll_out_tag(cloud: Cloud, mine: Values, **settings: Any) -> None:
    service = seccom("ha").get(Service, _WEB).replace(**settings)
    image = ECRImage(repository=ECRRepository(name=_WEB)).id_in(cloud).replace(":latest", f":{mine.tag}")
    definition = service.task_definition.replace(image=image)
    plan_deploy([service.replace(task_definition=definition)], cloud).apply()


def _without_breaker(cloud: Cloud, mine: Values) -> None:
    _roll_out_tag(cloud, mine)


def _without_rollback(cloud: Cloud, mine: Values) -> None:
    shares = {"minimumHealthyPercent": 50, "maximumPercent": 200}
    breaker = {"enable": True, "rollback": False}
    _roll_out_tag(cloud, mine)
    update_service(cloud, _WEB, deploymentConfiguration={**shares, "deploymentCircuitBreaker": breaker})


def _without_a_minimum(cloud: Cloud, mine: Values) -> None:
    _roll_out_tag(cloud, mine, minimum_healthy=0)


BREAKER = Exercise(
    "08-breaker",
    prompt=(
        "Turn on the **circuit breaker** of `client-web-ui`, with rollback. Then prove it: roll out the image tag "
        "`{mine.tag}` of your registry, which was never pushed. ECS has to end the roll-out by itself, and the old "
        "version runs on."
    ),
    values=_breaker,
    check=_check_breaker,
    hints=(
        "What does a service without a circuit breaker do with a roll-out that can't succeed?",
        "`Service?` shows `circuit_breaker`. The image is a text: the URI of your repository with another tag.",
        '`service.replace(task_definition=service.task_definition.replace(image="…:{mine.tag}"), '
        "circuit_breaker=True)`",
    ),
    solutions=(_declare_breaker, _update_breaker),
    wrong=(
        Wrong(_without_breaker, "it is off"),
        Wrong(_without_rollback, "rollback is off"),
        Wrong(_without_a_minimum, "no event says so"),
    ),
    notices=("Service:client-web-ui",),
)
