"""Small rules of several services that no other case shows."""

import time
from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_ec2 import IMAGE
from tests.local.cases_ec2 import run as run_instance
from tests.local.timing import advance, now

ACCEPTED, FAILED = "accepted", "ResponseParserError"
MISSING = "ResourceNotFoundException"


def code(call: Any, **parameters: Any) -> Any:
    return outcome(lambda: call(**parameters) and ACCEPTED)


# --- EC2


@case("a second launch with the same client token launches nothing", aws=(True, 1), stock=(False, 2))
def case_client_token(account: Any) -> Any:
    first, second = (run_instance(account, ClientToken="once")["InstanceId"] for _ in range(2))
    pages = account.client("ec2").describe_instances()["Reservations"]
    return first == second, sum(len(each["Instances"]) for each in pages)


@case("a second route table with the same client token is the first one", aws=(True, 1), stock=(False, 2))
def case_client_token_of_a_route_table(account: Any) -> Any:
    ec2, (vpc, *_) = account.client("ec2"), account.network()
    made = [ec2.create_route_table(VpcId=vpc, ClientToken="once")["RouteTable"]["RouteTableId"] for _ in range(2)]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return made[0] == made[1], len({*made} & {table["RouteTableId"] for table in tables})


@case(
    "a volume has the size and the IOPS of its type, and does not shrink",
    aws=["InvalidParameterValue"] * 3 + ["MissingParameter", "InvalidParameterValue"],
    stock=[ACCEPTED] * 3 + ["MissingParameter", ACCEPTED],
)
def case_volumes(account: Any) -> Any:
    ec2, zone = account.client("ec2"), {"AvailabilityZone": account.zones()[0]}
    volume = ec2.create_volume(Size=10, VolumeType="gp3", **zone)["VolumeId"]
    return [
        code(ec2.create_volume, Size=20_000, VolumeType="gp2", **zone),
        code(ec2.create_volume, Size=10, VolumeType="gp3", Iops=100, **zone),
        code(ec2.create_volume, Size=10, VolumeType="st1", **zone),
        code(ec2.create_volume, **zone),
        code(ec2.modify_volume, VolumeId=volume, Size=5),
    ]


@case(
    "an id that is named twice counts once",
    aws=[1, 1, 1],
    stock=[FAILED, "InvalidVpcID.NotFound", "InvalidGroup.NotFound"],
)
def case_ids_named_twice(account: Any) -> Any:
    ec2, id = account.client("ec2"), run_instance(account)["InstanceId"]
    vpc, _, group = account.network()
    return [
        outcome(lambda: len(ec2.describe_instances(InstanceIds=[id, id])["Reservations"])),
        outcome(lambda: len(ec2.describe_vpcs(VpcIds=[vpc, vpc])["Vpcs"])),
        outcome(lambda: len(ec2.describe_security_groups(GroupIds=[group, group])["SecurityGroups"])),
    ]


@case(
    "what a change of rules or a new subnet lacks is named",
    aws=["MissingParameter", "MissingParameter", "InvalidParameterValue"],
    stock=[FAILED] * 3,
)
def case_absent_parameters(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc, _, group = account.network()
    (rule, *_) = ec2.describe_security_group_rules()["SecurityGroupRules"]
    changes = [{"SecurityGroupRuleId": rule["SecurityGroupRuleId"]}]
    return [
        code(ec2.create_subnet, VpcId=vpc),
        code(ec2.modify_security_group_rules, GroupId=group, SecurityGroupRules=changes),
        code(ec2.copy_image, Name="copy", SourceImageId=IMAGE, SourceRegion="atlantis-1"),
    ]


@case(
    "what is not the id of an instance is malformed",
    aws=["InvalidInstanceID.Malformed"] * 2,
    stock=["InvalidInstanceID.NotFound"] * 2,
)
def case_malformed(account: Any) -> Any:
    ec2 = account.client("ec2")
    return [
        code(ec2.describe_instances, InstanceIds=["my-instance"]),
        code(ec2.stop_instances, InstanceIds=["my-instance"]),
    ]


@case(
    "a reference to a security group of a peered VPC is listed, and is stale without the peering",
    aws=(1, [], 1),
    stock=FAILED,
)
def case_references(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in range(2)]
    peering = ec2.create_vpc_peering_connection(VpcId=vpcs[0], PeerVpcId=vpcs[1])["VpcPeeringConnection"]
    named = {"VpcPeeringConnectionId": peering["VpcPeeringConnectionId"]}
    ec2.accept_vpc_peering_connection(**named)
    first, second = (ec2.create_security_group(GroupName="g", Description="g", VpcId=each)["GroupId"] for each in vpcs)
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": second}]}
    ec2.authorize_security_group_ingress(GroupId=first, IpPermissions=[rule])

    def stale() -> Any:
        return ec2.describe_stale_security_groups(VpcId=vpcs[0])["StaleSecurityGroupSet"]

    def look() -> Any:
        listed = ec2.describe_security_group_references(GroupId=[second])["SecurityGroupReferenceSet"]
        before = stale()
        ec2.delete_vpc_peering_connection(**named)
        return len(listed), before, len(stale())

    return outcome(look)


# --- ECS, Auto Scaling, Elastic Load Balancing


@case("a task keeps the form of its ARN when the setting changes", aws=True, stock="500")
def case_arn_format(account: Any) -> Any:
    if not account.wrapped:
        return "500"  # moto's RunTask needs a container instance
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    _, subnets, group = account.network()
    ecs.register_task_definition(
        family="f",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "c", "image": "nginx"}],
    )
    network = {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group], "assignPublicIp": "ENABLED"}}
    launch = {"cluster": "c", "taskDefinition": "f", "launchType": "FARGATE", "networkConfiguration": network}
    before = ecs.run_task(**launch)["tasks"][0]["taskArn"]
    ecs.put_account_setting(name="taskLongArnFormat", value="disabled")
    return before in ecs.list_tasks(cluster="c")["taskArns"]


@case("SetInstanceHealth respects the grace period", aws="Healthy", stock="Unhealthy")
def case_grace_period(account: Any) -> Any:
    ec2, scaling = account.client("ec2"), account.client("autoscaling")
    ec2.create_launch_template(
        LaunchTemplateName="template", LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t3.micro"}
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="g",
        LaunchTemplate={"LaunchTemplateName": "template"},
        MinSize=1,
        MaxSize=1,
        AvailabilityZones=account.zones()[:1],
        HealthCheckGracePeriod=3600,
    )
    if account.wrapped:
        advance(account, "5m")
    id = scaling.describe_auto_scaling_instances()["AutoScalingInstances"][0]["InstanceId"]
    scaling.set_instance_health(InstanceId=id, HealthStatus="Unhealthy")
    return scaling.describe_auto_scaling_instances()["AutoScalingInstances"][0]["HealthStatus"].capitalize()


@case("the quotas of load balancers are described", aws="50", stock="20")
def case_limits(account: Any) -> Any:
    elbv2 = account.client("elbv2")
    return {each["Name"]: each["Max"] for each in elbv2.describe_account_limits()["Limits"]}[
        "application-load-balancers"
    ]


# --- stores


@case(
    "a replica and a restore name their source, and a parameter has a name",
    aws=["InvalidParameterCombination", "InvalidParameterCombination", "InvalidParameterValue"],
    stock=[FAILED] * 3,
)
def case_sources(account: Any) -> Any:
    rds = account.client("rds")
    group = {"DBParameterGroupName": "p"}
    rds.create_db_parameter_group(DBParameterGroupFamily="postgres16", Description="p", **group)
    return [
        code(rds.create_db_instance_read_replica, DBInstanceIdentifier="copy"),
        code(rds.restore_db_instance_from_db_snapshot, DBInstanceIdentifier="copy"),
        code(rds.modify_db_parameter_group, Parameters=[{"ParameterValue": "1"}], **group),
    ]


@case(
    "a database with a read replica and the replica cannot be stopped",
    aws=["InvalidDBInstanceState"] * 2,
    stock=[ACCEPTED, "InvalidDBClusterStateFault"],
)
def case_replicas(account: Any) -> Any:
    rds, named = account.client("rds"), {"DBInstanceIdentifier": "db"}
    rds.create_db_instance(
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="operator",
        MasterUserPassword="not-a-secret",
        BackupRetentionPeriod=1,
        **named,
    )
    rds.get_waiter("db_instance_available").wait(**named)
    rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="db")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="copy")
    return [code(rds.stop_db_instance, DBInstanceIdentifier=name) for name in ("db", "copy")]


@case(
    "the engine of a database does not change",
    aws=["InvalidParameterCombination", "InvalidParameterCombination", "postgres"],
    stock=["accepted", FAILED, FAILED],
)
def case_engine(account: Any) -> Any:
    rds, named = account.client("rds"), {"DBInstanceIdentifier": "db"}
    rds.create_db_instance(
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="operator",
        MasterUserPassword="not-a-secret",
        **named,
    )
    rds.get_waiter("db_instance_available").wait(**named)
    return [
        code(rds.modify_db_instance, Engine="mysql", **named),
        code(rds.modify_db_instance, Engine="", **named),
        outcome(lambda: rds.describe_db_instances()["DBInstances"][0]["Engine"]),
    ]


@case(
    "a cache subnet group has subnets of one VPC, and absent caches have no tags",
    aws=["InvalidSubnet", "InvalidSubnet", "CacheClusterNotFound"],
    stock=[ACCEPTED, "CacheSubnetGroupAlreadyExists", ACCEPTED],
)
def case_cache_groups(account: Any) -> Any:
    ec2, elasticache, subnets = account.client("ec2"), account.client("elasticache"), []
    for number in range(2):
        vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        subnets.append(ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.0.0/24")["Subnet"]["SubnetId"])
    group = {"CacheSubnetGroupName": "g", "CacheSubnetGroupDescription": "g"}
    arn = f"arn:aws:elasticache:{account.region}:{account.id}:cluster:absent"
    return [
        code(elasticache.create_cache_subnet_group, SubnetIds=["subnet-0123456789abcdef0"], **group),
        code(elasticache.create_cache_subnet_group, SubnetIds=subnets, **group),
        code(elasticache.list_tags_for_resource, ResourceName=arn),
    ]


@case(
    "a replication group is created, can then be changed, and is deleted",
    aws=["creating", "InvalidReplicationGroupState", "available", ACCEPTED, "deleting", []],
    stock="no time passes",
)
def case_replication_group(account: Any) -> Any:
    if not account.wrapped:
        return "no time passes"
    elasticache, named = account.client("elasticache"), {"ReplicationGroupId": "r"}
    settings = {"CacheNodeType": "cache.t3.micro", "Engine": "redis", "NumCacheClusters": 2}
    made = elasticache.create_replication_group(ReplicationGroupDescription="r", **named, **settings)
    early = code(elasticache.modify_replication_group, ReplicationGroupDescription="s", **named)
    advance(account, "11m")
    status = elasticache.describe_replication_groups()["ReplicationGroups"][0]["Status"]
    changed = code(elasticache.modify_replication_group, ReplicationGroupDescription="s", **named)
    gone = elasticache.delete_replication_group(**named)
    advance(account, "6m")
    left = elasticache.describe_replication_groups()["ReplicationGroups"]
    return [made["ReplicationGroup"]["Status"], early, status, changed, gone["ReplicationGroup"]["Status"], left]


@case(
    "a secret is deleted at the end of its recovery window",
    aws=(["s"], [], MISSING),
    stock="no time passes",
)
def case_recovery_window(account: Any) -> Any:
    if not account.wrapped:
        return "no time passes"
    secrets = account.client("secretsmanager")

    def listed() -> list[str]:
        return [each["Name"] for each in secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]]

    secrets.create_secret(Name="s", SecretString="secret")
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    advance(account, "6d")
    before = listed()
    advance(account, "2d")
    return before, listed(), code(secrets.restore_secret, SecretId="s")


@case(
    "operations on a missing secret, key, user pool or alarm are refused",
    aws=[MISSING, "NotFoundException", "ValidationException", MISSING, MISSING],
    stock=["500", "500", "500", MISSING, MISSING],
)
def case_missing(account: Any) -> Any:
    kms, cloudwatch = account.client("kms"), account.client("cloudwatch")
    alarm = f"arn:aws:cloudwatch:{account.region}:{account.id}:alarm:absent"
    return [
        code(account.client("secretsmanager").list_secret_version_ids, SecretId="absent"),
        code(kms.list_grants, KeyId="12345678-1234-1234-1234-123456789012"),
        code(kms.generate_random),
        code(account.client("cognito-idp").get_user_pool_mfa_config, UserPoolId=f"{account.region}_absent"),
        code(cloudwatch.untag_resource, ResourceARN=alarm, TagKeys=["a"]),
    ]


@case(
    "selectors are those of a trail; event data stores are not simulated",
    aws=["InvalidTrailNameException", "NotSimulated", "TrailNotFoundException"],
    stock=["500", "500", "TrailNotFoundException"],
)
def case_selectors(account: Any) -> Any:
    get = account.client("cloudtrail").get_insight_selectors
    return [code(get), code(get, EventDataStore="store"), code(get, TrailName="absent")]


@case(
    "a batch of log events is in order and spans at most 24 hours; those that are too old are rejected",
    aws=["InvalidParameterException", "InvalidParameterException", {"tooOldLogEventEndIndex": 1}],
    stock=["InvalidParameterException", ACCEPTED, {"tooOldLogEventEndIndex": 1}],
)
def case_batches(account: Any) -> Any:
    logs, place = account.client("logs"), {"logGroupName": "/app", "logStreamName": "s"}
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(**place)
    hour, at = 3_600_000, int((now(account) if account.wrapped else time.time()) * 1000)

    def put(*hours: int) -> Any:
        batch = [{"timestamp": at + each * hour, "message": "m"} for each in hours]
        return outcome(lambda: logs.put_log_events(logEvents=batch, **place).get("rejectedLogEventsInfo", ACCEPTED))

    return [put(0, -1), put(-25, 0), put(-24 * 15, -24 * 15 + 1)]


# --- the others


@case(
    "tags in RDS, ElastiCache and Secrets Manager have a key without the reserved prefix",
    aws=["InvalidParameterValue", "InvalidParameterValue", "InvalidParameterException"],
    stock=[ACCEPTED] * 3,
)
def case_reserved_keys(account: Any) -> Any:
    _, subnets, _ = account.network()
    tags = [{"Key": "aws:mine", "Value": "v"}]
    return [
        code(
            account.client("rds").create_db_parameter_group,
            DBParameterGroupName="p",
            DBParameterGroupFamily="postgres16",
            Description="p",
            Tags=tags,
        ),
        code(
            account.client("elasticache").create_cache_subnet_group,
            CacheSubnetGroupName="g",
            CacheSubnetGroupDescription="g",
            SubnetIds=subnets,
            Tags=tags,
        ),
        code(account.client("secretsmanager").create_secret, Name="s", Tags=tags),
    ]


@case(
    "a query of logs has log groups and a time range, and a page a valid token",
    aws=["InvalidParameterException"] * 3,
    stock=["500", ACCEPTED, ACCEPTED],
)
def case_log_queries(account: Any) -> Any:
    logs, query = account.client("logs"), {"queryString": "fields @message"}
    logs.create_log_group(logGroupName="/app")
    return [
        code(logs.start_query, startTime=1, endTime=2, **query),
        code(logs.start_query, logGroupName="/app", startTime=2, endTime=1, **query),
        code(logs.filter_log_events, logGroupName="/app", nextToken="no-token"),
    ]


@case(
    "a user pool has aliases or user names of its own, not both",
    aws="InvalidParameterException",
    stock=ACCEPTED,
)
def case_aliases(account: Any) -> Any:
    create = account.client("cognito-idp").create_user_pool
    return code(create, PoolName="p", AliasAttributes=["email"], UsernameAttributes=["email"])


@case(
    "a tag without a value has an empty one",
    aws={"ec2": "", "ecs": "", "rds": "", "secretsmanager": ""},
    stock={"ec2": FAILED, "ecs": None, "rds": FAILED, "secretsmanager": None},
)
def case_tags_without_values(account: Any) -> Any:
    ec2, ecs, rds = account.client("ec2"), account.client("ecs"), account.client("rds")
    secrets, key = account.client("secretsmanager"), {"Key": "k"}

    def of_vpc() -> Any:
        specification = {"ResourceType": "vpc", "Tags": [key]}
        return ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[specification])["Vpc"]["Tags"][0]["Value"]

    def of_group() -> Any:
        made = rds.create_db_parameter_group(
            DBParameterGroupName="p", DBParameterGroupFamily="postgres16", Description="p", Tags=[key]
        )
        arn = made["DBParameterGroup"]["DBParameterGroupArn"]
        return rds.list_tags_for_resource(ResourceName=arn)["TagList"][0]["Value"]

    def of_secret() -> Any:
        secrets.create_secret(Name="s", Tags=[key])
        return secrets.describe_secret(SecretId="s")["Tags"][0].get("Value")

    return {
        "ec2": outcome(of_vpc),
        "ecs": outcome(
            lambda: ecs.create_cluster(clusterName="c", tags=[{"key": "k"}])["cluster"]["tags"][0].get("value")
        ),
        "rds": outcome(of_group),
        "secretsmanager": outcome(of_secret),
    }
