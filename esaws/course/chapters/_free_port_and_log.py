"""Exercises of chapter 05: a free host port with the rule that it needs, and a log group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.revisions import exists, newest_revision
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.log_group import LogGroup
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.task_definition import TaskDefinition

_FIRST_PORT, _LAST_PORT = 32768, 60999
"""The host ports that the kernel of Amazon Linux gives to containers, as `net.ipv4.ip_local_port_range` says."""
_API_RULE = "IntrusionManagementAPI-sg ingress tcp 8001 ALB-sg"


# --- a free host port


def _port(seed: Seed) -> Mapping[str, Any]:
    return {"port": seed.between(8100, 8999)}


def _check_port(attempt: Attempt) -> Iterator[Point]:
    cloud, mine = attempt.cloud, attempt.mine
    found = newest_revision(cloud, "intrusion-management-api")
    yield exists(found, "intrusion-management-api")
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
        for live in attempt.of_kind("SecurityGroupRule")
        if live.fields["group"] == group and live.fields["direction"] == "ingress"
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
    live = attempt.live("SecurityGroup", name)
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
    yield exists(found, "hdm")
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
