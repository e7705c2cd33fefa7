"""Chapter 03: security groups: who may connect to whom, by the smallest rules."""

from __future__ import annotations

from collections.abc import Iterator

from esaws import inspect
from esaws.architecture import Architecture
from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.course.chapters._narrow_groups import MANAGER, REDIS
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.groups_view import ANYWHERE, VPC_RANGE, GroupsView, Rule, open_port
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.inspect.network.reach import reach
from esaws.reference.seccom import SERVICES, seccom
from esaws.resources.cache_cluster import CacheCluster
from esaws.resources.db_instance import DBInstance
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service


def start() -> Architecture:
    """Return the parts of SecCom that connect to each other: services, load balancer, database and Redis."""
    return seccom("ha").just(SecurityGroupRule, ListenerRule, Service, DBInstance, CacheCluster)


# --- a new group


def _check_new_group(attempt: Attempt) -> Iterator[Point]:
    groups, port = GroupsView(attempt), attempt.mine.port
    group, balancer = groups.described.get("Thumbnails-sg"), groups.described.get("ALB-sg", {})
    yield Point(
        "The security group Thumbnails-sg exists in the VPC of the load balancer",
        ok=group is not None and group["VpcId"] == balancer.get("VpcId"),
        found="there is no group of this name" if group is None else "it is in another VPC",
        look_at="inventory(cloud).to_frame(SecurityGroup)",
        is_needed=True,
    )
    if group is None:
        return
    expected = Rule("Thumbnails-sg", "tcp", port, port, "ALB-sg")
    own = groups.rules_of("Thumbnails-sg")
    yield Point(
        f"It accepts port {port} from ALB-sg",
        ok=expected in own,
        found=", ".join(map(str, own)) or "it has no inbound rule",
        look_at="the port, and the peer of the rule",
        is_needed=True,
    )
    others = [str(rule) for rule in own if rule != expected]
    yield Point(
        "It accepts nothing else",
        ok=not others,
        found=", ".join(others),
        look_at="inventory(cloud).to_frame(SecurityGroupRule)",
    )
    yield Point(
        "A teardown finds the group by its tags",
        ok=attempt.cloud.owned_name(tag_dict(group.get("Tags"))) == "Thumbnails-sg",
        found="it has no tags of this deployment",
        look_at='cloud.tags("Thumbnails-sg")',
    )
    yield groups.changes_point("Thumbnails-sg", own)


def _new_group_by_plan(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    balancer = ha.get(SecurityGroup, "ALB-sg")
    group = SecurityGroup(name="Thumbnails-sg", vpc=balancer.vpc, description="Thumbnails")
    rule = SecurityGroupRule(group=group, from_port=mine.port, to_port=mine.port, peer=balancer)
    plan_deploy([rule], cloud).apply()


def _new_group_by_boto3(cloud: Cloud, mine: Values) -> None:
    ec2, existing = cloud.client("ec2"), inventory(cloud)
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags("Thumbnails-sg").items()]
    group = ec2.create_security_group(
        GroupName=cloud.aws_name("Thumbnails-sg"),
        Description="Thumbnails",
        VpcId=existing["VPC", "vpc"].id,
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )["GroupId"]
    peer = {"GroupId": existing["SecurityGroup", "ALB-sg"].id}
    permission = {"IpProtocol": "tcp", "FromPort": mine.port, "ToPort": mine.port, "UserIdGroupPairs": [peer]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def _new_group_with(cloud: Cloud, first: int, last: int, peer: SecurityGroup | str) -> None:
    vpc = seccom("ha").get(SecurityGroup, "ALB-sg").vpc
    group = SecurityGroup(name="Thumbnails-sg", vpc=vpc, description="Thumbnails")
    plan_deploy([SecurityGroupRule(group=group, from_port=first, to_port=last, peer=peer)], cloud).apply()


def _new_group_for_everyone(cloud: Cloud, mine: Values) -> None:
    _new_group_with(cloud, mine.port, mine.port, ANYWHERE)


def _new_group_with_a_range(cloud: Cloud, mine: Values) -> None:
    _new_group_with(cloud, 8000, 8100, seccom("ha").get(SecurityGroup, "ALB-sg"))


NEW_GROUP = Exercise(
    "03-new-group",
    prompt="The team plans a seventh service, which makes thumbnails on port `{mine.port}`. Create its security group "
    "`Thumbnails-sg`: only the load balancer may connect, and only on that port.",
    values=lambda seed: {"port": seed.between(8010, 8099)},
    check=_check_new_group,
    hints=(
        "Which group does the load balancer have, and on which port does it connect?",
        "Look at the rules of `ClientWeb-sg`: the one for port 4201 is a model.",
        '`SecurityGroup(name="Thumbnails-sg", vpc=…, description="…")`, and '
        "`SecurityGroupRule(group=…, from_port={mine.port}, to_port={mine.port}, peer=…)` with `ALB-sg` as the peer.",
    ),
    solutions=(_new_group_by_plan, _new_group_by_boto3),
    wrong=(Wrong(_new_group_for_everyone, "from 0.0.0.0/0"), Wrong(_new_group_with_a_range, "8000-8100")),
    notices=("SecurityGroup:Thumbnails-sg", "SecurityGroupRule:Thumbnails-sg ingress tcp {mine.port} ALB-sg"),
)


# --- one rule that lets a service in

CALLS = (
    ("cameras-api", "sites-management-api"),
    ("hdm", "sites-management-api"),
    ("hdm", "intrusion-management-api"),
)
"""Connections that the system needs and no rule allows, as (caller, called)."""


def _check_one_rule(attempt: Attempt) -> Iterator[Point]:
    groups, mine = GroupsView(attempt), attempt.mine
    source, destination = f"service/{mine.caller}", f"service/{mine.called}"
    yield groups.connection_point(source, destination, mine.port, "allow", is_needed=True)
    added = groups.added(mine.called_group)
    yield Point(
        f"One rule was added to {mine.called_group}",
        ok=len(added) == 1,
        found=", ".join(map(str, added)) or "no rule was added",
        look_at="inventory(cloud).to_frame(SecurityGroupRule)",
    )
    yield Point(
        f"It opens port {mine.port} and no other",
        ok=bool(added) and all(rule.first == rule.last == mine.port for rule in added),
        found=", ".join(map(str, added)) or "no rule was added",
        look_at="from_port and to_port",
    )
    yield Point(
        "It names the group of the caller, not addresses",
        ok=bool(added) and all(rule.peer == SERVICES[mine.caller].group for rule in added),
        found=", ".join(map(str, added)) or "no rule was added",
        look_at="the peer of the rule",
    )
    yield groups.changes_point(mine.called_group, added)


def _one_rule_by_plan(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    caller, called = ha.get(SecurityGroup, mine.caller_group), ha.get(SecurityGroup, mine.called_group)
    rule = SecurityGroupRule(group=called, from_port=mine.port, to_port=mine.port, peer=caller)
    plan_deploy([rule], cloud).apply()


def _one_rule_by_its_fix(cloud: Cloud, mine: Values) -> None:
    result = inspect.reach(cloud, f"service/{mine.caller}", f"service/{mine.called}", mine.port)
    fix = result.fix[0].to_dict()
    getattr(cloud.client("ec2"), fix["call"])(**fix["parameters"])


def _one_rule_for_everyone(cloud: Cloud, mine: Values) -> None:
    open_port(cloud, mine.called_group, mine.port, ANYWHERE)


def _one_rule_with_a_range(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    caller, called = ha.get(SecurityGroup, mine.caller_group), ha.get(SecurityGroup, mine.called_group)
    plan_deploy([SecurityGroupRule(group=called, from_port=80, to_port=9000, peer=caller)], cloud).apply()


def _one_rule_for_the_vpc(cloud: Cloud, mine: Values) -> None:
    open_port(cloud, mine.called_group, mine.port, VPC_RANGE)


def _call_values(call: tuple[str, str]) -> dict[str, object]:
    caller, called = call
    service = SERVICES[called]
    return {
        "caller": caller,
        "called": called,
        "port": service.host_port,
        "caller_group": SERVICES[caller].group,
        "called_group": service.group,
    }


ONE_RULE = Exercise(
    "03-one-rule",
    prompt="`{mine.caller}` calls `{mine.called}` on port {mine.port}, and gets no answer. Let it in with one rule, "
    "which names a group and opens this port only.",
    values=lambda seed: _call_values(seed.choice(CALLS)),
    check=_check_one_rule,
    hints=(
        "Which group does the first packet have to pass: that of the caller, or that of the service that is called?",
        'Read the last line of `inspect.reach(cloud, "service/{mine.caller}", "service/{mine.called}", {mine.port})`.',
        "`SecurityGroupRule(group=…, from_port={mine.port}, to_port={mine.port}, peer=…)`: the group is "
        "`{mine.called_group}`, the peer `{mine.caller_group}`.",
    ),
    solutions=(_one_rule_by_plan, _one_rule_by_its_fix),
    wrong=(
        Wrong(_one_rule_for_everyone, "from 0.0.0.0/0"),
        Wrong(_one_rule_with_a_range, "80-9000"),
        Wrong(_one_rule_for_the_vpc, "from 172.31.0.0/16"),
    ),
)


# --- which group lets a connection in

CONNECTIONS = (
    ("alb/alb", "service/client-web-ui", 4201),
    ("alb/alb", "service/intrusion-management-api", 8001),
    ("alb/alb", "service/sites-management-api", 8002),
    ("service/sites-management-api", "db/database", 5432),
    ("service/hdm", "cache/redis", 6379),
)


def _check_which_group(attempt: Attempt) -> Iterator[Point]:
    groups, mine = GroupsView(attempt), attempt.mine
    answer = str(attempt.answer or "").removeprefix(attempt.cloud.aws_name(""))
    yield Point(
        "The answer is the name of a security group of this deployment",
        ok=answer in groups.described,
        found=f"the answer is {answer!r}" if answer else "there is no answer",
        look_at="inventory(cloud).to_frame(SecurityGroup)",
    )
    rules = reach(groups.account, mine.source, mine.destination, mine.port).rules
    ids = {rule.group for rule in rules if rule.direction == "ingress"}
    deciding = {name for name, raw in groups.described.items() if raw["GroupId"] in ids}
    yield Point(
        f"A rule of this group lets {mine.source} in",
        ok=answer in deciding,
        found=f"no inbound rule of {answer or 'an unnamed group'} allows it",
        look_at=f"the groups of {mine.destination}, and their inbound rules",
        is_needed=True,
    )


def _which_group_by_reach(cloud: Cloud, mine: Values) -> str:
    # The reasons name each rule that the packet passes; the one that begins with "ingress" lets it in.
    result = inspect.reach(cloud, mine.source, mine.destination, mine.port)
    ingress = next(rule for rule in result.rules if rule.direction == "ingress")
    return next(live.name for live in inventory(cloud) if live.id == ingress.group)


def _which_group_by_its_port(cloud: Cloud, mine: Values) -> str:
    groups = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
    prefix = cloud.aws_name("")
    accepting = [
        group["GroupName"].removeprefix(prefix)
        for group in groups
        if any(permission.get("FromPort") == mine.port for permission in group["IpPermissions"])
    ]
    return next(iter(accepting))


def _the_group_of_the_source(cloud: Cloud, mine: Values) -> str:
    groups = {"alb/alb": "ALB-sg", "service/hdm": "HumanDetectionModule-sg"}
    return groups.get(mine.source, "SitesManagementAPI-sg")


def _the_default_group(cloud: Cloud, mine: Values) -> str:
    return "default"


WHICH_GROUP = Exercise(
    "03-which-group",
    prompt="`{mine.source}` connects to `{mine.destination}` on port {mine.port}. Which security group lets it *in*? "
    'Give the name to the check: `course.check("03-which-group", "…")`.',
    values=lambda seed: dict(zip(("source", "destination", "port"), seed.choice(CONNECTIONS), strict=True)),
    check=_check_which_group,
    hints=(
        "Which side decides who comes in: the one that connects, or the one that is connected to?",
        'Read the lines of `inspect.reach(cloud, "{mine.source}", "{mine.destination}", {mine.port})`.',
        "The line that begins with *ingress of {mine.destination}* names the group.",
    ),
    solutions=(_which_group_by_reach, _which_group_by_its_port),
    wrong=(Wrong(_the_group_of_the_source, "no inbound rule of"), Wrong(_the_default_group, "'default'")),
)


CHAPTER = Chapter(
    "03",
    "Security groups",
    minutes=30,
    start=start,
    exercises=(NEW_GROUP, WHICH_GROUP, ONE_RULE, REDIS, MANAGER),
    predictions=("03-ssh", "03-port-80", "03-answers", "03-acl"),
)
