"""The resources that AWS creates below a deployment: instances, volumes, interfaces, container instances, alarms."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from esaws.aws import pages, tag_dict
from esaws.cloud import NAME_TAG, Cloud
from esaws.deploy.leftovers.found import Found, is_owned
from esaws.deploy.leftovers.list_account import target_tracking_owner
from esaws.deploy.leftovers.list_containers import auto_scaling_groups, clusters
from esaws.deploy.leftovers.list_network import deployment_filter, instances, list_ec2
from esaws.resource import Live, Ref


def aws_managed_children(cloud: Cloud) -> list[Live]:
    """List the resources that AWS created below the deployment. AWS deletes them together with their parents.

    These are instances and their volumes, interfaces of AWS services in the deployment's VPC, the VPC's default
    security group and main route table, container instances, and alarms of target tracking. `kind` is AWS's word, such
    as `ec2:instance`.

    Raises:
        botocore.exceptions.ClientError: AWS rejected a listing.
    """
    listers = (_instances_and_volumes, _inside_vpcs, _container_instances, _alarms)
    with ThreadPoolExecutor(len(listers)) as pool:
        children = [live for lives in pool.map(lambda lister: [*lister(cloud)], listers) for live in lives]
    return sorted(children, key=lambda live: (live.kind, live.name, live.id))


def _instances_and_volumes(cloud: Cloud) -> Iterator[Live]:
    groups = _owned(cloud, auto_scaling_groups(cloud))
    names: dict[str, str] = {}
    for raw in instances(cloud):
        tags = tag_dict(raw.get("Tags"))
        group = groups.get(tags.get("aws:autoscaling:groupName", ""))
        parents = frozenset({Ref("AutoScalingGroup", group.id)} if group else ())
        names[raw["InstanceId"]] = name = tags.get(NAME_TAG, "")
        yield Live("ec2:instance", name, raw["InstanceId"], parents, raw["State"]["Name"], raw=raw)
    for batch in _batches([*names], 200):
        for raw in list_ec2(cloud, "volume", [{"Name": "attachment.instance-id", "Values": batch}]):
            attachment = raw["Attachments"][0]
            parents = frozenset({Ref("ec2:instance", attachment["InstanceId"])})
            name = f"{names[attachment['InstanceId']]} {attachment['Device']}"
            yield Live("ec2:volume", name, raw["VolumeId"], parents, raw["State"], raw=raw)


def _inside_vpcs(cloud: Cloud) -> Iterator[Live]:
    vpcs = {
        raw["VpcId"]: tag_dict(raw["Tags"]).get(NAME_TAG, "")
        for raw in list_ec2(cloud, "vpc", deployment_filter(cloud))
    }
    if not vpcs:
        return
    filters = [{"Name": "vpc-id", "Values": [*vpcs]}]
    for raw in list_ec2(cloud, "network-interface", filters):
        if _is_requester_managed(raw):
            name, id = raw.get("Description", ""), raw["NetworkInterfaceId"]
            yield Live("ec2:network-interface", name, id, _parent("VPC", raw["VpcId"]), raw["Status"], raw=raw)
    for raw in list_ec2(cloud, "route-table", [*filters, {"Name": "association.main", "Values": ["true"]}]):
        name = f"{vpcs[raw['VpcId']]} main"
        yield Live("ec2:route-table", name, raw["RouteTableId"], _parent("VPC", raw["VpcId"]), raw=raw)
    for raw in list_ec2(cloud, "security-group", [*filters, {"Name": "group-name", "Values": ["default"]}]):
        name = f"{vpcs[raw['VpcId']]} default"
        yield Live("ec2:security-group", name, raw["GroupId"], _parent("VPC", raw["VpcId"]), raw=raw)


def _is_requester_managed(interface: dict[str, Any]) -> bool:
    """Whether an AWS service, such as a load balancer, created the interface, and not an instance."""
    return bool(interface.get("RequesterManaged")) or interface.get("Description", "").startswith("ELB ")


def _container_instances(cloud: Cloud) -> Iterator[Live]:
    ecs = cloud.client("ecs")
    for name, cluster in _owned(cloud, clusters(cloud)).items():
        arns = [*pages(cloud, "ecs", "list_container_instances", "containerInstanceArns", cluster=name)]
        for batch in _batches(arns, 100):
            page = ecs.describe_container_instances(cluster=name, containerInstances=batch)
            for raw in page["containerInstances"]:
                parents = frozenset({Ref("Cluster", cluster.id), Ref("ec2:instance", raw["ec2InstanceId"])})
                arn = raw["containerInstanceArn"]
                yield Live("ecs:container-instance", _name(cluster), arn, parents, raw["status"], raw=raw)


def _alarms(cloud: Cloud) -> Iterator[Live]:
    owners = {"Cluster": _owned(cloud, clusters(cloud)), "AutoScalingGroup": _owned(cloud, auto_scaling_groups(cloud))}
    filters = {"AlarmNamePrefix": "TargetTracking-", "AlarmTypes": ["MetricAlarm"]}
    for raw in pages(cloud, "cloudwatch", "describe_alarms", "MetricAlarms", **filters):
        kind, name = target_tracking_owner(cloud, raw) or ("Cluster", "")
        if owner := owners[kind].get(name):
            shown = f"{_name(owner)} {raw['MetricName']} {raw['ComparisonOperator']}"
            yield Live("cloudwatch:alarm", shown, raw["AlarmName"], _parent(kind, owner.id), raw["StateValue"], raw=raw)


def _owned(cloud: Cloud, resources: Iterator[Found]) -> dict[str, Found]:
    return {found.name: found for found in resources if is_owned(cloud, found)}


def _name(found: Found) -> str:
    return found.name if callable(found.tags) else found.tags.get(NAME_TAG, found.name)


def _parent(kind: str, id: str) -> frozenset[Ref]:
    return frozenset({Ref(kind, id)})


def _batches(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
