"""A small running system: an ECS service of two tasks behind a load balancer, on two instances in two zones."""

import base64
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.local.timing import advance, now

PORT = 8001
_names = count()


@dataclass(frozen=True)
class Seen:
    """The state of the system at one time."""

    service: dict[str, Any]
    hosts: list[str]
    tasks: list[tuple[str, dict[str, Any]]]
    """(EC2 instance, task) of each running task"""
    targets: list[tuple[str, str]]
    """(EC2 instance, state) of each target"""
    group: dict[str, Any]


class Living:
    """The system, its state, and random actions on it."""

    def __init__(self, account: Any) -> None:
        self.account, self.name = account, f"living-{next(_names)}"
        services = ("autoscaling", "ec2", "ecs", "elbv2", "application-autoscaling")
        self.autoscaling, self.ec2, self.ecs, self.elbv2, self.scaling = (account.client(name) for name in services)
        vpc, self.subnets, self.group = account.network()
        front = self.ec2.create_security_group(GroupName="front", Description="f", VpcId=vpc)["GroupId"]
        web = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.authorize_security_group_ingress(GroupId=front, IpPermissions=[web])
        pair = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT, "UserIdGroupPairs": [{"GroupId": front}]}
        self.rule = {"GroupId": self.group, "IpPermissions": [pair]}
        self.ec2.authorize_security_group_ingress(**self.rule)
        self._front(vpc, front)
        self._hosts()
        self._service()

    def _front(self, vpc: str, group: str) -> None:
        made = self.elbv2.create_target_group(Name=self.name, Protocol="HTTP", Port=80, VpcId=vpc)
        self.target_group = made["TargetGroups"][0]["TargetGroupArn"]
        balancer = self.elbv2.create_load_balancer(Name=self.name, Subnets=self.subnets, SecurityGroups=[group])
        arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        forward = [{"Type": "forward", "TargetGroupArn": self.target_group}]
        self.elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)

    def _hosts(self) -> None:
        self.ecs.create_cluster(clusterName=self.name)
        script = f"#!/bin/bash\necho ECS_CLUSTER={self.name} >> /etc/ecs/ecs.config\n"
        data = {
            "ImageId": "ami-760aaa0f",
            "InstanceType": "t2.micro",
            "SecurityGroupIds": [self.group],
            "IamInstanceProfile": self.account.host_role(),
            "UserData": base64.b64encode(script.encode()).decode(),
        }
        self.ec2.create_launch_template(LaunchTemplateName=self.name, LaunchTemplateData=data)
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=self.name,
            LaunchTemplate={"LaunchTemplateName": self.name, "Version": "$Latest"},
            VPCZoneIdentifier=",".join(self.subnets),
            MinSize=0,
            MaxSize=4,
            DesiredCapacity=2,
        )

    def _service(self) -> None:
        mapping = {"containerPort": 8000, "hostPort": PORT}
        container = {"name": "web", "image": "nginx", "memory": 256, "portMappings": [mapping]}
        self.ecs.register_task_definition(family=self.name, containerDefinitions=[container])
        self.ecs.create_service(
            cluster=self.name,
            serviceName=self.name,
            taskDefinition=self.name,
            desiredCount=2,
            deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 200},
            loadBalancers=[{"targetGroupArn": self.target_group, "containerName": "web", "containerPort": 8000}],
        )

    # --- state

    def look(self) -> "Seen":
        """The state at one time; repeated if a describe call advanced the clock."""
        while True:
            began = now(self.account)
            seen = Seen(
                self._described_service(), self.hosts(), self._placed(), self._targets(), self._described_group()
            )
            if now(self.account) - began < 3:
                return seen

    def hosts(self) -> list[str]:
        """The EC2 instances in service in the Auto Scaling group."""
        instances = self._described_group()["Instances"]
        return [each["InstanceId"] for each in instances if each["LifecycleState"] == "InService"]

    def tasks(self) -> list[dict[str, Any]]:
        """The running tasks, including those that are being stopped."""
        arns = self.ecs.list_tasks(cluster=self.name)["taskArns"]
        found = self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"] if arns else []
        return [task for task in found if task["lastStatus"] in ("RUNNING", "DEACTIVATING", "STOPPING")]

    def _placed(self) -> list[tuple[str, dict[str, Any]]]:
        arns = self.ecs.list_container_instances(cluster=self.name)["containerInstanceArns"]
        asked = {"cluster": self.name, "containerInstances": arns}
        found = self.ecs.describe_container_instances(**asked)["containerInstances"] if arns else []
        instances = {each["containerInstanceArn"]: each["ec2InstanceId"] for each in found}
        return [(instances.get(task["containerInstanceArn"], ""), task) for task in self.tasks()]

    def _targets(self) -> list[tuple[str, str]]:
        found = self.elbv2.describe_target_health(TargetGroupArn=self.target_group)["TargetHealthDescriptions"]
        return [(each["Target"]["Id"], each["TargetHealth"]["State"]) for each in found]

    def _described_service(self) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster=self.name, services=[self.name])["services"][0])

    def _described_group(self) -> dict[str, Any]:
        found = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])
        return dict(found["AutoScalingGroups"][0])

    # --- actions

    def do(self, action: str, number: int) -> None:
        """Run an action; `number` chooses its object or size."""
        getattr(self, f"_{action}")(number)

    def _wait(self, number: int) -> None:
        advance(self.account, f"{(1, 7, 61, 400)[number % 4]}m")

    def _stop(self, number: int) -> None:
        if hosts := self.hosts():
            self.ec2.stop_instances(InstanceIds=[hosts[number % len(hosts)]])

    def _terminate(self, number: int) -> None:
        if hosts := self.hosts():
            self.ec2.terminate_instances(InstanceIds=[hosts[number % len(hosts)]])

    def _kill(self, number: int) -> None:
        if tasks := self.tasks():
            self.ecs.stop_task(cluster=self.name, task=tasks[number % len(tasks)]["taskArn"])

    def _close(self, number: int) -> None:
        if self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"][0]["IpPermissions"]:
            self.ec2.revoke_security_group_ingress(**self.rule)

    def _open(self, number: int) -> None:
        if not self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"][0]["IpPermissions"]:
            self.ec2.authorize_security_group_ingress(**self.rule)

    def _matcher(self, number: int) -> None:
        path = ("/", "/nowhere")[number % 2]
        self.elbv2.modify_target_group(
            TargetGroupArn=self.target_group, HealthCheckPath=path, HealthCheckPort=str(PORT)
        )

    def _capacity(self, number: int) -> None:
        self.autoscaling.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=number % 5)

    def _count(self, number: int) -> None:
        self.ecs.update_service(cluster=self.name, service=self.name, desiredCount=number % 5)

    def _deploy(self, number: int) -> None:
        self.ecs.update_service(cluster=self.name, service=self.name, forceNewDeployment=True)
