"""Log groups that services create again after their deletion."""

import json
from collections.abc import Callable
from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_errors_stores import BROKER, database

BACK_THEN_GONE = (["group"], [])


def groups(account: Any) -> list[str]:
    described = account.client("logs").describe_log_groups()["logGroups"]
    return [group["logGroupName"] for group in described]


def deleted_twice(account: Any, name: str, stop: Callable[[], Any]) -> tuple[list[str], list[str]]:
    """The groups that are left after deleting one while something writes to it, and after its writer has stopped."""
    logs = account.client("logs")

    def delete() -> list[str]:
        outcome(lambda: logs.delete_log_group(logGroupName=name))
        return ["group" if group == name else group for group in groups(account)]

    first = delete()
    stop()
    return first, delete()


def flow_logs(account: Any, **settings: Any) -> list[str]:
    """The ids of flow logs of a VPC to the log group `flow`."""
    vpc, _, _ = account.network()
    parameters = {
        "LogGroupName": "flow",
        "DeliverLogsPermissionArn": f"arn:aws:iam::{account.id}:role/flow",
        **settings,
    }
    ids: list[str] = account.client("ec2").create_flow_logs(
        ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", **parameters
    )["FlowLogIds"]
    return ids


@case("a flow log creates its log group", aws=(["flow"], ["SUCCESS"]), stock=([], ["FAILED"]))
def case_group_of_flow_log(account: Any) -> Any:
    flow_logs(account)
    described = account.client("ec2").describe_flow_logs()["FlowLogs"]
    return groups(account), [each["DeliverLogsStatus"] for each in described]


@case("a deleted log group is created again by its flow log", aws=BACK_THEN_GONE, stock=([], []))
def case_deleted_under_flow_log(account: Any) -> Any:
    ids = flow_logs(account)
    return deleted_twice(account, "flow", lambda: account.client("ec2").delete_flow_logs(FlowLogIds=ids))


@case("a log group that was created again has no retention", aws=([7], [None]), stock=([7], []))
def case_retention_of_returned_group(account: Any) -> Any:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="flow")
    flow_logs(account)
    logs.put_retention_policy(logGroupName="flow", retentionInDays=7)

    def retention() -> list[int | None]:
        return [group.get("retentionInDays") for group in logs.describe_log_groups()["logGroups"]]

    first = retention()
    logs.delete_log_group(logGroupName="flow")
    return first, retention()


@case(
    "a database creates a log group for each exported log",
    aws=["/aws/rds/instance/db/postgresql", "/aws/rds/instance/db/upgrade"],
    stock=[],
)
def case_groups_of_database(account: Any) -> Any:
    database(account, EnableCloudwatchLogsExports=["postgresql", "upgrade"])
    return groups(account)


@case("a deleted log group is created again by its database", aws=BACK_THEN_GONE, stock=([], []))
def case_deleted_under_database(account: Any) -> Any:
    rds = database(account, EnableCloudwatchLogsExports=["postgresql"])
    stop = {"DBInstanceIdentifier": "db", "SkipFinalSnapshot": True}
    return deleted_twice(account, "/aws/rds/instance/db/postgresql", lambda: rds.delete_db_instance(**stop))


@case("a deleted log group is created again by its broker", aws=BACK_THEN_GONE, stock=([], []))
def case_deleted_under_broker(account: Any) -> Any:
    mq = account.client("mq")
    name = mq.create_broker(**BROKER, Logs={"General": True})["BrokerId"]
    mq.describe_broker(BrokerId=name)  # waits until it is running
    return deleted_twice(account, f"/aws/amazonmq/broker/{name}/general", lambda: mq.delete_broker(BrokerId=name))


def execution_role(account: Any) -> str:
    """The ARN of a task execution role that may write to log groups and create them."""
    iam, principal = account.client("iam"), {"Service": "ecs-tasks.amazonaws.com"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="execution", PolicyName="logs", PolicyDocument=json.dumps(policy))
    return str(role["Arn"])


def task(account: Any, **options: str) -> tuple[Any, str]:
    """(ECS, a running task that writes to the log group `tasks`)."""
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    options = {"awslogs-group": "tasks", "awslogs-region": account.region, **options}
    logging = {"logDriver": "awslogs", "options": options}
    ecs.register_task_definition(
        family="f",
        requiresCompatibilities=["FARGATE"],
        executionRoleArn=execution_role(account),
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "c", "image": "i", "memory": 64, "logConfiguration": logging}],
    )
    vpc, subnets, group = account.network()
    account.client("ec2").modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    network = {"subnets": subnets[:1], "securityGroups": [group], "assignPublicIp": "ENABLED"}
    started = ecs.run_task(
        cluster="c",
        taskDefinition="f",
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )["tasks"][0]
    ecs.describe_tasks(cluster="c", tasks=[started["taskArn"]])  # which waits until it runs
    return ecs, started["taskArn"]


@case("a deleted log group is created again by a task with awslogs-create-group", aws=BACK_THEN_GONE, stock=([], []))
def case_deleted_under_task(account: Any) -> Any:
    ecs, running = task(account, **{"awslogs-create-group": "true"})
    return deleted_twice(account, "tasks", lambda: ecs.stop_task(cluster="c", task=running))


@case("a task without awslogs-create-group creates no log group", aws=[], stock=[])
def case_task_that_makes_none(account: Any) -> Any:
    task(account)
    return groups(account)
