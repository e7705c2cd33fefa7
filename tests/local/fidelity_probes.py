"""Probes of the table of fidelity: one for each row that promises that something is kept or does not happen.

A probe names its row by the service and the first words of the statement, takes an empty account, and raises an
AssertionError if the row is untrue. `TESTED` names the tests and cases that prove a row elsewhere.
"""

import io
import json
import urllib.request
import zipfile
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from esaws.errors import UsageError
from local_aws_server.services.elbv2.routing import Request, TrafficShare, route
from tests.local.cases import TRUST, outcome
from tests.local.cases_load_balancing import FIXED, Site, forward
from tests.local.ecs_site import IMAGE
from tests.local.ecs_site import Site as EcsSite
from tests.local.timing import advance, control, events, now

ANYTHING_ELSE = "anything else"
ELB = "Elastic Load Balancing"

Probe = Callable[[Any], None]

PROBES: dict[tuple[str, str], Probe] = {}
"""(service, the first words of a statement) → its probe."""

COMPOSITE = "a rule of a composite alarm must be valid, and its alarms exist"

TESTED = {
    ("CloudFormation", "Stacks with a resource type"): "tests/local/test_instances_of_groups.py",
    (
        "CloudWatch",
        "A composite alarm whose actions",
    ): COMPOSITE,
    ("ECR", "The archive storage class"): "a lifecycle policy that ECR does not take is refused, and not kept",
    (ELB, "Rules of Network Load Balancers"): "rules of a Network Load Balancer and QUIC are not simulated",
}
"""The start of a row → the case, or the file of the test, that proves it."""


def proves(service: str, *starts: str) -> Callable[[Probe], Probe]:
    """Register the probe of rows, by the first words of their statements."""

    def register(probe: Probe) -> Probe:
        for start in starts:
            PROBES[service, start] = probe
        return probe

    return register


def is_refused(call: Callable[[], Any]) -> bool:
    return bool(outcome(call) == "NotSimulated")


# --- kept


@proves("Amazon MQ", "Brokers and their users")
def brokers(account: Any) -> None:
    mq = account.client("mq")
    broker = mq.create_broker(
        BrokerName="b",
        EngineType="ACTIVEMQ",
        EngineVersion="5.18",
        HostInstanceType="mq.t3.micro",
        DeploymentMode="SINGLE_INSTANCE",
        PubliclyAccessible=False,
        AutoMinorVersionUpgrade=True,
        Users=[{"Username": "first", "Password": "twelve-characters"}],
    )["BrokerId"]
    mq.create_user(BrokerId=broker, Username="second", Password="twelve-characters")
    assert {user["Username"] for user in mq.list_users(BrokerId=broker)["Users"]} == {"first", "second"}


@proves("Cloud Map", "Namespaces and services")
def namespaces(account: Any) -> None:
    client = account.client("servicediscovery")
    client.create_http_namespace(Name="n")
    namespace = client.list_namespaces()["Namespaces"][0]["Id"]
    client.create_service(Name="s", NamespaceId=namespace)
    assert [service["Name"] for service in client.list_services()["Services"]] == ["s"]


@proves("CloudWatch", "Alarms, dashboards and metrics")
def dashboards(account: Any) -> None:
    client = account.client("cloudwatch")
    client.put_dashboard(DashboardName="d", DashboardBody='{"widgets": []}')
    client.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1}])
    assert [each["DashboardName"] for each in client.list_dashboards()["DashboardEntries"]] == ["d"]
    assert [each["MetricName"] for each in client.list_metrics(Namespace="N")["Metrics"]] == ["m"]


def _alarm(**settings: Any) -> dict[str, Any]:
    return {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", **settings}


_METRIC = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Average"}


@proves("CloudWatch", "Alarms on anomaly detection")
def anomaly_detection(account: Any) -> None:
    client = account.client("cloudwatch")
    metrics = [
        {"Id": "m", "MetricStat": _METRIC, "ReturnData": True},
        {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m, 2)", "ReturnData": True},
    ]
    comparison = "LessThanLowerOrGreaterThanUpperThreshold"
    client.put_metric_alarm(**_alarm(Metrics=metrics, ThresholdMetricId="band", ComparisonOperator=comparison))
    client.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1}])
    advance(account, "5m")
    assert client.describe_alarms()["MetricAlarms"][0]["StateValue"] == "INSUFFICIENT_DATA"


@proves("CloudWatch", "EvaluateLowSampleCountPercentile")
def low_samples(account: Any) -> None:
    client = account.client("cloudwatch")
    client.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 5}])
    client.put_metric_alarm(
        **_alarm(
            Namespace="N",
            MetricName="m",
            Period=60,
            ExtendedStatistic="p99",
            Threshold=1,
            EvaluateLowSampleCountPercentile="ignore",
        )
    )
    advance(account, "2m")
    alarm = client.describe_alarms()["MetricAlarms"][0]
    assert (alarm["EvaluateLowSampleCountPercentile"], alarm["StateValue"] != "OK") == ("ignore", True)


@proves("CloudWatch Logs", "Log groups, streams and events")
def log_events(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    time = round(now(account) * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": time, "message": "hello"}])
    assert logs.get_log_events(logGroupName="g", logStreamName="s")["events"][0]["message"] == "hello"


@proves("Cognito", "User pools, clients")
def user_pools(account: Any) -> None:
    client = account.client("cognito-idp")
    pool = client.create_user_pool(PoolName="p")["UserPool"]["Id"]
    client.create_user_pool_client(UserPoolId=pool, ClientName="c")
    client.admin_create_user(UserPoolId=pool, Username="u")
    assert [user["Username"] for user in client.list_users(UserPoolId=pool)["Users"]] == ["u"]
    assert [each["ClientName"] for each in client.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"]] == ["c"]


@proves("EC2 and VPC", "Networks, subnets, route tables")
def networks(account: Any) -> None:
    ec2 = account.client("ec2")
    vpc, subnets, group = account.network()
    volume = ec2.create_volume(AvailabilityZone=account.zones()[0], Size=1)["VolumeId"]
    assert {each["SubnetId"] for each in ec2.describe_subnets(SubnetIds=subnets)["Subnets"]} == set(subnets)
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"] == vpc
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"] == 1


@proves("ECR", "Repositories, their policies")
def repositories(account: Any) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="app")
    statement = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    ecr.set_repository_policy(repositoryName="app", policyText=json.dumps(policy))
    kept = ecr.get_repository_policy(repositoryName="app")["policyText"]
    assert json.loads(kept) == policy


@proves("ECS", "Clusters, capacity providers")
def clusters(account: Any) -> None:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
    assert [arn.split("/")[-1] for arn in ecs.list_clusters()["clusterArns"]] == ["c"]
    assert [arn.split("/")[-1] for arn in ecs.list_task_definitions()["taskDefinitionArns"]] == ["f:1"]


@proves(ELB, "Access, connection and health check logs", "Load balancers, target groups and listeners are stored")
def kept_attributes(account: Any) -> None:
    site = Site(account)
    s3, bucket = account.client("s3"), f"logs-{account.id}"
    location = {} if account.region == "us-east-1" else {"LocationConstraint": account.region}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": location} if location else {}))
    wanted = {
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": bucket,
        "zonal_shift.config.enabled": "true",
    }
    attributes = [{"Key": key, "Value": value} for key, value in wanted.items()]
    site.elbv2.modify_load_balancer_attributes(LoadBalancerArn=site.load_balancer, Attributes=attributes)
    slow = [{"Key": "slow_start.duration_seconds", "Value": "60"}]
    site.elbv2.modify_target_group_attributes(TargetGroupArn=site.groups[0], Attributes=slow)
    advance(account, "2h")
    described = site.elbv2.describe_load_balancer_attributes(LoadBalancerArn=site.load_balancer)["Attributes"]
    assert wanted.items() <= {each["Key"]: each["Value"] for each in described}.items()
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@proves("IAM", "Users, roles, profiles", "Enforcement of policies")
def users(account: Any) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="u")
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(deny))
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    assert iam.list_user_policies(UserName="u")["PolicyNames"] == ["p"]
    acting = type(account)(account.url, key, region=account.region)
    assert acting.client("sts").get_caller_identity()["Account"] == account.id
    assert acting.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@proves("RDS", "DB instances, their subnet", "Databases behind the endpoints")
def databases(account: Any) -> None:
    rds = account.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="db",
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="someone",
        MasterUserPassword="barbarbar",
    )
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="db")
    rds.create_db_snapshot(DBInstanceIdentifier="db", DBSnapshotIdentifier="s")
    rds.create_db_parameter_group(DBParameterGroupName="p", DBParameterGroupFamily="postgres16", Description="p")
    assert "s" in {each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots()["DBSnapshots"]}
    address = rds.describe_db_instances()["DBInstances"][0]["Endpoint"]["Address"]
    assert address.endswith(".rds.amazonaws.com"), "it names no server on this machine"


@proves("RDS", "With `--run`:")
def databases_that_run(account: Any) -> None:
    rds = account.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="p", DBParameterGroupFamily="postgres16", Description="p")
    value = {"ParameterName": "max_connections", "ParameterValue": "7", "ApplyMethod": "pending-reboot"}
    rds.modify_db_parameter_group(DBParameterGroupName="p", Parameters=[value])
    rds.create_db_instance(
        DBInstanceIdentifier="db",
        Engine="postgres",
        EngineVersion="16",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="someone",
        MasterUserPassword="barbarbar",
        DBParameterGroupName="p",
        BackupRetentionPeriod=1,
    )
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="db")
    rds.create_db_instance_read_replica(DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="db")
    described = {each["id"]: each for each in should_run(account, "db_instances") if each["kind"] == "db_instance"}
    assert described["replica"]["replica_of"] == "db", "it does not run, and says so"
    assert described["db"]["engine_version"].startswith("16."), "what runs says its own version"
    assert not any("parameter" in name or "storage" in name for name in described["db"]), "they limit nothing"


@proves("ElastiCache", "With `--run`:")
def caches_that_run(account: Any) -> None:
    elasticache = account.client("elasticache")
    elasticache.create_replication_group(
        ReplicationGroupId="group", ReplicationGroupDescription="group", CacheNodeType="cache.t3.micro"
    )
    [group] = should_run(account, "cache_clusters")
    assert (group["kind"], "address" in group) == ("replication_group", False), "it has no place to run at"


def should_run(account: Any, name: str) -> list[dict[str, Any]]:
    """What the local AWS asks its data plane to run in an account."""
    described = control(account, "GET", "running")["accounts"]
    place = (account.id, account.region)
    return [entry for each in described if (each["account"], each["region"]) == place for entry in each.get(name, [])]


@proves("S3", "Buckets, objects and versions", "Configurations of a bucket for metrics", "Who pays for the requests")
def buckets(account: Any) -> None:
    s3, bucket = account.client("s3"), f"kept-{account.id}"
    location = {} if account.region == "us-east-1" else {"LocationConstraint": account.region}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": location} if location else {}))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    metrics = {"Id": "all", "Filter": {"Prefix": "logs/"}}
    s3.put_bucket_metrics_configuration(Bucket=bucket, Id="all", MetricsConfiguration=metrics)
    kept = s3.list_bucket_metrics_configurations(Bucket=bucket)["MetricsConfigurationList"]
    assert kept == [metrics]
    assert s3.get_bucket_metrics_configuration(Bucket=bucket, Id="all")["MetricsConfiguration"] == metrics
    s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="all")
    assert s3.list_bucket_metrics_configurations(Bucket=bucket)["IsTruncated"] is False


@proves("S3", "CORS: the rules of a bucket")
def cors(account: Any) -> None:
    s3, bucket = account.client("s3"), f"pages-{account.id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    rule = {"AllowedOrigins": ["https://example.com"], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    of_page = urllib.request.Request(s3.generate_presigned_url("list_objects_v2", {"Bucket": bucket}))
    of_page.add_header("Origin", "https://example.com")
    with pytest.raises(HTTPError, match="403"):
        urllib.request.urlopen(of_page)


@proves(ANYTHING_ELSE, "Operations and services of moto that no module")
def other_services(account: Any) -> None:
    kms = account.client("kms")
    key = kms.create_key(Description="d")["KeyMetadata"]["KeyId"]
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "d"


@proves("Secrets Manager", "Rotation on a schedule")
def rotation(account: Any) -> None:
    client = account.client("secretsmanager")
    secret = client.create_secret(Name="s", SecretString="a")["ARN"]
    rules = {"AutomaticallyAfterDays": 1}
    call = client.rotate_secret
    refused = outcome(lambda: call(SecretId=secret, RotationRules=rules, RotateImmediately=False))
    before = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    advance(account, "3d")
    assert refused == "InvalidRequestException", "a schedule needs a function"
    assert client.describe_secret(SecretId=secret)["VersionIdsToStages"] == before


@proves("Systems Manager", "Policies of parameters")
def parameter_policies(account: Any) -> None:
    ssm = account.client("ssm")
    policies = json.dumps(
        [{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2020-01-01T00:00:00Z"}}]
    )
    ssm.put_parameter(Name="p", Value="v", Type="String", Tier="Advanced", Policies=policies)
    advance(account, "1d")
    assert ssm.get_parameter(Name="p")["Parameter"]["Value"] == "v"


# --- refused


@proves("AWS Budgets", "Budget actions")
def budget_actions(account: Any) -> None:
    call = account.client("budgets").describe_budget_actions_for_account
    assert is_refused(lambda: call(AccountId=account.id))


@proves("CloudWatch", "Alarms on PromQL", "Functions of metric math")
def expressions(account: Any) -> None:
    client = account.client("cloudwatch")
    stat = {"Id": "m", "MetricStat": _METRIC, "ReturnData": False}
    rate = {"Id": "r", "Expression": "RATE(m)", "ReturnData": True}
    assert is_refused(lambda: client.put_metric_alarm(**_alarm(Metrics=[stat, rate], Threshold=1)))
    end = now(account)
    call = client.get_metric_data
    assert is_refused(lambda: call(StartTime=end - 3600, EndTime=end, MetricDataQueries=[stat, rate]))


@proves("CloudWatch Logs", "A subscription filter with a Lambda")
def subscription(account: Any) -> None:
    logs, functions = account.client("logs"), account.client("lambda")
    role = account.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    with zipfile.ZipFile(archive := io.BytesIO(), "w") as file:
        file.writestr("f.py", "def handle(event, context): pass")
    settings = {"Runtime": "python3.13", "Handler": "f.handle", "Code": {"ZipFile": archive.getvalue()}}
    function = functions.create_function(FunctionName="f", Role=role, **settings)["FunctionArn"]
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    filter_ = {"logGroupName": "g", "filterName": "f", "filterPattern": "", "destinationArn": function}
    assert outcome(lambda: logs.put_subscription_filter(**filter_)) == "InvalidParameterException"
    functions.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    logs.put_subscription_filter(**filter_)
    event = {"timestamp": int(now(account) * 1000), "message": "a line"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    assert any("runs no functions" in str(each) for each in events(account))
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["g"]


@proves(ELB, "Mutual TLS and trust stores")
def refused_settings(account: Any) -> None:
    site = Site(account)
    mappings = [{"SubnetId": site.subnets[0], "AllocationId": "eipalloc-0123456789abcdef0"}]
    trust_store = {"Name": "s", "CaCertificatesBundleS3Bucket": "b", "CaCertificatesBundleS3Key": "k"}
    capacity = {"LoadBalancerArn": site.load_balancer, "MinimumLoadBalancerCapacity": {"CapacityUnits": 100}}
    mutual = {"Mode": "verify", "TrustStoreArn": "arn"}
    for call in (
        lambda: site.https(site.load_balancer, MutualAuthentication=mutual),
        lambda: site.elbv2.create_trust_store(**trust_store),
        lambda: site.elbv2.modify_capacity_reservation(**capacity),
        lambda: site.elbv2.modify_ip_pools(LoadBalancerArn=site.load_balancer, RemoveIpamPools=["ipv4"]),
        lambda: site.new_group(1, TargetControlPort=3000),
        lambda: site.elbv2.create_load_balancer(Name="n", Type="network", SubnetMappings=mappings),
    ):
        assert is_refused(call)


@proves(ANYTHING_ELSE, "Operations and services that moto lacks")
def lacking(account: Any) -> None:
    call = account.client("ec2").create_local_gateway_route_table
    assert is_refused(lambda: call(LocalGatewayId="lgw-09b493aa7cEXAMPLE"))


@proves("EC2 Auto Scaling", "Instance refreshes with checkpoints")
def instance_refreshes(account: Any) -> None:
    client = account.client("autoscaling")
    group(account, 0)
    for preferences in ({"CheckpointPercentages": [50, 100]}, {"AutoRollback": True}, {"BakeTime": 60}):
        assert is_refused(partial(client.start_instance_refresh, AutoScalingGroupName="g", Preferences=preferences))


def group(account: Any, desired: int, distribution: dict[str, int] | None = None) -> None:
    """Create an Auto Scaling group `g`, with a distribution as a mixed instances policy."""
    _, subnets, _ = account.network()
    data = {"ImageId": IMAGE, "InstanceType": "t3.micro"}
    account.client("ec2").create_launch_template(LaunchTemplateName="host", LaunchTemplateData=data)
    template = {"LaunchTemplateName": "host", "Version": "$Latest"}
    mixed = {
        "MixedInstancesPolicy": {
            "LaunchTemplate": {"LaunchTemplateSpecification": template},
            "InstancesDistribution": distribution,
        }
    }
    account.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="g",
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=desired,
        VPCZoneIdentifier=subnets[0],
        **(mixed if distribution else {"LaunchTemplate": template}),
    )


# --- does not happen


@proves("EC2 Auto Scaling", "Spot Instances of a mixed instances policy")
def spot(account: Any) -> None:
    distribution = {"OnDemandBaseCapacity": 0, "OnDemandPercentageAboveBaseCapacity": 0}
    group(account, 1, distribution)
    advance(account, "5m")
    reservations = account.client("ec2").describe_instances()["Reservations"]
    assert ["InstanceLifecycle" in each for one in reservations for each in one["Instances"]] == [False]


@proves("EC2 Auto Scaling", "Warm pools, instance maintenance policies")
def warm_pools(account: Any) -> None:
    client = account.client("autoscaling")
    group(account, 1)
    client.put_warm_pool(AutoScalingGroupName="g", MinSize=2)
    advance(account, "10m")
    assert client.describe_warm_pool(AutoScalingGroupName="g")["WarmPoolConfiguration"]["MinSize"] == 2
    reservations = account.client("ec2").describe_instances()["Reservations"]
    assert len([each for one in reservations for each in one["Instances"]]) == 1


@proves("ECS", "Targets: a service does not register")
def service_targets(account: Any) -> None:
    site = EcsSite(account, instances=1, balanced=True)
    site.create_service(1)
    site.wait_until_stable()
    described = site.elbv2.describe_target_health(TargetGroupArn=site.target_group)["TargetHealthDescriptions"]
    site.elbv2.deregister_targets(TargetGroupArn=site.target_group, Targets=[described[0]["Target"]])
    advance(account, "10m")
    left = site.elbv2.describe_target_health(TargetGroupArn=site.target_group)["TargetHealthDescriptions"]
    assert left == []


@proves(ELB, "Network traffic", "Traffic of Network and Gateway Load Balancers")
def traffic(account: Any) -> None:
    site = Site(account)
    network = site.elbv2.create_load_balancer(Name="n", Type="network", Subnets=site.subnets)["LoadBalancers"][0]
    assert network["DNSName"].endswith(".elb.amazonaws.com"), "it names no server on this machine"
    trace = {"requests_per_second": 1}
    with pytest.raises(UsageError, match="no application load balancer named n"):
        control(account, "POST", "traffic", load_balancer="n", trace=trace)


@proves(ELB, "With `--run`:")
def load_balancers_that_run(account: Any) -> None:
    site = Site(account)
    site.elbv2.create_load_balancer(Name="n", Type="network", Subnets=site.subnets)
    site.elbv2.get_waiter("load_balancer_available").wait(Names=["n"])
    assert "n" not in {each["name"] for each in should_run(account, "load_balancers")}, "it has no proxy"


@proves(ELB, "Users who sign in")
def signed_in(account: Any) -> None:
    authenticate = {"Type": "authenticate-oidc", "Order": 1}
    default = [authenticate, {"Type": "forward", "Order": 2, "TargetGroupArn": "x"}]
    listener = SimpleNamespace(rules={}, default_actions=default)
    assert route(listener, Request("/", "h"))[0] == [TrafficShare(1.0, "x")]


@proves(ELB, "Health checks of Lambda functions")
def load_balancer_as_target(account: Any) -> None:
    site = Site(account)
    group = site.new_group(1, TargetType="alb", Protocol="TCP")
    network = site.elbv2.create_load_balancer(Name="n", Type="network", Subnets=site.subnets)["LoadBalancers"][0]
    site.elbv2.create_listener(
        LoadBalancerArn=network["LoadBalancerArn"], Protocol="TCP", Port=80, DefaultActions=[forward((group, 1))]
    )
    broken = {**FIXED, "FixedResponseConfig": {"StatusCode": "500"}}
    site.elbv2.modify_listener(ListenerArn=site.http, DefaultActions=[broken])
    site.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": site.load_balancer}])
    advance(account, "10m")
    health = site.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
    assert health["TargetHealth"]["State"] == "healthy"


@proves(ELB, "Servers on instances without an ECS task")
def no_server(account: Any) -> None:
    site = Site(account)
    instance = site.instance()
    site.ec2.get_waiter("instance_running").wait(InstanceIds=[instance])
    site.elbv2.modify_listener(ListenerArn=site.http, DefaultActions=[forward((site.groups[0], 1))])
    site.elbv2.register_targets(TargetGroupArn=site.groups[0], Targets=[{"Id": instance}])
    advance(account, "10m")
    health = site.elbv2.describe_target_health(TargetGroupArn=site.groups[0])["TargetHealthDescriptions"][0]
    assert health["TargetHealth"]["State"] == "unhealthy"


@proves(ELB, "Health checks of Classic Load Balancers")
def classic(account: Any) -> None:
    _, subnets, group = account.network()
    elb, ec2 = account.client("elb"), account.client("ec2")
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
    elb.create_load_balancer(LoadBalancerName="c", Listeners=[listener], Subnets=subnets[:1], SecurityGroups=[group])
    launched = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=subnets[0])["Instances"][0]
    ids = [{"InstanceId": launched["InstanceId"]}]
    ec2.get_waiter("instance_running").wait(InstanceIds=[launched["InstanceId"]])
    elb.register_instances_with_load_balancer(LoadBalancerName="c", Instances=ids)
    states = elb.describe_instance_health(LoadBalancerName="c")["InstanceStates"]
    assert [state["State"] for state in states] == ["InService"]


@proves("CloudTrail", "Events of calls that only read", "The limit of two LookupEvents")
def trail(account: Any) -> None:
    account.client("ec2").describe_vpcs()
    account.client("sqs").create_queue(QueueName="q")
    cloudtrail = account.client("cloudtrail")
    names = [{event["EventName"] for event in cloudtrail.lookup_events()["Events"]} for _ in range(4)]
    assert all("CreateQueue" in each and "DescribeVpcs" not in each for each in names)


@proves("anything else", "The answer to an idempotency token")
def token_with_other_parameters(account: Any) -> None:
    create, first = account.client("servicediscovery").create_http_namespace, {"Name": "a", "CreatorRequestId": "once"}
    create(**first)
    with pytest.raises(ClientError, match="NotSimulated"):
        create(**first | {"Description": "another"})


@proves("CloudFormation", "The rules of other services")
def stacks(account: Any) -> None:
    cloudformation = account.client("cloudformation")
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    assert cloudformation.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


@proves("ECR", "Vulnerabilities")
def scans(account: Any) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="app")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 1,
            "digest": "sha256:" + "0" * 64,
        },
        "layers": [],
    }
    ecr.put_image(repositoryName="app", imageTag="t", imageManifest=json.dumps(manifest))
    ecr.start_image_scan(repositoryName="app", imageId={"imageTag": "t"})
    advance(account, "10m")
    found = ecr.describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "t"})["imageScanFindings"]
    assert [finding["name"] for finding in found["findings"]] == ["CVE-9999-9999"]


@proves("ECS", "ClusterContainsCapacityProvider", "UpdateInProgressException")
def providers(account: Any) -> None:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    for names in (["FARGATE"], ["FARGATE", "FARGATE_SPOT"]):
        ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=names, defaultCapacityProviderStrategy=[])
    assert ecs.delete_cluster(cluster="c")["cluster"]["status"] == "INACTIVE"


@proves("ElastiCache", "Members of a replication group")
def replication_groups(account: Any) -> None:
    elasticache = account.client("elasticache")
    settings = {"CacheNodeType": "cache.t3.micro", "Engine": "redis", "NumCacheClusters": 2}
    elasticache.create_replication_group(ReplicationGroupId="r", ReplicationGroupDescription="r", **settings)
    assert elasticache.describe_cache_clusters()["CacheClusters"] == []


@proves("EventBridge", "Other targets", "Policies of queues")
def event_targets(account: Any) -> None:
    client, sqs = account.client("events"), account.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    client.put_rule(Name="r", EventPattern=json.dumps({"source": ["mine"]}))
    arns = {
        "queue": f"arn:aws:sqs:{account.region}:{account.id}:q",
        "function": f"arn:aws:lambda:{account.region}:{account.id}:function:f",
    }
    client.put_targets(Rule="r", Targets=[{"Id": id, "Arn": arn} for id, arn in arns.items()])
    client.put_events(Entries=[{"Source": "mine", "DetailType": "d", "Detail": "{}"}])
    assert len(sqs.receive_message(QueueUrl=queue).get("Messages", [])) == 1, "although no policy allows it"
    assert any("lambda" in json.dumps(event).lower() for event in events(account))


@proves("SNS", "Deliveries by email")
def deliveries(account: Any) -> None:
    sns = account.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    sns.publish(TopicArn=topic, Message="hello")
    assert any("email" in json.dumps(event).lower() for event in events(account))


@proves(ANYTHING_ELSE, "Errors that neither moto nor a module")
def accepted(account: Any) -> None:
    kms = account.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert kms.update_key_description(KeyId=key, Description="d"), "AWS refuses it: KMSInvalidStateException"


@proves("Cognito", "Another validity of access and ID tokens")
def token_validity(account: Any) -> None:
    client = account.client("cognito-idp")
    pool = client.create_user_pool(PoolName="p")["UserPool"]["Id"]
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    settings = {"AccessTokenValidity": 5, "TokenValidityUnits": {"AccessToken": "minutes"}}
    app = client.create_user_pool_client(UserPoolId=pool, ClientName="c", ExplicitAuthFlows=flows, **settings)
    assert app["UserPoolClient"]["AccessTokenValidity"] == 5
    client.admin_create_user(UserPoolId=pool, Username="u")
    client.admin_set_user_password(UserPoolId=pool, Username="u", Password="Abcdef-123456", Permanent=True)
    tokens = client.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=app["UserPoolClient"]["ClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "u", "PASSWORD": "Abcdef-123456"},
    )["AuthenticationResult"]
    assert tokens["ExpiresIn"] == 3600


@proves("ECS", "Availability Zone rebalancing, ECS Exec")
def kept_task_settings(account: Any) -> None:
    ecs = account.client("ecs")
    container = {
        "name": "c",
        "image": "i",
        "memory": 64,
        "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/f.env"}],
        "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}],
    }
    volumes = [{"name": "v", "host": {"sourcePath": "/v"}}]
    kept = ecs.register_task_definition(family="f", containerDefinitions=[container], volumes=volumes)
    described = kept["taskDefinition"]
    assert (described["volumes"][0]["name"], described["containerDefinitions"][0]["environmentFiles"]) == (
        "v",
        container["environmentFiles"],
    )


@proves("ECS", "Blue/green, linear and canary", "ECS Anywhere and ECS Managed", "Service Connect, VPC Lattice")
def refused_services(account: Any) -> None:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
    create = partial(ecs.create_service, cluster="c", serviceName="s", taskDefinition="f", desiredCount=0)
    for settings in (
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}},
        {"deploymentController": {"type": "CODE_DEPLOY"}},
        {"launchType": "EXTERNAL"},
        {"serviceConnectConfiguration": {"enabled": True, "namespace": "n"}},
    ):
        assert is_refused(partial(create, **settings)), settings


@proves("Service Quotas", "Other quotas of the wrapped services")
def other_quotas(account: Any) -> None:
    quotas = account.client("service-quotas")
    listed = quotas.list_service_quotas(ServiceCode="elasticloadbalancing")["Quotas"]
    code = listed[0]["QuotaCode"]
    call = quotas.request_service_quota_increase
    refused = outcome(lambda: call(ServiceCode="elasticloadbalancing", QuotaCode=code, DesiredValue=100_000) and "")
    assert refused == "IllegalArgumentException"
