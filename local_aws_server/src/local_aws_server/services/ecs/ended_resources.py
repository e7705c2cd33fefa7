"""Deleted clusters and services: AWS shows them as INACTIVE for a time, and gives no length. Here it is a day."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.ended_resources import DAY, EndedResources
from local_aws_server.hooks import reconciler

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A deleted cluster or service is described as INACTIVE for a day; AWS gives no length.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html",
        ),
    ),
)


def _remove_clusters(backends: Backends, ended: list[Any]) -> None:
    ecs = backends.backend("ecs")
    for cluster in ended:
        del ecs.clusters[cluster.name]
        for store in (ecs.tasks, ecs.container_instances):
            if not store.get(cluster.name):
                store.pop(cluster.name, None)


def _remove_services(backends: Backends, ended: list[Any]) -> None:
    services = backends.backend("ecs").services
    for key in [key for key, service in services.items() if service in ended]:
        del services[key]


_CLUSTERS = EndedResources(
    find=lambda backends: [each for each in backends.ecs_clusters.values() if each.status == "INACTIVE"],
    remove=_remove_clusters,
    seconds=DAY,
)
_SERVICES = EndedResources(
    find=lambda backends: [each for each in backends.ecs_services if each.status == "INACTIVE"],
    remove=_remove_services,
    seconds=DAY,
)


@reconciler("ecs", order=95)
def remove_deleted_clusters(backends: Backends) -> float | None:
    return _CLUSTERS.remove_due(backends)


@reconciler("ecs", order=95)
def remove_deleted_services(backends: Backends) -> float | None:
    return _SERVICES.remove_due(backends)
