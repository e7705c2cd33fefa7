"""Resources that take time to create and delete."""

from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_errors_network import Net
from tests.local.cases_errors_stores import BROKER, cache, database, refused

CREATED = {"Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20, "MasterUsername": "esaws"}


def new_database(account: Any) -> Any:
    parameters = {"DBInstanceIdentifier": "new", "MasterUserPassword": "local-only", **CREATED}
    return account.client("rds").create_db_instance(**parameters)["DBInstance"]


@case(
    "a new database is creating without an endpoint; a describe call waits until it is available",
    aws=(("creating", False), ("available", True)),
    stock=(("available", True), ("available", True)),
)
def case_new_database(account: Any) -> Any:
    made = new_database(account)
    (seen,) = account.client("rds").describe_db_instances(DBInstanceIdentifier="new")["DBInstances"]
    return tuple((described["DBInstanceStatus"], "Endpoint" in described) for described in (made, seen))


@case(
    "a changed, rebooted or stopped database is in transition",
    aws=(["modifying", "rebooting", "stopping", "starting"], ["available", "available", "stopped", "available"]),
    stock=(["available", "available", "stopped", "available"], ["available", "available", "stopped", "available"]),
)
def case_changed_database(account: Any) -> Any:
    rds, named = database(account), {"DBInstanceIdentifier": "db"}
    at_first, at_last = [], []
    for change, settings in (
        (rds.modify_db_instance, {"BackupRetentionPeriod": 2, "ApplyImmediately": True}),
        (rds.reboot_db_instance, {}),
        (rds.stop_db_instance, {}),
        (rds.start_db_instance, {}),
    ):
        at_first.append(change(**named, **settings)["DBInstance"]["DBInstanceStatus"])
        at_last.append(rds.describe_db_instances(**named)["DBInstances"][0]["DBInstanceStatus"])
    return at_first, at_last


@case(
    "a database that is being created can be deleted, but not changed, rebooted or copied",
    aws=["InvalidDBInstanceState"] * 3 + ["accepted"],
    stock=["accepted"] * 4,
)
def case_calls_while_creating(account: Any) -> Any:
    new_database(account)
    rds, named = account.client("rds"), {"DBInstanceIdentifier": "new"}
    return [
        refused(rds.modify_db_instance, **named, BackupRetentionPeriod=2),
        refused(rds.reboot_db_instance, **named),
        refused(rds.create_db_snapshot, **named, DBSnapshotIdentifier="copy"),
        refused(rds.delete_db_instance, **named, SkipFinalSnapshot=True),
    ]


@case(
    "a database that is being deleted blocks its subnet group and cannot be deleted again",
    aws=("deleting", "InvalidDBInstanceState", "InvalidDBSubnetGroupStateFault", "DBInstanceNotFound", "accepted"),
    stock=("deleting", "DBInstanceNotFound", "accepted", "DBInstanceNotFound", "DBSubnetGroupNotFoundFault"),
)
def case_deleted_database(account: Any) -> Any:
    rds, named = database(account), {"DBInstanceIdentifier": "db"}
    return (
        rds.delete_db_instance(**named, SkipFinalSnapshot=True)["DBInstance"]["DBInstanceStatus"],
        refused(rds.delete_db_instance, **named, SkipFinalSnapshot=True),
        refused(rds.delete_db_subnet_group, DBSubnetGroupName="group"),
        refused(rds.describe_db_instances, **named),
        refused(rds.delete_db_subnet_group, DBSubnetGroupName="group"),
    )


@case("a final snapshot exists after its database is deleted", aws=["available"], stock=["available"])
def case_last_snapshot(account: Any) -> Any:
    rds, named = database(account), {"DBInstanceIdentifier": "db"}
    rds.delete_db_instance(**named, FinalDBSnapshotIdentifier="last")
    rds.get_waiter("db_instance_deleted").wait(**named)
    return [described["Status"] for described in rds.describe_db_snapshots(DBSnapshotIdentifier="last")["DBSnapshots"]]


@case("a new snapshot is creating", aws=("creating", "available"), stock=("available", "available"))
def case_snapshot(account: Any) -> Any:
    rds = database(account)
    made = rds.create_db_snapshot(DBInstanceIdentifier="db", DBSnapshotIdentifier="copy")["DBSnapshot"]
    (seen,) = rds.describe_db_snapshots(DBSnapshotIdentifier="copy")["DBSnapshots"]
    return made["Status"], seen["Status"]


@case(
    "a new replica is creating while its source is available",
    aws=("creating", ["available", "available"]),
    stock=("available", ["available", "available"]),
)
def case_replica(account: Any) -> Any:
    rds = database(account)
    made = rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="db")
    described = rds.describe_db_instances()["DBInstances"]
    return made["DBInstance"]["DBInstanceStatus"], [each["DBInstanceStatus"] for each in described]


@case(
    "a cache that is being created cannot be changed or deleted",
    aws=("creating", "InvalidCacheClusterState", "InvalidCacheClusterState", "available"),
    stock=("available", "ResponseParserError", "accepted", "deleting"),
)
def case_new_cache(account: Any) -> Any:
    elasticache, named = account.client("elasticache"), {"CacheClusterId": "new"}
    node = {"CacheNodeType": "cache.t3.micro", "Engine": "redis", "NumCacheNodes": 1}
    return (
        elasticache.create_cache_cluster(**named, **node)["CacheCluster"]["CacheClusterStatus"],
        refused(elasticache.modify_cache_cluster, **named, SnapshotRetentionLimit=3),
        refused(elasticache.delete_cache_cluster, **named),
        elasticache.describe_cache_clusters(**named)["CacheClusters"][0]["CacheClusterStatus"],
    )


@case(
    "a cache that is being deleted blocks its subnet group and cannot be deleted again",
    aws=("deleting", "InvalidCacheClusterState", "CacheSubnetGroupInUse", "CacheClusterNotFound", "accepted"),
    stock=("deleting", "accepted", "ResponseParserError", "accepted", "ResponseParserError"),
)
def case_deleted_cache(account: Any) -> Any:
    elasticache, named = cache(account), {"CacheClusterId": "redis"}
    return (
        elasticache.delete_cache_cluster(**named)["CacheCluster"]["CacheClusterStatus"],
        refused(elasticache.delete_cache_cluster, **named),
        refused(elasticache.delete_cache_subnet_group, CacheSubnetGroupName="group"),
        refused(elasticache.describe_cache_clusters, **named),
        refused(elasticache.delete_cache_subnet_group, CacheSubnetGroupName="group"),
    )


@case(
    "a broker can be deleted or rebooted only while it runs",
    aws=["BadRequestException"] * 2 + ["RUNNING", "accepted", "BadRequestException", "NotFoundException"],
    stock=["accepted", "500", "NotFoundException", "500", "500", "NotFoundException"],
)
def case_broker(account: Any) -> Any:
    mq = account.client("mq")
    named = {"BrokerId": mq.create_broker(**BROKER)["BrokerId"]}
    return [
        refused(mq.delete_broker, **named),
        refused(mq.reboot_broker, **named),
        outcome(lambda: mq.describe_broker(**named)["BrokerState"]),
        refused(mq.delete_broker, **named),
        refused(mq.delete_broker, **named),
        refused(mq.describe_broker, **named),
    ]


@case(
    "a load balancer accepts a listener while it is being provisioned",
    aws=["provisioning", "active"],
    stock=["provisioning", "active"],
)
def case_new_balancer(account: Any) -> Any:
    net = Net(account)
    parameters = {"Name": "b", "Subnets": net.subnets, "SecurityGroups": [net.group]}
    (made,) = net.elbv2.create_load_balancer(**parameters)["LoadBalancers"]
    net.listener(made["LoadBalancerArn"])
    (seen,) = net.elbv2.describe_load_balancers(LoadBalancerArns=[made["LoadBalancerArn"]])["LoadBalancers"]
    return [made["State"]["Code"], seen["State"]["Code"]]


@case(
    "a new NAT gateway is pending, and its address is in use until it is deleted",
    aws=("pending", "available", "InvalidIPAddress.InUse", "deleted", None),
    stock=("available", "available", None, "deleted", "InvalidAllocationID.NotFound"),
)
def case_nat_gateway_in_time(account: Any) -> Any:
    net = Net(account)
    address = net.ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = net.ec2.create_nat_gateway(SubnetId=net.subnets[0], AllocationId=address)["NatGateway"]

    def state() -> str:
        (seen,) = net.ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
        return str(seen["State"])

    before = state()
    net.ec2.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
    release = net.done(lambda: net.ec2.release_address(AllocationId=address))
    return made["State"], before, release, state(), net.done(lambda: net.ec2.release_address(AllocationId=address))
