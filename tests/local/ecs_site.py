"""A cluster with instances and a load balancer, in which tests let services run."""

import base64
from collections import Counter
from typing import Any

from tests.local.timing import advance, events

IMAGE = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"


class Site:
    """A cluster `c` of t2.micro in two zones, and the family `f`: its container takes host port 8001."""

    def __init__(self, account: Any, hosts: int = 2, *, most: int = 4, balanced: bool = False, **group: Any) -> None:
        self.account = account
        names = ("ec2", "ecs", "elbv2", "autoscaling")
        self.ec2, self.ecs, self.elbv2, self.autoscaling = (account.client(name) for name in names)
        self.vpc, self.subnets, self.security_group = account.network()
        everything = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": self.security_group}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.security_group, IpPermissions=[everything])
        self.ecs.create_cluster(clusterName="c")
        self._launch(hosts, most, group)
        self.target_group = self._balance() if balanced else ""
        self.define()
        self.hosts()

    def _launch(self, hosts: int, most: int, group: dict[str, Any]) -> None:
        user_data = base64.b64encode(b"#!/bin/bash\necho ECS_CLUSTER=c >> /etc/ecs/ecs.config\n").decode()
        interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": [self.security_group]}
        data = {
            "ImageId": IMAGE,
            "InstanceType": "t2.micro",
            "UserData": user_data,
            "NetworkInterfaces": [interface],
        }
        self.ec2.create_launch_template(LaunchTemplateName="host", LaunchTemplateData=data)
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName="g",
            LaunchTemplate={"LaunchTemplateName": "host", "Version": "$Latest"},
            MinSize=0,
            MaxSize=most,
            DesiredCapacity=hosts,
            VPCZoneIdentifier=",".join(self.subnets),
            **group,
        )

    def _balance(self) -> str:
        balancer = self.elbv2.create_load_balancer(
            Name="alb", Subnets=self.subnets, SecurityGroups=[self.security_group]
        )["LoadBalancers"][0]["LoadBalancerArn"]
        target_group: str = self.elbv2.create_target_group(Name="tg", Protocol="HTTP", Port=80, VpcId=self.vpc)[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        self.elbv2.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )
        self.elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer])
        return target_group

    def define(self, *, memory: int = 256, port: int = 8001, **settings: Any) -> str:
        """Register a revision of `f`; what its environment says is in `settings`, in capital letters."""
        environment = [{"name": name, "value": value} for name, value in settings.items() if name.isupper()]
        container = {
            "name": "c",
            "image": settings.get("image", "nginx"),
            "memory": memory,
            "portMappings": [{"containerPort": 80, "hostPort": port}],
            "environment": environment,
        }
        made = self.ecs.register_task_definition(family="f", containerDefinitions=[container])
        arn: str = made["taskDefinition"]["taskDefinitionArn"]
        return arn

    def serve(self, desired: int = 2, *, healthy: int = 50, most: int = 200, **settings: Any) -> None:
        """Create the service `s`."""
        if self.target_group:
            settings["loadBalancers"] = [
                {"targetGroupArn": self.target_group, "containerName": "c", "containerPort": 80}
            ]
        breaker = settings.pop("breaker", {})
        deployment = {"minimumHealthyPercent": healthy, "maximumPercent": most, **breaker}
        asked = {"taskDefinition": "f", "desiredCount": desired, "deploymentConfiguration": deployment, **settings}
        if asked.get("schedulingStrategy") == "DAEMON":
            del asked["desiredCount"], deployment["maximumPercent"]
        self.ecs.create_service(cluster="c", serviceName="s", **asked)

    def update(self, **settings: Any) -> None:
        self.ecs.update_service(cluster="c", service="s", **settings)

    def wait_until_stable(self) -> None:
        self.ecs.get_waiter("services_stable").wait(
            cluster="c", services=["s"], WaiterConfig={"Delay": 0, "MaxAttempts": 3}
        )

    def service(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.describe_services(cluster="c", services=["s"])["services"][0]
        return found

    def counts(self) -> tuple[int, int, int]:
        """(desired, running, pending)."""
        found = self.service()
        return found["desiredCount"], found["runningCount"], found["pendingCount"]

    def messages(self) -> list[str]:
        """What the events of the service say, the newest first."""
        return [event["message"] for event in self.service()["events"]]

    def said(self, words: str) -> int:
        """How many events say so."""
        return sum(words in message for message in self.messages())

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        """The tasks of the service, once those under way have arrived."""
        arns = self.ecs.list_tasks(cluster="c", serviceName="s", desiredStatus=status)["taskArns"]
        return self.described(arns)

    def described(self, arns: list[str]) -> list[dict[str, Any]]:
        return list(self.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"]) if arns else []

    def hosts(self) -> list[dict[str, Any]]:
        arns = self.ecs.list_container_instances(cluster="c")["containerInstanceArns"]
        if not arns:
            return []
        found = self.ecs.describe_container_instances(cluster="c", containerInstances=arns)
        return list(found["containerInstances"])

    def instance_of(self, task: dict[str, Any]) -> str:
        (host,) = (each for each in self.hosts() if each["containerInstanceArn"] == task["containerInstanceArn"])
        return str(host["ec2InstanceId"])

    def spread(self) -> list[int]:
        """How many tasks each zone has, the fewest first."""
        zone_of = {
            host["containerInstanceArn"]: next(
                each["value"] for each in host["attributes"] if each["name"] == "ecs.availability-zone"
            )
            for host in self.hosts()
        }
        counted = Counter(zone_of[task["containerInstanceArn"]] for task in self.tasks())
        return sorted(counted.values())

    def health(self) -> list[str]:
        shown = self.elbv2.describe_target_health(TargetGroupArn=self.target_group)["TargetHealthDescriptions"]
        return sorted(each["TargetHealth"]["State"] for each in shown)

    def advance(self, by: str) -> None:
        advance(self.account, by)

    def story(self, subject: str = "s") -> list[str]:
        """What happened to a subject."""
        return [event["what"] for event in events(self.account) if event["subject"] == subject]
