"""Scaling in that keeps the tasks: a capacity provider with managed termination protection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.chapters._two_services import PATHS, SERVICES, service_exists, two_services, wanted_instances
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.probes import paths_answer
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.capacity_provider import CapacityProvider
from esaws.resources.cluster import Cluster
from esaws.resources.service import Service


def _scale_in_values(seed: Seed) -> Mapping[str, Any]:
    return {"service": seed.choice(SERVICES), "name": f"{seed.letters(4)}-cp"}


def _check_scale_in(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    yield (exists := service_exists(attempt))
    provider = attempt.live("CapacityProvider", mine.name)
    settings = provider.raw["autoScalingGroupProvider"] if provider else {}
    group = attempt.live("AutoScalingGroup", f"{mine.service}-asg")
    yield Point(
        f"Capacity provider {mine.name} scales the group of {mine.service}",
        bool(group) and settings.get("autoScalingGroupArn") == group.id,  # type: ignore[union-attr]
        "it has another group" if provider else f"there is no capacity provider {mine.name}",
        "CapacityProvider in esaws.resources",
        is_needed=True,
    )
    if not exists.ok:
        return
    with attempt.copy() as copy:
        start = simulation.now(copy)
        path = PATHS[mine.service]
        simulation.traffic(copy, "spike", path=path, requests_per_second=20, peak=8, after=5, minutes=15)
        end = simulation.advance(copy, "75m")
        history = simulation.timeline(copy, mine.service, start, end).to_frame()
        tasks, instances = (float(history[column].max()) for column in ("healthy_targets", "instances"))
        fewest, left = float(history["healthy_targets"].min()), wanted_instances(copy, mine.service)
        all_answer = paths_answer(copy, PATHS.values(), "After the load")
    yield Point(
        "Under load it scales out to 4 tasks on 4 instances",
        tasks == instances == 4,
        f"at most {tasks:.0f} tasks were healthy, on {instances:.0f} instances",
        "`managedScaling` of the capacity provider, and the capacity provider of the service",
    )
    yield Point(
        "After the load it is back at 2 instances within an hour",
        left == 2,
        f"{left} instances are left",
        "`managedScaling` of the capacity provider",
    )
    yield Point(
        "Two tasks are healthy at all times",
        fewest >= 2,
        f"in one minute, {fewest:.1f} were healthy on average: the group terminated an instance with a task",
        "the scaling policy of the group, and `managedTerminationProtection` of the capacity provider",
        is_needed=True,
    )
    yield all_answer


def _declare_provider(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha", services=("client-web-ui", "sites-management-api"))
    group, cluster = system.get(AutoScalingGroup, f"{mine.service}-asg"), f"{mine.service}-cluster"
    provider = CapacityProvider(name=mine.name, cluster=system.get(Cluster, cluster), group=group)
    service = system.get(Service, mine.service).replace(capacity_provider=provider)
    plan_deploy([provider, service], cloud).apply()
    scaling, name = cloud.client("autoscaling"), cloud.aws_name(group.name)
    for policy in scaling.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]:
        scaling.delete_policy(AutoScalingGroupName=name, PolicyName=policy["PolicyName"])
    scaling.update_auto_scaling_group(AutoScalingGroupName=name, NewInstancesProtectedFromScaleIn=True)
    cloud.client("ecs").update_capacity_provider(
        name=cloud.aws_name(mine.name), autoScalingGroupProvider={"managedTerminationProtection": "ENABLED"}
    )


def _call_provider(cloud: Cloud, mine: Values) -> None:
    ecs, scaling = cloud.client("ecs"), cloud.client("autoscaling")
    group, cluster = cloud.aws_name(f"{mine.service}-asg"), cloud.aws_name(f"{mine.service}-cluster")
    for policy in scaling.describe_policies(AutoScalingGroupName=group)["ScalingPolicies"]:
        scaling.delete_policy(AutoScalingGroupName=group, PolicyName=policy["PolicyName"])
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, NewInstancesProtectedFromScaleIn=True)
    described = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"][0]
    provider, tags = cloud.aws_name(mine.name), cloud.tags(mine.name)
    ecs.create_capacity_provider(
        name=provider,
        autoScalingGroupProvider={
            "autoScalingGroupArn": described["AutoScalingGroupARN"],
            "managedScaling": {"status": "ENABLED", "targetCapacity": 100},
            "managedTerminationProtection": "ENABLED",
        },
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )
    strategy = [{"capacityProvider": provider, "weight": 1}]
    ecs.put_cluster_capacity_providers(
        cluster=cluster, capacityProviders=[provider], defaultCapacityProviderStrategy=strategy
    )
    ecs.update_service(
        cluster=cluster,
        service=cloud.aws_name(mine.service),
        capacityProviderStrategy=strategy,
        forceNewDeployment=True,
    )


def _provider_without_protection(cloud: Cloud, mine: Values) -> None:
    system = two_services()
    cluster, group = f"{mine.service}-cluster", system.get(AutoScalingGroup, f"{mine.service}-asg")
    provider = CapacityProvider(name=mine.name, cluster=system.get(Cluster, cluster), group=group)
    plan_deploy([provider, system.get(Service, mine.service).replace(capacity_provider=provider)], cloud).apply()


def _four_instances_for_ever(cloud: Cloud, mine: Values) -> None:
    _declare_provider(cloud, mine)
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=cloud.aws_name(f"{mine.service}-asg"), MinSize=4
    )


SCALE_IN = Exercise(
    "11-scale-in",
    prompt=(
        "Two scalers that know nothing of each other scale `{mine.service}`. Put ECS in charge of both: create the "
        "capacity provider `{mine.name}` for its group, let the service use it, and delete the group's own scaling "
        "policy. Two tasks must be healthy at all times, also while it scales in."
    ),
    values=_scale_in_values,
    check=_check_scale_in,
    hints=(
        "Which of the two scalers knows on which instances tasks run?",
        "The documentation of managed termination protection names two settings: one of the capacity provider, "
        "and one of the Auto Scaling group.",
        "`update_auto_scaling_group(…, NewInstancesProtectedFromScaleIn=True)`, then `update_capacity_provider(…, "
        'autoScalingGroupProvider={{"managedTerminationProtection": "ENABLED"}})`',
    ),
    solutions=(_declare_provider, _call_provider),
    wrong=(
        Wrong(_provider_without_protection, "managedTerminationProtection"),
        Wrong(_four_instances_for_ever, "4 instances are left"),
    ),
    notices=("Service",),
)
