"""Chapter 05: task definitions, what fits on an instance, log groups, and the role of a task."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from esaws.architecture import Architecture
from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.revisions import Revision, newest_revision, tagged
from esaws.course.role_policies import Decision, decide, policies_of
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.bucket import Bucket
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.log_group import LogGroup
from esaws.resources.role import Role
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.task_definition import TaskDefinition

_MEMORY = 950
"""MiB that the agent of a t2.micro offers to tasks on the local AWS; the exercises leave room for AWS's figures."""
_FIRST_PORT, _LAST_PORT = 32768, 60999
"""The host ports that the kernel of Amazon Linux gives to containers, as `net.ipv4.ip_local_port_range` says."""
_API_RULE = "IntrusionManagementAPI-sg ingress tcp 8001 ALB-sg"


def start() -> Architecture:
    """Return images, groups, a bucket and one instance in a cluster; no task definition."""
    services = ("client-web-ui", "intrusion-management-api", "cameras-api", "hdm")
    system = seccom("budget", services=services)
    instance = system.get(AutoScalingGroup, "client-web-ui-asg")
    return system.just(instance, SecurityGroupRule, ECRImage, Bucket)


def _exists(found: Revision | None, name: str) -> Point:
    return Point(
        f"The task definition {name} exists",
        found is not None,
        f"ECS has no active revision of {name}",
        "!aws ecs list-task-definitions",
        is_needed=True,
    )


# --- a task definition


def _recipe(seed: Seed) -> Mapping[str, Any]:
    return {"port": seed.between(8100, 8999), "memory": 16 * seed.between(8, 24)}


def _check_recipe(attempt: Attempt) -> Iterator[Point]:
    cloud, mine = attempt.cloud, attempt.mine
    found = newest_revision(cloud, "cameras-api")
    yield _exists(found, "cameras-api")
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
    images = {live.id for live in attempt.index if live.kind == "ECRImage"}
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
    groups = {live.id for live in attempt.index if live.kind == "LogGroup"}
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
    yield _exists(found, "client-web-ui")
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


# --- a free host port


def _port(seed: Seed) -> Mapping[str, Any]:
    return {"port": seed.between(8100, 8999)}


def _check_port(attempt: Attempt) -> Iterator[Point]:
    cloud, mine = attempt.cloud, attempt.mine
    found = newest_revision(cloud, "intrusion-management-api")
    yield _exists(found, "intrusion-management-api")
    if found is None:
        return
    container, host = found.port.get("containerPort"), found.port.get("hostPort") or 0
    yield Point(
        f"Its container port is {mine.port}",
        container == mine.port,
        f"containerPort is {container}",
        "container_port",
        is_needed=True,
    )
    yield Point("It takes any free host port", host == 0, f"hostPort is {host}", "hostPort 0, or no host_port")
    group, balancer = _group(attempt, "IntrusionManagementAPI-sg"), _group(attempt, "ALB-sg")
    rules = [
        live.fields
        for live in attempt.index
        if live.kind == "SecurityGroupRule" and live.fields["group"] == group and live.fields["direction"] == "ingress"
    ]
    from_balancer = [rule for rule in rules if rule["peer"] == balancer]
    yield Point(
        f"The load balancer's group may connect on {_FIRST_PORT} to {_LAST_PORT}",
        any(_covers(rule, _FIRST_PORT, _LAST_PORT) for rule in from_balancer),
        f"it may connect on {_ports(from_balancer)}",
        "the inbound rules of IntrusionManagementAPI-sg",
    )
    yield Point(
        "No rule opens lower ports to it, now that nothing listens there",
        not any(rule["from_port"] < _FIRST_PORT for rule in from_balancer),
        f"it may connect on {_ports(from_balancer)}",
        "the rule for port 8001",
    )
    ranges = [rule for rule in rules if not str(rule["peer"]).startswith("sg-") and rule["to_port"] >= _FIRST_PORT]
    yield Point(
        "No address range may connect on these ports", not ranges, f"{_ports(ranges)} is open to a range", "peer"
    )


def _group(attempt: Attempt, name: str) -> str:
    live = attempt.index.get("SecurityGroup", name)
    return live.id if live else ""


def _covers(rule: Mapping[str, Any], first: int, last: int) -> bool:
    return bool(rule["from_port"] <= first and last <= rule["to_port"])


def _ports(rules: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{rule['from_port']}-{rule['to_port']}" for rule in rules) or "no port"


def _declare_port(cloud: Cloud, mine: Values) -> None:
    rule = seccom("ha").get(SecurityGroupRule, "IntrusionManagementAPI-sg ingress tcp 8001 ALB-sg")
    recipe = TaskDefinition(
        name="intrusion-management-api",
        image=ECRImage(repository=ECRRepository(name="intrusion-management-api")),
        container_port=mine.port,
        log_group=LogGroup(name="intrusion-management-api"),
    )
    plan_deploy([recipe, rule.replace(from_port=32768, to_port=65535)], cloud).apply()


def _register_port(cloud: Cloud, mine: Values) -> None:
    system, ec2 = seccom("ha"), cloud.client("ec2")
    group = system.get(SecurityGroup, "IntrusionManagementAPI-sg").id_in(cloud)
    peer = [{"GroupId": system.get(SecurityGroup, "ALB-sg").id_in(cloud)}]
    old = {"IpProtocol": "tcp", "FromPort": 8001, "ToPort": 8001, "UserIdGroupPairs": peer}
    new = {"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 60999, "UserIdGroupPairs": peer}
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[old])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[new])
    image = ECRImage(repository=ECRRepository(name="intrusion-management-api"))
    container = {
        "name": "intrusion-management-api",
        "image": image.id_in(cloud),
        "memory": 256,
        "portMappings": [{"containerPort": mine.port}],
    }
    cloud.client("ecs").register_task_definition(
        family=cloud.aws_name("intrusion-management-api"),
        networkMode="bridge",
        containerDefinitions=[container],
        tags=tag_list(cloud.tags("intrusion-management-api"), "key", "value"),
    )


def _port_with(mine: Values, **fields: Any) -> TaskDefinition:
    name = "intrusion-management-api"
    image, log = ECRImage(repository=ECRRepository(name=name)), LogGroup(name=name)
    return TaskDefinition(name=name, image=image, container_port=mine.port, log_group=log, **fields)


def _group_unchanged(cloud: Cloud, mine: Values) -> None:
    plan_deploy([_port_with(mine)], cloud).apply()


def _open_to_the_world(cloud: Cloud, mine: Values) -> None:
    group = seccom("ha").get(SecurityGroupRule, _API_RULE).group
    rule = SecurityGroupRule(group=group, from_port=32768, to_port=65535, peer="0.0.0.0/0")
    plan_deploy([_port_with(mine), rule], cloud).apply()


def _every_port(cloud: Cloud, mine: Values) -> None:
    rule = seccom("ha").get(SecurityGroupRule, _API_RULE).replace(from_port=0, to_port=65535)
    plan_deploy([_port_with(mine), rule], cloud).apply()


PORT = Exercise(
    "05-port",
    prompt=(
        "Let `intrusion-management-api` take **any free host port**; it listens on container port {mine.port}. "
        "Then change `IntrusionManagementAPI-sg`: the load balancer reaches the ports that Docker "
        "chooses, and no other."
    ),
    values=_port,
    check=_check_port,
    hints=(
        "If the host port is different for each task, which port can a rule name?",
        "Docker takes free ports from 32768 to 60999. Two rules of the group concern the load balancer's group: "
        "which one is of no use any more?",
        '`seccom("ha").get(SecurityGroupRule, "IntrusionManagementAPI-sg ingress tcp 8001 ALB-sg")`, then '
        "`.replace(from_port=32768, to_port=65535)`; plan it together with the task definition.",
    ),
    solutions=(_declare_port, _register_port),
    wrong=(
        Wrong(_group_unchanged, "8001-8001"),
        Wrong(_open_to_the_world, "open to a range"),
        Wrong(_every_port, "0-65535"),
    ),
    notices=("TaskDefinition:intrusion-management-api",),
)


# --- a log group


def _logs(seed: Seed) -> Mapping[str, Any]:
    return {"group": f"hdm-{seed.letters(4)}", "days": seed.choice([1, 3, 5, 7, 30, 60, 90])}


def _check_logs(attempt: Attempt) -> Iterator[Point]:
    cloud, mine = attempt.cloud, attempt.mine
    found = newest_revision(cloud, "hdm")
    yield _exists(found, "hdm")
    if found is None:
        return
    expected, group = cloud.aws_name(mine.group), found.log_options.get("awslogs-group")
    yield Point(
        f"It writes to the log group {expected}",
        group == expected,
        f"awslogs-group is {group}" if group else "it has no awslogs driver",
        "logConfiguration",
        is_needed=True,
    )
    listed = cloud.client("logs").describe_log_groups(logGroupNamePrefix=expected)["logGroups"]
    days = {item["logGroupName"]: item.get("retentionInDays") for item in listed}
    yield Point(
        "The log group exists",
        expected in days,
        f"there is no log group {expected}; a task that needs it does not start",
        "!aws logs describe-log-groups",
    )
    kept = f"it keeps them for {days[expected]} days" if days.get(expected) else "it keeps them for ever"
    yield Point(
        f"It deletes its events after {mine.days} days",
        days.get(expected) == mine.days,
        kept if expected in days else f"there is no log group {expected}",
        "retention_days; put-retention-policy",
    )


def _declare_logs(cloud: Cloud, mine: Values) -> None:
    recipe = TaskDefinition(
        name="hdm",
        image=ECRImage(repository=ECRRepository(name="hdm")),
        log_group=LogGroup(name=mine.group, retention_days=mine.days),
    )
    plan_deploy([recipe], cloud).apply()


def _register_logs(cloud: Cloud, mine: Values) -> None:
    logs, group = cloud.client("logs"), cloud.aws_name(mine.group)
    logs.create_log_group(logGroupName=group, tags=cloud.tags(mine.group))
    logs.put_retention_policy(logGroupName=group, retentionInDays=mine.days)
    options = {"awslogs-group": group, "awslogs-region": cloud.region, "awslogs-stream-prefix": "hdm"}
    container = {
        "name": "hdm",
        "image": ECRImage(repository=ECRRepository(name="hdm")).id_in(cloud),
        "memory": 256,
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    tags = tag_list(cloud.tags("hdm"), "key", "value")
    cloud.client("ecs").register_task_definition(
        family=cloud.aws_name("hdm"), containerDefinitions=[container], tags=tags
    )


def _kept_for_ever(cloud: Cloud, mine: Values) -> None:
    group = cloud.aws_name(mine.group)
    cloud.client("logs").create_log_group(logGroupName=group, tags=cloud.tags(mine.group))
    _register_writer(cloud, group)


def _no_group(cloud: Cloud, mine: Values) -> None:
    _register_writer(cloud, cloud.aws_name(mine.group))


def _register_writer(cloud: Cloud, group: str) -> None:
    options = {"awslogs-group": group, "awslogs-region": cloud.region}
    logging = {"logDriver": "awslogs", "options": options}
    container = {"name": "hdm", "image": "hdm", "memory": 256, "logConfiguration": logging}
    tags = tag_list(cloud.tags("hdm"), "key", "value")
    cloud.client("ecs").register_task_definition(
        family=cloud.aws_name("hdm"), containerDefinitions=[container], tags=tags
    )


LOGS = Exercise(
    "05-logs",
    prompt=(
        "The task definition `hdm` writes its log to a log group `{mine.group}`, which deletes its events after "
        "{mine.days} days. The HDM serves no port."
    ),
    values=_logs,
    check=_check_logs,
    hints=(
        "How long does CloudWatch keep log events without a retention?",
        "`LogGroup?` shows the field for the days.",
        '`TaskDefinition(name="hdm", image=…, log_group=LogGroup(name="{mine.group}", retention_days={mine.days}))`',
    ),
    solutions=(_declare_logs, _register_logs),
    wrong=(Wrong(_kept_for_ever, "for ever"), Wrong(_no_group, "there is no log group")),
    notices=("TaskDefinition:hdm", "LogGroup"),
)


# --- the role of a task


def _role(seed: Seed) -> Mapping[str, Any]:
    return {"folder": f"site-{seed.letters(4)}"}


def _check_role(attempt: Attempt) -> Iterator[Point]:
    found = newest_revision(attempt.cloud, "clip-writer")
    yield _exists(found, "clip-writer")
    if found is None:
        return
    arn = found.raw.get("taskRoleArn") or ""
    roles = {live.id: live for live in attempt.index if live.kind == "Role"}
    role = roles.get(arn.rpartition("/")[2])
    yield Point(
        "Its containers have a role of the deployment: a task role",
        role is not None,
        f"taskRoleArn is {arn}, which the deployment does not own" if arn else "it has no taskRoleArn",
        "taskRoleArn, and the tags of the role",
        is_needed=True,
    )
    if role is None:
        return
    yield Point(
        "Tasks may assume the role",
        role.fields["service"] == "ecs-tasks.amazonaws.com",
        f"{role.fields['service']} may assume it",
        "the trust policy: AssumeRolePolicyDocument",
    )
    yield from _permissions(attempt, role.id)


def _permissions(attempt: Attempt, role: str) -> Iterator[Point]:
    """What a role may do with the bucket of the clips, by reading its policies."""
    bucket, folder = attempt.index.get("Bucket", "clips"), attempt.mine.folder
    if bucket is None:
        yield Point("The bucket of the clips exists", False, "there is no bucket clips", "the start of the notebook")
        return
    documents = policies_of(attempt.cloud, role)
    clips = f"arn:aws:s3:::{bucket.id}"

    def point(what: str, action: str, resource: str, expected: Decision, *, is_needed: bool = False) -> Point:
        decision = decide(documents, action, resource)
        found = {"allow": "the policies allow", "deny": "no policy allows", "unknown": "a condition decides on"}
        return Point(
            what,
            decision == expected,
            f"{found[decision]} {action} there",
            "Action and Resource of its policies: !aws iam get-role-policy …",
            is_needed=is_needed,
        )

    mine = f"{clips}/{folder}/clip.mp4"
    yield point(f"It writes clips below {folder}/", "s3:PutObject", mine, "allow", is_needed=True)
    yield point("It does not write to other folders", "s3:PutObject", f"{clips}/another/clip.mp4", "deny")
    yield point("It does not write to other buckets", "s3:PutObject", f"arn:aws:s3:::other/{folder}/clip.mp4", "deny")
    yield point("It does not delete clips", "s3:DeleteObject", mine, "deny")
    yield point("It does not delete the bucket", "s3:DeleteBucket", clips, "deny")


def _declare_role(cloud: Cloud, mine: Values) -> None:
    role = Role(name="clip-writer", service="ecs-tasks.amazonaws.com")
    plan_deploy([role], cloud).apply()
    iam, name = cloud.client("iam"), role.id_in(cloud)
    folder = f"arn:aws:s3:::{Bucket(name='clips').id_in(cloud)}/{mine.folder}/*"
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": folder}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="clips", PolicyDocument=policy)
    container = {"name": "clip-writer", "image": "public.ecr.aws/docker/library/busybox:stable", "memory": 64}
    cloud.client("ecs").register_task_definition(
        family=cloud.aws_name("clip-writer"),
        taskRoleArn=iam.get_role(RoleName=name)["Role"]["Arn"],
        containerDefinitions=[container],
        tags=tag_list(cloud.tags("clip-writer"), "key", "value"),
    )


def _create_role(cloud: Cloud, mine: Values) -> None:
    iam, name = cloud.client("iam"), f"{cloud.deployment}-clip-writer-{cloud.region}"
    principal = {"Service": "ecs-tasks.amazonaws.com"}
    trust = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        Tags=tag_list(cloud.tags("clip-writer")),
    )["Role"]
    bucket = f"arn:aws:s3:::{Bucket(name='clips').id_in(cloud)}"
    statements = [
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": f"{bucket}/{mine.folder}/*"},
        {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="clips", PolicyDocument=policy)
    container = {"name": "clip-writer", "image": "public.ecr.aws/docker/library/busybox:stable", "memory": 64}
    cloud.client("ecs").register_task_definition(
        family=cloud.aws_name("clip-writer"),
        taskRoleArn=role["Arn"],
        containerDefinitions=[container],
        tags=tag_list(cloud.tags("clip-writer"), "key", "value"),
    )


def _everything_of_s3(cloud: Cloud, mine: Values) -> None:
    _write_with(cloud, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, "ecs-tasks.amazonaws.com")


def _role_of_an_instance(cloud: Cloud, mine: Values) -> None:
    folder = f"arn:aws:s3:::{Bucket(name='clips').id_in(cloud)}/{mine.folder}/*"
    _write_with(cloud, {"Effect": "Allow", "Action": "s3:PutObject", "Resource": folder}, "ec2.amazonaws.com")


def _write_with(cloud: Cloud, statement: Mapping[str, Any], service: str) -> None:
    role = Role(name="clip-writer", service=service)
    plan_deploy([role], cloud).apply()
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    name = role.id_in(cloud)
    cloud.client("iam").put_role_policy(RoleName=name, PolicyName="clips", PolicyDocument=policy)
    arn = cloud.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    container = {"name": "clip-writer", "image": "busybox", "memory": 64}
    tags = tag_list(cloud.tags("clip-writer"), "key", "value")
    family = cloud.aws_name("clip-writer")
    cloud.client("ecs").register_task_definition(
        family=family, taskRoleArn=arn, containerDefinitions=[container], tags=tags
    )


ROLE = Exercise(
    "05-role",
    prompt=(
        "Write a **task role** `clip-writer`: containers that have it may write clips to the bucket `clips`, below "
        "`{mine.folder}/`. They may not write elsewhere, and delete nothing. Register a task definition "
        "`clip-writer` with this role."
    ),
    values=_role,
    check=_check_role,
    hints=(
        "Who assumes the role: the instance, the agent, or the container? The trust policy names that service.",
        'An object\'s ARN is `arn:aws:s3:::BUCKET/KEY`. `inventory(cloud).get("Bucket", "clips").id` is the bucket.',
        '`Role(name="clip-writer", service="ecs-tasks.amazonaws.com")`; then `put_role_policy` with the action '
        "`s3:PutObject` on `arn:aws:s3:::BUCKET/{mine.folder}/*`; then `register_task_definition(taskRoleArn=…)`",
    ),
    solutions=(_declare_role, _create_role),
    wrong=(
        Wrong(_everything_of_s3, "the policies allow s3:DeleteBucket"),
        Wrong(_role_of_an_instance, "ec2.amazonaws.com may assume it"),
    ),
    notices=("Role:clip-writer", "TaskDefinition:clip-writer", "Bucket:clips"),
)


CHAPTER = Chapter(
    "05",
    "Task definition and roles",
    minutes=30,
    start=start,
    exercises=(RECIPE, FIT, PORT, LOGS, ROLE),
    predictions=("05-fit", "05-revision"),
)
