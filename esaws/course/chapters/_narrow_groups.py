"""Exercises of chapter 03 that narrow groups: a web UI behind the load balancer, Redis for one service."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.groups_view import ANYWHERE, VPC_RANGE, GroupsView, Rule, open_port
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.inspect.network.matrix import matrix
from esaws.reference.seccom import seccom
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule


def _close_port(cloud: Cloud, group: str, port: int, cidr: str = ANYWHERE) -> None:
    """Remove an inbound rule for a range of addresses."""
    cloud.client("ec2").revoke_security_group_ingress(
        GroupId=inventory(cloud)["SecurityGroup", group].id, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr
    )


# --- a web UI behind the load balancer


def _check_manager(attempt: Attempt) -> Iterator[Point]:
    groups, port = GroupsView(attempt), attempt.mine.port
    manager = "service/manager-web-ui"
    yield groups.connection_point("alb/alb", manager, port, "allow", is_needed=True)
    yield groups.connection_point("internet", manager, port, "deny")
    yield groups.connection_point("service/cameras-api", manager, port, "deny")
    yield groups.connection_point("internet", manager, 4202, "deny")
    own = groups.added("ManagerWeb-sg")
    wide = [str(rule) for rule in own if rule.first != rule.last]
    yield Point(f"No rule opens more than port {port}", ok=not wide, found=", ".join(wide), look_at="the ports")
    yield groups.changes_point("ManagerWeb-sg", own, [Rule("ManagerWeb-sg", "tcp", 4202, 4202, ANYWHERE)])


def _manager_by_plan(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    rule = ha.get(SecurityGroupRule, "ManagerWeb-sg ingress tcp 4202 0.0.0.0/0")
    moved = rule.replace(from_port=mine.port, to_port=mine.port, peer=ha.get(SecurityGroup, "ALB-sg"))
    plan_deploy([moved], cloud).apply()


def _manager_by_boto3(cloud: Cloud, mine: Values) -> None:
    ec2, existing = cloud.client("ec2"), inventory(cloud)
    group, balancer = existing["SecurityGroup", "ManagerWeb-sg"].id, existing["SecurityGroup", "ALB-sg"].id
    ec2.revoke_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=4202, ToPort=4202, CidrIp="0.0.0.0/0")
    ports = {"IpProtocol": "tcp", "FromPort": mine.port, "ToPort": mine.port}
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[ports | {"UserIdGroupPairs": [{"GroupId": balancer}]}]
    )


def _manager_for_everyone(cloud: Cloud, mine: Values) -> None:
    open_port(cloud, "ManagerWeb-sg", mine.port, ANYWHERE)
    _close_port(cloud, "ManagerWeb-sg", 4202)


def _manager_with_a_range(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    rule = ha.get(SecurityGroupRule, "ManagerWeb-sg ingress tcp 4202 0.0.0.0/0")
    plan_deploy([rule.replace(from_port=4000, to_port=5000, peer=ha.get(SecurityGroup, "ALB-sg"))], cloud).apply()


def _manager_with_the_old_port_open(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    group, balancer = ha.get(SecurityGroup, "ManagerWeb-sg"), ha.get(SecurityGroup, "ALB-sg")
    rule = SecurityGroupRule(group=group, from_port=mine.port, to_port=mine.port, peer=balancer)
    plan_deploy([rule], cloud).apply()


MANAGER = Exercise(
    "03-manager",
    prompt="In the next release the managers' web UI moves behind the load balancer, to host port `{mine.port}`. "
    "Prepare `ManagerWeb-sg`: only the load balancer connects to {mine.port}, and 4202 is closed. Leave SSH for later.",
    values=lambda seed: {"port": seed.between(4210, 4299)},
    check=_check_manager,
    hints=(
        "Two things change in one rule. Which fields of a `SecurityGroupRule` are they?",
        '`seccom("ha").get(SecurityGroupRule, "ManagerWeb-sg ingress tcp 4202 0.0.0.0/0")` is the rule.',
        "`rule.replace(from_port={mine.port}, to_port={mine.port}, peer=…)`; AWS changes a rule in place.",
    ),
    solutions=(_manager_by_plan, _manager_by_boto3),
    wrong=(
        Wrong(_manager_for_everyone, "internet can't connect"),
        Wrong(_manager_with_a_range, "4000-5000"),
        Wrong(_manager_with_the_old_port_open, "4202"),
    ),
    notices=("SecurityGroupRule:ManagerWeb-sg ingress tcp 4202 0.0.0.0/0",),
)


# --- Redis for one service


def _check_redis(attempt: Attempt) -> Iterator[Point]:
    groups, mine = GroupsView(attempt), attempt.mine
    permissions = groups.described["Redis-sg"]["IpPermissions"] if "Redis-sg" in groups.described else []
    peers = [peer for item in permissions for key in ("IpRanges", "UserIdGroupPairs") for peer in item.get(key, ())]
    texts = sorted({peer.get("Description", "") for peer in peers})
    yield Point(
        f"A rule of Redis-sg has the description {mine.ticket}",
        ok=mine.ticket in texts,
        found=f"the descriptions are {', '.join(map(repr, texts)) or 'none'}",
        look_at="the field description of a SecurityGroupRule",
        is_needed=True,
    )
    yield groups.connection_point("service/hdm", "cache/redis", 6379, "allow")
    rows = matrix(groups.account).to_frame()
    allowed = rows[(rows.destination == "cache/redis") & (rows.decision != "deny")]
    others = [f"{row.source} on {row.port}" for row in allowed.itertuples() if row.source != "service/hdm"]
    yield Point(
        "No other service, and no user, can connect to Redis",
        ok=not others,
        found=", ".join(others),
        look_at="inspect.matrix(cloud)",
    )
    ports = sorted({int(port) for port in allowed.port})
    yield Point(
        "Redis is open on 6379 and on no other port",
        ok=ports == [6379],
        found=f"it is open on {', '.join(map(str, ports)) or 'no port'}",
        look_at="the rules of Redis-sg",
    )
    own = groups.rules_of("Redis-sg")
    yield Point(
        "The rule names a group, so that a new instance of the detector keeps its access",
        ok=bool(own) and all(rule.names_a_group for rule in own),
        found=", ".join(map(str, own)) or "there is no rule",
        look_at="the peer of the rule",
    )
    removed = [Rule("Redis-sg", "tcp", port, port, ANYWHERE) for port in (22, 5671, 6379)]
    yield groups.changes_point("Redis-sg", own, removed)


def _redis_by_plan(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    detector = ha.get(SecurityGroup, "HumanDetectionModule-sg")
    rule = ha.get(SecurityGroupRule, "Redis-sg ingress tcp 6379 0.0.0.0/0")
    plan_deploy([rule.replace(peer=detector, description=mine.ticket)], cloud).apply()
    for port in (22, 5671):
        unused = inventory(cloud)["SecurityGroupRule", f"Redis-sg ingress tcp {port} 0.0.0.0/0"]
        SecurityGroupRule.delete(cloud, unused)


def _redis_by_boto3(cloud: Cloud, mine: Values) -> None:
    ec2, existing = cloud.client("ec2"), inventory(cloud)
    redis = existing["SecurityGroup", "Redis-sg"]
    ec2.revoke_security_group_ingress(GroupId=redis.id, IpPermissions=redis.raw["IpPermissions"])
    detector = {"GroupId": existing["SecurityGroup", "HumanDetectionModule-sg"].id, "Description": mine.ticket}
    permission = {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [detector]}
    ec2.authorize_security_group_ingress(GroupId=redis.id, IpPermissions=[permission])


def _redis_for_the_vpc(cloud: Cloud, mine: Values) -> None:
    rule = seccom("ha").get(SecurityGroupRule, "Redis-sg ingress tcp 6379 0.0.0.0/0")
    plan_deploy([rule.replace(peer=VPC_RANGE, description=mine.ticket)], cloud).apply()
    _close_port(cloud, "Redis-sg", 22)
    _close_port(cloud, "Redis-sg", 5671)


def _redis_for_an_address(cloud: Cloud, mine: Values) -> None:
    detector = inventory(cloud)["SecurityGroup", "HumanDetectionModule-sg"].id
    filters = [{"Name": "group-id", "Values": [detector]}]
    interfaces = cloud.client("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    rule = seccom("ha").get(SecurityGroupRule, "Redis-sg ingress tcp 6379 0.0.0.0/0")
    address = f"{interfaces[0]['PrivateIpAddress']}/32"
    plan_deploy([rule.replace(peer=address, description=mine.ticket)], cloud).apply()
    _close_port(cloud, "Redis-sg", 22)
    _close_port(cloud, "Redis-sg", 5671)


def _redis_with_ssh(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    rule = ha.get(SecurityGroupRule, "Redis-sg ingress tcp 6379 0.0.0.0/0")
    detector = ha.get(SecurityGroup, "HumanDetectionModule-sg")
    plan_deploy([rule.replace(peer=detector, description=mine.ticket)], cloud).apply()


REDIS = Exercise(
    "03-redis",
    prompt="Only the detector, `service/hdm`, uses Redis, on port 6379. Let it in and no one else, on no other port. "
    "Give the rule the description `{mine.ticket}`, so that a colleague finds out why it exists.",
    values=lambda seed: {"ticket": f"SEC-{seed.between(1000, 9999)}"},
    check=_check_redis,
    hints=(
        "Three rules open Redis to every address. Which of them does the system need, and for whom?",
        'One rule gets another `peer` and a `description`; the other two go. `inventory(cloud)["SecurityGroup", '
        '"Redis-sg"].raw` has all three.',
        "`rule.replace(peer=…, description=…)` and a plan; `ec2.revoke_security_group_ingress(GroupId=…, …)` for the "
        "other two.",
    ),
    solutions=(_redis_by_plan, _redis_by_boto3),
    wrong=(
        Wrong(_redis_for_the_vpc, "service/client-web-ui on 6379"),
        Wrong(_redis_for_an_address, "/32"),
        Wrong(_redis_with_ssh, "5671"),
    ),
    notices=("SecurityGroupRule:Redis-sg ingress tcp 6379 0.0.0.0/0",),
)
