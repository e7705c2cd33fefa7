"""Chapter 06: instances join a cluster, tasks fit on them or not, and a group is parked."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.aws import pages, tag_list
from esaws.cloud import Cloud
from esaws.course.chapters._park import PARK
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster
from esaws.resources.instance_profile import InstanceProfile
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.security_group import SecurityGroup
from esaws.resources.subnet import Subnet

_CPU = 128
_MEMORY = 950
"""MiB that the agent of a t2.micro offers on the local AWS. It chooses the seeds; the check reads the account."""
_AT_ONCE = 10
"""The most tasks that one RunTask call starts."""


def start() -> Architecture:
    """Return the network, and the clusters of both web UIs with two instances each; nothing runs on them."""
    system = seccom("ha", services=("client-web-ui", "manager-web-ui"))
    return system.just(AutoScalingGroup)


def _agents(cloud: Cloud, cluster: str) -> list[dict[str, Any]]:
    """The container instances of a cluster whose agent is connected; none if there is no such cluster."""
    ecs, name = cloud.client("ecs"), cloud.aws_name(cluster)
    found = ecs.describe_clusters(clusters=[name])["clusters"]
    if not any(each["status"] == "ACTIVE" for each in found):
        return []
    arns = list(pages(cloud, "ecs", "list_container_instances", "containerInstanceArns", cluster=name))
    if not arns:
        return []
    described = ecs.describe_container_instances(cluster=name, containerInstances=arns)["containerInstances"]
    return [each for each in described if each["agentConnected"]]


def _attribute(instance: Mapping[str, Any], name: str) -> str:
    return next((str(each.get("value")) for each in instance["attributes"] if each["name"] == name), "")


# --- two instances join a cluster


def _join(seed: Seed) -> Mapping[str, Any]:
    return {"cluster": f"hdm-{seed.letters(4)}", "gigabytes": seed.between(31, 60)}


def _check_join(attempt: Attempt) -> Iterator[Point]:
    cloud, mine = attempt.cloud, attempt.mine
    cluster = attempt.live("Cluster", mine.cluster)
    yield Point(
        f"The cluster {mine.cluster} exists",
        cluster is not None,
        f"the deployment has no cluster {mine.cluster}",
        "!aws ecs list-clusters",
        is_needed=True,
    )
    if cluster is None:
        return
    agents = _agents(cloud, mine.cluster)
    yield Point(
        "Two instances are registered in it",
        len(agents) == 2,
        f"{len(agents)} are registered",
        "the user data of the launch template: ECS_CLUSTER",
    )
    zones = sorted({_attribute(agent, "ecs.availability-zone") for agent in agents})
    yield Point(
        "They are in two zones", len(zones) == 2, f"they are in {', '.join(zones) or 'none'}", "subnets of the group"
    )
    types = {_attribute(agent, "ecs.instance-type") for agent in agents}
    yield Point("They are t2.micro", types == {"t2.micro"}, f"they are {', '.join(types) or 'none'}", "instance_type")
    sizes = {_root_gigabytes(cloud, agent["ec2InstanceId"]) for agent in agents}
    yield Point(
        f"Their root volumes have {mine.gigabytes} GB",
        sizes == {mine.gigabytes},
        f"they have {', '.join(map(str, sizes)) or 'none'}",
        "root_gb; BlockDeviceMappings",
    )
    if agents:
        left = _agents_after_a_loss(attempt, agents[0]["ec2InstanceId"])
        yield Point(
            "On a copy, ten minutes after one was terminated, two are registered again",
            left == 2,
            f"{left} are registered",
            "minimum and desired capacity of an Auto Scaling group",
        )


def _root_gigabytes(cloud: Cloud, instance: str) -> int:
    filters = [{"Name": "attachment.instance-id", "Values": [instance]}]
    return sum(volume["Size"] for volume in cloud.client("ec2").describe_volumes(Filters=filters)["Volumes"])


def _agents_after_a_loss(attempt: Attempt, instance: str) -> int:
    """How many agents are connected on a copy, ten minutes after an instance was terminated there."""
    with attempt.copy() as copy:
        copy.client("ec2").terminate_instances(InstanceIds=[instance])
        simulation.advance(copy, "10m")
        return len(_agents(copy, attempt.mine.cluster))


def _declare_join(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha")
    cluster = Cluster(name=mine.cluster)
    template = LaunchTemplate(
        name=mine.cluster,
        cluster=cluster,
        instance_type="t2.micro",
        root_gb=mine.gigabytes,
        security_groups=(system.get(SecurityGroup, "ClientWeb-sg"),),
        instance_profile=system.get(InstanceProfile, "ecs-instance"),
    )
    group = AutoScalingGroup(
        name=f"{mine.cluster}-asg",
        template=template,
        subnets=tuple(system.of(Subnet)),
        minimum=2,
        maximum=4,
        desired_capacity=2,
    )
    plan_deploy([group], cloud).apply()


def _create_join(cloud: Cloud, mine: Values) -> None:
    system, name = seccom("ha"), cloud.aws_name(mine.cluster)
    tags = cloud.tags(mine.cluster)
    cloud.client("ecs").create_cluster(clusterName=name, tags=tag_list(tags, "key", "value"))
    script = f'#!/bin/bash\necho "ECS_CLUSTER={name}" >> /etc/ecs/ecs.config\n'
    volume = {"VolumeSize": mine.gigabytes, "VolumeType": "gp2", "DeleteOnTermination": True}
    interface = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": True,
        "Groups": [system.get(SecurityGroup, "ClientWeb-sg").id_in(cloud)],
    }
    image = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    template = cloud.client("ec2").create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={
            "ImageId": f"resolve:ssm:{image}",
            "InstanceType": "t2.micro",
            "IamInstanceProfile": {"Name": system.get(InstanceProfile, "ecs-instance").id_in(cloud)},
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": volume}],
            "NetworkInterfaces": [interface],
            "UserData": b64encode(script.encode()).decode(),
        },
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tag_list(tags)}],
    )["LaunchTemplate"]
    names = cloud.tags(f"{mine.cluster}-asg").items()
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=f"{name}-asg",
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "$Default"},
        VPCZoneIdentifier=",".join(subnet.id_in(cloud) for subnet in system.of(Subnet)),
        MinSize=2,
        MaxSize=4,
        DesiredCapacity=2,
        Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in names],
    )


def _template(mine: Values, cluster: str) -> LaunchTemplate:
    template = seccom("ha").get(LaunchTemplate, "client-web-ui")
    return template.replace(name=mine.cluster, cluster=Cluster(name=cluster), root_gb=mine.gigabytes)


def _another_cluster_in_user_data(cloud: Cloud, mine: Values) -> None:
    group = seccom("ha").get(AutoScalingGroup, "client-web-ui-asg")
    template = _template(mine, "client-web-ui-cluster")
    plan_deploy([Cluster(name=mine.cluster), group.replace(name="hdm-asg", template=template)], cloud).apply()


def _without_a_group(cloud: Cloud, mine: Values) -> None:
    template = _template(mine, mine.cluster)
    plan_deploy([template], cloud).apply()
    named = {"LaunchTemplateId": template.id_in(cloud)}
    for subnet in seccom("ha").of(Subnet):
        interface = {"DeviceIndex": 0, "SubnetId": subnet.id_in(cloud), "AssociatePublicIpAddress": True}
        cloud.client("ec2").run_instances(LaunchTemplate=named, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])


JOIN = Exercise(
    "06-join",
    prompt=(
        "Make the cluster `{mine.cluster}` with **two t2.micro, one in each zone**, which stay two if one is lost. "
        "Their root volumes have {mine.gigabytes} GB. Use the security group `ClientWeb-sg` and the instance profile "
        "`ecs-instance`, which exist."
    ),
    values=_join,
    check=_check_join,
    hints=(
        "How does the ECS agent on a new instance learn the name of its cluster?",
        "Three kinds: `Cluster`, `LaunchTemplate` (which has the cluster), `AutoScalingGroup` (which has the template "
        'and the subnets). `seccom("ha")` has the other resources that these need.',
        '`LaunchTemplate(name="{mine.cluster}", cluster=Cluster(name="{mine.cluster}"), root_gb={mine.gigabytes}, …)`'
        ", then `AutoScalingGroup(…, minimum=2, maximum=4, desired_capacity=2)`",
    ),
    solutions=(_declare_join, _create_join),
    wrong=(
        Wrong(_another_cluster_in_user_data, "0 are registered"),
        Wrong(_without_a_group, "1 are registered"),
    ),
    notices=("AutoScalingGroup:{mine.cluster}-asg",),
)


# --- how many tasks fit


def _fit(seed: Seed) -> Mapping[str, Any]:
    # Sizes that waste so much memory on each instance that the sum of both would hold one more task.
    return {"memory": seed.choice([size for size in range(130, 400) if 2 * (_MEMORY % size) >= size])}


def _check_fit(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    answer = attempt.answer if isinstance(attempt.answer, tuple | list) else (attempt.answer,)
    numbers = [item for item in answer if isinstance(item, int)]
    if len(numbers) != 2:
        yield Point(
            "The answer has two numbers: the tasks, and the MiB that stay free",
            False,
            f"the answer is {attempt.answer}",
            'course.check("06-fit", (tasks, free))',
            is_needed=True,
        )
        return
    tasks, free = _run_on_a_copy(attempt, mine.memory)
    yield Point(
        f"So many tasks of {mine.memory} MiB run in the cluster of the managers' web UI",
        numbers[0] == tasks,
        f"you answered {numbers[0]}, and a copy of the cluster runs another number",
        "a task runs on one instance: divide what each instance offers, not the sum",
        is_needed=True,
    )
    yield Point(
        "So much memory stays free on both instances together",
        numbers[1] == free,
        f"you answered {numbers[1]}, and a copy of the cluster has another amount",
        "remainingResources, after the tasks were placed",
        is_needed=True,
    )


def _run_on_a_copy(attempt: Attempt, memory: int) -> tuple[int, int]:
    """Run as many tasks as the cluster takes, on a copy; return their number and the MiB left."""
    with attempt.copy() as copy:
        ecs, cluster = copy.client("ecs"), copy.aws_name("manager-web-ui-cluster")
        for task in ecs.list_tasks(cluster=cluster)["taskArns"]:
            ecs.stop_task(cluster=cluster, task=task)
            ecs.describe_tasks(cluster=cluster, tasks=[task])
        container = {"name": "fit", "image": "busybox", "memory": memory, "cpu": _CPU}
        ecs.register_task_definition(family="fit", containerDefinitions=[container])
        started, refused = 0, False
        while not refused:
            answer = ecs.run_task(cluster=cluster, taskDefinition="fit", launchType="EC2", count=_AT_ONCE)
            started, refused = started + len(answer["tasks"]), bool(answer["failures"])
        left = [_amount(agent["remainingResources"], "MEMORY") for agent in _agents(copy, "manager-web-ui-cluster")]
    return started, sum(left)


def _amount(resources: list[Mapping[str, Any]], name: str) -> int:
    return next(int(item["integerValue"]) for item in resources if item["name"] == name)


def _divide(cloud: Cloud, mine: Values) -> tuple[int, int]:
    ecs, cluster = cloud.client("ecs"), cloud.aws_name("manager-web-ui-cluster")
    arns = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    found = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]
    memory = [
        item["integerValue"]
        for instance in found
        for item in instance["registeredResources"]
        if item["name"] == "MEMORY"
    ]
    return sum(size // mine.memory for size in memory), sum(size % mine.memory for size in memory)


def _try_on_a_copy(cloud: Cloud, mine: Values) -> tuple[int, int]:
    container = {"name": "fit", "image": "busybox", "memory": mine.memory, "cpu": 128}
    with simulation.copy(cloud) as copy:
        ecs, cluster = copy.client("ecs"), copy.aws_name("manager-web-ui-cluster")
        ecs.register_task_definition(family="fit", containerDefinitions=[container])
        calls = [ecs.run_task(cluster=cluster, taskDefinition="fit", count=10) for _ in range(2)]
        tasks = sum(len(call["tasks"]) for call in calls)
        arns = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
        found = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)
    left = [item for instance in found["containerInstances"] for item in instance["remainingResources"]]
    return tasks, sum(item["integerValue"] for item in left if item["name"] == "MEMORY")


def _the_sum_of_both(cloud: Cloud, mine: Values) -> tuple[int, int]:
    return 2 * _MEMORY // mine.memory, 2 * _MEMORY % mine.memory


def _cpu_alone(cloud: Cloud, mine: Values) -> tuple[int, int]:
    return 2 * (1024 // _CPU), 0


FIT = Exercise(
    "06-fit",
    prompt=(
        f"A task needs {{mine.memory}} MiB and {_CPU} units of CPU, and takes any free host port. How many of them run "
        "at the same time in `manager-web-ui-cluster`, and how many MiB stay free on its two instances together? "
        "Answer with two numbers."
    ),
    values=_fit,
    check=_check_fit,
    hints=(
        "Can one task use the memory of two instances?",
        "`registeredResources` of each container instance: which limit is reached first, CPU or memory?",
        '`course.check("06-fit", (tasks, free))`: for each instance `offered // {mine.memory}` tasks, and '
        "`offered % {mine.memory}` MiB are left.",
    ),
    solutions=(_divide, _try_on_a_copy),
    wrong=(Wrong(_the_sum_of_both, "you answered"), Wrong(_cpu_alone, "you answered 16")),
)


CHAPTER = Chapter(
    "06",
    "Instances, cluster and group",
    minutes=25,
    start=start,
    exercises=(JOIN, FIT, PARK),
    predictions=("06-placed", "06-stopped"),
)
