"""A facade over moto's backends, so that hooks do not depend on moto's internals."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_aws_server.reset import on_reset

_ECS_CLUSTER = re.compile(r"ECS_CLUSTER=[\"']?([A-Za-z0-9_-]+)")

AFTER_IMPORT: list[Callable[[], None]] = []
"""Called after a module of moto was imported and before it creates a backend."""

_GLOBAL_SERVICES = ("iam", "s3", "sts", "budgets")
"""moto keeps these under the region `aws`."""


@dataclass(frozen=True, order=True)
class Backends:
    """The resources of one account and region. Methods return moto's own objects, to read and to change."""

    account: str
    region: str

    def backend(self, service: str) -> Any:
        """moto's backend of a service, by moto's name for the service; imported on first use."""
        backend = _BACKENDS.get((self, service))
        if backend is None:
            from moto.backends import get_backend

            region = "aws" if service in _GLOBAL_SERVICES else self.region
            by_account = get_backend(service)  # type: ignore[call-overload]
            for action in AFTER_IMPORT:
                action()
            backend = by_account[self.account][region]
            _BACKENDS[self, service] = backend
        return backend

    @property
    def auto_scaling_groups(self) -> list[Any]:
        return list(self.backend("autoscaling").autoscaling_groups.values())

    def auto_scaling_group(self, name: str) -> Any | None:
        return self.backend("autoscaling").autoscaling_groups.get(name)

    @property
    def instances(self) -> list[Any]:
        """The EC2 instances, including terminated ones."""
        return [i for r in list(self.backend("ec2").reservations.values()) for i in r.instances]

    def zone_of_subnet(self, subnet_id: str) -> str:
        return str(self.backend("ec2").get_subnet(subnet_id).availability_zone)

    def parameter(self, name: str) -> str | None:
        """The decrypted value of an SSM parameter, including AWS's public parameters."""
        parameter = self.backend("ssm").get_parameter(name)
        return str(parameter.decrypt(parameter.value)) if parameter else None

    def instance_profile(self, name_or_arn: str) -> Any | None:
        name = name_or_arn.split("/")[-1]
        return next((p for p in self.backend("iam").instance_profiles.values() if p.name == name), None)

    @property
    def ecs_clusters(self) -> dict[str, Any]:
        """Name → ECS cluster."""
        return dict(self.backend("ecs").clusters)

    @property
    def container_instances(self) -> list[tuple[str, Any]]:
        """(cluster name, container instance) of each."""
        by_cluster = self.backend("ecs").container_instances
        return [(name, ci) for name in list(by_cluster) if name != "orphaned" for ci in by_cluster[name].values()]

    @property
    def ecs_services(self) -> list[Any]:
        """The ECS services, including deleted ones."""
        return list(self.backend("ecs").services.values())

    def ecs_service(self, cluster: str | None, name: str) -> Any | None:
        """The ECS service of a name or ARN; without a cluster, in the default one."""
        key = f"{(cluster or 'default').split('/')[-1]}:{name.split('/')[-1]}"
        return self.backend("ecs").services.get(key)

    @property
    def ecs_tasks(self) -> list[Any]:
        return [task for tasks in self.backend("ecs").tasks.values() for task in tasks.values()]

    def load_balancer(self, name: str) -> Any | None:
        return next((lb for lb in self.backend("elbv2").load_balancers.values() if lb.name == name), None)

    def target_group(self, name: str) -> Any | None:
        return next((tg for tg in self.backend("elbv2").target_groups.values() if tg.name == name), None)

    def cache_cluster(self, name: str) -> Any | None:
        return self.backend("elasticache").cache_clusters.get(name)

    def budget(self, name: str) -> Any | None:
        return self.backend("budgets").budgets[self.account].get(name)

    def instance_type_size(self, instance_type: str) -> tuple[int, int]:
        """(vCPUs, memory in MiB) of an instance type."""
        from moto.ec2.models.instance_types import INSTANCE_TYPES

        description = INSTANCE_TYPES[instance_type]
        return description["VCpuInfo"]["DefaultVCpus"], description["MemoryInfo"]["SizeInMiB"]


_BACKENDS: dict[tuple[Backends, str], Any] = {}


@on_reset
def clear_backends() -> None:
    """Drop the cached backends: a reset of moto creates new ones."""
    _BACKENDS.clear()


def used_regions(account: str, service: str) -> list[str]:
    """The regions in which an account has used a service; none if moto has not loaded it."""
    from moto.backends import get_backend

    return list(get_backend(service)[account])  # type: ignore[call-overload]


def sidecar(moto_object: Any) -> dict[str, Any]:
    """The data that hooks keep beside one of moto's objects: saved with it, and gone with it."""
    data: dict[str, Any] = vars(moto_object).setdefault("_esaws", {})
    return data


def cluster_in_user_data(instance: Any) -> str | None:
    """The ECS cluster that the user data names; of several, the last."""
    try:
        script = base64.b64decode(str(instance.user_data or "")).decode(errors="replace")
    except (binascii.Error, ValueError):
        return None
    clusters = _ECS_CLUSTER.findall(script)
    return clusters[-1] if clusters else None


def display_name(backends: Backends, instance: Any) -> str:
    """The name for the event log: of the cluster's only ECS service, or the Auto Scaling group, its tag, or its id."""
    cluster = cluster_in_user_data(instance)
    names = [s.name for s in backends.ecs_services if s.cluster_name == cluster and s.status != "INACTIVE"]
    if len(names) == 1:
        return str(names[0])
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    return str(tags.get("aws:autoscaling:groupName") or tags.get("Name") or instance.id)
