"""Meters of databases, caches, brokers, buckets, images, logs, alarms and metrics: from when and for what."""

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest

from local_aws_server import hooks
from local_aws_server.billing.unmetered import UNMETERED
from local_aws_server.services.s3 import metering, not_simulated
from tests.local.billing import reset
from tests.local.cases_errors_stores import BROKER, NODE
from tests.local.conftest import REGION, Account
from tests.local.timing import advance, control, now

HOURS_OF_JANUARY = 744
GIBIBYTE = 2**30
MEBIBYTE = 2**20

DATABASE = {
    "DBInstanceIdentifier": "db",
    "Engine": "postgres",
    "DBInstanceClass": "db.t3.micro",
    "AllocatedStorage": 20,
    "StorageType": "gp3",
    "MasterUsername": "esaws",
    "MasterUserPassword": "local-only",
}
NAMED = {"DBInstanceIdentifier": "db"}
INSTANCE, STORAGE, BACKUP = "InstanceUsage:db.t3.micro", "RDS:GP3-Storage", "RDS:ChargedBackupUsage"
CACHE = "NodeUsage:cache.t3.micro"
BROKER_HOURS, BROKER_STORAGE = "RabbitMQ-InstanceUsage:mq.t3.micro", "TimedStorage-RabbitMQ-ByteHrs"
BYTES = "TimedStorage-ByteHrs"
ALARM = {
    "AlarmName": "busy",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
    "Threshold": 80.0,
}
CONTAINER = {"name": "web", "image": "nginx", "memory": 64}
CPU = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"}


@pytest.fixture(scope="module")
def january(billing_server: str) -> str:
    """The URL of the billing server in January 2026; its tests advance the clock by some days together."""
    return reset(billing_server).url


@pytest.fixture(scope="module")
def ids() -> Iterator[int]:
    return itertools.count(400_000_000_000)


@pytest.fixture
def new_tenant(january: str, ids: Iterator[int]) -> Callable[..., Account]:
    return lambda region=REGION: Account(january, str(next(ids)), region=region)


@pytest.fixture
def tenant(new_tenant: Callable[..., Account]) -> Account:
    return new_tenant()


def lines(account: Account) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = control(account, "GET", "cost")["lines"]
    return rows


def line(account: Account, usage_type: str) -> dict[str, Any]:
    """The cost line of a usage type, given without the region's prefix; zeros if there is none."""
    nothing = {"running": "0", "quantity": "0"}
    return next((each for each in lines(account) if each["usage_type"].endswith(usage_type)), nothing)


def running(account: Account, usage_type: str) -> float:
    return float(line(account, usage_type)["running"])


def used(account: Account, usage_type: str) -> float:
    return float(line(account, usage_type)["quantity"])


def in_an_hour(account: Account, usage_type: str) -> float:
    """The usage that one more hour adds."""
    before = used(account, usage_type)
    advance(account, "1h")
    return used(account, usage_type) - before


def about(expected: float) -> Any:
    """Approximately, because the clock runs during a test."""
    return pytest.approx(expected, rel=0.01)


# --- databases


def database(account: Account, **settings: Any) -> Any:
    rds = account.client("rds")
    rds.create_db_instance(**DATABASE | settings)
    rds.get_waiter("db_instance_available").wait(**NAMED)
    return rds


def test_a_database_is_charged_from_when_it_is_available(tenant: Account) -> None:
    tenant.client("rds").create_db_instance(**DATABASE)
    advance(tenant, "5m")
    assert lines(tenant) == []
    advance(tenant, "1m")
    assert (running(tenant, INSTANCE), running(tenant, STORAGE)) == (1, 20)
    assert in_an_hour(tenant, INSTANCE) == about(1)
    assert in_an_hour(tenant, STORAGE) == about(20 / HOURS_OF_JANUARY)


def test_a_stopped_database_costs_only_its_storage(tenant: Account) -> None:
    rds = database(tenant)
    rds.stop_db_instance(**NAMED)
    advance(tenant, "1h")
    assert in_an_hour(tenant, INSTANCE) == 0
    assert in_an_hour(tenant, STORAGE) == about(20 / HOURS_OF_JANUARY)
    rds.start_db_instance(**NAMED)
    advance(tenant, "5m")
    assert running(tenant, INSTANCE) == 1


def test_a_deleted_database_costs_nothing(tenant: Account) -> None:
    database(tenant).delete_db_instance(**NAMED, SkipFinalSnapshot=True)
    assert (running(tenant, INSTANCE), running(tenant, STORAGE)) == (0, 0)
    advance(tenant, "1h")
    assert in_an_hour(tenant, STORAGE) == 0


def test_a_database_in_two_zones_has_usage_types_of_its_own(tenant: Account) -> None:
    database(tenant, MultiAZ=True)
    assert (running(tenant, "Multi-AZUsage:db.t3.micro"), running(tenant, "RDS:Multi-AZ-GP3-Storage")) == (1, 20)
    assert running(tenant, INSTANCE) == 0


def test_a_larger_database_costs_more_from_then_on(tenant: Account) -> None:
    database(tenant).modify_db_instance(**NAMED, AllocatedStorage=40, ApplyImmediately=True)
    assert in_an_hour(tenant, STORAGE) == about(40 / HOURS_OF_JANUARY)


def test_snapshots_are_free_while_their_database_exists(tenant: Account) -> None:
    rds = database(tenant)
    for name in ("first", "second"):
        rds.create_db_snapshot(**NAMED, DBSnapshotIdentifier=name)
    advance(tenant, "1h")
    assert running(tenant, BACKUP) == 0
    rds.delete_db_instance(**NAMED, SkipFinalSnapshot=True)
    advance(tenant, "1h")
    assert running(tenant, BACKUP) == 2, "both hold a tenth of 20 GB, and the second adds nothing"
    rds.delete_db_snapshot(DBSnapshotIdentifier="first")
    assert running(tenant, BACKUP) == 2, "the data of the first is now the second's"
    rds.delete_db_snapshot(DBSnapshotIdentifier="second")
    assert running(tenant, BACKUP) == 0


def test_instances_of_a_cluster_are_not_metered(tenant: Account) -> None:
    rds = tenant.client("rds")
    who = {"Engine": "aurora-postgresql", "DBClusterIdentifier": "aurora"}
    rds.create_db_cluster(**who, MasterUsername="esaws", MasterUserPassword="local-only")
    rds.create_db_instance(**who, **NAMED, DBInstanceClass="db.t4g.medium")
    advance(tenant, "1h")
    assert lines(tenant) == []


# --- caches


def cluster(account: Account, **settings: Any) -> Any:
    elasticache = account.client("elasticache")
    elasticache.create_cache_cluster(CacheClusterId="cache", **NODE | settings)
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="cache")
    return elasticache


def test_a_cache_costs_whole_hours_until_it_is_deleted(tenant: Account) -> None:
    elasticache = cluster(tenant)
    advance(tenant, "1s")
    assert used(tenant, CACHE) == 1, "the whole current hour"
    assert in_an_hour(tenant, CACHE) == 1
    elasticache.delete_cache_cluster(CacheClusterId="cache")
    advance(tenant, "1h")
    assert running(tenant, CACHE) == 0
    assert in_an_hour(tenant, CACHE) == 0


def test_a_cache_costs_each_of_its_nodes(tenant: Account) -> None:
    cluster(tenant, Engine="memcached", NumCacheNodes=3)
    advance(tenant, "1s")
    assert running(tenant, CACHE) == 3
    assert in_an_hour(tenant, CACHE) == 3


def test_a_replication_group_costs_each_of_its_clusters(tenant: Account) -> None:
    elasticache, named = tenant.client("elasticache"), {"ReplicationGroupId": "group"}
    params = {"CacheNodeType": "cache.t3.micro", "Engine": "valkey", "ReplicasPerNodeGroup": 1}
    elasticache.create_replication_group(**named, ReplicationGroupDescription="d", **params)
    advance(tenant, "10m")
    assert running(tenant, CACHE) == 2
    elasticache.delete_replication_group(**named)
    assert running(tenant, CACHE) == 0


# --- brokers


def test_a_broker_is_charged_from_when_it_runs_until_it_is_deleted(tenant: Account) -> None:
    mq = tenant.client("mq")
    broker = mq.create_broker(**BROKER)["BrokerId"]
    advance(tenant, "11m")
    assert (running(tenant, BROKER_HOURS), running(tenant, BROKER_STORAGE)) == (0, 0)
    advance(tenant, "1m")
    assert (running(tenant, BROKER_HOURS), running(tenant, BROKER_STORAGE)) == (1, 20)
    mq.reboot_broker(BrokerId=broker)
    assert running(tenant, BROKER_HOURS) == 1
    advance(tenant, "3m")
    mq.delete_broker(BrokerId=broker)
    assert (running(tenant, BROKER_HOURS), running(tenant, BROKER_STORAGE)) == (0, 0)


def test_a_cluster_of_brokers_costs_three_instances(tenant: Account) -> None:
    params = {"DeploymentMode": "CLUSTER_MULTI_AZ", "HostInstanceType": "mq.m5.large"}
    tenant.client("mq").create_broker(**BROKER | params)
    advance(tenant, "12m")
    assert (running(tenant, "RabbitMQ-InstanceUsage:mq.m5.large"), running(tenant, BROKER_STORAGE)) == (3, 600)


# --- buckets


def bucket(account: Account, name: str = "", region: str = REGION) -> tuple[Any, str]:
    s3, name = account.client("s3"), name or f"clips-{account.id}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    return s3, name


def test_a_bucket_costs_its_contents_with_old_versions_and_unfinished_uploads(tenant: Account) -> None:
    s3, name = bucket(tenant)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=name, Key="clip", Body=b"x" * MEBIBYTE)
    upload = s3.create_multipart_upload(Bucket=name, Key="long")["UploadId"]
    s3.upload_part(Bucket=name, Key="long", UploadId=upload, PartNumber=1, Body=b"x" * MEBIBYTE)
    s3.delete_object(Bucket=name, Key="clip")
    assert running(tenant, BYTES) == 3 * MEBIBYTE / GIBIBYTE
    assert in_an_hour(tenant, BYTES) == pytest.approx(3 / 1024 / HOURS_OF_JANUARY, abs=1e-8)
    s3.abort_multipart_upload(Bucket=name, Key="long", UploadId=upload)
    assert running(tenant, BYTES) == 2 * MEBIBYTE / GIBIBYTE


def test_an_overwritten_object_counts_once_and_a_deleted_one_not(tenant: Account) -> None:
    s3, name = bucket(tenant)
    for size in (2, 1):
        s3.put_object(Bucket=name, Key="clip", Body=b"x" * size * MEBIBYTE)
    assert running(tenant, BYTES) == MEBIBYTE / GIBIBYTE
    s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "clip"}]})
    assert running(tenant, BYTES) == 0


def test_another_storage_class_is_another_usage_type_without_a_price(tenant: Account) -> None:
    s3, name = bucket(tenant)
    s3.put_object(Bucket=name, Key="clip", Body=b"x" * MEBIBYTE, StorageClass="STANDARD_IA")
    advance(tenant, "1h")
    row = line(tenant, "TimedStorage-SIA-ByteHrs")
    assert (float(row["running"]), row["priced"]) == (MEBIBYTE / GIBIBYTE, False)


def test_requests_have_two_tiers_and_deleting_is_free(tenant: Account) -> None:
    s3, name = bucket(tenant)
    s3.put_object(Bucket=name, Key="clip", Body=b"clip")
    s3.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": "clip"})
    s3.list_objects_v2(Bucket=name)
    s3.get_object(Bucket=name, Key="clip")
    s3.head_object(Bucket=name, Key="clip")
    s3.delete_object(Bucket=name, Key="clip")
    s3.list_buckets()
    assert (used(tenant, "Requests-Tier1"), used(tenant, "Requests-Tier2")) == (4, 2)


def test_a_request_that_fails_is_not_counted(tenant: Account) -> None:
    s3, name = bucket(tenant)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=name, Key="absent")
    assert used(tenant, "Requests-Tier2") == 0


def test_the_bucket_of_bills_is_not_metered(tenant: Account) -> None:
    s3, name = bucket(tenant, f"esaws-billing-{tenant.id}")
    s3.put_object(Bucket=name, Key="bill", Body=b"x" * MEBIBYTE)
    s3.get_object(Bucket=name, Key="bill")
    advance(tenant, "1h")
    assert lines(tenant) == []


def test_a_bucket_that_receives_an_export_is_no_longer_metered(tenant: Account) -> None:
    s3, name = bucket(tenant)
    s3.put_object(Bucket=name, Key="clip", Body=b"x" * MEBIBYTE)
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": ["billingreports.amazonaws.com", "bcm-data-exports.amazonaws.com"]},
        "Action": ["s3:PutObject", "s3:GetBucketPolicy"],
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    output = {"OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": "OVERWRITE_REPORT"}
    destination = {"S3Bucket": name, "S3Prefix": "cur", "S3Region": REGION, "S3OutputConfigurations": output}
    assert running(tenant, BYTES) == MEBIBYTE / GIBIBYTE
    tenant.client("bcm-data-exports").create_export(
        Export={
            "Name": "bills",
            "DataQuery": {"QueryStatement": "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT"},
            "DestinationConfigurations": {"S3Destination": destination},
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        }
    )
    assert running(tenant, BYTES) == 0
    requests = used(tenant, "Requests-Tier1"), used(tenant, "Requests-Tier2")
    for each in s3.list_objects_v2(Bucket=name)["Contents"]:
        s3.get_object(Bucket=name, Key=each["Key"])
    assert (used(tenant, "Requests-Tier1"), used(tenant, "Requests-Tier2")) == requests


def test_a_bucket_is_metered_in_its_own_region(new_tenant: Callable[..., Account]) -> None:
    account = new_tenant("us-east-1")
    s3, name = bucket(account)
    s3.put_object(Bucket=name, Key="clip", Body=b"x" * MEBIBYTE)
    advance(account, "1h")
    assert {each["usage_type"] for each in lines(account)} == {"EUW3-TimedStorage-ByteHrs", "EUW3-Requests-Tier1"}


def test_each_simulated_bucket_operation_has_a_tier_or_is_free() -> None:
    hooks.import_hook_modules()
    model = boto3.client("s3", region_name=REGION).meta.service_model
    counted = metering._TIER_1.keys() | metering._TIER_2.keys()
    refused = {
        operation
        for (service, operation), hooks in hooks.HOOKS.items()
        if service == "s3" and not_simulated.refuse in hooks.before
    }
    unknown = (
        {
            name
            for name in model.operation_names
            if "Bucket" in getattr(model.operation_model(name).input_shape, "members", ())
            and not model.operation_model(name).deprecated
            and not name.startswith(("Delete", "Abort"))
        }
        - counted
        - refused
    )
    assert unknown == {"RestoreObject"}, "which has a tier of its own"
    assert counted <= set(model.operation_names)


# --- images


def push(account: Account, tag: str, *layers: tuple[str, int]) -> None:
    blobs = [{"mediaType": "layer", "digest": f"sha256:{name}", "size": size} for name, size in layers]
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": blobs[0], "layers": blobs[1:]}
    account.client("ecr").put_image(repositoryName="site", imageManifest=json.dumps(manifest), imageTag=tag)


def test_a_shared_layer_of_images_counts_once(tenant: Account) -> None:
    ecr = tenant.client("ecr")
    ecr.create_repository(repositoryName="site")
    push(tenant, "one", ("config1", 1024), ("base", 50 * MEBIBYTE), ("one", MEBIBYTE))
    push(tenant, "two", ("config2", 1024), ("base", 50 * MEBIBYTE), ("two", 2 * MEBIBYTE))
    assert running(tenant, BYTES) == pytest.approx((53 * MEBIBYTE + 2048) / GIBIBYTE)
    ecr.batch_delete_image(repositoryName="site", imageIds=[{"imageTag": "one"}])
    assert running(tenant, BYTES) == pytest.approx((52 * MEBIBYTE + 1024) / GIBIBYTE)


def test_what_lifecycle_rules_delete_costs_nothing_any_more(tenant: Account) -> None:
    s3, name = bucket(tenant)
    s3.put_object(Bucket=name, Key="clip", Body=b"x" * MEBIBYTE)
    rule = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    advance(tenant, "3d")
    assert running(tenant, BYTES) == 0


def test_what_a_lifecycle_policy_deletes_costs_nothing_any_more(tenant: Account) -> None:
    ecr = tenant.client("ecr")
    ecr.create_repository(repositoryName="site")
    push(tenant, "one", ("config1", 1024), ("base", 50 * MEBIBYTE))
    selection = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
    rules = {"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]}
    ecr.put_lifecycle_policy(repositoryName="site", lifecyclePolicyText=json.dumps(rules))
    advance(tenant, "3d")
    assert running(tenant, BYTES) == 0


# --- logs


def test_logs_cost_ingestion_and_compressed_storage(tenant: Account) -> None:
    logs, named = tenant.client("logs"), {"logGroupName": "group"}
    logs.create_log_group(**named)
    logs.create_log_stream(**named, logStreamName="stream")
    at = int(now(tenant) * 1000)
    old = {"timestamp": at - 30 * 86_400_000, "message": "rejected"}
    new = [{"timestamp": at, "message": "é" * 100_000} for _ in range(5)]
    for events in ([old], new):
        logs.put_log_events(**named, logStreamName="stream", logEvents=events)
    ingested = 5 * (200_000 + 26)
    assert used(tenant, "DataProcessing-Bytes") == pytest.approx(ingested / GIBIBYTE, abs=1e-9)
    assert running(tenant, BYTES) == pytest.approx(0.15 * ingested / GIBIBYTE)
    advance(tenant, "1h")
    assert used(tenant, "DataProcessing-Bytes") == pytest.approx(ingested / GIBIBYTE, abs=1e-9)
    logs.put_retention_policy(**named, retentionInDays=1)
    advance(tenant, "25h")
    assert running(tenant, BYTES) == 0


# --- alarms and metrics


def stat(name: str) -> dict[str, Any]:
    return {"Id": name, "ReturnData": False, "MetricStat": {"Metric": CPU, "Period": 60, "Stat": "Average"}}


def test_an_alarm_costs_each_of_its_metrics(tenant: Account) -> None:
    cloudwatch = tenant.client("cloudwatch")
    one = {**CPU, "Period": 60, "Statistic": "Average"}
    cloudwatch.put_metric_alarm(**ALARM, **one)
    assert running(tenant, "CW:AlarmMonitorUsage") == 1
    together = {"Id": "sum", "Expression": "a + b", "ReturnData": True}
    cloudwatch.put_metric_alarm(**ALARM | {"AlarmName": "both"}, Metrics=[stat("a"), stat("b"), together])
    cloudwatch.put_metric_alarm(**ALARM | {"AlarmName": "often"}, **one | {"Period": 10})
    assert running(tenant, "CW:AlarmMonitorUsage") == 3
    assert in_an_hour(tenant, "CW:AlarmMonitorUsage") == about(3 / HOURS_OF_JANUARY)
    assert line(tenant, "CW:HighResAlarmMonitorUsage")["priced"] is False
    cloudwatch.delete_alarms(AlarmNames=["both"])
    assert running(tenant, "CW:AlarmMonitorUsage") == 1


def test_alarms_created_by_target_tracking_are_charged(tenant: Account) -> None:
    tenant.client("ecs").create_cluster(clusterName="c")
    tenant.client("ecs").register_task_definition(family="f", containerDefinitions=[CONTAINER])
    tenant.client("ecs").create_service(cluster="c", serviceName="s", taskDefinition="f", desiredCount=0)
    scaling = tenant.client("application-autoscaling")
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/c/s",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    scaling.put_scaling_policy(
        **target,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 50.0, "PredefinedMetricSpecification": metric},
    )
    assert running(tenant, "CW:AlarmMonitorUsage") == 2


def test_a_custom_metric_is_charged_in_the_hours_with_data(tenant: Account) -> None:
    cloudwatch, a_metric = tenant.client("cloudwatch"), "CW:MetricMonitorUsage"
    data = [{"MetricName": name, "Value": 1.0} for name in ("orders", "visits")]
    advance_to_the_next_hour(tenant)
    for _ in range(3):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    advance(tenant, "1s")
    assert used(tenant, a_metric) == about(2 / HOURS_OF_JANUARY)
    assert in_an_hour(tenant, a_metric) == 0
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=data[:1])
    assert used(tenant, a_metric) == about(3 / HOURS_OF_JANUARY)


def advance_to_the_next_hour(account: Account) -> None:
    """Advance to a full hour, so that the next calls fall into one hour."""
    then = datetime.fromtimestamp((now(account) // 3600 + 1) * 3600, UTC)
    control(account, "POST", "advance", to=then.isoformat())


# --- all of them


def create_all(account: Account) -> None:
    """Create one of each kind of resource that esaws creates by default, metrics and logs."""
    region = account.region
    account.client("rds").create_db_instance(**DATABASE)
    account.client("elasticache").create_cache_cluster(CacheClusterId="cache", **NODE)
    account.client("mq").create_broker(**BROKER)
    s3, name = account.client("s3"), f"clips-{account.id}"
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **place)
    s3.put_object(Bucket=name, Key="clip", Body=b"x" * MEBIBYTE)
    s3.get_object(Bucket=name, Key="clip")
    account.client("ecr").create_repository(repositoryName="site")
    push(account, "latest", ("config", 1024), ("base", MEBIBYTE))
    logs, group = account.client("logs"), {"logGroupName": "group"}
    logs.create_log_group(**group)
    logs.create_log_stream(**group, logStreamName="stream")
    event = {"timestamp": int(now(account) * 1000), "message": "x" * 100_000}
    logs.put_log_events(**group, logStreamName="stream", logEvents=[event])
    account.client("cloudwatch").put_metric_alarm(**ALARM, **CPU, Period=60, Statistic="Average")
    account.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "orders", "Value": 1.0}])
    advance(account, "1h")
    account.client("rds").create_db_snapshot(**NAMED, DBSnapshotIdentifier="last")
    advance(account, "5m")
    account.client("rds").delete_db_instance(**NAMED, SkipFinalSnapshot=True)
    advance(account, "1h")


@pytest.mark.parametrize("region", ["eu-west-3", "us-east-1"])
def test_each_default_resource_has_a_price(new_tenant: Callable[..., Account], region: str) -> None:
    account = new_tenant(region)
    create_all(account)
    rows = lines(account)
    assert {row["service"] for row in rows} >= {
        "Amazon EC2 Container Registry (ECR)",
        "Amazon ElastiCache",
        "Amazon MQ",
        "Amazon Relational Database Service",
        "Amazon Simple Storage Service",
        "AmazonCloudWatch",
    }
    assert [row["usage_type"] for row in rows if not row["priced"]] == []
    assert {BACKUP, STORAGE} <= {row["usage_type"].removeprefix("EUW3-") for row in rows}


def test_charges_have_the_tags_of_the_resource(tenant: Account) -> None:
    rds, cloudwatch = database(tenant, Tags=[{"Key": "team", "Value": "blue"}]), tenant.client("cloudwatch")
    advance(tenant, "2h")
    arn = rds.describe_db_instances(**NAMED)["DBInstances"][0]["DBInstanceArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "team", "Value": "red"}])
    cloudwatch.put_metric_alarm(
        **ALARM, **CPU, Period=60, Statistic="Average", Tags=[{"Key": "team", "Value": "green"}]
    )
    advance(tenant, "1h")
    answer = tenant.client("ce").get_cost_and_usage(
        TimePeriod={"Start": "2026-01-01", "End": "2026-02-01"},
        Granularity="MONTHLY",
        Metrics=["UsageQuantity"],
        GroupBy=[{"Type": "TAG", "Key": "team"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
    )
    quantity = {
        tuple(group["Keys"]): Decimal(group["Metrics"]["UsageQuantity"]["Amount"])
        for group in answer["ResultsByTime"][0]["Groups"]
    }
    assert float(quantity["team$blue", f"EUW3-{INSTANCE}"]) == about(2)
    assert float(quantity["team$red", f"EUW3-{INSTANCE}"]) == about(1)
    assert float(quantity["team$green", "EUW3-CW:AlarmMonitorUsage"]) == about(1 / HOURS_OF_JANUARY)


# --- tasks on Fargate

VCPUS, GIGABYTES, TASK_ADDRESS = "Fargate-vCPU-Hours:perCPU", "Fargate-GB-Hours", "PublicIPv4:InUseAddress"


def fargate_task(account: Account, architecture: str = "X86_64", provider: str = "FARGATE") -> Callable[[], Any]:
    """Start a task of half a vCPU and one gigabyte in a new VPC; return a function that stops it."""
    ec2, ecs = account.client("ec2"), account.client("ecs")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(
        family="f",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="512",
        memory="1024",
        runtimePlatform={"cpuArchitecture": architecture, "operatingSystemFamily": "LINUX"},
        containerDefinitions=[{"name": "web", "image": "nginx"}],
    )
    (task,) = ecs.run_task(
        cluster="c",
        taskDefinition="f",
        capacityProviderStrategy=[{"capacityProvider": provider}],
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "assignPublicIp": "ENABLED"}},
    )["tasks"]
    ecs.get_waiter("tasks_running").wait(cluster="c", tasks=[task["taskArn"]])
    return lambda: ecs.stop_task(cluster="c", task=task["taskArn"])


def test_a_task_on_fargate_costs_its_vcpus_memory_and_address_until_it_has_stopped(tenant: Account) -> None:
    stop = fargate_task(tenant)
    assert (running(tenant, VCPUS), running(tenant, GIGABYTES), running(tenant, TASK_ADDRESS)) == (0.5, 1, 1)
    assert in_an_hour(tenant, VCPUS) == about(0.5)
    assert in_an_hour(tenant, GIGABYTES) == about(1)
    stop()
    advance(tenant, "5m")
    assert (running(tenant, VCPUS), running(tenant, GIGABYTES), running(tenant, TASK_ADDRESS)) == (0, 0, 0)
    assert in_an_hour(tenant, VCPUS) == in_an_hour(tenant, TASK_ADDRESS) == 0


def test_a_task_on_fargate_costs_at_least_a_minute(tenant: Account) -> None:
    stopped = fargate_task(tenant)()["task"]["taskArn"]
    advance(tenant, "10m")
    (task,) = tenant.client("ecs").describe_tasks(cluster="c", tasks=[stopped])["tasks"]
    assert (task["stoppedAt"] - task["pullStartedAt"]).total_seconds() < 60
    assert used(tenant, GIGABYTES) == about(1 / 60)


def test_fargate_tasks_on_arm_and_on_spot_are_not_metered(new_tenant: Callable[..., Account]) -> None:
    for changes in ({"architecture": "ARM64"}, {"provider": "FARGATE_SPOT"}):
        account = new_tenant()
        fargate_task(account, **changes)
        assert [each for each in lines(account) if "Fargate" in each["usage_type"]] == []


def test_the_list_of_unmetered_usage_has_no_duplicates() -> None:
    items = [(unmetered.service, unmetered.item) for unmetered in UNMETERED]
    assert len(set(items)) == len(items)
