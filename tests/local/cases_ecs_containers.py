"""Containers of ECS tasks: side containers, dependencies, health checks, and what they need before they start."""

import json
from functools import partial
from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_errors_containers import Site, refusal
from tests.local.timing import advance

MAIN = {"name": "main", "image": "nginx", "memory": 64}
SIDE = {**MAIN, "name": "side", "essential": False}


def later(account: Any, by: str) -> None:
    """Advance the clock; stock moto has none."""
    if account.wrapped:
        advance(account, by)


def exits(after: str, code: int = 0) -> dict[str, Any]:
    variables = {"ESAWS_EXIT_AFTER": after, "ESAWS_EXIT_CODE": str(code)}
    return {"environment": [{"name": name, "value": value} for name, value in variables.items()]}


def depends(on: str, condition: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": on, "condition": condition}]}


def check(command: str, **settings: int) -> dict[str, Any]:
    return {"healthCheck": {"command": ["CMD-SHELL", command], "interval": 10, "retries": 2, **settings}}


def run(account: Any, *containers: dict[str, Any], after: str = "5m", **definition: Any) -> dict[str, Any]:
    """Run a task of these containers on an instance, and return its description after a while."""
    site = Site(account, instances=1)
    site.ecs.register_task_definition(family="f", containerDefinitions=list(containers), **definition)
    task = site.run()["tasks"][0]["taskArn"]
    later(account, after)
    (described,) = site.ecs.describe_tasks(cluster="c", tasks=[task])["tasks"]
    return dict(described)


def statuses(task: dict[str, Any]) -> tuple[str, list[tuple[str, Any]]]:
    return task["lastStatus"], [(each["lastStatus"], each.get("exitCode")) for each in task["containers"]]


@case(
    "a side container may end, and the task goes on",
    aws=("RUNNING", [("RUNNING", None), ("STOPPED", 3)]),
    stock=("DEACTIVATING", [("PENDING", 0)]),
)
def case_side_container(account: Any) -> Any:
    return statuses(run(account, MAIN, {**SIDE, **exits("5s", 3)}))


@case(
    "a container starts when those that it depends on have come so far",
    aws=[
        ("RUNNING", [("RUNNING", None), ("STOPPED", 0)]),
        ("STOPPED", [("STOPPED", None), ("STOPPED", 1)]),
        ("RUNNING", [("RUNNING", None), ("RUNNING", None)]),
        ("STOPPED", [("STOPPED", None), ("STOPPED", 0)]),
    ],
    stock=[("DEACTIVATING", [("PENDING", 0)])] * 4,
)
def case_dependencies(account: Any) -> Any:
    site = Site(account, instances=1)
    definitions = [
        ({**MAIN, **depends("side", "SUCCESS")}, {**SIDE, **exits("20s")}),
        ({**MAIN, **depends("side", "SUCCESS")}, {**SIDE, **exits("20s", 1)}),
        ({**MAIN, **depends("side", "HEALTHY")}, {**SIDE, **check("curl -f http://localhost/")}),
        ({**MAIN, **depends("side", "HEALTHY")}, {**SIDE, **check("exit 1")}),
    ]
    tasks = []
    for definition in definitions:
        site.ecs.register_task_definition(family="f", containerDefinitions=list(definition))
        tasks.append(site.run()["tasks"][0]["taskArn"])
    later(account, "5m")
    described = [site.ecs.describe_tasks(cluster="c", tasks=[task])["tasks"][0] for task in tasks]
    return [statuses(task) for task in described]


@case("a task has the health of its essential containers", aws=["HEALTHY", "UNHEALTHY", "UNKNOWN"], stock=[None] * 3)
def case_health(account: Any) -> Any:
    site = Site(account, instances=1)
    tasks = []
    for container in (check("curl -f http://localhost/"), check("curl -f http://localhost/", startPeriod=20), {}):
        broken = {"environment": [{"name": "ESAWS_STATUS", "value": "500"}]} if "startPeriod" in str(container) else {}
        site.ecs.register_task_definition(family="f", containerDefinitions=[{**MAIN, **container, **broken}])
        tasks.append(site.run()["tasks"][0]["taskArn"])
    later(account, "5m")
    described = [site.ecs.describe_tasks(cluster="c", tasks=[task])["tasks"][0] for task in tasks]
    return [task.get("healthStatus") for task in described]


@case(
    "a service replaces a task whose container fails its health check",
    aws=("Task failed container health checks", True),
    stock=(None, False),
)
def case_failing_health(account: Any) -> Any:
    site = Site(account, instances=1)
    definition = {**MAIN, **check("exit 1")}
    site.ecs.register_task_definition(family="f", containerDefinitions=[definition])
    site.create_service(desiredCount=1)
    later(account, "3m")
    stopped = site.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"]
    if not stopped:
        return None, False
    (task,) = site.ecs.describe_tasks(cluster="c", tasks=stopped[:1])["tasks"]
    events = site.ecs.describe_services(cluster="c", services=["s"])["services"][0]["events"]
    return task["stoppedReason"], any("failed container health checks" in event["message"] for event in events)


@case(
    "containers stop after those that depend on them",
    aws=[("STOPPING", ["STOPPED", "RUNNING"]), ("STOPPED", ["STOPPED", "STOPPED"])],
    stock="KeyError",
)
def case_stop_order(account: Any) -> Any:
    site = Site(account, instances=1)
    definitions = [{**MAIN, **depends("side", "START")}, {**SIDE, "essential": True}]
    site.ecs.register_task_definition(family="f", containerDefinitions=definitions)
    task = site.run()["tasks"][0]["taskArn"]
    later(account, "2m")
    site.ecs.stop_task(cluster="c", task=task)
    later(account, "12s")
    stopping = site.ecs.stop_task(cluster="c", task=task)["task"]
    later(account, "1m")
    (stopped,) = site.ecs.describe_tasks(cluster="c", tasks=[task])["tasks"]
    if len(stopped["containers"]) == 1:
        return "KeyError"
    return [(each["lastStatus"], [part["lastStatus"] for part in each["containers"]]) for each in (stopping, stopped)]


def role(account: Any, name: str, service: str, *actions: str) -> str:
    """Create a role that a service may assume and that allows some actions; return its ARN."""
    iam = account.client("iam")
    trusted = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    allowed = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
    if actions:
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return arn


@case(
    "a task whose roles are missing, or that ECS can't assume, is not launched",
    aws=["ClientException", "ClientException", "RUNNING"],
    stock=["RUNNING"] * 3,
)
def case_roles(account: Any) -> Any:
    site = Site(account, instances=1)
    roles = [
        f"arn:aws:iam::{account.id}:role/absent",
        role(account, "for-instances", "ec2.amazonaws.com"),
        role(account, "for-tasks", "ecs-tasks.amazonaws.com"),
    ]
    answers = []
    for arn in roles:
        site.ecs.register_task_definition(family="f", containerDefinitions=[MAIN], executionRoleArn=arn)
        started = outcome(lambda: site.run()["tasks"][0]["taskArn"])
        if started.startswith("arn:"):
            started = site.ecs.describe_tasks(cluster="c", tasks=[started])["tasks"][0]["lastStatus"]
        answers.append("RUNNING" if started == "DEACTIVATING" else started)
    return answers


REASONS = (
    "Fetching secret data from SSM Parameter Store",
    "AccessDeniedException",
    "failed to validate logger args",
    "dial tcp: i/o timeout",
    "connection issue between the task and Amazon ECR",
)


@case(
    "without its secrets, log group, role or network a task stops with the reason of ECS",
    aws=[*REASONS, "RUNNING"],
    stock="500",
)
def case_preconditions(account: Any) -> Any:
    site = Site(account, instances=1)
    _, subnets, group = account.network()
    may = role(account, "may", "ecs-tasks.amazonaws.com", "ssm:*", "logs:*", "ecr:*")
    may_not = role(account, "may-not", "ecs-tasks.amazonaws.com")
    account.client("ssm").put_parameter(Name="/there", Value="x", Type="String")
    fargate = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
    logging = {"logDriver": "awslogs", "options": {"awslogs-group": "absent", "awslogs-region": account.region}}
    image = f"{account.id}.dkr.ecr.{account.region}.amazonaws.com/app:latest"
    cases = [
        ({"secrets": [{"name": "S", "valueFrom": "/absent"}]}, may, {}, None),
        ({"secrets": [{"name": "S", "valueFrom": "/there"}]}, may_not, {}, None),
        ({"logConfiguration": {**logging}}, may, fargate, "ENABLED"),
        ({}, may, fargate, "DISABLED"),
        ({"image": image}, may, fargate, "DISABLED"),
        ({"secrets": [{"name": "S", "valueFrom": "/there"}]}, may, fargate, "ENABLED"),
    ]
    tasks = []
    for container, execution, settings, address in cases:
        site.ecs.register_task_definition(
            family="f", containerDefinitions=[{**MAIN, **container}], executionRoleArn=execution, **settings
        )
        network = {"subnets": subnets[:1], "securityGroups": [group], "assignPublicIp": address}
        on_fargate = {"launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": network}}
        answer = outcome(partial(site.run, **(on_fargate if address else {})))
        if isinstance(answer, str):
            return answer
        tasks.append(answer["tasks"][0]["taskArn"])
    later(account, "3m")
    described = [site.ecs.describe_tasks(cluster="c", tasks=[task])["tasks"][0] for task in tasks]
    return [shown_reason(task) for task in described]


def shown_reason(task: dict[str, Any]) -> str:
    """Return the known part of a task's stopped reason; of a task that runs, its status."""
    reason = task.get("stoppedReason") or ""
    return next((known for known in reversed(REASONS) if known in reason), reason or task["lastStatus"])


@case("a container with secrets needs an execution role", aws=True, stock=False)
def case_secrets_without_role(account: Any) -> Any:
    secret = {"secrets": [{"name": "S", "valueFrom": "/s"}]}
    text = refusal(
        lambda: account.client("ecs").register_task_definition(family="f", containerDefinitions=[{**MAIN, **secret}])
    )
    return "executionRoleArn" in (text or "")
