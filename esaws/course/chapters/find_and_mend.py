"""Chapter 16: what is wrong with the groups, the smallest mend of each, and a finding that is not a fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws import inspect, simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.chapters._no_fault import NO_FAULT
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.inspect.account import Account, snapshot
from esaws.inspect.network.endpoint_catalog import KEYS
from esaws.reference.seccom import ANYWHERE, SERVICES, SSH, seccom
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule

REDIS = 6379
MEANT_FOR_USERS = (("alb/alb", 80), ("service/manager-web-ui", 4202), ("service/cameras-api", 8003))
"""What the internet is meant to reach, and its port."""
BEHIND_THE_LOAD_BALANCER = (
    ("service/client-web-ui", 4201),
    ("service/intrusion-management-api", 8001),
    ("service/sites-management-api", 8002),
)


def start() -> Architecture:
    """Return the whole system, flaws included."""
    return seccom("ha")


def prepare(cloud: Cloud) -> None:
    """Give the targets time to pass their first health checks."""
    simulation.advance(cloud, "10m")


# --- what the groups allow


def _connects(account: Account, source: str, destination: str, port: int, *, is_needed: bool = False) -> Point:
    """Whether a connection is allowed."""
    decision = inspect.reach(account, source, destination, port).decision
    return Point(
        f"{source} reaches {destination} on port {port}",
        decision == "allow",
        f"inspect.reach answers {decision}",
        f'inspect.reach(cloud, "{source}", "{destination}", {port})',
        is_needed=is_needed,
    )


def _not_reached(
    account: Account, sources: Iterable[str], destination: str, port: int, who: str, *, is_needed: bool = False
) -> Point:
    """Whether none of the sources connects; `who` names them in the sentence."""
    decisions = {source: inspect.reach(account, source, destination, port).decision for source in sources}
    passing = [f"{source} ({decision})" for source, decision in decisions.items() if decision != "deny"]
    return Point(
        f"{who} not reach {destination} on port {port}",
        not passing,
        f"{', '.join(passing)} does",
        "inspect.matrix(cloud).draw()",
        is_needed=is_needed,
    )


def _rules_of(account: Account, port: int) -> list[tuple[str, str]]:
    """Group and address range of each inbound rule from addresses that includes a port, by name."""
    found = []
    for group in account["SecurityGroups"]:
        for permission in group["IpPermissions"]:
            if not permission.get("FromPort", 0) <= port <= permission.get("ToPort", 65535):
                continue
            ranges = [each["CidrIp"] for each in permission["IpRanges"]]
            ranges += [each["CidrIpv6"] for each in permission.get("Ipv6Ranges", ())]
            found += [(group["GroupName"], block) for block in ranges]
    return sorted(found)


# --- SSH for an office, and for no one else


def _office(seed: Seed) -> Mapping[str, Any]:
    service = seed.choice(list(SERVICES.values()))
    return {"office": f"198.51.100.{seed.between(2, 250)}", "service": service.name, "group": service.group}


def _check_ssh(attempt: Attempt) -> Iterator[Point]:
    account, office = snapshot(attempt.cloud, *KEYS), attempt.mine.office
    chosen = f"service/{attempt.mine.service}"
    others = [f"service/{name}" for name in SERVICES if name != attempt.mine.service]
    opened = _rules_of(account, SSH)
    to_the_world = [group for group, block in opened if block in (ANYWHERE, "::/0")]
    yield Point(
        "No group opens SSH (22) to the world",
        not to_the_world,
        f"{', '.join(to_the_world)} does",
        'inspect.findings(cloud).select("OPEN_ADMIN_PORT")',
        is_needed=True,
    )
    yield _connects(account, office, chosen, SSH, is_needed=True)
    neighbour = f"198.51.100.{int(office.rpartition('.')[2]) ^ 1}"
    yield _not_reached(account, [neighbour, "203.0.113.9"], chosen, SSH, "Other addresses do")
    for other in others:
        yield _not_reached(account, [office], other, SSH, "The office does")
    for destination, port in MEANT_FOR_USERS:
        yield _connects(account, "internet", destination, port)
    for destination, port in BEHIND_THE_LOAD_BALANCER:
        yield _connects(account, "alb/alb", destination, port)


def _ssh_by_plan(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    ssh = [rule for rule in ha.of(SecurityGroupRule) if rule.from_port == 22]
    group = ha.get(SecurityGroup, mine.group)
    office = SecurityGroupRule(group=group, from_port=22, to_port=22, peer=f"{mine.office}/32")
    live = inventory(cloud)
    for rule in ssh:
        if found := live.get("SecurityGroupRule", rule.name):
            SecurityGroupRule.delete(cloud, found)
    plan_deploy([office], cloud).apply()


def _ssh_by_findings(cloud: Cloud, mine: Values) -> None:
    for fix in inspect.findings(cloud).select("OPEN_ADMIN_PORT").fixes():
        fix.apply(cloud)
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=inventory(cloud)["SecurityGroup", mine.group].id,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": f"{mine.office}/32"}]}
        ],
    )


def _revoke(cloud: Cloud, *, only_ssh: bool) -> None:
    """Revoke inbound rules from the world: those for SSH, or all."""
    for live in inventory(cloud):
        fields = live.fields
        if live.kind != "SecurityGroupRule" or fields["peer"] != ANYWHERE or fields["direction"] != "ingress":
            continue
        if fields["from_port"] == SSH or not only_ssh:
            SecurityGroupRule.delete(cloud, live)


def _allow(cloud: Cloud, group: str, port: int, peer: Mapping[str, Any]) -> None:
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=inventory(cloud)["SecurityGroup", group].id,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}],
    )


def _ssh_for_all_neighbours(cloud: Cloud, mine: Values) -> None:
    _revoke(cloud, only_ssh=True)
    _allow(cloud, mine.group, SSH, {"IpRanges": [{"CidrIp": "198.51.100.0/24"}]})


def _ssh_with_everything_else(cloud: Cloud, mine: Values) -> None:
    _revoke(cloud, only_ssh=False)
    _allow(cloud, mine.group, SSH, {"IpRanges": [{"CidrIp": f"{mine.office}/32"}]})


SSH_EXERCISE = Exercise(
    "16-ssh",
    prompt=(
        "Close SSH, port 22, to the world in all groups. The team keeps it for its office, the address "
        "`{mine.office}`, and only on the instances of **{mine.service}**: their group is `{mine.group}`. "
        "Users still reach what they reach today."
    ),
    values=_office,
    check=_check_ssh,
    hints=(
        "How many groups open port 22, and to which addresses?",
        "The findings with the code `OPEN_ADMIN_PORT` list them, each with its calls: `finding.fix.cli()`. "
        '`seccom("ha").to_frame(SecurityGroupRule)` shows which group belongs to which service.',
        'Apply the fixes of `inspect.findings(cloud).select("OPEN_ADMIN_PORT")`, then one call of '
        "`authorize_security_group_ingress` for `{mine.office}/32`.",
    ),
    solutions=(_ssh_by_findings, _ssh_by_plan),
    wrong=(
        Wrong(_ssh_for_all_neighbours, "198.51.100."),
        Wrong(_ssh_with_everything_else, "internet reaches alb/alb on port 80"),
    ),
    notices=(
        "SecurityGroupRule:ManagerWeb-sg ingress tcp 4202 0.0.0.0/0",
        "SecurityGroupRule:ALB-sg ingress tcp 80 0.0.0.0/0",
    ),
)


# --- Redis for two services


def _clients(seed: Seed) -> Mapping[str, Any]:
    service = SERVICES[seed.choice(("sites-management-api", "cameras-api", "intrusion-management-api"))]
    return {"service": service.name, "group": service.group}


def _check_redis(attempt: Attempt) -> Iterator[Point]:
    account = snapshot(attempt.cloud, *KEYS)
    chosen = f"service/{attempt.mine.service}"
    yield _connects(account, chosen, "cache/redis", REDIS, is_needed=True)
    yield _connects(account, "service/hdm", "cache/redis", REDIS)
    others = [f"service/{name}" for name in SERVICES if name not in (attempt.mine.service, "hdm")]
    yield _not_reached(account, [*others, "alb/alb"], "cache/redis", REDIS, "The others do", is_needed=True)
    name = attempt.cloud.aws_name("Redis-sg")
    permissions = [
        each for group in account["SecurityGroups"] if group["GroupName"] == name for each in group["IpPermissions"]
    ]
    ports = sorted({f"{each.get('FromPort', 'all')}-{each.get('ToPort', 'all')}" for each in permissions})
    yield Point(
        "Redis-sg opens the port of Redis, and no other",
        ports == [f"{REDIS}-{REDIS}"],
        f"it opens {', '.join(ports) or 'nothing'}",
        "aws ec2 describe-security-group-rules",
    )
    blocks = sorted({each["CidrIp"] for permission in permissions for each in permission["IpRanges"]})
    yield Point(
        "Its rules name groups, not addresses",
        not blocks and bool(permissions),
        f"a rule names {', '.join(blocks)}" if blocks else "it has no rule",
        "UserIdGroupPairs of its rules",
    )


def _redis_by_plan(cloud: Cloud, mine: Values) -> None:
    ha, live = seccom("ha"), inventory(cloud)
    redis = ha.get(SecurityGroup, "Redis-sg")
    for port in (22, 5671, 6379):
        if rule := live.get("SecurityGroupRule", f"Redis-sg ingress tcp {port} 0.0.0.0/0"):
            SecurityGroupRule.delete(cloud, rule)
    clients = [ha.get(SecurityGroup, name) for name in ("HumanDetectionModule-sg", mine.group)]
    rules = [SecurityGroupRule(group=redis, from_port=6379, to_port=6379, peer=client) for client in clients]
    plan_deploy(rules, cloud).apply()


def _redis_by_boto3(cloud: Cloud, mine: Values) -> None:
    ec2, live = cloud.client("ec2"), inventory(cloud)
    redis = live["SecurityGroup", "Redis-sg"].id
    described = ec2.describe_security_groups(GroupIds=[redis])["SecurityGroups"][0]["IpPermissions"]
    ec2.revoke_security_group_ingress(GroupId=redis, IpPermissions=described)
    clients = [live["SecurityGroup", name].id for name in ("HumanDetectionModule-sg", mine.group)]
    pairs = [{"GroupId": client} for client in clients]
    rule = {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": pairs}
    ec2.authorize_security_group_ingress(GroupId=redis, IpPermissions=[rule])


def _redis_for_the_network(cloud: Cloud, mine: Values) -> None:
    _close_redis(cloud)
    _allow(cloud, "Redis-sg", REDIS, {"IpRanges": [{"CidrIp": "172.31.0.0/16"}]})


def _redis_without_the_hdm(cloud: Cloud, mine: Values) -> None:
    _close_redis(cloud)
    client = inventory(cloud)["SecurityGroup", mine.group].id
    _allow(cloud, "Redis-sg", REDIS, {"UserIdGroupPairs": [{"GroupId": client}]})


def _close_redis(cloud: Cloud) -> None:
    redis = inventory(cloud)["SecurityGroup", "Redis-sg"].id
    rules = [live for live in inventory(cloud) if live.kind == "SecurityGroupRule" and live.fields["group"] == redis]
    for live in rules:
        if live.fields["direction"] == "ingress":
            SecurityGroupRule.delete(cloud, live)


REDIS_EXERCISE = Exercise(
    "16-redis",
    prompt=(
        "Redis keeps the results of the HDM, and from now on **{mine.service}** reads them, too. Their groups "
        "are `HumanDetectionModule-sg` and `{mine.group}`. Both reach it on port "
        "6379, and no other service does. Redis-sg opens no other port, and its rules name groups."
    ),
    values=_clients,
    check=_check_redis,
    hints=(
        "Which of the three ports of Redis-sg does Redis listen on?",
        "A rule's peer may be a group: the field `peer` of `SecurityGroupRule`, or `UserIdGroupPairs` of AWS. "
        'The group of a service is in `seccom("ha").to_frame(SecurityGroupRule)`.',
        "Revoke the three rules from 0.0.0.0/0. Then declare "
        "`SecurityGroupRule(group=redis, from_port=6379, to_port=6379, peer=group)` for HDM and for {mine.service}.",
    ),
    solutions=(_redis_by_plan, _redis_by_boto3),
    wrong=(Wrong(_redis_for_the_network, "a rule names 172.31.0.0/16"), Wrong(_redis_without_the_hdm, "service/hdm")),
    notices=("SecurityGroupRule:Redis-sg ingress tcp 6379 HumanDetectionModule-sg",),
)


CHAPTER = Chapter(
    "16",
    "Find and mend",
    minutes=30,
    start=start,
    prepare=prepare,
    exercises=(SSH_EXERCISE, REDIS_EXERCISE, NO_FAULT),
    predictions=("16-internet", "16-redis", "16-harmless", "16-smallest"),
)
