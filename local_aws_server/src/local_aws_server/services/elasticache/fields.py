"""The fields of cache clusters and subnet groups, and the operations that change subnet groups."""

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, replace
from local_aws_server.services.elasticache.catalogue import DEFAULT_VERSIONS, DEFAULT_WINDOW, default_parameter_group

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="Descriptions of cache clusters include nodes, endpoints, security groups and the members that AWS "
        "always returns; changes to groups take effect.",
        documentation=("https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html",),
    ),
)


@after("elasticache", "CreateCacheCluster", "ModifyCacheCluster", "DeleteCacheCluster", "DescribeCacheClusters")
def complete_clusters(call: Call) -> None:
    descriptions = call.result.get("CacheClusters")
    for description in [call.result["CacheCluster"]] if descriptions is None else descriptions:
        cluster = call.backends.cache_cluster(description["CacheClusterId"])
        if cluster is None:
            continue
        description |= {name: value for name, value in _always(call, cluster).items() if name not in description}
        groups = cluster.security_group_ids
        description["SecurityGroups"] = [{"SecurityGroupId": group, "Status": "active"} for group in groups]
        if call.params.get("ShowCacheNodeInfo"):
            numbers = range(1, description["NumCacheNodes"] + 1)
            description["CacheNodes"] = [_node(call, cluster, number) for number in numbers]
        else:
            description.pop("CacheNodes", None)


def endpoint_of(cluster: Any, number: int, region: str) -> str:
    """The DNS name of a node of a cluster."""
    return f"{cluster.cache_cluster_id}.local.{number:04}.{region.replace('-', '')}.cache.amazonaws.com"


@replace("elasticache", "DeleteCacheSubnetGroup")
def delete_subnet_group(call: Call) -> dict[str, Any]:
    _subnet_group(call)
    del call.backends.backend("elasticache").cache_subnet_groups[call.params["CacheSubnetGroupName"]]
    return {}


@replace("elasticache", "ModifyCacheSubnetGroup")
def modify_subnet_group(call: Call) -> dict[str, Any]:
    from moto.elasticache.models import CacheSubnetGroup

    old = _subnet_group(call)
    new = CacheSubnetGroup(
        call.account,
        call.region,
        old.cache_subnet_group_name,
        call.params.get("CacheSubnetGroupDescription", old.cache_subnet_group_description),
        call.params.get("SubnetIds", old.subnet_ids),
        old.tags,
    )
    call.backends.backend("elasticache").cache_subnet_groups[old.cache_subnet_group_name] = new
    return {"CacheSubnetGroup": new}


@after("elasticache", "CreateCacheSubnetGroup", "DescribeCacheSubnetGroups")
def add_subnet_zones(call: Call) -> None:
    groups = call.result.get("CacheSubnetGroups")
    for group in [call.result["CacheSubnetGroup"]] if groups is None else groups:
        for subnet in group.get("Subnets", []):
            subnet["SubnetAvailabilityZone"] = {"Name": call.backends.zone_of_subnet(subnet["SubnetIdentifier"])}


def _always(call: Call, cluster: Any) -> dict[str, Any]:
    """The members that every cluster has, where moto leaves them out."""
    is_memcached = cluster.engine == "memcached"
    version = cluster.engine_version or DEFAULT_VERSIONS.get(cluster.engine, "")
    return {
        "AtRestEncryptionEnabled": False,
        "AuthTokenEnabled": cluster.auth_token_enabled,
        "AutoMinorVersionUpgrade": cluster.auto_minor_version_upgrade is not False,
        "CacheParameterGroup": {
            "CacheParameterGroupName": cluster.cache_parameter_group_name
            or default_parameter_group(cluster.engine, version),
            "ParameterApplyStatus": "in-sync",
            "CacheNodeIdsToReboot": [],
        },
        "CacheSecurityGroups": [],
        "CacheSubnetGroupName": cluster.cache_subnet_group_name or "default",
        "ClientDownloadLandingPage": f"https://console.aws.amazon.com/elasticache/home?region={call.region}#client-download:",
        "EngineVersion": version,
        "IpDiscovery": cluster.ip_discovery or "ipv4",
        "NetworkType": cluster.network_type or "ipv4",
        "NumCacheNodes": getattr(cluster, "num_cache_nodes", 1),
        "PendingModifiedValues": {},
        "PreferredAvailabilityZone": cluster.preferred_availability_zone or f"{call.region}a",
        "PreferredMaintenanceWindow": cluster.preferred_maintenance_window or DEFAULT_WINDOW,
        "ReplicationGroupLogDeliveryEnabled": False,
        "TransitEncryptionEnabled": bool(cluster.transit_encryption_enabled),
        **({} if is_memcached else {"SnapshotWindow": getattr(cluster, "snapshot_window", None) or "05:00-06:00"}),
    }


def _node(call: Call, cluster: Any, number: int) -> dict[str, Any]:
    return {
        "CacheNodeId": f"{number:04}",
        "CacheNodeStatus": cluster.cache_cluster_status,
        "CacheNodeCreateTime": cluster.cache_cluster_create_time,
        "Endpoint": {"Address": endpoint_of(cluster, number, call.region), "Port": cluster.port},
        "ParameterGroupStatus": "in-sync",
        "CustomerAvailabilityZone": cluster.preferred_availability_zone or f"{call.region}a",
    }


def _subnet_group(call: Call) -> Any:
    name = call.params["CacheSubnetGroupName"]
    group = call.backends.backend("elasticache").cache_subnet_groups.get(name)
    if group is None:
        raise AwsError("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup {name} not found.", 404)
    return group
