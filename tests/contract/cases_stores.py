"""Contract cases for data stores, sign-in, budgets and leases: changes by hand, and other declared values."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from esaws.cloud import Cloud
from esaws.resource import Live
from esaws.resources._cognito import update_parameters
from esaws.resources.cache_subnet_group import CacheSubnetGroup
from esaws.resources.db_subnet_group import DBSubnetGroup
from esaws.resources.subnet import Subnet
from esaws.resources.user_pool import UserPool
from esaws.simulation import advance

Change = Callable[[Cloud, Live], None]


# -- databases and caches ----------------------------------------------------------------------------------------


def _db_subnet_group(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        # AWS asks for the subnets even where only the description changes.
        same = {"DBSubnetGroupName": live.id, "SubnetIds": sorted(live.fields["subnets"])}
        cloud.client("rds").modify_db_subnet_group(**same | settings)

    return change


def _one_db_subnet_less(cloud: Cloud, live: Live) -> None:
    _db_subnet_group(SubnetIds=sorted(live.fields["subnets"])[1:])(cloud, live)


def _cache_subnet_group(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        cloud.client("elasticache").modify_cache_subnet_group(CacheSubnetGroupName=live.id, **settings)

    return change


def _one_cache_subnet_less(cloud: Cloud, live: Live) -> None:
    _cache_subnet_group(SubnetIds=sorted(live.fields["subnets"])[1:])(cloud, live)


def _default_group(cloud: Cloud, live: Live) -> str:
    """Return the default security group of the VPC."""
    ec2 = cloud.client("ec2")
    groups = ec2.describe_security_groups(GroupIds=sorted(live.fields["security_groups"]))["SecurityGroups"]
    default = [{"Name": "vpc-id", "Values": [groups[0]["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    return str(ec2.describe_security_groups(Filters=default)["SecurityGroups"][0]["GroupId"])


def _db_instance(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        rds = cloud.client("rds")
        rds.modify_db_instance(DBInstanceIdentifier=live.id, ApplyImmediately=True, **settings)
        cloud.wait("rds", "db_instance_available", DBInstanceIdentifier=live.id)

    return change


def _db_storage_type(cloud: Cloud, live: Live) -> None:
    """Change the type, with six hours before and after it: RDS changes the storage no more often."""
    advance(cloud, "6h")
    _db_instance(StorageType="gp3")(cloud, live)
    advance(cloud, "6h")


def _db_security_groups(cloud: Cloud, live: Live) -> None:
    _db_instance(VpcSecurityGroupIds=[_default_group(cloud, live)])(cloud, live)


def _smaller_db(cloud: Cloud, live: Live) -> None:
    """Replace the database by one with less storage, under the same name: storage can't shrink in place."""
    rds, raw = cloud.client("rds"), live.raw
    rds.delete_db_instance(DBInstanceIdentifier=live.id, SkipFinalSnapshot=True)
    cloud.wait("rds", "db_instance_deleted", DBInstanceIdentifier=live.id)
    same = ("Engine", "EngineVersion", "DBInstanceClass", "DBName", "MasterUsername", "StorageType", "MultiAZ")
    rds.create_db_instance(
        **{name: raw[name] for name in (*same, "PubliclyAccessible", "BackupRetentionPeriod")},
        DBInstanceIdentifier=live.id,
        AllocatedStorage=20,
        MasterUserPassword="known-to-others",
        DBSubnetGroupName=live.fields["subnet_group"],
        VpcSecurityGroupIds=sorted(live.fields["security_groups"]),
        Tags=raw["TagList"],
    )
    cloud.wait("rds", "db_instance_available", DBInstanceIdentifier=live.id)


def _cache_cluster(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        elasticache = cloud.client("elasticache")
        elasticache.modify_cache_cluster(CacheClusterId=live.id, ApplyImmediately=True, **settings)
        cloud.wait("elasticache", "cache_cluster_available", CacheClusterId=live.id)

    return change


def _cache_security_groups(cloud: Cloud, live: Live) -> None:
    _cache_cluster(SecurityGroupIds=[_default_group(cloud, live)])(cloud, live)


# -- messages and objects ----------------------------------------------------------------------------------------


def _older_broker(**settings: str) -> Change:
    """Return a change that replaces the broker: its size and version can't be reduced in place."""

    def change(cloud: Cloud, live: Live) -> None:
        mq, raw = cloud.client("mq"), live.raw
        mq.delete_broker(BrokerId=live.id)
        cloud.wait_until("the broker is deleted", lambda: not mq.list_brokers()["BrokerSummaries"], minutes=40)
        same = ("AutoMinorVersionUpgrade", "BrokerName", "DeploymentMode", "EngineType", "EngineVersion")
        created = mq.create_broker(
            **{name: raw[name] for name in (*same, "HostInstanceType", "PubliclyAccessible", "Tags")} | settings,
            Users=[{"Username": "other-user", "Password": "known-to-others"}],
        )
        described = {"BrokerId": created["BrokerId"]}
        cloud.wait_until("it runs", lambda: mq.describe_broker(**described)["BrokerState"] == "RUNNING", minutes=40)

    return change


def _open_bucket(cloud: Cloud, live: Live) -> None:
    cloud.client("s3").delete_public_access_block(Bucket=live.id)


def _keep_versions(cloud: Cloud, live: Live) -> None:
    cloud.client("s3").put_bucket_versioning(Bucket=live.id, VersioningConfiguration={"Status": "Enabled"})


# -- sign-in -----------------------------------------------------------------------------------------------------


def _user_pool(cloud: Cloud, live: Live, **settings: Any) -> None:
    # As the console does, which says everything again: what an update does not name is reset.
    cognito = cloud.client("cognito-idp")
    same = update_parameters(cloud, "UpdateUserPool", cognito.describe_user_pool(UserPoolId=live.id)["UserPool"])
    same.get("AdminCreateUserConfig", {}).pop("UnusedAccountValidityDays", None)
    cognito.update_user_pool(**same | settings | {"UserPoolId": live.id})


def _short_passwords(cloud: Cloud, live: Live) -> None:
    policy = live.raw["Policies"]["PasswordPolicy"] | {"MinimumLength": 6}
    _user_pool(cloud, live, Policies={"PasswordPolicy": policy})


def _second_factor(cloud: Cloud, live: Live) -> None:
    cloud.client("cognito-idp").set_user_pool_mfa_config(
        UserPoolId=live.id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )


def _verify_nothing(cloud: Cloud, live: Live) -> None:
    _user_pool(cloud, live, AutoVerifiedAttributes=[])


def _another_flow(cloud: Cloud, live: Live) -> None:
    cloud.client("cognito-idp").update_user_pool_client(
        UserPoolId=live.fields["pool"],
        ClientId=live.id,
        ExplicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_PASSWORD_AUTH"],
    )


# -- watching ----------------------------------------------------------------------------------------------------


def _alarm(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        names = ("AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods")
        same = {name: live.raw[name] for name in (*names, "Threshold", "ComparisonOperator")}
        cloud.client("cloudwatch").put_metric_alarm(**same | settings)

    return change


def _alarm_without(dimension: str) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        kept = [item for item in live.raw["Dimensions"] if item["Name"] != dimension]
        _alarm(Dimensions=kept)(cloud, live)

    return change


def _dashboard_without(dimension: str) -> Change:
    """Return a change that removes a dimension from the dashboard."""

    def change(cloud: Cloud, live: Live) -> None:
        cloudwatch = cloud.client("cloudwatch")
        body = json.loads(cloudwatch.get_dashboard(DashboardName=live.id)["DashboardBody"])
        for widget in body["widgets"]:
            for metric in widget["properties"].get("metrics", ()):
                if dimension in metric:
                    at = metric.index(dimension)
                    del metric[at : at + 2]
        cloudwatch.put_dashboard(DashboardName=live.id, DashboardBody=json.dumps(body))

    return change


def _another_limit(cloud: Cloud, live: Live) -> None:
    cloud.client("budgets").update_budget(
        AccountId=cloud.account,
        NewBudget={
            "BudgetName": live.id,
            "BudgetLimit": {"Amount": "9999", "Unit": "USD"},
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
        },
    )


def _notification(threshold: float, of: str = "ACTUAL") -> dict[str, Any]:
    return {
        "NotificationType": of,
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": threshold,
        "ThresholdType": "PERCENTAGE",
    }


def _one_threshold_less(cloud: Cloud, live: Live) -> None:
    cloud.client("budgets").delete_notification(
        AccountId=cloud.account, BudgetName=live.id, Notification=_notification(max(live.fields["thresholds"]))
    )


def _no_forecast(cloud: Cloud, live: Live) -> None:
    where = {"AccountId": cloud.account, "BudgetName": live.id}
    for threshold in live.fields["forecast_thresholds"]:
        cloud.client("budgets").delete_notification(**where, Notification=_notification(threshold, "FORECASTED"))


def _another_subscriber(cloud: Cloud, live: Live) -> None:
    budgets = cloud.client("budgets")
    where = {"AccountId": cloud.account, "BudgetName": live.id}
    subscribers = [{"SubscriptionType": "EMAIL", "Address": "another@example.com"}]
    notifications = [_notification(threshold) for threshold in sorted(live.fields["thresholds"])]
    notifications += [
        _notification(threshold, "FORECASTED") for threshold in sorted(live.fields["forecast_thresholds"])
    ]
    for notification in notifications:
        budgets.delete_notification(**where, Notification=notification)
        budgets.create_notification(**where, Notification=notification, Subscribers=subscribers)


def _lease(**terms: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        value = {name: live.fields[name] for name in ("until", "at_most_usd", "since")} | terms
        cloud.client("ssm").put_parameter(Name=live.id, Type="String", Value=json.dumps(value), Overwrite=True)

    return change


BY_HAND: dict[tuple[str, str], Change] = {
    ("DBSubnetGroup", "description"): _db_subnet_group(DBSubnetGroupDescription="by hand"),
    ("DBSubnetGroup", "subnets"): _one_db_subnet_less,
    ("DBInstance", "security_groups"): _db_security_groups,
    ("DBInstance", "instance_class"): _db_instance(DBInstanceClass="db.t3.small"),
    ("DBInstance", "storage_gb"): _smaller_db,
    ("DBInstance", "storage_type"): _db_storage_type,
    ("DBInstance", "public"): _db_instance(PubliclyAccessible=True),
    ("DBInstance", "backup_days"): _db_instance(BackupRetentionPeriod=7),
    ("DBInstance", "multi_az"): _db_instance(MultiAZ=True),
    ("CacheSubnetGroup", "description"): _cache_subnet_group(CacheSubnetGroupDescription="by hand"),
    ("CacheSubnetGroup", "subnets"): _one_cache_subnet_less,
    ("CacheCluster", "security_groups"): _cache_security_groups,
    ("CacheCluster", "node_type"): _cache_cluster(CacheNodeType="cache.t3.small"),
    ("Broker", "instance_type"): _older_broker(HostInstanceType="mq.t3.micro"),
    ("Broker", "engine_version"): _older_broker(EngineVersion="3.12"),
    ("Bucket", "public_access_blocked"): _open_bucket,
    ("Bucket", "versioning"): _keep_versions,
    ("UserPool", "minimum_length"): _short_passwords,
    ("UserPool", "mfa"): _second_factor,
    ("UserPool", "verified_attributes"): _verify_nothing,
    ("UserPoolClient", "auth_flows"): _another_flow,
    ("Alarm", "load_balancer"): _alarm_without("LoadBalancer"),
    ("Alarm", "target_group"): _alarm_without("TargetGroup"),
    ("Alarm", "metric"): _alarm(MetricName="RequestCount"),
    ("Alarm", "threshold"): _alarm(Threshold=7.5),
    ("Alarm", "comparison"): _alarm(ComparisonOperator="LessThanThreshold"),
    ("Alarm", "statistic"): _alarm(Statistic="Average"),
    ("Alarm", "period"): _alarm(Period=300),
    ("Alarm", "evaluation_periods"): _alarm(EvaluationPeriods=5),
    ("Dashboard", "load_balancer"): _dashboard_without("LoadBalancer"),
    ("Dashboard", "target_groups"): _dashboard_without("TargetGroup"),
    ("Dashboard", "clusters"): _dashboard_without("ClusterName"),
    ("Budget", "limit_usd"): _another_limit,
    ("Budget", "email"): _another_subscriber,
    ("Budget", "thresholds"): _one_threshold_less,
    ("Budget", "forecast_thresholds"): _no_forecast,
    ("Lease", "until"): _lease(until="2099-01-01T00:00:00Z"),
    ("Lease", "at_most_usd"): _lease(at_most_usd=5),
}

_OTHER_SUBNET = replace(Subnet.example(), name="other")

REDECLARED: dict[tuple[str, str], Any] = {
    ("DBInstance", "subnet_group"): replace(DBSubnetGroup.example(), name="other", subnets=(_OTHER_SUBNET,)),
    ("DBInstance", "engine"): "mysql",
    ("DBInstance", "engine_version"): "17",
    ("DBInstance", "username"): "owner",
    ("DBInstance", "database"): "other",
    ("CacheCluster", "subnet_group"): replace(CacheSubnetGroup.example(), name="other", subnets=(_OTHER_SUBNET,)),
    ("CacheCluster", "engine"): "memcached",
    ("CacheCluster", "engine_version"): "6.2",
    ("Broker", "public"): False,
    ("UserPool", "required_attributes"): ("email",),
    ("UserPoolClient", "pool"): replace(UserPool.example(), name="Others"),
    ("UserPoolClient", "generate_secret"): True,
}
