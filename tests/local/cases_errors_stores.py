"""Calls that AWS refuses for databases, caches, brokers, buckets and identities, and the tagging API."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.local.cases import TRUST, case, located, outcome

TAG = {"Key": "team", "Value": "seccom"}
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'


def refused(call: Callable[..., Any], **parameters: Any) -> Any:
    """The code of the error that a call ends in, or that it was accepted."""
    return outcome(lambda: call(**parameters) and "accepted")


def refusal_case(name: str, *, aws: str, stock: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    return case(name, aws=aws, stock=stock)


# --- RDS


def subnet_group(account: Any) -> Any:
    rds = account.client("rds")
    _, subnets, _ = account.network()
    rds.create_db_subnet_group(DBSubnetGroupName="Group", DBSubnetGroupDescription="d", SubnetIds=subnets)
    return rds


SETTINGS = {
    "Engine": "postgres",
    "DBInstanceClass": "db.t3.micro",
    "AllocatedStorage": 20,
    "MasterUsername": "esaws",
    "MasterUserPassword": "not-a-secret",
}


def database(account: Any, **settings: Any) -> Any:
    rds = subnet_group(account)
    rds.create_db_instance(DBInstanceIdentifier="db", DBSubnetGroupName="group", **SETTINGS | settings)
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="db")
    return rds


@refusal_case(
    "deleting a database must take or skip a final snapshot",
    aws="InvalidParameterCombination",
    stock="accepted",
)
def case_no_snapshot_chosen(account: Any) -> Any:
    return refused(database(account).delete_db_instance, DBInstanceIdentifier="db")


@refusal_case("a final snapshot cannot be both taken and skipped", aws="InvalidParameterCombination", stock="accepted")
def case_both_chosen(account: Any) -> Any:
    chosen = {"SkipFinalSnapshot": True, "FinalDBSnapshotIdentifier": "last"}
    return refused(database(account).delete_db_instance, DBInstanceIdentifier="db", **chosen)


@refusal_case("a final snapshot needs an unused name", aws="DBSnapshotAlreadyExists", stock="DBSnapshotAlreadyExists")
def case_snapshot_again(account: Any) -> Any:
    rds = database(account)
    rds.create_db_snapshot(DBInstanceIdentifier="db", DBSnapshotIdentifier="last")
    return refused(rds.delete_db_instance, DBInstanceIdentifier="db", FinalDBSnapshotIdentifier="last")


@refusal_case(
    "a protected database cannot be deleted", aws="InvalidParameterCombination", stock="InvalidParameterCombination"
)
def case_protected_database(account: Any) -> Any:
    rds = database(account, DeletionProtection=True)
    return refused(rds.delete_db_instance, DBInstanceIdentifier="db", SkipFinalSnapshot=True)


@case(
    "a DB subnet group cannot be deleted before its databases",
    aws=("InvalidDBSubnetGroupStateFault", 0),
    stock=("accepted", 0),
)
def case_subnet_group_in_use(account: Any) -> Any:
    rds = database(account)
    first = refused(rds.delete_db_subnet_group, DBSubnetGroupName="group")
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="db")
    if first != "accepted":
        rds.delete_db_subnet_group(DBSubnetGroupName="group")
    return first, len(rds.describe_db_subnet_groups()["DBSubnetGroups"])


@refusal_case("a DB parameter group in use cannot be deleted", aws="InvalidDBParameterGroupState", stock="accepted")
def case_parameter_group_in_use(account: Any) -> Any:
    parameters = {"DBParameterGroupName": "mine", "DBParameterGroupFamily": "postgres16", "Description": "d"}
    account.client("rds").create_db_parameter_group(**parameters)
    rds = database(account, DBParameterGroupName="mine")
    return refused(rds.delete_db_parameter_group, DBParameterGroupName="mine")


@refusal_case("the name of a DB subnet group is unique", aws="DBSubnetGroupAlreadyExists", stock="accepted")
def case_subnet_group_twice(account: Any) -> Any:
    rds = subnet_group(account)
    (group,) = rds.describe_db_subnet_groups()["DBSubnetGroups"]
    subnets = [each["SubnetIdentifier"] for each in group["Subnets"]]
    same = {"DBSubnetGroupName": "group", "DBSubnetGroupDescription": "d", "SubnetIds": subnets}
    return refused(rds.create_db_subnet_group, **same)


@refusal_case("a DB subnet group needs two zones", aws="DBSubnetGroupDoesNotCoverEnoughAZs", stock="accepted")
def case_one_zone(account: Any) -> Any:
    _, subnets, _ = account.network()
    return refused(
        account.client("rds").create_db_subnet_group,
        DBSubnetGroupName="one",
        DBSubnetGroupDescription="d",
        SubnetIds=subnets[:1],
    )


@refusal_case(
    "a changed DB subnet group still needs two zones", aws="DBSubnetGroupDoesNotCoverEnoughAZs", stock="accepted"
)
def case_one_zone_left(account: Any) -> Any:
    rds = subnet_group(account)
    (group,) = rds.describe_db_subnet_groups()["DBSubnetGroups"]
    one = group["Subnets"][0]["SubnetIdentifier"]
    return refused(rds.modify_db_subnet_group, DBSubnetGroupName="group", SubnetIds=[one])


@refusal_case("an invalid database identifier is refused", aws="InvalidParameterValue", stock="InvalidParameterValue")
def case_database_identifier(account: Any) -> Any:
    settings = {"Engine": "postgres", "DBInstanceClass": "db.t3.micro"}
    return refused(account.client("rds").create_db_instance, DBInstanceIdentifier="two--hyphens", **settings)


@refusal_case("a database identifier is unique", aws="DBInstanceAlreadyExists", stock="DBInstanceAlreadyExists")
def case_database_twice(account: Any) -> Any:
    return refused(database(account).create_db_instance, DBInstanceIdentifier="db", **SETTINGS)


# --- ElastiCache


def cache(account: Any) -> Any:
    elasticache = account.client("elasticache")
    _, subnets, _ = account.network()
    elasticache.create_cache_subnet_group(
        CacheSubnetGroupName="group", CacheSubnetGroupDescription="d", SubnetIds=subnets
    )
    elasticache.create_cache_cluster(CacheClusterId="redis", CacheSubnetGroupName="group", **NODE)
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="redis")
    return elasticache


NODE = {"Engine": "redis", "CacheNodeType": "cache.t3.micro", "NumCacheNodes": 1}


@case(
    "a cache subnet group cannot be deleted before its clusters",
    aws=("CacheSubnetGroupInUse", 0),
    stock=("ResponseParserError", 1),
)
def case_cache_group_in_use(account: Any) -> Any:
    elasticache = cache(account)
    first = refused(elasticache.delete_cache_subnet_group, CacheSubnetGroupName="group")
    elasticache.delete_cache_cluster(CacheClusterId="redis")
    outcome(lambda: elasticache.describe_cache_clusters(CacheClusterId="redis"))  # stock moto's is deleting for ever
    refused(elasticache.delete_cache_subnet_group, CacheSubnetGroupName="group")
    return first, len(elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"])


@case("an invalid cache cluster identifier is refused", aws=["InvalidParameterValue"] * 5, stock=["accepted"] * 5)
def case_cache_identifier(account: Any) -> Any:
    create = account.client("elasticache").create_cache_cluster
    wrong = ("1st", "two--hyphens", "ends-", "under_score", "x" * 51)
    return [refused(create, CacheClusterId=name, **NODE) for name in wrong]


@refusal_case(
    "a cache cluster identifier is unique", aws="CacheClusterAlreadyExists", stock="CacheClusterAlreadyExists"
)
def case_cache_twice(account: Any) -> Any:
    return refused(cache(account).create_cache_cluster, CacheClusterId="redis", **NODE)


@refusal_case(
    "the name of a cache subnet group is unique",
    aws="CacheSubnetGroupAlreadyExists",
    stock="CacheSubnetGroupAlreadyExists",
)
def case_cache_group_twice(account: Any) -> Any:
    elasticache = cache(account)
    (group,) = elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"]
    subnets = [each["SubnetIdentifier"] for each in group["Subnets"]]
    same = {"CacheSubnetGroupName": "group", "CacheSubnetGroupDescription": "d", "SubnetIds": subnets}
    return refused(elasticache.create_cache_subnet_group, **same)


# --- Amazon MQ

BROKER = {
    "AutoMinorVersionUpgrade": True,
    "BrokerName": "broker",
    "DeploymentMode": "SINGLE_INSTANCE",
    "EngineType": "RABBITMQ",
    "EngineVersion": "3.13",
    "HostInstanceType": "mq.t3.micro",
    "PubliclyAccessible": True,
    "Users": [{"Username": "esaws", "Password": "not a secret"}],
}


@refusal_case("the name of a broker is unique", aws="ConflictException", stock="accepted")
def case_broker_twice(account: Any) -> Any:
    mq = account.client("mq")
    mq.create_broker(**BROKER)
    return refused(mq.create_broker, **BROKER)


@case("a repeated request for a broker returns the same broker", aws=1, stock=2)
def case_broker_request_again(account: Any) -> Any:
    mq = account.client("mq")
    return len({mq.create_broker(**BROKER, CreatorRequestId="one")["BrokerId"] for _ in range(2)})


@case("RabbitMQ 4 runs on m7g only", aws=("BadRequestException", "accepted"), stock=("accepted", "accepted"))
def case_rabbitmq_4(account: Any) -> Any:
    create, four = account.client("mq").create_broker, BROKER | {"EngineVersion": "4.2"}
    return refused(create, **four), refused(create, **four | {"BrokerName": "b", "HostInstanceType": "mq.m7g.large"})


@refusal_case("a broker name with white space is refused", aws="BadRequestException", stock="accepted")
def case_broker_name(account: Any) -> Any:
    return refused(account.client("mq").create_broker, **BROKER | {"BrokerName": "my broker"})


# --- S3


def bucket(account: Any, name: str = "bucket") -> tuple[Any, str]:
    s3, full = account.client("s3"), f"{name}-{account.id}"
    s3.create_bucket(Bucket=full, **located(account))
    return s3, full


@case(
    "a bucket can be deleted when no version and no delete marker is left",
    aws=("BucketNotEmpty", "BucketNotEmpty", "accepted"),
    stock=("BucketNotEmpty", "BucketNotEmpty", "accepted"),
)
def case_bucket_not_empty(account: Any) -> Any:
    s3, name = bucket(account)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=name, Key="clip", Body=b"")["VersionId"]
    first = refused(s3.delete_bucket, Bucket=name)
    marker = s3.delete_object(Bucket=name, Key="clip")["VersionId"]
    s3.delete_object(Bucket=name, Key="clip", VersionId=version)
    second = refused(s3.delete_bucket, Bucket=name)
    s3.delete_object(Bucket=name, Key="clip", VersionId=marker)
    return first, second, refused(s3.delete_bucket, Bucket=name)


@case(
    "creating one's own bucket again is refused, except in us-east-1",
    aws=("BucketAlreadyOwnedByYou", "accepted"),
    stock=("BucketAlreadyOwnedByYou", "accepted"),
)
def case_my_bucket_again(account: Any) -> Any:
    def again(region: str) -> Any:
        there = replace(account, region=region)
        s3, name = bucket(there, region)
        return refused(s3.create_bucket, Bucket=name, **located(there))

    return again("eu-west-3"), again("us-east-1")


@refusal_case("a bucket name is unique across accounts", aws="BucketAlreadyExists", stock="BucketAlreadyExists")
def case_their_bucket(account: Any) -> Any:
    _, name = bucket(account)
    other = replace(account, id=str(int(account.id) + 500_000_000_000))
    return refused(other.client("s3").create_bucket, Bucket=name, **located(account))


WRONG_NAMES = ("Clips", "un_der", "two..dots", "ends-", "192.168.5.4", "xn--clips", "clips-s3alias")


@case(
    "an invalid bucket name is refused",
    aws=["InvalidBucketName"] * len(WRONG_NAMES),
    stock=["accepted"] * len(WRONG_NAMES),
)
def case_bucket_names(account: Any) -> Any:
    s3 = account.client("s3")
    return [refused(s3.create_bucket, Bucket=name, **located(account)) for name in WRONG_NAMES]


# --- Cognito


@case(
    "a user pool cannot be deleted before its domain",
    aws=("InvalidParameterException", "accepted"),
    stock=("accepted", "ResourceNotFoundException"),
)
def case_pool_with_domain(account: Any) -> Any:
    cognito = account.client("cognito-idp")
    pool, domain = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"], f"d{account.id}"
    cognito.create_user_pool_domain(UserPoolId=pool, Domain=domain)
    first = refused(cognito.delete_user_pool, UserPoolId=pool)
    outcome(lambda: cognito.delete_user_pool_domain(UserPoolId=pool, Domain=domain))
    return first, refused(cognito.delete_user_pool, UserPoolId=pool)


@case(
    "a protected user pool cannot be deleted",
    aws=("InvalidParameterException", "accepted"),
    stock=("accepted", "ResourceNotFoundException"),
)
def case_protected_pool(account: Any) -> Any:
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p", DeletionProtection="ACTIVE")["UserPool"]["Id"]
    first = refused(cognito.delete_user_pool, UserPoolId=pool)
    outcome(lambda: cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE"))
    return first, refused(cognito.delete_user_pool, UserPoolId=pool)


@refusal_case(
    "the minimum password length of a user pool is at most 99", aws="InvalidParameterException", stock="accepted"
)
def case_password_length(account: Any) -> Any:
    policies = {"PasswordPolicy": {"MinimumLength": 100}}
    return refused(account.client("cognito-idp").create_user_pool, PoolName="p", Policies=policies)


# --- IAM


def role_and_policy(account: Any) -> tuple[Any, str]:
    iam = account.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    return iam, iam.create_policy(PolicyName="p", PolicyDocument=DOCUMENT)["Policy"]["Arn"]


@refusal_case("an attached policy cannot be deleted", aws="DeleteConflict", stock="accepted")
def case_policy_attached(account: Any) -> Any:
    iam, policy = role_and_policy(account)
    iam.attach_role_policy(RoleName="r", PolicyArn=policy)
    return refused(iam.delete_policy, PolicyArn=policy)


@case(
    "a policy cannot be deleted before its other versions",
    aws=("DeleteConflict", "accepted"),
    stock=("accepted", "NoSuchEntity"),
)
def case_policy_versions(account: Any) -> Any:
    iam, policy = role_and_policy(account)
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=DOCUMENT)
    first = refused(iam.delete_policy, PolicyArn=policy)
    outcome(lambda: iam.delete_policy_version(PolicyArn=policy, VersionId="v2"))
    return first, refused(iam.delete_policy, PolicyArn=policy)


@case(
    "a role cannot be deleted before its policies and instance profiles",
    aws=["DeleteConflict"] * 3,
    stock=["DeleteConflict"] * 3,
)
def case_role_in_use(account: Any) -> Any:
    iam, policy = role_and_policy(account)
    answers = []
    iam.attach_role_policy(RoleName="r", PolicyArn=policy)
    answers.append(refused(iam.delete_role, RoleName="r"))
    iam.detach_role_policy(RoleName="r", PolicyArn=policy)
    iam.put_role_policy(RoleName="r", PolicyName="inline", PolicyDocument=DOCUMENT)
    answers.append(refused(iam.delete_role, RoleName="r"))
    iam.delete_role_policy(RoleName="r", PolicyName="inline")
    iam.create_instance_profile(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    return [*answers, refused(iam.delete_role, RoleName="r")]


# --- Cloud Map, Budgets


def cloud_map(account: Any) -> tuple[Any, str, str]:
    discovery = account.client("servicediscovery")
    discovery.create_http_namespace(Name="n")
    (namespace,) = discovery.list_namespaces()["Namespaces"]
    service = discovery.create_service(Name="s", NamespaceId=namespace["Id"])["Service"]["Id"]
    return discovery, namespace["Id"], service


@case(
    "a Cloud Map service is deleted after its instances, and a namespace after its services",
    aws=("ResourceInUse", "ResourceInUse", "accepted", "accepted"),
    stock=("accepted", "accepted", "accepted", "NamespaceNotFound"),
)
def case_cloud_map_in_use(account: Any) -> Any:
    discovery, namespace, service = cloud_map(account)
    discovery.register_instance(ServiceId=service, InstanceId="i", Attributes={"AWS_INSTANCE_IPV4": "10.0.0.1"})
    answers = [
        refused(discovery.delete_namespace, Id=namespace),
        refused(discovery.delete_service, Id=service),
    ]
    outcome(lambda: discovery.deregister_instance(ServiceId=service, InstanceId="i"))
    return *answers, refused(discovery.delete_service, Id=service), refused(discovery.delete_namespace, Id=namespace)


@case(
    "names of Cloud Map namespaces and services are unique",
    aws=("NamespaceAlreadyExists", "ServiceAlreadyExists"),
    stock=("accepted", "accepted"),
)
def case_cloud_map_twice(account: Any) -> Any:
    discovery, namespace, _ = cloud_map(account)
    return (
        refused(discovery.create_http_namespace, Name="n"),
        refused(discovery.create_service, Name="s", NamespaceId=namespace),
    )


@refusal_case("the name of a budget is unique", aws="DuplicateRecordException", stock="DuplicateRecordException")
def case_budget_twice(account: Any) -> Any:
    budgets = account.client("budgets")
    limit = {"Amount": "10", "Unit": "USD"}
    budget = {"BudgetName": "b", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}
    budgets.create_budget(AccountId=account.id, Budget=budget)
    return refused(budgets.create_budget, AccountId=account.id, Budget=budget)


# --- the tagging API


def described(account: Any, **parameters: Any) -> list[str]:
    """`service:type` of what the tagging API shows under the tag, in alphabetical order."""
    tagging = account.client("resourcegroupstaggingapi")
    parameters.setdefault("TagFilters", [{"Key": "team", "Values": ["seccom"]}])
    found = [
        each["ResourceARN"].split(":", 5)
        for page in tagging.get_paginator("get_resources").paginate(**parameters)
        for each in page["ResourceTagMappingList"]
    ]
    return sorted(f"{arn[2]}:{arn[5].replace(':', '/').split('/')[0]}" for arn in found)


def lower(tag: dict[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in tag.items()}


def tagged(account: Any) -> None:
    """One of many kinds of things, tagged."""
    on = lambda kind: {"TagSpecifications": [{"ResourceType": kind, "Tags": [TAG]}]}  # noqa: E731
    ec2 = account.client("ec2")
    _, subnets, group = account.network()
    ec2.create_tags(Resources=[subnets[0]], Tags=[TAG])
    ec2.create_launch_template(
        LaunchTemplateName="t", LaunchTemplateData={"InstanceType": "t2.micro"}, **on("launch-template")
    )
    ec2.allocate_address(Domain="vpc", **on("elastic-ip"))
    account.client("rds").create_db_subnet_group(
        DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=subnets, Tags=[TAG]
    )
    account.client("elasticache").create_cache_subnet_group(
        CacheSubnetGroupName="g", CacheSubnetGroupDescription="d", SubnetIds=subnets, Tags=[TAG]
    )
    account.client("mq").create_broker(**BROKER, Tags={"team": "seccom"})
    account.client("cognito-idp").create_user_pool(PoolName="p", UserPoolTags={"team": "seccom"})
    account.client("ecr").create_repository(repositoryName="repo", tags=[TAG])
    account.client("ecs").create_cluster(clusterName="c", tags=[lower(TAG)])
    account.client("ssm").put_parameter(Name="/p", Value="v", Type="String", Tags=[TAG])
    account.client("servicediscovery").create_http_namespace(Name="n", Tags=[TAG])
    account.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=[TAG])
    s3, name = bucket(account)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [TAG]})
    elbv2 = account.client("elbv2")
    balancer = elbv2.create_load_balancer(Name="a", Subnets=subnets, SecurityGroups=[group], Tags=[TAG])
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[answer],
        Tags=[TAG],
    )["Listeners"][0]["ListenerArn"]
    path = {"Field": "path-pattern", "Values": ["/x"]}
    elbv2.create_rule(ListenerArn=listener, Priority=1, Conditions=[path], Actions=[answer], Tags=[TAG])


FOUND_BY_STOCK = [
    "ec2:subnet",
    "ecs:cluster",
    "elasticache:subnetgroup",
    "elasticloadbalancing:loadbalancer",
    "s3:bucket",
    "ssm:parameter",
]
MISSED_BY_STOCK = [
    "cognito-idp:userpool",
    "ec2:elastic-ip",
    "ec2:launch-template",
    "ecr:repository",
    "elasticloadbalancing:listener",
    "elasticloadbalancing:listener-rule",
    "mq:broker",
    "rds:subgrp",
    "servicediscovery:namespace",
]


@case(
    "the tagging API lists tagged resources of every service",
    aws=sorted(FOUND_BY_STOCK + MISSED_BY_STOCK),
    stock=FOUND_BY_STOCK,
)
def case_all_tagged(account: Any) -> Any:
    tagged(account)
    names = [kind.replace(f"s3:bucket-{account.id}", "s3:bucket") for kind in described(account)]
    return sorted(names)


@case(
    "the resource types of the tagging API are those in the ARNs",
    aws=(["elasticache:subnetgroup"], ["elasticloadbalancing:loadbalancer"], 1, 2),
    stock=([], [], 1, 1),
)
def case_types(account: Any) -> Any:
    tagged(account)
    return (
        described(account, ResourceTypeFilters=["elasticache:subnetgroup"]),
        described(account, ResourceTypeFilters=["elasticloadbalancing:loadbalancer/app"]),
        len(described(account, ResourceTypeFilters=["s3:bucket"])),
        len(described(account, ResourceTypeFilters=["ssm", "mq"])),
    )


@case("the pages of the tagging API list each resource once", aws=([2, 2, 1], 5), stock=([2, 2, 1], 5))
def case_pages(account: Any) -> Any:
    ssm, tagging = account.client("ssm"), account.client("resourcegroupstaggingapi")
    for number in range(5):
        ssm.put_parameter(Name=f"/p{number}", Value="v", Type="String", Tags=[TAG])
    pages = [*tagging.get_paginator("get_resources").paginate(ResourcesPerPage=2)]
    found = [[each["ResourceARN"] for each in page["ResourceTagMappingList"]] for page in pages]
    return [len(page) for page in found], len({arn for page in found for arn in page})


@case("the tagging API accepts ARNs or filters, not both", aws="InvalidParameterException", stock="accepted")
def case_arns_and_filters(account: Any) -> Any:
    get = account.client("resourcegroupstaggingapi").get_resources
    return refused(get, ResourceARNList=["arn:aws:s3:::b"], TagFilters=[{"Key": "team"}])


@case(
    "the tagging API lists no deleted resources",
    aws=[],
    stock=["ec2:instance", "ecs:service", "ecs:task-definition"],
)
def case_the_dead(account: Any) -> Any:
    ec2, ecs = account.client("ec2"), account.client("ecs")
    on = [{"ResourceType": "instance", "Tags": [TAG]}]
    one = ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, TagSpecifications=on)["Instances"][0]
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[one["InstanceId"]])
    ecs.create_cluster(clusterName="c", tags=[lower(TAG)])
    ecs.register_task_definition(
        family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 1}], tags=[lower(TAG)]
    )
    ecs.create_service(cluster="c", serviceName="s", taskDefinition="f", desiredCount=0, tags=[lower(TAG)])
    ecs.delete_service(cluster="c", service="s", force=True)
    ecs.deregister_task_definition(taskDefinition="f:1")
    ecs.delete_cluster(cluster="c")
    return [kind for kind in described(account) if kind != "ecs:cluster" or account.wrapped]
