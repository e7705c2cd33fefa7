"""Calls that name missing resources: AWS returns a specific error; moto often fails or accepts the call."""

from collections.abc import Mapping
from typing import Any

from tests.local.cases import TRUST, case, located, outcome

Calls = Mapping[str, dict[str, Any]]

ACCEPTED = "accepted"
FAILED = "ResponseParserError"


def codes(client: Any, calls: Calls) -> dict[str, Any]:
    """boto3's method → the code of the error that it ends in, or that it was accepted."""
    return {name: outcome(lambda name=name: getattr(client, name)(**calls[name]) and ACCEPTED) for name in calls}


def differing(calls: Mapping[str, tuple[dict[str, Any], str, str]]) -> tuple[Calls, dict[str, str], dict[str, str]]:
    """(the calls, AWS's codes, moto's codes) of a table of method → (parameters, AWS's code, moto's code)."""
    return (
        {name: parameters for name, (parameters, _, _) in calls.items()},
        {name: aws for name, (_, aws, _) in calls.items()},
        {name: stock for name, (_, _, stock) in calls.items()},
    )


# --- Auto Scaling

GROUP = {"AutoScalingGroupName": "absent"}
INSTANCE = {"InstanceIds": ["i-0123456789abcdef0"]}
TAG = {
    "ResourceId": "absent",
    "ResourceType": "auto-scaling-group",
    "Key": "k",
    "Value": "v",
    "PropagateAtLaunch": False,
}
OF_A_GROUP, OF_A_GROUP_AWS, OF_A_GROUP_STOCK = differing(
    {
        name: ({**GROUP, **more}, "ValidationError", stock)
        for name, more, stock in (
            ("attach_instances", INSTANCE, FAILED),
            ("attach_load_balancer_target_groups", {"TargetGroupARNs": ["arn"]}, FAILED),
            ("delete_lifecycle_hook", {"LifecycleHookName": "hook"}, ACCEPTED),
            ("delete_policy", {"PolicyName": "policy"}, ACCEPTED),
            ("delete_warm_pool", {}, FAILED),
            ("describe_lifecycle_hooks", {}, ACCEPTED),
            ("describe_load_balancer_target_groups", {}, FAILED),
            ("describe_policies", {}, ACCEPTED),
            ("describe_scheduled_actions", {}, ACCEPTED),
            ("describe_warm_pool", {}, FAILED),
            ("detach_instances", {**INSTANCE, "ShouldDecrementDesiredCapacity": True}, FAILED),
            ("enable_metrics_collection", {"Granularity": "1Minute"}, FAILED),
            ("enter_standby", {**INSTANCE, "ShouldDecrementDesiredCapacity": True}, FAILED),
            ("execute_policy", {"PolicyName": "policy"}, FAILED),
            (
                "put_lifecycle_hook",
                {"LifecycleHookName": "h", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"},
                ACCEPTED,
            ),
            (
                "put_scaling_policy",
                {"PolicyName": "p", "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1},
                ACCEPTED,
            ),
            ("put_warm_pool", {}, FAILED),
            ("resume_processes", {}, FAILED),
            ("set_instance_protection", {**INSTANCE, "ProtectedFromScaleIn": True}, FAILED),
            ("suspend_processes", {}, FAILED),
        )
    }
)


@case("operations on a missing Auto Scaling group are refused", aws=OF_A_GROUP_AWS, stock=OF_A_GROUP_STOCK)
def case_groups(account: Any) -> Any:
    return codes(account.client("autoscaling"), OF_A_GROUP)


@case(
    "tags of a missing group and instances of no group are refused",
    aws={
        "create_or_update_tags": "ValidationError",
        "delete_tags": "ValidationError",
        "terminate_instance_in_auto_scaling_group": "ValidationError",
        "delete_launch_configuration": "ValidationError",
    },
    stock={
        "create_or_update_tags": FAILED,
        "delete_tags": FAILED,
        "terminate_instance_in_auto_scaling_group": FAILED,
        "delete_launch_configuration": ACCEPTED,
    },
)
def case_tags_of_groups(account: Any) -> Any:
    return codes(
        account.client("autoscaling"),
        {
            "create_or_update_tags": {"Tags": [TAG]},
            "delete_tags": {"Tags": [TAG]},
            "terminate_instance_in_auto_scaling_group": {
                "InstanceId": "i-0123456789abcdef0",
                "ShouldDecrementDesiredCapacity": True,
            },
            "delete_launch_configuration": {"LaunchConfigurationName": "absent"},
        },
    )


@case(
    "an instance of another group is refused",
    aws={"enter_standby": "ValidationError", "set_instance_protection": "ValidationError"},
    stock={"enter_standby": ACCEPTED, "set_instance_protection": ACCEPTED},
)
def case_instances_of_another_group(account: Any) -> Any:
    ec2, scaling = account.client("ec2"), account.client("autoscaling")
    ec2.create_launch_template(
        LaunchTemplateName="template",
        LaunchTemplateData={"ImageId": "ami-760aaa0f", "InstanceType": "t3.micro"},
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="group",
        LaunchTemplate={"LaunchTemplateName": "template"},
        MinSize=0,
        MaxSize=1,
        AvailabilityZones=account.zones()[:1],
    )
    parameters = {"AutoScalingGroupName": "group", **INSTANCE}
    return codes(
        scaling,
        {
            "enter_standby": {**parameters, "ShouldDecrementDesiredCapacity": False},
            "set_instance_protection": {**parameters, "ProtectedFromScaleIn": True},
        },
    )


# --- Amazon MQ

BROKERS, BROKERS_AWS, BROKERS_STOCK = differing(
    {
        "delete_broker": ({"BrokerId": "b-absent"}, "NotFoundException", "500"),
        "reboot_broker": ({"BrokerId": "b-absent"}, "NotFoundException", "500"),
        "update_broker": ({"BrokerId": "b-absent"}, "NotFoundException", "NotFoundException"),
        "update_configuration": ({"ConfigurationId": "c-absent", "Data": "x"}, "NotFoundException", "500"),
        "create_tags": (
            {"ResourceArn": "arn:aws:mq:eu-west-3:1:broker:b:b-absent", "Tags": {"a": "b"}},
            "NotFoundException",
            ACCEPTED,
        ),
    }
)


@case("operations on a missing broker are refused", aws=BROKERS_AWS, stock=BROKERS_STOCK)
def case_brokers(account: Any) -> Any:
    return codes(account.client("mq"), BROKERS)


# --- EC2

NETWORK, NETWORK_AWS, NETWORK_STOCK = differing(
    {
        "delete_launch_template": (
            {"LaunchTemplateId": "lt-0123456789abcdef0"},
            "InvalidLaunchTemplateId.NotFound",
            "InvalidLaunchTemplateName.NotFoundException",
        ),
        "describe_launch_templates": (
            {"LaunchTemplateIds": ["lt-0123456789abcdef0"]},
            "InvalidLaunchTemplateId.NotFound",
            ACCEPTED,
        ),
        "delete_nat_gateway": ({"NatGatewayId": "nat-0123456789abcdef0"}, "NatGatewayNotFound", FAILED),
        "describe_nat_gateways": ({"NatGatewayIds": ["nat-0123456789abcdef0"]}, "NatGatewayNotFound", ACCEPTED),
        "describe_network_acls": (
            {"NetworkAclIds": ["acl-0123456789abcdef0"]},
            "InvalidNetworkAclID.NotFound",
            "InvalidRouteTableID.NotFound",
        ),
        "describe_key_pairs": ({"KeyPairIds": ["key-0123456789abcdef0"]}, "InvalidKeyPair.NotFound", ACCEPTED),
        "describe_flow_logs": ({"FlowLogIds": ["fl-0123456789abcdef0"]}, ACCEPTED, ACCEPTED),
        "describe_image_attribute": (
            {"ImageId": "ami-0123456789abcdef0", "Attribute": "launchPermission"},
            "InvalidAMIID.NotFound",
            FAILED,
        ),
        "describe_availability_zones": ({"ZoneNames": ["atlantis-1a"]}, "InvalidParameterValue", ACCEPTED),
        "delete_managed_prefix_list": (
            {"PrefixListId": "pl-0123456789abcdef0"},
            "InvalidPrefixListID.NotFound",
            FAILED,
        ),
        "delete_transit_gateway": (
            {"TransitGatewayId": "tgw-0123456789abcdef0"},
            "InvalidTransitGatewayID.NotFound",
            FAILED,
        ),
    }
)


@case("operations on missing EC2 resources are refused", aws=NETWORK_AWS, stock=NETWORK_STOCK)
def case_network(account: Any) -> Any:
    return codes(account.client("ec2"), NETWORK)


@case("a route to a missing NAT gateway is refused", aws="InvalidNatGatewayID.NotFound", stock=ACCEPTED)
def case_route(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc, _, _ = account.network()
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    parameters = {
        "RouteTableId": table["RouteTableId"],
        "DestinationCidrBlock": "0.0.0.0/0",
        "NatGatewayId": "nat-absent",
    }
    return outcome(lambda: ec2.create_route(**parameters) and ACCEPTED)


@case("deleting VPC endpoints lists the missing ones", aws=["InvalidVpcEndpoint.NotFound"], stock=[])
def case_endpoints(account: Any) -> Any:
    answer = account.client("ec2").delete_vpc_endpoints(VpcEndpointIds=["vpce-0123456789abcdef0"])
    return [each["Error"]["Code"] for each in answer["Unsuccessful"]]


# --- load balancers


def listener(account: Any, kind: str = "listener", more: str = "") -> str:
    return (
        f"arn:aws:elasticloadbalancing:{account.region}:{account.id}:{kind}/app/absent/0123456789abcdef/"
        f"0123456789abcdef{more}"
    )


@case(
    "a missing listener rule is RuleNotFound",
    aws={"delete_rule": "RuleNotFound", "describe_tags": "ListenerNotFound", "add_tags": "RuleNotFound"},
    stock={"delete_rule": ACCEPTED, "describe_tags": ACCEPTED, "add_tags": "LoadBalancerNotFound"},
)
def case_rules(account: Any) -> Any:
    rule = listener(account, "listener-rule", "/0123456789abcdef")
    return codes(
        account.client("elbv2"),
        {
            "delete_rule": {"RuleArn": rule},
            "describe_tags": {"ResourceArns": [listener(account)]},
            "add_tags": {"ResourceArns": [rule], "Tags": [{"Key": "a", "Value": "b"}]},
        },
    )


# --- ECS

ONE = "0" * 32
CLUSTERS, CLUSTERS_AWS, CLUSTERS_STOCK = differing(
    {
        name: ({"cluster": "absent", **more}, "ClusterNotFoundException", stock)
        for name, more, stock in (
            ("describe_container_instances", {"containerInstances": [ONE]}, "ClusterNotFoundException"),
            ("deregister_container_instance", {"containerInstance": ONE}, "ClusterNotFoundException"),
            ("list_container_instances", {}, ACCEPTED),
            ("list_attributes", {"targetType": "container-instance"}, ACCEPTED),
            ("list_tasks", {}, "ClusterNotFoundException"),
            ("put_attributes", {"attributes": [{"name": "a", "targetId": ONE}]}, "ClusterNotFoundException"),
            (
                "update_container_instances_state",
                {"containerInstances": [ONE], "status": "DRAINING"},
                "ClusterNotFoundException",
            ),
        )
    }
)


@case("operations on a missing cluster are refused", aws=CLUSTERS_AWS, stock=CLUSTERS_STOCK)
def case_clusters(account: Any) -> Any:
    return codes(account.client("ecs"), CLUSTERS)


@case(
    "missing container instances are listed as failures",
    aws=(["MISSING"], ["MISSING"], "InvalidParameterException"),
    stock=("500", "500", "500"),
)
def case_container_instances(account: Any) -> Any:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 1}])
    return (
        outcome(lambda: reasons(ecs.describe_container_instances(cluster="c", containerInstances=[ONE]))),
        outcome(lambda: reasons(ecs.start_task(cluster="c", taskDefinition="f", containerInstances=[ONE]))),
        outcome(lambda: ecs.deregister_container_instance(cluster="c", containerInstance=ONE) and ACCEPTED),
    )


def reasons(answer: dict[str, Any]) -> list[str]:
    return [failure["reason"] for failure in answer["failures"]]


@case(
    "a missing capacity provider is refused",
    aws={"update_capacity_provider": "ClientException", "put_cluster_capacity_providers": "InvalidParameterException"},
    stock={"update_capacity_provider": "500", "put_cluster_capacity_providers": ACCEPTED},
)
def case_capacity_providers(account: Any) -> Any:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    return codes(
        ecs,
        {
            "update_capacity_provider": {"name": "absent", "autoScalingGroupProvider": {}},
            "put_cluster_capacity_providers": {
                "cluster": "c",
                "capacityProviders": ["absent"],
                "defaultCapacityProviderStrategy": [],
            },
        },
    )


# --- stores


@case(
    "a missing multipart upload is NoSuchUpload",
    aws=["NoSuchUpload", "NoSuchUpload", "NoSuchKey"],
    stock=["500", "500", "500"],
)
def case_uploads(account: Any) -> Any:
    s3, name = account.client("s3"), f"parts-{account.id}"
    s3.create_bucket(Bucket=name, **located(account))
    upload = {"Bucket": name, "Key": "key", "UploadId": "absent"}
    part = {"Parts": [{"ETag": "etag", "PartNumber": 1}]}
    return [
        outcome(lambda: s3.upload_part(PartNumber=1, Body=b"content", **upload)),
        outcome(lambda: s3.complete_multipart_upload(MultipartUpload=part, **upload)),
        outcome(lambda: s3.delete_object_tagging(Bucket=name, Key="key")),
    ]


@case("an existing multipart upload is completed", aws=b"content", stock=b"content")
def case_a_whole_upload(account: Any) -> Any:
    s3, name = account.client("s3"), f"whole-{account.id}"
    s3.create_bucket(Bucket=name, **located(account))
    upload = {"Bucket": name, "Key": "key"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    tag = s3.upload_part(PartNumber=1, Body=b"content", **upload)["ETag"]
    s3.complete_multipart_upload(MultipartUpload={"Parts": [{"ETag": tag, "PartNumber": 1}]}, **upload)
    return s3.get_object(Bucket=name, Key="key")["Body"].read()


PROXY = {"DBProxyName": "absent"}
DATABASES, DATABASES_AWS, DATABASES_STOCK = differing(
    {
        "delete_db_proxy": (PROXY, "DBProxyNotFoundFault", FAILED),
        "describe_db_proxy_targets": (PROXY, "DBProxyNotFoundFault", FAILED),
        "describe_db_proxy_target_groups": (PROXY, "DBProxyNotFoundFault", FAILED),
        "register_db_proxy_targets": (PROXY, "DBProxyNotFoundFault", FAILED),
        "modify_db_cluster": ({"DBClusterIdentifier": "absent"}, "DBClusterNotFoundFault", FAILED),
        "promote_read_replica": ({"DBInstanceIdentifier": "absent"}, "DBInstanceNotFound", FAILED),
        "describe_db_parameter_groups": ({"DBParameterGroupName": "absent"}, "DBParameterGroupNotFound", ACCEPTED),
        "describe_option_groups": ({}, ACCEPTED, FAILED),
        "list_tags_for_resource": (
            {"ResourceName": "arn:aws:rds:eu-west-3:1:db:absent"},
            "DBInstanceNotFound",
            ACCEPTED,
        ),
    }
)


@case("operations on missing RDS resources are refused", aws=DATABASES_AWS, stock=DATABASES_STOCK)
def case_databases(account: Any) -> Any:
    return codes(account.client("rds"), DATABASES)


NODE = {"CacheClusterId": "c", "Engine": "redis", "CacheNodeType": "cache.t3.micro", "NumCacheNodes": 1}


@case("a cache cluster in a missing subnet group is refused", aws="CacheSubnetGroupNotFoundFault", stock=ACCEPTED)
def case_cache_group(account: Any) -> Any:
    create = account.client("elasticache").create_cache_cluster
    return outcome(lambda: create(CacheSubnetGroupName="absent", **NODE) and ACCEPTED)


# --- the others

TARGET = {"ServiceNamespace": "ecs", "ResourceId": "service/a/b", "ScalableDimension": "ecs:service:DesiredCount"}
OTHERS: dict[tuple[str, str], tuple[dict[str, Any], str, str]] = {
    ("logs", "delete_metric_filter"): (
        {"logGroupName": "absent", "filterName": "filter"},
        "ResourceNotFoundException",
        ACCEPTED,
    ),
    ("logs", "get_query_results"): ({"queryId": "absent"}, "ResourceNotFoundException", "500"),
    ("logs", "list_tags_for_resource"): (
        {"resourceArn": "arn:aws:logs:eu-west-3:1:log-group:absent"},
        "ResourceNotFoundException",
        ACCEPTED,
    ),
    ("cognito-idp", "list_resource_servers"): (
        {"UserPoolId": "eu-west-3_Absent123"},
        "ResourceNotFoundException",
        "500",
    ),
    ("budgets", "describe_notifications_for_budget"): (
        {"AccountId": "123456789012", "BudgetName": "absent"},
        "NotFoundException",
        "500",
    ),
    ("ecr", "put_image"): (
        {"repositoryName": "absent", "imageManifest": "{}", "imageTag": "latest"},
        "RepositoryNotFoundException",
        "500",
    ),
    ("servicediscovery", "delete_service"): ({"Id": "srv-absent"}, "ServiceNotFound", ACCEPTED),
    ("servicediscovery", "create_service"): (
        {"Name": "service", "NamespaceId": "ns-absent"},
        "NamespaceNotFound",
        ACCEPTED,
    ),
    ("servicediscovery", "list_tags_for_resource"): (
        {"ResourceARN": "arn:aws:servicediscovery:eu-west-3:1:service/srv-absent"},
        "ResourceNotFoundException",
        ACCEPTED,
    ),
    ("application-autoscaling", "put_scheduled_action"): (
        {**TARGET, "ScheduledActionName": "night", "Schedule": "rate(1 day)"},
        "ObjectNotFoundException",
        ACCEPTED,
    ),
    ("application-autoscaling", "delete_scheduled_action"): (
        {**TARGET, "ScheduledActionName": "noon"},
        "ObjectNotFoundException",
        ACCEPTED,
    ),
    ("iam", "list_instance_profiles_for_role"): ({"RoleName": "absent"}, "NoSuchEntity", ACCEPTED),
    ("iam", "list_entities_for_policy"): (
        {"PolicyArn": "arn:aws:iam::123456789012:policy/absent"},
        "NoSuchEntity",
        ACCEPTED,
    ),
}


@case(
    "operations on missing resources of other services are refused",
    aws={name: aws for name, (_, aws, _) in OTHERS.items()},
    stock={name: stock for name, (_, _, stock) in OTHERS.items()},
)
def case_others(account: Any) -> Any:
    return {
        (service, name): outcome(
            lambda: getattr(account.client(service), name)(**parameters) and ACCEPTED  # noqa: B023
        )
        for (service, name), (parameters, _, _) in OTHERS.items()
    }


@case(
    "labels for a missing parameter leave nothing behind",
    aws=("ParameterNotFound", "ParameterNotFound", []),
    stock=("ParameterNotFound", ACCEPTED, "500"),
)
def case_labels(account: Any) -> Any:
    ssm, tagging = account.client("ssm"), account.client("resourcegroupstaggingapi")
    return (
        outcome(lambda: ssm.label_parameter_version(Name="/absent", Labels=["label"]) and ACCEPTED),
        outcome(lambda: ssm.get_parameter_history(Name="/absent") and ACCEPTED),
        outcome(lambda: tagging.get_resources()["ResourceTagMappingList"]),
    )


@case("a role is removed from its instance profile", aws="NoSuchEntity", stock=FAILED)
def case_role_in_profile(account: Any) -> Any:
    iam = account.client("iam")
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    remove = iam.remove_role_from_instance_profile
    return outcome(lambda: remove(InstanceProfileName="profile", RoleName="role") and ACCEPTED)
