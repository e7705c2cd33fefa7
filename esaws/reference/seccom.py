"""SecCom, the example system: as its team ran it in 2022, in two profiles; on Fargate; and the team's first drawing.

The flaws of the team's builds are intended: learners find and fix them in the course. The build on Fargate is not the
team's, and has none of them.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.reference.account_defaults import INSTANCE_TYPES, ZONES, default_instance_type, default_zones
from esaws.resource import AddressOf, Resource
from esaws.resources.alarm import Alarm
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.broker import Broker
from esaws.resources.bucket import Bucket
from esaws.resources.budget import Budget
from esaws.resources.cache_cluster import CacheCluster
from esaws.resources.cache_subnet_group import CacheSubnetGroup
from esaws.resources.cluster import Cluster
from esaws.resources.dashboard import Dashboard
from esaws.resources.db_instance import DBInstance
from esaws.resources.db_subnet_group import DBSubnetGroup
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.group_scaling_policy import GroupScalingPolicy
from esaws.resources.instance_profile import InstanceProfile
from esaws.resources.internet_gateway import InternetGateway
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.listener import Listener
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.log_group import LogGroup
from esaws.resources.password_parameter import PasswordParameter
from esaws.resources.role import Role
from esaws.resources.route import Route
from esaws.resources.route_table import RouteTable
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.scalable_target import ScalableTarget
from esaws.resources.scaling_policy import ScalingPolicy
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet
from esaws.resources.target_group import TargetGroup
from esaws.resources.target_registration import TargetRegistration
from esaws.resources.task import Task
from esaws.resources.task_definition import TaskDefinition
from esaws.resources.user_pool import UserPool
from esaws.resources.user_pool_client import UserPoolClient
from esaws.resources.vpc import VPC

Profile = Literal["ha", "budget", "fargate"]
PROFILES: tuple[Profile, ...] = ("ha", "budget", "fargate")

IMAGE_SOURCES = ("public", "ecr")
PUBLIC_IMAGE = "public.ecr.aws/nginx/nginx:stable-alpine"

DATABASE_PASSWORD = PasswordParameter(name="database-password")

ANYWHERE = "0.0.0.0/0"
SSH = 22


@dataclass(frozen=True)
class Microservice:
    """A service as in the team's documents. `path` is its URL prefix if a rule of the load balancer forwards to it."""

    name: str
    group: str
    host_port: int | None = None
    container_port: int | None = None
    target_group: str | None = None
    path: str = ""
    priority: int | None = None
    zone: str = "a"
    """The zone of its instance in `budget`, as the team had it: the first, `a`, or the second, `b`."""
    drawn_in: str = "public-3a"
    """Its subnet in the first drawing."""


SERVICES: dict[str, Microservice] = {
    service.name: service
    for service in (
        Microservice("client-web-ui", "ClientWeb-sg", 4201, 80, "client-web-ui-tg"),
        Microservice("manager-web-ui", "ManagerWeb-sg", 4202, 80),
        Microservice(
            "intrusion-management-api",
            "IntrusionManagementAPI-sg",
            8001,
            8000,
            "intrusion-api-tg",
            "/intrusion-management-api",
            priority=2,
            drawn_in="private-intrusion-api-3a",
        ),
        Microservice(
            "sites-management-api",
            "SitesManagementAPI-sg",
            8002,
            8000,
            "sites-management-api-tg",
            "/sites-management-api",
            priority=1,
            zone="b",
            drawn_in="private-sites-api-3a",
        ),
        Microservice("cameras-api", "CamerasAPI-sg", 8003, 8000, drawn_in="private-cameras-api-3a"),
        Microservice("hdm", "HumanDetectionModule-sg", drawn_in="private-hdm-3a"),
    )
}
DEFAULT_SERVICE = "client-web-ui"
"""The service that the listener forwards to if no rule matches."""

# (group, ports, peer): a peer that is not an address range is another group.
INBOUND: tuple[tuple[str, tuple[int, ...], str], ...] = (
    ("ALB-sg", (80,), ANYWHERE),
    ("ClientWeb-sg", (SSH,), ANYWHERE),
    ("ClientWeb-sg", (4201,), "ALB-sg"),
    ("ManagerWeb-sg", (SSH, 4202), ANYWHERE),
    ("IntrusionManagementAPI-sg", (SSH, 5671), ANYWHERE),
    ("IntrusionManagementAPI-sg", (8001,), "ALB-sg"),
    ("SitesManagementAPI-sg", (SSH,), ANYWHERE),
    ("SitesManagementAPI-sg", (80,), "CamerasAPI-sg"),
    ("SitesManagementAPI-sg", (80,), "HumanDetectionModule-sg"),
    ("SitesManagementAPI-sg", (8002,), "ALB-sg"),
    ("CamerasAPI-sg", (SSH, 8003), ANYWHERE),
    ("HumanDetectionModule-sg", (80, SSH), ANYWHERE),
    ("rds-ec2-1", (5432,), "ec2-rds-1"),
    ("Redis-sg", (5671, SSH, 6379), ANYWHERE),
)

FARGATE_INBOUND: tuple[tuple[str, tuple[int, ...], str], ...] = (
    ("ALB-sg", (80,), ANYWHERE),
    ("ClientWeb-sg", (80,), "ALB-sg"),
    ("ManagerWeb-sg", (80,), ANYWHERE),
    ("IntrusionManagementAPI-sg", (8000,), "ALB-sg"),
    ("SitesManagementAPI-sg", (8000,), "ALB-sg"),
    ("SitesManagementAPI-sg", (8000,), "CamerasAPI-sg"),
    ("SitesManagementAPI-sg", (8000,), "HumanDetectionModule-sg"),
    ("CamerasAPI-sg", (8000,), "IntrusionManagementAPI-sg"),
    ("Database-sg", (5432,), "SitesManagementAPI-sg"),
    ("Redis-sg", (6379,), "HumanDetectionModule-sg"),
    ("Redis-sg", (6379,), "IntrusionManagementAPI-sg"),
)
"""As `INBOUND`, for tasks with security groups and ports of their own: no instance, no SSH, no host ports.

The broker is public and takes no security group, so its clients need no rule.
"""

FARGATE_CPU, FARGATE_MEMORY = 256, 512
"""The smallest task: a quarter of a vCPU, and half a gigabyte."""

GROUP_DESCRIPTIONS = {
    "ALB-sg": "Web traffic from the internet",
    "ClientWeb-sg": "Web UI of the owners",
    "ManagerWeb-sg": "Web UI of the managers",
    "IntrusionManagementAPI-sg": "Intrusion Management API",
    "SitesManagementAPI-sg": "Sites Management API",
    "CamerasAPI-sg": "Cameras API",
    "HumanDetectionModule-sg": "Human Detection Module",
    "ec2-rds-1": "The instance that may reach the database",
    "rds-ec2-1": "The database, reached from its instance",
    "Redis-sg": "Redis",
}
FARGATE_GROUP_DESCRIPTIONS = {"Database-sg": "The database"} | {
    name: description for name, description in GROUP_DESCRIPTIONS.items() if name not in ("ec2-rds-1", "rds-ec2-1")
}


def seccom(
    profile: str,
    *,
    services: Collection[str] = tuple(SERVICES),
    instance_type: str | None = None,
    zones: Collection[str] | None = None,
    images: str = "public",
    warn_at_usd: float | None = None,
    warn_email: str | None = None,
) -> Architecture:
    """Return the architecture of a profile: `ha` has two of everything over two zones, `budget` one of each.

    `fargate` runs one task of each service on Fargate, without instances, in either of the two zones that the load
    balancer needs. Two of each would cost twice as much, and ECS replaces a lost task in the other zone by itself. Each
    task has a public address, since a NAT gateway would cost more than all of them.

    A plan takes instance type and zones from the account unless they are named: `t3.micro` where the free tier covers
    that, and the first two zones that have it. Without an account they are those of the team: t2.micro, in a and b.

    Args:
        services: the services to include, each with its cluster, security group and data stores.
        instance_type: the type of the clusters' instances, such as `t3.micro`; `fargate` has none.
        zones: the letters of two zones, such as `("a", "c")`; the subnets keep their names.
        images: `public` (an nginx that answers like the service) or `ecr` (the images pushed to the repositories, whose
            containers get the addresses of their stores).
        warn_at_usd: adds a monthly budget, and an alarm for each target group. The team had neither.
        warn_email: receives an e-mail when the budget is spent or forecast to be.

    Raises:
        UsageError: an unknown profile, service or image source, services that need another one, an instance type for
            `fargate`, or not two zones.
    """
    if profile not in PROFILES:
        raise UsageError(f"no profile {profile!r}; the profiles are: {', '.join(PROFILES)}")
    if profile == "fargate" and instance_type:
        raise UsageError(f"profile fargate has no instances of type {instance_type}; leave the instance type out")
    if images not in IMAGE_SOURCES:
        raise UsageError(f"no image source {images!r}; the sources are: {', '.join(IMAGE_SOURCES)}")
    if zones is not None and (len(set(zones)) != 2 or not all(re.fullmatch("[a-z]", zone) for zone in zones)):
        raise UsageError(f"zones {', '.join(zones)}: name two different ones by their letters, such as a and c")
    selected = _select(services)
    kind_of_build = _FargateBuilder if profile == "fargate" else _Builder
    build = kind_of_build(
        selected, instance_type=instance_type or INSTANCE_TYPES[0], zones=tuple(zones or ZONES), images=images
    )
    resources = build.shared()
    for service in selected:
        resources += build.budget_service(service) if profile == "budget" else build.ecs_service(service)
    if warn_at_usd is not None:
        resources += build.warnings(warn_at_usd, warn_email)
    elif warn_email is not None:
        raise UsageError(f"warn_email {warn_email} needs warn_at_usd: add the monthly limit in USD")

    def fit(cloud: Cloud) -> Architecture:
        chosen = None if profile == "fargate" else instance_type or default_instance_type(cloud)
        return seccom(
            profile,
            services=services,
            instance_type=chosen,
            zones=zones or default_zones(cloud, chosen),
            images=images,
            warn_at_usd=warn_at_usd,
            warn_email=warn_email,
        )

    is_fixed = zones and (instance_type or profile == "fargate")
    return Architecture(profile, resources, fit=None if is_fixed else fit)


def _select(names: Collection[str]) -> list[Microservice]:
    if unknown := sorted(set(names) - set(SERVICES)):
        raise UsageError(f"no service {', '.join(unknown)}; the services are: {', '.join(SERVICES)}")
    selected = [service for service in SERVICES.values() if service.name in names]
    if not selected:
        raise UsageError(f"no service was named; the services are: {', '.join(SERVICES)}")
    balanced = [service.name for service in selected if service.target_group]
    if balanced and DEFAULT_SERVICE not in balanced:
        raise UsageError(
            f"{balanced[0]} is behind the load balancer, whose default is {DEFAULT_SERVICE}: add that service"
        )
    return selected


class _Builder:
    """Builds the resources of an architecture on instances. Shared resources are created once."""

    inbound = INBOUND
    group_descriptions = GROUP_DESCRIPTIONS
    database_group = "rds-ec2-1"
    database_groups = frozenset({"ec2-rds-1", "rds-ec2-1"})

    def __init__(
        self, services: list[Microservice], *, instance_type: str, zones: tuple[str, ...], images: str
    ) -> None:
        self.services = services
        self.names = {service.name for service in services}
        self.instance_type = instance_type
        self.images = images
        self.vpc = VPC(name="vpc", cidr="172.31.0.0/16")
        self.gateway = InternetGateway(name="igw", vpc=self.vpc)
        self.subnets = {
            place: Subnet(name=f"public-3{place}", vpc=self.vpc, cidr=cidr, zone=zone, public_addresses=True)
            for place, zone, cidr in zip(ZONES, zones, ("172.31.0.0/20", "172.31.16.0/20"), strict=True)
        }
        self.both_subnets = tuple(self.subnets.values())
        table = RouteTable(name="public", vpc=self.vpc)
        self.routing = (
            Route(table=table, gateway=self.gateway),
            *(RouteTableAssociation(table=table, subnet=subnet) for subnet in self.both_subnets),
        )
        self.groups = self._groups()
        self.clips = Bucket(name="clips")
        self.profile = _instance_profile()
        self.clusters = {service.name: Cluster(name=f"{service.name}-cluster") for service in services}
        self.target_groups = {
            service.name: self._target_group(service.target_group, service.path)
            for service in services
            if service.target_group
        }
        self.load_balancer: LoadBalancer | None = None
        self.forwarding: dict[str, Listener | ListenerRule] = {}
        if self.target_groups:
            self._add_load_balancer()

    def _target_group(self, name: str, path: str) -> TargetGroup:
        return TargetGroup(name=name, vpc=self.vpc, health_path=f"{path}/")

    def _groups(self) -> dict[str, SecurityGroup]:
        used = {service.group for service in self.services}
        if any(service.target_group for service in self.services):
            used.add("ALB-sg")
        if "sites-management-api" in self.names:
            used |= self.database_groups
        if "hdm" in self.names:
            used.add("Redis-sg")
        return {
            name: SecurityGroup(
                name=name, vpc=self.vpc, description=description, all_outbound=name not in ("ec2-rds-1", "rds-ec2-1")
            )
            for name, description in self.group_descriptions.items()
            if name in used
        }

    def _add_load_balancer(self) -> None:
        self.load_balancer = LoadBalancer(
            name="alb", subnets=self.both_subnets, security_groups=(self.groups["ALB-sg"],), after=(self.gateway,)
        )
        listener = Listener(load_balancer=self.load_balancer, default=self.target_groups[DEFAULT_SERVICE])
        self.forwarding[DEFAULT_SERVICE] = listener
        for service in self.services:
            if service.priority is not None:
                self.forwarding[service.name] = ListenerRule(
                    listener=listener,
                    priority=service.priority,
                    paths=(f"{service.path}*",),
                    target_group=self.target_groups[service.name],
                )

    # -- resources of all profiles -------------------------------------------------------------------------------

    def shared(self) -> list[Resource]:
        """Return network, security groups, load balancer, data stores and sign-in."""
        resources: list[Resource] = [*self.routing, *self.groups.values(), *self._rules(), *self.forwarding.values()]
        if "sites-management-api" in self.names:
            resources.append(self.database)
        if "hdm" in self.names:
            resources.append(self.cache)
        if self.names & {"hdm", "intrusion-management-api"}:
            resources.append(Broker(name="broker", password=PasswordParameter(name="broker-password")))
        if "intrusion-management-api" in self.names:
            resources.append(self.clips)
        for user, pool in (("manager-web-ui", "Managers"), ("client-web-ui", "Owners")):
            if user in self.names:
                resources.append(UserPoolClient(name=user, pool=UserPool(name=pool)))
        if self.load_balancer:
            resources.append(
                Dashboard(
                    name="overview",
                    load_balancer=self.load_balancer,
                    target_groups=tuple(self.target_groups.values()),
                    clusters=tuple(self.clusters.values()),
                )
            )
        return resources

    def _rules(self) -> list[SecurityGroupRule]:
        rules = [
            SecurityGroupRule(group=self.groups[group], from_port=port, to_port=port, peer=self.groups.get(peer, peer))
            for group, ports, peer in self.inbound
            for port in ports
            if group in self.groups and (peer == ANYWHERE or peer in self.groups)
        ]
        if "ec2-rds-1" in self.groups:
            outbound, database = self.groups["ec2-rds-1"], self.groups["rds-ec2-1"]
            rules.append(
                SecurityGroupRule(group=outbound, direction="egress", from_port=5432, to_port=5432, peer=database)
            )
        return rules

    @cached_property
    def database(self) -> DBInstance:
        """The database of the sites API."""
        return DBInstance(
            name="database",
            subnet_group=DBSubnetGroup(
                name="database", description="Where the database stands", subnets=self.both_subnets
            ),
            security_groups=(self.groups[self.database_group],),
            password=DATABASE_PASSWORD,
            username="seccom",
            database="sites",
        )

    @cached_property
    def cache(self) -> CacheCluster:
        """The Redis of the HDM."""
        return CacheCluster(
            name="redis",
            subnet_group=CacheSubnetGroup(name="redis", description="Where Redis stands", subnets=self.both_subnets),
            security_groups=(self.groups["Redis-sg"],),
        )

    # -- one service ---------------------------------------------------------------------------------------------

    def ecs_service(self, service: Microservice) -> list[Resource]:
        """Return a service as in `ha`: two instances and two tasks over both zones, each scaled from two to four."""
        group = self._instances(service, self.both_subnets, minimum=2, maximum=4)
        target_group = self.target_groups.get(service.name)
        ecs_service = Service(
            name=service.name,
            cluster=self.clusters[service.name],
            task_definition=self.task_definition(service),
            target_group=target_group,
            container_port=service.container_port if target_group else None,
            # ECS rejects a target group that no load balancer forwards to.
            after=(group, *([self.forwarding[service.name]] if target_group else [])),
        )
        return [
            GroupScalingPolicy(group=group),
            ScalingPolicy(target=ScalableTarget(service=ecs_service, minimum=2, maximum=4)),
        ]

    def budget_service(self, service: Microservice) -> list[Resource]:
        """Return a service as in `budget`: one instance in one zone, and one task, registered in its target group."""
        group = self._instances(service, (self.subnets[service.zone],), minimum=1, maximum=1)
        resources: list[Resource] = [
            Task(
                name=service.name,
                cluster=self.clusters[service.name],
                task_definition=self.task_definition(service),
                after=(group,),
            )
        ]
        if service.name in self.target_groups and service.host_port:
            target_group = self.target_groups[service.name]
            resources.append(TargetRegistration(target_group=target_group, group=group, port=service.host_port))
        return resources

    def _instances(
        self, service: Microservice, subnets: tuple[Subnet, ...], *, minimum: int, maximum: int
    ) -> AutoScalingGroup:
        groups = [self.groups[service.group]]
        if service.name == "sites-management-api":
            groups.append(self.groups["ec2-rds-1"])
        template = LaunchTemplate(
            name=service.name,
            cluster=self.clusters[service.name],
            instance_type=self.instance_type,
            security_groups=tuple(groups),
            instance_profile=self.profile,
        )
        return AutoScalingGroup(
            name=f"{service.name}-asg",
            template=template,
            subnets=subnets,
            minimum=minimum,
            maximum=maximum,
            desired_capacity=minimum,
            after=self.routing,  # without internet access, the ECS agent can't register with the cluster
        )

    def task_definition(self, service: Microservice) -> TaskDefinition:
        """Return the task definition of a service, with the pushed image or a public nginx that answers like it."""
        image = ECRImage(repository=ECRRepository(name=service.name))
        public = self.images == "public"
        prefix = (("ALB_PREFIX", service.path),) if service.path else ()
        return TaskDefinition(
            name=service.name,
            image=PUBLIC_IMAGE if public else image,
            command=_nginx_command(service) if public else (),
            container_port=service.container_port,
            host_port=service.host_port,
            environment=(*prefix, *(() if public else self._stores(service))),
            log_group=LogGroup(name=service.name),
            after=(image,),
            **({} if public else self._roles(service)),
        )

    def _stores(self, service: Microservice) -> tuple[tuple[str, Bucket | AddressOf], ...]:
        """Return the variables with which the image of a service finds its stores and the load balancer."""
        variables: list[tuple[str, Bucket | AddressOf]] = []
        if service.name == "sites-management-api":
            variables.append(("DATABASE_URL", AddressOf(self.database, "postgresql://seccom@{}:5432/sites")))
        if service.name == "intrusion-management-api":
            variables.append(("CLIPS_BUCKET", self.clips))
            if "hdm" in self.names:
                variables.append(("CACHE_URL", AddressOf(self.cache, "redis://{}:6379")))
        if service.name in ("manager-web-ui", "hdm") and self.load_balancer:
            variables.append(("API_URL", AddressOf(self.load_balancer, "http://{}")))
        return tuple(variables)

    def _roles(self, service: Microservice) -> dict[str, Any]:
        """Return the secret of the sites API with the role that reads it, and the role of the API that keeps clips."""
        tasks = "ecs-tasks.amazonaws.com"
        if service.name == "sites-management-api":
            policies = ("AmazonSSMReadOnlyAccess", "service-role/AmazonECSTaskExecutionRolePolicy")
            role = Role(name="ecs-execution", service=tasks, managed_policies=policies)
            return {"secrets": (("DATABASE_PASSWORD", DATABASE_PASSWORD),), "execution_role": role}
        if service.name == "intrusion-management-api":
            return {"task_role": Role(name="clips", service=tasks, managed_policies=("AmazonS3FullAccess",))}
        return {}

    def warnings(self, limit_usd: float, email: str | None) -> list[Resource]:
        """Return a monthly budget, and an alarm for each target group."""
        resources: list[Resource] = [Budget(name="monthly", limit_usd=limit_usd, email=email)]
        if self.load_balancer:
            for group in self.target_groups.values():
                resources.append(
                    Alarm(name=f"{group.name}-unhealthy", load_balancer=self.load_balancer, target_group=group)
                )
        return resources


class _FargateBuilder(_Builder):
    """Builds the resources of an architecture on Fargate."""

    inbound = FARGATE_INBOUND
    group_descriptions = FARGATE_GROUP_DESCRIPTIONS
    database_group = "Database-sg"
    database_groups = frozenset({"Database-sg"})

    def _target_group(self, name: str, path: str) -> TargetGroup:
        # AWS can't change the type of a target group, so that a build on Fargate that replaces another needs its own.
        target_group = super()._target_group(f"{name.removesuffix('-tg')}-ip", path)
        return target_group.replace(target_type="ip")

    def ecs_service(self, service: Microservice) -> list[Resource]:
        """Return a service with one task on Fargate, in one of both zones."""
        target_group = self.target_groups.get(service.name)
        return [
            Service(
                name=service.name,
                cluster=self.clusters[service.name],
                task_definition=self.task_definition(service),
                desired_count=1,
                launch_type="FARGATE",
                subnets=self.both_subnets,
                security_groups=(self.groups[service.group],),
                public_address=True,  # without a NAT gateway, a task reaches the registry and the logs in no other way
                target_group=target_group,
                container_port=service.container_port if target_group else None,
                spread_over=(),
                after=(*self.routing, *([self.forwarding[service.name]] if target_group else [])),
            )
        ]

    def task_definition(self, service: Microservice) -> TaskDefinition:
        """Return the task definition of a service for Fargate, with a role that pulls its image and writes its logs."""
        definition = super().task_definition(service)
        policies = ("service-role/AmazonECSTaskExecutionRolePolicy",)
        role = Role(name="fargate-execution", service="ecs-tasks.amazonaws.com", managed_policies=policies)
        return definition.replace(
            launch_type="FARGATE",
            network_mode="awsvpc",
            host_port=None,
            cpu=FARGATE_CPU,
            memory=FARGATE_MEMORY,
            execution_role=definition.execution_role or role,
        )


def _instance_profile() -> InstanceProfile:
    """Return the profile of all instances, whose role lets the ECS agent register them."""
    policy = "service-role/AmazonEC2ContainerServiceforEC2Role"
    return InstanceProfile(name="ecs-instance", role=Role(name="ecs-instance", managed_policies=(policy,)))


def _nginx_command(service: Microservice) -> tuple[str, ...]:
    """Return an nginx command that answers 200 on the URL prefix of a service and below, and 404 elsewhere.

    The command of a worker, which has no port, only sleeps.
    """
    if service.container_port is None:
        return ("sh", "-c", "while true; do sleep 3600; done")
    prefix = f"location {service.path}/ {{ default_type text/plain; return 200 {service.name}; }}"
    elsewhere = "location / { return 404; }" if service.path else ""
    server = f"server {{ listen {service.container_port}; {prefix} {elsewhere} }}"
    return ("sh", "-c", f"echo '{server}' > /etc/nginx/conf.d/default.conf && exec nginx -g 'daemon off;'")


def seccom_as_drawn() -> Architecture:
    """Return the team's first drawing: one zone, the web UIs in a public subnet, each API in its own private one.

    It was never deployed: a load balancer needs two zones, and instances in these private subnets could not reach ECR.
    """
    vpc = VPC(name="vpc", cidr="172.31.0.0/16")
    gateway = InternetGateway(name="igw", vpc=vpc)
    subnet_names = dict.fromkeys(service.drawn_in for service in SERVICES.values())
    subnets = {
        name: Subnet(
            name=name, vpc=vpc, cidr=f"172.31.{16 * number}.0/20", zone="a", public_addresses=name == "public-3a"
        )
        for number, name in enumerate(subnet_names)
    }
    public = subnets["public-3a"]
    table = RouteTable(name="public", vpc=vpc)
    group = SecurityGroup(name="ALB-sg", vpc=vpc, description=GROUP_DESCRIPTIONS["ALB-sg"])
    balancer = LoadBalancer(name="alb", subnets=(public,), security_groups=(group,), after=(gateway,))
    drawn_paths = {name: service.path for name, service in SERVICES.items() if service.path}
    drawn_paths["cameras-api"] = "/cameras-api"
    target_groups = {
        name: TargetGroup(name=f"{name.removesuffix('-management-api')}-tg", vpc=vpc, health_path=f"{path}/")
        for name, path in {DEFAULT_SERVICE: "", **drawn_paths}.items()
    }
    listener = Listener(load_balancer=balancer, default=target_groups[DEFAULT_SERVICE])
    profile = _instance_profile()
    resources: list[Resource] = [
        Route(table=table, gateway=gateway),
        RouteTableAssociation(table=table, subnet=public),
        *(
            ListenerRule(listener=listener, priority=number, paths=(f"{path}*",), target_group=target_groups[name])
            for number, (name, path) in enumerate(drawn_paths.items(), start=1)
        ),
        DBInstance(
            name="database",
            subnet_group=DBSubnetGroup(
                name="database", description="Where the database stands", subnets=(subnets["private-sites-api-3a"],)
            ),
            security_groups=(),
            password=PasswordParameter(name="database-password"),
            engine="aurora-postgresql",
        ),
        CacheCluster(
            name="redis",
            subnet_group=CacheSubnetGroup(
                name="redis", description="Where Redis stands", subnets=(subnets["private-hdm-3a"],)
            ),
            security_groups=(),
        ),
        Broker(name="broker", password=PasswordParameter(name="broker-password")),
        Bucket(name="clips"),
        UserPool(name="Managers"),
        UserPool(name="Owners"),
    ]
    for service in SERVICES.values():
        cluster = Cluster(name=f"{service.name}-cluster")
        template = LaunchTemplate(name=service.name, cluster=cluster, security_groups=(), instance_profile=profile)
        instances = AutoScalingGroup(
            name=f"{service.name}-asg",
            template=template,
            subnets=(subnets[service.drawn_in],),
            minimum=1,
            maximum=1,
            desired_capacity=1,
        )
        task = TaskDefinition(
            name=service.name,
            image=ECRImage(repository=ECRRepository(name=service.name)),
            container_port=service.container_port,
            host_port=service.host_port,
            log_group=LogGroup(name=service.name),
        )
        resources.append(Task(name=service.name, cluster=cluster, task_definition=task, after=(instances,)))
        if service.name in target_groups and service.host_port:
            resources.append(
                TargetRegistration(target_group=target_groups[service.name], group=instances, port=service.host_port)
            )
    return Architecture("as-drawn", resources)
