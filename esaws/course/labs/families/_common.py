"""What the labs of several families look up, and the tempting answers that are wrong in each of them."""

from __future__ import annotations

from typing import Any

from esaws.cloud import Cloud
from esaws.course.exercises import Values
from esaws.reference.seccom import SERVICES


def target_group(cloud: Cloud, service: str) -> dict[str, Any]:
    """Return AWS's description of the target group of a service."""
    name = cloud.aws_name(str(SERVICES[service].target_group))
    return dict(cloud.client("elbv2").describe_target_groups(Names=[name])["TargetGroups"][0])


def security_group(cloud: Cloud, name: str) -> dict[str, Any]:
    """Return AWS's description of a security group by its name without the deployment."""
    filters = [{"Name": "group-name", "Values": [cloud.aws_name(name)]}]
    return dict(cloud.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0])


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
            ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)


def relax_health_checks(cloud: Cloud, mine: Values) -> None:
    """Let every health check accept any status, as rarely as AWS allows."""
    elbv2 = cloud.client("elbv2")
    for group in elbv2.describe_target_groups()["TargetGroups"]:
        elbv2.modify_target_group(
            TargetGroupArn=group["TargetGroupArn"], Matcher={"HttpCode": "200-499"}, UnhealthyThresholdCount=10
        )
