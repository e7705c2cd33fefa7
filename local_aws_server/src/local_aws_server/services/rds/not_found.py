"""The not-found errors of RDS."""

from functools import partial

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import before
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys
from local_aws_server.services.rds.identifiers import CHECKED, check_group_name, check_identifiers
from local_aws_server.services.rds.settings import check_changed_values

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="Operations on a DB instance, cluster, proxy, replica or parameter group that does not exist return "
        "its not-found error.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBProxy.html",
        ),
    ),
)

_rule = partial(NotFoundRule, "rds", status=404)


def _taggable_arns(call: Call) -> set[str]:
    """The ARNs of DB instances; moto checks resources of other kinds."""
    arn = call.params["ResourceName"]
    return {each.arn for each in call.backends.backend("rds").databases.values()} if ":db:" in arn else {arn}


def _parameter_groups(call: Call) -> set[str]:
    """The names of parameter groups; AWS's default groups always exist."""
    name = call.params["DBParameterGroupName"].lower()
    return {*call.backends.backend("rds").db_parameter_groups, *([name] if name.startswith("default.") else [])}


RULES = (
    _rule(
        "DBClusterNotFoundFault",
        "DBCluster {} not found.",
        store_keys("rds", "clusters"),
        by_parameter("DBClusterIdentifier", "ModifyDBCluster", "PromoteReadReplicaDBCluster"),
    ),
    _rule(
        "DBInstanceNotFound",
        "DBInstance {} not found.",
        store_keys("rds", "databases"),
        by_parameter(
            "DBInstanceIdentifier",
            "CreateDBSnapshot",
            "DeleteDBInstance",
            "ModifyDBInstance",
            "PromoteReadReplica",
            "RebootDBInstance",
            "StartDBInstance",
            "StopDBInstance",
        ),
    ),
    _rule(
        "DBInstanceNotFound",
        "DBInstance {} not found.",
        _taggable_arns,
        by_parameter("ResourceName", "AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"),
    ),
    _rule(
        "GlobalClusterNotFoundFault",
        "Global cluster {} not found.",
        store_keys("rds", "global_clusters"),
        by_parameter("GlobalClusterIdentifier", "DeleteGlobalCluster", "DescribeGlobalClusters", "ModifyGlobalCluster"),
    ),
    _rule(
        "DBParameterGroupNotFound",
        "DBParameterGroup not found: {}",
        _parameter_groups,
        by_parameter("DBParameterGroupName", "DescribeDBParameterGroups"),
        normalize=str.lower,
    ),
    _rule(
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

before("rds", *CHECKED)(check_identifiers)
before("rds", "CreateDBSubnetGroup")(check_group_name)
before("rds", "ModifyDBInstance")(check_changed_values)
for rule in RULES:
    rule.register()


@before("rds", "DescribeOptionGroups")
def list_option_groups(call: Call) -> None:
    """List option groups without a name, which fails in moto; the list may be empty."""
    if not call.params.get("OptionGroupName"):
        groups = call.backends.backend("rds").option_groups.values()
        filters = {
            "engine_name": call.params.get("EngineName"),
            "major_engine_version": call.params.get("MajorEngineVersion"),
        }
        call.result = {
            "OptionGroupsList": [
                group
                for group in groups
                if all(value in (None, getattr(group, name)) for name, value in filters.items())
            ]
        }
