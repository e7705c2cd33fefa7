"""The service that chapter 20 asks for: two right ways to build it, and one with faults."""

from __future__ import annotations

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Values
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.instance_profile import InstanceProfile
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.log_group import LogGroup
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet
from esaws.resources.target_group import TargetGroup
from esaws.resources.task_definition import TaskDefinition
from esaws.resources.vpc import VPC

SERVICE = "thumbnails"


def start() -> Architecture:
    """Return two of the six services, with their database."""
    return seccom("ha", services=("client-web-ui", "sites-management-api"))


def own_ports(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha", services=("client-web-ui", "sites-management-api"))
    vpc, alb, listener = ha.get(VPC, "vpc"), ha.get(SecurityGroup, "ALB-sg"), ha.get(Listener, "alb 80")
    group = SecurityGroup(name="Thumbnails-sg", vpc=vpc, description="Thumbnails")
    door = SecurityGroupRule(group=group, from_port=8004, to_port=8004, peer=alb)
    targets = TargetGroup(name="thumbnails-tg", vpc=vpc, health_path=f"{mine.path}/")
    paths = (mine.path, f"{mine.path}/*")
    rule = ListenerRule(name="thumbnails", listener=listener, priority=50, paths=paths, target_group=targets)
    recipe = TaskDefinition(
        name="thumbnails",
        image=ECRImage(repository=ECRRepository(name="thumbnails")),
        container_port=mine.port,
        host_port=8004,
        environment=(("ALB_PREFIX", mine.path),),
        log_group=LogGroup(name="thumbnails", retention_days=7),
    )
    cluster = Cluster(name="thumbnails-cluster")
    template = LaunchTemplate(
        name="thumbnails",
        cluster=cluster,
        security_groups=(group,),
        instance_profile=ha.get(InstanceProfile, "ecs-instance"),
    )
    subnets = (ha.get(Subnet, "public-3a"), ha.get(Subnet, "public-3b"))
    instances = AutoScalingGroup(
        name="thumbnails-asg",
        template=template,
        subnets=subnets,
        minimum=2,
        maximum=2,
        desired_capacity=2,
    )
    service = Service(
        name="thumbnails",
        cluster=cluster,
        task_definition=recipe,
        target_group=targets,
        container_port=mine.port,
        after=(rule, instances),
    )
    plan_deploy([service, door, rule], cloud).apply()
    wait_until_serving(cloud)


def any_port(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha", services=("client-web-ui", "sites-management-api"))
    vpc = system.get(VPC, "vpc")
    group = SecurityGroup(name="Thumbnails-sg", vpc=vpc, description="Thumbnails")
    ephemeral = SecurityGroupRule(group=group, from_port=32768, to_port=65535, peer=system.get(SecurityGroup, "ALB-sg"))
    cluster = Cluster(name="thumbnails-cluster")
    old = system.get(AutoScalingGroup, "client-web-ui-asg")
    template = old.template.replace(name="thumbnails", cluster=cluster, security_groups=(group,))
    instances = old.replace(name="thumbnails-asg", template=template, maximum=2)
    targets = TargetGroup(name="thumbnails-tg", vpc=vpc, health_path=f"{mine.path}/", health_interval=10)
    rule = ListenerRule(
        name="thumbnails",
        listener=system.get(Listener, "alb 80"),
        priority=7,
        paths=(mine.path, f"{mine.path}/*"),
        target_group=targets,
    )
    recipe = system.get(TaskDefinition, "sites-management-api").replace(
        name="thumbnails",
        image=ECRImage(repository=ECRRepository(name="thumbnails")),
        command=(),
        container_port=mine.port,
        host_port=None,
        memory=400,
        environment=(("ALB_PREFIX", mine.path),),
        after=(),
    )
    service = Service(
        name="thumbnails",
        cluster=cluster,
        task_definition=recipe,
        target_group=targets,
        container_port=mine.port,
        minimum_healthy=100,
        after=(rule, instances),
    )
    plan_deploy([service, ephemeral], cloud).apply()
    wait_until_serving(cloud)


def build(
    cloud: Cloud,
    mine: Values,
    *,
    health_path: str | None = None,
    paths: tuple[str, ...] = (),
    peer: str | None = None,
    subnets: tuple[str, ...] = ("public-3a", "public-3b"),
    instances: int = 2,
    tasks: int = 2,
    instance_type: str = "t2.micro",
) -> None:
    """Deploy the service with a fault."""
    system = start()
    vpc = system.get(VPC, "vpc")
    group = SecurityGroup(name="Thumbnails-sg", vpc=vpc, description="Thumbnails")
    door = SecurityGroupRule(
        group=group, from_port=8004, to_port=8004, peer=peer or system.get(SecurityGroup, "ALB-sg")
    )
    targets = TargetGroup(name="thumbnails-tg", vpc=vpc, health_path=health_path or f"{mine.path}/")
    rule = ListenerRule(
        name=SERVICE,
        listener=system.get(Listener, "alb 80"),
        priority=50,
        paths=paths or (mine.path, f"{mine.path}/*"),
        target_group=targets,
    )
    recipe = TaskDefinition(
        name=SERVICE,
        image=ECRImage(repository=ECRRepository(name=SERVICE)),
        container_port=mine.port,
        host_port=8004,
        environment=(("ALB_PREFIX", mine.path),),
        log_group=LogGroup(name=SERVICE),
    )
    cluster = Cluster(name=f"{SERVICE}-cluster")
    template = LaunchTemplate(
        name=SERVICE,
        cluster=cluster,
        instance_type=instance_type,
        security_groups=(group,),
        instance_profile=system.get(InstanceProfile, "ecs-instance"),
    )
    fleet = AutoScalingGroup(
        name=f"{SERVICE}-asg",
        template=template,
        subnets=tuple(system.get(Subnet, name) for name in subnets),
        minimum=instances,
        maximum=instances,
        desired_capacity=instances,
    )
    service = Service(
        name=SERVICE,
        cluster=cluster,
        task_definition=recipe,
        desired_count=tasks,
        target_group=targets,
        container_port=mine.port,
        after=(rule, fleet),
    )
    plan_deploy([service, door, rule], cloud).apply()
    simulation.advance(cloud, "5m")


WAYS = (own_ports, any_port)
