"""Random breakages of a deployment: what inspection says of each target is what the load balancer finds."""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.inspect.account import Account, snapshot
from esaws.inspect.request_path import KEYS as WAY_KEYS
from esaws.inspect.request_path import trace
from esaws.inspect.target_health import KEYS, health
from esaws.reference.seccom import SERVICES, seccom

BREAKAGES = int(os.environ.get("BREAKAGES", "6"))
"""How many are tried; 200 by hand."""

BALANCED = {name: service for name, service in SERVICES.items() if service.target_group}
Undo = Callable[[], Any]


@pytest.fixture(scope="module")
def cloud(new_cloud: Any) -> Cloud:
    """The large build, with all targets healthy."""
    cloud: Cloud = new_cloud()
    plan_deploy(seccom("ha"), cloud).apply()
    simulation.advance(cloud, "10m")
    return cloud


class Breaker:
    """Breaks one thing at random; each way gives back how to mend it."""

    def __init__(self, cloud: Cloud, chance: random.Random) -> None:
        self.cloud, self.chance = cloud, chance
        self.ec2, self.elbv2 = cloud.client("ec2"), cloud.client("elbv2")
        self.name = chance.choice(sorted(BALANCED))
        self.service = BALANCED[self.name]

    def group(self, name: str) -> dict[str, Any]:
        filters = [{"Name": "group-name", "Values": [self.cloud.aws_name(name)]}]
        return dict(self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0])

    def target_group(self) -> dict[str, Any]:
        names = [self.cloud.aws_name(str(self.service.target_group))]
        return dict(self.elbv2.describe_target_groups(Names=names)["TargetGroups"][0])

    def targets(self) -> list[dict[str, Any]]:
        arn = self.target_group()["TargetGroupArn"]
        return [
            each["Target"] for each in self.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        ]

    def rule(self) -> Undo:
        """The service's group no longer lets the load balancer in."""
        group = self.group(self.service.group)
        opened = [each for each in group["IpPermissions"] if each.get("FromPort") == self.service.host_port]
        self.ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=opened)
        return lambda: self.ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=opened)

    def egress(self) -> Undo:
        """The load balancer's group lets nothing out."""
        group = self.group("ALB-sg")
        every = group["IpPermissionsEgress"]
        self.ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=every)
        return lambda: self.ec2.authorize_security_group_egress(GroupId=group["GroupId"], IpPermissions=every)

    def path(self) -> Undo:
        """The health check asks for another path."""
        group = self.target_group()
        asked = {"TargetGroupArn": group["TargetGroupArn"]}
        wrong = self.chance.choice(["/nowhere", f"{self.service.path}x/", f"{self.service.path}/deeper"])
        self.elbv2.modify_target_group(**asked, HealthCheckPath=wrong)
        return lambda: self.elbv2.modify_target_group(**asked, HealthCheckPath=group["HealthCheckPath"])

    def matcher(self) -> Undo:
        """The health check wants another status."""
        group = self.target_group()
        asked = {"TargetGroupArn": group["TargetGroupArn"]}
        self.elbv2.modify_target_group(**asked, Matcher={"HttpCode": self.chance.choice(["200-299", "201", "404"])})
        return lambda: self.elbv2.modify_target_group(**asked, Matcher={"HttpCode": group["Matcher"]["HttpCode"]})

    def check_port(self) -> Undo:
        """The health check asks another port."""
        group = self.target_group()
        asked = {"TargetGroupArn": group["TargetGroupArn"]}
        self.elbv2.modify_target_group(**asked, HealthCheckPort="9999")
        return lambda: self.elbv2.modify_target_group(**asked, HealthCheckPort="traffic-port")

    def acl(self) -> Undo:
        """The ACL of the subnets denies the port, or the ports for answers."""
        vpc = self.target_group()["VpcId"]
        acls = self.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
        asked = {"NetworkAclId": acls[0]["NetworkAclId"], "RuleNumber": 50, "Egress": self.chance.random() < 0.5}
        port = self.chance.choice([self.service.host_port, 22])
        ports = {"From": port, "To": port}
        self.ec2.create_network_acl_entry(
            **asked, Protocol="6", RuleAction="deny", CidrBlock="172.31.0.0/16", PortRange=ports
        )
        return lambda: self.ec2.delete_network_acl_entry(**asked)

    def instance(self) -> Undo:
        """An instance stops; its group replaces it within minutes."""
        if targets := self.targets():
            self.ec2.stop_instances(InstanceIds=[self.chance.choice(targets)["Id"]])
        return lambda: None

    def task(self) -> Undo:
        """A task stops; its service starts another one."""
        ecs, cluster = self.cloud.client("ecs"), self.cloud.aws_name(f"{self.name}-cluster")
        if arns := ecs.list_tasks(cluster=cluster)["taskArns"]:
            ecs.stop_task(cluster=cluster, task=self.chance.choice(sorted(arns)))
        return lambda: None

    def count(self) -> Undo:
        """The service runs one task less."""
        asked = {"cluster": self.cloud.aws_name(f"{self.name}-cluster"), "service": self.cloud.aws_name(self.name)}
        ecs = self.cloud.client("ecs")
        ecs.update_service(**asked, desiredCount=self.chance.choice([1, 0]))
        return lambda: ecs.update_service(**asked, desiredCount=2)

    def stranger(self) -> Undo:
        """An instance that runs nothing on that port is registered by hand."""
        arn = self.target_group()["TargetGroupArn"]
        others = [each for name in BALANCED if name != self.name for each in self._instances_of(name)]
        target = {"Id": self.chance.choice(others), "Port": self.chance.choice([self.service.host_port, 22, 81])}
        self.elbv2.register_targets(TargetGroupArn=arn, Targets=[target])
        return lambda: self.elbv2.deregister_targets(TargetGroupArn=arn, Targets=[target])

    def _instances_of(self, name: str) -> list[str]:
        filters = [
            {"Name": "tag:Name", "Values": [self.cloud.aws_name(name)]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        found = self.ec2.describe_instances(Filters=filters)["Reservations"]
        return sorted(each["InstanceId"] for reservation in found for each in reservation["Instances"])


WAYS = ("rule", "egress", "path", "matcher", "check_port", "acl", "instance", "task", "count", "stranger")


@pytest.mark.parametrize("seed", range(BREAKAGES))
def test_inspection_says_what_the_load_balancer_finds(cloud: Cloud, seed: int) -> None:
    chance = random.Random(seed)
    ways = [WAYS[seed % len(WAYS)], *chance.sample(WAYS, chance.choice([0, 0, 1]))]
    undo = [getattr(Breaker(cloud, chance), way)() for way in dict.fromkeys(ways)]
    try:
        simulation.advance(cloud, "20m")
        account = snapshot(cloud, *{*KEYS, *WAY_KEYS})
        agreed(account, ways)
    finally:
        for mend in reversed(undo):
            mend()
        simulation.advance(cloud, "20m")
    healthy = health(snapshot(cloud, *KEYS))
    assert {each.code for each in healthy} <= {"HEALTHY", "DRAINING"}, f"after {ways} all is mended"
    assert sum(each.state == "healthy" for each in healthy) == 2 * len(BALANCED)


def agreed(account: Account, ways: list[str]) -> None:
    """Each target that is settled is healthy exactly if no cause is seen; and a trace says the same of it."""
    states = health(account)
    for each in states:
        if each.state in ("healthy", "unhealthy", "unused"):
            assert (each.state == "healthy") == (each.cause is None), (ways, each)
    by_target = {(each.target_group, each.id, each.port): each for each in states}
    for service in BALANCED.values():
        way = trace(account, f"http://seccom{service.path}/")
        for stop in way.targets:
            state = by_target[stop.target_group, stop.id, stop.port]
            assert stop.state == state.state
            if state.code == "NOT_REACHED" and "9999" not in state.to_dict()["detail"]:
                # An ACL may allow one node of the load balancer through and not the other.
                assert stop.reached == ("unknown" if "acl" in ways and stop.reached != "deny" else "deny"), (ways, stop)
            if stop.state == "healthy":
                assert stop.reached == "allow" and stop.task, (ways, stop)
