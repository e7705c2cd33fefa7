"""An account with one thing of each kind, built by correct calls, and the ordinary calls that must work in it."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.local.raw_calls import InProcessAws

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
_IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2/recommended/image_id"
_CONTAINER = {
    "name": "web",
    "image": "nginx",
    "memory": 64,
    "cpu": 0,
    "essential": True,
    "portMappings": [{"containerPort": 80, "hostPort": 0}],
}


def build(aws: "InProcessAws") -> Iterator[dict[str, Any]]:
    """Create the things, and yield every result."""
    vpc = aws.call("ec2", "DescribeVpcs")["Vpcs"][0]["VpcId"]
    in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    described = aws.call("ec2", "DescribeSubnets", Filters=in_vpc)
    yield described
    subnets = [subnet["SubnetId"] for subnet in described["Subnets"]][:2]
    group = aws.call("ec2", "CreateSecurityGroup", GroupName="small-sg", Description="small", VpcId=vpc)
    yield group
    group_id = group["GroupId"]
    yield aws.call("ec2", "DescribeRouteTables", Filters=in_vpc)
    yield aws.call("ec2", "DescribeInternetGateways")
    yield aws.call("ec2", "AllocateAddress", Domain="vpc")
    volume = aws.call("ec2", "CreateVolume", AvailabilityZone=described["Subnets"][0]["AvailabilityZone"], Size=8)
    yield volume
    yield aws.call("ec2", "CreateSnapshot", VolumeId=volume["VolumeId"])
    yield aws.call("ec2", "CreateKeyPair", KeyName="small-key")
    yield aws.call("ec2", "CreateNetworkInterface", SubnetId=subnets[0])

    yield aws.call("iam", "CreateRole", RoleName="small-role", AssumeRolePolicyDocument=_TRUST)
    yield aws.call("iam", "CreateUser", UserName="small-user")
    yield aws.call("iam", "CreateInstanceProfile", InstanceProfileName="small-profile")
    aws.call("iam", "AddRoleToInstanceProfile", InstanceProfileName="small-profile", RoleName="small-role")
    policy = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
    aws.call("iam", "AttachRolePolicy", RoleName="small-role", PolicyArn=policy)

    yield aws.call("ecs", "CreateCluster", clusterName="small-cluster")
    image = aws.call("ssm", "GetParameter", Name=_IMAGE)["Parameter"]["Value"]
    script = "IyEvYmluL2Jhc2gKZWNobyBFQ1NfQ0xVU1RFUj1zbWFsbC1jbHVzdGVyID4+IC9ldGMvZWNzL2Vjcy5jb25maWcK"
    data = {
        "ImageId": image,
        "InstanceType": "t3.small",
        "IamInstanceProfile": {"Name": "small-profile"},
        "UserData": script,
    }
    template = aws.call("ec2", "CreateLaunchTemplate", LaunchTemplateName="small-template", LaunchTemplateData=data)
    yield template
    template_id = template["LaunchTemplate"]["LaunchTemplateId"]
    aws.call(
        "autoscaling",
        "CreateAutoScalingGroup",
        AutoScalingGroupName="small-asg",
        MinSize=0,
        MaxSize=4,
        DesiredCapacity=1,
        VPCZoneIdentifier=",".join(subnets),
        LaunchTemplate={"LaunchTemplateId": template_id, "Version": "$Latest"},
    )

    balancer = aws.call("elbv2", "CreateLoadBalancer", Name="small-alb", Subnets=subnets, SecurityGroups=[group_id])
    yield balancer
    target_group = aws.call("elbv2", "CreateTargetGroup", Name="small-tg", Protocol="HTTP", Port=80, VpcId=vpc)
    yield target_group
    target_group_arn = target_group["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": target_group_arn}]
    arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    listener = aws.call(
        "elbv2", "CreateListener", LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward
    )
    yield listener
    yield aws.call(
        "elbv2",
        "CreateRule",
        ListenerArn=listener["Listeners"][0]["ListenerArn"],
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/small"]}],
        Actions=forward,
    )

    aws.control("advance", by="10m")
    yield aws.call("ecs", "RegisterTaskDefinition", family="small-task", containerDefinitions=[_CONTAINER])
    yield aws.call(
        "ecs",
        "CreateService",
        cluster="small-cluster",
        serviceName="small-service",
        taskDefinition="small-task",
        desiredCount=1,
        loadBalancers=[{"targetGroupArn": target_group_arn, "containerName": "web", "containerPort": 80}],
    )
    yield aws.call(
        "rds",
        "CreateDBInstance",
        DBInstanceIdentifier="small-db",
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="someone",
        MasterUserPassword="something-long",
    )
    yield aws.call(
        "elasticache",
        "CreateCacheCluster",
        CacheClusterId="small-cache",
        Engine="redis",
        CacheNodeType="cache.t3.micro",
        NumCacheNodes=1,
    )
    yield aws.call(
        "mq",
        "CreateBroker",
        BrokerName="small-broker",
        EngineType="RABBITMQ",
        EngineVersion="3.13",
        HostInstanceType="mq.t3.micro",
        DeploymentMode="SINGLE_INSTANCE",
        PubliclyAccessible=True,
        AutoMinorVersionUpgrade=True,
        Users=[{"Username": "someone", "Password": "something-long"}],
    )
    yield from _stores(aws)
    aws.control("advance", by="20m")
    yield aws.call("ecs", "ListTasks", cluster="small-cluster")
    yield aws.call("ecs", "ListContainerInstances", cluster="small-cluster")
    yield aws.call("ec2", "DescribeInstances")
    yield aws.call("autoscaling", "DescribeAutoScalingGroups")


def _stores(aws: "InProcessAws") -> Iterator[dict[str, Any]]:
    """What needs no network."""
    location = {"LocationConstraint": "eu-west-3"}
    aws.call("s3", "CreateBucket", Bucket="small-bucket", CreateBucketConfiguration=location)
    yield {"Bucket": "small-bucket", "Key": "small-key.txt"}
    yield aws.call("s3", "PutObject", Bucket="small-bucket", Key="small-key.txt", Body=b"small")
    yield aws.call("s3", "CreateMultipartUpload", Bucket="small-bucket", Key="parts")
    aws.call("logs", "CreateLogGroup", logGroupName="/small")
    aws.call("logs", "CreateLogStream", logGroupName="/small", logStreamName="stream")
    yield {"logGroupName": "/small", "logStreamName": "stream"}
    yield aws.call("ecr", "CreateRepository", repositoryName="small-repository")
    yield aws.call("servicediscovery", "CreateHttpNamespace", Name="small-namespace")
    yield aws.call("cognito-idp", "CreateUserPool", PoolName="small-pool")
    yield aws.call("ssm", "PutParameter", Name="/small", Value="small", Type="String")
    yield {"Name": "/small"}
    aws.call(
        "application-autoscaling",
        "RegisterScalableTarget",
        ServiceNamespace="ecs",
        ResourceId="service/small-cluster/small-service",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1,
        MaxCapacity=3,
    )
    aws.call(
        "cloudwatch",
        "PutMetricAlarm",
        AlarmName="small-alarm",
        Namespace="AWS/ECS",
        MetricName="CPUUtilization",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=50.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    yield {"AlarmName": "small-alarm"}
    amount = {"Amount": "10", "Unit": "USD"}
    aws.call(
        "budgets",
        "CreateBudget",
        AccountId="123456789012",
        Budget={"BudgetName": "small-budget", "BudgetLimit": amount, "TimeUnit": "MONTHLY", "BudgetType": "COST"},
    )
    yield {"AccountId": "123456789012", "BudgetName": "small-budget"}


_ORDINARY = (
    ("ec2", "DescribeInstances"),
    ("ec2", "DescribeSubnets"),
    ("ec2", "DescribeNetworkInterfaces"),
    ("ec2", "DescribeVolumes"),
    ("ec2", "DescribeSecurityGroups"),
    ("ecs", "ListClusters"),
    ("elbv2", "DescribeLoadBalancers"),
    ("elbv2", "DescribeTargetGroups"),
    ("autoscaling", "DescribeAutoScalingGroups"),
    ("autoscaling", "DescribeScalingActivities"),
    ("rds", "DescribeDBInstances"),
    ("elasticache", "DescribeCacheClusters"),
    ("mq", "ListBrokers"),
    ("iam", "ListRoles"),
    ("s3", "ListBuckets"),
    ("logs", "DescribeLogGroups"),
    ("ecr", "DescribeRepositories"),
    ("servicediscovery", "ListServices"),
    ("cognito-idp", "ListUserPools"),
    ("cloudwatch", "DescribeAlarms"),
    ("resourcegroupstaggingapi", "GetResources"),
)


def ordinary_calls(aws: "InProcessAws") -> None:
    """Advance the clock and make ordinary calls. Raises RuntimeError if one fails."""
    aws.control("advance", by="7m")
    for service, operation in _ORDINARY:
        aws.call(service, operation, **({"MaxResults": 10} if operation == "ListUserPools" else {}))
    if stumbled := [each for each in aws.control("status").get("not_simulated", ()) if each["kind"] != "call"]:
        raise RuntimeError(f"not simulated any more: {stumbled}")
