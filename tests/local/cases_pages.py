"""Pagination: moto returns many lists at once, whatever the requested size, and accepts any token."""

import json
from typing import Any

from tests.local.cases import case, outcome


@case("clusters are listed in pages", aws=[2, 2, 1], stock=[5])
def case_clusters(account: Any) -> Any:
    ecs = account.client("ecs")
    for number in range(5):
        ecs.create_cluster(clusterName=f"c{number}")
    pages = ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2})
    return [len(page["clusterArns"]) for page in pages]


@case("all clusters are listed while they are deleted page by page", aws=[2, 2, 1], stock=[5])
def case_clusters_that_go(account: Any) -> Any:
    ecs, sizes = account.client("ecs"), []
    for number in range(5):
        ecs.create_cluster(clusterName=f"c{number}")
    for page in ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2}):
        sizes.append(len(page["clusterArns"]))
        for arn in page["clusterArns"]:
            ecs.delete_cluster(cluster=arn)
    return sizes


@case("security groups and subnets are described in pages", aws=([5, 2], [5, 1]), stock=([7], [6]))
def case_network(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for number in range(6):
        ec2.create_security_group(GroupName=f"g{number}", Description="group", VpcId=vpc)
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")
    parameters = {"Filters": [{"Name": "vpc-id", "Values": [vpc]}], "PaginationConfig": {"PageSize": 5}}
    groups = ec2.get_paginator("describe_security_groups").paginate(**parameters)
    subnets = ec2.get_paginator("describe_subnets").paginate(**parameters)
    return [len(page["SecurityGroups"]) for page in groups], [len(page["Subnets"]) for page in subnets]


@case("the listeners of a load balancer are described in pages", aws=[2, 1], stock=[3])
def case_listeners(account: Any) -> Any:
    elb, (_, subnets, group) = account.client("elbv2"), account.network()
    balancer = elb.create_load_balancer(Name="a", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    parameters = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
    answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    for port in (80, 81, 82):
        elb.create_listener(Protocol="HTTP", Port=port, DefaultActions=answer, **parameters)
    pages = elb.get_paginator("describe_listeners").paginate(PaginationConfig={"PageSize": 2}, **parameters)
    return [len(page["Listeners"]) for page in pages]


def sizes(client: Any, operation: str, member: str, size: int | None = None, **parameters: Any) -> list[int]:
    """How many entries each page has."""
    pages = client.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": size} if size else {})
    return [len(page[member]) for page in pages]


@case("alarms are described in pages, of fifty by default", aws=([2, 1], [50, 5]), stock=([3], [55]))
def case_alarms(account: Any) -> Any:
    cloudwatch = account.client("cloudwatch")
    put = lambda number: cloudwatch.put_metric_alarm(  # noqa: E731
        AlarmName=f"alarm-{number:02}",
        Namespace="n",
        MetricName="m",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    for number in range(3):
        put(number)
    parameters = sizes(cloudwatch, "describe_alarms", "MetricAlarms", 2)
    for number in range(3, 55):
        put(number)
    return parameters, sizes(cloudwatch, "describe_alarms", "MetricAlarms")


def fleet(account: Any) -> Any:
    """The client of Auto Scaling, and in its account a group of three instances with three tags."""
    ec2, scaling = account.client("ec2"), account.client("autoscaling")
    _, subnets, _ = account.network()
    ec2.create_launch_template(
        LaunchTemplateName="template", LaunchTemplateData={"ImageId": "ami-760aaa0f", "InstanceType": "t3.micro"}
    )
    tags = [{"Key": key, "Value": "value", "PropagateAtLaunch": True} for key in "abc"]
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="group",
        LaunchTemplate={"LaunchTemplateName": "template"},
        MinSize=3,
        MaxSize=3,
        VPCZoneIdentifier=",".join(subnets),
        Tags=tags,
    )
    return scaling


@case(
    "tags, policies and instances of groups are described in pages",
    aws=([2, 1], [2, 1], [2, 1]),
    stock=([3], [3], [3]),
)
def case_fleet(account: Any) -> Any:
    scaling = fleet(account)
    for number in range(3):
        scaling.put_scaling_policy(
            AutoScalingGroupName="group",
            PolicyName=f"policy-{number}",
            AdjustmentType="ChangeInCapacity",
            ScalingAdjustment=number,
        )
    return (
        sizes(scaling, "describe_tags", "Tags", 2),
        sizes(scaling, "describe_policies", "ScalingPolicies", 2, AutoScalingGroupName="group"),
        sizes(scaling, "describe_auto_scaling_instances", "AutoScalingInstances", 2),
    )


@case("EC2 resources are described in pages", aws=([5, 1], True, 100, [5, 1]), stock=([6], False, 101, [6]))
def case_many(account: Any) -> Any:
    ec2 = account.client("ec2")
    volume = ec2.create_volume(Size=1, AvailabilityZone=account.zones()[0])["VolumeId"]
    ec2.create_tags(Resources=[volume], Tags=[{"Key": f"key-{n}", "Value": "value"} for n in range(6)])
    for _ in range(6):
        ec2.create_snapshot(VolumeId=volume)
    volumes = [{"Name": "resource-id", "Values": [volume]}]
    types = len(ec2.describe_instance_types()["InstanceTypes"])
    images = sizes(ec2, "describe_images", "Images", 50)
    return (
        sizes(ec2, "describe_tags", "Tags", 5, Filters=volumes),
        len(images) > 1 and max(images) == 50,
        min(types, 101),
        sizes(ec2, "describe_snapshots", "Snapshots", 5, Filters=[{"Name": "volume-id", "Values": [volume]}]),
    )


@case("scalable targets are described in pages, each once", aws=([2, 2, 1], 5), stock=([2] * 4, 4))
def case_scalable_targets(account: Any) -> Any:
    scaling = account.client("application-autoscaling")
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 1}])
    for number in range(5):
        ecs.create_service(cluster="c", serviceName=f"s{number}", taskDefinition="f", desiredCount=0)
        scaling.register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=f"service/c/s{number}",
            ScalableDimension="ecs:service:DesiredCount",
            MinCapacity=0,
            MaxCapacity=1,
        )
    found, token = [], {}
    for _ in range(4):
        page = scaling.describe_scalable_targets(ServiceNamespace="ecs", MaxResults=2, **token)
        found.append([target["ResourceId"] for target in page["ScalableTargets"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    return [len(page) for page in found], len({each for page in found for each in page})


@case("services are listed in pages, of ten by default", aws=([10, 2], [12]), stock=([12], [12]))
def case_services(account: Any) -> Any:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 1}])
    for number in range(12):
        ecs.create_service(cluster="c", serviceName=f"s{number}", taskDefinition="f", desiredCount=0)
    return (
        sizes(ecs, "list_services", "serviceArns", cluster="c"),
        sizes(ecs, "list_services", "serviceArns", 100, cluster="c"),
    )


@case("a hundred rules are described in one page", aws=[61], stock=[50, 11])
def case_rules(account: Any) -> Any:
    elb, (_, subnets, group) = account.client("elbv2"), account.network()
    parameters = {"Subnets": subnets, "SecurityGroups": [group], "Scheme": "internal"}
    balancer = elb.create_load_balancer(Name="a", **parameters)["LoadBalancers"][0]["LoadBalancerArn"]
    answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=answer)
    arn = listener["Listeners"][0]["ListenerArn"]
    for number in range(1, 61):
        path = [{"Field": "path-pattern", "Values": [f"/{number}"]}]
        elb.create_rule(ListenerArn=arn, Priority=number, Conditions=path, Actions=answer)
    return sizes(elb, "describe_rules", "Rules", ListenerArn=arn)


NO_TOKENS: dict[tuple[str, str], tuple[dict[str, Any], str, Any]] = {
    ("ecs", "list_clusters"): ({"nextToken": "none"}, "InvalidParameterException", "accepted"),
    ("ecr", "describe_repositories"): ({"nextToken": "none"}, "InvalidParameterException", "accepted"),
    ("elbv2", "describe_load_balancers"): ({"Marker": "none"}, "ValidationError", "ResponseParserError"),
    ("elbv2", "describe_target_groups"): ({"Marker": "none"}, "ValidationError", "accepted"),
    ("autoscaling", "describe_auto_scaling_groups"): ({"NextToken": "none"}, "InvalidNextToken", "ResponseParserError"),
    ("autoscaling", "describe_tags"): ({"NextToken": "none"}, "InvalidNextToken", "accepted"),
    ("application-autoscaling", "describe_scalable_targets"): (
        {"ServiceNamespace": "ecs", "NextToken": "none"},
        "InvalidNextTokenException",
        "500",
    ),
    ("cloudwatch", "describe_alarms"): ({"NextToken": "none"}, "InvalidNextToken", "accepted"),
    ("ec2", "describe_vpcs"): ({"NextToken": "none"}, "InvalidPaginationToken", "accepted"),
}


@case(
    "an invalid pagination token is refused",
    aws={name: aws for name, (_, aws, _) in NO_TOKENS.items()},
    stock={name: stock for name, (_, _, stock) in NO_TOKENS.items()},
)
def case_no_tokens(account: Any) -> Any:
    return {
        (service, name): outcome(
            lambda: getattr(account.client(service), name)(**parameters) and "accepted"  # noqa: B023
        )
        for (service, name), (parameters, _, _) in NO_TOKENS.items()
    }


# --- lists as they are asked for


@case(
    "task definitions are listed by family and revision, optionally the newest first",
    aws=(["a:1", "b:1", "b:2"], ["b:2", "b:1", "a:1"]),
    stock=(["b:1", "b:2", "a:1"], ["b:1", "b:2", "a:1"]),
)
def case_sorted(account: Any) -> Any:
    ecs = account.client("ecs")
    for family in ("b", "b", "a"):
        ecs.register_task_definition(family=family, containerDefinitions=[{"name": "c", "image": "i", "memory": 1}])
    listed = lambda **parameters: [  # noqa: E731
        arn.split("/")[-1] for arn in ecs.list_task_definitions(**parameters)["taskDefinitionArns"]
    ]
    return listed(), listed(sort="DESC")


MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@case(
    "images are filtered by tag status and described in pages",
    aws=([["latest"]], [None], [1, 1]),
    stock=([["latest"], None], [["latest"], None], [2]),
)
def case_images(account: Any) -> Any:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="repo")
    for number, tag in ((1, {"imageTag": "latest"}), (2, {})):
        layer = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 1}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [{**layer, "digest": f"sha256:{number:064}"}]}
        ecr.put_image(repositoryName="repo", imageManifest=json.dumps(manifest), **tag)
    tags = lambda status: [  # noqa: E731
        image.get("imageTags")
        for image in ecr.describe_images(repositoryName="repo", filter={"tagStatus": status})["imageDetails"]
    ]
    return tags("TAGGED"), tags("UNTAGGED"), sizes(ecr, "describe_images", "imageDetails", 1, repositoryName="repo")
