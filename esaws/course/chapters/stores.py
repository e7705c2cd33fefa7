"""Chapter 09: the database and its door, its password, the other stores, and the people who sign in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.chapters._db_snapshots import delete_db_snapshots
from esaws.course.chapters._owners import OWNERS
from esaws.course.chapters._secret import SECRET
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.errors import NotDeployed
from esaws.inspect import snapshot
from esaws.inspect.account import Account
from esaws.inspect.network.reach import reach
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import instances_in_service
from esaws.resources.db_instance import DBInstance
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service

_SITES = "sites-management-api"
_DATABASE = "db/database"
_PORT = 5432
_OTHERS = ("internet", "service/client-web-ui", "service/cameras-api")
_TASKS = "ecs-tasks.amazonaws.com"


def services_without_stores() -> Architecture:
    """Three services of the first build, and their security groups; the pair of the database has no rule yet."""
    system = seccom("ha", services=("client-web-ui", _SITES, "cameras-api"))
    rules = [rule for rule in system.of(SecurityGroupRule) if "rds" not in rule.name]
    return system.just(Route, RouteTableAssociation, SecurityGroup, *rules, Service)


def _until_serving(cloud: Cloud) -> None:
    if not cloud.is_aws:
        simulation.advance(cloud, "10m")


# --- the database, and who reaches it


def _database_values(seed: Seed) -> Mapping[str, Any]:
    return {"gb": seed.between(21, 60)}


def _decision(account: Account, source: str) -> str:
    """Whether a source reaches the database: allow, deny, unknown, or that one of both does not exist."""
    try:
        return reach(account, source, _DATABASE, _PORT).decision
    except NotDeployed as error:
        return str(error)


def _check_database(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    database = attempt.live("DBInstance", "database")
    gb = database.fields["storage_gb"] if database else 0
    yield Point(
        f"The database has {mine.gb} GB, and no public address",
        database is not None and gb == mine.gb and not database.fields["public"],
        f"it has {gb} GB, and is {'public' if database.fields['public'] else 'private'}"
        if database
        else "there is no database",
        "`storage_gb` of the DBInstance",
        is_needed=True,
    )
    now = _decision(attempt.account, f"service/{_SITES}")
    yield Point(
        f"The Sites API reaches it on port {_PORT}",
        now == "allow",
        f"the answer of reach is {now}",
        "the rules of rds-ec2-1, whose peer can be a group",
        is_needed=True,
    )
    let_in = [source for source in _OTHERS if _decision(attempt.account, source) != "deny"]
    yield Point(
        "No other service and no client on the internet reaches it",
        database is not None and not let_in,
        f"{', '.join(let_in)} may reach it" if let_in else "there is no database",
        "the peer of each rule in rds-ec2-1",
    )
    if now != "allow" or attempt.cloud.is_aws:
        return
    with attempt.copy() as copy:
        _replace_and_double(copy)
        later = _decision(snapshot(copy), f"service/{_SITES}")
    yield Point(
        "The Sites API still reaches it after its instances were replaced, and are four",
        later == "allow",
        f"the answer of reach is then {later}: the new instances have other addresses",
        "the peer of the rule: an address belongs to one instance, a group to all that come later",
    )


def _replace_and_double(cloud: Cloud) -> None:
    """Replace the instances of the Sites API, and run four of them with a task each."""
    group, service = cloud.aws_name(f"{_SITES}-asg"), cloud.aws_name(_SITES)
    cloud.client("ec2").terminate_instances(InstanceIds=list(instances_in_service(cloud, group)))
    cloud.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=group, MinSize=4, MaxSize=4)
    cloud.client("ecs").update_service(cluster=cloud.aws_name(f"{_SITES}-cluster"), service=service, desiredCount=4)
    simulation.advance(cloud, "15m")


def _declare_pair(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha", services=("client-web-ui", "sites-management-api", "cameras-api"))
    database = system.get(DBInstance, "database").replace(storage_gb=mine.gb)
    rules = [rule for rule in system.of(SecurityGroupRule) if "rds" in rule.name]
    plan_deploy([database, *rules], cloud).apply()


def _call_pair(cloud: Cloud, mine: Values) -> None:
    database = seccom("ha").get(DBInstance, "database").replace(storage_gb=mine.gb)
    plan_deploy([database], cloud).apply()
    ours = inventory(cloud)
    pair = {"GroupId": ours["SecurityGroup", "SitesManagementAPI-sg"].id}
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=ours["SecurityGroup", "rds-ec2-1"].id,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [pair]}],
    )


def _with_peers(cloud: Cloud, mine: Values, peers: list[str]) -> None:
    system = services_without_stores()
    database = seccom("ha").get(DBInstance, "database").replace(storage_gb=mine.gb)
    group = system.get(SecurityGroup, "rds-ec2-1")
    rules = [SecurityGroupRule(group=group, from_port=_PORT, to_port=_PORT, peer=peer) for peer in peers]
    plan_deploy([database, *rules], cloud).apply()


def _addresses_of_instances(cloud: Cloud, mine: Values) -> None:
    ids = instances_in_service(cloud, cloud.aws_name(f"{_SITES}-asg"))
    reservations = cloud.client("ec2").describe_instances(InstanceIds=list(ids))["Reservations"]
    addresses = [raw["PrivateIpAddress"] for each in reservations for raw in each["Instances"]]
    _with_peers(cloud, mine, [f"{address}/32" for address in addresses])


def _the_whole_network(cloud: Cloud, mine: Values) -> None:
    _with_peers(cloud, mine, ["172.31.0.0/16"])


DATABASE = Exercise(
    "09-database",
    prompt=(
        "Create the database of the Sites API with **{mine.gb} GB**. Only the Sites API may reach its port 5432, "
        "today, and after its instances have been replaced and doubled."
    ),
    values=_database_values,
    check=_check_database,
    hints=(
        "What do all instances of the Sites API have in common, those of tomorrow included?",
        "The pair of the team: ec2-rds-1 belongs to the instances, rds-ec2-1 to the database. Neither has a rule yet.",
        '`[rule for rule in system.of(SecurityGroupRule) if "rds" in rule.name]` and '
        '`system.get(DBInstance, "database").replace(storage_gb={mine.gb})` in one plan',
    ),
    solutions=(_declare_pair, _call_pair),
    wrong=(
        Wrong(_addresses_of_instances, "the new instances have other addresses"),
        Wrong(_the_whole_network, "service/cameras-api"),
    ),
    notices=("DBInstance", "SecurityGroupRule:rds-ec2-1 ingress tcp 5432 ec2-rds-1"),
)


CHAPTER = Chapter(
    "09",
    "Stores and people",
    minutes=40,
    start=services_without_stores,
    prepare=_until_serving,
    clean_up=delete_db_snapshots,
    exercises=(DATABASE, SECRET, OWNERS),
    predictions=("09-broker", "09-moved", "09-other-zone", "09-paper", "09-restored", "09-short"),
)
