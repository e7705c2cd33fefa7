"""Contract cases for clusters, images, tasks and their scaling: changes by hand, and other declared values."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from esaws.cloud import Cloud
from esaws.resource import Live
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.scalable_target import NAMESPACE, TASKS, ScalableTarget
from esaws.resources.service import Service

Change = Callable[[Cloud, Live], None]

OTHER_IMAGE = "public.ecr.aws/docker/library/httpd:2.4"


# -- clusters and log groups -------------------------------------------------------------------------------------


def _insights_on(cloud: Cloud, live: Live) -> None:
    settings = [{"name": "containerInsights", "value": "enabled"}]
    cloud.client("ecs").update_cluster(cluster=live.id, settings=settings)


def _keep_for_ever(cloud: Cloud, live: Live) -> None:
    cloud.client("logs").delete_retention_policy(logGroupName=live.id)


# -- images ------------------------------------------------------------------------------------------------------


def _scan_on_push(cloud: Cloud, live: Live) -> None:
    cloud.client("ecr").put_image_scanning_configuration(
        repositoryName=live.id, imageScanningConfiguration={"scanOnPush": True}
    )


# -- capacity ----------------------------------------------------------------------------------------------------


def _off_the_cluster(cloud: Cloud, live: Live) -> None:
    cloud.client("ecs").put_cluster_capacity_providers(
        cluster=live.fields["cluster"], capacityProviders=[], defaultCapacityProviderStrategy=[]
    )


def _less_in_use(cloud: Cloud, live: Live) -> None:
    cloud.client("ecs").update_capacity_provider(
        name=live.id, autoScalingGroupProvider={"managedScaling": {"status": "ENABLED", "targetCapacity": 80}}
    )


# -- task definitions: the console copies the newest revision with its tags --------------------------------------


def _revision(cloud: Cloud, live: Live, roles: Mapping[str, str] | None = None, **container: Any) -> None:
    ecs = cloud.client("ecs")
    described = ecs.describe_task_definition(taskDefinition=live.id, include=["TAGS"])
    definition = described["taskDefinition"]
    ecs.register_task_definition(
        family=definition["family"],
        networkMode=definition["networkMode"],
        requiresCompatibilities=["EC2"],
        containerDefinitions=[definition["containerDefinitions"][0] | container],
        tags=described["tags"],
        **({"executionRoleArn": definition["executionRoleArn"]} | (roles or {})),
    )


def _role(member: str) -> Change:
    role = "arn:aws:iam::123456789012:role/by-hand"
    return lambda cloud, live: _revision(cloud, live, roles={member: role})


def _container(**container: Any) -> Change:
    return lambda cloud, live: _revision(cloud, live, **container)


def _ports(**port: int) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        mapping = live.raw["containerDefinitions"][0]["portMappings"][0]
        _revision(cloud, live, portMappings=[mapping | port])

    return change


def _other_log_group(cloud: Cloud, live: Live) -> None:
    cloud.client("logs").create_log_group(logGroupName="by-hand")
    logging = live.raw["containerDefinitions"][0]["logConfiguration"]
    options = logging["options"] | {"awslogs-group": "by-hand"}
    _revision(cloud, live, logConfiguration=logging | {"options": options})


# -- services and tasks ------------------------------------------------------------------------------------------


def _service(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        cloud.client("ecs").update_service(cluster=live.fields["cluster"], service=live.id, **settings)

    return change


def _shares(least: int, most: int) -> Change:
    return _service(deploymentConfiguration={"minimumHealthyPercent": least, "maximumPercent": most})


def _other_definition(cloud: Cloud, live: Live) -> str:
    ecs = cloud.client("ecs")
    ours = ecs.describe_task_definition(taskDefinition=live.fields["task_definition"])["taskDefinition"]
    registered = ecs.register_task_definition(
        family="by-hand", containerDefinitions=ours["containerDefinitions"], executionRoleArn=ours["executionRoleArn"]
    )
    return str(registered["taskDefinition"]["taskDefinitionArn"])


def _service_runs_another_definition(cloud: Cloud, live: Live) -> None:
    _service(taskDefinition=_other_definition(cloud, live))(cloud, live)


def _service_in_another_target_group(cloud: Cloud, live: Live) -> None:
    elbv2, ours = cloud.client("elbv2"), live.fields["target_group"]
    described = elbv2.describe_target_groups(TargetGroupArns=[ours])["TargetGroups"][0]
    settings = {key: described[key] for key in ("Protocol", "Port", "VpcId")}
    other = elbv2.create_target_group(Name="by-hand", **settings)["TargetGroups"][0]["TargetGroupArn"]
    listeners = elbv2.describe_listeners(LoadBalancerArn=described["LoadBalancerArns"][0])["Listeners"]
    elbv2.create_rule(
        ListenerArn=listeners[0]["ListenerArn"],
        Priority=7,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/by-hand"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": other}],
    )
    balancers = [balancer | {"targetGroupArn": other} for balancer in live.raw["loadBalancers"]]
    _service(loadBalancers=balancers)(cloud, live)


def _service_on_another_provider(cloud: Cloud, live: Live) -> None:
    ecs, autoscaling, cluster = cloud.client("ecs"), cloud.client("autoscaling"), live.fields["cluster"]
    ours = next(iter(autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]))
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="by-hand",
        MinSize=0,
        MaxSize=0,
        LaunchTemplate={key: ours["LaunchTemplate"][key] for key in ("LaunchTemplateId", "Version")},
        VPCZoneIdentifier=ours["VPCZoneIdentifier"],
    )
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["by-hand"])["AutoScalingGroups"][0]
    provider = {"autoScalingGroupArn": group["AutoScalingGroupARN"], "managedScaling": {"status": "ENABLED"}}
    ecs.create_capacity_provider(name="by-hand", autoScalingGroupProvider=provider)
    ecs.put_cluster_capacity_providers(
        cluster=cluster,
        capacityProviders=[live.fields["capacity_provider"], "by-hand"],
        defaultCapacityProviderStrategy=[{"capacityProvider": live.fields["capacity_provider"], "weight": 1}],
    )
    strategy = [{"capacityProvider": "by-hand", "weight": 1}]
    _service(capacityProviderStrategy=strategy, forceNewDeployment=True)(cloud, live)


def _task_runs_another_definition(cloud: Cloud, live: Live) -> None:
    ecs, cluster = cloud.client("ecs"), live.fields["cluster"]
    definition = _other_definition(cloud, live)
    ecs.stop_task(cluster=cluster, task=live.id)
    cloud.wait("ecs", "tasks_stopped", cluster=cluster, tasks=[live.id])
    ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", tags=live.raw["tags"])


# -- scaling -----------------------------------------------------------------------------------------------------


def _range(**limits: int) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        scaling = cloud.client("application-autoscaling")
        scaling.register_scalable_target(**TASKS, ResourceId=live.id, **limits)

    return change


def _policy(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    def put(cloud: Cloud, live: Live) -> None:
        scaling, name = cloud.client("application-autoscaling"), live.raw["PolicyName"]
        found = scaling.describe_scaling_policies(**NAMESPACE, PolicyNames=[name])["ScalingPolicies"][0]
        key = "TargetTrackingScalingPolicyConfiguration"
        same = {item: found[item] for item in ("PolicyName", "PolicyType", "ResourceId")}
        scaling.put_scaling_policy(**TASKS, **same, **{key: found[key] | change(found[key])})

    return put


def _group_policy(change: dict[str, Any]) -> Change:
    def put(cloud: Cloud, live: Live) -> None:
        autoscaling, named = cloud.client("autoscaling"), {"PolicyNames": [live.raw["PolicyName"]]}
        found = autoscaling.describe_policies(**named)["ScalingPolicies"][0]
        key = "TargetTrackingConfiguration"
        same = {item: found[item] for item in ("AutoScalingGroupName", "PolicyName", "PolicyType")}
        autoscaling.put_scaling_policy(**same, **{key: found[key] | change})

    return put


_by_memory = _policy(
    lambda _: {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}}
)


BY_HAND: dict[tuple[str, str], Change] = {
    ("CapacityProvider", "cluster"): _off_the_cluster,
    ("CapacityProvider", "target_capacity"): _less_in_use,
    ("Cluster", "container_insights"): _insights_on,
    ("ECRRepository", "scan_on_push"): _scan_on_push,
    ("GroupScalingPolicy", "metric"): _group_policy(
        {"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageNetworkIn"}}
    ),
    ("GroupScalingPolicy", "target_value"): _group_policy({"TargetValue": 42.0}),
    ("LogGroup", "retention_days"): _keep_for_ever,
    ("ScalableTarget", "maximum"): _range(MaxCapacity=9),
    ("ScalableTarget", "minimum"): _range(MinCapacity=0),
    ("ScalingPolicy", "metric"): _by_memory,
    ("ScalingPolicy", "target_value"): _policy(lambda _: {"TargetValue": 42.0}),
    ("Service", "capacity_provider"): _service_on_another_provider,
    ("Service", "circuit_breaker"): _service(
        deploymentConfiguration={
            "minimumHealthyPercent": 50,
            "maximumPercent": 200,
            "deploymentCircuitBreaker": {"enable": True, "rollback": False},
        }
    ),
    ("Service", "grace_seconds"): _service(healthCheckGracePeriodSeconds=60),
    ("Service", "maximum"): _shares(50, 150),
    ("Service", "minimum_healthy"): _shares(0, 200),
    ("Service", "spread_over"): _service(placementStrategy=[{"type": "binpack", "field": "memory"}]),
    ("Service", "target_group"): _service_in_another_target_group,
    ("Service", "task_definition"): _service_runs_another_definition,
    ("Task", "task_definition"): _task_runs_another_definition,
    ("TaskDefinition", "command"): _container(command=["nginx", "-v"]),
    ("TaskDefinition", "container_port"): _ports(containerPort=81),
    ("TaskDefinition", "environment"): _container(environment=[{"name": "LEVEL", "value": "debug"}]),
    ("TaskDefinition", "execution_role"): _role("executionRoleArn"),
    ("TaskDefinition", "host_port"): _ports(hostPort=0),
    ("TaskDefinition", "image"): _container(image=OTHER_IMAGE),
    ("TaskDefinition", "log_group"): _other_log_group,
    ("TaskDefinition", "memory"): _container(memory=512),
    ("TaskDefinition", "secrets"): _container(secrets=[{"name": "PASSWORD", "valueFrom": "/by-hand"}]),
    ("TaskDefinition", "task_role"): _role("taskRoleArn"),
}

REDECLARED: dict[tuple[str, str], Any] = {
    ("CapacityProvider", "group"): replace(AutoScalingGroup.example(), name="other-asg"),
    ("ECRImage", "repository"): ECRRepository(name="other"),
    ("ECRImage", "tag"): "other",
    ("GroupScalingPolicy", "group"): replace(AutoScalingGroup.example(), name="other-asg"),
    ("ScalableTarget", "service"): replace(Service.example(), name="other"),
    ("ScalingPolicy", "target"): replace(ScalableTarget.example(), name="other"),
    ("Service", "cluster"): Cluster(name="other-cluster"),
    ("Task", "cluster"): Cluster(name="other-cluster"),
}
