"""Where ECS places tasks: constraints in the cluster query language, resources, capacity providers."""

import base64
from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_errors_containers import Site, refusal
from tests.local.timing import advance

SMALL = "attribute:ecs.instance-type =~ t2.*"


def member_of(expression: str) -> list[dict[str, str]]:
    return [{"type": "memberOf", "expression": expression}]


@case(
    "placement constraints use the whole cluster query language",
    aws=[1, 1, 0, 0, 1, 0, 1],
    stock=[1] * 7,
)
def case_query_language(account: Any) -> Any:
    site = Site(account, instances=1, portMappings=[], memory=32)
    expressions = (
        SMALL,
        "attribute:ecs.instance-type == m5.large or attribute:ecs.instance-type in [t2.micro, t3.micro]",
        "task:group == service:absent",
        "ec2InstanceId == i-0123456789abcdef0",
        "not (task:group == service:absent) and runningTasksCount < 9 && attribute:stack !exists",
        "attribute:stack exists",
        f"(attribute:ecs.instance-type !~ m.*|c.*) and agentConnected == true and ec2InstanceId == {site.instances[0]}",
    )
    return [len(site.run(placementConstraints=member_of(each))["tasks"]) for each in expressions]


@case(
    "an expression that is not one of the language is refused",
    aws=["InvalidParameterException", "InvalidParameterException", "ClientException", "InvalidParameterException"],
    stock=[1, 1, "accepted", "accepted"],
)
def case_invalid_expressions(account: Any) -> Any:
    site = Site(account, instances=1, portMappings=[], memory=32)
    container = {"name": "c", "image": "i", "memory": 64}
    wrong = member_of("attribute:stack = prod")
    return [
        outcome(lambda: len(site.run(placementConstraints=wrong)["tasks"])),
        outcome(
            lambda: len(site.run(placementConstraints=[{"type": "distinctInstance", "expression": SMALL}])["tasks"])
        ),
        outcome(
            lambda: (
                site.ecs.register_task_definition(
                    family="g", containerDefinitions=[container], placementConstraints=wrong
                )
                and "accepted"
            )
        ),
        outcome(lambda: site.ecs.list_container_instances(cluster="c", filter="stack ==") and "accepted"),
    ]


@case("a filter lists the container instances that match", aws=[1, 0], stock=[1, 1])
def case_filter(account: Any) -> Any:
    site = Site(account, instances=1)
    listed = [
        site.ecs.list_container_instances(cluster="c", filter=each)
        for each in (SMALL, "attribute:ecs.instance-type == m5.large")
    ]
    return [len(each["containerInstanceArns"]) for each in listed]


@case(
    "RunTask explains for each container instance why it takes no task",
    aws=(
        ["MemberOf placement constraint unsatisfied."],
        ["RESOURCE:MEMORY"],
        ["RESOURCE:PORTS"],
        ["DistinctInstance placement constraint unsatisfied."],
    ),
    stock=([], [], [], []),
)
def case_failures(account: Any) -> Any:
    site = Site(
        account, instances=1, memory=64, portMappings=[{"containerPort": 53, "hostPort": 53, "protocol": "udp"}]
    )
    site.run(placementConstraints=[{"type": "distinctInstance"}])

    def reasons(**settings: Any) -> Any:
        return outcome(lambda: [failure["reason"] for failure in site.run(**settings)["failures"]])

    return (
        reasons(placementConstraints=member_of("attribute:ecs.instance-type == m5.large")),
        reasons(overrides={"containerOverrides": [{"name": "c", "memory": 9000}]}),
        reasons(),
        reasons(placementConstraints=[{"type": "distinctInstance"}]),
    )


@case("an instance type limits the tasks with an interface of their own", aws=["RESOURCE:ENI"], stock=[])
def case_interface_limit(account: Any) -> Any:
    site = Site(account, instances=1)
    site.ecs.register_task_definition(
        family="f", networkMode="awsvpc", containerDefinitions=[{"name": "c", "image": "i", "memory": 32}]
    )
    zone = site.ec2.describe_instances(InstanceIds=site.instances)["Reservations"][0]["Instances"][0]["Placement"]
    in_zone = [{"Name": "availability-zone", "Values": [zone["AvailabilityZone"]]}]
    subnet = site.ec2.describe_subnets(Filters=in_zone)["Subnets"][0]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}}
    answer = site.run(count=2, networkConfiguration=network)
    return [failure["reason"] for failure in answer["failures"]]


@case(
    "a task waits in PROVISIONING until its capacity provider has scaled out",
    aws=("PROVISIONING", 0, "RUNNING"),
    stock="500",
)
def case_provisioning(account: Any) -> Any:
    ecs, ec2, autoscaling = (account.client(name) for name in ("ecs", "ec2", "autoscaling"))
    ecs.create_cluster(clusterName="c")
    definition = [{"name": "c", "image": "nginx", "memory": 64}]
    ecs.register_task_definition(family="f", containerDefinitions=definition)
    create_provider(account, ec2, ecs, autoscaling)
    strategy = [{"capacityProvider": "p"}]
    answer = outcome(lambda: ecs.run_task(cluster="c", taskDefinition="f", capacityProviderStrategy=strategy))
    if isinstance(answer, str):
        return answer
    task = answer["tasks"][0]
    advance(account, "10m")
    (later,) = ecs.describe_tasks(cluster="c", tasks=[task["taskArn"]])["tasks"]
    return task["lastStatus"], len(answer["failures"]), later["lastStatus"]


def create_provider(account: Any, ec2: Any, ecs: Any, autoscaling: Any) -> None:
    """Create a capacity provider `p` with managed scaling, of an Auto Scaling group without instances."""
    _, subnets, group = account.network()
    script = base64.b64encode(b"#!/bin/bash\necho ECS_CLUSTER=c >> /etc/ecs/ecs.config\n").decode()
    data = {
        "ImageId": "ami-760aaa0f",
        "InstanceType": "t2.micro",
        "SecurityGroupIds": [group],
        "IamInstanceProfile": account.host_role() if account.wrapped else {"Name": "host"},
        "UserData": script,
    }
    ec2.create_launch_template(LaunchTemplateName="host", LaunchTemplateData=data)
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="g",
        LaunchTemplate={"LaunchTemplateName": "host", "Version": "$Latest"},
        VPCZoneIdentifier=",".join(subnets),
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=0,
    )
    arn = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupARN"]
    provider = {"autoScalingGroupArn": arn, "managedScaling": {"status": "ENABLED"}}
    ecs.create_capacity_provider(name="p", autoScalingGroupProvider=provider)
    ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=["p"], defaultCapacityProviderStrategy=[])


@case(
    "one call starts at most ten tasks, and describes at most ten services",
    aws=(
        "InvalidParameterException: count must be between 1 and 10, but was 11.",
        "InvalidParameterException: service names can have at most 10 items.",
        "InvalidParameterException: taskIds can have at most 100 items.",
        "ClientException: Container Instances cannot be empty.",
    ),
    stock=(None, None, None, "ClientException: Container Instances cannot be empty."),
)
def case_limits(account: Any) -> Any:
    site = Site(account, instances=1)
    return (
        refusal(lambda: site.run(count=11)),
        refusal(lambda: site.ecs.describe_services(cluster="c", services=[f"s{number}" for number in range(11)])),
        refusal(lambda: site.ecs.describe_tasks(cluster="c", tasks=[f"{number:032}" for number in range(101)])),
        refusal(lambda: site.ecs.start_task(cluster="c", taskDefinition="f", containerInstances=[])),
    )
