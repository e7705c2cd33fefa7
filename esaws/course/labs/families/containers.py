"""Labs about images, task definitions and the deployments of services."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.families._common import (
    open_everything,
    redeploy_everything,
    relax_health_checks,
    security_group,
    target_group,
)
from esaws.course.labs.families._services import (
    BALANCED,
    add_instances,
    allow_no_healthy_task,
    behind_the_load_balancer,
    container_of,
    described_service,
    is_rolled_out,
    names,
    names_of_release,
    release,
    roll_back,
    stop_and_start,
)
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed
from esaws.reference.seccom import SERVICES


def _container(attempt: Attempt) -> dict[str, Any]:
    """The container of the revision that the learner's service deploys."""
    definition = described_service(attempt.cloud, attempt.mine.service)["taskDefinition"]
    return container_of(attempt.cloud, definition)


# --- stuck-release: the image of the new revision does not exist


def _stuck_values(seed: Seed) -> Mapping[str, Any]:
    number = f"{seed.between(2, 9)}.{seed.between(1, 9)}.{seed.between(1, 9)}"
    return {"service": seed.choice(BALANCED), "tag": seed.choice(("v{}", "release-{}", "{}")).format(number)}


def _release_missing_image(cloud: Cloud, mine: Values) -> None:
    repositories = cloud.client("ecr").describe_repositories()["repositories"]
    uri = next(each["repositoryUri"] for each in repositories if each["repositoryName"].endswith(mine.service))
    release(cloud, mine.service, image=f"{uri}:{mine.tag}", command=[])


def _image_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    definition = described_service(cloud, mine.service)["taskDefinition"]
    image = container_of(cloud, definition)["image"]
    yield Evidence(names_of_release(cloud, mine.service), (mine.tag, image, "CannotPullContainerError"))
    yield Evidence((image, image.partition("/")[2].partition(":")[0]), (mine.tag, "CannotPullContainerError"))


def _image_mended(attempt: Attempt) -> Iterable[Point]:
    image = _container(attempt)["image"]
    yield Point(
        "The service runs an image that exists",
        not image.endswith(f":{attempt.mine.tag}"),
        image,
        "the task definition that the service deploys, and the tags in its repository",
    )


def _push_old_image_under_new_tag(cloud: Cloud, mine: Values) -> None:
    ecr, name = cloud.client("ecr"), cloud.aws_name(mine.service)
    found = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "latest"}])["images"][0]
    ecr.put_image(repositoryName=name, imageManifest=found["imageManifest"], imageTag=mine.tag)


STUCK_RELEASE = Lab(
    "stuck-release",
    family="containers",
    title="The new version never goes live",
    report=(
        "A developer, after lunch: *I released `{mine.service}` `{mine.tag}` an hour ago. The pipeline is green, but "
        "the old version still answers. Is there a queue?*"
    ),
    cause="image-missing",
    values=_stuck_values,
    system=behind_the_load_balancer,
    inject=_release_missing_image,
    evidence=_image_evidence,
    broken=("{mine.service} runs", "{mine.service} answers"),
    symptom=is_rolled_out,
    mended=_image_mended,
    repair=roll_back,
    non_repairs=(
        Wrong(_push_old_image_under_new_tag, "plan"),
        Wrong(redeploy_everything, "an image that exists"),
        Wrong(allow_no_healthy_task, "No other setting"),
        Wrong(open_everything, "open to the world"),
    ),
    hints=(
        "Does ECS try to start the new version, or does it wait for something?",
        "Read why the last tasks of the service stopped, and which image their task definition names.",
        "`aws ecs list-tasks --desired-status STOPPED`, `describe-tasks` and `aws ecr list-images`; "
        "`update-service --task-definition` deploys another revision.",
    ),
)


# --- half-done-release: the new revision needs more memory than an instance has


def _memory_values(seed: Seed) -> Mapping[str, Any]:
    return {"service": seed.choice(BALANCED), "memory": 64 * seed.between(16, 31)}


def _release_large_task(cloud: Cloud, mine: Values) -> None:
    release(cloud, mine.service, memory=mine.memory)


def _memory_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    value = (str(mine.memory), "insufficient memory", "RESOURCE:MEMORY")
    yield Evidence(names_of_release(cloud, mine.service), value)


def _memory_mended(attempt: Attempt) -> Iterable[Point]:
    memory = _container(attempt)["memory"]
    yield Point(
        "A task fits on the instances that the cluster has",
        memory <= 256,
        f"a task takes {memory} MiB, and the tasks of before took 256",
        "the memory of the container, and what the container instances have left",
    )


def _larger_instances(cloud: Cloud, mine: Values) -> None:
    ec2, name = cloud.client("ec2"), cloud.aws_name(mine.service)
    changes = {"InstanceType": "t3.medium"}
    ec2.create_launch_template_version(LaunchTemplateName=name, SourceVersion="1", LaunchTemplateData=changes)
    ec2.modify_launch_template(LaunchTemplateName=name, DefaultVersion="2")
    for instance in cloud.client("autoscaling").describe_auto_scaling_instances()["AutoScalingInstances"]:
        if instance["AutoScalingGroupName"] == f"{name}-asg":
            ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


HALF_DONE_RELEASE = Lab(
    "half-done-release",
    family="containers",
    title="A deployment that does not end",
    report=(
        "The release manager: *The deployment of `{mine.service}` has been in progress since this morning. Two of two "
        "tasks run, nothing is red, and users see the old version. I can't close the release.*"
    ),
    cause="task-memory",
    values=_memory_values,
    system=behind_the_load_balancer,
    inject=_release_large_task,
    evidence=_memory_evidence,
    symptom=is_rolled_out,
    mended=_memory_mended,
    repair=roll_back,
    non_repairs=(
        Wrong(_larger_instances, "costs"),
        Wrong(add_instances, "fits on the instances"),
        Wrong(redeploy_everything, "fits on the instances"),
        Wrong(allow_no_healthy_task, "No other setting"),
    ),
    hints=(
        "What does ECS look for before it starts a task on an instance?",
        "Read the events of the service, and compare the two revisions.",
        "`aws ecs describe-services`, `describe-task-definition` and `describe-container-instances`; "
        "`update-service --task-definition` deploys another revision.",
    ),
)


# --- restless-tasks: the new revision serves another URL prefix


def _prefix_values(seed: Seed) -> Mapping[str, Any]:
    service = SERVICES[seed.choice(BALANCED)]
    return {
        "service": service.name,
        "url": f"{service.path}/",
        "prefix": f"/{seed.choice(('api', 'v2', 'rest', 'app'))}",
    }


def _release_other_prefix(cloud: Cloud, mine: Values) -> None:
    release(cloud, mine.service, environment=[{"name": "ALB_PREFIX", "value": mine.prefix}])


def _prefix_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield Evidence(names_of_release(cloud, mine.service), (mine.prefix, "ALB_PREFIX"))


def _prefix_mended(attempt: Attempt) -> Iterable[Point]:
    path = SERVICES[attempt.mine.service].path
    values = {pair["name"]: pair["value"] for pair in _container(attempt)["environment"]}
    yield Point(
        f"The service serves {path}",
        values.get("ALB_PREFIX") == path,
        f"its environment has ALB_PREFIX={values.get('ALB_PREFIX')}",
        "the environment of the container in the two revisions",
    )
    checked = target_group(attempt.cloud, attempt.mine.service)["HealthCheckPath"]
    yield Point(
        f"The health check requests {attempt.mine.url}, as users do",
        checked == attempt.mine.url,
        f"it requests {checked}",
        "whether users get an answer when the health check does",
    )


def _check_the_new_prefix(cloud: Cloud, mine: Values) -> None:
    group = target_group(cloud, mine.service)
    path = f"{mine.prefix}/"
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath=path)


RESTLESS_TASKS = Lab(
    "restless-tasks",
    family="containers",
    title="New tasks live for a minute",
    report=(
        "On-call, an hour after a release: *Tasks of `{mine.service}` start, run for a minute, and are replaced. "
        "`{mine.url}` works for some users and answers 404 to others. The health check was not touched.*"
    ),
    cause="environment",
    values=_prefix_values,
    system=behind_the_load_balancer,
    inject=_release_other_prefix,
    evidence=_prefix_evidence,
    broken=("{mine.service} runs", "{mine.service} answers", "GET {mine.url}"),
    symptom=is_rolled_out,
    mended=_prefix_mended,
    repair=roll_back,
    non_repairs=(
        Wrong(_check_the_new_prefix, "as users do"),
        Wrong(relax_health_checks, "No other setting"),
        Wrong(redeploy_everything, "The service serves"),
        Wrong(open_everything, "open to the world"),
    ),
    hints=(
        "Who says that the new tasks are unhealthy, and which answer do they give?",
        "Read the reason of the unhealthy targets. Then compare the new revision with the one before.",
        "`aws elbv2 describe-target-health` and `aws ecs describe-task-definition --task-definition …:1`; "
        "`update-service --task-definition` deploys another revision.",
    ),
)


# --- silent-tasks: the new revision listens on a host port that the security group does not open


def _port_values(seed: Seed) -> Mapping[str, Any]:
    service = SERVICES[seed.choice(BALANCED)]
    return {"service": service.name, "url": f"{service.path}/", "port": 9000 + seed.between(1, 99)}


def _release_other_port(cloud: Cloud, mine: Values) -> None:
    mapping = {"containerPort": SERVICES[mine.service].container_port, "hostPort": mine.port, "protocol": "tcp"}
    release(cloud, mine.service, portMappings=[mapping])


def _port_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield Evidence(names_of_release(cloud, mine.service), (str(mine.port), f"hostPort {mine.port}"))
    group = target_group(cloud, mine.service)["TargetGroupName"]
    resource = (group, group.removeprefix(cloud.aws_name("")))
    yield Evidence(resource, (str(mine.port), "Target.Timeout", f"port {mine.port}"))


def _port_mended(attempt: Attempt) -> Iterable[Point]:
    expected = SERVICES[attempt.mine.service].host_port
    found = _container(attempt)["portMappings"][0].get("hostPort")
    yield Point(
        f"The tasks listen on host port {expected}, which the security group opens to the load balancer",
        found == expected,
        f"they listen on {found}",
        "the port mappings of the two revisions",
    )


def _open_the_new_port(cloud: Cloud, mine: Values) -> None:
    group, source = security_group(cloud, SERVICES[mine.service].group), security_group(cloud, "ALB-sg")
    pair = {"UserIdGroupPairs": [{"GroupId": source["GroupId"]}]}
    permission = {"IpProtocol": "tcp", "FromPort": mine.port, "ToPort": mine.port, **pair}
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[permission])


SILENT_TASKS = Lab(
    "silent-tasks",
    family="containers",
    title="Healthy containers, unhealthy targets",
    report=(
        "A developer: *Since my release `{mine.service}` is shaky. On the instance `curl` gets 200 from the new "
        "container at once, but users of `{mine.url}` wait, and ECS keeps replacing my tasks.*"
    ),
    cause="host-port",
    values=_port_values,
    system=behind_the_load_balancer,
    inject=_release_other_port,
    evidence=_port_evidence,
    broken=("{mine.service} answers", "GET {mine.url}", "{mine.service} runs"),
    symptom=is_rolled_out,
    mended=_port_mended,
    repair=roll_back,
    non_repairs=(
        Wrong(_open_the_new_port, "which the security group opens"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "which the security group opens"),
        Wrong(relax_health_checks, "No other setting"),
    ),
    hints=(
        "Which path does a request take that `curl` on the instance does not?",
        "Read the ports of the registered targets, and the rules of the security group of the instances.",
        "`aws elbv2 describe-target-health` and `aws ec2 describe-security-groups`; "
        "`aws ecs update-service --task-definition` deploys another revision.",
    ),
)


# --- endless-restart: a deployment may neither stop a task nor find a free port


def _limits_values(seed: Seed) -> Mapping[str, Any]:
    return {"service": seed.choice(BALANCED), "percent": seed.choice((51, 75, 80, 90, 100))}


def _forbid_stopping(cloud: Cloud, mine: Values) -> None:
    limits = {"minimumHealthyPercent": mine.percent, "maximumPercent": 200}
    cloud.client("ecs").update_service(
        **names(cloud, mine.service), deploymentConfiguration=limits, forceNewDeployment=True
    )


def _limits_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    value = (f"minimumHealthyPercent {mine.percent}", str(mine.percent), "minimumHealthyPercent")
    yield Evidence(names_of_release(cloud, mine.service), (*value, "already using a port"))


def _limits_mended(attempt: Attempt) -> Iterable[Point]:
    limits = described_service(attempt.cloud, attempt.mine.service)["deploymentConfiguration"]
    found = {key: limits[key] for key in ("minimumHealthyPercent", "maximumPercent")}
    yield Point(
        "A deployment may stop one of two tasks, and none may stop both",
        found == {"minimumHealthyPercent": 50, "maximumPercent": 200},
        json.dumps(found),
        "the deployment configuration of the service, and the host ports of its tasks",
    )


def _restore_limits(cloud: Cloud, mine: Values) -> None:
    service = cloud.aws_name(mine.service)
    limits = {"minimumHealthyPercent": 50, "maximumPercent": 200}
    cloud.client("ecs").update_service(cluster=f"{service}-cluster", service=service, deploymentConfiguration=limits)


ENDLESS_RESTART = Lab(
    "endless-restart",
    family="containers",
    title="A restart that never ends",
    report=(
        "The platform team: *We made the deployments of `{mine.service}` safer and restarted the service. Both tasks "
        "run and answer, but the restart has not replaced one of them in an hour.*"
    ),
    cause="deployment-limits",
    values=_limits_values,
    system=behind_the_load_balancer,
    inject=_forbid_stopping,
    evidence=_limits_evidence,
    symptom=is_rolled_out,
    mended=_limits_mended,
    repair=_restore_limits,
    non_repairs=(
        Wrong(add_instances, "may stop one of two"),
        Wrong(allow_no_healthy_task, "none may stop both"),
        Wrong(stop_and_start, "may stop one of two"),
        Wrong(redeploy_everything, "may stop one of two"),
    ),
    hints=(
        "Which of the two has to happen first: an old task stops, or a new one starts?",
        "Read the events of the service, its deployment configuration, and the host port of its tasks.",
        "`aws ecs describe-services`; `update-service --deployment-configuration` sets the limits.",
    ),
)


LABS = (STUCK_RELEASE, HALF_DONE_RELEASE, RESTLESS_TASKS, SILENT_TASKS, ENDLESS_RESTART)
