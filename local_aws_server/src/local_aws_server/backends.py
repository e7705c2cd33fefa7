"""A small façade over moto's backends, so that a rule does not know moto's insides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local_aws_server.hooks import on_reset


@dataclass(frozen=True, order=True)
class Backends:
    """What exists in one account and region; what comes out of it are moto's own objects, to read and to change."""

    account: str
    region: str

    def backend(self, service: str) -> Any:
        """moto's store of one service, by moto's name for it; loaded on first use."""
        found = _BACKENDS.get((self, service))
        if found is None:
            from moto.backends import get_backend

            place = "aws" if service in ("iam", "s3", "sts", "budgets") else self.region
            found = _BACKENDS[self, service] = get_backend(service)[self.account][place]  # type: ignore[call-overload]
        return found

    @property
    def groups(self) -> list[Any]:
        """The Auto Scaling groups."""
        return list(self.backend("autoscaling").autoscaling_groups.values())

    def group(self, name: str) -> Any | None:
        return self.backend("autoscaling").autoscaling_groups.get(name)

    @property
    def instances(self) -> list[Any]:
        """The EC2 instances, the terminated ones too."""
        return [i for r in list(self.backend("ec2").reservations.values()) for i in r.instances]

    def zone(self, subnet_id: str) -> str:
        return str(self.backend("ec2").get_subnet(subnet_id).availability_zone)

    def parameter(self, name: str) -> str | None:
        """The value of an SSM parameter, AWS's public ones included."""
        found = self.backend("ssm").get_parameter(name)
        return str(found.value) if found else None

    def instance_profile(self, name_or_arn: str) -> Any | None:
        name = name_or_arn.split("/")[-1]
        return next((p for p in self.backend("iam").instance_profiles.values() if p.name == name), None)

    @property
    def clusters(self) -> dict[str, Any]:
        """The ECS clusters by name."""
        return dict(self.backend("ecs").clusters)

    @property
    def container_instances(self) -> list[tuple[str, Any]]:
        """(cluster's name, container instance)."""
        of_cluster = self.backend("ecs").container_instances
        return [(name, each) for name in list(of_cluster) if name != "orphaned" for each in of_cluster[name].values()]

    @property
    def services(self) -> list[Any]:
        """The ECS services, the deleted ones too."""
        return list(self.backend("ecs").services.values())

    def service(self, cluster: str | None, name: str) -> Any | None:
        key = f"{(cluster or 'default').split('/')[-1]}:{name.split('/')[-1]}"
        return self.backend("ecs").services.get(key)

    @property
    def tasks(self) -> list[Any]:
        return [task for tasks in self.backend("ecs").tasks.values() for task in tasks.values()]

    def load_balancer(self, name: str) -> Any | None:
        return next((lb for lb in self.backend("elbv2").load_balancers.values() if lb.name == name), None)

    def target_group(self, name: str) -> Any | None:
        return next((tg for tg in self.backend("elbv2").target_groups.values() if tg.name == name), None)

    def cache_cluster(self, name: str) -> Any | None:
        return self.backend("elasticache").cache_clusters.get(name)

    def budget(self, name: str) -> Any | None:
        return self.backend("budgets").budgets[self.account].get(name)

    def size(self, instance_type: str) -> tuple[int, int]:
        """(vCPUs, MiB) of an instance type."""
        from moto.ec2.models.instance_types import INSTANCE_TYPES

        described = INSTANCE_TYPES[instance_type]
        return described["VCpuInfo"]["DefaultVCpus"], described["MemoryInfo"]["SizeInMiB"]


_BACKENDS: dict[tuple[Backends, str], Any] = {}


@on_reset
def forget_backends() -> None:
    """A reset makes new ones."""
    _BACKENDS.clear()


def remembered(thing: Any) -> dict[str, Any]:
    """What rules keep about one of moto's objects: it lives, is saved, and goes with that object."""
    kept: dict[str, Any] = vars(thing).setdefault("_esaws", {})
    return kept
