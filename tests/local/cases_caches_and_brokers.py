"""Caches and brokers: settings that AWS refuses, and changes that wait for a maintenance window."""

from collections.abc import Callable
from typing import Any

from tests.local.cases import CASES, Case, case
from tests.local.cases_errors_stores import refused
from tests.local.timing import advance

VALUE, COMBINATION, BAD = "InvalidParameterValue", "InvalidParameterCombination", "BadRequestException"
CACHE = {"CacheClusterId": "c", "Engine": "redis", "CacheNodeType": "cache.t3.micro", "NumCacheNodes": 1}
BROKER = {
    "BrokerName": "b",
    "EngineType": "RABBITMQ",
    "EngineVersion": "3.13",
    "HostInstanceType": "mq.m5.large",
    "DeploymentMode": "SINGLE_INSTANCE",
    "PubliclyAccessible": True,
    "AutoMinorVersionUpgrade": True,
    "Users": [{"Username": "operator", "Password": "not-a-secret-1"}],
}

REFUSED_CACHES = (
    ("an engine that does not exist", {"Engine": "mongodb"}, VALUE),
    ("a node type that does not exist", {"CacheNodeType": "cache.t9.micro"}, VALUE),
    ("two Redis nodes", {"NumCacheNodes": 2}, VALUE),
    ("a version that does not exist", {"EngineVersion": "99.0"}, COMBINATION),
    ("a short maintenance window", {"PreferredMaintenanceWindow": "sun:05:00-sun:05:30"}, VALUE),
    ("a retention of 36 days", {"SnapshotRetentionLimit": 36}, VALUE),
    ("an absent security group", {"SecurityGroupIds": ["sg-0123456789abcdef0"]}, VALUE),
    ("an absent parameter group", {"CacheParameterGroupName": "mine"}, "CacheParameterGroupNotFound"),
)
REFUSED_BROKERS = (
    ("an instance type that does not exist", {"HostInstanceType": "mq.t9.micro"}),
    ("a version that does not exist", {"EngineVersion": "9.9"}),
    ("a deployment mode of another engine", {"DeploymentMode": "ACTIVE_STANDBY_MULTI_AZ"}),
    ("a short password", {"Users": [{"Username": "operator", "Password": "short"}]}),
    ("no user", {"Users": []}),
    ("an absent subnet", {"SubnetIds": ["subnet-0123456789abcdef0"]}),
)


def _cache(settings: dict[str, Any]) -> Callable[[Any], Any]:
    def run(account: Any) -> Any:
        elasticache = account.client("elasticache")
        code = refused(elasticache.create_cache_cluster, **CACHE | settings)
        return code, len(elasticache.describe_cache_clusters()["CacheClusters"])

    return run


def _broker(settings: dict[str, Any]) -> Callable[[Any], Any]:
    def run(account: Any) -> Any:
        mq = account.client("mq")
        return refused(mq.create_broker, **BROKER | settings), len(mq.list_brokers()["BrokerSummaries"])

    return run


for what, settings, code in REFUSED_CACHES:
    CASES.append(Case(f"a cache with {what} is refused", _cache(settings), (code, 0), ("accepted", 1)))
for what, settings in REFUSED_BROKERS:
    CASES.append(Case(f"a broker with {what} is refused", _broker(settings), (BAD, 0), ("accepted", 1)))


@case(
    "a new node type of a cache waits for its maintenance window",
    aws=("cache.t3.micro", {"CacheNodeType": "cache.t3.small"}, "cache.t3.small", {}),
    stock="refused",
)
def case_cache_change(account: Any) -> Any:
    if not account.wrapped:
        return "refused"  # moto has no ModifyCacheCluster
    elasticache = account.client("elasticache")
    elasticache.create_cache_cluster(**CACHE)
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="c")
    elasticache.modify_cache_cluster(CacheClusterId="c", CacheNodeType="cache.t3.small", ApplyImmediately=False)

    def described() -> tuple[str, dict[str, Any]]:
        cluster = elasticache.describe_cache_clusters()["CacheClusters"][0]
        return cluster["CacheNodeType"], cluster["PendingModifiedValues"]

    before = described()
    advance(account, "8d")
    return *before, *described()


@case("a reboot of a cache takes a while", aws=("rebooting cluster nodes", "available"), stock="refused")
def case_cache_reboot(account: Any) -> Any:
    if not account.wrapped:
        return "refused"  # moto has no RebootCacheCluster
    elasticache = account.client("elasticache")
    elasticache.create_cache_cluster(**CACHE)
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="c")
    answer = elasticache.reboot_cache_cluster(CacheClusterId="c", CacheNodeIdsToReboot=["0001"])["CacheCluster"]
    advance(account, "3m")
    return answer["CacheClusterStatus"], elasticache.describe_cache_clusters()["CacheClusters"][0]["CacheClusterStatus"]


@case(
    "a new instance type of a broker waits for its reboot or its maintenance window",
    aws=[("mq.m5.large", "mq.m5.xlarge"), ("mq.m5.xlarge", None), ("mq.m5.large", None)],
    stock=[("mq.m5.xlarge", None)] * 2 + [("mq.m5.large", None)],
)
def case_broker_change(account: Any) -> Any:
    mq = account.client("mq")
    name = mq.create_broker(**BROKER)["BrokerId"]
    seen = []

    def look(duration: str) -> None:
        if account.wrapped:
            advance(account, duration)
        broker = mq.describe_broker(BrokerId=name)
        seen.append((broker["HostInstanceType"], broker.get("PendingHostInstanceType")))

    if account.wrapped:
        advance(account, "15m")
    mq.update_broker(BrokerId=name, HostInstanceType="mq.m5.xlarge")
    look("1s")
    mq.reboot_broker(BrokerId=name)
    look("10m")
    mq.update_broker(BrokerId=name, HostInstanceType="mq.m5.large")
    look("8d")
    return seen


ALWAYS = """
    ARN AtRestEncryptionEnabled AuthTokenEnabled AutoMinorVersionUpgrade CacheClusterCreateTime
    CacheParameterGroup CacheSecurityGroups CacheSubnetGroupName ClientDownloadLandingPage EngineVersion
    IpDiscovery NetworkType NumCacheNodes PendingModifiedValues PreferredAvailabilityZone
    PreferredMaintenanceWindow ReplicationGroupLogDeliveryEnabled SnapshotRetentionLimit SnapshotWindow
    TransitEncryptionEnabled
"""


@case("the description of a cache has the members that AWS always returns", aws=[], stock="some")
def case_cache_members(account: Any) -> Any:
    elasticache = account.client("elasticache")
    elasticache.create_cache_cluster(**CACHE)
    cluster = elasticache.describe_cache_clusters()["CacheClusters"][0]
    missing = [each for each in ALWAYS.split() if each not in cluster]
    return missing if account.wrapped else missing and "some"


ALWAYS_OF_GROUP = """
    ARN AtRestEncryptionEnabled AuthTokenEnabled AutoMinorVersionUpgrade AutomaticFailover CacheNodeType ClusterEnabled
    ClusterMode Engine IpDiscovery LogDeliveryConfigurations MemberClusters MultiAZ NetworkType NodeGroups
    PendingModifiedValues ReplicationGroupCreateTime SnapshotRetentionLimit SnapshotWindow TransitEncryptionEnabled
"""
ALWAYS_OF_BROKER = """
    ActionsRequired AuthenticationStrategy AutoMinorVersionUpgrade BrokerArn BrokerInstances Configurations Created
    EncryptionOptions EngineVersion Logs MaintenanceWindowStartTime PubliclyAccessible SecurityGroups StorageType
    SubnetIds Tags Users
"""
ALWAYS_OF_POOL = """
    AdminCreateUserConfig Arn CreationDate DeletionProtection EmailConfiguration EstimatedNumberOfUsers LambdaConfig
    LastModifiedDate MfaConfiguration Policies SchemaAttributes UserPoolTags UserPoolTier
"""


def missing_members(description: dict[str, Any], members: str) -> list[str]:
    return [each for each in members.split() if each not in description]


@case(
    "descriptions of replication groups, brokers, user pools and clients have the members that AWS always returns",
    aws=([], [], [], []),
    stock="some",
)
def case_members_of_groups_brokers_and_pools(account: Any) -> Any:
    elasticache, mq, idp = (account.client(name) for name in ("elasticache", "mq", "cognito-idp"))
    elasticache.create_replication_group(
        ReplicationGroupId="g", ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro"
    )
    broker = mq.create_broker(**BROKER)["BrokerId"]
    pool = idp.create_user_pool(PoolName="people")["UserPool"]["Id"]
    client = idp.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]
    missing = (
        missing_members(elasticache.describe_replication_groups()["ReplicationGroups"][0], ALWAYS_OF_GROUP),
        missing_members(mq.describe_broker(BrokerId=broker), ALWAYS_OF_BROKER),
        missing_members(idp.describe_user_pool(UserPoolId=pool)["UserPool"], ALWAYS_OF_POOL),
        missing_members(client, "CreationDate LastModifiedDate"),
    )
    return missing if account.wrapped else all(missing) and "some"


@case(
    "a replication group of two cache clusters has a primary and a replica",
    aws=(["g-001", "g-002"], ["primary", "replica"]),
    stock=(["g-001"], ["primary"]),
)
def case_nodes_of_group(account: Any) -> Any:
    elasticache = account.client("elasticache")
    group = elasticache.create_replication_group(
        ReplicationGroupId="g",
        ReplicationGroupDescription="d",
        CacheNodeType="cache.t3.micro",
        NumCacheClusters=2,
        AutomaticFailoverEnabled=True,
    )["ReplicationGroup"]
    return group["MemberClusters"], [each["CurrentRole"] for each in group["NodeGroups"][0]["NodeGroupMembers"]]
