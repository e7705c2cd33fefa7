"""The resource kinds, one module each; every kind is importable from here by its class name.

    from esaws.resources import VPC, Subnet

    vpc = VPC(name="vpc", cidr="10.0.0.0/16")
    subnet = Subnet(name="public-a", vpc=vpc, cidr="10.0.0.0/24", zone="a")
    plan = plan_deploy(Architecture("network", [subnet]), cloud)

A resource that is referenced by another one, here the VPC, belongs to the architecture, too.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from esaws._lazy import lazy_names

if TYPE_CHECKING:
    from esaws.resource import Resource
    from esaws.resources.alarm import Alarm
    from esaws.resources.auto_scaling_group import AutoScalingGroup
    from esaws.resources.broker import Broker
    from esaws.resources.bucket import Bucket
    from esaws.resources.budget import Budget
    from esaws.resources.cache_cluster import CacheCluster
    from esaws.resources.cache_subnet_group import CacheSubnetGroup
    from esaws.resources.capacity_provider import CapacityProvider
    from esaws.resources.cluster import Cluster
    from esaws.resources.dashboard import Dashboard
    from esaws.resources.db_instance import DBInstance
    from esaws.resources.db_subnet_group import DBSubnetGroup
    from esaws.resources.ecr_image import ECRImage
    from esaws.resources.ecr_repository import ECRRepository
    from esaws.resources.group_scaling_policy import GroupScalingPolicy
    from esaws.resources.instance_profile import InstanceProfile
    from esaws.resources.internet_gateway import InternetGateway
    from esaws.resources.launch_template import LaunchTemplate
    from esaws.resources.lease import Lease
    from esaws.resources.listener import Listener
    from esaws.resources.listener_rule import ListenerRule
    from esaws.resources.load_balancer import LoadBalancer
    from esaws.resources.log_group import LogGroup
    from esaws.resources.password_parameter import PasswordParameter
    from esaws.resources.role import Role
    from esaws.resources.route import Route
    from esaws.resources.route_table import RouteTable
    from esaws.resources.route_table_association import RouteTableAssociation
    from esaws.resources.scalable_target import ScalableTarget
    from esaws.resources.scaling_policy import ScalingPolicy
    from esaws.resources.security_group import SecurityGroup
    from esaws.resources.security_group_rule import SecurityGroupRule
    from esaws.resources.service import Service
    from esaws.resources.subnet import Subnet
    from esaws.resources.target_group import TargetGroup
    from esaws.resources.target_registration import TargetRegistration
    from esaws.resources.task import Task
    from esaws.resources.task_definition import TaskDefinition
    from esaws.resources.user_pool import UserPool
    from esaws.resources.user_pool_client import UserPoolClient
    from esaws.resources.vpc import VPC

_MODULES = {
    "Alarm": "alarm",
    "AutoScalingGroup": "auto_scaling_group",
    "Broker": "broker",
    "Bucket": "bucket",
    "Budget": "budget",
    "CacheCluster": "cache_cluster",
    "CacheSubnetGroup": "cache_subnet_group",
    "CapacityProvider": "capacity_provider",
    "Cluster": "cluster",
    "DBInstance": "db_instance",
    "DBSubnetGroup": "db_subnet_group",
    "Dashboard": "dashboard",
    "ECRImage": "ecr_image",
    "ECRRepository": "ecr_repository",
    "GroupScalingPolicy": "group_scaling_policy",
    "InstanceProfile": "instance_profile",
    "InternetGateway": "internet_gateway",
    "LaunchTemplate": "launch_template",
    "Lease": "lease",
    "Listener": "listener",
    "ListenerRule": "listener_rule",
    "LoadBalancer": "load_balancer",
    "LogGroup": "log_group",
    "PasswordParameter": "password_parameter",
    "Role": "role",
    "Route": "route",
    "RouteTable": "route_table",
    "RouteTableAssociation": "route_table_association",
    "ScalableTarget": "scalable_target",
    "ScalingPolicy": "scaling_policy",
    "SecurityGroup": "security_group",
    "SecurityGroupRule": "security_group_rule",
    "Service": "service",
    "Subnet": "subnet",
    "TargetGroup": "target_group",
    "TargetRegistration": "target_registration",
    "Task": "task",
    "TaskDefinition": "task_definition",
    "UserPool": "user_pool",
    "UserPoolClient": "user_pool_client",
    "VPC": "vpc",
}

__all__ = [
    "VPC",
    "Alarm",
    "AutoScalingGroup",
    "Broker",
    "Bucket",
    "Budget",
    "CacheCluster",
    "CacheSubnetGroup",
    "CapacityProvider",
    "Cluster",
    "DBInstance",
    "DBSubnetGroup",
    "Dashboard",
    "ECRImage",
    "ECRRepository",
    "GroupScalingPolicy",
    "InstanceProfile",
    "InternetGateway",
    "LaunchTemplate",
    "Lease",
    "Listener",
    "ListenerRule",
    "LoadBalancer",
    "LogGroup",
    "PasswordParameter",
    "Role",
    "Route",
    "RouteTable",
    "RouteTableAssociation",
    "ScalableTarget",
    "ScalingPolicy",
    "SecurityGroup",
    "SecurityGroupRule",
    "Service",
    "Subnet",
    "TargetGroup",
    "TargetRegistration",
    "Task",
    "TaskDefinition",
    "UserPool",
    "UserPoolClient",
    "load_all",
]

__getattr__, _ = lazy_names(__name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()})


def __dir__() -> list[str]:
    return __all__


@cache
def load_all() -> "dict[str, type[Resource]]":
    """Import every kind and return the registry: class name → class.

    Code that needs all kinds calls this first. A kind that is missing from the registry would be overlooked by
    `inventory`, and so by a teardown.
    """
    from esaws.resource import KINDS

    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return KINDS
