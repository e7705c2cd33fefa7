"""A cluster with instances and a load balancer, for tests that run services in it."""

import base64
from collections import Counter
from typing import Any

from tests.local.timing import advance, events

IMAGE = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"


class Site:
    """A cluster `c` of t2.micro in two zones, and a family `f` whose container uses host port 8001."""

    def __init__(
        self, account: Any, instances: int = 2, *, max_size: int = 4, balanced: bool = False, **group: Any
    ) -> None:
        self.account = account
        names = ("ec2", "ecs", "elbv2", "autoscaling")
        self.ec2, self.ecs, self.elbv2, self.autoscaling = (account.client(name) for name in names)
        self.vpc, self.subnets, self.security_group = account.network()
        everything = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": self.security_group}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.security_group, IpPermissions=[everything])
        self.ecs.create_cluster(clusterName="c")
        self._create_group(instances, max_size, group)
        self.target_group = self._create_load_balancer() if balanced else ""
        self.register()
        self.container_instances()

    def _create_group(self, instances: int, max_size: int, settings: dict[str, Any]) -> None:
        user_data = base64.b64encode(b"#!/bin/bash\necho ECS_CLUSTER=c >> /etc/ecs/ecs.config\n").decode()
        interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": [self.security_group]}
        data = {
            "ImageId": IMAGE,
            "InstanceType": "t2.micro",
            "UserData": user_data,
            "IamInstanceProfile": self.account.host_role(),
            "NetworkInterfaces": [interface],
        }
        self.ec2.create_launch_template(LaunchTemplateName="host", LaunchTemplateData=data)
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName="g",
            LaunchTemplate={"LaunchTemplateName": "host", "Version": "$Latest"},
            MinSize=0,
            MaxSize=max_size,
            DesiredCapacity=instances,
            VPCZoneIdentifier=",".join(self.subnets),
            **settings,
        )

    def _create_load_balancer(self) -> str:
        """Create a load balancer that forwards to a target group; return the ARN of the group."""
        load_balancer = self.elbv2.create_load_balancer(
            Name="alb", Subnets=self.subnets, SecurityGroups=[self.security_group]
        )["LoadBalancers"][0]["LoadBalancerArn"]
        target_group: str = self.elbv2.create_target_group(Name="tg", Protocol="HTTP", Port=80, VpcId=self.vpc)[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        self.elbv2.create_listener(
            LoadBalancerArn=load_balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )
        self.elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[load_balancer])
        return target_group

    # --- task definitions and services

    def register(self, *, memory: int = 256, port: int = 8001, **settings: Any) -> str:
        """Register a revision of `f`; settings in capital letters go into its environment."""
        environment = [{"name": name, "value": value} for name, value in settings.items() if name.isupper()]
        container = {
            "name": "c",
            "image": settings.get("image", "nginx"),
            "memory": memory,
            "portMappings": [{"containerPort": 80, "hostPort": port}],
            "environment": environment,
        }
        registered = self.ecs.register_task_definition(family="f", containerDefinitions=[container])
        arn: str = registered["taskDefinition"]["taskDefinitionArn"]
        return arn

    def run_task(self, **settings: Any) -> dict[str, Any]:
        response: dict[str, Any] = self.ecs.run_task(cluster="c", taskDefinition="f", **settings)
        return response

    def create_service(self, desired: int = 2, *, min_healthy: int = 50, maximum: int = 200, **settings: Any) -> None:
        """Create the service `s`."""
        if self.target_group:
            settings["loadBalancers"] = [
                {"targetGroupArn": self.target_group, "containerName": "c", "containerPort": 80}
            ]
        breaker = settings.pop("breaker", {})
        deployment = {"minimumHealthyPercent": min_healthy, "maximumPercent": maximum, **breaker}
        params = {"taskDefinition": "f", "desiredCount": desired, "deploymentConfiguration": deployment, **settings}
        if params.get("schedulingStrategy") == "DAEMON":
            del params["desiredCount"], deployment["maximumPercent"]
        self.ecs.create_service(cluster="c", serviceName="s", **params)

    def update_service(self, **settings: Any) -> None:
        self.ecs.update_service(cluster="c", service="s", **settings)

    def scale_group(self, capacity: int) -> None:
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=capacity)

    def wait_until_stable(self) -> None:
        self.ecs.get_waiter("services_stable").wait(
            cluster="c", services=["s"], WaiterConfig={"Delay": 0, "MaxAttempts": 3}
        )

    def service(self) -> dict[str, Any]:
        service: dict[str, Any] = self.ecs.describe_services(cluster="c", services=["s"])["services"][0]
        return service

    def counts(self) -> tuple[int, int, int]:
        """Return the desired, running and pending count."""
        service = self.service()
        return service["desiredCount"], service["runningCount"], service["pendingCount"]

    def messages(self) -> list[str]:
        """Return the messages of the service's events, the newest first."""
        return [event["message"] for event in self.service()["events"]]

    def count_messages(self, text: str) -> int:
        """Return the number of service events that contain a text."""
        return sum(text in message for message in self.messages())

    # --- tasks and instances

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        """Return the tasks of the service; those in transition finish it first."""
        arns = self.ecs.list_tasks(cluster="c", serviceName="s", desiredStatus=status)["taskArns"]
        return self.describe_tasks(arns)

    def describe_tasks(self, arns: list[str]) -> list[dict[str, Any]]:
        return list(self.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"]) if arns else []

    def container_instances(self) -> list[dict[str, Any]]:
        arns = self.ecs.list_container_instances(cluster="c")["containerInstanceArns"]
        if not arns:
            return []
        described = self.ecs.describe_container_instances(cluster="c", containerInstances=arns)
        return list(described["containerInstances"])

    def instance_of(self, task: dict[str, Any]) -> str:
        """Return the id of the EC2 instance of a task."""
        arn = task["containerInstanceArn"]
        (instance,) = (each for each in self.container_instances() if each["containerInstanceArn"] == arn)
        return str(instance["ec2InstanceId"])

    def tasks_per_zone(self) -> list[int]:
        """Return the number of tasks in each zone that has one, in ascending order."""
        zones = {
            instance["containerInstanceArn"]: next(
                attribute["value"]
                for attribute in instance["attributes"]
                if attribute["name"] == "ecs.availability-zone"
            )
            for instance in self.container_instances()
        }
        return sorted(Counter(zones[task["containerInstanceArn"]] for task in self.tasks()).values())

    def target_states(self) -> list[str]:
        described = self.elbv2.describe_target_health(TargetGroupArn=self.target_group)["TargetHealthDescriptions"]
        return sorted(target["TargetHealth"]["State"] for target in described)

    # --- time

    def advance(self, by: str) -> None:
        advance(self.account, by)

    def event_log(self, subject: str = "s") -> list[str]:
        """Return the events of the local AWS about a subject."""
        return [event["what"] for event in events(self.account) if event["subject"] == subject]
