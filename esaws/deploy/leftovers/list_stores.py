"""Listings of RDS, ElastiCache, Amazon MQ, S3, Cognito and Systems Manager."""

from collections.abc import Iterator
from functools import partial

from esaws.aws import pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, NAME_TAG, Cloud
from esaws.deploy.leftovers.found import LISTINGS, Found, Listing, lazy_tags, listing, make_arn


@listing("rds:db")
def _databases(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    for raw in pages(cloud, "rds", "describe_db_instances", "DBInstances"):
        tags = tag_dict(raw.get("TagList"))
        yield Found(raw["DBInstanceArn"], raw["DBInstanceIdentifier"], tags, raw["DBInstanceStatus"])


@listing("rds:snapshot")
def _database_snapshots(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    for raw in pages(cloud, "rds", "describe_db_snapshots", "DBSnapshots"):
        tags = tag_dict(raw.get("TagList"))
        yield Found(raw["DBSnapshotArn"], raw["DBSnapshotIdentifier"], tags, raw.get("Status", ""))


@listing("rds:auto-backup")
def _retained_backups(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    operation = "describe_db_instance_automated_backups"
    for raw in pages(cloud, "rds", operation, "DBInstanceAutomatedBackups"):
        # AWS deletes active ones with their instance. Retained ones were kept on purpose and cost money.
        if raw.get("Status") == "retained":
            tags = tag_dict(raw.get("TagList"))
            yield Found(raw["DBInstanceAutomatedBackupsArn"], raw["DBInstanceIdentifier"], tags, "retained")


def _by_arn(
    service: str, operation: str, result: str, key: str, name: str, state: str, cloud: Cloud, tagged: frozenset[str]
) -> Iterator[Found]:
    """List resources of RDS or ElastiCache; their tags need another call by ARN."""
    list_tags = cloud.client(service).list_tags_for_resource
    for raw in pages(cloud, service, operation, result):
        if raw.get(state) != "deleted":
            arn = raw[key]
            yield Found(arn, raw[name], lazy_tags(list_tags, "TagList", ResourceName=arn), raw.get(state, ""))


_SUBNET_GROUPS = ("describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupArn", "DBSubnetGroupName", "")
_CACHES = ("describe_cache_clusters", "CacheClusters", "ARN", "CacheClusterId", "CacheClusterStatus")
_CACHE_GROUPS = ("describe_cache_subnet_groups", "CacheSubnetGroups", "ARN", "CacheSubnetGroupName", "")
_CACHE_SNAPSHOTS = ("describe_snapshots", "Snapshots", "ARN", "SnapshotName", "SnapshotStatus")
LISTINGS += [
    Listing(("rds:subgrp",), partial(_by_arn, "rds", *_SUBNET_GROUPS)),
    Listing(("elasticache:cluster",), partial(_by_arn, "elasticache", *_CACHES)),
    Listing(("elasticache:subnetgroup",), partial(_by_arn, "elasticache", *_CACHE_GROUPS)),
    Listing(("elasticache:snapshot",), partial(_by_arn, "elasticache", *_CACHE_SNAPSHOTS)),
]


@listing("mq:broker")
def _brokers(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    list_tags = cloud.client("mq").list_tags
    for raw in pages(cloud, "mq", "list_brokers", "BrokerSummaries"):
        arn = raw["BrokerArn"]
        yield Found(arn, raw["BrokerName"], lazy_tags(list_tags, "Tags", ResourceArn=arn), raw["BrokerState"])


@listing("s3:bucket")
def _buckets(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    get_tags = cloud.client("s3").get_bucket_tagging
    partition = cloud.client("s3").meta.partition
    for raw in pages(cloud, "s3", "list_buckets", "Buckets"):
        name = raw["Name"]
        arn = f"arn:{partition}:s3:::{name}"
        if name.endswith(f"-{cloud.region}") or arn in tagged:
            yield Found(arn, name, lazy_tags(get_tags, "TagSet", Bucket=name))


@listing("cognito-idp:userpool")
def _user_pools(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    list_tags = cloud.client("cognito-idp").list_tags_for_resource
    for raw in pages(cloud, "cognito-idp", "list_user_pools", "UserPools", MaxResults=60):
        arn = make_arn(cloud, "cognito-idp", f"userpool/{raw['Id']}")
        yield Found(arn, raw["Name"], lazy_tags(list_tags, "Tags", ResourceArn=arn))


@listing("ssm:parameter")
def _parameters(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    filters = [{"Key": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ssm", "describe_parameters", "Parameters", ParameterFilters=filters):
        arn = make_arn(cloud, "ssm", f"parameter/{raw['Name'].lstrip('/')}")
        name = raw["Name"].removeprefix(f"/{cloud.deployment}/")
        yield Found(arn, raw["Name"], {DEPLOYMENT_TAG: cloud.deployment, NAME_TAG: name})
