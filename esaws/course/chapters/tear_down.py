"""Chapter 17: the order of a teardown, what belongs to a deployment, a neighbour in the way, and the proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import course
from esaws.architecture import Architecture
from esaws.aws import pages, tag_list
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.reference.seccom import seccom
from esaws.resources.cluster import Cluster

SERVICES = ("client-web-ui", "manager-web-ui", "cameras-api")
OLD = ("spring22", "summer22", "autumn22")
"""Old deployments, whose teardown stopped halfway."""
MADE_HERE = {"course": "17"}
"""The tag of what an exercise creates outside of the deployment."""
LEFT_OF_EACH = 3


def three_services() -> Architecture:
    """Three services of the second build: each has a task on one instance."""
    return seccom("budget", services=SERVICES, instance_type="t2.micro")


# --- one service by hand, in the right order


def _one_of_the_services(seed: Seed) -> Mapping[str, Any]:
    return {"service": seed.choice(("manager-web-ui", "cameras-api"))}


def _bring_back(cloud: Cloud, mine: Values) -> None:
    """Deploy again what an earlier section has deleted."""
    if len(Cluster.list(cloud)) < len(SERVICES):
        plan_deploy(three_services(), cloud).apply()


def _check_order(attempt: Attempt) -> Iterator[Point]:
    service = attempt.mine.service
    for kind, name, where in (
        ("AutoScalingGroup", f"{service}-asg", "aws autoscaling delete-auto-scaling-group --force-delete"),
        ("Cluster", f"{service}-cluster", "aws ecs delete-cluster, after its container instances are gone"),
        ("LaunchTemplate", service, "aws ec2 delete-launch-template"),
    ):
        yield Point(
            f"The {kind} {name} is deleted",
            attempt.live(kind, name) is None,
            "it exists",
            where,
            is_needed=kind == "Cluster",
        )
    others = seccom("budget", services=[name for name in SERVICES if name != service])
    lost = sorted(str(resource) for resource in others if attempt.live(*resource.key) is None)
    yield Point(
        "Everything of the other services, and what all share, is still there",
        not lost,
        f"{len(lost)} are missing, such as {', '.join(lost[:3])}",
        "only what has the name of the service",
        is_needed=True,
    )


def _by_hand(cloud: Cloud, mine: Values) -> None:
    ecs, autoscaling, ec2 = (cloud.client(name) for name in ("ecs", "autoscaling", "ec2"))
    cluster, group = cloud.aws_name(f"{mine.service}-cluster"), cloud.aws_name(f"{mine.service}-asg")
    for task in ecs.list_tasks(cluster=cluster)["taskArns"]:
        ecs.stop_task(cluster=cluster, task=task)
    [found] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
    instances = [instance["InstanceId"] for instance in found["Instances"]]
    ec2.get_waiter("instance_terminated").wait(InstanceIds=instances)
    ecs.delete_cluster(cluster=cluster)
    ec2.delete_launch_template(LaunchTemplateName=cloud.aws_name(mine.service))


def _by_plan(cloud: Cloud, mine: Values) -> None:
    others = {"client-web-ui", "manager-web-ui", "cameras-api"} - {mine.service}
    rest = seccom("budget", services=others, instance_type="t2.micro")
    plan_deploy(rest, cloud, prune=True).apply()


def _only_the_group(cloud: Cloud, mine: Values) -> None:
    cloud.client("autoscaling").delete_auto_scaling_group(
        AutoScalingGroupName=cloud.aws_name(f"{mine.service}-asg"), ForceDelete=True
    )


def _everything(cloud: Cloud, mine: Values) -> None:
    plan_teardown(cloud).apply()


ORDER = Exercise(
    "17-order",
    prompt=(
        "The service `{mine.service}` is no longer needed. Delete its Auto Scaling group, its cluster and its launch "
        "template with AWS's own calls. Everything else of the deployment stays."
    ),
    values=_one_of_the_services,
    start=_bring_back,
    check=_check_order,
    hints=(
        "What does the cluster still contain, and who would start it again?",
        "The answer of `delete-cluster` names what is in the way. An Auto Scaling group can be deleted with its "
        "instances: `ForceDelete`.",
        "Stop the tasks, delete the group `{mine.service}-asg`, wait until its instance is terminated, then delete the "
        "cluster and the launch template.",
    ),
    solutions=(_by_hand, _by_plan),
    wrong=(Wrong(_only_the_group, "delete-cluster"), Wrong(_everything, "are missing, such as")),
    notices=("AutoScalingGroup", "LaunchTemplate"),
)


# --- what an old deployment left


def _old_deployment(seed: Seed) -> Mapping[str, Any]:
    return {"old": seed.choice(OLD)}


def _leave_something(cloud: Cloud, mine: Values) -> None:
    """A disk, an address and a log group of each old deployment, and a log group that only has such a name."""
    ec2, logs = cloud.client("ec2"), cloud.client("logs")
    existing = {group["logGroupName"] for group in pages(cloud, "logs", "describe_log_groups", "logGroups")}
    for old in OLD:
        tags = {DEPLOYMENT_TAG: old, "esaws:name": "clips", **MADE_HERE}
        if f"{old}-clips" in existing:
            continue
        ec2.create_volume(
            AvailabilityZone=f"{cloud.region}a",
            Size=100,
            TagSpecifications=[{"ResourceType": "volume", "Tags": tag_list(tags)}],
        )
        ec2.allocate_address(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tag_list(tags)}])
        logs.create_log_group(logGroupName=f"{old}-clips", tags=tags)
    if f"{mine.old}-notes" not in existing:
        logs.create_log_group(logGroupName=f"{mine.old}-notes", tags=MADE_HERE)


def _left(cloud: Cloud, old: str) -> list[str]:
    """The types of what the tagging API lists with the tag of a deployment."""
    where = [{"Key": DEPLOYMENT_TAG, "Values": [old]}]
    found = pages(cloud, "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=where)
    return sorted(each["ResourceARN"].split(":", 5)[5].replace(":", "/").split("/")[0] for each in found)


def _check_leftovers(attempt: Attempt) -> Iterator[Point]:
    mine, cloud = attempt.mine, attempt.cloud
    left = _left(cloud, mine.old)
    yield Point(
        f"The tagging API lists nothing of the deployment {mine.old}",
        not left,
        f"it lists {len(left)}: {', '.join(left)}",
        f"aws resourcegroupstaggingapi get-resources --tag-filters Key={DEPLOYMENT_TAG},Values={mine.old}",
        is_needed=True,
    )
    for old in OLD:
        if old != mine.old:
            rest = _left(cloud, old)
            yield Point(
                f"Everything of the deployment {old} is still there",
                len(rest) == LEFT_OF_EACH,
                f"{len(rest)} of {LEFT_OF_EACH} are there",
                "the tag of each resource before you delete it",
                is_needed=True,
            )
    names = {group["logGroupName"] for group in pages(cloud, "logs", "describe_log_groups", "logGroups")}
    yield Point(
        f"The log group {mine.old}-notes, which does not have this tag, is still there",
        f"{mine.old}-notes" in names,
        "it is missing",
        "a name does not prove an owner",
    )


def _delete_by_tag(cloud: Cloud, mine: Values) -> None:
    ec2, logs = cloud.client("ec2"), cloud.client("logs")
    tagged = [{"Name": "tag:esaws:deployment", "Values": [mine.old]}]
    for volume in ec2.describe_volumes(Filters=tagged)["Volumes"]:
        ec2.delete_volume(VolumeId=volume["VolumeId"])
    for address in ec2.describe_addresses(Filters=tagged)["Addresses"]:
        ec2.release_address(AllocationId=address["AllocationId"])
    for group in logs.describe_log_groups(logGroupNamePrefix=f"{mine.old}-clips")["logGroups"]:
        logs.delete_log_group(logGroupName=group["logGroupName"])


def _delete_what_is_listed(cloud: Cloud, mine: Values) -> None:
    found = cloud.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "esaws:deployment", "Values": [mine.old]}]
    )
    for arn in [each["ResourceARN"] for each in found["ResourceTagMappingList"]]:
        id = arn.rpartition("/")[2] if "/" in arn else arn.rpartition(":")[2]
        if ":volume/" in arn:
            cloud.client("ec2").delete_volume(VolumeId=id)
        elif ":elastic-ip/" in arn:
            cloud.client("ec2").release_address(AllocationId=id)
        else:
            cloud.client("logs").delete_log_group(logGroupName=id)


def _delete_by_name(cloud: Cloud, mine: Values) -> None:
    _delete_by_tag(cloud, mine)
    cloud.client("logs").delete_log_group(logGroupName=f"{mine.old}-notes")


def _delete_the_logs(cloud: Cloud, mine: Values) -> None:
    cloud.client("logs").delete_log_group(logGroupName=f"{mine.old}-clips")


def _delete_all_volumes(cloud: Cloud, mine: Values) -> None:
    _delete_by_tag(cloud, mine)
    ec2 = cloud.client("ec2")
    for volume in ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}])["Volumes"]:
        ec2.delete_volume(VolumeId=volume["VolumeId"])


LEFTOVERS = Exercise(
    "17-leftovers",
    prompt=(
        "Three old deployments left something in this account: `spring22`, `summer22` and `autumn22`. The team "
        "of `{mine.old}` agrees that you delete what is left of theirs. Find it by its tag, and delete nothing else."
    ),
    values=_old_deployment,
    start=_leave_something,
    check=_check_leftovers,
    hints=(
        "Which question can you ask AWS about all services at once?",
        "`aws resourcegroupstaggingapi get-resources` lists what has a tag. Each service deletes its own resources.",
        "A volume with `delete_volume`, an address with `release_address`, a log group with `delete_log_group`; all "
        "have the tag `esaws:deployment` with the value `{mine.old}`.",
    ),
    solutions=(_delete_by_tag, _delete_what_is_listed),
    wrong=(
        Wrong(_delete_by_name, "a name does not prove an owner"),
        Wrong(_delete_the_logs, "elastic-ip, volume"),
        Wrong(_delete_all_volumes, "2 of 3 are there"),
    ),
)


# --- a neighbour in the way


def _neighbour_s_ports(seed: Seed) -> Mapping[str, Any]:
    return {"port": seed.between(9000, 9900), "kept": seed.between(4430, 4440)}


def _move_in(cloud: Cloud, mine: Values) -> None:
    """A group of another team in our VPC, with a rule that names one of our groups."""
    _bring_back(cloud, mine)
    if _reports(cloud):
        return
    ec2, ids = cloud.client("ec2"), {(live.kind, live.name): live.id for live in inventory(cloud)}
    group = ec2.create_security_group(
        GroupName="reports-sg",
        Description="The reports of another team",
        VpcId=ids["VPC", "vpc"],
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tag_list({"owner": "reports", **MADE_HERE})}],
    )["GroupId"]
    ports = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port} for port in (mine.port, mine.kept)]
    ports[0]["UserIdGroupPairs"] = [{"GroupId": ids["SecurityGroup", "ClientWeb-sg"]}]
    ports[1]["IpRanges"] = [{"CidrIp": "10.0.0.0/8"}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=ports)


def _reports(cloud: Cloud) -> list[dict[str, Any]]:
    """The group of the neighbour; empty if it is gone."""
    name = [{"Name": "group-name", "Values": ["reports-sg"]}]
    return list(pages(cloud, "ec2", "describe_security_groups", "SecurityGroups", Filters=name))


def _check_neighbour(attempt: Attempt) -> Iterator[Point]:
    mine, groups = attempt.mine, _reports(attempt.cloud)
    ports = sorted(rule["FromPort"] for group in groups for rule in group["IpPermissions"])
    yield Point(
        f"The neighbour's group reports-sg still allows port {mine.kept}",
        mine.kept in ports,
        f"it allows the ports {ports}" if groups else "there is no group reports-sg",
        "aws ec2 describe-security-groups",
        is_needed=True,
    )
    yield Point(
        f"Its rule for port {mine.port}, which names our group, is gone",
        bool(groups) and mine.port not in ports,
        "it is there" if mine.port in ports else "there is no group reports-sg",
        "aws ec2 revoke-security-group-ingress",
        is_needed=True,
    )
    rest = sorted(f"{live.kind} {live.name}" for live in attempt.index if not live.foreign)
    yield Point(
        "Of this deployment only the VPC is left",
        rest == ["VPC vpc"],
        f"{len(rest)} are left: {', '.join(rest[:4])}",
        "plan_teardown, again after the rule is gone",
    )


def _revoke_and_tear_down(cloud: Cloud, mine: Values) -> None:
    ec2 = cloud.client("ec2")
    [reports] = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["reports-sg"]}])[
        "SecurityGroups"
    ]
    blocking = [rule for rule in reports["IpPermissions"] if rule["FromPort"] == mine.port]
    if blocking:
        ec2.revoke_security_group_ingress(GroupId=reports["GroupId"], IpPermissions=blocking)
    with course.expected_error():
        plan_teardown(cloud).apply()


def _revoke_the_rule_by_its_id(cloud: Cloud, mine: Values) -> None:
    ec2 = cloud.client("ec2")
    [reports] = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["reports-sg"]}])[
        "SecurityGroups"
    ]
    of_group = [{"Name": "group-id", "Values": [reports["GroupId"]]}]
    rules = ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]
    ids = [rule["SecurityGroupRuleId"] for rule in rules if rule["FromPort"] == mine.port]
    ec2.revoke_security_group_ingress(GroupId=reports["GroupId"], SecurityGroupRuleIds=ids)
    with course.expected_error():
        plan_teardown(cloud).apply()


def _delete_the_neighbour(cloud: Cloud, mine: Values) -> None:
    for group in _reports(cloud):
        cloud.client("ec2").delete_security_group(GroupId=group["GroupId"])
    plan_teardown(cloud).apply()


def _only_the_rule(cloud: Cloud, mine: Values) -> None:
    for group in _reports(cloud):
        blocking = [rule for rule in group["IpPermissions"] if rule["FromPort"] == mine.port]
        cloud.client("ec2").revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=blocking)


NEIGHBOUR = Exercise(
    "17-neighbour",
    prompt=(
        "Another team has a security group in this VPC: `reports-sg`. Its rule for port **{mine.port}** names one of "
        "our groups. The team agrees that you remove this rule, and nothing else of theirs. Tear down the deployment "
        "as far as it goes. The VPC stays as long as the group is in it."
    ),
    values=_neighbour_s_ports,
    start=_move_in,
    check=_check_neighbour,
    hints=(
        "Which resource does the teardown name, and who uses it?",
        "A rule belongs to the group that has it, not to the group that it names. `describe_security_groups` shows the "
        "rules of `reports-sg`.",
        "`revoke_security_group_ingress` with the rule for port {mine.port}; then `plan_teardown(cloud).apply()`.",
    ),
    solutions=(_revoke_and_tear_down, _revoke_the_rule_by_its_id),
    wrong=(Wrong(_delete_the_neighbour, "there is no group reports-sg"), Wrong(_only_the_rule, "are left")),
)


def _clean_up(cloud: Cloud) -> None:
    """Delete what the exercises created outside of the deployment."""
    ec2, logs = cloud.client("ec2"), cloud.client("logs")
    ours = [{"Name": f"tag:{key}", "Values": [value]} for key, value in MADE_HERE.items()]
    for group in pages(cloud, "ec2", "describe_security_groups", "SecurityGroups", Filters=ours):
        ec2.delete_security_group(GroupId=group["GroupId"])
    for volume in pages(cloud, "ec2", "describe_volumes", "Volumes", Filters=ours):
        ec2.delete_volume(VolumeId=volume["VolumeId"])
    for address in ec2.describe_addresses(Filters=ours)["Addresses"]:
        ec2.release_address(AllocationId=address["AllocationId"])
    for old in OLD:
        for group in pages(cloud, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=f"{old}-"):
            name = group["logGroupName"]
            if MADE_HERE.items() <= logs.list_tags_log_group(logGroupName=name)["tags"].items():
                logs.delete_log_group(logGroupName=name)


CHAPTER = Chapter(
    "17",
    "Tear down",
    minutes=25,
    start=three_services,
    clean_up=_clean_up,
    exercises=(ORDER, LEFTOVERS, NEIGHBOUR),
    predictions=("17-look-alikes", "17-again"),
)
