"""What AWS made below what is ours: machines and their volumes, interfaces, container instances, alarms."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from esaws.aws import pages, tag_dict
from esaws.cloud import NAME_TAG, Cloud
from esaws.deploy.leftovers.listings import Thing, by_tag, clusters, ec2, groups, instances, is_ours, tracked
from esaws.resource import Live, Ref


def made_by_aws(cloud: Cloud) -> list[Live]:
    """What AWS itself made below what the deployment owns; it goes with that, and nobody deletes it by itself.

    Instances and their volumes, interfaces that AWS's services keep in our VPC, the VPC's default security group and
    main route table, container instances, alarms of target tracking. `kind` is AWS's word, such as `ec2:instance`.

    Raises:
        botocore.exceptions.ClientError: AWS refused to list something.
    """
    makers = (_machines, _made_with_the_vpc, _container_instances, _alarms)
    with ThreadPoolExecutor(len(makers)) as pool:
        found = [live for lives in pool.map(lambda made: [*made(cloud)], makers) for live in lives]
    return sorted(found, key=lambda live: (live.kind, live.name, live.id))


def _machines(cloud: Cloud) -> Iterator[Live]:
    ours = _ours(cloud, groups(cloud))
    names: dict[str, str] = {}
    for raw in instances(cloud):
        tags = tag_dict(raw.get("Tags"))
        group = ours.get(tags.get("aws:autoscaling:groupName", ""))
        parents = frozenset({Ref("AutoScalingGroup", group.id)} if group else ())
        names[raw["InstanceId"]] = name = tags.get(NAME_TAG, "")
        yield Live("ec2:instance", name, raw["InstanceId"], parents, raw["State"]["Name"], raw=raw)
    for some in _portions([*names], 200):
        for raw in ec2(cloud, "volume", [{"Name": "attachment.instance-id", "Values": some}]):
            at = raw["Attachments"][0]
            parents = frozenset({Ref("ec2:instance", at["InstanceId"])})
            name = f"{names[at['InstanceId']]} {at['Device']}"
            yield Live("ec2:volume", name, raw["VolumeId"], parents, raw["State"], raw=raw)


def _made_with_the_vpc(cloud: Cloud) -> Iterator[Live]:
    vpcs = {raw["VpcId"]: tag_dict(raw["Tags"]).get(NAME_TAG, "") for raw in ec2(cloud, "vpc", by_tag(cloud))}
    if not vpcs:
        return
    within = [{"Name": "vpc-id", "Values": [*vpcs]}]
    for raw in ec2(cloud, "network-interface", within):
        if _is_kept_by_aws(raw):
            parents = _parent("VPC", raw["VpcId"])
            name, id = raw.get("Description", ""), raw["NetworkInterfaceId"]
            yield Live("ec2:network-interface", name, id, parents, raw["Status"], raw=raw)
    for raw in ec2(cloud, "route-table", [*within, {"Name": "association.main", "Values": ["true"]}]):
        name = f"{vpcs[raw['VpcId']]} main"
        yield Live("ec2:route-table", name, raw["RouteTableId"], _parent("VPC", raw["VpcId"]), raw=raw)
    for raw in ec2(cloud, "security-group", [*within, {"Name": "group-name", "Values": ["default"]}]):
        name = f"{vpcs[raw['VpcId']]} default"
        yield Live("ec2:security-group", name, raw["GroupId"], _parent("VPC", raw["VpcId"]), raw=raw)


def _is_kept_by_aws(interface: dict[str, Any]) -> bool:
    """Whether a service of AWS keeps it, such as a load balancer; an instance's own goes with the instance."""
    return bool(interface.get("RequesterManaged")) or interface.get("Description", "").startswith("ELB ")


def _container_instances(cloud: Cloud) -> Iterator[Live]:
    ecs = cloud.client("ecs")
    for name, cluster in _ours(cloud, clusters(cloud)).items():
        arns = [*pages(cloud, "ecs", "list_container_instances", "containerInstanceArns", cluster=name)]
        for some in _portions(arns, 100):
            described = ecs.describe_container_instances(cluster=name, containerInstances=some)
            for raw in described["containerInstances"]:
                parents = frozenset({Ref("Cluster", cluster.id), Ref("ec2:instance", raw["ec2InstanceId"])})
                arn = raw["containerInstanceArn"]
                yield Live("ecs:container-instance", _name(cluster), arn, parents, raw["status"], raw=raw)


def _alarms(cloud: Cloud) -> Iterator[Live]:
    owners = {"Cluster": _ours(cloud, clusters(cloud)), "AutoScalingGroup": _ours(cloud, groups(cloud))}
    asked = {"AlarmNamePrefix": "TargetTracking-", "AlarmTypes": ["MetricAlarm"]}
    for raw in pages(cloud, "cloudwatch", "describe_alarms", "MetricAlarms", **asked):
        kind, owner = tracked(cloud, raw) or ("Cluster", "")
        if found := owners[kind].get(owner):
            name = f"{_name(found)} {raw['MetricName']} {raw['ComparisonOperator']}"
            yield Live("cloudwatch:alarm", name, raw["AlarmName"], _parent(kind, found.id), raw["StateValue"], raw=raw)


def _ours(cloud: Cloud, things: Iterator[Thing]) -> dict[str, Thing]:
    return {thing.name: thing for thing in things if is_ours(cloud, thing)}


def _name(thing: Thing) -> str:
    return thing.name if callable(thing.tags) else thing.tags.get(NAME_TAG, thing.name)


def _parent(kind: str, id: str) -> frozenset[Ref]:
    return frozenset({Ref(kind, id)})


def _portions(items: list[str], size: int) -> Iterator[list[str]]:
    """As many as one call takes."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
