"""Labs about the connections between services and stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws import inspect, inventory
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.families._common import (
    names_of,
    open_everything,
    redeploy_everything,
    running_instances,
    security_group,
)
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed

DATABASE_GROUP = "rds-ec2-1"
CALLER_GROUP = "ec2-rds-1"
SITES_API = "sites-management-api"


def _connected(attempt: Attempt, caller: str, store: str, port: int) -> Iterable[Point]:
    found = inspect.reach(attempt.account, f"service/{caller}", store, port)
    yield Point(
        f"{caller} reaches {store} on port {port}",
        found.decision == "allow",
        f"{found.decision}: {'; '.join(found.because)}",
        "each check on the way from the service to the store",
    )


def _database_mended(attempt: Attempt) -> Iterable[Point]:
    """The database is reached by the pair of groups, and by nothing else."""
    yield from _connected(attempt, SITES_API, "db/database", 5432)
    for other in ("cameras-api", "hdm"):
        found = inspect.reach(attempt.account, f"service/{other}", "db/database", 5432)
        yield Point(
            f"{other} does not reach the database",
            found.decision == "deny",
            f"{found.decision}: {'; '.join(found.because)}",
            f"the inbound rules of {DATABASE_GROUP}: one group as the source",
        )


def _database(cloud: Cloud) -> dict[str, Any]:
    name = cloud.aws_name("database")
    return dict(cloud.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0])


def _open_the_database(cloud: Cloud, mine: Values) -> None:
    everywhere = [{"CidrIp": "172.31.0.0/16"}]
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=security_group(cloud, DATABASE_GROUP)["GroupId"],
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": everywhere}],
    )


# --- errors-on-data: the group of the database lets its caller in on another port


def _port_values(seed: Seed) -> Mapping[str, Any]:
    return {"wrong_port": seed.choice((3306, 5433, 5434, 1433, 6432))}


def _pair(cloud: Cloud, port: int) -> list[dict[str, Any]]:
    source = [{"GroupId": security_group(cloud, CALLER_GROUP)["GroupId"]}]
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": source}]


def _break_port(cloud: Cloud, mine: Values) -> None:
    ec2, group = cloud.client("ec2"), security_group(cloud, DATABASE_GROUP)["GroupId"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=_pair(cloud, 5432))
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=_pair(cloud, mine.wrong_port))


def _port_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    names = names_of(cloud, DATABASE_GROUP, security_group(cloud, DATABASE_GROUP)["GroupId"])
    yield Evidence(names, (str(mine.wrong_port), "5432"))


def _repair_port(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    own, caller = ids["SecurityGroup", "rds-ec2-1"], ids["SecurityGroup", "ec2-rds-1"]
    port = {"FromPort": 5432, "ToPort": 5432}
    right = {"IpProtocol": "tcp", "ReferencedGroupId": caller, **port}
    of_group = [{"Name": "group-id", "Values": [own]}]
    for rule in ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]:
        if rule["FromPort"] == mine.wrong_port:
            named = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"]}
            change = [{**named, "SecurityGroupRule": right}]
            ec2.modify_security_group_rules(GroupId=own, SecurityGroupRules=change)


ERRORS_ON_DATA = Lab(
    "errors-on-data",
    family="data",
    title="The API answers, and fails on everything with data",
    report=(
        "The owners write: *The sign-in page works. As soon as the list of sites is loaded, there is an error 500.* "
        "The log of `sites-management-api` says *could not connect to server: connection timed out*. "
        "All targets are healthy: the health check reads no data."
    ),
    cause="inbound-rule",
    values=_port_values,
    inject=_break_port,
    evidence=_port_evidence,
    broken=(f"{SITES_API} reaches db",),
    mended=_database_mended,
    repair=_repair_port,
    non_repairs=(
        Wrong(_open_the_database, "does not reach the database"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "reaches db/database"),
    ),
    hints=(
        "The target is healthy, and the request fails. Which connection does the health check not need?",
        "Look at both ends of the connection from the service to the database.",
        "`esaws reach service/sites-management-api db/database 5432`, or `aws ec2 describe-security-groups`; "
        "`authorize-security-group-ingress --source-group` adds the rule.",
    ),
)


# --- after-the-restore: the database has another security group


def _group_values(seed: Seed) -> Mapping[str, Any]:
    return {"wrong": seed.choice(("Redis-sg", "ClientWeb-sg", "HumanDetectionModule-sg", "CamerasAPI-sg"))}


def _break_database(cloud: Cloud, mine: Values) -> None:
    cloud.client("rds").modify_db_instance(
        DBInstanceIdentifier=cloud.aws_name("database"),
        VpcSecurityGroupIds=[security_group(cloud, mine.wrong)["GroupId"]],
        ApplyImmediately=True,
    )


def _database_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    wrong = names_of(cloud, mine.wrong, security_group(cloud, mine.wrong)["GroupId"])
    yield Evidence((*names_of(cloud, "database"), "db/database"), wrong)


def _database_group_mended(attempt: Attempt) -> Iterable[Point]:
    names = {raw["GroupId"]: raw["GroupName"] for raw in attempt.account["SecurityGroups"]}
    found = [names[each["VpcSecurityGroupId"]] for each in _database(attempt.cloud)["VpcSecurityGroups"]]
    yield Point(
        f"The database has the group {DATABASE_GROUP} alone",
        found == [attempt.cloud.aws_name(DATABASE_GROUP)],
        f"it has {', '.join(found)}",
        "the security groups of the database",
    )
    yield from _database_mended(attempt)


def _repair_database(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    cloud.client("rds").modify_db_instance(
        DBInstanceIdentifier=ids["DBInstance", "database"],
        VpcSecurityGroupIds=[ids["SecurityGroup", "rds-ec2-1"]],
        ApplyImmediately=True,
    )


def _open_the_wrong_group(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=security_group(cloud, mine.wrong)["GroupId"],
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "172.31.0.0/16"}]}
        ],
    )


AFTER_THE_RESTORE = Lab(
    "after-the-restore",
    family="data",
    title="No data since the database was restored",
    report=(
        "The database team writes: *We tested a restore last night and set everything back. The database is "
        "available.* "
        "Since then `sites-management-api` logs time-outs on every query. The rules of `rds-ec2-1` did not change."
    ),
    cause="database-group",
    values=_group_values,
    inject=_break_database,
    evidence=_database_evidence,
    broken=(f"{SITES_API} reaches db",),
    mended=_database_group_mended,
    repair=_repair_database,
    non_repairs=(
        Wrong(_open_the_wrong_group, "has the group"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "has the group"),
    ),
    hints=(
        "The rules of the group are right. Is it the group that the database has?",
        "Look at the network settings of the database.",
        "`aws rds describe-db-instances` shows `VpcSecurityGroups`; `modify-db-instance --vpc-security-group-ids` "
        "sets them.",
    ),
)


# --- frames-without-results: the cache has another security group


def _break_cache(cloud: Cloud, mine: Values) -> None:
    cloud.client("elasticache").modify_cache_cluster(
        CacheClusterId=cloud.aws_name("redis"),
        SecurityGroupIds=[security_group(cloud, mine.wrong)["GroupId"]],
        ApplyImmediately=True,
    )


def _cache_values(seed: Seed) -> Mapping[str, Any]:
    return {"wrong": seed.choice(("rds-ec2-1", "ClientWeb-sg", "ManagerWeb-sg", "SitesManagementAPI-sg"))}


def _cache_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    wrong = names_of(cloud, mine.wrong, security_group(cloud, mine.wrong)["GroupId"])
    yield Evidence((*names_of(cloud, "redis"), "cache/redis"), wrong)


def _cache_mended(attempt: Attempt) -> Iterable[Point]:
    name = attempt.cloud.aws_name("redis")
    cache = attempt.cloud.client("elasticache").describe_cache_clusters(CacheClusterId=name)["CacheClusters"][0]
    names = {raw["GroupId"]: raw["GroupName"] for raw in attempt.account["SecurityGroups"]}
    found = [names[each["SecurityGroupId"]] for each in cache["SecurityGroups"]]
    yield Point(
        "The cache has the group Redis-sg alone",
        found == [attempt.cloud.aws_name("Redis-sg")],
        f"it has {', '.join(found)}",
        "the security groups of the cache",
    )
    yield from _connected(attempt, "hdm", "cache/redis", 6379)


def _repair_cache(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    cloud.client("elasticache").modify_cache_cluster(
        CacheClusterId=ids["CacheCluster", "redis"],
        SecurityGroupIds=[ids["SecurityGroup", "Redis-sg"]],
        ApplyImmediately=True,
    )


def _open_redis_in_the_wrong_group(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=security_group(cloud, mine.wrong)["GroupId"],
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "IpRanges": [{"CidrIp": "172.31.0.0/16"}]}
        ],
    )


FRAMES_WITHOUT_RESULTS = Lab(
    "frames-without-results",
    family="data",
    title="Frames arrive, and no intrusion is found",
    report=(
        "The control room writes: *The cameras send pictures, but no alarm came all night.* "
        "The queue of the broker is empty, so `hdm` reads the frames. Its log repeats *Timeout connecting to Redis*."
    ),
    cause="cache-group",
    values=_cache_values,
    inject=_break_cache,
    evidence=_cache_evidence,
    broken=("hdm reaches cache",),
    mended=_cache_mended,
    repair=_repair_cache,
    non_repairs=(
        Wrong(_open_redis_in_the_wrong_group, "has the group"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "has the group"),
    ),
    hints=(
        "The worker reads from one store and writes to another. Which of the two connections fails?",
        "Look at the network settings of the store, not only at the rules of a group with its name.",
        "`aws elasticache describe-cache-clusters` shows `SecurityGroups`; `modify-cache-cluster "
        "--security-group-ids` sets them.",
    ),
)


# --- every-second-query: one instance of the service has lost the group that the database lets in


def _caller_values(seed: Seed) -> Mapping[str, Any]:
    return {"zone": seed.choice(("eu-west-3a", "eu-west-3b"))}


def _break_caller(cloud: Cloud, mine: Values) -> None:
    for instance in running_instances(cloud, SITES_API, mine.zone):
        cloud.client("ec2").modify_instance_attribute(
            InstanceId=instance["InstanceId"], Groups=[security_group(cloud, "SitesManagementAPI-sg")["GroupId"]]
        )


def _caller_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    values = names_of(cloud, CALLER_GROUP, security_group(cloud, CALLER_GROUP)["GroupId"])
    for instance in running_instances(cloud, SITES_API, mine.zone):
        yield Evidence((mine.zone, instance["PrivateIpAddress"], instance["InstanceId"]), values)


def _caller_mended(attempt: Attempt) -> Iterable[Point]:
    wanted = sorted(map(attempt.cloud.aws_name, ("SitesManagementAPI-sg", CALLER_GROUP)))
    found = {
        instance["Placement"]["AvailabilityZone"]: sorted(group["GroupName"] for group in instance["SecurityGroups"])
        for instance in running_instances(attempt.cloud, SITES_API)
    }
    yield Point(
        f"Every instance of {SITES_API} has the groups {' and '.join(wanted)}",
        len(found) > 1 and all(groups == wanted for groups in found.values()),
        "; ".join(f"{zone}: {', '.join(groups)}" for zone, groups in sorted(found.items())),
        "the security groups of each instance",
    )
    yield from _database_mended(attempt)


def _repair_caller(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    groups = [ids["SecurityGroup", "SitesManagementAPI-sg"], ids["SecurityGroup", "ec2-rds-1"]]
    in_zone = [
        {"Name": "tag:Name", "Values": [cloud.aws_name("sites-management-api")]},
        {"Name": "availability-zone", "Values": [mine.zone]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    for reservation in ec2.describe_instances(Filters=in_zone)["Reservations"]:
        for instance in reservation["Instances"]:
            ec2.modify_instance_attribute(InstanceId=instance["InstanceId"], Groups=groups)


EVERY_SECOND_QUERY = Lab(
    "every-second-query",
    family="data",
    title="Every second query fails",
    report=(
        "The owners write: *I press reload, and it works. I press reload again, and there is an error 500.* "
        "`sites-management-api` has two tasks, and only one of them logs time-outs of the database. "
        "A colleague *cleaned up unused groups by hand* yesterday."
    ),
    cause="instance-group",
    values=_caller_values,
    inject=_break_caller,
    evidence=_caller_evidence,
    broken=(f"{SITES_API} reaches db",),
    mended=_caller_mended,
    repair=_repair_caller,
    non_repairs=(
        Wrong(_open_the_database, "does not reach the database"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "has the groups"),
    ),
    hints=(
        "Two tasks run the same image. What differs between the instances that they run on?",
        "The database lets a group in, not a service. Which instance is in that group?",
        "`aws ec2 describe-instances --filters Name=tag:Name,Values=seccom-sites-management-api`; "
        "`modify-instance-attribute --groups` takes all groups of the instance.",
    ),
)


# --- monday-morning: the database is stopped


def _break_by_stopping(cloud: Cloud, mine: Values) -> None:
    cloud.client("rds").stop_db_instance(DBInstanceIdentifier=cloud.aws_name("database"))


def _stopped_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield Evidence((*names_of(cloud, "database"), "db/database"), ("stopped", "stopping"))


def _running_database(attempt: Attempt) -> Iterable[Point]:
    status = _database(attempt.cloud)["DBInstanceStatus"]
    yield Point(
        "The database is available, or is starting",
        status in ("available", "starting"),
        f"its status is {status}",
        "the status of the database",
    )


def _repair_stopped(cloud: Cloud, mine: Values) -> None:
    rds, name = cloud.client("rds"), cloud.aws_name("database")
    database = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    if database["DBInstanceStatus"] == "stopped":
        rds.start_db_instance(DBInstanceIdentifier=name)


def _restore_another_database(cloud: Cloud, mine: Values) -> None:
    old = _database(cloud)
    cloud.client("rds").create_db_instance(
        DBInstanceIdentifier=f"{cloud.aws_name('database')}-2",
        DBInstanceClass=old["DBInstanceClass"],
        Engine=old["Engine"],
        AllocatedStorage=old["AllocatedStorage"],
        MasterUsername="seccom",
        MasterUserPassword="not-a-secret-in-a-lab",
        DBSubnetGroupName=old["DBSubnetGroup"]["DBSubnetGroupName"],
        VpcSecurityGroupIds=[each["VpcSecurityGroupId"] for each in old["VpcSecurityGroups"]],
    )


MONDAY_MORNING = Lab(
    "monday-morning",
    family="data",
    title="No data on Monday morning",
    report=(
        "The first call of the week: *The list of sites has been empty since Saturday. The page itself opens.* "
        "A colleague saved money over the weekend. The network was not changed."
    ),
    cause="database-stopped",
    inject=_break_by_stopping,
    evidence=_stopped_evidence,
    symptom=_running_database,
    mended=_database_mended,
    repair=_repair_stopped,
    non_repairs=(
        Wrong(_restore_another_database, "available"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "available"),
    ),
    hints=(
        "The way to the database is open. Is there anything at its end?",
        "Read the status of the database, and the last events.",
        "`aws rds describe-db-instances` shows `DBInstanceStatus`; `start-db-instance` starts it.",
    ),
)

LABS = (ERRORS_ON_DATA, AFTER_THE_RESTORE, FRAMES_WITHOUT_RESULTS, EVERY_SECOND_QUERY, MONDAY_MORNING)
