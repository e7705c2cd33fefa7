"""Labs about security groups: of the load balancer, of services, of instances."""

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
    relax_health_checks,
    running_instances,
    security_group,
)
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed
from esaws.reference.seccom import SERVICES

BALANCED = tuple(name for name, service in SERVICES.items() if service.target_group)
PUBLIC = ("manager-web-ui", "cameras-api")
ALB_GROUP = "ALB-sg"


def _service_values(service: str) -> dict[str, Any]:
    declared = SERVICES[service]
    return {"service": service, "group": declared.group, "port": declared.host_port, "url": f"{declared.path}/"}


def _from_group(cloud: Cloud, group: str, port: int) -> list[dict[str, Any]]:
    pair = [{"GroupId": security_group(cloud, group)["GroupId"]}]
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": pair}]


def _reached_by_the_load_balancer(attempt: Attempt) -> Iterable[Point]:
    mine = attempt.mine
    service = f"service/{mine.service}"
    found = inspect.reach(attempt.account, f"alb/{attempt.cloud.aws_name('alb')}", service, mine.port)
    yield Point(
        f"The load balancer reaches {mine.service} on port {mine.port}",
        found.decision == "allow",
        f"{found.decision}: {'; '.join(found.because)}",
        f"each check on the way from the load balancer to {mine.service}",
    )
    world = inspect.reach(attempt.account, "internet", service, mine.port)
    yield Point(
        f"The internet does not reach {mine.service} on port {mine.port}",
        world.decision == "deny",
        f"{world.decision}: {'; '.join(world.because)}",
        f"the inbound rules of {mine.group}",
    )


# --- ten-seconds: the group of a service no longer lets the load balancer in


def _ten_seconds_values(seed: Seed) -> Mapping[str, Any]:
    mine = _service_values(seed.choice(BALANCED))
    return {**mine, "wrong_port": mine["port"] + seed.choice((-1000, 1000, 79, 10))}


def _break_inbound(cloud: Cloud, mine: Values) -> None:
    ec2, group = cloud.client("ec2"), security_group(cloud, mine.group)["GroupId"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=_from_group(cloud, ALB_GROUP, mine.port))
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=_from_group(cloud, ALB_GROUP, mine.wrong_port))


def _inbound_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    names = names_of(cloud, mine.group, security_group(cloud, mine.group)["GroupId"])
    yield Evidence(names, (str(mine.wrong_port), str(mine.port)))


def _repair_inbound(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    own, alb = ids["SecurityGroup", mine.group], ids["SecurityGroup", "ALB-sg"]
    port = {"FromPort": mine.port, "ToPort": mine.port}
    right = {"IpProtocol": "tcp", "ReferencedGroupId": alb, **port}
    of_group = [{"Name": "group-id", "Values": [own]}]
    for rule in ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]:
        if rule["FromPort"] == mine.wrong_port:
            named = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"]}
            change = [{**named, "SecurityGroupRule": right}]
            ec2.modify_security_group_rules(GroupId=own, SecurityGroupRules=change)


def _open_the_port_to_the_world(cloud: Cloud, mine: Values) -> None:
    world = [{"IpProtocol": "tcp", "FromPort": mine.port, "ToPort": mine.port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    group = security_group(cloud, mine.group)["GroupId"]
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=world)


TEN_SECONDS = Lab(
    "ten-seconds",
    family="network",
    title="The page loads for a long time, then an error",
    report=(
        "A user writes: *`{mine.url}` loads for a long time, and then there is an error of the gateway.* "
        "The developers of `{mine.service}` answer: *Our container runs and logs nothing. It gets no request at all.*"
    ),
    cause="inbound-rule",
    values=_ten_seconds_values,
    inject=_break_inbound,
    evidence=_inbound_evidence,
    broken=("GET {mine.url} ", "{mine.service} answers", "{mine.service} runs"),
    mended=_reached_by_the_load_balancer,
    repair=_repair_inbound,
    non_repairs=(
        Wrong(_open_the_port_to_the_world, "open to the world"),
        Wrong(relax_health_checks, "health check"),
        Wrong(redeploy_everything, "lost a task"),
    ),
    hints=(
        "Is the request refused at once, or does it wait? What waits, and for whom?",
        "Read the reason of the unhealthy targets. Then look at the rules between the load balancer and the service.",
        "`esaws reach alb/seccom-alb service/{mine.service} {mine.port}`, or `aws ec2 describe-security-groups`; "
        "`authorize-security-group-ingress --source-group` adds the rule.",
    ),
)


# --- nothing-leaves: the load balancer's group lets nothing out to a service


def _nothing_leaves_values(seed: Seed) -> Mapping[str, Any]:
    return {"block": f"10.{seed.between(1, 250)}.0.0/16"}


ALL_TRAFFIC = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def _break_outbound(cloud: Cloud, mine: Values) -> None:
    ec2, group = cloud.client("ec2"), security_group(cloud, ALB_GROUP)["GroupId"]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=ALL_TRAFFIC)
    narrow = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": mine.block}]}]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=narrow)


def _outbound_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    names = names_of(cloud, ALB_GROUP, security_group(cloud, ALB_GROUP)["GroupId"])
    yield Evidence(names, (mine.block, "outbound", "egress", "IpPermissionsEgress"))


def _outbound_mended(attempt: Attempt) -> Iterable[Point]:
    for service in BALANCED:
        yield from _reached_by_the_load_balancer(
            Attempt(attempt.cloud, Values(**_service_values(service)), before=attempt.before)
        )


def _repair_outbound(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    group = ids["SecurityGroup", "ALB-sg"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    for rule in rules["SecurityGroupRules"]:
        if rule["IsEgress"] and rule["CidrIpv4"] == mine.block:
            narrow = [rule["SecurityGroupRuleId"]]
            ec2.authorize_security_group_egress(GroupId=group, IpPermissions=everything)
            ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=narrow)


NOTHING_LEAVES = Lab(
    "everything-times-out",
    family="network",
    title="Every page times out",
    report=(
        "Three teams write at the same time: *Nothing behind the load balancer answers, neither the web page nor "
        "the APIs. "
        "The connection opens, and then nothing comes.* The cameras still reach their API on its own address."
    ),
    cause="outbound-rule",
    values=_nothing_leaves_values,
    inject=_break_outbound,
    evidence=_outbound_evidence,
    broken=("GET / ", "GET ", *(f"{name} " for name in BALANCED)),
    mended=_outbound_mended,
    repair=_repair_outbound,
    non_repairs=(
        Wrong(open_everything, "open to the world"),
        Wrong(relax_health_checks, "health check"),
        Wrong(redeploy_everything, "the load balancer reaches"),
    ),
    hints=(
        "Three services fail at once. What do their requests have in common?",
        "A connection needs two permissions: out of the caller, and into the destination.",
        "`esaws reach alb/seccom-alb service/client-web-ui 4201`, or `aws ec2 describe-security-groups` and its "
        "`IpPermissionsEgress`; `authorize-security-group-egress` adds the rule.",
    ),
)


# --- after-the-audit: the load balancer has the security group of a service


def _wrong_group_values(seed: Seed) -> Mapping[str, Any]:
    return {"wrong": seed.choice(("ClientWeb-sg", "ManagerWeb-sg", "CamerasAPI-sg", "SitesManagementAPI-sg"))}


def _break_load_balancer(cloud: Cloud, mine: Values) -> None:
    elbv2 = cloud.client("elbv2")
    arn = elbv2.describe_load_balancers(Names=[cloud.aws_name("alb")])["LoadBalancers"][0]["LoadBalancerArn"]
    elbv2.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[security_group(cloud, mine.wrong)["GroupId"]])


def _load_balancer_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield Evidence(
        names_of(cloud, "alb", "load balancer"),
        names_of(cloud, mine.wrong, security_group(cloud, mine.wrong)["GroupId"]),
    )


def _load_balancer_mended(attempt: Attempt) -> Iterable[Point]:
    cloud = attempt.cloud
    balancer = cloud.client("elbv2").describe_load_balancers(Names=[cloud.aws_name("alb")])["LoadBalancers"][0]
    right = security_group(cloud, ALB_GROUP)["GroupId"]
    names = {raw["GroupId"]: raw["GroupName"] for raw in attempt.account["SecurityGroups"]}
    yield Point(
        f"The load balancer has the group {ALB_GROUP} alone",
        balancer["SecurityGroups"] == [right],
        f"it has {', '.join(names.get(group, group) for group in balancer['SecurityGroups'])}",
        "the security groups of the load balancer, not their rules",
    )


def _repair_load_balancer(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    cloud.client("elbv2").set_security_groups(
        LoadBalancerArn=ids["LoadBalancer", "alb"], SecurityGroups=[ids["SecurityGroup", "ALB-sg"]]
    )


AFTER_THE_AUDIT = Lab(
    "after-the-audit",
    family="network",
    title="No user reaches the load balancer since the audit",
    report=(
        "On-call at 9:10: *The monitors of all pages are red since the audit of last night. No connection opens on "
        "port 80. The auditors say that they only replaced unused groups. The rules of `ALB-sg` look right to me.*"
    ),
    cause="load-balancer-group",
    values=_wrong_group_values,
    inject=_break_load_balancer,
    evidence=_load_balancer_evidence,
    broken=("GET / ", "GET ", *(f"{name} " for name in BALANCED)),
    mended=_load_balancer_mended,
    repair=_repair_load_balancer,
    non_repairs=(
        Wrong(open_everything, "open to the world"),
        Wrong(relax_health_checks, "health check"),
        Wrong(redeploy_everything, "has the group"),
    ),
    hints=(
        "The rules of a group are right. Which interfaces do they apply to?",
        "Compare the groups that the load balancer has with those that the rules of the services name.",
        "`aws elbv2 describe-load-balancers --names seccom-alb` shows `SecurityGroups`; `set-security-groups` sets "
        "them.",
    ),
)


# --- one-camera-in-two: one instance of a service has the wrong security group


def _instance_values(seed: Seed) -> Mapping[str, Any]:
    mine = _service_values(seed.choice(PUBLIC))
    return {
        **mine,
        "zone": seed.choice(("eu-west-3a", "eu-west-3b")),
        "wrong": seed.choice(("ClientWeb-sg", "Redis-sg")),
    }


def _break_instance(cloud: Cloud, mine: Values) -> None:
    for instance in running_instances(cloud, mine.service, mine.zone):
        cloud.client("ec2").modify_instance_attribute(
            InstanceId=instance["InstanceId"], Groups=[security_group(cloud, mine.wrong)["GroupId"]]
        )


def _instance_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    for instance in running_instances(cloud, mine.service, mine.zone):
        addresses = (instance["PrivateIpAddress"], instance.get("PublicIpAddress", instance["PrivateIpAddress"]))
        wrong = security_group(cloud, mine.wrong)["GroupId"]
        yield Evidence((mine.zone, instance["InstanceId"], *addresses), names_of(cloud, mine.wrong, wrong))


def _instance_mended(attempt: Attempt) -> Iterable[Point]:
    right = attempt.cloud.aws_name(attempt.mine.group)
    found = {
        instance["Placement"]["AvailabilityZone"]: sorted(group["GroupName"] for group in instance["SecurityGroups"])
        for instance in running_instances(attempt.cloud, attempt.mine.service)
    }
    yield Point(
        f"Every instance of {attempt.mine.service} has the group {attempt.mine.group} alone",
        bool(found) and all(groups == [right] for groups in found.values()),
        "; ".join(f"{zone}: {', '.join(groups)}" for zone, groups in sorted(found.items())),
        "the security groups of each instance, not of the launch template",
    )


def _repair_instance(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    group = ids["SecurityGroup", mine.group]
    mine_alone = [{"Name": "tag:Name", "Values": [cloud.aws_name(mine.service)]}]
    for reservation in ec2.describe_instances(Filters=mine_alone)["Reservations"]:
        for instance in reservation["Instances"]:
            ec2.modify_instance_attribute(InstanceId=instance["InstanceId"], Groups=[group])


def _open_the_port_in_the_wrong_group(cloud: Cloud, mine: Values) -> None:
    world = [{"IpProtocol": "tcp", "FromPort": mine.port, "ToPort": mine.port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    group = security_group(cloud, mine.wrong)["GroupId"]
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=world)


EVERY_OTHER_REQUEST = Lab(
    "every-other-client",
    family="network",
    title="One of two addresses does not answer",
    report=(
        "The installers on site write: *Half of our devices can't connect to `{mine.service}` on port {mine.port}. "
        "It is always the same half: those that were configured with the address of one machine. "
        "Yesterday a colleague replaced groups by hand.*"
    ),
    cause="instance-group",
    values=_instance_values,
    inject=_break_instance,
    evidence=_instance_evidence,
    broken=("{mine.service} is reached",),
    mended=_instance_mended,
    repair=_repair_instance,
    non_repairs=(
        Wrong(_open_the_port_in_the_wrong_group, "open to the world"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "has the group"),
    ),
    hints=(
        "What differs between the two instances of the service?",
        "Compare the network settings of both instances, one by one.",
        "`aws ec2 describe-instances --filters Name=tag:Name,Values=seccom-{mine.service}`; "
        "`modify-instance-attribute --groups` sets the groups.",
    ),
)

LABS = (TEN_SECONDS, NOTHING_LEAVES, AFTER_THE_AUDIT, EVERY_OTHER_REQUEST)
