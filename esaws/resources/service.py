"""An ECS service: keeps a number of tasks running, and registers them with a target group."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import (
    BOOLEAN,
    ID,
    ITSELF,
    OF_ESAWS,
    TAG,
    Always,
    Between,
    Call,
    Each,
    Field,
    Flag,
    Made,
    Name,
    OneOf,
    Parameter,
    Text,
    Unchecked,
    tags,
)
from esaws.errors import EsawsError
from esaws.pricelist import fargate_address, fargate_usages
from esaws.resource import Live, Lives, Ref, Resource, Usages
from esaws.resources._ecs import (
    ECS_NAME,
    NO_CLUSTER,
    describe,
    ecs_name,
    ecs_tags,
    list_in_cluster,
    retry_until_ecs_has_its_role,
)
from esaws.resources.capacity_provider import CapacityProvider
from esaws.resources.cluster import Cluster
from esaws.resources.listener import Listener
from esaws.resources.security_group import SecurityGroup
from esaws.resources.subnet import Subnet
from esaws.resources.target_group import TargetGroup
from esaws.resources.task_definition import TaskDefinition

_UPDATE_SERVICE_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html"
_CREATE_SERVICE_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"
_LOAD_BALANCER_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html"

_SPREAD = ("attribute:ecs.availability-zone", "instanceId")
_FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")


_DEPLOYMENT = "deploymentConfiguration"
_NETWORK = "networkConfiguration.awsvpcConfiguration"
_SETTINGS: dict[str, Parameter] = {
    "taskDefinition": Field("task_definition"),
    f"{_DEPLOYMENT}.minimumHealthyPercent": Field("minimum_healthy", Between(0, 100, "percent"), OF_ESAWS),
    f"{_DEPLOYMENT}.maximumPercent": Field("maximum", Between(100, unit="percent"), OF_ESAWS),
    f"{_DEPLOYMENT}.deploymentCircuitBreaker.enable": Field("circuit_breaker", BOOLEAN),
    f"{_DEPLOYMENT}.deploymentCircuitBreaker.rollback": Field("circuit_breaker", BOOLEAN),
    "placementStrategy[].type": Always("spread", OneOf("random", "spread", "binpack")),
    "placementStrategy[].field": Field(
        "spread_over", Each(Text(1, None, r"instanceId|host|attribute:\S+", "instanceId, host or attribute:NAME"), 0, 5)
    ),
    f"{_NETWORK}.subnets[]": Field("subnets", Each(ID, 0, 16)),
    f"{_NETWORK}.securityGroups[]": Field("security_groups", Each(ID, 0, 5)),
    # Its page says that the controller ECS requires DISABLED; the guide enables it for tasks on Fargate:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
    f"{_NETWORK}.assignPublicIp": Field("public_address", Flag("ENABLED", "DISABLED")),
    "loadBalancers[].targetGroupArn": Field("target_group"),
    "loadBalancers[].containerName": Field("task_definition", Unchecked("the name of its container")),
    "loadBalancers[].containerPort": Field("container_port", Unchecked("the container port of the task definition")),
    "healthCheckGracePeriodSeconds": Field(
        "grace_seconds",
        Between(0, 2_147_483_647, "seconds"),
        _UPDATE_SERVICE_PAGE,
    ),
    "propagateTags": Always("SERVICE", OneOf("TASK_DEFINITION", "SERVICE", "NONE")),
    "capacityProviderStrategy[].capacityProvider": Field("capacity_provider"),
    "capacityProviderStrategy[].weight": Always(1, Between(0, 1000)),
    "capacityProviderStrategy[].base": Always(0, Between(0, 100_000)),
}


@dataclass(frozen=True, kw_only=True)
class Service(Resource):
    """Keeps tasks running. During a deployment, `minimum_healthy` to `maximum` percent of them run.

    On instances (`EC2`), ECS spreads the tasks over `spread_over`. On `FARGATE` it needs no instances, takes no
    placement strategy, and spreads them over the zones of `subnets` by itself. AWS can't change the launch type.
    Tasks in the network mode `awsvpc` have an interface in one of `subnets`, with `security_groups`, by default the one
    of the VPC, and on Fargate with a `public_address`. Without that, and without a NAT gateway or endpoints, a task
    can't pull its image. They are registered in a target group of the target type `ip`.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html

    It starts with `desired_count` tasks, which a scaler may change later. ECS ignores the health checks of the target
    group for `grace_seconds` after a task has started. The `circuit_breaker` ends a deployment whose tasks fail, and
    starts the previous task definition again.
    """

    cluster: Cluster
    task_definition: TaskDefinition
    desired_count: int = 2
    target_group: TargetGroup | None = None
    container_port: int | None = None
    capacity_provider: CapacityProvider | None = None
    launch_type: Literal["EC2", "FARGATE"] = "EC2"
    subnets: tuple[Subnet, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    public_address: bool = False
    minimum_healthy: int = 50
    maximum: int = 200
    grace_seconds: int = 0
    circuit_breaker: bool = False
    spread_over: tuple[str, ...] = _SPREAD

    in_place = frozenset(
        {
            "task_definition",
            "target_group",
            "capacity_provider",
            "subnets",
            "security_groups",
            "public_address",
            "minimum_healthy",
            "maximum",
            "grace_seconds",
            "circuit_breaker",
            "spread_over",
        }
    )
    # A scaler changes the count. The port must be in the task definition, so it can't change alone.
    not_compared = frozenset({"container_port", "desired_count"})
    deleting = frozenset({"DRAINING"})
    seconds = 5
    icon = "aws.compute.ElasticContainerServiceService"
    free = "AWS charges for what its tasks run on: instances, or Fargate"
    permissions = (
        "ecs:CreateService",
        "ecs:DeleteService",
        "ecs:DescribeClusters",
        "ecs:DescribeServices",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:TagResource",
        "ecs:UpdateService",
        "iam:CreateServiceLinkedRole",
    )
    documented = (
        Call(
            _CREATE_SERVICE_PAGE,
            {
                "cluster": Field("cluster"),
                "serviceName": Name(ECS_NAME),
                "desiredCount": Field("desired_count", Between(0), OF_ESAWS),
                "launchType": Field("launch_type", OneOf("EC2", "FARGATE", besides="EXTERNAL and MANAGED_INSTANCES")),
                **_SETTINGS,
                **tags("tags", TAG, "key", "value"),
            },
        ),
        Call(
            _UPDATE_SERVICE_PAGE,
            {
                "cluster": Field("cluster"),
                "service": ITSELF,
                "forceNewDeployment": Made(Unchecked("true where the capacity provider changes")),
                **_SETTINGS,
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html",
            {"cluster": Field("cluster"), "service": ITSELF, "force": Always(True, BOOLEAN)},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minimum_healthy == self.maximum:
            raise self.refusal(
                f"no deployment is possible if minimum_healthy and maximum are both {self.maximum} %. Change one.",
                "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html",
            )
        if (self.target_group is None) != (self.container_port is None):
            raise self.refusal(
                "one of target_group and container_port is missing. Set both, or none.",
                _LOAD_BALANCER_PAGE,
            )
        if self.container_port is not None and self.container_port != self.task_definition.container_port:
            raise self.refusal(
                f"{self.task_definition} has no container port {self.container_port}. Set it there.",
                _LOAD_BALANCER_PAGE,
            )
        if self.grace_seconds and not self.target_group:
            raise self.refusal(f"grace_seconds {self.grace_seconds} need a target_group. Set it, or leave 0.")
        self._check_network()
        if self.launch_type == "FARGATE":
            self._check_for_fargate()

    def _check_network(self) -> None:
        definition, awsvpc = self.task_definition, self.task_definition.network_mode == "awsvpc"
        if awsvpc and not self.subnets:
            raise self.refusal(
                f"{definition} has the network mode awsvpc, whose tasks need an interface. Set subnets.",
                _CREATE_SERVICE_PAGE,
            )
        if not awsvpc and (self.subnets or self.security_groups or self.public_address):
            raise self.refusal(
                f"{definition} has the network mode {definition.network_mode}, whose tasks use the interface "
                "of their instance. Leave subnets, security_groups and public_address out.",
                _CREATE_SERVICE_PAGE,
            )
        if self.public_address and self.launch_type == "EC2":
            raise self.refusal(
                "only tasks on Fargate get a public_address. Leave it out.",
                "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html",
            )
        if self.target_group and self.target_group.target_type != (needed := "ip" if awsvpc else "instance"):
            raise self.refusal(
                f"tasks in the network mode {definition.network_mode} are targets of the type {needed}, and "
                f"{self.target_group} has {self.target_group.target_type}. Set target_type={needed!r} there.",
                _LOAD_BALANCER_PAGE,
            )

    def _check_for_fargate(self) -> None:
        if self.task_definition.launch_type != "FARGATE":
            raise self.refusal(
                f"{self.task_definition} is for EC2. Set launch_type='FARGATE' there, and a cpu.",
                "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html",
            )
        if self.capacity_provider:
            raise self.refusal(
                f"{self.capacity_provider} has instances, and Fargate has none. Leave it out.",
                _CREATE_SERVICE_PAGE,
            )
        if self.spread_over:
            raise self.refusal(
                "Fargate takes no placement strategy. Set spread_over=().",
                "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement.html",
            )

    def usage(self) -> Usages:
        if self.launch_type == "EC2" or not self.task_definition.cpu:
            return []
        addresses = [fargate_address(self.desired_count)] if self.public_address else []
        return [*fargate_usages(self.task_definition.cpu, self.task_definition.memory, self.desired_count), *addresses]

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        return [
            cls._live(cluster, ecs_name(cloud, raw), raw)
            for cluster in Cluster.listed(cloud)
            for raw in list_in_cluster(cloud, cluster.id, "list_services", "services")
            if raw["status"] != "INACTIVE"
        ]

    @classmethod
    def _live(cls, cluster: Live, name: str | None, raw: dict[str, Any]) -> Live:
        balancer: dict[str, Any] = next(iter(raw.get("loadBalancers", ())), {})
        provider = next((item["capacityProvider"] for item in raw.get("capacityProviderStrategy", ())), None)
        shares = raw.get("deploymentConfiguration", {})  # missing for other deployment controllers
        network = raw.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        observed = {
            "cluster": cluster.id,
            "task_definition": raw.get("taskDefinition"),
            "target_group": balancer.get("targetGroupArn"),
            "capacity_provider": provider,
            # A service with capacity providers has no launch type.
            "launch_type": raw.get("launchType") or ("FARGATE" if provider in _FARGATE_PROVIDERS else "EC2"),
            "subnets": frozenset(network.get("subnets", ())),
            "security_groups": frozenset(network.get("securityGroups", ())),
            "public_address": network.get("assignPublicIp") == "ENABLED",
            "minimum_healthy": shares.get("minimumHealthyPercent"),
            "maximum": shares.get("maximumPercent"),
            "grace_seconds": raw.get("healthCheckGracePeriodSeconds") or 0,
            "circuit_breaker": _breaks(shares.get("deploymentCircuitBreaker", {})),
            "spread_over": tuple(_placement(rule) for rule in raw.get("placementStrategy", ())),
        }
        parents = {"Cluster": "cluster", "TaskDefinition": "task_definition"}
        parents |= {"TargetGroup": "target_group", "CapacityProvider": "capacity_provider"}
        refs = frozenset(Ref(kind, observed[key]) for kind, key in parents.items() if observed[key])
        refs |= {Ref("Subnet", subnet) for subnet in observed["subnets"]}
        refs |= {Ref("SecurityGroup", group) for group in observed["security_groups"]}
        shown_name = name or raw["serviceName"]
        return Live(cls.kind, shown_name, raw["serviceArn"], refs, raw["status"], observed, raw, foreign=name is None)

    def desired(self) -> dict[str, Any]:
        spread_over = tuple("instanceId" if field == "host" else field for field in self.spread_over)  # synonyms
        network = {"subnets": frozenset(self.subnets), "security_groups": frozenset(self.security_groups)}
        return super().desired() | network | {"spread_over": spread_over}

    def create(self, cloud: Cloud) -> None:
        parameters: dict[str, Any] = {
            "cluster": self.cluster.id_in(cloud),
            "serviceName": cloud.aws_name(self.name),
            "desiredCount": self.desired_count,
            "tags": ecs_tags(cloud, self.name),
            **self._settings(cloud),
        }
        if not self.capacity_provider:
            parameters["launchType"] = self.launch_type
        created = retry_until_ecs_has_its_role(cloud, lambda: cloud.client("ecs").create_service(**parameters))
        self.remember_id(cloud, created["service"]["serviceArn"])

    def update(self, cloud: Cloud, live: Live) -> None:
        if live.fields["capacity_provider"] and not self.capacity_provider:
            raise EsawsError(
                f"{self}: AWS can't remove the capacity provider of a service; tear the service down first"
            )
        settings = {"loadBalancers": [], **self._settings(cloud)}
        # AWS rejects another provider unless a new deployment is forced.
        force = live.fields["capacity_provider"] != (self.capacity_provider and self.capacity_provider.id_in(cloud))
        if not force:
            settings.pop("capacityProviderStrategy", None)
        cloud.client("ecs").update_service(
            cluster=live.fields["cluster"], service=live.id, forceNewDeployment=force, **settings
        )

    def _settings(self, cloud: Cloud) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "taskDefinition": self.task_definition.id_in(cloud),
            "deploymentConfiguration": {
                "minimumHealthyPercent": self.minimum_healthy,
                "maximumPercent": self.maximum,
                "deploymentCircuitBreaker": {"enable": self.circuit_breaker, "rollback": self.circuit_breaker},
            },
        }
        if self.launch_type == "FARGATE":
            settings["propagateTags"] = "SERVICE"  # the bill is by task
        else:
            settings["placementStrategy"] = [{"type": "spread", "field": field} for field in self.spread_over]
        if self.subnets:
            settings["networkConfiguration"] = {
                "awsvpcConfiguration": {
                    "subnets": [subnet.id_in(cloud) for subnet in self.subnets],
                    "securityGroups": [group.id_in(cloud) for group in self.security_groups],
                    "assignPublicIp": "ENABLED" if self.public_address else "DISABLED",
                }
            }
        if self.target_group:
            settings["loadBalancers"] = [
                {
                    "targetGroupArn": self.target_group.id_in(cloud),
                    "containerName": self.task_definition.name,
                    "containerPort": self.container_port,
                }
            ]
            settings["healthCheckGracePeriodSeconds"] = self.grace_seconds
        if self.capacity_provider:
            provider = self.capacity_provider.id_in(cloud)
            settings["capacityProviderStrategy"] = [{"capacityProvider": provider, "weight": 1, "base": 0}]
        return settings

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cluster = live.fields["cluster"]
        with ignore_codes(NO_CLUSTER, "ServiceNotFoundException", "ServiceNotActiveException"):
            cloud.client("ecs").delete_service(cluster=cluster, service=live.id, force=True)

        def gone() -> bool:
            services: Any = ()
            with ignore_codes(NO_CLUSTER):
                services = [*describe(cloud, "services", [live.id], cluster=cluster)]
            return all(raw["status"] == "INACTIVE" for raw in services)

        # Its tasks are deregistered first, which takes the deregistration delay of the target group.
        cloud.wait_until(f"service {live.name} is gone", gone, minutes=75)

    @classmethod
    def example(cls) -> Self:
        provider, listener = CapacityProvider.example(), Listener.example()
        return cls(
            name="web",
            cluster=provider.cluster,
            task_definition=TaskDefinition.example(),
            target_group=listener.default,
            container_port=TaskDefinition.example().container_port,
            capacity_provider=provider,
            after=(listener,),  # ECS rejects a target group that no load balancer forwards to
        )


def _breaks(breaker: dict[str, bool]) -> bool | str:
    """Whether a circuit breaker is on, and starts the previous task definition again."""
    enabled, rolls_back = breaker.get("enable", False), breaker.get("rollback", False)
    return "on, without rollback" if enabled and not rolls_back else enabled


def _placement(rule: dict[str, str]) -> str:
    field = rule.get("field", "")
    return field if rule["type"] == "spread" else f"{rule['type']} {field}".strip()
