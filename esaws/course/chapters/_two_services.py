"""The two services of chapter 11, and what its checks ask about them."""

from __future__ import annotations

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import describe_group
from esaws.resources.group_scaling_policy import GroupScalingPolicy
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.scaling_policy import ScalingPolicy
from esaws.resources.security_group_rule import SecurityGroupRule

SERVICES = ("client-web-ui", "sites-management-api")
PATHS = {"client-web-ui": "/", "sites-management-api": "/sites-management-api/"}


def two_services() -> Architecture:
    """The first build of two services, without data stores: each with two instances and two tasks, in two zones."""
    system = seccom("ha", services=SERVICES)
    network = (Route, RouteTableAssociation, SecurityGroupRule)
    return system.just(*network, ListenerRule, GroupScalingPolicy, ScalingPolicy)


def wanted_instances(cloud: Cloud, service: str) -> int:
    """The number of instances that the group of a service wants; 0 without a group."""
    group = describe_group(cloud, cloud.aws_name(f"{service}-asg"))
    return group["DesiredCapacity"] if group else 0


def service_exists(attempt: Attempt) -> Point:
    service = attempt.mine.service
    return Point(
        f"Service {service} and its Auto Scaling group exist",
        attempt.live("Service", service) is not None and wanted_instances(attempt.cloud, service) > 0,
        "they do not",
        "the inventory",
        is_needed=True,
    )
