"""Ways to break a service of a deployment, each with the way to mend it."""

import random
from collections.abc import Callable, Collection
from typing import Any

from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.reference.seccom import SERVICES

BALANCED = {name: service for name, service in SERVICES.items() if service.target_group}
Undo = Callable[[], Any]


class Breaker:
    """Breaks one random service; each method returns a function that mends it."""

    def __init__(self, cloud: Cloud, rng: random.Random, services: Collection[str] = tuple(BALANCED)) -> None:
        """`services` are those that are deployed."""
        self.cloud, self.rng, self.services = cloud, rng, services
        self.ec2, self.elbv2 = cloud.client("ec2"), cloud.client("elbv2")
        self.name = rng.choice(sorted(services))
        self.service = BALANCED[self.name]

    def group(self, name: str) -> dict[str, Any]:
        own = {"group-name": self.cloud.aws_name(name), f"tag:{DEPLOYMENT_TAG}": self.cloud.deployment}
        filters = [{"Name": key, "Values": [value]} for key, value in own.items()]  # another one may have its name
        return dict(self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0])

    def target_group(self) -> dict[str, Any]:
        names = [self.cloud.aws_name(str(self.service.target_group))]
        return dict(self.elbv2.describe_target_groups(Names=names)["TargetGroups"][0])

    def targets(self) -> list[dict[str, Any]]:
        arn = self.target_group()["TargetGroupArn"]
        return [
            item["Target"] for item in self.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        ]

    def rule(self) -> Undo:
        """The service's group no longer allows the load balancer."""
        group = self.group(self.service.group)
        permissions = [item for item in group["IpPermissions"] if item.get("FromPort") == self.service.host_port]
        self.ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=permissions)
        return lambda: self.ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=permissions)

    def egress(self) -> Undo:
        """The load balancer's group allows no egress."""
        group = self.group("ALB-sg")
        permissions = group["IpPermissionsEgress"]
        self.ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=permissions)
        return lambda: self.ec2.authorize_security_group_egress(GroupId=group["GroupId"], IpPermissions=permissions)

    def path(self) -> Undo:
        """The health check requests another path."""
        group = self.target_group()
        params = {"TargetGroupArn": group["TargetGroupArn"]}
        wrong = self.rng.choice(["/nowhere", f"{self.service.path or '/'}x/", f"{self.service.path}/deeper"])
        self.elbv2.modify_target_group(**params, HealthCheckPath=wrong)
        return lambda: self.elbv2.modify_target_group(**params, HealthCheckPath=group["HealthCheckPath"])

    def matcher(self) -> Undo:
        """The health check expects another status."""
        group = self.target_group()
        params = {"TargetGroupArn": group["TargetGroupArn"]}
        self.elbv2.modify_target_group(**params, Matcher={"HttpCode": self.rng.choice(["200-299", "201", "404"])})
        return lambda: self.elbv2.modify_target_group(**params, Matcher={"HttpCode": group["Matcher"]["HttpCode"]})

    def check_port(self) -> Undo:
        """The health check uses another port."""
        group = self.target_group()
        params = {"TargetGroupArn": group["TargetGroupArn"]}
        self.elbv2.modify_target_group(**params, HealthCheckPort="9999")
        return lambda: self.elbv2.modify_target_group(**params, HealthCheckPort="traffic-port")

    def acl(self) -> Undo:
        """The ACL of the subnets denies the port of the service, or SSH."""
        vpc = self.target_group()["VpcId"]
        acls = self.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
        params = {"NetworkAclId": acls[0]["NetworkAclId"], "RuleNumber": 50, "Egress": self.rng.random() < 0.5}
        port = self.rng.choice([self.service.host_port, 22])
        ports = {"From": port, "To": port}
        self.ec2.create_network_acl_entry(
            **params, Protocol="6", RuleAction="deny", CidrBlock="172.31.0.0/16", PortRange=ports
        )
        return lambda: self.ec2.delete_network_acl_entry(**params)

    def instance(self) -> Undo:
        """An instance stops; its group replaces it within minutes."""
        if targets := self.targets():
            self.ec2.stop_instances(InstanceIds=[self.rng.choice(targets)["Id"]])
        return lambda: None

    def task(self) -> Undo:
        """A task stops; its service starts another one."""
        ecs, cluster = self.cloud.client("ecs"), self.cloud.aws_name(f"{self.name}-cluster")
        if arns := ecs.list_tasks(cluster=cluster)["taskArns"]:
            ecs.stop_task(cluster=cluster, task=self.rng.choice(sorted(arns)))
        return lambda: None

    def count(self) -> Undo:
        """The service runs fewer tasks."""
        params = {"cluster": self.cloud.aws_name(f"{self.name}-cluster"), "service": self.cloud.aws_name(self.name)}
        ecs = self.cloud.client("ecs")
        ecs.update_service(**params, desiredCount=self.rng.choice([1, 0]))
        return lambda: ecs.update_service(**params, desiredCount=2)

    def stranger(self) -> Undo:
        """An instance without a listener on the port is registered by hand."""
        arn = self.target_group()["TargetGroupArn"]
        instances = [item for name in self.services if name != self.name for item in self._instances_of(name)]
        target = {"Id": self.rng.choice(instances), "Port": self.rng.choice([self.service.host_port, 22, 81])}
        self.elbv2.register_targets(TargetGroupArn=arn, Targets=[target])
        return lambda: self.elbv2.deregister_targets(TargetGroupArn=arn, Targets=[target])

    def _instances_of(self, name: str) -> list[str]:
        filters = [
            {"Name": "tag:Name", "Values": [self.cloud.aws_name(name)]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        reservations = self.ec2.describe_instances(Filters=filters)["Reservations"]
        return sorted(item["InstanceId"] for reservation in reservations for item in reservation["Instances"])


BREAKAGES = (
    "rule",
    "egress",
    "path",
    "matcher",
    "check_port",
    "acl",
    "instance",
    "task",
    "count",
    "stranger",
)
