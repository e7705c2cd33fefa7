"""Fields that stock moto drops and results that it gets wrong."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from tests.local.cases import case, located, outcome

TAGS = [{"Key": "esaws:name", "Value": "n"}]


# --- ECS

DEFINITION = [{"name": "c", "image": "nginx", "memory": 256, "portMappings": [{"containerPort": 80, "hostPort": 8001}]}]


def create_service(account: Any, **settings: Any) -> Any:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=DEFINITION)
    ecs.create_service(cluster="c", serviceName="s", taskDefinition="f", desiredCount=2, **settings)
    return ecs


def describe_service(ecs: Any) -> dict[str, Any]:
    found: dict[str, Any] = ecs.describe_services(cluster="c", services=["s"])["services"][0]
    return found


def run_task(account: Any) -> tuple[Any, str]:
    ec2, ecs = account.client("ec2"), account.client("ecs")
    ecs.create_cluster(clusterName="c")
    instance = ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, InstanceType="t2.micro")["Instances"][
        0
    ]
    document = {"instanceId": instance["InstanceId"], "region": account.region}
    ecs.register_container_instance(
        cluster="c", instanceIdentityDocument=json.dumps(document), instanceIdentityDocumentSignature="x"
    )
    ecs.register_task_definition(family="f", containerDefinitions=DEFINITION)
    return ecs, ecs.run_task(cluster="c", taskDefinition="f", startedBy="me")["tasks"][0]["taskArn"]


@case("a task keeps running however often it is described", aws="RUNNING", stock="STOPPED")
def case_task_state(account: Any) -> Any:
    ecs, task = run_task(account)
    states = [ecs.describe_tasks(cluster="c", tasks=[task])["tasks"][0]["lastStatus"] for _ in range(6)]
    return states[-1]


@case("stopped tasks are not listed", aws=0, stock=1)
def case_stopped_tasks(account: Any) -> Any:
    ecs, task = run_task(account)
    ecs.stop_task(cluster="c", task=task)
    return len(ecs.list_tasks(cluster="c")["taskArns"])


@case("a task that has stopped with its instance can be stopped again", aws="STOPPED", stock="500")
def case_stopped_twice(account: Any) -> Any:
    ecs, task = run_task(account)
    (instance,) = ecs.list_container_instances(cluster="c")["containerInstanceArns"]
    (described,) = ecs.describe_container_instances(cluster="c", containerInstances=[instance])["containerInstances"]
    account.client("ec2").terminate_instances(InstanceIds=[described["ec2InstanceId"]])
    if ecs.list_container_instances(cluster="c")["containerInstanceArns"]:  # stock moto keeps it
        ecs.deregister_container_instance(cluster="c", containerInstance=instance, force=True)
    return outcome(lambda: ecs.stop_task(cluster="c", task=task)["task"]["lastStatus"])


@case("stopping a missing task is refused", aws="InvalidParameterException", stock="500")
def case_stop_nothing(account: Any) -> Any:
    ecs, _ = run_task(account)
    return outcome(lambda: ecs.stop_task(cluster="c", task="0" * 32))


@case(
    "a service keeps its deployment configuration",
    aws=(50, 150, False, 0),
    stock=(None, None, None, None),
)
def case_deployment(account: Any) -> Any:
    balancers = [{"targetGroupArn": create_listener(account)[2], "containerName": "c", "containerPort": 80}]
    configuration = {"minimumHealthyPercent": 50, "maximumPercent": 150}
    service = describe_service(create_service(account, deploymentConfiguration=configuration, loadBalancers=balancers))
    described = service.get("deploymentConfiguration", {})
    breaker = described.get("deploymentCircuitBreaker", {}).get("enable")
    grace = service.get("healthCheckGracePeriodSeconds")
    return described.get("minimumHealthyPercent"), described.get("maximumPercent"), breaker, grace


SPREAD = [{"type": "spread", "field": "attribute:ecs.availability-zone"}]


@case("a service keeps its placement strategy", aws=(SPREAD, True), stock=(None, None))
def case_placement(account: Any) -> Any:
    service = describe_service(create_service(account, placementStrategy=SPREAD, enableECSManagedTags=True))
    return service.get("placementStrategy"), service.get("enableECSManagedTags")


@case("the running count of a service counts its tasks", aws=(3, 0), stock=(3, 3))
def case_running_count(account: Any) -> Any:
    ecs = create_service(account)
    ecs.update_service(cluster="c", service="s", desiredCount=3)
    return describe_service(ecs)["desiredCount"], describe_service(ecs)["runningCount"]


@case("a deleted service is not listed", aws=0, stock=1)
def case_deleted_service(account: Any) -> Any:
    ecs = create_service(account)
    ecs.delete_service(cluster="c", service="s", force=True)
    return len(ecs.list_services(cluster="c")["serviceArns"])


@case("a deleted cluster is not listed", aws=[], stock=["c"])
def case_deleted_cluster(account: Any) -> Any:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.delete_cluster(cluster="c")
    return [arn.split("/")[-1] for arn in ecs.list_clusters()["clusterArns"]]


@case("creating an existing cluster returns it", aws=TAGS[0]["Value"], stock=None)
def case_cluster_twice(account: Any) -> Any:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c", tags=[{"key": "esaws:name", "value": "n"}])
    ecs.create_cluster(clusterName="c")
    tags = ecs.describe_clusters(clusters=["c"], include=["TAGS"])["clusters"][0].get("tags")
    return tags[0]["value"] if tags else None


@case("a task definition family without a revision is not listed", aws=[], stock=["f"])
def case_families(account: Any) -> Any:
    ecs = account.client("ecs")
    definition = ecs.register_task_definition(family="f", containerDefinitions=DEFINITION)["taskDefinition"]
    ecs.deregister_task_definition(taskDefinition=definition["taskDefinitionArn"])
    ecs.delete_task_definitions(taskDefinitions=[definition["taskDefinitionArn"]])
    return ecs.list_task_definition_families()["families"]


@case("registering a task definition returns its tags", aws="n", stock=None)
def case_definition_tags(account: Any) -> Any:
    tags = [{"key": "esaws:name", "value": "n"}]
    answer = account.client("ecs").register_task_definition(family="f", containerDefinitions=DEFINITION, tags=tags)
    return answer["tags"][0]["value"] if answer.get("tags") else None


@case("managed draining of a capacity provider can be changed", aws="DISABLED", stock="ENABLED")
def case_draining(account: Any) -> Any:
    ecs = account.client("ecs")
    arn = f"arn:aws:autoscaling:{account.region}:1:autoScalingGroup:x:autoScalingGroupName/g"
    provider = {"autoScalingGroupArn": arn, "managedDraining": "ENABLED"}
    ecs.create_capacity_provider(name="p", autoScalingGroupProvider=provider)
    ecs.update_capacity_provider(name="p", autoScalingGroupProvider={"managedDraining": "DISABLED"})
    found = ecs.describe_capacity_providers(capacityProviders=["p"])["capacityProviders"][0]
    return found["autoScalingGroupProvider"]["managedDraining"]


@case("all capacity providers are described by default", aws=["FARGATE", "FARGATE_SPOT"], stock="500")
def case_providers(account: Any) -> Any:
    ecs = account.client("ecs")
    return outcome(lambda: [found["name"] for found in ecs.describe_capacity_providers()["capacityProviders"]])


# --- load balancing


def create_target_group(account: Any) -> str:
    elbv2, (vpc, _, _) = account.client("elbv2"), account.network()
    return str(
        elbv2.create_target_group(Name="t", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    )


def create_listener(account: Any) -> tuple[Any, str, str]:
    elbv2, (vpc, subnets, group) = account.client("elbv2"), account.network()
    target = elbv2.create_target_group(Name="t", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    balancer = elbv2.create_load_balancer(Name="b", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target["TargetGroupArn"]}],
    )["Listeners"][0]
    return elbv2, listener["ListenerArn"], target["TargetGroupArn"]


@case("the default rule's ARN ends in sixteen hexadecimal digits", aws=True, stock=False)
def case_default_rule(account: Any) -> Any:
    elbv2, listener, _ = create_listener(account)
    arn = elbv2.describe_rules(ListenerArn=listener)["Rules"][0]["RuleArn"]
    return bool(re.fullmatch(re.escape(listener.replace(":listener/", ":listener-rule/")) + "/[0-9a-f]{16}", arn))


@case(
    "a rule's conditions and actions are described in both forms",
    aws=(["/x*"], ["/x*"], 1),
    stock=(None, ["/x*"], None),
)
def case_forms(account: Any) -> Any:
    elbv2, listener, target = create_listener(account)
    elbv2.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x*"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": target}],
    )
    rule = next(r for r in elbv2.describe_rules(ListenerArn=listener)["Rules"] if r["Priority"] == "1")
    condition, action = rule["Conditions"][0], rule["Actions"][0]
    weight = action["ForwardConfig"]["TargetGroups"][0]["Weight"] if "ForwardConfig" in action else None
    return condition.get("Values"), condition.get("PathPatternConfig", {}).get("Values"), weight


@case(
    "rules can exchange their priorities in one call, but not take one in use",
    aws=({"/1": "2", "/2": "1", "/3": "3"}, "PriorityInUse"),
    stock=({"/1": "1", "/2": "2", "/3": "3"}, "PriorityInUse"),
)
def case_swap(account: Any) -> Any:
    elbv2, listener, target = create_listener(account)
    arns = [
        elbv2.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": [f"/{priority}"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": target}],
        )["Rules"][0]["RuleArn"]
        for priority in (1, 2, 3)
    ]

    def move(*priorities: int) -> Any:
        pairs = [{"RuleArn": arn, "Priority": to} for arn, to in zip(arns, priorities, strict=False)]
        return outcome(lambda: len(elbv2.set_rule_priorities(RulePriorities=pairs)["Rules"]))

    move(2, 1)
    refused = move(3, 4)
    rules = elbv2.describe_rules(ListenerArn=listener)["Rules"]
    return {r["Conditions"][0]["Values"][0]: r["Priority"] for r in rules if r["Conditions"]}, refused


@case("an HTTP listener has no TLS policy", aws=None, stock="ELBSecurityPolicy-2016-08")
def case_tls(account: Any) -> Any:
    elbv2, listener, _ = create_listener(account)
    return elbv2.describe_listeners(ListenerArns=[listener])["Listeners"][0].get("SslPolicy")


@case("two ports of one instance are two targets", aws=([8001, 8002], [8002]), stock=([8002], []))
def case_two_ports(account: Any) -> Any:
    elbv2, group, ec2 = account.client("elbv2"), create_target_group(account), account.client("ec2")
    vpc = elbv2.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]["VpcId"]
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]["SubnetId"]
    launched = ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, SubnetId=subnet)
    instance = launched["Instances"][0]["InstanceId"]

    def ports() -> list[int]:
        health = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return sorted(target["Target"]["Port"] for target in health)

    targets = [{"Id": instance, "Port": port} for port in (8001, 8002)]
    elbv2.register_targets(TargetGroupArn=group, Targets=targets)
    both = ports()
    elbv2.deregister_targets(TargetGroupArn=group, Targets=targets[:1])
    return both, ports()


@case(
    "creating an identical load balancer or target group returns it",
    aws=(True, True),
    stock=(False, "DuplicateTargetGroupName"),
)
def case_idempotency(account: Any) -> Any:
    elbv2, (vpc, subnets, group) = account.client("elbv2"), account.network()

    def balancer() -> Any:
        return elbv2.create_load_balancer(Name="b", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]

    def target() -> Any:
        return elbv2.create_target_group(Name="t", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]

    first, once = balancer()["LoadBalancerArn"], target()["TargetGroupArn"]
    return balancer()["LoadBalancerArn"] == first, outcome(lambda: target()["TargetGroupArn"] == once)


@case("a load balancer has an idle timeout", aws="60", stock=None)
def case_attributes(account: Any) -> Any:
    elbv2, (_, subnets, group) = account.client("elbv2"), account.network()
    balancer = elbv2.create_load_balancer(Name="b", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    found = elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    return {attribute["Key"]: attribute["Value"] for attribute in found}.get("idle_timeout.timeout_seconds")


# --- EC2


@case("a rule with a referenced group keeps its description and owner", aws=("alb", True), stock=(None, False))
def case_group_rule(account: Any) -> Any:
    ec2, (_, _, group) = account.client("ec2"), account.network()
    pair = {"GroupId": group, "Description": "alb"}
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [pair]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    rule = next(rule for rule in rules if not rule["IsEgress"])
    return rule.get("Description"), rule.get("GroupOwnerId") == account.id


@case("the referenced group of a rule can be changed", aws=True, stock=False)
def case_modify_group_rule(account: Any) -> Any:
    ec2, (vpc, _, group) = account.client("ec2"), account.network()
    other = ec2.create_security_group(GroupName="other", Description="o", VpcId=vpc)["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": group}]}
    rule = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"][0]
    new = {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81, "ReferencedGroupId": other}
    update = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": new}
    outcome(lambda: ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[update]))
    ids = [rule["SecurityGroupRuleId"]]
    found = ec2.describe_security_group_rules(SecurityGroupRuleIds=ids)["SecurityGroupRules"][0]
    return found["ReferencedGroupInfo"]["GroupId"] == other


@case("the primary interface is deleted with its instance", aws=0, stock=1)
def case_interfaces(account: Any) -> Any:
    ec2, (_, subnets, _) = account.client("ec2"), account.network()
    run = ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, SubnetId=subnets[0])["Instances"][0]
    ec2.terminate_instances(InstanceIds=[run["InstanceId"]])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[run["InstanceId"]])
    return len(ec2.describe_network_interfaces()["NetworkInterfaces"])


@case(
    "an instance uses all fields of its launch template", aws=(True, "p", "ami-"), stock=(False, None, "resolve:ssm:")
)
def case_run_from_template(account: Any) -> Any:
    ec2, iam, (_, subnets, group) = account.client("ec2"), account.client("iam"), account.network()
    iam.create_instance_profile(InstanceProfileName="p")
    data = {
        "ImageId": "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
        "IamInstanceProfile": {"Name": "p"},
        "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": subnets[0], "Groups": [group]}],
    }
    ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData=data)
    template = {"LaunchTemplateName": "t"}
    run = ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate=template)["Instances"][0]
    profile = run.get("IamInstanceProfile", {}).get("Arn", "").split("/")[-1] or None
    image = re.match("resolve:ssm:|ami-", run["ImageId"])
    return [g["GroupId"] for g in run["SecurityGroups"]] == [group], profile, image and image[0]


# --- IAM, SSM, ECR


@case("AWS's managed policies exist", aws="AmazonEC2ContainerServiceforEC2Role", stock="NoSuchEntity")
def case_managed_policy(account: Any) -> Any:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
    return outcome(lambda: account.client("iam").get_policy(PolicyArn=arn)["Policy"]["PolicyName"])


@case("the tags of an instance profile can be listed", aws=TAGS, stock="ResponseParserError")
def case_profile_tags(account: Any) -> Any:
    iam = account.client("iam")
    iam.create_instance_profile(InstanceProfileName="p", Tags=TAGS)
    return outcome(lambda: iam.list_instance_profile_tags(InstanceProfileName="p")["Tags"])


@case("the parameter of the recommended ECS image contains JSON", aws=True, stock=False)
def case_recommended(account: Any) -> Any:
    name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended"
    value = account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    try:
        return json.loads(value)["image_id"].startswith("ami-")
    except ValueError:
        return False


@case("AWS's public parameters are not among the account's", aws=["own"], stock=False)
def case_public_parameters(account: Any) -> Any:
    ssm = account.client("ssm")
    ssm.put_parameter(Name="own", Value="1", Type="String")
    ssm.get_parameter(Name="/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended")
    names = [parameter["Name"] for parameter in ssm.describe_parameters()["Parameters"]]
    return names if len(names) < 10 else False


def manifest(config: str) -> str:
    layer = {
        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "size": 6,
        "digest": "sha256:" + "0" * 64,
    }
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": config, "size": 6},
            "layers": [layer],
        }
    )


@case("the digest of an image is the hash of its manifest", aws=True, stock=False)
def case_digest(account: Any) -> Any:
    ecr, text = account.client("ecr"), manifest("one")
    ecr.create_repository(repositoryName="site")
    image = ecr.put_image(repositoryName="site", imageManifest=text, imageTag="latest")["image"]["imageId"]
    return image["imageDigest"] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@case("an image whose tag moves on stays, untagged", aws=[[], ["latest"]], stock=[["latest"]])
def case_tag_moves(account: Any) -> Any:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="site")
    for config in ("one", "two"):
        ecr.put_image(repositoryName="site", imageManifest=manifest(config), imageTag="latest")
    return sorted(image.get("imageTags", []) for image in ecr.describe_images(repositoryName="site")["imageDetails"])


@case(
    "an immutable tag can't move to another image",
    aws="ImageTagAlreadyExistsException",
    stock="ImageAlreadyExistsException",
)
def case_immutable_tag(account: Any) -> Any:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="site", imageTagMutability="IMMUTABLE")
    ecr.put_image(repositoryName="site", imageManifest=manifest("one"), imageTag="1.0")
    return outcome(lambda: ecr.put_image(repositoryName="site", imageManifest=manifest("two"), imageTag="1.0"))


# --- ElastiCache, RDS, MQ, S3


def a_cache(account: Any) -> tuple[Any, str]:
    elasticache, (_, subnets, group) = account.client("elasticache"), account.network()
    elasticache.create_cache_subnet_group(CacheSubnetGroupName="g", CacheSubnetGroupDescription="d", SubnetIds=subnets)
    elasticache.create_cache_cluster(
        CacheClusterId="r",
        CacheNodeType="cache.t3.micro",
        Engine="redis",
        NumCacheNodes=1,
        CacheSubnetGroupName="g",
        SecurityGroupIds=[group],
    )
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="r")
    return elasticache, group


@case(
    "a cache cluster is described with nodes and security groups", aws=("0001", 6379, True), stock=(None, None, False)
)
def case_cache_nodes(account: Any) -> Any:
    elasticache, group = a_cache(account)
    found = elasticache.describe_cache_clusters(CacheClusterId="r", ShowCacheNodeInfo=True)["CacheClusters"][0]
    node = (found.get("CacheNodes") or [{}])[0]
    groups = [each["SecurityGroupId"] for each in found.get("SecurityGroups", [])]
    return node.get("CacheNodeId"), node.get("Endpoint", {}).get("Port"), groups == [group]


@case("a deleted cache cluster is not listed", aws="CacheClusterNotFound", stock="deleting")
def case_cache_deleted(account: Any) -> Any:
    elasticache, _ = a_cache(account)
    elasticache.delete_cache_cluster(CacheClusterId="r")
    found = elasticache.describe_cache_clusters
    return outcome(lambda: found(CacheClusterId="r")["CacheClusters"][0]["CacheClusterStatus"])


@case("a cache cluster can be changed", aws=3, stock="ResponseParserError")
def case_cache_changed(account: Any) -> Any:
    elasticache, _ = a_cache(account)
    change = elasticache.modify_cache_cluster
    return outcome(
        lambda: change(CacheClusterId="r", SnapshotRetentionLimit=3)["CacheCluster"]["SnapshotRetentionLimit"]
    )


@case(
    "a cache subnet group can be changed and deleted",
    aws=(["a"], "CacheSubnetGroupNotFoundFault"),
    stock=("ResponseParserError", "ResponseParserError"),
)
def case_cache_subnet_group(account: Any) -> Any:
    elasticache, (_, subnets, _) = account.client("elasticache"), account.network()
    elasticache.create_cache_subnet_group(CacheSubnetGroupName="g", CacheSubnetGroupDescription="d", SubnetIds=subnets)

    def changed() -> list[str]:
        elasticache.modify_cache_subnet_group(CacheSubnetGroupName="g", SubnetIds=subnets[:1])
        group = elasticache.describe_cache_subnet_groups(CacheSubnetGroupName="g")["CacheSubnetGroups"][0]
        zones = [subnet["SubnetAvailabilityZone"]["Name"] for subnet in group["Subnets"]]
        return [zone.removeprefix(account.region) for zone in zones]

    def deleted() -> None:
        elasticache.delete_cache_subnet_group(CacheSubnetGroupName="g")
        elasticache.describe_cache_subnet_groups(CacheSubnetGroupName="g")

    return outcome(changed), outcome(deleted)


@case("a DB instance is private and has a current version by default", aws=(False, "17.4"), stock=(None, "9.3.3"))
def case_database(account: Any) -> Any:
    rds = account.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="d",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="u",
        MasterUserPassword="passw0rd",
    )
    found = rds.describe_db_instances(DBInstanceIdentifier="d")["DBInstances"][0]
    return found.get("PubliclyAccessible"), found["EngineVersion"]


@case("a changed DB subnet group still exists", aws="new", stock="DBSubnetGroupNotFoundFault")
def case_db_subnet_group(account: Any) -> Any:
    rds, (_, subnets, _) = account.client("rds"), account.network()
    rds.create_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="old", SubnetIds=subnets)
    rds.modify_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="new", SubnetIds=subnets)
    found = rds.describe_db_subnet_groups
    return outcome(lambda: found(DBSubnetGroupName="g")["DBSubnetGroups"][0]["DBSubnetGroupDescription"])


@case("a broker is described with its endpoint", aws=True, stock=False)
def case_broker(account: Any) -> Any:
    mq = account.client("mq")
    broker = mq.create_broker(
        BrokerName="b",
        EngineType="RABBITMQ",
        EngineVersion="3.13",
        HostInstanceType="mq.t3.micro",
        DeploymentMode="SINGLE_INSTANCE",
        PubliclyAccessible=True,
        AutoMinorVersionUpgrade=True,
        Users=[{"Username": "user", "Password": "passw0rd1234"}],
    )["BrokerId"]
    endpoint = mq.describe_broker(BrokerId=broker)["BrokerInstances"][0]["Endpoints"][0]
    return endpoint == f"amqps://{broker}.mq.{account.region}.amazonaws.com:5671"


@case(
    "a new bucket blocks public access",
    aws=(True, "AES256", "BucketOwnerEnforced"),
    stock=(
        "NoSuchPublicAccessBlockConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        "OwnershipControlsNotFoundError",
    ),
)
def case_bucket(account: Any) -> Any:
    s3, name = account.client("s3"), f"clips-{account.id}"
    s3.create_bucket(Bucket=name, **located(account))

    def encryption() -> Any:
        rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
        return rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]

    def ownership() -> Any:
        return s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"][0]["ObjectOwnership"]

    def closed() -> Any:
        return all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())

    return outcome(closed), outcome(encryption), outcome(ownership)


@case("CreateBucket sets tags", aws={"mine": "yes"}, stock="NoSuchTagSet")
def case_bucket_tags(account: Any) -> Any:
    s3, name = account.client("s3"), f"tagged-{account.id}"
    tags = [{"Key": "mine", "Value": "yes"}]
    s3.create_bucket(Bucket=name, **located(account, Tags=tags))
    return outcome(lambda: {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]})


# --- Cognito, budgets, scaling


@case(
    "a user pool shows the MFA setting that was made last",
    aws=("OPTIONAL", "OFF", "OFF"),
    stock=("OFF", "OFF", "OPTIONAL"),
)
def case_pool_mfa(account: Any) -> Any:
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
    cognito.update_user_pool(UserPoolId=pool, MfaConfiguration="OFF")

    def error() -> tuple[Any, Any]:
        described = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["MfaConfiguration"]
        return described, cognito.get_user_pool_mfa_config(UserPoolId=pool)["MfaConfiguration"]

    cognito.set_user_pool_mfa_config(
        UserPoolId=pool, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )
    first, _ = error()
    cognito.update_user_pool(UserPoolId=pool, MfaConfiguration="OFF")
    return first, *error()


@case("a budget can be changed together with its period", aws=("7", 2030), stock=("5", 2087))
def case_budget_period(account: Any) -> Any:
    budgets = account.client("budgets")
    budget = {"BudgetName": "b", "TimeUnit": "MONTHLY", "BudgetType": "COST"}
    limit = {"Amount": "5", "Unit": "USD"}
    budgets.create_budget(AccountId=account.id, Budget=budget | {"BudgetLimit": limit})
    period = {"Start": datetime(2026, 1, 1, tzinfo=UTC), "End": datetime(2030, 6, 1, tzinfo=UTC)}
    outcome(
        lambda: budgets.update_budget(
            AccountId=account.id,
            NewBudget=budget | {"BudgetLimit": {"Amount": "7", "Unit": "USD"}, "TimePeriod": period},
        )
    )
    found = budgets.describe_budget(AccountId=account.id, BudgetName="b")["Budget"]
    return str(int(float(found["BudgetLimit"]["Amount"]))), found["TimePeriod"]["End"].year


SCALING = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/c/s",
    "ScalableDimension": "ecs:service:DesiredCount",
}


@case(
    "a missing scalable target or policy is ObjectNotFoundException",
    aws=("ObjectNotFoundException",) * 2,
    stock=("ValidationException",) * 2,
)
def case_missing_scaling(account: Any) -> Any:
    scaling = account.client("application-autoscaling")
    return (
        outcome(lambda: scaling.deregister_scalable_target(**SCALING)),
        outcome(lambda: scaling.delete_scaling_policy(PolicyName="p", **SCALING)),
    )


@case("a scalable target and its policy can be deleted", aws=(None, None), stock=(None, None))
def case_delete_scaling(account: Any) -> Any:
    create_service(account)
    scaling = account.client("application-autoscaling")
    scaling.register_scalable_target(MinCapacity=1, MaxCapacity=2, **SCALING)
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    tracking = {"TargetValue": 70.0, "PredefinedMetricSpecification": metric}
    scaling.put_scaling_policy(
        PolicyName="p", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=tracking, **SCALING
    )
    return (
        outcome(lambda: scaling.delete_scaling_policy(PolicyName="p", **SCALING).get("nothing")),
        outcome(lambda: scaling.deregister_scalable_target(**SCALING).get("nothing")),
    )


@case("a user pool has the standard attributes and its own", aws=(20, True), stock=(1, True))
def case_schema(account: Any) -> Any:
    schema = [{"Name": "birthdate", "Required": True, "Mutable": True, "AttributeDataType": "String"}]
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p", Schema=schema)["UserPool"]["Id"]
    found = {a["Name"]: a for a in cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["SchemaAttributes"]}
    return len(found), found["birthdate"]["Required"]


@case("an update of a user pool keeps its sign-in attributes", aws=["email"], stock=None)
def case_pool_update(account: Any) -> Any:
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p", UsernameAttributes=["email"])["UserPool"]["Id"]
    cognito.update_user_pool(UserPoolId=pool, MfaConfiguration="OFF")
    return cognito.describe_user_pool(UserPoolId=pool)["UserPool"].get("UsernameAttributes")


@case("tags of a user pool can be listed and changed", aws={"b": "2"}, stock="500")
def case_pool_tags(account: Any) -> Any:
    cognito = account.client("cognito-idp")
    arn = cognito.create_user_pool(PoolName="p", UserPoolTags={"a": "1"})["UserPool"]["Arn"]

    def change() -> Any:
        cognito.tag_resource(ResourceArn=arn, Tags={"b": "2"})
        cognito.untag_resource(ResourceArn=arn, TagKeys=["a"])
        return cognito.list_tags_for_resource(ResourceArn=arn)["Tags"]

    return outcome(change)


@case("a budget has tags, can be changed, and lists its subscribers", aws=(TAGS, "7.0", "a@b.c"), stock=("500",) * 3)
def case_budget(account: Any) -> Any:
    budgets = account.client("budgets")
    budget = {"BudgetName": "b", "TimeUnit": "MONTHLY", "BudgetType": "COST"}
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    subscribers = [{"SubscriptionType": "EMAIL", "Address": "a@b.c"}]
    budgets.create_budget(
        AccountId=account.id,
        Budget={**budget, "BudgetLimit": {"Amount": "5.0", "Unit": "USD"}},
        NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": subscribers}],
        ResourceTags=TAGS,
    )

    def changed() -> Any:
        new = {**budget, "BudgetLimit": {"Amount": "7.0", "Unit": "USD"}}
        budgets.update_budget(AccountId=account.id, NewBudget=new)
        return budgets.describe_budget(AccountId=account.id, BudgetName="b")["Budget"]["BudgetLimit"]["Amount"]

    def notified() -> Any:
        found = budgets.describe_subscribers_for_notification(
            AccountId=account.id, BudgetName="b", Notification=notification
        )
        return found["Subscribers"][0]["Address"]

    arn = f"arn:aws:budgets::{account.id}:budget/b"
    tags = outcome(lambda: budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"])
    return tags, outcome(changed), outcome(notified)


@case("tags of a scalable target can be listed", aws={"a": "1"}, stock="500")
def case_scalable_target(account: Any) -> Any:
    create_service(account)
    scaling = account.client("application-autoscaling")
    arn = scaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId="service/c/s",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=2,
        MaxCapacity=4,
        Tags={"a": "1"},
    )["ScalableTargetARN"]
    return outcome(lambda: scaling.list_tags_for_resource(ResourceARN=arn)["Tags"])


@case(
    "the root volume is deleted with its instance, another volume stays",
    aws=["/dev/xvdb"],
    stock=["/dev/xvda", "/dev/xvdb"],
)
def case_volumes_of_a_terminated_instance(account: Any) -> Any:
    ec2 = account.client("ec2")
    disks = [{"DeviceName": name, "Ebs": {"VolumeSize": size}} for name, size in (("/dev/xvda", 8), ("/dev/xvdb", 9))]
    parameters = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.micro", "BlockDeviceMappings": disks}
    made = ec2.run_instances(MinCount=1, MaxCount=1, **parameters)["Instances"][0]
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[made["InstanceId"]])
    names = {8: "/dev/xvda", 9: "/dev/xvdb"}
    return sorted(names[volume["Size"]] for volume in ec2.describe_volumes()["Volumes"])


@case("snapshots are described of the named owners only", aws=[1, 0], stock=[1, 1])
def case_snapshots_of_owners(account: Any) -> Any:
    ec2 = account.client("ec2")
    volume = ec2.create_volume(AvailabilityZone=account.zones()[0], Size=1)["VolumeId"]
    made = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    described = [ec2.describe_snapshots(OwnerIds=[owner])["Snapshots"] for owner in ("self", "111111111111")]
    return [sum(raw["SnapshotId"] == made for raw in snapshots) for snapshots in described]


# --- the security groups of an instance


def groups_of_instance(account: Any, *, by_interface: bool) -> list[list[str]]:
    """The groups of an instance and of its interface after a change of either, of three groups in all."""
    ec2 = account.client("ec2")
    vpc, (subnet, *_), _ = account.network()
    ids = [ec2.create_security_group(GroupName=f"g{n}", Description="d", VpcId=vpc)["GroupId"] for n in range(2)]
    made = {"ImageId": "ami-760aaa0f", "MinCount": 1, "MaxCount": 1, "InstanceType": "t2.micro", "SubnetId": subnet}
    instance = ec2.run_instances(**made, SecurityGroupIds=[ids[0]])["Instances"][0]
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    if by_interface:
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[ids[1]])
    else:
        ec2.modify_instance_attribute(InstanceId=instance["InstanceId"], Groups=[ids[1]])
    found = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"][0]["Instances"][0]
    at_interface = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]["Groups"]
    return [[group["GroupName"] for group in groups] for groups in (found["SecurityGroups"], at_interface)]


@case("new groups of an instance replace those of its interface", aws=[["g1"], ["g1"]], stock=[["g1"], ["g0", "g1"]])
def case_groups_of_instance(account: Any) -> Any:
    return groups_of_instance(account, by_interface=False)


@case("new groups of an interface replace those of its instance", aws=[["g1"], ["g1"]], stock=[["g0"], ["g1", "g0"]])
def case_groups_of_interface(account: Any) -> Any:
    return groups_of_instance(account, by_interface=True)
