"""Labs about the instances of a cluster and about scaling."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.families._common import open_everything, redeploy_everything
from esaws.course.labs.families._services import (
    BALANCED,
    add_instances,
    behind_the_load_balancer,
    described_service,
    names,
)
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed
from esaws.reference.seccom import SERVICES

_ZONES = ("eu-west-3a", "eu-west-3b")


def _service_and_zone(seed: Seed) -> Mapping[str, Any]:
    return {"service": seed.choice(BALANCED), "zone": seed.choice(_ZONES)}


def _instance_in_zone(cloud: Cloud, mine: Values) -> str:
    """The id of the running instance of the learner's service in the learner's zone."""
    group = cloud.aws_name(f"{mine.service}-asg")
    instances = cloud.client("autoscaling").describe_auto_scaling_instances()["AutoScalingInstances"]
    return next(
        str(each["InstanceId"])
        for each in instances
        if (each["AutoScalingGroupName"], each["AvailabilityZone"]) == (group, mine.zone)
    )


def _container_instances(cloud: Cloud, service: str) -> list[dict[str, Any]]:
    ecs, cluster = cloud.client("ecs"), names(cloud, service)["cluster"]
    arns = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    if not arns:
        return []
    return list(ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"])


def _ask_for_four_tasks(cloud: Cloud, mine: Values) -> None:
    cloud.client("ecs").update_service(**names(cloud, mine.service), desiredCount=4)


# --- lame-instance: a container instance is draining


def _drain(cloud: Cloud, mine: Values) -> None:
    instance = _instance_in_zone(cloud, mine)
    arns = [
        each["containerInstanceArn"]
        for each in _container_instances(cloud, mine.service)
        if each["ec2InstanceId"] == instance
    ]
    cluster = names(cloud, mine.service)["cluster"]
    cloud.client("ecs").update_container_instances_state(cluster=cluster, containerInstances=arns, status="DRAINING")


def _draining_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    for each in _container_instances(cloud, mine.service):
        if each["status"] == "DRAINING":
            arn = each["containerInstanceArn"]
            ids = (each["ec2InstanceId"], arn, arn.rpartition("/")[2])
            yield Evidence((f"instance in {mine.zone}", *ids), ("DRAINING",))


def _draining_mended(attempt: Attempt) -> Iterable[Point]:
    states = sorted(each["status"] for each in _container_instances(attempt.cloud, attempt.mine.service))
    yield Point(
        "All container instances of the cluster take tasks",
        states == ["ACTIVE", "ACTIVE"],
        ", ".join(states) or "no instance is registered",
        "the status of the container instances",
    )


def _activate(cloud: Cloud, mine: Values) -> None:
    ecs, cluster = cloud.client("ecs"), cloud.aws_name(f"{mine.service}-cluster")
    arns = ecs.list_container_instances(cluster=cluster, status="DRAINING")["containerInstanceArns"]
    if arns:
        ecs.update_container_instances_state(cluster=cluster, containerInstances=arns, status="ACTIVE")


LAME_INSTANCE = Lab(
    "lame-instance",
    family="capacity",
    title="One task where there were two",
    report=(
        "On-call, after last night's maintenance: *`{mine.service}` runs one task instead of two. Both instances are "
        "up and their status checks pass. It works, but one more failure and it is gone.*"
    ),
    cause="draining-instance",
    values=_service_and_zone,
    system=behind_the_load_balancer,
    inject=_drain,
    evidence=_draining_evidence,
    broken=("{mine.service} runs", "{mine.service} answers"),
    mended=_draining_mended,
    repair=_activate,
    non_repairs=(
        Wrong(add_instances, "take tasks"),
        Wrong(redeploy_everything, "take tasks"),
        Wrong(_ask_for_four_tasks, "take tasks"),
        Wrong(open_everything, "open to the world"),
    ),
    hints=(
        "An instance runs. Does its cluster give it tasks?",
        "Read the events of the service, and the status of the container instances of the cluster.",
        "`aws ecs describe-container-instances`; `update-container-instances-state` changes the status.",
    ),
)


# --- stray-instance: new instances join another cluster


def _stray_values(seed: Seed) -> Mapping[str, Any]:
    mine = {**_service_and_zone(seed)}
    short = mine["service"].removesuffix("-management-api")
    return mine | {"other": seed.choice((f"{short}-cluster", f"{mine['service']}", f"{short}-api-cluster"))}


def _name_another_cluster(cloud: Cloud, mine: Values) -> None:
    ec2, name = cloud.client("ec2"), cloud.aws_name(mine.service)
    script = f'#!/bin/bash\necho "ECS_CLUSTER={cloud.aws_name(mine.other)}" >> /etc/ecs/ecs.config\n'
    data = {"UserData": base64.b64encode(script.encode()).decode()}
    ec2.create_launch_template_version(LaunchTemplateName=name, SourceVersion="1", LaunchTemplateData=data)
    ec2.modify_launch_template(LaunchTemplateName=name, DefaultVersion="2")
    ec2.terminate_instances(InstanceIds=[_instance_in_zone(cloud, mine)])


def _stray_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    template, instance = cloud.aws_name(mine.service), _instance_in_zone(cloud, mine)
    value = (cloud.aws_name(mine.other), f"ECS_CLUSTER={cloud.aws_name(mine.other)}")
    yield Evidence((template, mine.service, instance), value)


def _stray_mended(attempt: Attempt) -> Iterable[Point]:
    cluster = names(attempt.cloud, attempt.mine.service)["cluster"]
    versions = attempt.cloud.client("ec2").describe_launch_template_versions(
        LaunchTemplateName=attempt.cloud.aws_name(attempt.mine.service), Versions=["$Default"]
    )["LaunchTemplateVersions"]
    script = base64.b64decode(versions[0]["LaunchTemplateData"]["UserData"]).decode()
    yield Point(
        f"The next instance joins {cluster}",
        f'ECS_CLUSTER={cluster}"' in script,
        next((line for line in script.splitlines() if "ECS_CLUSTER" in line), "the user data names no cluster"),
        "the user data of the launch template",
    )


def _roll_back_and_replace(cloud: Cloud, mine: Values) -> None:
    ec2, ecs = cloud.client("ec2"), cloud.client("ecs")
    scaling, name = cloud.client("autoscaling"), cloud.aws_name(mine.service)
    ec2.modify_launch_template(LaunchTemplateName=name, DefaultVersion="1")
    where = {"cluster": f"{name}-cluster"}
    arns = ecs.list_container_instances(**where)["containerInstanceArns"]
    joined = ecs.describe_container_instances(**where, containerInstances=arns)
    registered = {each["ec2InstanceId"] for each in joined["containerInstances"]}
    groups = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[f"{name}-asg"])
    for each in groups["AutoScalingGroups"][0]["Instances"]:
        is_new = each["LaunchTemplate"]["Version"] != "1"
        if is_new and each["InstanceId"] not in registered:
            ec2.terminate_instances(InstanceIds=[each["InstanceId"]])


def _mend_the_template_alone(cloud: Cloud, mine: Values) -> None:
    name = cloud.aws_name(mine.service)
    cloud.client("ec2").modify_launch_template(LaunchTemplateName=name, DefaultVersion="1")


def _create_the_other_cluster(cloud: Cloud, mine: Values) -> None:
    cloud.client("ecs").create_cluster(clusterName=cloud.aws_name(mine.other))


STRAY_INSTANCE = Lab(
    "stray-instance",
    family="capacity",
    title="The new instance does nothing",
    report=(
        "On-call: *An instance of `{mine.service}` died in the night. The group replaced it within minutes, and the "
        "new one is healthy. Still the service runs one task, and we pay for an idle instance.*"
    ),
    cause="user-data",
    values=_stray_values,
    system=behind_the_load_balancer,
    inject=_name_another_cluster,
    evidence=_stray_evidence,
    broken=("{mine.service} runs", "{mine.service} answers"),
    mended=_stray_mended,
    repair=_roll_back_and_replace,
    non_repairs=(
        Wrong(_mend_the_template_alone, "as many tasks"),
        Wrong(_create_the_other_cluster, "The next instance joins"),
        Wrong(add_instances, "The next instance joins"),
        Wrong(redeploy_everything, "The next instance joins"),
    ),
    hints=(
        "How does a new instance learn to which cluster it belongs?",
        "Compare the instances of the group with the container instances of the cluster, then the launch template.",
        "`aws ec2 describe-launch-template-versions` and `describe-instance-attribute --attribute userData`; "
        "`modify-launch-template` sets the default version. What runs already keeps its user data.",
    ),
)


# --- mute-agent: the role of the instances denies what the ECS agent needs


def _agent_values(seed: Seed) -> Mapping[str, Any]:
    return {**_service_and_zone(seed), "policy": f"{seed.choice(('guardrail', 'audit', 'baseline'))}-{seed.letters(3)}"}


def _role_name(cloud: Cloud) -> str:
    return f"{cloud.aws_name('ecs-instance')}-{cloud.region}"


def _deny_registration(cloud: Cloud, mine: Values) -> None:
    statement = {"Effect": "Deny", "Action": ["ecs:Register*", "ecs:Deregister*", "ec2:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_role_policy(RoleName=_role_name(cloud), PolicyName=mine.policy, PolicyDocument=document)
    cloud.client("ec2").terminate_instances(InstanceIds=[_instance_in_zone(cloud, mine)])


def _role_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    yield Evidence((_role_name(cloud), "ecs-instance"), (mine.policy,))
    yield Evidence((mine.policy,), ("Deny", "denies", "ecs:Register*", "ecs:RegisterContainerInstance"))


def _role_mended(attempt: Attempt) -> Iterable[Point]:
    iam, role = attempt.cloud.client("iam"), _role_name(attempt.cloud)
    attached = [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
    yield Point(
        "The role allows what the ECS agent needs, and nothing more",
        [*attached, *inline] == ["AmazonEC2ContainerServiceforEC2Role"],
        ", ".join([*attached, *inline]) or "it has no policy",
        "the policies of the role in the instance profile, attached and inline",
    )


def _delete_policy(cloud: Cloud, mine: Values) -> None:
    iam, role = cloud.client("iam"), f"{cloud.aws_name('ecs-instance')}-{cloud.region}"
    if mine.policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=mine.policy)


def _make_administrator(cloud: Cloud, mine: Values) -> None:
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    cloud.client("iam").attach_role_policy(RoleName=_role_name(cloud), PolicyArn=policy)


def _replace_again(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").terminate_instances(InstanceIds=[_instance_in_zone(cloud, mine)])


MUTE_AGENT = Lab(
    "mute-agent",
    family="capacity",
    title="Replaced, and not there",
    report=(
        "The platform team: *We added a guard rail to our permissions yesterday, and all went well. Since an instance "
        "of `{mine.service}` in `{mine.zone}` was replaced, that service runs one task. The old instances are fine.*"
    ),
    cause="instance-role",
    values=_agent_values,
    system=behind_the_load_balancer,
    inject=_deny_registration,
    evidence=_role_evidence,
    broken=("{mine.service} runs", "{mine.service} answers"),
    mended=_role_mended,
    repair=_delete_policy,
    non_repairs=(
        Wrong(_make_administrator, "nothing more"),
        Wrong(_replace_again, "The role allows"),
        Wrong(add_instances, "The role allows"),
        Wrong(redeploy_everything, "The role allows"),
    ),
    hints=(
        "What must a new instance be allowed to do before its cluster knows it?",
        "Follow the new instance to its instance profile, the role in it, and all policies of the role.",
        "`aws iam list-attached-role-policies`, `list-role-policies` and `get-role-policy`; "
        "`delete-role-policy` deletes an inline policy.",
    ),
)


# --- slow-evening: the service may not grow


def _evening_values(seed: Seed) -> Mapping[str, Any]:
    return {"service": seed.choice(BALANCED), "rate": 10 * seed.between(19, 22)}


def _scalable(cloud: Cloud, service: str) -> dict[str, str]:
    name = names(cloud, service)
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{name['cluster']}/{name['service']}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }


def _limit_to_two(cloud: Cloud, mine: Values) -> None:
    scaling = cloud.client("application-autoscaling")
    scaling.register_scalable_target(**_scalable(cloud, mine.service), MinCapacity=2, MaxCapacity=2)


def _limit_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    resource = _scalable(cloud, mine.service)["ResourceId"]
    yield Evidence(
        (resource, cloud.aws_name(mine.service), mine.service),
        ("MaxCapacity 2", "MaxCapacity is 2", "MaxCapacity=2", "MaxCapacity", "maximum 2", "maximum is 2", "maximum"),
    )


def _grows_under_load(attempt: Attempt) -> Iterable[Point]:
    mine = attempt.mine
    with attempt.copy() as evening:
        path = f"{SERVICES[mine.service].path}/"
        simulation.traffic(evening, "steady", path=path, requests_per_second=mine.rate)
        simulation.advance(evening, "30m")
        running = described_service(evening, mine.service)["runningCount"]
    yield Point(
        f"With {mine.rate} requests a second for half an hour, four tasks of {mine.service} run",
        running == 4,
        f"{running} tasks run",
        "the scalable target of the service: its limits, its policy, and what is suspended",
    )


def _limit_mended(attempt: Attempt) -> Iterable[Point]:
    scalable = _scalable(attempt.cloud, attempt.mine.service)
    found = attempt.cloud.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[scalable["ResourceId"]]
    )["ScalableTargets"]
    limits = [(each["MinCapacity"], each["MaxCapacity"]) for each in found]
    yield Point(
        "The service runs two tasks at least and four at most",
        limits == [(2, 4)],
        f"minimum and maximum are {limits}",
        "the limits of the scalable target",
    )


def _raise_maximum(cloud: Cloud, mine: Values) -> None:
    service = cloud.aws_name(mine.service)
    cloud.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{service}-cluster/{service}",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=2,
        MaxCapacity=4,
    )


def _always_four(cloud: Cloud, mine: Values) -> None:
    scaling = cloud.client("application-autoscaling")
    scaling.register_scalable_target(**_scalable(cloud, mine.service), MinCapacity=4, MaxCapacity=4)
    add_instances(cloud, mine)


def _no_limit(cloud: Cloud, mine: Values) -> None:
    scaling = cloud.client("application-autoscaling")
    scaling.register_scalable_target(**_scalable(cloud, mine.service), MinCapacity=2, MaxCapacity=20)


SLOW_EVENING = Lab(
    "slow-evening",
    family="capacity",
    title="Slow every evening",
    report=(
        "Support: *Every evening, when `{mine.service}` gets about {mine.rate} requests a second, users wait for "
        "seconds. At night it is fast again. Last month it handled the same evenings well.*"
    ),
    cause="scaling-limits",
    values=_evening_values,
    system=behind_the_load_balancer,
    inject=_limit_to_two,
    evidence=_limit_evidence,
    symptom=_grows_under_load,
    mended=_limit_mended,
    repair=_raise_maximum,
    non_repairs=(
        Wrong(_always_four, "two tasks at least"),
        Wrong(_no_limit, "four at most"),
        Wrong(_ask_for_four_tasks, "four at most"),
        Wrong(redeploy_everything, "four at most"),
    ),
    hints=(
        "Which number did not rise with the load: instances, tasks, or both?",
        "Read the alarms, the scaling activities and the limits of the service's scalable target.",
        "`aws application-autoscaling describe-scalable-targets --service-namespace ecs`; "
        "`register-scalable-target` changes the limits.",
    ),
)

LABS = (LAME_INSTANCE, STRAY_INSTANCE, MUTE_AGENT, SLOW_EVENING)
