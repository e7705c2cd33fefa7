"""Listings of EC2 and Elastic Load Balancing."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from esaws.aws import pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.deploy.leftovers.found import LISTINGS, Found, Listing, listing, make_arn

# Resource type in ARNs → operation, result, key of the id, key of the state, states that mean deleted.
EC2: dict[str, tuple[str, str, str, str, tuple[str, ...]]] = {
    "elastic-ip": ("describe_addresses", "Addresses", "AllocationId", "", ()),
    "internet-gateway": ("describe_internet_gateways", "InternetGateways", "InternetGatewayId", "", ()),
    "launch-template": ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", "", ()),
    "natgateway": ("describe_nat_gateways", "NatGateways", "NatGatewayId", "State", ("deleted",)),
    "network-interface": ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", "Status", ()),
    "route-table": ("describe_route_tables", "RouteTables", "RouteTableId", "", ()),
    "security-group": ("describe_security_groups", "SecurityGroups", "GroupId", "", ()),
    "security-group-rule": ("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId", "", ()),
    "snapshot": ("describe_snapshots", "Snapshots", "SnapshotId", "State", ()),
    "subnet": ("describe_subnets", "Subnets", "SubnetId", "", ()),
    "volume": ("describe_volumes", "Volumes", "VolumeId", "State", ("deleted",)),
    "vpc": ("describe_vpcs", "Vpcs", "VpcId", "", ()),
    "vpc-endpoint": ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "State", ("deleted",)),
}


def list_ec2(cloud: Cloud, resource_type: str, filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the descriptions of all EC2 resources of a type that match the filters."""
    operation, result, *_ = EC2[resource_type]
    # NAT gateways have their own name for the parameter.
    parameters: dict[str, Any] = {"Filter" if resource_type == "natgateway" else "Filters": filters}
    if resource_type == "snapshot":
        parameters["OwnerIds"] = ["self"]
    client = cloud.client("ec2")
    if client.can_paginate(operation):
        yield from pages(cloud, "ec2", operation, result, **parameters)
    else:
        yield from getattr(client, operation)(**parameters)[result]


def _tagged_ec2(resource_type: str, cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    _, _, key, state, deleted = EC2[resource_type]
    for raw in list_ec2(cloud, resource_type, deployment_filter(cloud)):
        if raw.get(state) not in deleted:
            tags = tag_dict(raw.get("Tags") or raw.get("TagSet"))
            arn = make_arn(cloud, "ec2", f"{resource_type}/{raw[key]}")
            yield Found(arn, tags.get("Name", ""), tags, raw.get(state, ""))


LISTINGS += [Listing((f"ec2:{resource_type}",), partial(_tagged_ec2, resource_type)) for resource_type in EC2]


def deployment_filter(cloud: Cloud) -> list[dict[str, Any]]:
    """Return the EC2 filter for resources with the deployment's tag."""
    return [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]


def _vpc_filter(cloud: Cloud) -> list[dict[str, Any]]:
    """Return the EC2 filter for resources in the deployment's VPCs; empty if it has no VPC."""
    vpcs = [raw["VpcId"] for raw in list_ec2(cloud, "vpc", deployment_filter(cloud))]
    return [{"Name": "vpc-id", "Values": vpcs}] if vpcs else []


@listing("ec2:instance")
def _instances(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    for raw in instances(cloud):
        tags = tag_dict(raw.get("Tags"))
        arn = make_arn(cloud, "ec2", f"instance/{raw['InstanceId']}")
        yield Found(arn, tags.get("Name", ""), tags, raw["State"]["Name"])


def instances(cloud: Cloud) -> list[dict[str, Any]]:
    """Return the deployment's instances. Those of an Auto Scaling group have the tags of its launch template."""
    reservations = pages(cloud, "ec2", "describe_instances", "Reservations", Filters=deployment_filter(cloud))
    return [
        instance
        for reservation in reservations
        for instance in reservation["Instances"]
        if instance["State"]["Name"] != "terminated"
    ]


@listing("ec2:network-interface")
def _inside_our_vpcs(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    # The interfaces of load balancers and databases have no tags.
    if filters := _vpc_filter(cloud):
        for raw in list_ec2(cloud, "network-interface", filters):
            arn = make_arn(cloud, "ec2", f"network-interface/{raw['NetworkInterfaceId']}")
            yield Found(arn, raw.get("Description", ""), {}, raw.get("Status", ""), reason="it is in our VPC")
        for raw in list_ec2(cloud, "security-group", filters):
            if raw["GroupName"] != "default":
                arn = make_arn(cloud, "ec2", f"security-group/{raw['GroupId']}")
                yield Found(arn, raw["GroupName"], {}, reason="it is in our VPC")


@listing("elasticloadbalancing:loadbalancer", "elasticloadbalancing:listener", "elasticloadbalancing:listener-rule")
def _load_balancers(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    found = [*pages(cloud, "elbv2", "describe_load_balancers", "LoadBalancers")]
    for raw, tags in _with_elb_tags(cloud, found, "LoadBalancerArn"):
        arn, state = raw["LoadBalancerArn"], raw.get("State", {}).get("Code", "")
        yield Found(arn, raw["LoadBalancerName"], tags, state)
        path = arn.split("loadbalancer/")[1]  # `app/<name>/<id>`, which the ARNs of its listeners repeat
        if not any(path in tagged_arn for tagged_arn in tagged):
            continue
        for listener in pages(cloud, "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn):
            yield Found(listener["ListenerArn"], raw["LoadBalancerName"], {})
            for rule in pages(cloud, "elbv2", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]):
                yield Found(rule["RuleArn"], raw["LoadBalancerName"], {})


@listing("elasticloadbalancing:targetgroup")
def _target_groups(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    found = [*pages(cloud, "elbv2", "describe_target_groups", "TargetGroups")]
    for raw, tags in _with_elb_tags(cloud, found, "TargetGroupArn"):
        yield Found(raw["TargetGroupArn"], raw["TargetGroupName"], tags)


def _with_elb_tags(
    cloud: Cloud, found: list[dict[str, Any]], key: str
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Yield each description with its tags."""
    for start in range(0, len(found), 20):  # the maximum of one call
        batch = {raw[key]: raw for raw in found[start : start + 20]}
        for described in cloud.client("elbv2").describe_tags(ResourceArns=[*batch])["TagDescriptions"]:
            yield batch[described["ResourceArn"]], tag_dict(described["Tags"])
