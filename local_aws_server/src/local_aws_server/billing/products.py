"""The names of services: the product code of a bill, its name in a CUR, and its name in Cost Explorer."""

from __future__ import annotations

from local_aws_server.billing.charge import Charge, Meter

_COMPUTE = "Amazon Elastic Compute Cloud - Compute"
_EC2_OTHER = "EC2 - Other"

_INSTANCE_HOURS = ("BoxUsage", "SpotUsage", "DedicatedUsage", "HostUsage", "UnusedBox", "UnusedDed", "HeavyUsage")
"""What is the running of instances; the rest of EC2 is another service in Cost Explorer.

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
    """The name of a service in a CUR, by its product code; the code itself where the table has none."""
    return _PRODUCTS.get(code, (code, code))[0]


def cost_explorer_name(of: Charge | Meter) -> str:
    """The name under which Cost Explorer shows a charge, as dimension SERVICE.

    EC2 is two services there: the hours of instances, and "EC2 - Other" with volumes, addresses, NAT gateways and
    data transfer.
    """
    meter = of.meter if isinstance(of, Charge) else of
    if meter.service == "AmazonEC2" and not meter.usage_type.startswith(_INSTANCE_HOURS):
        return _EC2_OTHER
    return _PRODUCTS.get(meter.service, (meter.service, meter.service))[1]
