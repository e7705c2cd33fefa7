"""Service names: the product code in a bill → the name in a Cost and Usage Report and the name in Cost Explorer."""

from __future__ import annotations

from local_aws_server.billing.charge import Meter

_COMPUTE = "Amazon Elastic Compute Cloud - Compute"
_EC2_OTHER = "EC2 - Other"

_INSTANCE_HOURS = ("BoxUsage", "SpotUsage", "DedicatedUsage", "HostUsage", "UnusedBox", "UnusedDed", "HeavyUsage")
"""Usage types of instance hours; Cost Explorer shows the rest of EC2 as another service.

https://docs.aws.amazon.com/cost-management/latest/userguide/ce-filtering.html
"""

_PRODUCTS = {
    "AmazonEC2": ("Amazon Elastic Compute Cloud", _COMPUTE),
    "AmazonVPC": ("Amazon Virtual Private Cloud", "Amazon Virtual Private Cloud"),
    "AWSELB": ("Elastic Load Balancing", "Amazon Elastic Load Balancing"),
    "AWSDataTransfer": ("AWS Data Transfer", "AWS Data Transfer"),
    "AmazonECS": ("Amazon Elastic Container Service", "Amazon Elastic Container Service"),
    "AmazonECR": ("Amazon EC2 Container Registry (ECR)", "Amazon EC2 Container Registry (ECR)"),
    "AmazonRDS": ("Amazon Relational Database Service", "Amazon Relational Database Service"),
    "AmazonElastiCache": ("Amazon ElastiCache", "Amazon ElastiCache"),
    "AmazonMQ": ("Amazon MQ", "Amazon MQ"),
    "AmazonS3": ("Amazon Simple Storage Service", "Amazon Simple Storage Service"),
    "AmazonCloudWatch": ("AmazonCloudWatch", "AmazonCloudWatch"),
    "AmazonCognito": ("Amazon Cognito", "Amazon Cognito"),
    "AmazonRoute53": ("Amazon Route 53", "Amazon Route 53"),
    "AmazonSNS": ("Amazon Simple Notification Service", "Amazon Simple Notification Service"),
    "AWSLambda": ("AWS Lambda", "AWS Lambda"),
    "AWSSystemsManager": ("AWS Systems Manager", "AWS Systems Manager"),
    "AWSCostExplorer": ("AWS Cost Explorer", "AWS Cost Explorer"),
}
"""Product code → (`product_name` in a CUR, name in Cost Explorer)."""


def product_name(code: str) -> str:
    """The name of a service in a Cost and Usage Report; the product code itself if the name is unknown."""
    return _PRODUCTS.get(code, (code, code))[0]


def cost_explorer_name(meter: Meter) -> str:
    """The value of Cost Explorer's dimension SERVICE for a meter.

    EC2 is two services there: instance hours, and "EC2 - Other" with volumes, addresses, NAT gateways and data
    transfer.
    """
    if meter.service == "AmazonEC2" and not meter.usage_type.startswith(_INSTANCE_HOURS):
        return _EC2_OTHER
    return _PRODUCTS.get(meter.service, (meter.service, meter.service))[1]
