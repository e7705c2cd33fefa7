"""The caches that should run, for what runs them on this machine."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.data_plane import desired
from local_aws_server.hooks import after
from local_aws_server.services.ec2.interfaces import interfaces, service_interface
from local_aws_server.services.elasticache.fields import endpoint_of
from local_aws_server.services.elasticache.lifecycle import CLUSTERS

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="With `--run`, an available cluster of Redis or Valkey is a server, which a reboot empties.",
        documentation=("https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.Rebooting.html",),
    ),
    Behaviour(
        service="ElastiCache",
        fidelity=NOT_SIMULATED,
        statement="With `--run`: the declared version (Valkey 9 runs for all), the memory of the node type (64 MB "
        "for all), parameter groups, backups, Memcached, replication groups, and clusters with encryption in transit.",
        documentation=("https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/WhatIs.html",),
    ),
)

_RESTARTS = "restarts"


@desired("cache_clusters", "elasticache")
def desired_stores(backends: Backends) -> list[dict[str, Any]]:
    """Return the cache clusters and replication groups of an account and region.

    Returns:
        For each cluster {kind: "cache_cluster", key, account, region, id, status, engine, engine_version, address,
        port, dns_name, encrypted_in_transit, restarts, created}: `key` is unique among all clusters that ever were,
        `address` that of its first node's interface (None without a subnet group). For each group
        {kind: "replication_group", key, account, region, id, status, engine}.
    """
    elasticache = backends.backend("elasticache")
    addresses = _addresses(backends) if elasticache.cache_clusters else {}
    place = {"account": backends.account, "region": backends.region}
    clusters = [place | _cluster(backends, each, addresses) for each in elasticache.cache_clusters.values()]
    groups = [
        place
        | {
            "kind": "replication_group",
            "key": f"{backends.account}/{backends.region}/{group.replication_group_id}",
            "id": group.replication_group_id,
            "status": group.status,
            "engine": "redis",
        }
        for group in elasticache.replication_groups.values()
    ]
    return clusters + groups


@after("elasticache", "RebootCacheCluster")
def count_restart(call: Call) -> None:
    if (cluster := CLUSTERS.find(call.backends, call.params["CacheClusterId"])) is not None:
        sidecar(cluster)[_RESTARTS] = sidecar(cluster).get(_RESTARTS, 0) + 1


def _cluster(backends: Backends, cluster: Any, addresses: dict[str, str]) -> dict[str, Any]:
    created = cluster.cache_cluster_create_time.replace(tzinfo=UTC).timestamp()
    return {
        "kind": "cache_cluster",
        "key": f"{backends.account}/{backends.region}/{cluster.cache_cluster_id}@{created}",
        "id": cluster.cache_cluster_id,
        "status": cluster.cache_cluster_status,
        "engine": cluster.engine,
        "engine_version": cluster.engine_version,
        "address": addresses.get(cluster.arn),
        "port": int(cluster.port),
        "dns_name": endpoint_of(cluster, 1, backends.region),
        "encrypted_in_transit": bool(cluster.transit_encryption_enabled),
        "restarts": sidecar(cluster).get(_RESTARTS, 0),
        "created": created,
    }


def _addresses(backends: Backends) -> dict[str, str]:
    """The ARN of a cluster → the private address of its first node's interface."""
    found = ((service_interface(eni), eni.private_ip_address) for eni in interfaces(backends))
    return {
        spec.owner: str(address)
        for spec, address in found
        if spec is not None and spec.service == "elasticache" and spec.description.endswith("-0001")
    }
