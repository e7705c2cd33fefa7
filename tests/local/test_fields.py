"""No field of SecCom's resources is lost: what a create call sends, a describe call returns."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.local.cases import TRUST

TAGS = [{"Key": "esaws:deployment", "Value": "seccom"}, {"Key": "esaws:name", "Value": "n"}]
LOWER = [{"key": tag["Key"], "value": tag["Value"]} for tag in TAGS]
FLAT = {tag["Key"]: tag["Value"] for tag in TAGS}

RoundTrip = Callable[[Any], tuple[Mapping[str, Any], Mapping[str, Any]]]
KINDS: dict[str, RoundTrip] = {}


def kind(round_trip: RoundTrip) -> RoundTrip:
    """Register a function that creates a resource, and returns (sent fields, description)."""
    KINDS[round_trip.__name__] = round_trip
    return round_trip


def lost(sent: Any, described: Any, path: str = "") -> list[str]:
    """The paths of sent values that the description lacks; a list may contain more than was sent."""
    if isinstance(sent, Mapping):
        described = described or {}
        return [missing for name in sent for missing in lost(sent[name], described.get(name), f"{path}.{name}")]
    if isinstance(sent, list):
        return [f"{path}: {one}" for one in sent if all(lost(one, other) for other in described or [])]
    return [] if sent == described or str(sent) == str(described) else [f"{path}: {sent} became {described}"]


def specification(resource_type: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource_type, "Tags": TAGS}]


@kind
def subnet(account: Any) -> Any:
    ec2, (vpc, _, _) = account.client("ec2"), account.network()
    sent = {"VpcId": vpc, "CidrBlock": "172.31.64.0/20", "AvailabilityZone": "eu-west-3c"}
    id = ec2.create_subnet(**sent, TagSpecifications=specification("subnet"))["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=id, MapPublicIpOnLaunch={"Value": True})
    return {**sent, "Tags": TAGS, "MapPublicIpOnLaunch": True}, ec2.describe_subnets(SubnetIds=[id])["Subnets"][0]


@kind
def route_table(account: Any) -> Any:
    ec2, (vpc, subnets, _) = account.client("ec2"), account.network()
    filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    gateway = ec2.describe_internet_gateways(Filters=filters)["InternetGateways"][0]
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=specification("route-table"))["RouteTable"]
    route = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway["InternetGatewayId"]}
    ec2.create_route(RouteTableId=table["RouteTableId"], **route)
    ec2.associate_route_table(RouteTableId=table["RouteTableId"], SubnetId=subnets[0])
    sent = {"Tags": TAGS, "Routes": [{**route, "State": "active"}], "Associations": [{"SubnetId": subnets[0]}]}
    return sent, ec2.describe_route_tables(RouteTableIds=[table["RouteTableId"]])["RouteTables"][0]


@kind
def security_group_rule(account: Any) -> Any:
    ec2, (_, _, group) = account.client("ec2"), account.network()
    rule = ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 80,
                "ToPort": 80,
                "UserIdGroupPairs": [{"GroupId": group, "Description": "d"}],
            }
        ],
        TagSpecifications=specification("security-group-rule"),
    )["SecurityGroupRules"][0]
    found = ec2.describe_security_group_rules(Filters=[{"Name": "tag:esaws:name", "Values": ["n"]}])
    sent = {"Description": "d", "Tags": TAGS, "ReferencedGroupInfo": {"GroupId": group}, "GroupOwnerId": account.id}
    return {**sent, "SecurityGroupRuleId": rule["SecurityGroupRuleId"]}, found["SecurityGroupRules"][0]


@kind
def task_definition(account: Any) -> Any:
    ecs = account.client("ecs")
    container = {
        "name": "site",
        "image": "nginx",
        "memory": 256,
        "essential": True,
        "command": ["sh", "-c", "x"],
        "portMappings": [{"containerPort": 8000, "hostPort": 8001, "protocol": "tcp"}],
        "environment": [{"name": "ALB_PREFIX", "value": "/x"}],
        "secrets": [{"name": "PASSWORD", "valueFrom": "arn:aws:ssm:eu-west-3:1:parameter/x"}],
    }
    sent = {
        "family": "site",
        "networkMode": "bridge",
        "executionRoleArn": "arn:aws:iam::1:role/x",
        "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [container],
    }
    ecs.register_task_definition(**sent, tags=LOWER)
    found = ecs.describe_task_definition(taskDefinition="site", include=["TAGS"])
    return {"taskDefinition": sent, "tags": LOWER}, found


@kind
def cluster(account: Any) -> Any:
    ecs = account.client("ecs")
    group = "arn:aws:autoscaling:eu-west-3:1:autoScalingGroup:x:autoScalingGroupName/g"
    provider = {
        "autoScalingGroupArn": group,
        "managedScaling": {"status": "ENABLED", "targetCapacity": 90},
        "managedTerminationProtection": "ENABLED",
        "managedDraining": "ENABLED",
    }
    ecs.create_capacity_provider(name="provider", autoScalingGroupProvider=provider, tags=LOWER)
    strategy = [{"capacityProvider": "provider", "weight": 1, "base": 0}]
    ecs.create_cluster(clusterName="c", tags=LOWER)
    ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["provider"], defaultCapacityProviderStrategy=strategy
    )
    sent = {
        "cluster": {"tags": LOWER, "capacityProviders": ["provider"], "defaultCapacityProviderStrategy": strategy},
        "provider": {"tags": LOWER, "autoScalingGroupProvider": provider},
    }
    providers = ecs.describe_capacity_providers(capacityProviders=["provider"], include=["TAGS"])
    clusters = ecs.describe_clusters(clusters=["c"], include=["TAGS"])
    return sent, {"cluster": clusters["clusters"][0], "provider": providers["capacityProviders"][0]}


@kind
def target_group(account: Any) -> Any:
    elbv2, (vpc, _, _) = account.client("elbv2"), account.network()
    sent = {
        "Protocol": "HTTP",
        "Port": 80,
        "VpcId": vpc,
        "TargetType": "instance",
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
        "HealthCheckPath": "/x/",
        "HealthCheckIntervalSeconds": 20,
        "HealthCheckTimeoutSeconds": 4,
        "HealthyThresholdCount": 3,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
    }
    arn = elbv2.create_target_group(Name="sites", **sent, Tags=TAGS)["TargetGroups"][0]["TargetGroupArn"]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}]
    elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
    found = {
        **elbv2.describe_target_groups(Names=["sites"])["TargetGroups"][0],
        "Attributes": elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"],
        "Tags": elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"],
    }
    return {**sent, "Attributes": delay, "Tags": TAGS}, found


@kind
def scaling_policy(account: Any) -> Any:
    ecs, scaling = account.client("ecs"), account.client("application-autoscaling")
    ecs.create_cluster(clusterName="c")
    ecs.create_service(cluster="c", serviceName="s", desiredCount=0)
    target_id = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/c/s",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**target_id, MinCapacity=2, MaxCapacity=4)
    tracking = {
        "TargetValue": 50.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 60,
    }
    policy = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling"}
    scaling.put_scaling_policy(**target_id, **policy, TargetTrackingScalingPolicyConfiguration=tracking)
    target = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]
    found = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"][0]
    sent = {
        **target_id,
        **policy,
        "TargetTrackingScalingPolicyConfiguration": tracking,
        "MinCapacity": 2,
        "MaxCapacity": 4,
    }
    return sent, {**target, **found}


@kind
def db_instance(account: Any) -> Any:
    rds, (_, subnets, group) = account.client("rds"), account.network()
    rds.create_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=subnets, Tags=TAGS)
    sent = {
        "DBInstanceClass": "db.t3.micro",
        "Engine": "postgres",
        "EngineVersion": "14.17",
        "AllocatedStorage": 20,
        "StorageType": "gp2",
        "MasterUsername": "postgres",
        "PubliclyAccessible": False,
        "BackupRetentionPeriod": 0,
        "MultiAZ": False,
        "DBName": "sites",
        "DeletionProtection": False,
    }
    rds.create_db_instance(
        DBInstanceIdentifier="d",
        **sent,
        MasterUserPassword="passw0rd",
        VpcSecurityGroupIds=[group],
        DBSubnetGroupName="g",
        Tags=TAGS,
    )
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="d")
    changed = {"BackupRetentionPeriod": 3, "DBInstanceClass": "db.t3.small"}
    rds.modify_db_instance(DBInstanceIdentifier="d", **changed, ApplyImmediately=True)
    more = {"TagList": TAGS, "DBSubnetGroup": {"DBSubnetGroupName": "g"}}
    groups = [{"VpcSecurityGroupId": group, "Status": "active"}]
    return {**sent, **changed, **more, "VpcSecurityGroups": groups}, rds.describe_db_instances()["DBInstances"][0]


@kind
def cache_cluster(account: Any) -> Any:
    elasticache, (_, subnets, group) = account.client("elasticache"), account.network()
    elasticache.create_cache_subnet_group(
        CacheSubnetGroupName="g", CacheSubnetGroupDescription="d", SubnetIds=subnets, Tags=TAGS
    )
    sent = {
        "CacheNodeType": "cache.t3.micro",
        "Engine": "redis",
        "EngineVersion": "7.0",
        "NumCacheNodes": 1,
        "CacheSubnetGroupName": "g",
        "SnapshotRetentionLimit": 0,
    }
    elasticache.create_cache_cluster(CacheClusterId="r", **sent, SecurityGroupIds=[group], Tags=TAGS)
    found = elasticache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"][0]
    tags = elasticache.list_tags_for_resource(ResourceName=found["ARN"])["TagList"]
    groups = [{"SecurityGroupId": group, "Status": "active"}]
    return {**sent, "SecurityGroups": groups, "Tags": TAGS}, {**found, "Tags": tags}


@kind
def broker(account: Any) -> Any:
    mq = account.client("mq")
    sent = {
        "BrokerName": "b",
        "EngineType": "RABBITMQ",
        "EngineVersion": "3.13",
        "HostInstanceType": "mq.t3.micro",
        "DeploymentMode": "SINGLE_INSTANCE",
        "PubliclyAccessible": True,
        "AutoMinorVersionUpgrade": True,
        "Tags": FLAT,
    }
    created = mq.create_broker(**sent, Users=[{"Username": "user", "Password": "passw0rd1234"}])
    return sent, mq.describe_broker(BrokerId=created["BrokerId"])


@kind
def user_pool(account: Any) -> Any:
    cognito = account.client("cognito-idp")
    password = {
        "MinimumLength": 8,
        "RequireUppercase": True,
        "RequireLowercase": True,
        "RequireNumbers": True,
        "RequireSymbols": True,
    }
    sent = {
        "Policies": {"PasswordPolicy": password},
        "AutoVerifiedAttributes": ["email"],
        "UsernameAttributes": ["email"],
        "MfaConfiguration": "OFF",
        "UserPoolTags": FLAT,
        "DeletionProtection": "INACTIVE",
    }
    names = ["address", "phone_number", "name", "birthdate"]
    schema = [{"Name": name, "Required": True, "AttributeDataType": "String", "Mutable": True} for name in names]
    pool = cognito.create_user_pool(PoolName="Owners", Schema=schema, **sent)["UserPool"]["Id"]
    client = {"ClientName": "web", "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}
    client_id = cognito.create_user_pool_client(UserPoolId=pool, **client)["UserPoolClient"]["ClientId"]
    found = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]
    clients = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
    return {**sent, "SchemaAttributes": schema, **client}, {**found, **clients}


@kind
def alarm(account: Any) -> Any:
    cloudwatch = account.client("cloudwatch")
    sent = {
        "AlarmName": "a",
        "MetricName": "HTTPCode_ELB_5XX_Count",
        "Namespace": "AWS/ApplicationELB",
        "Statistic": "Sum",
        "Dimensions": [{"Name": "LoadBalancer", "Value": "app/x/1"}],
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    cloudwatch.put_metric_alarm(**sent, Tags=TAGS)
    found = cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
    return {**sent, "Tags": TAGS}, {**found, "Tags": tags}


@kind
def parameter_role_and_log_group(account: Any) -> Any:
    ssm, iam, logs = account.client("ssm"), account.client("iam"), account.client("logs")
    ssm.put_parameter(Name="/seccom/password", Value="x", Type="SecureString", Tags=TAGS)
    trust = json.loads(TRUST)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust), Tags=TAGS)
    logs.create_log_group(logGroupName="/seccom", tags=FLAT)
    logs.put_retention_policy(logGroupName="/seccom", retentionInDays=7)
    found = {
        **ssm.get_parameter(Name="/seccom/password", WithDecryption=True)["Parameter"],
        "ssm": ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/seccom/password")["TagList"],
        "iam": iam.get_role(RoleName="r")["Role"],
        "logs": logs.describe_log_groups()["logGroups"][0],
    }
    role = {"Tags": TAGS, "AssumeRolePolicyDocument": trust}
    return {"Value": "x", "Type": "SecureString", "ssm": TAGS, "iam": role, "logs": {"retentionInDays": 7}}, found


@pytest.mark.parametrize("name", KINDS)
def test_no_field_is_lost(account: Any, name: str) -> None:
    sent, described = KINDS[name](account)
    assert lost(sent, described) == []
