"""A DB cluster, proxy, replica or parameter group that does not exist is refused with its own NotFound.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBProxy.html
"""

from functools import partial

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A DB cluster, proxy, replica or parameter group that does not exist is refused with its own "
        "NotFound.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBProxy.html",
        ),
    ),
)

_kind = partial(NotFoundRule, "rds", status=404)


def _tagged(call: Call) -> set[str]:
    """Other things than instances have tags too; of those moto knows."""
    arn = call.params["ResourceName"]
    return {each.arn for each in call.backends.backend("rds").databases.values()} if ":db:" in arn else {arn}


def _snapshots(call: Call) -> set[str]:
    rds = call.backends.backend("rds")
    return {each.arn for each in (*rds.database_snapshots.values(), *rds.cluster_snapshots.values())}


def _parameter_groups(call: Call) -> set[str]:
    """AWS's own default groups exist without having been made."""
    asked = call.params["DBParameterGroupName"].lower()
    return {*call.backends.backend("rds").db_parameter_groups, *([asked] if asked.startswith("default.") else [])}


KINDS = (
    _kind(
        "DBClusterNotFoundFault",
        "DBCluster {} not found.",
        store_keys("rds", "clusters"),
        by_parameter("DBClusterIdentifier", "ModifyDBCluster", "PromoteReadReplicaDBCluster"),
    ),
    _kind(
        "DBInstanceNotFound",
        "DBInstance {} not found.",
        store_keys("rds", "databases"),
        by_parameter("DBInstanceIdentifier", "PromoteReadReplica"),
    ),
    _kind(
        "DBInstanceNotFound",
        "DBInstance {} not found.",
        _tagged,
        by_parameter("ResourceName", "AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"),
    ),
    _kind(
        "GlobalClusterNotFoundFault",
        "Global cluster {} not found.",
        store_keys("rds", "global_clusters"),
        by_parameter("GlobalClusterIdentifier", "DeleteGlobalCluster", "DescribeGlobalClusters", "ModifyGlobalCluster"),
    ),
    _kind(
        "DBParameterGroupNotFound",
        "DBParameterGroup not found: {}",
        _parameter_groups,
        by_parameter("DBParameterGroupName", "DescribeDBParameterGroups"),
        normalize=str.lower,
    ),
    _kind(
        "DBSnapshotNotFound",
        "Snapshot {} not found.",
        _snapshots,
        by_parameter("SourceArn", "StartExportTask"),
    ),
    _kind(
        "DBProxyNotFoundFault",
        "The specified proxy name {} doesn't correspond to a proxy owned by your Amazon Web Services account "
        "in the specified Amazon Web Services Region.",
        store_keys("rds", "db_proxies"),
        by_parameter(
            "DBProxyName",
            "DeleteDBProxy",
            "DeregisterDBProxyTargets",
            "DescribeDBProxyTargetGroups",
            "DescribeDBProxyTargets",
            "ModifyDBProxy",
            "ModifyDBProxyTargetGroup",
            "RegisterDBProxyTargets",
        ),
    ),
)

for _each in KINDS:
    _each.register()


@before("rds", "DescribeOptionGroups")
def there_may_be_no_option_group(call: Call) -> None:
    """Without a name the list may be empty; moto fails without a name."""
    if not call.params.get("OptionGroupName"):
        groups = call.backends.backend("rds").option_groups.values()
        wanted = {
            "engine_name": call.params.get("EngineName"),
            "major_engine_version": call.params.get("MajorEngineVersion"),
        }
        call.result = {
            "OptionGroupsList": [
                group
                for group in groups
                if all(value in (None, getattr(group, name)) for name, value in wanted.items())
            ]
        }
