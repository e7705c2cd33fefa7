"""What the labs of several families look up, and the tempting answers that are wrong in each of them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from esaws.cloud import Cloud
from esaws.course.exercises import Values
from esaws.reference.seccom import SERVICES


def target_group(cloud: Cloud, service: str) -> dict[str, Any]:
    """Return AWS's description of the target group of a service."""
    name = cloud.aws_name(str(SERVICES[service].target_group))
    return dict(cloud.client("elbv2").describe_target_groups(Names=[name])["TargetGroups"][0])


def listener(cloud: Cloud) -> dict[str, Any]:
    """Return AWS's description of the listener of the load balancer."""
    elbv2 = cloud.client("elbv2")
    balancer = elbv2.describe_load_balancers(Names=[cloud.aws_name("alb")])["LoadBalancers"][0]
    return dict(elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"][0])


def rule_of(cloud: Cloud, prefix: str) -> dict[str, Any]:
    """Return AWS's description of the listener rule of a service, by the priority that the service declares."""
    priority = next(str(service.priority) for service in SERVICES.values() if service.path == prefix)
    rules = cloud.client("elbv2").describe_rules(ListenerArn=listener(cloud)["ListenerArn"])["Rules"]
    return next(dict(rule) for rule in rules if rule["Priority"] == priority)


def security_group(cloud: Cloud, name: str) -> dict[str, Any]:
    """Return AWS's description of a security group by its name without the deployment."""
    filters = [{"Name": "group-name", "Values": [cloud.aws_name(name)]}]
    return dict(cloud.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0])


def running_instances(cloud: Cloud, service: str, zone: str = "") -> list[dict[str, Any]]:
    """Return AWS's descriptions of the running instances of a service, of one zone or of all."""
    filters = [
        {"Name": "tag:Name", "Values": [cloud.aws_name(service)]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    reservations = cloud.client("ec2").describe_instances(Filters=filters)["Reservations"]
    found = [instance for reservation in reservations for instance in reservation["Instances"]]
    return [instance for instance in found if zone in ("", instance["Placement"]["AvailabilityZone"])]


def names_of(cloud: Cloud, name: str, *ids: str) -> tuple[str, ...]:
    """Return the forms in which a learner may name a resource: with and without the deployment, and its ids."""
    return (cloud.aws_name(name), name, *ids)


# --- tempting answers


def open_everything(cloud: Cloud, mine: Values) -> None:
    """Open all ports of every security group to the internet."""
    ec2 = cloud.client("ec2")
    anywhere = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    for group in ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [cloud.aws_name("*")]}])[
        "SecurityGroups"
    ]:
        ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=anywhere)


def redeploy_everything(cloud: Cloud, mine: Values) -> None:
    """Force a new deployment of every service."""
    ecs = cloud.client("ecs")
    for cluster in ecs.list_clusters()["clusterArns"]:
        for service in ecs.list_services(cluster=cluster)["serviceArns"]:
            with suppress(ClientError):  # ECS refuses it for a target group that no rule forwards to
                ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)


def relax_health_checks(cloud: Cloud, mine: Values) -> None:
    """Let every health check accept any status, as rarely as AWS allows."""
    elbv2 = cloud.client("elbv2")
    for group in elbv2.describe_target_groups()["TargetGroups"]:
        elbv2.modify_target_group(
            TargetGroupArn=group["TargetGroupArn"], Matcher={"HttpCode": "200-499"}, UnhealthyThresholdCount=10
        )
