"""The fields of cache clusters and subnet groups, and the operations that change them."""

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, replace

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="Descriptions of cache clusters include nodes, endpoints and security groups; changes to "
        "clusters and groups take effect.",
        documentation=("https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html",),
    ),
)

_CHANGEABLE = {
    "SecurityGroupIds": "security_group_ids",
    "SnapshotRetentionLimit": "snapshot_retention_limit",
    "CacheNodeType": "cache_node_type",
    "EngineVersion": "engine_version",
    "NumCacheNodes": "num_cache_nodes",
    "AutoMinorVersionUpgrade": "auto_minor_version_upgrade",
    "PreferredMaintenanceWindow": "preferred_maintenance_window",
    "CacheParameterGroupName": "cache_parameter_group_name",
}


@after("elasticache", "CreateCacheCluster", "ModifyCacheCluster", "DeleteCacheCluster", "DescribeCacheClusters")
def complete_clusters(call: Call) -> None:
    descriptions = call.result.get("CacheClusters")
    for description in [call.result["CacheCluster"]] if descriptions is None else descriptions:
        cluster = call.backends.cache_cluster(description["CacheClusterId"])
        if cluster is None:
            continue
        groups = cluster.security_group_ids
        description["SecurityGroups"] = [{"SecurityGroupId": group, "Status": "active"} for group in groups]
        if call.params.get("ShowCacheNodeInfo"):
            numbers = range(1, cluster.num_cache_nodes + 1)
            description["CacheNodes"] = [_node(call, cluster, number) for number in numbers]
        else:
            description.pop("CacheNodes", None)


@replace("elasticache", "ModifyCacheCluster")
def modify_cluster(call: Call) -> dict[str, Any]:
    name = call.params["CacheClusterId"]
    cluster = call.backends.cache_cluster(name)
    if cluster is None:
        raise AwsError("CacheClusterNotFound", f"CacheCluster not found: {name}", 404)
    for parameter, attribute in _CHANGEABLE.items():
        if parameter in call.params:
            setattr(cluster, attribute, call.params[parameter])
    description: dict[str, Any] = {"CacheClusterId": name, "CacheClusterStatus": cluster.cache_cluster_status}
    description |= {parameter: getattr(cluster, attribute) for parameter, attribute in _CHANGEABLE.items()}
    return {"CacheCluster": {key: value for key, value in description.items() if value is not None}}


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


def _node(call: Call, cluster: Any, number: int) -> dict[str, Any]:
    name, region = cluster.cache_cluster_id, call.region.replace("-", "")
    return {
        "CacheNodeId": f"{number:04}",
        "CacheNodeStatus": cluster.cache_cluster_status,
        "CacheNodeCreateTime": cluster.cache_cluster_create_time,
        "Endpoint": {"Address": f"{name}.local.{number:04}.{region}.cache.amazonaws.com", "Port": cluster.port},
        "ParameterGroupStatus": "in-sync",
        "CustomerAvailabilityZone": cluster.preferred_availability_zone or f"{call.region}a",
    }


def _subnet_group(call: Call) -> Any:
    name = call.params["CacheSubnetGroupName"]
    group = call.backends.backend("elasticache").cache_subnet_groups.get(name)
    if group is None:
        raise AwsError("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup {name} not found.", 404)
    return group
